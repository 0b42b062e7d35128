"""Where a project runs: the target of profiles.yml and the connections that rows come from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import cast

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.project import Project
from sqlpipe.load.secret import Secret

FILE = "profiles.yml"
THREADS = 4


@dataclass(frozen=True, slots=True)
class Profile:
    """A target with its settings, the connections, and where each of them came from.

    `settings` are those that the engine takes, with `type` and an absolute `path`. `origin` tells in words where
    the profile, the target and each setting were found. `secrets` are what `mask` has to hide.
    """

    name: str
    target: str
    targets: tuple[str, ...]
    settings: Mapping[str, object]
    connections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    threads: int = THREADS
    secrets: tuple[Secret, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProfileAsked:
    """Which profile is wanted: by name, from which file, for which target, and who names it so."""

    root: Path
    path: Path
    shown: str
    name: str
    target: str | None
    named_in: str


def read_profile(
    root: Path,
    project: Project,
    *,
    target: str | None = None,
    profiles: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Profile:
    """The profile of a project; raises every complaint at once.

    Without any profiles.yml, and with none asked for, a project runs in a DuckDB file of its own.
    """
    name = project.profile or project.name
    asked = profiles or environ.get("SQLPIPE_PROFILES") or None
    places = _places(root, asked, environ)
    path = next((each for each in places if each.is_file()), None)
    if path is None:
        if asked is None and target is None:
            return _own_file(root, name, project)
        raise _nowhere(places, asked)
    try:
        written = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SqlpipeError(Diagnostic(code="SP113", message=f"cannot read {path}: {error}"), exit_code=2) from error
    # Opened by name: a project without a profiles.yml is run without a YAML parser.
    reading = import_module("sqlpipe.load.profile_text")
    named_in = "sqlpipe.yml" if project.profile else "the project's name"
    asked_for = ProfileAsked(root, path, _shown(path, root), name, target, named_in)
    return cast("Profile", reading.read_text(written, asked_for, environ))


def _places(root: Path, asked: str | None, environ: Mapping[str, str]) -> list[Path]:
    if asked:
        path = Path(asked).expanduser()
        return [path / FILE if path.is_dir() else path]
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return [root / FILE, home / ".sqlpipe" / FILE]


def _nowhere(places: list[Path], asked: str | None) -> SqlpipeError:
    notes = tuple(f"looked for {each}" for each in places)
    help = "give the path of a file or of its folder" if asked else "copy profiles.yml.example to profiles.yml"
    return SqlpipeError(
        Diagnostic(code="SP108", message="there is no profiles.yml", help=help, notes=notes), exit_code=2
    )


def _own_file(root: Path, name: str, project: Project) -> Profile:
    path = str(root / f"{project.name}.duckdb")
    settings = {"type": "duckdb", "path": path, "threads": THREADS}
    origin = dict.fromkeys(("profile", "target", *settings), "there is no profiles.yml")
    return Profile(name, "dev", ("dev",), settings, origin=origin)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
