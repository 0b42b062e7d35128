"""A look at what a project runs on: versions, settings and where they came from, connections that answer."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlpipe
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.engine.door import open_engine
from sqlpipe.load.profile import Profile
from sqlpipe.source.door import open_reader
from sqlpipe.store import ledger

_PARTS = ("duckdb", "sqlglot", "sqlglotc", "adbc-driver-sqlite")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `state` is `ok`, `warn` or `error`; `origin` tells where a setting came from."""

    topic: str
    state: str
    text: str
    origin: str = ""


def versions() -> list[Finding]:
    """The versions of what does the work; an extra that is not installed is told without alarm."""
    # Takes as long to import as half of this package, and only `doctor` needs it.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    found = [Finding("sqlpipe", "ok", f"{sqlpipe.__version__} on Python {platform.python_version()}")]
    for name in _PARTS:
        try:
            found.append(Finding(name, "ok", version(name)))
        except PackageNotFoundError:
            state = "warn" if name == "sqlglotc" else "ok"
            found.append(Finding(name, state, "not installed"))
    return found


def complaints(topic: str, error: SqlpipeError) -> list[Finding]:
    """What was wrong, each with its remedy."""
    return [Finding(topic, "error", _told(each)) for each in error.diagnostics]


def settings(profile: Profile) -> list[Finding]:
    """The profile, the target and its settings, each with its origin; secrets stay hidden."""
    origin = profile.origin
    others = ", ".join(each for each in profile.targets if each != profile.target)
    found = [
        Finding("profile", "ok", profile.name, origin.get("profile", "")),
        Finding("target", "ok", profile.target + (f" (others: {others})" if others else ""), origin.get("target", "")),
    ]
    return found + [Finding(key, "ok", str(value), origin.get(key, "")) for key, value in profile.settings.items()]


def database(profile: Profile) -> list[Finding]:
    """Whether the target's database can be opened, and what it holds."""
    path = str(profile.settings["path"])
    if not Path(path).exists():
        return [Finding("database", "ok", f"{path} is not there yet; the first run makes it")]
    try:
        engine = open_engine(profile.settings, read_only=True)
    except SqlpipeError as error:
        return complaints("database", error)
    try:
        relations = engine.relations()
        with engine.session() as session:
            if ledger.TABLE in relations:
                ledger.require_format(session)
    except SqlpipeError as error:
        return complaints("database", error)
    finally:
        engine.close()
    own = sum(1 for name in relations if not name.startswith("_sqlpipe."))
    return [Finding("database", "ok", f"{path} opens; {own:,} tables and views")]


def connections(profile: Profile) -> list[Finding]:
    """Whether each connection answers a trivial query."""
    return [found for name, each in profile.connections.items() for found in _connection(name, each)]


def _connection(name: str, settings: Mapping[str, object]) -> list[Finding]:
    topic = f"connection {name}"
    try:
        reader = open_reader(name, settings)
        try:
            with reader.read("select 1 as answer"):
                return [Finding(topic, "ok", f"{settings['type']} {settings.get('path', '')} answers")]
        finally:
            reader.close()
    except SqlpipeError as error:
        return complaints(topic, error)


def _told(diagnostic: Diagnostic) -> str:
    place = diagnostic.span
    where = f"{place.file}:{place.place.line}: " if place else ""
    notes = "".join(f"; {note}" for note in diagnostic.notes)
    return f"{where}{diagnostic.message}{notes}" + (f" ({diagnostic.help})" if diagnostic.help else "")
