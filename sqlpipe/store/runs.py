"""Runs: made once, and moved from one state to the next by one function."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlpipe.domain.journal import RUN_STEPS, Lease, RunRecord, RunState
from sqlpipe.store.book import Book, Pen
from sqlpipe.store.cells import among, listed, micros, moment, packed, plain, unpacked
from sqlpipe.store.lease import is_held_by
from sqlpipe.store.statements import statements

_SQL = statements("runs")


def create_run(book: Book, record: RunRecord) -> None:
    """Enter a run; nothing happens where one with that id has been entered already."""
    with book.writing() as pen:
        enter_run(pen, record)


def step_run(  # noqa: PLR0913 - a change of state says all of it at once
    book: Book,
    run: str,
    to: RunState,
    at: datetime,
    *,
    owner: str | None = None,
    counts: Mapping[str, int] | None = None,
    reason: str = "",
) -> bool:
    """Move a run to another state; False where it is in none from which that is legal: somebody else was first.

    The ticks in the run go along: covered when it is done, open again when it is not, skipped when it was cancelled
    for a reason. A run that is queued again has no owner.
    """
    with book.writing() as pen:
        return move_run(pen, run, to, at, owner=owner, counts=counts, reason=reason)


def begin_run(book: Book, lease: Lease, run: RunRecord, owner: str, at: datetime, *, room: int | None) -> bool:
    """Have a queued run begin, if the lease has not gone to another and fewer than `room` of its pipeline are active.

    Counted and written in one transaction, so that no two processes can both take the last place.
    """
    with book.writing() as pen:
        if not is_held_by(pen, lease):
            return False
        active = pen.query(_SQL["active of pipeline"], {"pipeline": run.pipeline})[0][0]
        if room is not None and active >= room:
            return False
        return move_run(pen, run.id, RunState.RUNNING, at, owner=owner)


def enter_run(pen: Pen, record: RunRecord) -> bool:
    """Enter a run within a transaction; whether it is new."""
    values = {
        "id": record.id,
        "state": record.state.value,
        "created": micros(record.created),
        "pipeline": record.pipeline,
        "cause": plain(record.cause),
        "selects": packed(record.select),
        "excludes": packed(record.exclude),
        "options": packed(record.options),
        "start_at": micros(record.start),
        "end_at": micros(record.end),
        "deadline": micros(record.deadline),
        "parent": record.parent,
        "owner": record.owner,
        "started": micros(record.started),
        "finished": micros(record.finished),
        "counts": packed(record.counts),
        "reason": plain(record.reason),
    }
    return pen.execute(_SQL["create run"], values) > 0


def move_run(  # noqa: PLR0913 - a change of state says all of it at once
    pen: Pen,
    run: str,
    to: RunState,
    at: datetime,
    *,
    owner: str | None = None,
    counts: Mapping[str, int] | None = None,
    reason: str = "",
) -> bool:
    """Move a run to another state within a transaction; see `step_run`."""
    found = pen.query(_SQL["standing"], {"id": run})
    if not found:
        return False
    was, changed, had, said = found[0]
    if (was, changed) == (to, micros(at)) and owner in (None, had):
        return True  # the same call once more, by somebody who never heard that it went well
    if to not in RUN_STEPS[RunState(was)]:
        return False
    # Why it is being cancelled lasts until that has been done; why it was queued again does not.
    reason = plain(reason) or (said if was == RunState.CANCELLING else "")
    values = {
        "id": run,
        "was": was,
        "state": to.value,
        "changed": micros(at),
        "owner": "" if to is RunState.QUEUED else had if owner is None else owner,
        "reason": reason,
        "counts": None if counts is None else packed(counts),
        "started": micros(at) if to is RunState.RUNNING else None,
        "finished": None if RUN_STEPS[to] else micros(at),
    }
    pen.execute(_SQL["step"], values)
    _move_ticks(pen, run, to, reason)
    return True


def cancel_run(pen: Pen, run: str, at: datetime) -> bool:
    """Cancel a run within a transaction: at once where it is queued; where it is running its owner has to obey."""
    found = pen.query(_SQL["standing"], {"id": run})
    queued = bool(found) and found[0][0] == RunState.QUEUED
    return move_run(pen, run, RunState.CANCELLED if queued else RunState.CANCELLING, at)


def skip_queued(pen: Pen, pipeline: str, at: datetime, reason: str) -> None:
    """Skip all runs of a pipeline that have not begun."""
    for (run,) in pen.query(_SQL["queued of pipeline"], {"pipeline": pipeline}):
        move_run(pen, run, RunState.SKIPPED, at, reason=reason)


def widen_run(pen: Pen, run: str, start: datetime, end: datetime) -> bool:
    """Have a run cover this interval as well; False where it is not queued any more."""
    found = pen.query(_SQL["reach"], {"id": run})
    if not found:
        return False
    from_, until = found[0]
    values = {
        "id": run,
        "start_at": min(micros(start), micros(start) if from_ is None else from_),
        "end_at": max(micros(end), micros(end) if until is None else until),
    }
    return pen.execute(_SQL["widen"], values) > 0


def _move_ticks(pen: Pen, run: str, to: RunState, reason: str) -> None:
    match to:
        case RunState.DONE:
            pen.execute(_SQL["cover ticks"], {"run": run})
        case RunState.CANCELLED if reason:
            pen.execute(_SQL["skip ticks"], {"run": run, "reason": reason})
        case RunState.FAILED | RunState.CANCELLED | RunState.SKIPPED:
            # Those of a schedule that is no more are not run after all.
            pen.execute(_SQL["reopen ticks"], {"run": run})
            pen.execute(_SQL["retire ticks"], {"run": run})


def get_run(book: Book, id: str) -> RunRecord | None:
    """The run with this id."""
    return next((_record(row) for row in book.query(_SQL["one"], {"id": id})), None)


def find_runs(book: Book, prefix: str) -> list[str]:
    """The ids of runs that begin so."""
    return [row[0] for row in book.query(_SQL["beginning with"], {"prefix": prefix, "length": len(prefix)})]


def runs_ending(book: Book, ending: str) -> list[str]:
    """The ids of runs that end so."""
    return [row[0] for row in book.query(_SQL["ending with"], {"ending": ending, "length": len(ending)})]


def children(book: Book, parent: str) -> list[RunRecord]:
    """The runs that repeat a run or belong to it, oldest first."""
    return [_record(row) for row in book.query(_SQL["children"], {"parent": parent})]


def runs(
    book: Book,
    *,
    pipeline: str | None = None,
    states: Collection[RunState] = (),
    limit: int = 50,
    before: str = "",
) -> list[RunRecord]:
    """Runs, newest first: of one pipeline, in some states (in any without), older than the run `before`."""
    values = {
        "every_pipeline": int(pipeline is None),
        "pipeline": pipeline or "",
        "every_state": int(not states),
        "states": among(states),
        "limit": limit,
        "before": before,
    }
    return [_record(row) for row in book.query(_SQL["some"], values)]


def waiting_runs(book: Book) -> list[RunRecord]:
    """The runs that are queued, oldest first."""
    return [_record(row) for row in book.query(_SQL["waiting"])]


def live_runs(book: Book) -> list[RunRecord]:
    """The runs that are running or being cancelled, oldest first."""
    return [_record(row) for row in book.query(_SQL["live"])]


def _record(row: tuple[Any, ...]) -> RunRecord:
    (
        id, state, created, pipeline, cause, selects, excludes, options, start, end, deadline, parent, owner, started,
        finished, counts, reason,
    ) = row  # fmt: skip
    return RunRecord(
        id=id,
        state=RunState(state),
        created=moment(created),
        pipeline=pipeline,
        cause=cause,
        select=listed(selects),
        exclude=listed(excludes),
        options=unpacked(options),
        start=moment(start),
        end=moment(end),
        deadline=moment(deadline),
        parent=parent,
        owner=owner,
        started=moment(started),
        finished=moment(finished),
        counts=unpacked(counts),
        reason=reason,
    )
