"""Queries that people ask of the database of a workspace: answered within bounds, and by reading alone."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from sqlpipe.app.workspace import Rows, Workspace, nothing_built, reading
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.engine.contract import Bounds, Interrupted, Session
from sqlpipe.load.secret import hide

T = TypeVar("T")

MOST_SHOWN = 1000
MOST_SAVED = 100_000
MOST_BYTES = 20_000_000
MOST_SECONDS = 10.0
MOST_AT_ONCE = 2
FORMATS = ("csv", "json", "parquet")

# Whoever asks, pages or programs: a query may take all of the machine, and there is other work to be done.
_ROOM = threading.BoundedSemaphore(MOST_AT_ONCE)
# An interruption that comes between two statements is lost, and told again after so long (seconds).
_AGAIN = 0.05


@dataclass(frozen=True, slots=True)
class Saved:
    """An answer as a file; `more` tells that there are rows which it does not have."""

    media: str
    name: str
    content: bytes
    more: bool = False


def ask(workspace: Workspace, sql: str, limit: int = MOST_SHOWN, seconds: float = MOST_SECONDS) -> Rows:
    """The first rows of a query.

    Raises SP711 where it does anything but read the tables of the database, SP712 where it takes longer or its answer
    is larger than may be, SP713 while others ask.
    """
    bounds = Bounds(min(limit, MOST_SHOWN), MOST_BYTES)
    found = _asked(workspace, lambda session: session.answer(sql, bounds), seconds)
    return Rows(*_columns(found.columns), list(found.rows), found.more)


def save(workspace: Workspace, sql: str, format: str, seconds: float = MOST_SECONDS) -> Saved:
    """The answer to a query as a file: `csv`, `json` (a list of objects) or `parquet`; raises as `ask` does."""
    bounds = Bounds(MOST_SAVED, MOST_BYTES)
    if format == "parquet":
        content = _asked(workspace, lambda session: _parquet(session, sql, bounds), seconds)
        return Saved("application/vnd.apache.parquet", "query.parquet", content)
    found = _asked(workspace, lambda session: session.answer(sql, bounds), seconds)
    names, _ = _columns(found.columns)
    if format == "json":
        return Saved("application/json", "query.json", _json(names, found.rows), found.more)
    return Saved("text/csv; charset=utf-8", "query.csv", _csv(names, found.rows), found.more)


def _columns(columns: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(each[0] for each in columns), tuple(each[1] for each in columns)


def _asked(workspace: Workspace, question: Callable[[Session], T], seconds: float) -> T:
    if not _ROOM.acquire(blocking=False):
        said = f"{MOST_AT_ONCE} queries are being answered already"
        raise SqlpipeError(Diagnostic(code="SP713", message=said, help="ask again in a moment"))
    try:
        with reading(workspace) as opened:
            if opened is None:
                raise SqlpipeError(nothing_built(workspace))
            with limited(opened[1], seconds):
                return question(opened[1])
    finally:
        _ROOM.release()


@contextmanager
def limited(session: Session, seconds: float) -> Iterator[None]:
    """Stop what is done in a session after so long; then SP712 is raised."""
    over, late = threading.Event(), threading.Event()

    def watch() -> None:
        if over.wait(seconds):
            return
        late.set()
        session.interrupt()
        while not over.wait(_AGAIN):
            session.interrupt()

    watcher = threading.Thread(target=watch, name="sqlpipe-query", daemon=True)
    watcher.start()
    try:
        yield
    except Interrupted as error:
        if not late.is_set():
            raise
        said = f"the query was stopped after {seconds:g} s"
        help = "ask for fewer rows, or have a model of the project do the work"
        raise SqlpipeError(Diagnostic(code="SP712", message=said, help=help)) from error
    finally:
        over.set()
        watcher.join()


def _parquet(session: Session, sql: str, bounds: Bounds) -> bytes:
    with TemporaryDirectory(prefix="sqlpipe-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "query.parquet"
        session.save(sql, path, bounds)
        return path.read_bytes()


def _csv(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([_cell(each) for each in row] for row in rows)
    return hide(text.getvalue()).encode("utf-8", "replace")


def _cell(value: object) -> object:
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.hex()
        case list() | tuple() | dict():
            return json.dumps(_plain(value), ensure_ascii=False, default=str)
        case _:
            return value


def _json(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    found = [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
    return hide(json.dumps(found, ensure_ascii=False, default=str)).encode("utf-8", "replace")


def _plain(value: object) -> object:
    """A value as JSON has it; what it has no word for is text."""
    match value:
        case float() if not isfinite(value):
            return None
        case Decimal():
            number = float(value)
            return number if Decimal(repr(number)) == value else str(value)
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case _:
            return value
