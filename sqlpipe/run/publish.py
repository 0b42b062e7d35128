"""Write, audit, publish: the one way in which rows become visible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlpipe.domain.check import Check, CheckResult
from sqlpipe.domain.held import Commit, FileSeen, Held
from sqlpipe.domain.interval import END_OF_TIME, Interval, subtract
from sqlpipe.engine.contract import Session
from sqlpipe.run.audit import audit, complaints
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
            result for relation, checks in written.audits for result in audit(session, relation, checks, job.now)
        )
        refuse_blocking(job, results, published=False)
        held = next_held(job, written)
        ledger.record_version(session, job.node.key, held, job.run)
        ledger.record_checks(session, job.run, job.node.key, results, job.now)
        if written.files:
            ledger.record_files(session, job.node.key, held.version, written.files)
        ledger.record_intervals(session, job.node.key, _commits(job, written, held))
        crash_point("recorded")
    crash_point("published")
    return Outcome(written.action, written.rows, written.detail, results, held, written.changed)


def _commits(job: Job, written: Written, held: Held) -> Iterator[Commit]:
    """The intervals that were written; those not done with carry no fingerprint, so that they are computed again."""
    edge = [] if written.open_from is None else [Interval(written.open_from, END_OF_TIME)]
    for each in subtract(written.intervals, edge):
        yield Commit(each, held.version, held.fingerprint, job.inputs)
    for each in subtract(written.intervals, subtract(written.intervals, edge)):
        yield Commit(each, held.version, "", job.inputs)


def refuse_blocking(job: Job, results: tuple[CheckResult, ...], *, published: bool) -> None:
    """Raise ChecksFailed if any of the results blocks."""
    found = complaints(job.root, job.node, results, published=published)
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
        checks=job.identity.checks,
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
    assert job.held is not None
    compared = {
        key: version for key, version in job.inputs.items() if key not in job.identity.inputs + job.identity.files
    }
    held = replace(job.held, checks=job.identity.checks, inputs={**job.held.inputs, **compared}, at=job.now)
    with desk.session.transaction():
        results = audit(desk.session, job.node.name.quoted, checks, job.now)
        refuse_blocking(job, results, published=True)
        desk.ledger.record_version(desk.session, job.node.key, held, job.run)
        desk.ledger.record_checks(desk.session, job.run, job.node.key, results, job.now)
    return Outcome("checks", checks=results, held=held, changed=False)
