"""Who did what to what."""

from __future__ import annotations

from sqlpipe.domain.journal import Deed
from sqlpipe.store.book import Book
from sqlpipe.store.cells import micros, moment, plain
from sqlpipe.store.statements import statements

_SQL = statements("deeds")


def note(book: Book, deed: Deed) -> None:
    """Note a deed; it is kept for good."""
    values = {
        "at": micros(deed.at),
        "who": plain(deed.who),
        "what": deed.what,
        "subject": plain(deed.subject),
        "detail": plain(deed.detail),
    }
    with book.writing(durable=True) as pen:
        pen.execute(_SQL["note"], values)


def deeds(book: Book, limit: int) -> list[Deed]:
    """What was done, latest first."""
    return [
        Deed(moment(at), who, what, subject, detail)
        for at, who, what, subject, detail in book.query(_SQL["deeds"], {"limit": limit})
    ]
