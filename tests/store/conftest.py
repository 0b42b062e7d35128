"""Journals in SQLite and in PostgreSQL, new for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.store.journal import watch

_NUMBERS = count()

Opener = Callable[[], Book]


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Address and scope of a journal that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "journal.sqlite"), ""
    return request.getfixturevalue("postgres_server").address, f"test {next(_NUMBERS)}"


@pytest.fixture
def opened(where: tuple[str, str]) -> Iterator[Opener]:
    """Open one more connection to the journal of this test."""
    books: list[Book] = []

    def more() -> Book:
        books.append(open_book(*where))
        if len(books) == 1 and not where[1]:
            watch(books[0])
        return books[-1]

    yield more
    for each in books:
        each.close()


@pytest.fixture
def book(opened: Opener) -> Book:
    return opened()
