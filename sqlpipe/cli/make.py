"""The command that begins a project: `init`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from sqlpipe.cli.asked import face
from sqlpipe.cli.look import count
from sqlpipe.cli.terminal import Terminal

_SCAFFOLD = Path(__file__).parent / "scaffold"
_FILLED_IN = ("sqlpipe.yml", "profiles.yml", "profiles.yml.example")


@click.command("init", short_help="Begin a project that runs at once.")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path))
@face
def init(terminal: Terminal, folder: Path) -> int:
    """Begin a project that runs at once: a few models on DuckDB, with data and checks, and no server.

    Files that are there already are left as they are.
    """
    if (folder / "sqlpipe.yml").exists():
        raise click.UsageError(f"{folder} holds a project already (sqlpipe.yml); name another folder.")
    try:
        written, kept = _write(folder, _project_name(folder))
    except OSError as error:
        raise click.UsageError(f"Cannot write to {folder}: {error.strerror or error}.") from error
    if terminal.as_json:
        terminal.document({"folder": str(folder), "written": written, "kept": kept})
        return 0
    for path in written if terminal.verbose else ():
        terminal.say(f"  wrote {path}")
    for path in kept:
        terminal.say(
            f"  kept your {path}" + ("; have it ignore profiles.yml and *.duckdb" if path == ".gitignore" else "")
        )
    if not terminal.quiet:
        place = "here" if folder == Path() else f"in {folder}"
        terminal.put(f"a project of {count(len(written), 'file')} is {place}; next:\n")
        go = "" if folder == Path() else f"cd {_quoted(folder)} && "
        for command, aside in _next(go):
            terminal.put(f"  {command:<{len(go) + 28}}{terminal.out.paint(aside, 'dim')}".rstrip())
    return 0


def _next(go: str) -> Iterator[tuple[str, str]]:
    yield f"{go}sqlpipe run", "build and check everything"
    yield "sqlpipe show marts.revenue", "look at the result"
    yield "sqlpipe plan", "nothing left to do; edit a model and try again"


def _quoted(folder: Path) -> str:
    text = str(folder)
    return text if re.fullmatch(r"[\w./~-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _project_name(folder: Path) -> str:
    """The folder's name as a word that YAML and profiles take without quotes."""
    word = re.sub(r"\W+", "_", folder.resolve().name, flags=re.ASCII).strip("_").lower()
    return word if re.match(r"[a-z]", word) and word not in ("null", "true", "false") else f"project_{word}".rstrip("_")


def _write(folder: Path, name: str) -> tuple[list[str], list[str]]:
    """Write what is not there yet; returns the paths written and those left alone."""
    written, kept = [], []
    for path, text in _files():
        place = folder / path
        if place.exists():
            kept.append(path)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace("{name}", name) if path in _FILLED_IN else text, encoding="utf-8", newline="\n")
        written.append(path)
    return written, kept


def _files() -> Iterator[tuple[str, str]]:
    """The files of a new project, by path; sqlpipe.yml last, so that a half-written folder is not taken for one."""
    paths = sorted(path for path in _SCAFFOLD.rglob("*") if path.is_file() and path.name != "sqlpipe.yml")
    for path in (*paths, _SCAFFOLD / "sqlpipe.yml"):
        text = path.read_text(encoding="utf-8")
        match path.relative_to(_SCAFFOLD).as_posix():
            case "gitignore":
                yield ".gitignore", text
            case "profiles.yml.example" as name:
                yield name, text
                yield "profiles.yml", text.split("\n", 1)[1]
            case name:
                yield name, text


COMMANDS = {"init": init}
