"""Python functions that tasks call: read from their syntax tree and never imported here."""

from __future__ import annotations

import ast
from dataclasses import replace

from sqlpipe.domain.diagnostic import Place, did_you_mean
from sqlpipe.domain.task import Call
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.decode import anything, expected, named, take, text, texts
from sqlpipe.load.document import Entry, Record, Value
from sqlpipe.load.notes import Notes, Options
from sqlpipe.load.python_model import digest_of, find_function, modules_of

_HELP = "write `python: tasks/_fetch.py:main`, or `python: package.module:main`"


def read_call(value: Value, options: Options, notes: Notes) -> Call | None:
    """A function named by a task: `file.py:function` or `package.module:function`."""
    written = named(value, notes.complaints)
    if written is None:
        return None
    module, _, function = written.text.rpartition(":")
    if not module or not function.isidentifier():
        expected("a file or module and a function", value, notes.complaints, help=_HELP)
        return None
    call = replace(_options(options, notes), module=module, function=function)
    path = _file_of(module, notes)
    if path is None:
        if module.lower().endswith(".py"):
            _complain_of_file(module, written, notes)
        return call
    tree = _tree(path, written, notes)
    if tree is None:
        return None
    found = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    if function not in found:
        at = Place(written.place.line, written.place.column + len(module) + 1, len(function))
        help = did_you_mean(function, found) or "it has to stand at the top level of the file"
        said = f"{path} has no function `{function}`"
        notes.complaints.add("SP612", said, at, label="not there", help=help)
        return None
    _note(tree, path, notes)
    return _taking(call, found[function], written, options, notes)


def read_own(tree: ast.Module, path: str, names: tuple[str, ...], options: Options, notes: Notes) -> Call | None:
    """The function of a file below `tasks/`; its parameters name the tasks whose facts it takes."""
    help = f"write `def {names[0]}(): ...`, whose parameters name the tasks whose facts it takes"
    function = find_function(tree, names, "does the task", help, notes.complaints)
    if function is None:
        return None
    _note(tree, path, notes)
    call = replace(_options(options, notes), module=path, function=function.name)
    return _taking(call, function, None, options, notes)


def _options(options: Options, notes: Notes) -> Call:
    arguments = take(options, "with", anything, notes.complaints)
    if "with" in options and not isinstance(options["with"].value, Record):
        expected("a mapping of arguments", options["with"].value, notes.complaints, help="such as `with: {limit: 10}`")
    return Call(
        "",
        "",
        arguments=arguments if isinstance(arguments, dict) else {},
        env=take(options, "env", texts, notes.complaints) or {},
        cwd=take(options, "cwd", text, notes.complaints) or "",
    )


def _file_of(module: str, notes: Notes) -> str | None:
    """The file of the project that a module is; None for one that is installed."""
    if module.lower().endswith(".py"):
        return module if (notes.root / module).is_file() else None
    path = module.replace(".", "/")
    return next((each for each in (f"{path}.py", f"{path}/__init__.py") if (notes.root / each).is_file()), None)


def _complain_of_file(module: str, written: Named, notes: Notes) -> None:
    folder = (notes.root / module).parent
    there = [each.relative_to(notes.root).as_posix() for each in sorted(folder.glob("*.py"))]
    at = Place(written.place.line, written.place.column, min(written.place.length, len(module)))
    help = did_you_mean(module, there) or "the path is relative to the folder of the project"
    notes.complaints.add("SP612", f"there is no file `{module}`", at, label="not there", help=help)


def _tree(path: str, written: Named, notes: Notes) -> ast.Module | None:
    try:
        return ast.parse((notes.root / path).read_bytes())
    except SyntaxError as error:
        said = f"{path} is not Python: {error.msg} (line {error.lineno})"
    except (OSError, ValueError) as error:
        said = f"{path} cannot be read: {error}"
    notes.complaints.add("SP612", said, written.place, label="this file")
    return None


def _note(tree: ast.Module, path: str, notes: Notes) -> None:
    modules = modules_of(tree, notes.root, path)
    notes.modules += [*([path] if path != notes.complaints.file else []), *modules]
    notes.code.append(digest_of(tree, notes.root, modules))


def _taking(call: Call, function: ast.FunctionDef, written: Named | None, options: Options, notes: Notes) -> Call:
    """The call with its parameters: those without a default that `with` does not give name tasks."""
    given = function.args
    parameters = [*given.posonlyargs, *given.args]
    needed = parameters[: len(parameters) - len(given.defaults)]
    needed += [each for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True) if default is None]
    if given.kwarg is None:
        _complain_of_arguments(options.get("with"), call.function, [*parameters, *given.kwonlyargs], notes.complaints)
    takes = []
    for each in needed:
        if each.arg not in call.arguments:
            place = written.place if written else Place(each.lineno, each.col_offset + 1, len(each.arg))
            notes.inputs.append(Named(each.arg, place))
            takes.append((each.arg, f"tasks.{each.arg}".casefold()))
    return replace(call, takes=tuple(takes))


def _complain_of_arguments(
    given: Entry | None, function: str, parameters: list[ast.arg], complaints: Complaints
) -> None:
    known = [each.arg for each in parameters]
    for entry in given.value.entries if given is not None and isinstance(given.value, Record) else ():
        if entry.key not in known:
            help = did_you_mean(entry.key, known) or f"it takes {', '.join(f'`{each}`' for each in known) or 'nothing'}"
            said = f"`{function}` takes no `{entry.key}`"
            complaints.add("SP612", said, entry.place, label="not a parameter", help=help)
