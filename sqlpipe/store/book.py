"""What the functions of the journal need of its database; SQLite and PostgreSQL have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.store.statements import statements

NOTHING: Mapping[str, object] = MappingProxyType({})
BUSY_SECONDS = 5

# Every number is a step of the schema that is never edited once it has been released.
SCHEMA = {int(number): block for number, block in statements("journal_schema").items()}
FORMAT = max(SCHEMA)


class JournalAway(Exception):
    """The journal cannot be reached now; the same call, made again later, loses and doubles nothing."""


class Pen(Protocol):
    """A transaction that writes; no other one goes on anywhere meanwhile. Placeholders are `:name`."""

    def execute(self, statement: str, values: Mapping[str, object] = NOTHING) -> int:
        """Run a statement; how many rows it changed."""
        ...

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        """Run a query that only reads, and return its rows."""
        ...

    def many(self, statement: str, rows: Iterable[Mapping[str, object]]) -> int:
        """Run a statement for each row of values; how many rows were changed in all."""
        ...

    def now(self) -> datetime | None:
        """The clock of the server, where there is one."""
        ...


class Book(Protocol):
    """One connection to the journal, for any number of threads."""

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        """Run a query and return its rows. Placeholders are `:name`."""
        ...

    def writing(self, *, durable: bool = False) -> AbstractContextManager[Pen]:
        """A transaction that writes; a durable one outlives a power cut once it has ended."""
        ...

    def stamp(self) -> int:
        """A number that is another one after anybody else has written."""
        ...

    def now(self) -> datetime | None:
        """The clock of the server, which all who use the journal share; None where everybody has their own."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


def newer_format(found: int) -> SqlpipeError:
    """The complaint about a journal that a newer sqlpipe has written."""
    return SqlpipeError(
        Diagnostic(
            code="SP620",
            message=f"the journal has format {found}; this sqlpipe knows formats up to {FORMAT}",
            help="upgrade with `pip install --upgrade sqlpipe`",
        )
    )
