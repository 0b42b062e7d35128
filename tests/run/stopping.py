"""Runs that go on while a test does something to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlpipe.domain.journal import RunState
from sqlpipe.store import runs
from tests.run.plant import journal, last_run
from tests.shop import Ran, Shop


@contextmanager
def meanwhile(shop: Shop, *, select: tuple[str, ...] = (), **how: object) -> Iterator[list[Ran]]:
    """A run in a thread of its own; what it told is there in the end."""
    told: list[Ran] = []
    failed: list[BaseException] = []

    def go() -> None:
        try:
            told.append(shop.run(*select, **how))  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield told
    finally:
        thread.join(30)
        assert not thread.is_alive(), "the run does not end"
    if failed:
        raise failed[0]


def cancel(shop: Shop, run: str = "") -> float:
    """Ask for it as another process does, by way of the journal."""
    with journal(shop) as book:
        assert runs.step_run(book, run or last_run(shop).id, RunState.CANCELLING, datetime.now(UTC))
    return time.monotonic()
