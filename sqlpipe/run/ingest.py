"""Ingestion from another database: everything compared with what is held, or what is new by a cursor."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, near_misses, span_of
from sqlpipe.domain.interval import Interval, merge
from sqlpipe.domain.names import literal, quote
from sqlpipe.domain.project import ColumnCursor, FilesCursor, FullCursor, Ingest, Node
from sqlpipe.engine.contract import Session
from sqlpipe.plan.decide import Look
from sqlpipe.run import apply
from sqlpipe.run.audit import of_delta
from sqlpipe.run.blame import source_text
from sqlpipe.run.build import all_checks, held_contents, make_room, replace_table
from sqlpipe.run.crash import crash_point
from sqlpipe.run.evolve import Fit, fit
from sqlpipe.run.ingest_files import ingest_files
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.publish import Written, nothing_new, publish
from sqlpipe.run.relation import contents, covered, holds_rows, timeless
from sqlpipe.source.contract import SPECIMEN
from sqlpipe.source.door import open_reader

_CHANGES, _VANISHED = '"_sqlpipe_changes"', '"_sqlpipe_vanished"'
_SOFT = "_deleted_at"


def ingest(job: Job, desk: Desk) -> Outcome:
    """Bring in what is new at the source of a node."""
    kind = _kind(job)
    if isinstance(kind.cursor, FilesCursor):
        return ingest_files(job, desk)
    whole = not isinstance(job.decision.scope, Look) or not holds_rows(desk.session, job.node.name.quoted)
    low = None if whole else _low(job)
    _stage(job, desk.session, low)
    crash_point("staged")
    if isinstance(job.decision.scope, Look) and not holds_rows(desk.session, quote(job.staged)):
        # No rows, no types: those that are held stay.
        if not holds_rows(desk.session, job.node.name.quoted):
            return nothing_new(job, desk, "nothing new")
        if not kind.key and isinstance(kind.cursor, FullCursor) and _same_names(job, desk.session):
            return replace_table(job, desk, f"select * from {job.node.name.quoted} limit 0", "replace")
    if kind.key:
        apply.require_keys(desk.session, quote(job.staged), kind.key, job.node.name)
    match kind.cursor:
        case ColumnCursor(column=column):
            _require_cursor(job, desk.session, column)
            return _load_all(job, desk) if whole else _by_cursor(job, desk, column, low)
        case FullCursor():
            if not kind.key:
                return replace_table(job, desk, f"select * from {quote(job.staged)}", "replace")
            return _load_all(job, desk) if whole else _compare(job, desk)
    raise AssertionError(kind.cursor)


def _kind(job: Job) -> Ingest:
    assert isinstance(job.node.kind, Ingest)
    return job.node.kind


def _same_names(job: Job, session: Session) -> bool:
    relations = (quote(job.staged), job.node.name.quoted)
    staged, held = ([name.casefold() for name, _ in session.describe(f"select * from {each}")] for each in relations)
    return staged == held


def _low(job: Job) -> str | None:
    """Where to read from, as a condition on the cursor; None to read everything."""
    cursor = _kind(job).cursor
    if not isinstance(cursor, ColumnCursor) or job.held is None or not job.held.position:
        return None
    try:
        return f"{quote(cursor.column)} >= {_less(job.held.position, cursor.lag)}"
    except (ValueError, OverflowError):
        value = job.held.position.partition(" ")[2]
        said = f"the cursor `{cursor.column}` is {value!r}, from which no time can be taken away"
        _refuse(job, said, "a cursor with a `lag` has to be a number, a date or a time in ISO form")


def _stage(job: Job, session: Session, low: str | None) -> None:
    """Read the source into a temporary table; rows without a cursor come too, to be complained of."""
    kind = _kind(job)
    query = job.node.body.strip().rstrip(";")
    if low is not None and isinstance(kind.cursor, ColumnCursor):
        query = f"select * from (\n{query}\n) where {low} or {quote(kind.cursor.column)} is null"
    reader = open_reader(kind.source, job.connections[kind.source])
    try:
        with reader.read(query) as rows:
            session.stage(job.staged, rows)
        session.execute(f"delete from {quote(job.staged)} where {SPECIMEN} = 1")
        session.execute(f"alter table {quote(job.staged)} drop column {SPECIMEN}")
    finally:
        reader.close()


def _less(position: str, lag: float) -> str:
    """A watermark moved back by a lag, as SQL, in the type and the spelling that the source uses."""
    type_, _, text = position.partition(" ")
    if "INT" in type_:
        return str(int(text) - int(lag))
    if not lag:
        return literal(text)
    moment = datetime.fromisoformat(text) - timedelta(seconds=lag)
    if len(text) == len("2013-01-01"):
        return literal(moment.date().isoformat())
    separator = "T" if "T" in text else " "
    spelled = moment.isoformat(sep=separator, timespec="microseconds" if "." in text else "seconds")
    return literal(spelled[: len(text)])


def _require_cursor(job: Job, session: Session, column: str) -> None:
    """Raise SP506 for a cursor that could lose rows: NULLs, or a type in which values are not exact."""
    staged = quote(job.staged)
    types = {name.casefold(): type_ for name, type_ in session.describe(f"select * from {staged}")}
    type_ = types.get(column.casefold())
    if type_ is None:
        _refuse(job, f"the source has no column `{column}` for the cursor", f"it has {', '.join(types)}")
    if type_ in {"FLOAT", "DOUBLE"} and _count(session, staged):
        remedy = "use a whole number, a date or a time as the cursor"
        _refuse(job, f"the cursor `{column}` is a floating point number, which is not exact", remedy)
    nulls = _count(session, f"{staged} where {quote(column)} is null")
    if nulls:
        remedy = f"leave them out in the query (`where {column} is not null`), or give them a value"
        _refuse(job, f"{nulls:,} rows have no value in the cursor `{column}`, so they could be missed", remedy)


def _refuse(job: Job, message: str, remedy: str) -> NoReturn:
    notes = ("nothing was loaded",)
    raise SqlpipeError(Diagnostic(code="SP506", message=f"{job.node.name}: {message}", notes=notes, help=remedy))


def _position(job: Job, session: Session, column: str) -> str:
    """The new watermark: the type and the highest value seen."""
    staged = quote(job.staged)
    row = session.query(f"select max({quote(column)})::varchar, any_value(typeof({quote(column)})) from {staged}")[0]
    return f"{row[1]} {row[0]}" if row[0] is not None else ""


def _load_all(job: Job, desk: Desk) -> Outcome:
    kind, table = _kind(job), job.node.name

    def write(session: Session) -> Written:
        before = held_contents(session, job)
        make_room(session, job, "table")
        extra = f", null::timestamp as {_SOFT}" if kind.deletes == "soft" else ""
        rows = session.execute(f"create or replace table {table.quoted} as select *{extra} from {quote(job.staged)}")
        without = timeless(session, table.quoted, job.node, kind.time)
        intervals = covered(session, table.quoted, kind.time) if kind.time else ()
        changed = before is None or before != contents(session, table.quoted)
        return Written(
            "full load",
            rows,
            audits=all_checks(job.node),
            detail=", ".join(each for each in (without, "" if changed else "same rows as before") if each),
            changed=changed,
            intervals=intervals,
            position=_position(job, session, kind.cursor.column) if isinstance(kind.cursor, ColumnCursor) else "",
        )

    return publish(job, desk, write)


def _by_cursor(job: Job, desk: Desk, column: str, low: str | None) -> Outcome:
    """Apply the rows at or after the watermark; those that are held exactly so already do not count."""
    kind, table, staged, session = _kind(job), job.node.name, quote(job.staged), desk.session
    if not _count(session, staged):
        return nothing_new(job, desk, "nothing new")

    def write(session: Session) -> Written:
        found = fit(session, staged, table, kind.schema, own=frozenset({_SOFT}))
        window = low or "true"
        held = f"(select * from {table.quoted} where {window})"
        if kind.key:
            held = apply.with_keys_of(staged, table, kind.key)
        apply.keep_changes(session, staged, held, found.columns, _CHANGES)
        if kind.key:
            held = apply.with_keys_of(_CHANGES, table, kind.key)
        touched: tuple[Interval, ...] = ()
        if kind.time:
            touched = merge([*covered(session, _CHANGES, kind.time), *covered(session, held, kind.time)])
        if kind.key:
            applied = apply.merge_by_key(session, _CHANGES, table, kind.key, found.columns)
        else:
            applied = _replace_window(session, job, window, found.columns)
        return _delta(job, session, found, applied, touched, _position(job, session, column))

    return publish(job, desk, write)


def _delta(
    job: Job, session: Session, found: Fit, applied: apply.Applied, touched: tuple[Interval, ...], position: str = ""
) -> Written:
    """What a load of changes did; without any, and with the columns as they were, it did nothing."""
    without = timeless(session, _CHANGES, job.node, _kind(job).time)
    changed = bool(applied.rows or found.added or found.widened)
    return Written(
        "compare" if isinstance(_kind(job).cursor, FullCursor) else "delta",
        applied.rows,
        audits=of_delta(_CHANGES, job.node.name.quoted, job.node.checks) if changed else (),
        detail=f"{applied}{f', {without}' if without else ''}",
        changed=changed,
        whole=False,
        intervals=touched if changed else (),
        position=position,
    )


def _replace_window(session: Session, job: Job, window: str, columns: tuple[str, ...]) -> apply.Applied:
    """Without a key the source has the say in the window that was read: it replaces what is held there."""
    staged, table = quote(job.staged), job.node.name
    shared, held = apply.listed(columns), f"(select * from {table.quoted} where {window})"
    new = _count(session, f"(select {shared} from {staged} except all select {shared} from {held})")
    old = _count(session, f"(select {shared} from {held} except all select {shared} from {staged})")
    if not new and not old:
        return apply.Applied()
    session.execute(f"delete from {table.quoted} where {window}")
    apply.insert(session, staged, table, columns)
    updated = min(new, old)
    return apply.Applied(new - updated, updated, old - updated)


def _compare(job: Job, desk: Desk) -> Outcome:
    """Compare all rows of the source with all that are held, by key."""
    kind, table, staged = _kind(job), job.node.name, quote(job.staged)

    def write(session: Session) -> Written:
        found = fit(session, staged, table, kind.schema, own=frozenset({_SOFT}))
        columns = found.columns
        held = f"(select * from {table.quoted}{f' where {_SOFT} is null' if kind.deletes == 'soft' else ''})"
        apply.keep_changes(session, staged, held, columns, _CHANGES)
        vanished = apply.keep_vanished(session, staged, held, kind.key, _VANISHED) if kind.deletes != "ignore" else 0
        total = _count(session, held)
        if vanished * 100 > kind.max_deletes * total and (vanished > 1 or not _count(session, staged)):
            raise SqlpipeError(_too_many(job, vanished, total))
        touched: tuple[Interval, ...] = ()
        if kind.time:
            replaced = (_CHANGES, *([_VANISHED] if vanished else []))
            old = [apply.with_keys_of(each, table, kind.key) for each in replaced]
            touched = merge([each for part in (_CHANGES, *old) for each in covered(session, part, kind.time)])
        applied = apply.merge_by_key(session, _CHANGES, table, kind.key, columns)
        if vanished:
            applied = apply.Applied(applied.inserted, applied.updated, _delete(session, job))
        return _delta(job, session, found, applied, touched)

    return publish(job, desk, write)


def _delete(session: Session, job: Job) -> int:
    kind, table = _kind(job), job.node.name
    if kind.deletes == "hard":
        return apply.delete_keys(session, _VANISHED, table, kind.key)
    same = " and ".join(f"t.{quote(each)} = n.{quote(each)}" for each in kind.key)
    return session.execute(
        f"update {table.quoted} as t set {_SOFT} = ? from {_VANISHED} as n where {same} and t.{_SOFT} is null",
        (job.now,),
    )


def _count(session: Session, relation: str) -> int:
    return int(session.query(f"select count(*) from {relation}")[0][0])


def _too_many(job: Job, vanished: int, total: int) -> Diagnostic:
    return Diagnostic(
        code="SP509",
        message=f"{vanished:,} of {total:,} rows of {job.node.name} are no longer at the source, "
        f"and `max_deletes` allows {_kind(job).max_deletes:g}%",
        notes=("nothing was loaded",),
        help="if that is right, set `max_deletes: 100%` in the header for one run; otherwise look at the source",
    )


def unknown_connection(root: Path, node: Node, kind: Ingest, connections: Iterable[str]) -> Diagnostic:
    """The complaint that the profile does not have the connection an ingest reads from."""
    has = sorted(connections)
    close = near_misses(kind.source, has)
    return Diagnostic(
        code="SP108",
        message=f"there is no connection `{kind.source}` in the profile",
        span=span_of(node.path, source_text(root / node.path), kind.source_place),
        label=f"the profile has {', '.join(has) or 'none'}",
        help=f"did you mean `{close[0]}`?" if close else "add it under `connections:` in profiles.yml",
    )
