"""What tests of the journal share: times, records, and a guard that no illegal change of state is ever written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import (
    ATTEMPT_STEPS,
    NODE_STEPS,
    RUN_STEPS,
    AttemptRecord,
    AttemptState,
    Claim,
    Lease,
    NodeRecord,
    Owner,
    Refused,
    RunRecord,
    RunState,
)
from sqlpipe.domain.schedule import Tick, TickState
from sqlpipe.store import attempts
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from sqlpipe.store.lease import acquire

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DIGESTS = {"daily": "v1"}

TICK_STEPS: Mapping[TickState, frozenset[TickState]] = {
    # Covered without being taken: by a run that repeated the one which had it.
    TickState.OPEN: frozenset(set(TickState) - {TickState.OPEN}),
    TickState.TAKEN: frozenset({TickState.COVERED, TickState.OPEN, TickState.SKIPPED, TickState.SUPERSEDED}),
}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_run(id: str, state: RunState = RunState.QUEUED, *, created: datetime = NOON, pipeline: str = "") -> RunRecord:
    return RunRecord(id=id, state=state, created=created, pipeline=pipeline)


def a_node(node: str, state: State = State.WAITING, *, run: str = "r1", since: datetime = NOON) -> NodeRecord:
    return NodeRecord(run=run, node=node, state=state, since=since)


def an_owner(id: str, pid: int = 1) -> Owner:
    return Owner(id, "here", pid, 7, NOON)


def a_tick(hour: int) -> Tick:
    end = NOON + timedelta(hours=hour)
    return Tick(end, end - timedelta(hours=1), end)


def claimed(book: Book, node: str, *, run: str = "r1", owner: str = "me", at: datetime = NOON) -> AttemptRecord:
    attempt = attempts.claim(book, Claim(run, node), owner, at)
    assert not isinstance(attempt, Refused), attempt
    return attempt


def ended(book: Book, attempt: AttemptRecord, state: AttemptState = AttemptState.DONE, seconds: float = 1.0) -> bool:
    at = attempt.started + timedelta(seconds=seconds)
    return attempts.finish(book, attempt.id, Ending(state=state, at=at, seconds=seconds))


def leading(book: Book, owner: str = "leader", ttl: float = 86400) -> Lease:
    lease = acquire(book, an_owner(owner), NOON, ttl)
    assert lease is not None
    return lease


def watch(book: Book) -> None:
    """Have SQLite itself refuse every change of state that the tables of the domain do not list."""
    steps: Mapping[str, Mapping[Any, frozenset[Any]]] = {
        "run": RUN_STEPS,
        "attempt": ATTEMPT_STEPS,
        "node": NODE_STEPS,
        "tick": TICK_STEPS,
    }
    with book.writing() as pen:
        for table, legal in steps.items():
            allowed = ", ".join(f"'{was}>{to}'" for was, more in legal.items() for to in more)
            pen.execute(
                f"create trigger {table}_steps before update of state on {table} "
                f"when old.state <> new.state and old.state || '>' || new.state not in ({allowed}) "
                "begin select raise(abort, 'an illegal change of state'); end"
            )
