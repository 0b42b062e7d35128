"""Write, audit, publish: the one way in which rows become visible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlpipe.domain.check import Check, CheckResult, Freshness
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.held import Commit, FileSeen, Held
from sqlpipe.domain.interval import END_OF_TIME, Interval, subtract
from sqlpipe.domain.project import CheckQuery, View
from sqlpipe.engine.contract import QueryError, Session
from sqlpipe.run.audit import audit, complaints, unfit
from sqlpipe.run.crash import crash_point
from sqlpipe.run.job import ChecksFailed, Desk, Job, Outcome


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did inside its transaction.

    `changed` is false when the table's rows are the same as before; `whole` when everything may have changed, otherwise
    only `intervals` have; from `open_from` on they are touched but not done with. `audits` are the relations to look at
    before the commit, each with its checks.
    """

    action: str
    rows: int | None
    audits: Sequence[tuple[str, Sequence[Check]]] = ()
    detail: str = ""
    changed: bool = True
    whole: bool = True
    complete: bool = True
    intervals: Sequence[Interval] = ()
    open_from: datetime | None = None
    files: Sequence[FileSeen] = field(default=())
    position: str = ""


def publish(job: Job, desk: Desk, write: Callable[[Session], Written]) -> Outcome:
    """Write in a transaction, check what was written, and commit it with its ledger rows; or leave all as it was.

    Raises ChecksFailed, after the transaction is undone, when a check blocks.
    """
    session, ledger = desk.session, desk.ledger
    with session.transaction():
        written = write(session)
        crash_point("written")
        results = tuple(
            result for relation, checks in _due(job, written) for result in _audited(job, session, relation, checks)
        )
        refuse_blocking(job, results, published=False)
        held = next_held(job, written)
        ledger.record_version(session, job.node.key, held, job.run, job.attempt)
        ledger.record_checks(session, job.run, job.node.key, results, job.now)
        if written.files:
            ledger.record_files(session, job.node.key, held.version, written.files)
        ledger.record_intervals(session, job.node.key, _commits(job, written, held))
        crash_point("recorded")
    crash_point("published")
    return Outcome(written.action, written.rows, written.detail, results, held, written.changed)


def nothing_new(job: Job, desk: Desk, detail: str) -> Outcome:
    """There is nothing to write; checks that are due are run over the rows that are there."""
    due = checks_due(job)
    looked = recheck(job, desk, due) if due else Outcome("delta", changed=False)
    return replace(looked, action="delta", rows=0, detail=detail)


def checks_due(job: Job) -> tuple[Check, ...]:
    """The checks to be run though no rows are new: all if they or what they compare with changed, or freshness."""
    held = job.held
    if held is None:
        return ()
    compared = [key for key in job.inputs if key not in job.identity.inputs + job.identity.files]
    if held.checks != job.identity.checks or any(held.inputs.get(key) != job.inputs[key] for key in compared):
        return job.node.checks
    return tuple(check for check in job.node.checks if isinstance(check.rule, Freshness))


def _due(job: Job, written: Written) -> Sequence[tuple[str, Sequence[Check]]]:
    """What to look at before the commit: new rows, and all that are there if the checks have never seen those."""
    if written.whole or not written.complete:
        return written.audits
    due = checks_due(job)
    if due and (due == job.node.checks or not written.audits):
        return [(job.node.name.quoted, due)]
    return written.audits


def _commits(job: Job, written: Written, held: Held) -> Iterator[Commit]:
    """The intervals that were written; those not done with carry no fingerprint, so that they are computed again."""
    edge = [] if written.open_from is None else [Interval(written.open_from, END_OF_TIME)]
    for each in subtract(written.intervals, edge):
        yield Commit(each, held.version, held.fingerprint, job.inputs)
    for each in subtract(written.intervals, subtract(written.intervals, edge)):
        yield Commit(each, held.version, "", job.inputs)


def _audited(job: Job, session: Session, relation: str, checks: Sequence[Check]) -> tuple[CheckResult, ...]:
    """The results of the checks; a check that the database cannot make sense of is told with its place."""
    try:
        return audit(session, relation, checks, job.now)
    except QueryError as error:
        found = () if isinstance(job.node.kind, CheckQuery) else unfit(job.root, job.node, checks, error)
        if not found:
            raise
        raise SqlpipeError(*found) from error


def refuse_blocking(job: Job, results: tuple[CheckResult, ...], *, published: bool) -> None:
    """Raise ChecksFailed if any of the results blocks."""
    spared = "the live table was left as it was" if job.exists else "nothing was published"
    if isinstance(job.node.kind, View) and job.exists:
        spared = "the view shows what the tables below it hold now, these rows included"
    found = complaints(job.root, job.node, results, "the rows are live all the same" if published else spared)
    if found:
        raise ChecksFailed(results, *found)


def next_held(job: Job, written: Written) -> Held:
    """The state of the node after a write."""
    before = job.held
    last = before.version if before else 0
    version = last + 1 if written.changed else last
    rebuilt = version if written.whole and written.changed else (before.rebuilt if before else version)
    return Held(
        fingerprint=job.identity.fingerprint,
        checks=job.identity.checks if written.complete else (before.checks if before else ""),
        version=version,
        rebuilt=rebuilt,
        complete=written.complete,
        inputs=dict(job.inputs) if written.complete else dict(before.inputs if before else {}),
        position=written.position,
        kind=job.node.kind_name,
        rows=written.rows,
        at=job.now,
    )


def recheck(job: Job, desk: Desk, checks: Sequence[Check]) -> Outcome:
    """Look at the rows that are there and note that the checks, as they are now, hold."""
    before = job.held or Held(job.identity.fingerprint, "", 1, 1, complete=True, kind=job.node.kind_name)
    compared = {
        key: version for key, version in job.inputs.items() if key not in job.identity.inputs + job.identity.files
    }
    held = replace(before, checks=job.identity.checks, inputs={**before.inputs, **compared}, at=job.now)
    with desk.session.transaction():
        results = _audited(job, desk.session, job.node.name.quoted, checks)
        refuse_blocking(job, results, published=True)
        desk.ledger.record_version(desk.session, job.node.key, held, job.run, job.attempt)
        desk.ledger.record_checks(desk.session, job.run, job.node.key, results, job.now)
    return Outcome("checks", checks=results, held=held, changed=False)
