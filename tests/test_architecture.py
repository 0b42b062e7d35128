"""The rooms import downwards only, nothing is imported behind the back, and nothing grows beyond its size."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import sqlpipe

_ROOT = Path(sqlpipe.__file__).parent
_FILES = sorted(_ROOT.rglob("*.py"))
_IDS = [path.relative_to(_ROOT).as_posix() for path in _FILES]
# Engines, sources, journals and commands by name; and what is needed only when a file of the project has changed, or
# has Jinja.
_DOORS = {
    "cli/main.py",
    "engine/door.py",
    "load/profile.py",
    "load/project.py",
    "load/reading.py",
    "run/door.py",
    "source/door.py",
    "store/door.py",
    "web/door.py",
}

each_file = pytest.mark.parametrize("path", _FILES, ids=_IDS)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for each in ast.walk(tree):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            yield each


def test_the_contracts_of_import_linter_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(_ROOT.parent)
    monkeypatch.setattr(sys, "path", [str(_ROOT.parent), *sys.path])
    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out
    assert " kept, 0 broken" in capsys.readouterr().out


def _own(node: ast.stmt) -> bool:
    match node:
        case ast.Import(names=names):
            return any(each.name.split(".")[0] == "sqlpipe" for each in names)
        case ast.ImportFrom(module=module, level=level):
            return level > 0 or (module or "").split(".")[0] == "sqlpipe"
        case _:
            return False


@each_file
def test_our_own_modules_are_imported_at_the_top_only(path: Path) -> None:
    tree = _tree(path)
    hidden = [
        each.lineno
        for each in ast.walk(tree)
        if isinstance(each, ast.stmt) and _own(each) and each not in tree.body and not _for_types(tree, each)
    ]
    assert hidden == []


def _for_types(tree: ast.Module, statement: ast.stmt) -> bool:
    """Whether the statement stands below `if TYPE_CHECKING:` at the top."""
    return any(
        isinstance(each, ast.If) and isinstance(each.test, ast.Name) and each.test.id == "TYPE_CHECKING"
        and statement in each.body
        for each in tree.body
    )  # fmt: skip


@each_file
def test_modules_are_opened_by_name_at_the_doors_only(path: Path) -> None:
    by_name = {
        each.lineno
        for each in ast.walk(_tree(path))
        if isinstance(each, ast.Call)
        and (
            (isinstance(each.func, ast.Name) and each.func.id in {"import_module", "__import__"})
            or (isinstance(each.func, ast.Attribute) and each.func.attr == "import_module")
        )
    }
    assert not by_name or path.relative_to(_ROOT).as_posix() in _DOORS, sorted(by_name)


def _lines_of_code(path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    documented = {
        number
        for each in ast.walk(_tree(path))
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str)
        for number in range(each.lineno, (each.end_lineno or each.lineno) + 1)
    }
    return sum(
        1
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.strip().startswith("#") and number not in documented
    )


@each_file
def test_a_module_has_at_most_400_lines_of_code(path: Path) -> None:
    assert _lines_of_code(path) <= 400


@each_file
def test_a_function_has_at_most_40_lines_and_6_parameters(path: Path) -> None:
    beyond = []
    source = path.read_text(encoding="utf-8").splitlines()
    for function in _functions(_tree(path)):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
        named = [each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
        parameters = len([each for each in named if each not in {"self", "cls"}])
        reasoned = re.search(r"# noqa: PLR0913(, PLR0917)? - ", source[function.lineno - 1])
        command = any("click" in ast.unparse(each) for each in function.decorator_list)
        if lines > 40 or (parameters > 6 and not command and not reasoned):
            beyond.append(f"{function.name}: {lines} lines, {parameters} parameters")
    assert beyond == []


@each_file
def test_a_class_has_at_most_12_public_methods(path: Path) -> None:
    for each in ast.walk(_tree(path)):
        if isinstance(each, ast.ClassDef):
            methods = [one for one in each.body if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")]
            assert len(methods) <= 12, each.name


@each_file
def test_a_module_says_in_one_sentence_what_it_is(path: Path) -> None:
    said = ast.get_docstring(_tree(path)) or ""
    assert said.partition("\n")[0].endswith(".")


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "base", "manager", "handler"])
def test_no_module_has_a_name_that_says_nothing(word: str) -> None:
    assert [each for each in _IDS if Path(each).stem == word] == []
