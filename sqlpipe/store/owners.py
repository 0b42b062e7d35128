"""The processes that carry out runs, and when each gave its last sign of life."""

from __future__ import annotations

from datetime import datetime

from sqlpipe.domain.journal import Owner
from sqlpipe.store.book import Book
from sqlpipe.store.cells import micros, moment, plain
from sqlpipe.store.statements import statements

_SQL = statements("owners")


def register(book: Book, owner: Owner) -> None:
    """Make a process known."""
    values = {
        "id": owner.id,
        "host": owner.host,
        "pid": owner.pid,
        "born": owner.born,
        "seen": micros(owner.seen),
        "command": plain(owner.command),
    }
    with book.writing() as pen:
        pen.execute(_SQL["register"], values)


def beat(book: Book, owner_id: str, at: datetime) -> None:
    """Note a sign of life."""
    with book.writing() as pen:
        pen.execute(_SQL["beat"], {"id": owner_id, "seen": micros(at)})


def owners(book: Book) -> list[Owner]:
    """The processes that are known, those that gave signs last first."""
    return [
        Owner(id, host, pid, born, moment(seen), command)
        for id, host, pid, born, seen, command in book.query(_SQL["owners"])
    ]


def retire(book: Book, owner_id: str) -> None:
    """Forget a process."""
    with book.writing() as pen:
        pen.execute(_SQL["retire"], {"id": owner_id})
