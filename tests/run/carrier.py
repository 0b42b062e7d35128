"""Carries out one run that can be resumed, as the scheduler does: the one that waits, or else a new one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlpipe import app
from sqlpipe.app.running import code_of, equipped, journal_of, new_run
from sqlpipe.domain.history import Event, RunFinished
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.run.board import Shop
from sqlpipe.run.clock import Clock
from sqlpipe.run.execute import execute
from sqlpipe.run.recover import RESUMABLE
from sqlpipe.run.walk import Errand
from sqlpipe.store import attempts, runs


def carry_out(root: Path, events: list[Event] | None = None) -> RunFinished:
    """Take up the run that waits, or begin a new one over everything, and bring it to its end."""
    workspace = app.open_workspace(root)
    with journal_of(workspace) as book, equipped(workspace, book, Clock()) as shop:
        return execute(shop, errand_of(workspace, shop, events if events is not None else []))


def errand_of(workspace: app.Workspace, shop: Shop, events: list[Event]) -> Errand:
    """The errand for the oldest run that waits, claimed for this process; a new one if none does."""
    book, now = shop.scribe.book, shop.clock.now()
    waiting = runs.waiting_runs(book)
    if not waiting:
        record = RunRecord(id=new_run(), state=RunState.QUEUED, created=now, options={RESUMABLE: True})
        runs.create_run(book, record)
        waiting = [record]
    assert runs.step_run(book, waiting[0].id, RunState.RUNNING, now, owner=shop.owner.id)
    claimed = runs.get_run(book, waiting[0].id)
    assert claimed is not None
    assert claimed.started is not None
    return Errand(
        record=claimed,
        code=code_of(workspace),
        now=claimed.started.astimezone(UTC).replace(tzinfo=None),
        on_event=events.append,
        resumed=tuple(attempts.nodes(book, claimed.id)),
    )


if __name__ == "__main__":
    began = datetime.now(UTC)
    print(carry_out(Path(sys.argv[1])).well, file=sys.stderr)  # noqa: T201 - for whoever looks at a failed test
