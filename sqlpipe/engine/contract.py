"""What a database must be able to do for a plan to run on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

from sqlpipe.domain.diagnostic import Diagnostic, Place, SqlpipeError

Row = tuple[Any, ...]


class QueryError(SqlpipeError):
    """A statement failed in the database; `place` says where in the statement, if the database tells.

    `passing` says that the same statement may well succeed later: a conflict, a lock, a network.
    """

    def __init__(
        self, diagnostic: Diagnostic, statement: str, place: Place | None = None, *, passing: bool = False
    ) -> None:
        super().__init__(diagnostic)
        self.statement = statement
        self.place = place
        self.passing = passing


class Interrupted(SqlpipeError):
    """A statement was stopped because the run is being cancelled."""


class NoTable(SqlpipeError):
    """What was to be staged is neither an Arrow stream nor a dataframe nor a relation."""


class Session(Protocol):
    """One worker's connection; used by one thread at a time, except `interrupt`. Closed at the end of a `with`."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement; return how many rows it wrote, or -1 where that means nothing."""
        ...

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a query to its end and return its rows."""
        ...

    def describe(self, query: str) -> tuple[tuple[str, str], ...]:
        """The names and types of a query's columns, without running it."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is committed together at the end, or not at all if an exception leaves it."""
        ...

    def stage(self, name: str, rows: object) -> None:
        """Write an Arrow stream, a dataframe or a relation into a temporary table; raises NoTable for anything else."""
        ...

    def relation(self, query: str) -> object:
        """A query as the database's own lazy object, for Python nodes."""
        ...

    def interrupt(self) -> None:
        """Stop the running statement; callable from any thread."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class Engine(Protocol):
    """A database that holds the tables of a target."""

    @property
    def database(self) -> str:
        """What to call the database to a person: a path or an address."""
        ...

    def session(self) -> Session:
        """A new connection for one worker."""
        ...

    def relations(self) -> dict[str, str]:
        """What exists: `schema.name` in lower case to `table` or `view`."""
        ...

    def close(self) -> None:
        """Close everything."""
        ...
