"""What the tests of runs share: a project in a folder of its own, and journals."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.postgres import Server, running_server
from tests.shop import Shop

_NUMBERS = count()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def journal_server() -> Iterator[Server]:
    with running_server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgres"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    """A new journal, in SQLite and in PostgreSQL."""
    if request.param == "sqlite":
        book = open_book(str(tmp_path / "journal.sqlite"))
    else:
        book = open_book(request.getfixturevalue("journal_server").address, f"run {next(_NUMBERS)}")
    yield book
    book.close()
