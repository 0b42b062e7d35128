"""One run from its beginning to its end, as the command line carries it out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from sqlpipe.domain.history import RunFinished
from sqlpipe.domain.journal import Owner
from sqlpipe.run.board import Shop
from sqlpipe.run.floor import Floor
from sqlpipe.run.owner import BEAT
from sqlpipe.run.walk import Errand
from sqlpipe.store import owners
from sqlpipe.store.book import Book, JournalAway


def execute(shop: Shop, errand: Errand) -> RunFinished:
    """Carry out a run, and those that its tasks start; events are told on this thread.

    Raises what kept it from beginning at all, and our own bugs once everything else has come to its end.
    """
    floor = Floor(shop)
    try:
        walk = floor.add(errand)
        while floor.busy:
            floor.step()
    finally:
        floor.close()
        while not shop.scribe.flush():
            shop.scribe.wait()
    if walk.problem is not None:
        raise walk.problem
    if walk.bug is not None:
        raise walk.bug
    assert walk.finished is not None
    return walk.finished


@contextmanager
def registered(book: Book, owner: Owner) -> Iterator[None]:
    """Have others see, for as long as this lasts, that the process is there; by the true time."""
    owners.register(book, owner)
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT):
            with suppress(JournalAway):
                # Anew, where others have taken it for dead in the meantime.
                owners.register(book, replace(owner, seen=datetime.now(UTC)))

    sign = threading.Thread(target=beat, name="sqlpipe-beat", daemon=True)
    sign.start()
    try:
        yield
    finally:
        over.set()
        sign.join()
        with suppress(JournalAway):
            owners.retire(book, owner.id)
