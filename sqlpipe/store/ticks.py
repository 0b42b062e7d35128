"""Ticks of pipelines: each is recorded once, and what became of it is never forgotten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlpipe.domain.journal import Lease, RunRecord
from sqlpipe.domain.schedule import Order, Ruling, Tick, TickState
from sqlpipe.store.book import Book, Pen
from sqlpipe.store.cells import micros, moment, plain
from sqlpipe.store.lease import holds
from sqlpipe.store.runs import cancel_run, enter_run, skip_queued, widen_run
from sqlpipe.store.statements import statements

_SQL = statements("ticks")
# A clock that was put back by less than this goes on from where it was; a rehearsal goes further.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """What is remembered of a pipeline; `cursor` is the number of the last happening that it has taken notice of.

    `paused_by` is who paused it, or who had it go on again.
    """

    name: str
    digest: str
    seen: datetime
    paused_at: datetime | None
    paused_by: str
    cursor: int


@dataclass(frozen=True, slots=True)
class TickRow:
    """A tick and what became of it; `run` is the one that took it."""

    pipeline: str
    tick: Tick
    state: TickState
    reason: str
    run: str


def meet(
    book: Book, lease: Lease, pipelines: Mapping[str, str], now: datetime, *, true: datetime | None = None
) -> dict[str, PipelineRow]:
    """Make the pipelines of the project (digests by name) known, and forget those that are no more.

    New ones, those that come back and those whose digest has changed begin now: earlier ticks and events are not made
    up for. One that a rehearsal has seen far beyond now is seen up to now again; what was recorded stays so. Empty
    where the lease is lost, which goes by the `true` time where `now` is a rehearsal's.
    """
    rows = known(book)
    ahead = now + _AHEAD
    if _differences(rows, pipelines) == ([], []) and all(each.seen <= ahead for each in rows.values()):
        return rows
    with book.writing(durable=True) as pen:
        if not holds(pen, lease, true or now):
            return {}
        changed, gone = _differences(known(pen), pipelines)
        for name in changed:
            pen.execute(_SQL["meet"], {"name": name, "digest": pipelines[name], "now": micros(now)})
            pen.execute(_SQL["supersede"], {"pipeline": name, "reason": "the schedule was edited"})
        for name in pipelines:
            pen.execute(_SQL["rewind"], {"name": name, "now": micros(now), "ahead": micros(ahead)})
        for name in gone:
            pen.execute(_SQL["part"], {"name": name, "now": micros(now)})
            skip_queued(pen, name, now, "the pipeline was removed")
            pen.execute(_SQL["supersede"], {"pipeline": name, "reason": "the pipeline was removed"})
        return known(pen)


def known(reader: Book | Pen) -> dict[str, PipelineRow]:
    """What is remembered of the pipelines that there are."""
    return {
        name: PipelineRow(name, digest, moment(seen), moment(paused_at), paused_by, seq)
        for name, digest, seen, paused_at, paused_by, seq in reader.query(_SQL["pipelines"])
    }


def _differences(rows: Mapping[str, PipelineRow], pipelines: Mapping[str, str]) -> tuple[list[str], list[str]]:
    changed = [name for name, digest in pipelines.items() if name not in rows or rows[name].digest != digest]
    return changed, [name for name in rows if name not in pipelines]


def carry_out(  # noqa: PLR0913 - all that one transaction needs
    book: Book,
    lease: Lease,
    pipeline: str,
    ruling: Ruling,
    now: datetime,
    *,
    runs: Sequence[RunRecord],
    cursor: int | None,
    true: datetime | None = None,
) -> bool:
    """Record a ruling and do what it says, all or nothing; False where the lease is lost, which goes by `true` time.

    `runs[i]` is the run of `ruling.orders[i]`. A tick that was recorded before is not recorded again; an order of which
    no tick is open any more, or whose events have been taken notice of, makes no run. A pipeline has to be known.
    """
    with book.writing(durable=True) as pen:
        if not holds(pen, lease, true or now):
            return False
        found = pen.query(_SQL["one pipeline"], {"name": pipeline})
        if not found:
            raise LookupError(pipeline)
        digest, seq = found[0]
        for run in ruling.cancel:
            cancel_run(pen, run, now)
        _enter(pen, pipeline, digest, ruling)
        for order, record in zip(ruling.orders, runs, strict=True):
            told_again = not order.ticks and cursor is not None and cursor <= seq
            if not told_again:
                _place(pen, pipeline, order, record)
        for run, ticks in ruling.extend:
            _extend(pen, pipeline, run, ticks)
        pen.execute(_SQL["advance"], {"name": pipeline, "seen": micros(ruling.seen), "seq": cursor or 0})
        return True


def _enter(pen: Pen, pipeline: str, digest: str, ruling: Ruling) -> None:
    ticks = [
        *(each.tick for each in ruling.settled),
        *(tick for order in ruling.orders for tick in order.ticks),
        *(tick for _, more in ruling.extend for tick in more),
    ]
    rows = [
        {
            "pipeline": pipeline,
            "at": micros(each.at),
            "start_at": micros(each.start),
            "end_at": micros(each.end),
            "digest": digest,
        }
        for each in ticks
    ]
    ends = [
        {
            "pipeline": pipeline,
            "at": micros(each.tick.at),
            "state": each.state.value,
            "reason": plain(each.reason),
        }
        for each in ruling.settled
        if each.state not in (TickState.OPEN, TickState.TAKEN)  # these are taken by the run that they are placed in
    ]
    if rows:
        pen.many(_SQL["enter tick"], rows)
    if ends:
        pen.many(_SQL["settle"], ends)


def _place(pen: Pen, pipeline: str, order: Order, record: RunRecord) -> None:
    free = _still_open(pen, pipeline, order.ticks)
    if free or not order.ticks:
        enter_run(pen, record)
    _take(pen, pipeline, record.id, free)


def _extend(pen: Pen, pipeline: str, run: str, ticks: Iterable[Tick]) -> None:
    free = _still_open(pen, pipeline, ticks)
    if free and widen_run(pen, run, min(each.start for each in free), max(each.end for each in free)):
        _take(pen, pipeline, run, free)


def _still_open(pen: Pen, pipeline: str, ticks: Iterable[Tick]) -> list[Tick]:
    found = {row[0] for row in pen.query(_SQL["open"], {"pipeline": pipeline})}
    return [each for each in ticks if micros(each.at) in found]


def _take(pen: Pen, pipeline: str, run: str, ticks: Iterable[Tick]) -> None:
    rows = [{"pipeline": pipeline, "at": micros(each.at), "run": run} for each in ticks]
    if rows:
        pen.many(_SQL["take"], rows)


def open_ticks(book: Book, pipeline: str) -> tuple[Tick, ...]:
    """The ticks that wait for a run, oldest first."""
    return tuple(_tick(*row) for row in book.query(_SQL["open"], {"pipeline": pipeline}))


def left_ticks(book: Book, pipeline: str) -> tuple[Tick, ...]:
    """The ticks among them whose run did not end well: they wait for the next one."""
    return tuple(_tick(*row) for row in book.query(_SQL["left"], {"pipeline": pipeline}))


def left_runs(book: Book, pipeline: str) -> tuple[str, ...]:
    """The runs that did not end well and whose ticks still wait."""
    return tuple(row[0] for row in book.query(_SQL["left runs"], {"pipeline": pipeline}))


def cover(book: Book, run: str, by: str) -> None:
    """Let the ticks of a run that did not end well be covered by another one, which has repeated it."""
    with book.writing() as pen:
        pen.execute(_SQL["cover"], {"run": run, "by": by})


def ticks(book: Book, *, pipeline: str = "", limit: int = 100) -> list[TickRow]:
    """The ticks of one pipeline, or of all, newest first."""
    return [
        TickRow(name, _tick(at, start, end), TickState(state), reason, run)
        for name, at, start, end, state, reason, run in book.query(
            _SQL["ticks"], {"pipeline": pipeline, "limit": limit}
        )
    ]


def ticks_of(book: Book, run: str) -> list[TickRow]:
    """The ticks that a run took, oldest first."""
    return [
        TickRow(name, _tick(at, start, end), TickState(state), reason, taken)
        for name, at, start, end, state, reason, taken in book.query(_SQL["of run"], {"run": run})
    ]


def retake(book: Book, run: str, by: str) -> int:
    """Have a run that repeats another one take the ticks that it left open; how many there were."""
    with book.writing() as pen:
        return pen.execute(_SQL["retake"], {"run": run, "by": by})


def introduce(book: Book, pipeline: str, at: datetime) -> None:
    """Make a pipeline known that nobody has scheduled yet, so that it can be paused."""
    with book.writing() as pen:
        pen.execute(_SQL["introduce"], {"name": pipeline, "now": micros(at)})


def pause(book: Book, pipeline: str, who: str, at: datetime) -> bool:
    """Have a pipeline start nothing any more; False where it was paused, or is not known."""
    with book.writing(durable=True) as pen:
        return pen.execute(_SQL["pause"], {"name": pipeline, "who": plain(who), "at": micros(at)}) > 0


def resume(book: Book, pipeline: str, who: str, at: datetime) -> bool:
    """Have a pipeline start things again; False where it was not paused, or only after `at`."""
    with book.writing(durable=True) as pen:
        return pen.execute(_SQL["resume"], {"name": pipeline, "who": plain(who), "at": micros(at)}) > 0


def counts(book: Book) -> dict[TickState, int]:
    """How many ticks there are in each state."""
    found: list[tuple[Any, ...]] = book.query(_SQL["counts"])
    return {TickState(state): number for state, number in found}


def _tick(at: int, start: int, end: int) -> Tick:
    return Tick(moment(at), moment(start), moment(end))
