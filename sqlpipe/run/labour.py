"""What a worker does with a node that has a table, and how any attempt ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Passing, SqlpipeError
from sqlpipe.domain.history import NodeFinished, State, as_json
from sqlpipe.domain.journal import Facts
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Mishap
from sqlpipe.engine.contract import Interrupted, QueryError
from sqlpipe.load.secret import hide
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.log import write_log
from sqlpipe.run.turn import Mischance, Stopper
from sqlpipe.run.work import work


@dataclass(frozen=True, slots=True)
class Ended:
    """How one attempt ended; `mishap` is the budget that a failure takes from, `met` whether a sensor may go on."""

    finished: NodeFinished
    outcome: Outcome | None = None
    facts: Facts = field(default_factory=dict)
    waited: Facts = field(default_factory=dict)
    mishap: Mishap | None = None
    met: bool = True


def build(job: Job, desk: Desk, stopper: Stopper, log: Path) -> Ended:
    """Bring one table up to date; what went wrong, or a check has found, is written down in `log`."""
    stopper.on_stop(desk.session.interrupt)
    if job.replaces:
        # Whatever became of the attempts before this one: from here on none of them can commit.
        with desk.session.transaction():
            desk.ledger.raise_fence(desk.session, job.node.key, job.attempt)
    finished, outcome, error = work(job, desk)
    mishap = mishap_of(error, stopper)
    if mishap is Mishap.TIMEOUT:
        finished = timed_out(finished, job.node)
    if mishap is not None or not all(each.passed for each in finished.checks):
        # Of one that went well the journal says all there is; a file for each would cost a millisecond a table.
        write_log(log, hide, _lines(job, finished))
    return Ended(finished, outcome, mishap=mishap)


def _lines(job: Job, finished: NodeFinished) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The log of a table: its query, what its checks found, and how it ended."""
    yield f"{finished.action}: {finished.reason}" if finished.reason else finished.action, {}
    if job.node.body:
        yield job.node.body, {"language": "sql"}
    for check in finished.checks:
        if not check.passed:
            yield f"{check.check.name}: {check.offences:,} of {check.total:,} rows", {"sample": check.sample}
    for each in finished.diagnostics:
        # With its place, so that the frame can be drawn again later.
        yield f"{each.code} {each.message}", {"notes": each.notes, "diagnostic": as_json(each)}
    rows = "" if finished.rows is None else f", {finished.rows:,} rows"
    yield f"{finished.state}{rows} in {finished.seconds:.3f} s", {}


def mishap_of(error: SqlpipeError | None, stopper: Stopper) -> Mishap | None:
    """The class of a failure; None if it is none, or the attempt was cancelled."""
    match error:
        case None:
            return None
        case Interrupted():
            return stopper.mishap
        case Mischance(mishap=mishap):
            return mishap
        case Passing() | QueryError(passing=True):
            return Mishap.TRANSIENT
        case _:
            return Mishap.PERMANENT


def timed_out(finished: NodeFinished, node: Node) -> NodeFinished:
    """The same ending, told as one that took too long."""
    said = f"{node.name} took longer than its timeout of {node.running.timeout or 0:g} s and was stopped"
    help = "give it more time with `timeout:`, or look in its log for what took so long"
    found = (Diagnostic(code="SP616", message=said, help=help),)
    return replace(finished, state=State.FAILED, detail=said, diagnostics=found)
