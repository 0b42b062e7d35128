"""What a worker does with one node: the kind says which function, and whatever happens becomes an event."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter

from sqlpipe.domain.check import Freshness
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import NodeFinished, State
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import CheckQuery, Incremental, Ingest, Python, Seed, Source, Table, View
from sqlpipe.engine.contract import Interrupted, QueryError
from sqlpipe.load.secret import hidden
from sqlpipe.plan.decide import Look, Nothing, Recheck
from sqlpipe.run.blame import blame, place
from sqlpipe.run.build import build_python, build_seed, build_table, build_view, run_check
from sqlpipe.run.incremental import build_incremental
from sqlpipe.run.ingest import ingest
from sqlpipe.run.job import ChecksFailed, Desk, Job, Outcome
from sqlpipe.run.publish import recheck


def work(job: Job, desk: Desk) -> tuple[NodeFinished, Outcome | None, SqlpipeError | None]:
    """Run one node to its end; what went wrong, if it is for the author of the pipeline to mend, is returned."""
    began = perf_counter()
    try:
        outcome = _perform(job, desk)
    except SqlpipeError as error:
        finished = replace(_failed(job, error), seconds=perf_counter() - began)
        # When the run is being cancelled even this may be interrupted; the next run decides by what was committed.
        with suppress(SqlpipeError):
            _note(desk, job, finished)
        return finished, None, error
    unchanged = outcome.held is None or (not outcome.changed and isinstance(job.decision.scope, Look | Recheck))
    finished = NodeFinished(
        run=job.run,
        at=datetime.now(UTC),
        node=str(job.node.name),
        kind=job.node.kind_name,
        state=State.UNCHANGED if unchanged else State.DONE,
        action=outcome.action,
        rows=outcome.rows,
        seconds=perf_counter() - began,
        detail=outcome.detail,
        reason=job.decision.reason,
        checks=outcome.checks,
    )
    return finished, outcome, None


def _perform(job: Job, desk: Desk) -> Outcome:
    match job.decision.scope, job.node.kind:
        case Nothing(), _:
            return Outcome("", changed=False)
        case Recheck(), _:
            only_freshness = job.decision.change is Change.DUE
            checks = tuple(each for each in job.node.checks if not only_freshness or isinstance(each.rule, Freshness))
            return recheck(job, desk, checks)
        case _, View():
            return build_view(job, desk)
        case _, Table():
            return build_table(job, desk)
        case _, Incremental():
            return build_incremental(job, desk)
        case _, Seed():
            return build_seed(job, desk)
        case _, Ingest():
            return ingest(job, desk)
        case _, Python():
            return build_python(job, desk)
        case _, CheckQuery():
            return run_check(job, desk)
    raise AssertionError(job.node.kind)


def _failed(job: Job, error: SqlpipeError) -> NodeFinished:
    cancelled = isinstance(error, Interrupted)
    results = error.results if isinstance(error, ChecksFailed) else ()
    diagnostics: tuple[Diagnostic, ...] = error.diagnostics
    if isinstance(error, QueryError):
        diagnostics = (blame(job.root, job.graph, job.node, error),)
    diagnostics = tuple(hidden(place(job.root, job.node, each)) for each in diagnostics)
    return NodeFinished(
        run=job.run,
        at=datetime.now(UTC),
        node=str(job.node.name),
        kind=job.node.kind_name,
        state=State.CANCELLED if cancelled else State.FAILED,
        action=job.node.kind_name,
        detail=_why(job, error, diagnostics),
        reason=job.decision.reason,
        checks=results,
        diagnostics=() if cancelled else diagnostics,
    )


def _why(job: Job, error: SqlpipeError, diagnostics: tuple[Diagnostic, ...]) -> str:
    match error, job.node.kind:
        case Interrupted(), _:
            return "cancelled"
        case ChecksFailed(), CheckQuery():
            return "check failed"
        case ChecksFailed(), _:
            return _left(job)
        case _:
            return diagnostics[0].message


def _left(job: Job) -> str:
    if isinstance(job.node.kind, View | Source):
        return "check failed"
    return "check failed; live table left as it was" if job.exists else "check failed; nothing published"


def _note(desk: Desk, job: Job, finished: NodeFinished) -> None:
    """Write the failure down; the node's own transaction has been undone."""
    with desk.session.transaction():
        desk.ledger.record_attempt(desk.session, replace(finished, node=job.node.key))
        desk.ledger.record_checks(desk.session, job.run, job.node.key, finished.checks, job.now)
