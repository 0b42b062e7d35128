"""Templates rendered while a run goes on: values get into scripts and SQL as values, never as code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, did_you_mean
from sqlpipe.load.inlay import as_text, into_shell, into_sql, marker
from sqlpipe.load.secret import keep_secret

if TYPE_CHECKING:
    import jinja2

_SHOWN = 60
_OPENING = ("{{", "{%")
# A `{#` is no comment here: in a shell it counts the items of an array.
COMMENT = ("{##", "##}")
_REWRITING = ("Macro", "CallBlock", "FilterBlock", "AssignBlock", "Block", "Include", "Import", "FromImport", "Extends")


class Quoting(StrEnum):
    """Where a text goes: to a shell, to a database, or anywhere else."""

    PLAIN = "plain"
    SHELL = "shell"
    SQL = "sql"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered text, and the environment variables that a script made so reads its values from."""

    text: str
    environ: Mapping[str, str] = field(default_factory=dict)


class _Absent(Exception):
    """A name that is not there, and what it was looked for in."""

    def __init__(self, message: str, name: str, owner: object) -> None:
        super().__init__(message)
        self.name, self.owner = name, owner


class _Raw(str):
    """Text that is to stand as it is (`| raw`)."""

    __slots__ = ()


def render(text: str, values: Mapping[str, object], quoting: Quoting) -> Rendered:
    """Render a text with `facts`, `run`, `item`, `changed`, `var()` and `env_var()`, which is kept secret.

    For a shell each value becomes `${SQLPIPE_VALUE_n}`, for SQL a literal; within quotes it is written as these need
    it. `| raw` puts a value in as it is. Raises SP610.
    """
    if not _is_template(text):
        return Rendered(text)
    written, found = _written(text, values)
    if quoting is Quoting.PLAIN:
        plain = {marker(number): as_text(value) for number, value in enumerate(found)}
        return Rendered(_MARKER.sub(lambda match: plain[match[0]], written))
    try:
        if quoting is Quoting.SQL:
            return Rendered(into_sql(written, found))
        script, environ = into_shell(written, found)
    except ValueError as error:
        raise _complaint(str(error)) from error
    return Rendered(script, environ)


def evaluate(expression: str, values: Mapping[str, object]) -> object:
    """The value of an expression such as `facts.extract.rows > 0`; raises SP610."""
    import jinja2  # noqa: PLC0415 - a run without conditions does without it

    environment = _environment([])
    context = _context(values)
    try:
        value = environment.compile_expression(expression, undefined_to_none=False)(**context)
        if isinstance(value, jinja2.Undefined):
            value._fail_with_undefined_error()  # noqa: SLF001 - the way to have it say what is missing
    except SqlpipeError:
        raise
    except Exception as error:
        raise _failed(error, context, expression) from error
    return value


def render_values(value: object, values: Mapping[str, object]) -> object:
    """The value with every text in it rendered; a text that is one `{{ ... }}` and nothing else keeps its type."""
    match value:
        case str() if _is_template(value):
            written, found = _written(value, values)
            if len(found) == 1 and written == marker(0):
                return found[0]
            return render(value, values, Quoting.PLAIN).text
        case Mapping():
            return {key: render_values(each, values) for key, each in value.items()}
        case list() | tuple():
            return [render_values(each, values) for each in value]
        case _:
            return value


_MARKER = re.compile(marker(r"\d+"))


def _is_template(text: str) -> bool:
    return any(each in text for each in _OPENING)


def _written(text: str, values: Mapping[str, object]) -> tuple[str, list[object]]:
    """The text with a marker in place of each value, and the values by their numbers."""
    found: list[object] = []
    environment = _environment(found)
    context = _context(values)
    if "\0" in text:
        raise _complaint("a text with a zero character cannot be rendered")
    try:
        _refuse_rewriting(environment, text)
        return environment.from_string(text).render(context), found
    except SqlpipeError:
        raise
    except Exception as error:
        raise _failed(error, context, text) from error


def _environment(found: list[object]) -> jinja2.Environment:
    """An environment that notes the value of each `{{ ... }}` in `found` and writes a marker for it."""
    import jinja2  # noqa: PLC0415 - texts without templates do without it

    class Absent(jinja2.StrictUndefined):
        """What is not there, which says so with the mapping that it was looked for in."""

        def __init__(self, *parts: Any, **named: Any) -> None:
            super().__init__(*parts, **named)
            name = "" if self._undefined_hint else self._undefined_name or ""
            owner = self._undefined_obj
            self._undefined_exception = lambda said: _Absent(str(said), name, owner)  # type: ignore[assignment]

    class Late(jinja2.Environment):
        """Keys of mappings come before methods, so that a fact may be called `items`."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, Mapping) and attribute in obj:
                return obj[attribute]
            return super().getattr(obj, attribute)

    @jinja2.pass_context
    def note(_context: object, value: object) -> str:
        if isinstance(value, jinja2.Undefined):
            value._fail_with_undefined_error()  # noqa: SLF001
        if isinstance(value, _Raw):
            if "\0" in value:
                raise _complaint("a text with a zero character cannot be rendered")
            return "".join(value)
        found.append(value)
        return marker(len(found) - 1)

    environment = Late(undefined=Absent, finalize=note, **_WAYS)
    environment.filters |= _FILTERS
    return environment


_WAYS: dict[str, Any] = {
    "keep_trailing_newline": True,
    "autoescape": False,  # values are written by what reads the text
    "cache_size": 0,
    "comment_start_string": COMMENT[0],
    "comment_end_string": COMMENT[1],
}
_FILTERS: dict[str, Any] = {
    "raw": lambda value: _Raw(as_text(value)),
    "tojson": lambda value: json.dumps(value, ensure_ascii=False, default=str),
}


def _refuse_rewriting(environment: jinja2.Environment, text: str) -> None:
    """Complain of what works on rendered text: it would see markers and no values."""
    from jinja2 import nodes  # noqa: PLC0415 - see `_environment`

    for name in _REWRITING:
        for each in environment.parse(text).find_all(getattr(nodes, name)):
            said = f"template: line {each.lineno} has a macro, block or import, which cannot be rendered during a run"
            raise _complaint(said, "write plain `{{ … }}`, `{% if … %}`, `{% for … %}`")


def _context(values: Mapping[str, object]) -> dict[str, object]:
    """What a template can name; tasks named `schema.name` are found by their parts as well."""
    variables = values.get("vars")
    known = variables if isinstance(variables, Mapping) else {}

    def var(name: str, *default: object) -> object:
        if name in known:
            return known[name]
        if default:
            return default[0]
        help = did_you_mean(name, known) or "set it under `vars:` in sqlpipe.yml"
        raise _complaint(f"the variable `{name}` is not set", help)

    environ = values.get("environ")
    given = environ if isinstance(environ, Mapping) else {}

    def env_var(name: str, *default: object) -> object:
        if name in given:
            keep_secret([str(given[name])])
            return given[name]
        if default:
            return default[0]
        raise _complaint(f"the environment variable `{name}` is not set", "set it in the shell or in .env")

    facts = values.get("facts")
    nested: dict[str, object] = dict(facts) if isinstance(facts, Mapping) else {}
    for name, each in list(nested.items()):
        schema, dot, rest = name.partition(".")
        below = nested.setdefault(schema, {}) if dot else None
        if isinstance(below, dict) and rest not in below:
            nested[schema] = {**below, rest: each}
    named = {name: each for name, each in values.items() if name != "environ"}
    return {**named, "facts": nested, "var": var, "env_var": env_var}


def _failed(error: Exception, context: Mapping[str, object], text: str) -> SqlpipeError:
    if isinstance(error, _Absent) and error.name:
        return _missing(error.name, error.owner, context)
    said = re.sub(r"\s+", " ", str(error)).rstrip(".") or type(error).__name__
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
    return _complaint(f"template: {said}", f"in `{shown}`")


def _missing(name: str, owner: object, context: Mapping[str, object]) -> SqlpipeError:
    if isinstance(owner, Mapping):
        where = _path_to(owner, context)
        near = did_you_mean(name, map(str, owner))
        there = f"there is {_listed(owner)}" if owner else "there is nothing yet"
        return _complaint(f"`{where}.{name}` is not there" if where else f"`{name}` is not there", near or there)
    if isinstance(owner, list | tuple | str | int | float) or owner is None:
        return _complaint(f"`{name}` is not there: {_kind(owner)} has no such part")
    names = [each for each in context if each != "vars"]
    return _complaint(f"`{name}` is not there", did_you_mean(name, names) or f"there is {_listed(names)}")


def _path_to(owner: object, inside: Mapping[str, object], before: str = "") -> str:
    """The path of names by which a mapping is found among the values, or nothing."""
    for name, each in inside.items():
        path = f"{before}.{name}" if before else name
        if each is owner:
            return path
        if isinstance(each, Mapping) and (found := _path_to(owner, each, path)):
            return found
    return ""


def _listed(names: Mapping[str, object] | Sequence[str]) -> str:
    some = [f"`{each}`" for each in names][:8]
    return ", ".join(some) + (", …" if len(names) > len(some) else "")


def _kind(value: object) -> str:
    match value:
        case None:
            return "what is null"
        case str():
            return "a text"
        case list() | tuple():
            return "a list"
        case _:
            return "a number"


def _complaint(message: str, help: str = "") -> SqlpipeError:
    return SqlpipeError(Diagnostic(code="SP610", message=message, help=help))
