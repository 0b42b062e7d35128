"""Models, seeds and Python nodes written into the database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from sqlpipe.domain.check import Check
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.interval import END_OF_TIME, Grain, Interval, batches, count_units, floor, merge, step, widen
from sqlpipe.domain.names import literal, quote
from sqlpipe.domain.project import CheckQuery, Incremental, Node, Python, Seed, TimeColumn
from sqlpipe.engine.contract import Session
from sqlpipe.plan.compile import compile_query, moment_literal
from sqlpipe.plan.decide import Fill
from sqlpipe.run.audit import of_rows, of_table
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.publish import Written, publish
from sqlpipe.run.python_node import call

# Each is the query once more in a UNION ALL.
_INTERVALS_IN_A_STATEMENT = 32
_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".parquet": "read_parquet",
}


def build_view(job: Job, desk: Desk) -> Outcome:
    """Create the view, look at its rows, and make it visible only if they pass."""

    def write(session: Session) -> Written:
        make_room(session, job, "view")
        session.execute(f"create or replace view {job.node.name.quoted} as\n{compile_query(job.graph, job.node)}")
        return Written("view", None, audits=all_checks(job.node))

    return publish(job, desk, write)


def build_table(job: Job, desk: Desk) -> Outcome:
    """Build the table as a whole from its query."""
    return replace_table(job, desk, compile_query(job.graph, job.node), "table")


def build_seed(job: Job, desk: Desk) -> Outcome:
    """Read a file of the project into its table."""
    kind = job.node.kind
    assert isinstance(kind, Seed)
    path = job.root / job.node.path
    reader = _READERS[path.suffix]
    options = ""
    if kind.types and reader != "read_parquet":
        pairs = ", ".join(f"{literal(column)}: {literal(of)}" for column, of in kind.types.items())
        options = f", {'types' if reader == 'read_csv' else 'columns'} = {{{pairs}}}"
    return replace_table(job, desk, f"select * from {reader}({literal(str(path))}{options})", "seed")


def build_python(job: Job, desk: Desk) -> Outcome:
    """Call the node's function and write what it returns."""
    assert isinstance(job.node.kind, Python)
    call(job, desk.session)
    return replace_table(job, desk, f"select * from {quote(job.staged)}", "python")


def run_check(job: Job, desk: Desk) -> Outcome:
    """Run a check query: every row is an offence."""
    assert isinstance(job.node.kind, CheckQuery)
    relation = f"(\n{compile_query(job.graph, job.node)}\n)"
    check = job.node.kind.check

    def write(_session: Session) -> Written:
        return Written("check", None, audits=[(relation, [check])], changed=False)

    return publish(job, desk, write)


def replace_table(job: Job, desk: Desk, query: str, action: str) -> Outcome:
    """Build a table anew; if the rows come out as they were, its data version stays and nothing below has to run."""

    def write(session: Session) -> Written:
        name = job.node.name.quoted
        before = held_contents(session, job)
        make_room(session, job, "table")
        rows = session.execute(f"create or replace table {name} as\n{query}")
        changed = before is None or before != contents(session, name)
        detail = "" if changed else "same rows as before"
        return Written(action, rows, audits=all_checks(job.node), detail=detail, changed=changed)

    return publish(job, desk, write)


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
        audits = [(staged, of_rows(node.checks)), (name, of_table(node.checks))]
        return Written(
            "incremental",
            rows,
            audits=[each for each in audits if each[1]],
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


def covered(session: Session, relation: str, time: TimeColumn) -> tuple[Interval, ...]:
    """The units of time in which a relation has rows, joined where they touch."""
    column = f"date_trunc('{time.grain.value}', {quote(time.column)}::timestamp)"
    moments = session.query(f"select distinct {column} from {relation} where {quote(time.column)} is not null")
    return merge(Interval(row[0], step(row[0], time.grain)) for row in moments)


def holds_rows(session: Session, relation: str) -> bool:
    """Whether there is any row."""
    return bool(session.query(f"select 1 from {relation} limit 1"))


def held_contents(session: Session, job: Job) -> tuple[object, ...] | None:
    """What the node's table holds before it is written; None if there is no such table yet."""
    return contents(session, job.node.name.quoted) if job.exists == "table" and job.held else None


def contents(session: Session, relation: str) -> tuple[object, ...]:
    """Columns, row count and an order-free hash of the rows: equal contents, equal rows."""
    columns = session.describe(f"select * from {relation}")
    # A column by the name of the alias would be hashed in place of the row.
    rows = session.query(f"select count(*), sum(hash(_sqlpipe_row)) from {relation} as _sqlpipe_row")
    return columns, rows[0]


def require_time(session: Session, relation: str, node: Node, time: TimeColumn) -> None:
    """Raise SP103 if the time column is no date or timestamp: intervals of it would mean nothing."""
    type_ = session.describe(f"select {quote(time.column)} from {relation}")[0][1]
    # Without rows the type has only been guessed.
    if not type_.startswith(("DATE", "TIMESTAMP")) and holds_rows(session, relation):
        raise SqlpipeError(
            Diagnostic(
                code="SP103",
                message=f"`{time.column}` of {node.name} is {type_}: a time column has to be a date or a timestamp",
                help=f"cast it in the query, such as `{time.column}::date as {time.column}`",
            )
        )


def timeless(session: Session, relation: str, node: Node, time: TimeColumn | None) -> str:
    """What is told of new rows that are in no interval, so that no incremental table ever sees them."""
    if time is None:
        return ""
    require_time(session, relation, node, time)
    rows = int(session.query(f"select count(*) from {relation} where {quote(time.column)} is null")[0][0])
    return without_time(rows, time)


def without_time(rows: int, time: TimeColumn) -> str:
    """How many rows are in no interval, in words; empty if all are in one."""
    return f"{rows:,} row{'' if rows == 1 else 's'} without `{time.column}`" if rows else ""


class _ColumnsChanged(Exception):
    """The query has other columns than the table that takes its rows."""


def _require_columns(session: Session, staged: str, name: str) -> None:
    """Raise _ColumnsChanged if a table that is read has got or lost columns since the node's own table was made."""
    made, held = (sorted(session.describe(f"select * from {each}")) for each in (staged, name))
    if made != held:
        raise _ColumnsChanged


def make_room(session: Session, job: Job, kind: str) -> None:
    """Take away what stands under the node's name in another form; refuse what is not ours."""
    if job.exists and job.held is None:
        raise SqlpipeError(
            Diagnostic(
                code="SP514",
                message=f"{job.node.name} exists in the database already, and sqlpipe has not made it",
                help=f"rename or drop the {job.exists}, or declare it under `sources:` in sqlpipe.yml and read it",
            )
        )
    if job.exists and job.exists != kind:
        session.execute(f"drop {job.exists} {job.node.name.quoted}")


def all_checks(node: Node) -> list[tuple[str, tuple[Check, ...]]]:
    """All checks of a node, to be run over all of its rows."""
    return [(node.name.quoted, node.checks)] if node.checks else []


def _units(intervals: tuple[Interval, ...], grain: Grain) -> str:
    number = count_units(intervals, grain)
    return f"{number:,} {grain.value}{'' if number == 1 else 's'}"
