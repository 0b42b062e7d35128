"""One run at a time: the lock on a database file keeps other processes out, and this the threads of our own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError

_guard = threading.Lock()
_busy: set[str] = set()
_readers: Counter[str] = Counter()


@contextmanager
def alone(database: str) -> Iterator[None]:
    """Have a database to oneself; SP502 if another thread has it.

    Two runs would number their entries in the ledger alike.
    """
    path = _path(database)
    with _guard:
        free = (path not in _busy and not _readers[path]) or path == ":memory:"
        if free:
            _busy.add(path)
    if not free:
        raise _taken(database)
    try:
        yield
    finally:
        with _guard:
            _busy.discard(path)


@contextmanager
def among_readers(database: str) -> Iterator[None]:
    """Have a database together with others who only read; SP502 if a thread has it to itself."""
    path = _path(database)
    with _guard:
        free = path not in _busy or path == ":memory:"
        _readers[path] += free
    if not free:
        raise _taken(database)
    try:
        yield
    finally:
        with _guard:
            _readers[path] -= 1


def _path(database: str) -> str:
    return database if database == ":memory:" else str(Path(database).resolve())


def _taken(database: str) -> SqlpipeError:
    said = f"{database} is in use by another run of this process"
    return SqlpipeError(Diagnostic(code="SP502", message=said, help="wait until it has finished"))
