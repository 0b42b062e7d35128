"""What the journal forgets in time."""

from __future__ import annotations

from datetime import datetime

from sqlpipe.store.book import Book, JournalAway, Pen
from sqlpipe.store.cells import micros
from sqlpipe.store.statements import statements

_SQL = statements("sweep")
_BATCH = 100  # runs at a time, so that nobody else waits for long


def sweep(book: Book, before: datetime) -> list[str]:
    """Forget runs that ended earlier, with all that belongs to them, and whatever else is settled and that old.

    The paths of the logs that nothing refers to any more. What is still open or the latest of its kind is kept.
    """
    logs: list[str] = []
    try:
        while found := _sweep_runs(book, before):
            logs += [each for some in found.values() for each in some]
        with book.writing() as pen:
            for statement in ("drop ticks", "drop messages", "drop deliveries", "drop happenings"):
                pen.execute(_SQL[statement], {"before": micros(before)})
    except JournalAway:
        # Nothing refers to these logs any more; what is left is found the next time.
        if not logs:
            raise
    return logs


def _sweep_runs(book: Book, before: datetime) -> dict[str, list[str]]:
    with book.writing() as pen:
        old = pen.query(_SQL["old runs"], {"before": micros(before), "limit": _BATCH})
        if old:
            pen.execute(_SQL["keep attempt number"])
        return {run: _sweep_run(pen, run) for (run,) in old}


def _sweep_run(pen: Pen, run: str) -> list[str]:
    logs = [log for (log,) in pen.query(_SQL["logs"], {"run": run})]
    for statement in ("drop attempts", "drop nodes", "drop run"):
        pen.execute(_SQL[statement], {"run": run})
    return logs
