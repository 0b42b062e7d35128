"""Incremental tables: the intervals that are missing computed, or all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from sqlpipe.domain.interval import END_OF_TIME, Grain, Interval, batches, count_units, floor, merge, widen
from sqlpipe.domain.names import quote
from sqlpipe.domain.project import Incremental, TimeColumn
from sqlpipe.engine.contract import Session
from sqlpipe.plan.compile import compile_query, moment_literal
from sqlpipe.plan.decide import Fill
from sqlpipe.run.audit import of_delta
from sqlpipe.run.build import all_checks, held_contents, make_room
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.publish import Written, publish
from sqlpipe.run.relation import contents, covered, require_time, without_time

# Each is the query once more in a UNION ALL.
_INTERVALS_IN_A_STATEMENT = 32


def build_incremental(job: Job, desk: Desk) -> Outcome:
    """Compute the intervals that are missing, or all of them at once."""
    if isinstance(job.decision.scope, Fill):
        with suppress(_ColumnsChanged):
            return _fill(job, desk, job.decision.scope.intervals)
    return _rebuild(job, desk)


def _rebuild(job: Job, desk: Desk) -> Outcome:
    node = job.node
    assert isinstance(node.kind, Incremental)
    time = node.kind.time
    history = Interval(floor(time.start, time.grain), END_OF_TIME) if time.start else None
    query = compile_query(job.graph, node, history)

    def write(session: Session) -> Written:
        name = node.name.quoted
        before = held_contents(session, job)
        make_room(session, job, "table")
        rows = session.execute(f"create or replace table {name} as\n{query}")
        require_time(session, name, node, time)
        dropped = session.execute(f"delete from {name} where {quote(time.column)} is null")
        changed = before is None or before != contents(session, name)
        held = covered(session, name, time)
        window = [Interval(time.start, job.now)] if time.start else []
        done = merge(widen(each, time.grain) for each in [*held, *window] if each.start < each.end)
        left_out = f"{without_time(dropped, time)} left out" if dropped else ""
        told = (_units(held, time.grain), "" if changed else "same rows as before", left_out)
        return Written(
            "incremental",
            rows - dropped,
            audits=all_checks(node),
            detail=", ".join(each for each in told if each),
            changed=changed,
            intervals=done,
            open_from=_open_from(job, time),
        )

    return publish(job, desk, write)


def _fill(job: Job, desk: Desk, intervals: tuple[Interval, ...]) -> Outcome:
    assert isinstance(job.node.kind, Incremental)
    time = job.node.kind.time
    pieces = list(batches(intervals, time.grain, time.batch))
    groups = [_coarse(pieces)] if time.batch is None else [[piece] for piece in pieces]
    outcomes: list[Outcome] = []
    for index, group in enumerate(groups):
        last = outcomes[-1] if outcomes else None
        here = job if last is None or last.held is None else replace(job, held=last.held, exists="table")
        outcomes.append(publish(here, desk, _slice_writer(here, group, final=index == len(groups) - 1)))
    return Outcome(
        "incremental",
        sum(outcome.rows or 0 for outcome in outcomes),
        _units(intervals, time.grain) + ("" if any(each.changed for each in outcomes) else ", same rows as before"),
        tuple(result for outcome in outcomes for result in outcome.checks),
        outcomes[-1].held,
        any(outcome.changed for outcome in outcomes),
    )


def _coarse(intervals: list[Interval]) -> list[Interval]:
    """At most so many intervals as one statement can hold; the smallest gaps between them are filled."""
    gaps = sorted(pairwise(intervals), key=lambda pair: pair[1].start - pair[0].end)
    surplus = max(0, len(intervals) - _INTERVALS_IN_A_STATEMENT)
    return list(merge([*intervals, *(Interval(before.end, after.start) for before, after in gaps[:surplus])]))


def _slice_writer(job: Job, intervals: list[Interval], *, final: bool) -> Callable[[Session], Written]:
    """Replace the rows of some intervals by what the query gives for them now."""
    node = job.node
    assert isinstance(node.kind, Incremental)
    time = node.kind.time
    queries = [compile_query(job.graph, node, interval) for interval in intervals]

    def write(session: Session) -> Written:
        staged, name = quote(job.staged), node.name.quoted
        session.execute(
            f"create or replace temp table {staged} as {' union all by name '.join(f'({each})' for each in queries)}"
        )
        where = " or ".join(f"({_within(time, interval)})" for interval in intervals)
        if job.exists != "table" or job.held is None:
            make_room(session, job, "table")
            rows = session.execute(f"create or replace table {name} as from {staged}")
            changed = True
        else:
            _require_columns(session, staged, name)
            changed = contents(session, staged) != contents(session, f"(select * from {name} where {where})")
            rows = (
                _replace_slice(session, staged, name, where)
                if changed
                else session.query(f"select count(*) from {staged}")[0][0]
            )
        return Written(
            "incremental",
            rows,
            audits=of_delta(staged, name, node.checks),
            changed=changed,
            whole=False,
            complete=final,
            intervals=intervals,
            open_from=_open_from(job, time),
        )

    return write


def _open_from(job: Job, time: TimeColumn) -> datetime | None:
    """The beginning of the unit that is not over yet, unless every input tells when it gets more rows for it."""
    identity = job.identity
    told = bool(identity.inputs) and not identity.files and set(identity.inputs) == identity.aligned
    return None if time.start is None or told else floor(job.now, time.grain)


def _replace_slice(session: Session, staged: str, name: str, where: str) -> int:
    session.execute(f"delete from {name} where {where}")
    return session.execute(f"insert into {name} by name select * from {staged}")


def _within(time: TimeColumn, interval: Interval) -> str:
    column = quote(time.column)
    start, end = (moment_literal(each, time.grain) for each in (interval.start, interval.end))
    return f"{column} >= {start} and {column} < {end}"


class _ColumnsChanged(Exception):
    """The query has other columns than the table that takes its rows."""


def _require_columns(session: Session, staged: str, name: str) -> None:
    """Raise _ColumnsChanged if a table that is read has got or lost columns since the node's own table was made."""
    made, held = (sorted(session.describe(f"select * from {each}")) for each in (staged, name))
    if made != held:
        raise _ColumnsChanged


def _units(intervals: tuple[Interval, ...], grain: Grain) -> str:
    number = count_units(intervals, grain)
    return f"{number:,} {grain.value}{'' if number == 1 else 's'}"
