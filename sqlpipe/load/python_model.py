"""Python models: read from their syntax tree and never imported here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from sqlpipe.domain.diagnostic import Place
from sqlpipe.load.complaints import TOP, Complaints, Named


@dataclass(frozen=True, slots=True)
class PythonCode:
    """The function of a model, its parameters with the nodes they stand for, and the files it is made of."""

    function: str
    inputs: tuple[tuple[str, Named], ...]
    digest: str
    modules: tuple[str, ...] = ()


def parse_python(text: str, complaints: Complaints) -> ast.Module | None:
    """The syntax tree of a Python file; None after a complaint."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        place = Place(error.lineno or 1, max(1, error.offset or 1), 1)
        complaints.add("SP113", f"not Python: {error.msg}", place, label="here")
    except ValueError as error:
        complaints.add("SP113", f"not Python: {error}", TOP)
    return None


def read_python(tree: ast.Module, root: Path, path: str, complaints: Complaints) -> PythonCode | None:
    """Find the function of a model; its parameters name the nodes it reads: `staging__flights` is `staging.flights`."""
    help = "write `def model(staging__flights): ...`, whose parameters name the tables it reads"
    function = find_function(tree, ("model",), "makes the table", help, complaints)
    if function is None:
        return None
    arguments = function.args
    starred = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    for each in starred:
        place = Place(each.lineno, each.col_offset + 1, len(each.arg))
        help = "write one parameter for each table, such as `staging__flights`"
        complaints.add("SP103", f"`{each.arg}` does not name a table", place, label="of which tables?", help=help)
    parameters = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    inputs = tuple((each.arg, _input(each)) for each in parameters)
    modules = modules_of(tree, root, path)
    return PythonCode(function.name, inputs, digest_of(tree, root, modules), modules)


def find_function(
    tree: ast.Module, names: tuple[str, ...], does: str, help: str, complaints: Complaints
) -> ast.FunctionDef | None:
    """The function that bears one of the names, or else the only one that does not begin with `_`."""
    functions = [each for each in tree.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")]
    found = [each for each in functions if each.name in names] or functions
    if len(found) == 1:
        return found[0]
    if not found:
        complaints.add("SP106", f"no function here that {does}", TOP, help=help)
        return None
    place = Place(found[1].lineno, found[1].col_offset + 1, len("def ") + len(found[1].name))
    listed = ", ".join(f"`{each.name}`" for each in found)
    said = f"which function {does}: {listed}?"
    help = f"name it `{names[0]}`, or begin the others with `_`"
    complaints.add("SP103", said, place, label="more than one", help=help)
    return None


def _input(argument: ast.arg) -> Named:
    place = Place(argument.lineno, argument.col_offset + 1, len(argument.arg))
    return Named(argument.arg.replace("__", ".", 1), place)


def modules_of(tree: ast.Module, root: Path, path: str) -> tuple[str, ...]:
    """The Python files of the project that the code imports, and those that they import."""
    found: dict[str, None] = {}
    waiting = [(path, tree)]
    while waiting:
        importer, code = waiting.pop()
        for module in _imported(code, root, importer):
            if module != path and module not in found:
                found[module] = None
                try:
                    waiting.append((module, ast.parse((root / module).read_bytes())))
                except (OSError, SyntaxError, ValueError):
                    continue
    return tuple(sorted(found))


def _imported(tree: ast.Module, root: Path, path: str) -> Iterator[str]:
    folder = path.split("/")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield from _files(root, [folder, []], each.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            bases = [folder[: len(folder) - node.level + 1]] if node.level else [folder, []]
            parts = node.module.split(".") if node.module else []
            yield from _files(root, bases, parts)
            for each in node.names:
                yield from _files(root, bases, [*parts, each.name])


def _files(root: Path, bases: list[list[str]], parts: list[str]) -> Iterator[str]:
    """The files that a dotted name can mean; importing `a.b` also runs `a`."""
    for base in bases:
        for length in range(1, len(parts) + 1):
            name = "/".join([*base, *parts[:length]])
            for candidate in (f"{name}.py", f"{name}/__init__.py"):
                if (root / candidate).is_file():
                    yield candidate


def digest_of(tree: ast.Module, root: Path, modules: tuple[str, ...]) -> str:
    """The hash of all code that the model runs, without comments and docstrings."""
    digest = blake2b(_meaning(tree).encode(), digest_size=16)
    for module in modules:
        digest.update(module.encode() + b"\0")
        try:
            code = (root / module).read_bytes()
            digest.update(_meaning(ast.parse(code)).encode())
        except (SyntaxError, ValueError):
            digest.update(code)
        except OSError:
            continue
    return digest.hexdigest()


def _meaning(tree: ast.Module) -> str:
    return ast.dump(_WithoutDocstrings().visit(tree))


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops the texts that stand alone at the beginning of a block."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
            first = body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = body[1:]
        return node
