"""The journal in a SQLite file, for one host."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.store.book import BUSY_SECONDS, FORMAT, NOTHING, SCHEMA, Book, JournalAway, newer_format

# Somebody else is at it, or the disk is full or gone: none of it lasts for ever.
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOMEM,
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_QUEUEING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class SqlitePen:
    """A transaction on the one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Mapping[str, object] = NOTHING) -> int:
        """Run a statement; how many rows it changed."""
        return self._connection.execute(statement, dict(values)).rowcount

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        return self._connection.execute(statement, dict(values)).fetchall()

    def many(self, statement: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Run a statement for each row of values; how many rows were changed in all."""
        return max(0, self._connection.executemany(statement, (dict(each) for each in rows)).rowcount)

    def now(self) -> datetime | None:
        """Nothing: the clock of this host is the only one."""
        return None


class SqliteBook:
    """One connection, which one thread has at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._guard = threading.RLock()
        self._connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._durable: bool | None = None

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with self._guard, _told(self._path):
            return self._connection.execute(statement, dict(values)).fetchall()

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[SqlitePen]:
        """A transaction that writes; a durable one outlives a power cut once it has ended."""
        with self._guard, _told(self._path):
            assert not self._busy(), "a write within a write"
            if durable is not self._durable:
                self._connection.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
                self._durable = durable
            self._connection.execute("begin immediate")
            try:
                yield SqlitePen(self._connection)
                self._connection.execute("commit")
            finally:
                # Some errors have ended the transaction already.
                if self._busy():
                    self._connection.execute("rollback")

    def stamp(self) -> int:
        """A number that is another one after another connection has written."""
        return int(self.query("pragma data_version")[0][0])

    def now(self) -> datetime | None:
        """Nothing: the clock of this host is the only one."""
        return None

    def close(self) -> None:
        """Let go of the file."""
        with self._guard:
            self._connection.close()

    def prepare(self) -> None:
        """Bring the tables to the format that is known here."""
        if self.query("pragma journal_mode")[0][0] != "wal":
            self.query("pragma journal_mode = wal")
        if self._format() == FORMAT:
            return
        with self.writing(durable=True) as pen:
            found = self._format()
            if found > FORMAT:
                raise newer_format(found)
            for number in sorted(each for each in SCHEMA if each > found):
                for statement in SCHEMA[number].split(";"):
                    pen.execute(statement)
                pen.execute("update meta set value = :number where name = 'format'", {"number": number})

    def _busy(self) -> bool:
        return self._connection.in_transaction

    def _format(self) -> int:
        if not self.query("select 1 from sqlite_master where type = 'table' and name = 'meta'"):
            return 0
        return int(self.query("select value from meta where name = 'format'")[0][0])


def open_book(address: str, scope: str) -> Book:  # noqa: ARG001 - a file belongs to one scope anyhow
    """Open the file, made with its folder where it is not there."""
    patience = monotonic() + BUSY_SECONDS
    while True:
        try:
            Path(address).parent.mkdir(parents=True, exist_ok=True)
            return _opened(address)
        except JournalAway as away:
            cause = away.__cause__
            # Turning to write-ahead logging does not wait for others who do the same.
            if not isinstance(cause, sqlite3.Error) or _class_of(cause) not in _QUEUEING or monotonic() > patience:
                raise _unusable(address, str(cause or away)) from away
            sleep(0.02)
        except OSError as error:
            raise _unusable(address, str(error)) from error


def _opened(path: str) -> SqliteBook:
    with _told(path):
        book = SqliteBook(path)
    try:
        book.prepare()
    except BaseException:
        book.close()
        raise
    return book


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if _class_of(error) in _PASSING:
            raise JournalAway(f"{path}: {error}") from error
        if _class_of(error) in _DAMAGED:
            raise _unusable(path, str(error)) from error
        raise


def _class_of(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _unusable(path: str, reason: str) -> SqlpipeError:
    return SqlpipeError(
        Diagnostic(
            code="SP621",
            message=f"the journal {path} cannot be used: {reason}",
            help="mend the path or the disk, or move the file away: a new journal is made, "
            "and the tables in the warehouse do not depend on it",
        )
    )
