"""Finds the files of a project and names their nodes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Span, SqlpipeError
from sqlpipe.domain.names import TableName
from sqlpipe.load.complaints import TOP
from sqlpipe.load.facts import FoundFile, Role

SETTINGS = "sqlpipe.yml"
TOP_FOLDERS = ("models", "seeds", "checks", "tasks", "dashboards")
_SEEDS = (".csv", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Findings:
    """The files of a project by what they are for; paths are relative to the project."""

    nodes: tuple[FoundFile, ...]
    macros: tuple[str, ...]
    complaints: tuple[Diagnostic, ...]


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds a sqlpipe.yml."""
    folders = [start.absolute(), *start.absolute().parents]
    for folder in folders:
        if (folder / SETTINGS).is_file():
            return folder
    raise no_project(folders)


def no_project(folders: Iterable[Path]) -> SqlpipeError:
    """The complaint that there is no project in any of the folders."""
    notes = tuple(f"looked for {folder / SETTINGS}" for folder in folders)
    help = "go to the folder of a project, or make one with `sqlpipe init`"
    return SqlpipeError(Diagnostic(code="SP107", message="no project here", help=help, notes=notes), exit_code=2)


def find_files(root: Path) -> Findings:
    """Every file of the project that counts, in the order of their paths."""
    models = [_model(path) for path in _walk(root, "models", (".sql", ".py"))]
    checks = [
        FoundFile(path, TableName("checks", _stem(path)), Role.CHECK) for path in _walk(root, "checks", (".sql",))
    ]
    seeds, complaints = _seeds(root)
    tasks = [_task(path) for path in _walk(root, "tasks", (".yml", ".yaml", ".py"))]
    pages = [
        FoundFile(path, TableName("dashboards", _stem(path)), Role.DASHBOARD)
        for path in _walk(root, "dashboards", (".md",))
    ]
    nodes = tuple(each for each in (*models, *checks, *seeds, *tasks, *pages) if each is not None)
    macros = tuple(_walk(root, "macros", (".sql",)))
    return Findings(nodes, macros, tuple(complaints))


def _walk(root: Path, folder: str, endings: tuple[str, ...]) -> Iterator[str]:
    """The paths below a folder of the project; hidden files and folders are passed over."""
    try:
        with os.scandir(root / folder) as entries:
            found = sorted(
                (each.name, each.is_dir(follow_symlinks=False)) for each in entries if not each.name.startswith(".")
            )
    except OSError:
        return
    for name, is_folder in found:
        if is_folder:
            if name != "__pycache__":
                yield from _walk(root, f"{folder}/{name}", endings)
        elif name.lower().endswith(endings):
            yield f"{folder}/{name}"


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _named_after(path: str, schema: str) -> TableName:
    """The first folder below the top one is the schema; deeper ones only organise."""
    folders = path.split("/")[1:-1]
    return TableName(folders[0] if folders else schema, _stem(path))


def _model(path: str) -> FoundFile | None:
    if path.lower().endswith(".sql"):
        return FoundFile(path, _named_after(path, "main"), Role.MODEL)
    # Python files that begin with an underscore are there to be imported by others.
    return None if _stem(path).startswith("_") else FoundFile(path, _named_after(path, "main"), Role.PYTHON)


def _task(path: str) -> FoundFile | None:
    if not path.lower().endswith(".py"):
        return FoundFile(path, TableName("tasks", _stem(path)), Role.TASK)
    return None if _stem(path).startswith("_") else FoundFile(path, TableName("tasks", _stem(path)), Role.PYTHON_TASK)


def _seeds(root: Path) -> tuple[list[FoundFile], list[Diagnostic]]:
    side_cars = {path.rpartition(".")[0]: path for path in _walk(root, "seeds", (".yml", ".yaml"))}
    seeds = []
    lonely = dict(side_cars)
    for path in _walk(root, "seeds", _SEEDS):
        beside = path.rpartition(".")[0]
        lonely.pop(beside, None)
        seeds.append(FoundFile(path, _named_after(path, "seeds"), Role.SEED, side_cars.get(beside, "")))
    said = "no seed stands beside these settings"
    complaints = [
        Diagnostic(code="SP113", message=said, span=Span(path, TOP), help=f"expected {beside}.csv, .json or .parquet")
        for beside, path in lonely.items()
    ]
    return seeds, complaints


def clashes(named: Iterable[tuple[TableName, Span]]) -> Iterator[Diagnostic]:
    """A complaint for every name that two files give, letter case aside."""
    first: dict[str, Span] = {}
    for name, span in named:
        if name.key in first:
            yield Diagnostic(
                code="SP112",
                message=f"{first[name.key].file} and {span.file} are both named `{name}`",
                span=span,
                label="the second one",
                help="rename one of them; folders below the first do not count, nor does letter case",
            )
        else:
            first[name.key] = span
