"""Whatever is done to runs, attempts and ticks in whatever order, the journal says what a small model says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import (
    ATTEMPT_STEPS,
    NODE_STEPS,
    RUN_STEPS,
    AttemptRecord,
    AttemptState,
    Claim,
    Lease,
    RunState,
)
from sqlpipe.domain.schedule import Order, Ruling, Settled, Tick, TickState
from sqlpipe.store import attempts, lease, runs, ticks
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.postgres import Server
from tests.store.journal import DIGESTS, NOON, a_node, a_run, a_tick, after, an_owner, watch

ROOM = 3
_SCOPES = count()
_RUNS = st.sampled_from([f"r{index}" for index in range(4)])
_NODES = st.sampled_from(["a", "b", "c"])
_OWNERS = st.sampled_from(["x", "y"])


@dataclass
class Tried:
    """An attempt as the model has it."""

    node: str
    state: AttemptState
    pool: str
    slots: int


@dataclass
class Model:
    """What should be in the journal."""

    runs: dict[str, RunState] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    nodes: dict[tuple[str, str], State] = field(default_factory=dict)
    attempts: dict[int, Tried] = field(default_factory=dict)
    ticks: dict[Tick, tuple[TickState, str]] = field(default_factory=dict)

    def step(self, run: str, to: RunState, owner: str, reason: str) -> bool:
        was = self.runs.get(run)
        if was is None or to not in RUN_STEPS[was]:
            return False
        self.runs[run] = to
        self.owners[run] = "" if to is RunState.QUEUED else owner or self.owners[run]
        self.reasons[run] = reason or (self.reasons[run] if was is RunState.CANCELLING else "")
        for tick, (state, by) in self.ticks.items():
            if (state, by) == (TickState.TAKEN, run):
                self.ticks[tick] = self.fate(run, to)
        return True

    def fate(self, run: str, to: RunState) -> tuple[TickState, str]:
        match to:
            case RunState.DONE:
                return TickState.COVERED, run
            case RunState.CANCELLED if self.reasons[run]:
                return TickState.SKIPPED, run
            case RunState.FAILED | RunState.CANCELLED | RunState.SKIPPED:
                return TickState.OPEN, run  # remembered, as a run may be repeated
            case _:
                return TickState.TAKEN, run

    def claims(self, claim: Claim, owner: str) -> bool:
        live = [each for each in self.attempts.values() if each.state is AttemptState.RUNNING]
        run = self.runs.get(claim.run)
        return not (
            any(each.node == claim.node for each in live)
            or (run is not None and (run is RunState.CANCELLING or not RUN_STEPS[run]))
            or self.owners.get(claim.run, "") not in ("", owner)
            or not self.may_become(claim.run, claim.node, State.RUNNING)
            or (claim.pool and sum(each.slots for each in live if each.pool == claim.pool) + claim.slots > ROOM)
        )

    def may_become(self, run: str, node: str, state: State) -> bool:
        was = self.nodes.get((run, node))
        return was is None or state in NODE_STEPS[was]

    def put(self, run: str, node: str, state: State) -> bool:
        legal = self.may_become(run, node, state)
        if legal:
            self.nodes[run, node] = state
        return legal


class JournalMachine(RuleBasedStateMachine):
    """Does things to a journal and to the model, and compares."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self.book = book
        self.model = Model()
        self.seconds = count(1)
        self.hours = count(1)
        self.lease: Lease = self.acquired("x")
        self.stale: Lease | None = None
        ticks.meet(book, self.lease, DIGESTS, NOON)

    def acquired(self, owner: str) -> Lease:
        found = lease.acquire(self.book, an_owner(owner), NOON, 10**7)
        assert found is not None
        return found

    def now(self) -> datetime:
        return after(next(self.seconds))

    def order(self, by: Lease, run: str, taken: tuple[Tick, ...], *settled: Settled) -> bool:
        ruling = Ruling(seen=NOON, settled=settled, orders=(Order(taken, "clock"),))
        return ticks.carry_out(self.book, by, "daily", ruling, self.now(), runs=[a_run(run)], cursor=None)

    @rule(run=_RUNS)
    def create(self, run: str) -> None:
        runs.create_run(self.book, a_run(run))
        self.enter(run)

    def enter(self, run: str) -> None:
        if run not in self.model.runs:
            self.model.runs[run], self.model.owners[run], self.model.reasons[run] = RunState.QUEUED, "", ""

    @rule(run=_RUNS, to=st.sampled_from(RunState), owner=_OWNERS, reason=st.sampled_from(["", "by anna"]))
    def step(self, run: str, to: RunState, owner: str, reason: str) -> None:
        found = runs.step_run(self.book, run, to, self.now(), owner=owner, reason=reason)
        assert found == self.model.step(run, to, owner, reason)

    @rule(run=_RUNS, node=_NODES, owner=_OWNERS, pool=st.sampled_from(["", "db"]), slots=st.integers(1, 3))
    def claim(self, run: str, node: str, owner: str, pool: str, slots: int) -> None:
        wish = Claim(run, node, pool=pool, slots=slots, room=ROOM)
        expected = self.model.claims(wish, owner)
        found = attempts.claim(self.book, wish, owner, self.now())
        assert isinstance(found, AttemptRecord) == expected, found
        if isinstance(found, AttemptRecord):
            assert found.id > max(self.model.attempts, default=0)
            self.model.attempts[found.id] = Tried(node, AttemptState.RUNNING, pool, slots)
            self.model.nodes[run, node] = State.RUNNING

    @precondition(lambda self: self.model.attempts)
    @rule(data=st.data(), to=st.sampled_from(AttemptState), state=st.sampled_from(State), run=_RUNS)
    def finish(self, data: st.DataObject, to: AttemptState, state: State, run: str) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.model.attempts)))
        tried = self.model.attempts[attempt]
        node = a_node(tried.node, state, run=run)
        legal = to in ATTEMPT_STEPS[tried.state]
        assert attempts.finish(self.book, attempt, Ending(state=to, at=self.now(), node=node)) == legal
        if legal:
            tried.state = to
            self.model.put(run, tried.node, state)

    @rule(run=_RUNS, states=st.lists(st.tuples(_NODES, st.sampled_from(State)), max_size=4))
    def put(self, run: str, states: list[tuple[str, State]]) -> None:
        records = [a_node(node, state, run=run) for node, state in states]
        expected = sum(self.model.put(run, node, state) for node, state in states)
        assert attempts.put_nodes(self.book, records) == expected

    @rule(run=_RUNS, old=st.sampled_from(TickState))
    def tick(self, run: str, old: TickState) -> None:
        """A new tick, and all that are open, go into a run; another tick is settled."""
        passed, fresh = a_tick(next(self.hours)), a_tick(next(self.hours))
        taken = (*self.open(), fresh)
        if old in (TickState.TAKEN, TickState.COVERED):
            old = TickState.OPEN
        known = run in self.model.runs
        if known and self.model.runs[run] is not RunState.QUEUED:
            return  # ids of runs are never used again
        assert self.order(self.lease, run, taken, Settled(passed, old))
        self.enter(run)
        self.model.ticks[passed] = old, ""
        for each in taken:
            self.model.ticks[each] = TickState.TAKEN, run

    @rule(run=_RUNS)
    def extend(self, run: str) -> None:
        fresh = a_tick(next(self.hours))
        ruling = Ruling(seen=NOON, extend=((run, (fresh,)),))
        assert ticks.carry_out(self.book, self.lease, "daily", ruling, self.now(), runs=[], cursor=None)
        waits = self.model.runs.get(run) is RunState.QUEUED
        self.model.ticks[fresh] = (TickState.TAKEN, run) if waits else (TickState.OPEN, "")

    @precondition(lambda self: self.model.ticks)
    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        """What is not open any more is not taken or settled again."""
        tick = data.draw(st.sampled_from(sorted(self.model.ticks)))
        if self.model.ticks[tick][0] is not TickState.OPEN:
            assert self.order(self.lease, "never", (tick,), Settled(tick, TickState.EXPIRED))

    @rule(run=_RUNS)
    def cancel(self, run: str) -> None:
        ruling = Ruling(seen=NOON, cancel=(run,))
        assert ticks.carry_out(self.book, self.lease, "daily", ruling, self.now(), runs=[], cursor=None)
        queued = self.model.runs.get(run) is RunState.QUEUED
        self.model.step(run, RunState.CANCELLED if queued else RunState.CANCELLING, "", "")

    @rule()
    def change_hands(self) -> None:
        lease.release(self.book, self.lease)
        self.stale, self.lease = self.lease, self.acquired("y" if self.lease.holder == "x" else "x")
        assert self.lease.epoch == self.stale.epoch + 1

    @precondition(lambda self: self.stale is not None)
    @rule()
    def come_too_late(self) -> None:
        assert self.stale is not None
        assert not self.order(self.stale, "stale", (a_tick(9999),))

    def open(self) -> tuple[Tick, ...]:
        return tuple(sorted(tick for tick, (state, _) in self.model.ticks.items() if state is TickState.OPEN))

    @invariant()
    def says_the_same(self) -> None:
        found = runs.runs(self.book, limit=100)
        assert {each.id: each.state for each in found} == self.model.runs
        assert {each.id: each.owner for each in found} == self.model.owners
        tried = {each.id: (each.node, each.state, each.pool, each.slots) for each in attempts.attempts(self.book)}
        assert tried == {id: (one.node, one.state, one.pool, one.slots) for id, one in self.model.attempts.items()}
        ticked = {each.tick: (each.state, each.run) for each in ticks.ticks(self.book, limit=1000)}
        assert ticked == self.model.ticks
        assert ticks.open_ticks(self.book, "daily") == self.open()
        nodes = {(run, each.node): each.state for run in self.model.runs for each in attempts.nodes(self.book, run)}
        assert nodes == {key: state for key, state in self.model.nodes.items() if key[0] in self.model.runs}


def _explore(address: str, examples: int, steps: int) -> None:
    books: list[Book] = []

    def machine() -> JournalMachine:
        books.append(open_book(address, f"machine {next(_SCOPES)}"))
        if address == ":memory:":
            watch(books[-1])
        return JournalMachine(books[-1])

    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck),
        database=None,
    )  # fmt: skip
    try:
        run_state_machine_as_test(machine, settings=chosen)  # type: ignore[arg-type]
    finally:
        for each in books:
            each.close()


def test_on_sqlite() -> None:
    _explore(":memory:", examples=40, steps=40)


def test_on_postgres(postgres_server: Server) -> None:
    _explore(postgres_server.address, examples=6, steps=40)


@pytest.mark.slow
def test_at_length_on_sqlite() -> None:
    _explore(":memory:", examples=400, steps=80)


@pytest.mark.slow
def test_at_length_on_postgres(postgres_server: Server) -> None:
    _explore(postgres_server.address, examples=30, steps=80)
