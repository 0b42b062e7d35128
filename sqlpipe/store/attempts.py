"""Nodes in runs and attempts at them: claimed by one process at a time, and ended once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import (
    ATTEMPT_STEPS,
    NODE_STEPS,
    RUN_STEPS,
    AttemptRecord,
    AttemptState,
    Claim,
    Facts,
    NodeRecord,
    Refused,
    RunState,
)
from sqlpipe.domain.task import Mishap
from sqlpipe.store.book import Book
from sqlpipe.store.cells import among, micros, moment, packed, pairs, plain, unpacked
from sqlpipe.store.happenings import enter_happening
from sqlpipe.store.statements import statements

_SQL = statements("attempts")
_LEGAL = pairs(NODE_STEPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended; `node` is what becomes of its node, `moved` the data version that its rows now have."""

    state: AttemptState
    at: datetime
    node: NodeRecord | None = None
    mishap: Mishap | None = None
    message: str = ""
    rows: int | None = None
    seconds: float = 0.0
    moved: str = ""


def claim(book: Book, claim: Claim, owner: str, at: datetime) -> AttemptRecord | Refused:
    """Begin an attempt, unless another one at the node is running anywhere or the pool has no room.

    The same claim by the same owner at the same time is the same attempt.
    """
    with book.writing(durable=claim.durable) as pen:
        item = {"run": claim.run, "node": claim.node, "item": claim.item}
        by, taken, last, run_state, run_owner, node_state = pen.query(_SQL["room"], {**item, "pool": claim.pool})[0]
        if by is not None:
            running = _attempt(pen.query(_SQL["attempt"], {"id": by})[0])
            mine = (running.run, running.number, running.owner, running.started)
            return running if mine == (claim.run, claim.number, owner, at) else Refused("it is being run", by)
        if run_state is not None and _past_claiming(RunState(run_state)):
            return Refused(f"the run is {run_state}")
        if run_owner and run_owner != owner:
            return Refused("another process carries out the run")
        if node_state is not None and State.RUNNING not in NODE_STEPS[State(node_state)]:
            return Refused(f"it is {node_state} in this run")
        if claim.pool and taken + claim.slots > claim.room:
            return Refused(f"the pool {claim.pool} has no room")
        begun = AttemptRecord(
            id=max(last + 1, micros(at)), run=claim.run, node=claim.node, item=claim.item, number=claim.number,
            state=AttemptState.RUNNING, owner=owner, started=at, pool=claim.pool, slots=claim.slots,
        )  # fmt: skip
        values = {**item, "owner": owner, "number": claim.number, "pool": claim.pool, "slots": claim.slots}
        pen.execute(_SQL["enter attempt"], {**values, "id": begun.id, "started": micros(at)})
        pen.execute(_SQL["start node"], {**item, "since": micros(at)})
        return begun


def finish(book: Book, attempt: int, ending: Ending) -> bool:
    """End an attempt; False, and nothing is written, where it has ended otherwise already.

    What becomes of its node, and that its rows moved, is written in the same transaction.
    """
    with book.writing() as pen:
        found = pen.query(_SQL["attempt"], {"id": attempt})
        if not found:
            return False
        was = _attempt(found[0])
        if (was.state, was.finished) == (ending.state, ending.at):
            return True
        if ending.state not in ATTEMPT_STEPS[was.state]:
            return False
        values = {
            "id": attempt,
            "was": was.state.value,
            "state": ending.state.value,
            "finished": micros(ending.at),
            "mishap": None if ending.mishap is None else ending.mishap.value,
            "message": plain(ending.message),
            "rows": ending.rows,
            "seconds": ending.seconds,
        }
        pen.execute(_SQL["end attempt"], values)
        if ending.node is not None:
            pen.execute(_SQL["put node"], _cells(ending.node))
        if ending.moved:
            enter_happening(pen, "moved", was.node, ending.at, version=ending.moved)
        return True


def put_nodes(book: Book, records: Sequence[NodeRecord]) -> int:
    """Enter nodes or move them on; those that may not go there from where they are are left alone.

    How many were written.
    """
    if not records:
        return 0
    with book.writing() as pen:
        return pen.many(_SQL["put node"], map(_cells, records))


def nodes(book: Book, run: str) -> list[NodeRecord]:
    """The nodes of a run, by key and item."""
    return [node_record(row) for row in book.query(_SQL["nodes"], {"run": run})]


def attempts(book: Book, *, run: str = "", node: str = "", limit: int = 1000) -> list[AttemptRecord]:
    """The attempts in a run or at a node, newest first."""
    statement = _SQL["attempts in run" if run else "attempts at node" if node else "attempts"]
    values = {"run": run, "node": node, "limit": limit}
    return [_attempt(row) for row in book.query(statement, values)]


def live_attempts(book: Book) -> list[AttemptRecord]:
    """The attempts that are running, oldest first."""
    return [_attempt(row) for row in book.query(_SQL["live attempts"])]


def note_process(book: Book, attempt: int, process: str) -> None:
    """Note which process, query or job does the work of an attempt, so that it can be found and stopped."""
    with book.writing() as pen:
        pen.execute(_SQL["note process"], {"id": attempt, "process": plain(process)})


def note_log(book: Book, attempt: int, path: str) -> None:
    """Note where an attempt writes its log."""
    with book.writing() as pen:
        pen.execute(_SQL["note log"], {"id": attempt, "log": plain(path)})


def last_seconds(book: Book) -> dict[str, float]:
    """How long the latest attempt that went well took, by node."""
    return dict(book.query(_SQL["last seconds"]))


def last_states(book: Book, kinds: Collection[str]) -> dict[str, State]:
    """How each node of these kinds (of any, without) ended in the newest finished run that had it."""
    values = {"every_kind": int(not kinds), "kinds": among(kinds)}
    return {node: State(state) for node, state in book.query(_SQL["last states"], values)}


def last_facts(book: Book, node: str, run: str) -> Facts:
    """What a node brought when it was done last, in another run than this one."""
    found = book.query(_SQL["last facts"], {"node": node, "run": run})
    return unpacked(found[0][0]) if found else {}


def last_well(book: Book, node: str) -> datetime | None:
    """When a node was last built, or found to be as it should be."""
    found = book.query(_SQL["last well"], {"node": node})
    return moment(found[0][0]) if found else None


def counts(book: Book) -> dict[str, int]:
    """How many attempts there are, by state."""
    return dict(book.query(_SQL["counts"]))


def mark(book: Book, run: str, node: str, state: State, at: datetime) -> bool:
    """Let a person's word stand for how a node ended that did not end well: it is done, or failed."""
    if state not in (State.DONE, State.FAILED):
        raise ValueError(state)
    values = {"run": run, "node": node, "state": state.value, "since": micros(at)}
    with book.writing() as pen:
        marked = pen.execute(_SQL["mark"], values) > 0
        if marked:
            pen.execute(_SQL["tell again"], {"run": run})
        return marked


def _past_claiming(state: RunState) -> bool:
    return state is RunState.CANCELLING or not RUN_STEPS[state]


def _cells(record: NodeRecord) -> dict[str, object]:
    return {
        "run": record.run,
        "node": record.node,
        "item": record.item,
        "kind": record.kind,
        "state": record.state.value,
        "since": micros(record.since),
        "until": micros(record.until),
        "tries": packed(record.tries),
        "facts": packed(record.facts),
        "waited": packed(record.waited),
        "action": record.action,
        "detail": plain(record.detail),
        "rows": record.rows,
        "seconds": record.seconds,
        "legal": _LEGAL,
    }


def node_record(row: tuple[Any, ...]) -> NodeRecord:
    """The node of a run that stands in a row of the journal."""
    run, node, state, since, item, kind, until, tries, facts, waited, action, detail, rows, seconds = row
    return NodeRecord(
        run=run,
        node=node,
        state=State(state),
        since=moment(since),
        item=item,
        kind=kind,
        until=moment(until),
        tries=unpacked(tries),
        facts=unpacked(facts),
        waited=unpacked(waited),
        action=action,
        detail=detail,
        rows=rows,
        seconds=seconds,
    )


def _attempt(row: tuple[Any, ...]) -> AttemptRecord:
    (
        id, run, node, number, state, owner, started, item, pool, slots, finished, mishap, message, rows, seconds, log,
        process,
    ) = row  # fmt: skip
    return AttemptRecord(
        id=id,
        run=run,
        node=node,
        number=number,
        state=AttemptState(state),
        owner=owner,
        started=moment(started),
        item=item,
        pool=pool,
        slots=slots,
        finished=moment(finished),
        mishap=None if mishap is None else Mishap(mishap),
        message=message,
        rows=rows,
        seconds=seconds,
        log=log,
        process=process,
    )
