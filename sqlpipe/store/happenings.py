"""What pipelines can be started by, in one order that all who read it agree on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlpipe.domain.journal import Facts, Happening, Lease
from sqlpipe.store.book import NOTHING, Book, Pen
from sqlpipe.store.cells import micros, moment, packed, plain, unpacked
from sqlpipe.store.lease import is_held_by
from sqlpipe.store.statements import statements

_SQL = statements("happenings")


def note(book: Book, kind: str, subject: str, at: datetime, *, version: str = "", facts: Facts | None = None) -> bool:
    """Note that something happened; False where it is known: by its version, or by its time without one."""
    with book.writing() as pen:
        return enter_happening(pen, kind, subject, at, version=version, facts=facts)


def enter_happening(
    pen: Pen, kind: str, subject: str, at: datetime, *, version: str = "", facts: Facts | None = None
) -> bool:
    """Note within a transaction that something happened; see `note`."""
    values = {
        "kind": kind,
        "subject": plain(subject),
        "version": plain(version),
        "at": micros(at),
        "facts": packed(facts or NOTHING),
    }
    return pen.execute(_SQL["note"], values) > 0


def number(book: Book, lease: Lease) -> int:
    """Give what has no number yet the next ones, so that nothing ever comes in below a number that has been read.

    The last number that was given; nothing is numbered by one who has lost the lease.
    """
    last = int(book.query(_SQL["last seq"])[0][0])
    if not book.query(_SQL["unnumbered"])[0][0]:
        return last
    with book.writing() as pen:
        last = int(pen.query(_SQL["last seq"])[0][0])
        if not is_held_by(pen, lease):
            return last
        last += pen.execute(_SQL["number"], {"last": last})
        pen.execute(_SQL["remember seq"], {"seq": last})
        return last


def since(book: Book, cursor: int, limit: int = 1000) -> list[Happening]:
    """What happened after the number `cursor`, in order."""
    return [_happening(row) for row in book.query(_SQL["since"], {"seq": cursor, "limit": limit})]


def latest(book: Book, subject: str) -> Happening | None:
    """The latest that happened to a subject."""
    return next((_happening(row) for row in book.query(_SQL["latest"], {"subject": subject})), None)


def _happening(row: tuple[Any, ...]) -> Happening:
    seq, kind, subject, at, version, facts = row
    return Happening(seq=seq, kind=kind, subject=subject, at=moment(at), version=version, facts=unpacked(facts))
