"""The journal in PostgreSQL, for several hosts."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.store.book import BUSY_SECONDS, FORMAT, NOTHING, SCHEMA, Book, JournalAway, newer_format

try:
    import psycopg
    from psycopg import sql
except ImportError as error:
    raise SqlpipeError(
        Diagnostic(
            code="SP512",
            message="a journal in PostgreSQL needs the package psycopg",
            help="install it with `pip install 'sqlpipe[postgres]'`",
        )
    ) from error

Connection = psycopg.Connection[tuple[Any, ...]]

# A process that hangs in the middle of a write is thrown out before the lease of a leader would end.
_SETTINGS = f"""
    set timezone = 'UTC'; set lock_timeout = '{BUSY_SECONDS}s'; set statement_timeout = '30s';
    set idle_in_transaction_session_timeout = '10s'; set default_transaction_isolation = 'read committed'
"""
_PLACEHOLDER = re.compile(r"(?<![:\w]):([a-z_]+)")
# Lost connections, full disks, locks that took too long, conflicts, a server that shuts down or has become a standby.
_PASSING = ("08", "25006", "25P03", "40", "53", "55P03", "57", "58")


@cache
def _spoken(statement: str) -> bytes:
    return _PLACEHOLDER.sub(r"%(\1)s", statement.replace("%", "%%")).encode()


class PostgresPen:
    """A transaction on the one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.written = False

    def execute(self, statement: str, values: Mapping[str, object] = NOTHING) -> int:
        """Run a statement; how many rows it changed."""
        changed = self._connection.execute(_spoken(statement), values).rowcount
        self.written = self.written or changed != 0
        return changed

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        """Run a query that only reads, and return its rows."""
        return self._connection.execute(_spoken(statement), values).fetchall()

    def many(self, statement: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Run a statement for each row of values; how many rows were changed in all."""
        cursor = self._connection.cursor()
        cursor.executemany(_spoken(statement), list(rows))
        changed = max(0, cursor.rowcount)
        self.written = self.written or changed != 0
        return changed

    def now(self) -> datetime | None:
        """The clock of the server."""
        return _clock(self.query("select clock_timestamp()"))


class PostgresBook:
    """One connection, which one thread has at a time, made anew after it was lost."""

    def __init__(self, address: str, schema: str) -> None:
        self._address = address
        self._schema = schema
        self._guard = threading.RLock()
        self._connection: Connection | None = None
        self._own_writes = 0

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        with self._reached() as connection:
            return connection.execute(_spoken(statement), values).fetchall()

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[PostgresPen]:
        """A transaction that writes; a durable one outlives a power cut once it has ended."""
        with self._reached() as connection:
            assert not _busy(connection), "a write within a write"
            try:
                # The row of the counter is the lock behind which all who write stand in line. Whatever is written
                # outlives a crash of the server, as those who wrote it do; only a standby may lag behind.
                connection.execute(
                    f"begin; set local synchronous_commit = {'on' if durable else 'local'};"
                    "update meta set value = value + 1 where name = 'touched'"
                )
                pen = PostgresPen(connection)
                yield pen
                # A refusal changes nothing, so nobody needs to look up.
                connection.execute("commit" if pen.written else "rollback")
                self._own_writes += pen.written
            finally:
                if not connection.closed and _busy(connection):
                    with suppress(psycopg.Error):
                        connection.execute("rollback")
                    if _busy(connection):
                        self._drop()

    def stamp(self) -> int:
        """A number that is another one after anybody else has written."""
        return int(self.query("select value from meta where name = 'touched'")[0][0]) - self._own_writes

    def now(self) -> datetime | None:
        """The clock of the server."""
        return _clock(self.query("select clock_timestamp()"))

    def close(self) -> None:
        """Let go of the server."""
        with self._guard:
            self._drop()

    def prepare(self) -> None:
        """Bring the tables to the format that is known here."""
        with self._reached() as connection:
            if _format(connection, self._schema) == FORMAT:
                return
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._schema,))
                found = _format(connection, self._schema)
                if found > FORMAT:
                    raise newer_format(found)
                if not connection.execute("select 1 from pg_namespace where nspname = %s", (self._schema,)).fetchall():
                    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(self._schema)))
                for number in sorted(each for each in SCHEMA if each > found):
                    connection.execute(SCHEMA[number].encode())
                    connection.execute("update meta set value = %s where name = 'format'", (number,))

    @contextmanager
    def _reached(self) -> Iterator[Connection]:
        with self._guard:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = _connected(self._address, self._schema)
                yield self._connection
            except psycopg.Error as error:
                lost = self._connection is None or self._connection.closed
                if not lost and not isinstance(error, psycopg.InterfaceError) and not _passes(error):
                    raise
                if lost or not error.sqlstate:
                    self._drop()
                raise JournalAway(str(error).strip()) from error

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def open_book(address: str, scope: str) -> Book:
    """Open the journal of a scope, in a schema of its own, made where it is not there."""
    book = PostgresBook(address, schema_of(scope))
    try:
        book.prepare()
    except (JournalAway, psycopg.Error) as error:
        book.close()
        raise _unusable(address, str(error).strip()) from error
    except BaseException:
        book.close()
        raise
    return book


def schema_of(scope: str) -> str:
    """The name of the schema of a scope; different scopes have different ones.

    >>> schema_of("shop/prod")
    'sqlpipe_shop_prod_8ad577'
    """
    readable = re.sub(r"[^a-z0-9]+", "_", scope.lower()).strip("_")[:40]
    return f"sqlpipe_{readable}_{hashlib.sha256(scope.encode()).hexdigest()[:6]}"


def _connected(address: str, schema: str) -> Connection:
    connection = psycopg.connect(
        address, autocommit=True, connect_timeout=BUSY_SECONDS, application_name="sqlpipe", tcp_user_timeout=10_000,
        keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
    )  # fmt: skip
    try:
        connection.execute(_SETTINGS.encode())
        connection.execute(sql.SQL("set search_path = {}").format(sql.Identifier(schema)))
    except BaseException:
        connection.close()
        raise
    return connection


def _format(connection: Connection, schema: str) -> int:
    # Not by `to_regclass`: what it remembers may be older than the lock that we have waited for.
    there = (
        "select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = %s and relname = 'meta'"
    )
    if not connection.execute(there, (schema,)).fetchall():
        return 0
    return int(connection.execute("select value from meta where name = 'format'").fetchall()[0][0])


def _clock(rows: list[tuple[Any, ...]]) -> datetime:
    return cast("datetime", rows[0][0]).astimezone(UTC)


def _busy(connection: Connection) -> bool:
    return connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE


def _passes(error: psycopg.Error) -> bool:
    if error.sqlstate:
        return error.sqlstate.startswith(_PASSING)
    return isinstance(error, psycopg.OperationalError)


def _unusable(address: str, reason: str) -> SqlpipeError:
    place = re.sub(r"//[^@/]*@", "//", address).partition("?")[0]
    return SqlpipeError(
        Diagnostic(
            code="SP622",
            message=f"the journal {place} cannot be reached or used",
            help="see that the server runs and that the user may create a schema in the database",
            notes=tuple(line for line in reason.splitlines() if line.strip()),
        )
    )
