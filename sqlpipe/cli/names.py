"""Names of nodes on the command line, completed by the shell from the paths of the project's files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

# A folder of the project, the schema of files that lie in it directly, and the endings of those that make a node.
_FOLDERS = (
    ("models", "main", (".sql", ".py")),
    ("seeds", "seeds", (".csv", ".json", ".parquet")),
    ("checks", "checks", (".sql",)),
    ("tasks", "tasks", (".yml", ".yaml", ".py")),
)
# Folders in which those below only organise.
_FLAT = ("checks", "tasks")
# What may stand before a name inside a selection: other terms, and the signs for ancestors.
_LEAD = re.compile(r"^(?:.*[\s,])?(?:@|\d*\+)?")


class NodeName(click.ParamType[str]):
    """The name of one node."""

    name = "node"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """The names that begin with what was typed."""
        return [CompletionItem(name) for name in _matching(ctx, incomplete)]


class SelectionText(click.ParamType[str]):
    """A selection; parsed later, completed at its last name."""

    name = "selection"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """What was typed, its last name completed."""
        lead = _LEAD.match(incomplete)
        before = lead.group() if lead else ""
        return [CompletionItem(before + name) for name in _matching(ctx, incomplete[len(before) :])]


def _matching(ctx: click.Context, beginning: str) -> list[str]:
    root = _root(Path(ctx.params.get("project") or Path.cwd()).absolute())
    names = sorted(set(_names(root))) if root else []
    return [name for name in names if name.casefold().startswith(beginning.casefold())]


def _root(start: Path) -> Path | None:
    return next((folder for folder in (start, *start.parents) if (folder / "sqlpipe.yml").is_file()), None)


def _names(root: Path) -> Iterator[str]:
    """The names that the paths give; no file is read, so that completion is there at once."""
    for folder, schema, endings in _FOLDERS:
        for path in _files(root / folder):
            inner = path.relative_to(root / folder).parts[:-1]
            if path.suffix.lower() in endings and not (path.suffix == ".py" and path.name.startswith("_")):
                yield f"{inner[0] if inner and folder not in _FLAT else schema}.{path.stem}"


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".") and each != "__pycache__"]
        yield from (Path(parent, each) for each in files if not each.startswith("."))
