"""After a crash: what a process that is gone has left in the journal is taken up, or brought to its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptRecord, AttemptState, NodeRecord, RunRecord, RunState
from sqlpipe.domain.task import Mishap
from sqlpipe.run.crash import crash_point
from sqlpipe.run.owner import is_alive, put_down, put_down_strays, this_host
from sqlpipe.run.walk import FINAL
from sqlpipe.store import attempts, owners, runs
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book

RESUMABLE = "resumable"
GONE = "its process is gone"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found: attempts that were given up for lost, and runs by what became of them: queued again, or ended."""

    lost: int = 0
    queued: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


def recover(book: Book, now: datetime) -> Recovered:
    """Give up the attempts of processes that are gone; queue their runs again, or end those nobody waits for.

    Whether an attempt did commit is seen when its run goes on: the ledger knows. Doing this twice changes nothing.
    """
    known = {each.id: each for each in owners.owners(book)}
    true = datetime.now(UTC)
    gone = {key for key, each in known.items() if not is_alive(each, true)}
    lost = [each for each in attempts.live_attempts(book) if each.owner in gone or each.owner not in known]
    here = {key for key in gone if known[key].host == this_host()}
    for attempt in lost:
        if attempt.owner in here:
            put_down(attempt.process) if attempt.process else put_down_strays(attempt.run, attempt.node)
        _give_up(book, attempt, now)
        crash_point("given-up")
    queued, ended = [], []
    for run in runs.live_runs(book):
        if run.owner in known and run.owner not in gone:
            continue
        if run.options.get(RESUMABLE) and run.state is not RunState.CANCELLING:
            runs.step_run(book, run.id, RunState.QUEUED, now, reason=GONE)
            queued.append(run.id)
        else:
            _end(book, run, RunState.CANCELLED if run.state is RunState.CANCELLING else RunState.FAILED, now)
            ended.append(run.id)
        crash_point("put-back")
    for owner in gone:
        owners.retire(book, owner)
    return Recovered(len(lost), tuple(queued), tuple(ended))


def _give_up(book: Book, attempt: AttemptRecord, now: datetime) -> None:
    record = next((each for each in attempts.nodes(book, attempt.run) if _is_of(each, attempt)), None)
    if record is not None and record.state not in FINAL:
        tries = Counter(record.tries)
        tries[Mishap.LOST.value] += 1
        record = replace(record, state=State.WAITING, since=now, until=None, tries=dict(tries), detail=GONE)
    ending = Ending(state=AttemptState.LOST, at=now, node=record, mishap=Mishap.LOST, message=GONE)
    attempts.finish(book, attempt.id, ending)


def _is_of(record: NodeRecord, attempt: AttemptRecord) -> bool:
    return (record.node, record.item) == (attempt.node, attempt.item)


def _end(book: Book, run: RunRecord, state: RunState, now: datetime) -> None:
    """Bring a run to its end that nobody is going to take up, with the nodes that had begun."""
    left = [each for each in attempts.nodes(book, run.id) if each.state not in FINAL]
    attempts.put_nodes(book, [replace(each, state=State.CANCELLED, since=now, detail=GONE) for each in left])
    counts = Counter(each.state.value for each in attempts.nodes(book, run.id) if each.item < 0)
    # With a reason, the ticks of a run that somebody cancelled would be skipped as well.
    reason = "" if state is RunState.CANCELLED else GONE
    runs.step_run(book, run.id, state, now, counts=dict(counts), reason=reason)
