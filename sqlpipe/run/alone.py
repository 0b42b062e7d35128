"""One run at a time: the lock on a database file keeps other processes out, and this the threads of our own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError

_guard = threading.Lock()
_busy: set[str] = set()


@contextmanager
def alone(database: str) -> Iterator[None]:
    """Have a database to oneself; SP502 if another thread has it.

    Two runs would number their entries in the ledger alike.
    """
    path = database if database == ":memory:" else str(Path(database).resolve())
    with _guard:
        free = path not in _busy or path == ":memory:"
        if free:
            _busy.add(path)
    if not free:
        raise SqlpipeError(
            Diagnostic(
                code="SP502",
                message=f"{database} is in use by another run of this process",
                help="wait until it has finished",
            )
        )
    try:
        yield
    finally:
        with _guard:
            _busy.discard(path)
