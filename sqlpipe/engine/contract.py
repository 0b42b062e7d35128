"""What a database must be able to do for a plan to run on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an answer may hold: so many rows are given, and more bytes are refused."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The first rows of a query, and the names and types of its columns; `more` tells that there are others."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    more: bool = False


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

    def batches(self, sql: str, size: int) -> Iterator[list[Row]]:
        """Run a query and give its rows in lists of at most so many; closed when no more are wanted."""
        ...

    def answer(self, query: str, bounds: Bounds) -> Answer:
        """The rows of a query by somebody who may only look; raises SP711 where it does more, SP712 where it is large.

        It reads tables and views of the database and nothing else: no files, no settings, no other statements.
        """
        ...

    def save(self, query: str, path: Path, bounds: Bounds) -> None:
        """Write the rows of such a query into a Parquet file."""
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

    def columns(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """The names and types of the columns of everything that exists, by `schema.name` in lower case."""
        ...

    def close(self) -> None:
        """Close everything."""
        ...
