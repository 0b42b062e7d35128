"""Ingestion of files: those that are new or have changed since the last load, and only those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, span_of
from sqlpipe.domain.held import FileSeen
from sqlpipe.domain.interval import Interval, merge
from sqlpipe.domain.names import TableName, literal, quote
from sqlpipe.domain.project import Ingest
from sqlpipe.engine.contract import QueryError, Session
from sqlpipe.plan.decide import Look
from sqlpipe.run import apply
from sqlpipe.run.audit import of_delta
from sqlpipe.run.blame import source_text
from sqlpipe.run.build import all_checks, held_contents, make_room
from sqlpipe.run.crash import crash_point
from sqlpipe.run.evolve import fit
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.publish import Written, nothing_new, publish
from sqlpipe.run.relation import contents, covered, holds_rows, timeless
from sqlpipe.source import files
from sqlpipe.sql.rewrite import compose
from sqlpipe.store import ledger

LINEAGE = "_file"
_CHANGES = '"_sqlpipe_changes"'
_FILES_IN_A_STATEMENT = 50
_NAMED = 3


def ingest_files(job: Job, desk: Desk) -> Outcome:
    """Load the files that the ledger does not know as they are now."""
    kind = _kind(job)
    present = files.list_files(job.root, kind.source)
    whole = not isinstance(job.decision.scope, Look)
    if whole and not present:
        raise SqlpipeError(_nothing_there(job))
    seen = {} if whole or job.held is None else ledger.files_seen(desk.session, job.node.key, job.held.rebuilt)
    fresh = files.new_or_changed(present, seen)
    gone = kind.write == "replace" and bool(present) and not seen.keys() <= {each.path for each in present}
    if not fresh and not gone:
        return nothing_new(job, desk, "no new files")
    detail = _count(fresh, seen) or "files are gone"
    everything = whole or kind.write == "replace"
    try:
        if everything:
            return _load_all(job, desk, present, detail)
        _stage(job, desk.session, fresh)
        crash_point("staged")
        if holds_rows(desk.session, quote(job.staged)) and not holds_rows(desk.session, job.node.name.quoted):
            # The types of the table were guessed from files without rows, and would stay for good.
            return _load_all(job, desk, present, detail)
        return _load_delta(job, desk, fresh, detail, again=any(each.path in seen for each in fresh))
    except QueryError as error:
        notes = (_told(present if everything else fresh), "nothing was loaded")
        error.diagnostics = tuple(replace(each, notes=(*each.notes, *notes)) for each in error.diagnostics)
        raise


def _told(chosen: Sequence[FileSeen]) -> str:
    more = f" and {len(chosen) - _NAMED:,} more" if len(chosen) > _NAMED else ""
    return f"while reading {', '.join(each.path for each in chosen[:_NAMED])}{more}"


def _kind(job: Job) -> Ingest:
    assert isinstance(job.node.kind, Ingest)
    return job.node.kind


def _load_all(job: Job, desk: Desk, present: Sequence[FileSeen], detail: str) -> Outcome:
    """Load every file into a new table, straight from the files."""
    kind, name = _kind(job), job.node.name.quoted

    def write(session: Session) -> Written:
        before = held_contents(session, job)
        make_room(session, job, "table")
        rows = 0
        for index, query in enumerate(_queries(job, present)):
            rows += session.execute(
                f"insert into {name} by name {query}" if index else f"create or replace table {name} as {query}"
            )
            crash_point("inserted")
        if kind.key:
            apply.require_keys(session, name, kind.key, job.node.name)
        files.refuse_changed(job.root, present)
        without = timeless(session, name, job.node, kind.time)
        intervals = covered(session, name, kind.time) if kind.time else ()
        changed = before is None or before != contents(session, name)
        told = (detail, without, "" if changed else "same rows as before")
        return Written(
            "full load",
            rows,
            audits=all_checks(job.node),
            detail=", ".join(each for each in told if each),
            changed=changed,
            intervals=intervals,
            files=present,
        )

    return publish(job, desk, write)


def _load_delta(job: Job, desk: Desk, fresh: Sequence[FileSeen], detail: str, *, again: bool) -> Outcome:
    """Bring the staged rows of some files in by key, or in place of what the same files brought before.

    If a file was read `again`, most of its rows are those that are held, and only the others are brought in. To look
    for such rows costs as much as the load, so rows of new files are taken for new.
    """
    kind, table, staged = _kind(job), job.node.name, quote(job.staged)
    session = desk.session
    files.refuse_changed(job.root, fresh)
    if kind.key:
        apply.require_keys(session, staged, kind.key, table)

    def write(session: Session) -> Written:
        own = frozenset({"_deleted_at"})
        text = files.is_text(fresh)
        found = fit(session, staged, table, kind.schema, own=own, text=text)
        without = timeless(session, staged, job.node, kind.time)
        if kind.write == "merge":
            rows = _CHANGES if again else staged
            if again:
                held = apply.with_keys_of(staged, table, kind.key)
                apply.keep_changes(session, staged, held, found.columns, rows)
            touched = _touched(job, session, rows, fresh)
            applied = apply.merge_by_key(session, rows, table, kind.key, found.columns)
        else:
            touched = _touched(job, session, staged, fresh)
            applied = _replace_files(session, job, fresh, found.columns)
        changed = bool(applied.rows or found.added or found.widened)
        return Written(
            "delta",
            applied.rows,
            audits=of_delta(staged, table.quoted, job.node.checks) if changed else (),
            detail=f"{detail}: {applied}{f', {without}' if without else ''}",
            changed=changed,
            whole=False,
            intervals=touched if changed else (),
            files=fresh,
        )

    return publish(job, desk, write)


def _stage(job: Job, session: Session, fresh: Sequence[FileSeen]) -> None:
    """Read some files into a temporary table; what is held as text is not read as numbers that it looks like."""
    texts: tuple[str, ...] = ()
    _stage_as(job, session, _queries(job, fresh))
    if files.is_text(fresh):
        texts = _guessed(session, quote(job.staged), job.node.name)
    if texts:
        try:
            _stage_as(job, session, _queries(job, fresh, texts))
        except QueryError:  # such columns are made by the query, or are not in every file
            _stage_as(job, session, _queries(job, fresh))


def _stage_as(job: Job, session: Session, queries: Sequence[str]) -> None:
    staged = quote(job.staged)
    for index, query in enumerate(queries):
        session.execute(
            f"insert into {staged} by name {query}" if index else f"create or replace temp table {staged} as {query}"
        )


def _guessed(session: Session, staged: str, table: TableName) -> tuple[str, ...]:
    """The columns that are held as text and were taken for something else among the new rows."""
    held = {name.casefold(): type_ for name, type_ in session.describe(f"select * from {table.quoted}")}
    coming = session.describe(f"select * from {staged}")
    return tuple(name for name, type_ in coming if held.get(name.casefold()) == "VARCHAR" != type_)


def _touched(job: Job, session: Session, rows: str, fresh: Sequence[FileSeen]) -> tuple[Interval, ...]:
    """The times of the new rows, and of the held rows that they replace: a row may move from one day to another."""
    kind, table = _kind(job), job.node.name
    if kind.time is None:
        return ()
    replaced = f"(select * from {table.quoted} where {_from_files(fresh)})"
    if kind.write == "merge":
        replaced = apply.with_keys_of(rows, table, kind.key)
    return merge([*covered(session, rows, kind.time), *covered(session, replaced, kind.time)])


def _replace_files(session: Session, job: Job, fresh: Sequence[FileSeen], columns: Sequence[str]) -> apply.Applied:
    staged, table = quote(job.staged), job.node.name
    held = f"(select {apply.listed(columns)} from {table.quoted} where {_from_files(fresh)})"
    if contents(session, held) == contents(session, f"(select {apply.listed(columns)} from {staged})"):
        return apply.Applied()
    deleted = session.execute(f"delete from {table.quoted} where {_from_files(fresh)}")
    inserted = apply.insert(session, staged, table, columns)
    replaced = min(deleted, inserted)
    return apply.Applied(inserted - replaced, replaced, deleted - replaced)


def _from_files(fresh: Sequence[FileSeen]) -> str:
    return f"{LINEAGE} in ({', '.join(literal(each.path) for each in fresh)})"


def _queries(job: Job, chosen: Sequence[FileSeen], texts: Sequence[str] = ()) -> list[str]:
    """The statements' queries that read the files; `texts` are columns to be read as text.

    Rows that are appended carry the name of their file, so that a file delivered again replaces its own rows. A body
    of its own may do anything with `source`, so it is run over each file by itself to know which rows are whose.
    """
    kind = _kind(job)
    passes_through = _passes_through(job.node.body)
    if kind.write != "append":
        relation = files.reader(job.root, chosen, lineage=False, texts=texts)
        return [_body(job, relation, passes_through=passes_through)]
    if passes_through:
        prefix = literal(f"{job.root}/")
        relation = files.reader(job.root, chosen, lineage=True, texts=texts)
        path = quote(files.ORIGIN)
        return [f"select * exclude ({path}), replace({path}, {prefix}, '') as {LINEAGE} from {relation}"]
    each_file = [_one_file(job, each, texts) for each in chosen]
    starts = range(0, len(each_file), _FILES_IN_A_STATEMENT)
    return [" union all by name ".join(each_file[start : start + _FILES_IN_A_STATEMENT]) for start in starts]


def _one_file(job: Job, file: FileSeen, texts: Sequence[str]) -> str:
    body = _body(job, files.reader(job.root, [file], lineage=False, texts=texts), passes_through=False)
    return f"select *, {literal(file.path)} as {LINEAGE} from (\n{body}\n)"


def _passes_through(body: str) -> bool:
    return " ".join(body.split()).rstrip("; ").casefold() in {"", "select * from source", "from source"}


def _body(job: Job, relation: str, *, passes_through: bool) -> str:
    if passes_through or job.node.query is None:
        return f"select * from {relation}"
    return "\n" + compose(job.node.body, job.node.query, names={"source": relation})


def _count(fresh: Sequence[FileSeen], seen: dict[str, FileSeen]) -> str:
    changed = sum(1 for each in fresh if each.path in seen)
    new = len(fresh) - changed
    words = [
        f"{count:,} {what} file{'s' if count > 1 else ''}"
        for count, what in ((new, "new"), (changed, "changed"))
        if count
    ]
    return ", ".join(words)


def _nothing_there(job: Job) -> Diagnostic:
    kind = _kind(job)
    text = source_text(job.root / job.node.path)
    return Diagnostic(
        code="SP506",
        message=f"no file matches `{kind.source}`",
        span=span_of(job.node.path, text, kind.source_place),
        label=f"looked in {Path(job.root, kind.source).parent}",
        help="let the files land there, or mend the pattern",
    )
