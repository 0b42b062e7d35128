"""The program of the process in which a function of the project is called; it needs nothing but Python itself."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import os
import pkgutil
import sys
import traceback
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

# To try again mends none of these.
_PERMANENT = (SyntaxError, ImportError, NameError, TypeError, AttributeError, AssertionError)


def main(path: str) -> None:
    """Do what the JSON file at `path` asks for, and write the answer where it says."""
    asked = json.loads(Path(path).read_text(encoding="utf-8"))
    answer = _answer(asked)
    sys.stdout.flush()
    partial = Path(asked["answer"] + ".partial")
    partial.write_text(json.dumps(answer), encoding="utf-8")
    partial.replace(asked["answer"])


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    root = Path(asked["root"])
    try:
        module = _module(asked["module"], root)
        function = getattr(module, asked["function"], None)
        if not callable(function):
            known = [name for name, each in vars(module).items() if isinstance(each, FunctionType)]
            return {"missing": known}
        value = function(**asked["arguments"])
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
    except SystemExit as error:
        if not error.code:
            return {"value": None}
        said = f"sys.exit({error.code!r}) was called"
        return {"error": {**_error(error, root), "said": said, "permanent": False}}
    except BaseException as error:  # noqa: BLE001 - told to the parent
        traceback.print_exc()
        return {"error": _error(error, root)}
    try:
        # Half a character, as in names of files that are not text, is refused here and not in a database later.
        return {"value": json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())}
    except (TypeError, ValueError, RecursionError) as error:
        return {"odd": {"type": type(value).__name__, "said": str(error)}}


async def _awaited(value: Any) -> Any:
    return await value


def _module(name: str, root: Path) -> ModuleType:
    if not name.endswith(".py"):
        _find_in(root)
        module = pkgutil.resolve_name(f"{name}:")
        assert isinstance(module, ModuleType)
        return module
    file = root / name
    _find_in(root)
    _find_in(file.parent)
    # Under its own name, so that other processes that it may start find its functions.
    known = file.stem not in sys.stdlib_module_names and file.stem.isidentifier()
    spec = importlib.util.spec_from_file_location(file.stem if known else f"task_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def _find_in(folder: Path) -> None:
    """Search a folder before installed packages, but behind Python's own: a task may be called `email`."""
    if str(folder) not in sys.path:
        packages = [at for at, each in enumerate(sys.path) if "site-packages" in each or "dist-packages" in each]
        sys.path.insert(packages[0] if packages else len(sys.path), str(folder))


def _error(error: BaseException, root: Path) -> dict[str, Any]:
    """What went wrong, and the last line of the project that it went through."""
    permanent = isinstance(error, _PERMANENT) or getattr(error, "sqlpipe_permanent", False) is True
    said = f"{type(error).__name__}: {error}".removesuffix(": ")
    said = said.encode(errors="replace").decode()
    told = {"said": said, "permanent": permanent, "file": "", "line": 0}
    if isinstance(error, SyntaxError) and error.filename and _ours(error.filename, root):
        return told | {"file": _relative(error.filename, root), "line": error.lineno or 0}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _ours(frame.filename, root):
            return told | {"file": _relative(frame.filename, root), "line": frame.lineno or 0}
    return told


def _ours(file: str, root: Path) -> bool:
    path = Path(os.path.realpath(file))
    inside = path.is_relative_to(os.path.realpath(root)) and path != Path(os.path.realpath(__file__))
    return inside and not {"site-packages", "dist-packages"}.intersection(path.parts)


def _relative(file: str, root: Path) -> str:
    return Path(os.path.realpath(file)).relative_to(os.path.realpath(root)).as_posix()


if __name__ == "__main__":
    main(sys.argv[1])
