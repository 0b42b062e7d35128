"""Templates of tasks, which are rendered when they run: what can be said of them before."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TypeGuard

import jinja2
from jinja2 import meta, nodes
from jinja2.parser import Parser

from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.load.asked import Asked, Template
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.inside import place_inside
from sqlpipe.load.late import COMMENT

# What a template can name when it runs, besides the functions of Jinja.
_NAMES = ("facts", "run", "changed", "vars", "var", "env_var")
_REWRITING = (
    nodes.Macro,
    nodes.CallBlock,
    nodes.FilterBlock,
    nodes.AssignBlock,
    nodes.Block,
    nodes.Include,
    nodes.Import,
    nodes.FromImport,
    nodes.Extends,
)
_JINJA = jinja2.Environment(
    autoescape=False,  # noqa: S701 - the output is a script, SQL or an address
    comment_start_string=COMMENT[0],
    comment_end_string=COMMENT[1],
)
_JINJA.filters["raw"] = str  # as it is during a run
_FILTERS = set(_JINJA.filters)
_RAW = "braces that are not meant for sqlpipe stand between `{% raw %}` and `{% endraw %}`"


def examine(template: Template, variables: Collection[str], complaints: Complaints) -> Asked:
    """Find out what a template asks for; complains of broken syntax and of names that mean nothing."""
    tree = _parsed(template, complaints)
    if tree is None:
        return Asked()
    if _complain_of_means(template, tree, complaints):
        _complain_of_names(template, tree, complaints)
    asked = list(_variables(tree))
    for call, name in asked:
        if name not in variables and len(call.args) == 1:
            help = did_you_mean(name, variables) or "set it under `vars:` in sqlpipe.yml"
            _complain(template, f"the variable `{name}` is not set", (call.lineno, name), help, complaints)
    return Asked(tuple(_facts(template, tree, complaints)), bool(asked))


def _parsed(template: Template, complaints: Complaints) -> nodes.Template | None:
    text = template.value.text
    try:
        return _expression(text) if template.is_expression else _JINJA.parse(text)
    except jinja2.TemplateSyntaxError as error:
        said = re.sub(r"\s+", " ", error.message or "broken").rstrip(".")
        help = "an expression stands without braces" if template.is_expression and "{{" in text else ""
        start, end = _line(text, error.lineno)
        place = place_inside(template.value, start, end, complaints.text)
        said = said[0].lower() + said[1:]
        complaints.add("SP110", f"template: {said}", place, label="here", help=help or ("" if template.is_expression
                       else _RAW))  # fmt: skip
        return None


def _expression(text: str) -> nodes.Template:
    """The tree of an expression, as that of a template which shows it."""
    parser = Parser(_JINJA, text, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        said = f"`{parser.stream.current.value}` is not expected here"
        raise jinja2.TemplateSyntaxError(said, parser.stream.current.lineno)
    tree = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
    tree.set_environment(_JINJA)
    return tree


def _complain_of_names(template: Template, tree: nodes.Template, complaints: Complaints) -> None:
    known = {*_NAMES, *template.names, *_JINJA.globals}
    for name in sorted(meta.find_undeclared_variables(tree) - known):
        line = next((each.lineno for each in tree.find_all(nodes.Name) if each.name == name), 1)
        if name == "item":
            help = "only a task with `for_each` has one"
        else:
            there = ", ".join(f"`{each}`" for each in (*_NAMES, *template.names))
            help = did_you_mean(name, known) or f"there are {there}"
        _complain(template, f"template: `{name}` means nothing here", (line, name), help, complaints)


def _complain_of_means(template: Template, tree: nodes.Template, complaints: Complaints) -> bool:
    """Complain of what cannot be done while a run goes on; whether all of it can."""
    before = len(complaints.found)
    for each in tree.find_all(_REWRITING):
        start, end = _line(template.value.text, each.lineno)
        place = place_inside(template.value, start, end, complaints.text)
        help = "write plain `{{ … }}`, `{% if … %}`, `{% for … %}`"
        said = "template: a macro, block or import cannot be rendered during a run"
        complaints.add("SP110", said, place, label="not here", help=help)
    for kind, word, known in ((nodes.Filter, "filter", _FILTERS), (nodes.Test, "test", set(_JINJA.tests))):
        for found in tree.find_all(kind):
            if found.name not in known:
                said = f"template: there is no {word} `{found.name}`"
                _complain(template, said, (found.lineno, found.name), did_you_mean(found.name, known), complaints)
    return len(complaints.found) == before


def _complain(template: Template, said: str, at: tuple[int, str], help: str, complaints: Complaints) -> None:
    place = place_inside(template.value, *_spot(template.value.text, *at), complaints.text)
    complaints.add("SP110", said, place, label="not known", help=help)


def _variables(tree: nodes.Template) -> Iterator[tuple[nodes.Call, str]]:
    """The calls of `var` with a name that is written out."""
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "var" and call.args:
            first = call.args[0]
            if isinstance(first, nodes.Const) and isinstance(first.value, str):
                yield call, first.value


def _facts(template: Template, tree: nodes.Template, complaints: Complaints) -> Iterator[Named]:
    """The names in `facts.NAME` and `facts['NAME']` with the one behind it, each once, at its first place."""
    behind = {id(each.node): _part(each) for each in tree.find_all((nodes.Getattr, nodes.Getitem)) if _is_part(each)}
    seen = set()
    for each in tree.find_all((nodes.Getattr, nodes.Getitem)):
        if not (_is_part(each) and isinstance(each.node, nodes.Name) and each.node.name == "facts"):
            continue
        name = _part(each)
        if name is not None and name not in _METHODS and name not in seen:
            seen.add(name)
            start, end = _spot(template.value.text, each.lineno, name)
            rest = behind.get(id(each))
            yield Named(f"{name}.{rest}" if rest else name, place_inside(template.value, start, end, complaints.text))


# `facts` is a mapping, and templates may go through it.
_METHODS = frozenset({"get", "items", "keys", "values"})


def _is_part(node: nodes.Node) -> TypeGuard[nodes.Getattr | nodes.Getitem]:
    return isinstance(node, nodes.Getattr | nodes.Getitem)


def _part(node: nodes.Getattr | nodes.Getitem) -> str | None:
    return node.attr if isinstance(node, nodes.Getattr) else _constant(node.arg)


def _constant(node: nodes.Node) -> str | None:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _spot(text: str, number: int, word: str) -> tuple[int, int]:
    """Where a word stands from a line on, or else the line itself."""
    start, end = _line(text, number)
    found = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)").search(text, text.rfind("\n", 0, start) + 1)
    return found.span() if found else (start, end)


def _line(text: str, number: int) -> tuple[int, int]:
    """The offsets of what a line says."""
    lines = text.split("\n")
    number = min(max(1, number), len(lines))
    line = lines[number - 1]
    before = sum(len(each) + 1 for each in lines[: number - 1])
    return before + len(line) - len(line.lstrip()), before + max(1, len(line.rstrip()))
