"""What is worth telling is found in the journal, told once, and its end is told once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from sqlpipe.domain.check import Check, Freshness
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptState, NodeRecord, Owner, RunRecord, RunState
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Node, Table
from sqlpipe.domain.schedule import AlertRule, Order, Pipeline, Ruling, Settled, TickState
from sqlpipe.domain.task import Mishap
from sqlpipe.load.secret import keep_secret
from sqlpipe.run.alarms import STUCK, look
from sqlpipe.run.recover import recover
from sqlpipe.store import attempts, lease, messages, owners, runs, sweep, ticks
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import NOTHING, Book, Pen
from sqlpipe.store.door import open_book
from tests.store.journal import DIGESTS, NOON, a_node, a_run, a_tick, after, an_owner, claimed, leading

PIPELINES = (Pipeline("daily", Place(1, 1)),)
BEFORE = NOON - timedelta(days=1)


def _node_named(name: str, *within: float) -> Node:
    checks = tuple(Check(Freshness("at", each), "freshness", Place(1, 1)) for each in within)
    return Node(TableName("marts", name), f"models/{name}.sql", Table(), digest="d", checks=checks)


NODES = {"marts.a": _node_named("A"), "marts.b": _node_named("b")}


@dataclass
class Watch:
    """A journal, and what is told of it."""

    book: Book
    nodes: Mapping[str, Node] = field(default_factory=lambda: NODES)
    pipelines: tuple[Pipeline, ...] = PIPELINES
    since: datetime = BEFORE

    def look(self, seconds: float = 10**6) -> list[tuple[str, str, str]]:
        """Look twice; what the first look has told: rule, subject and title."""
        before = len(self.told())
        posted = look(self.book, self.pipelines, self.nodes, after(seconds), since=self.since)
        told = self.told()[before:]
        assert posted == len(told)
        assert look(self.book, self.pipelines, self.nodes, after(seconds), since=self.since) == 0
        return [(rule, subject, title) for rule, subject, _, title, _, _ in told]

    def told(self) -> list[tuple[Any, ...]]:
        return self.book.query("select rule, subject, episode, title, text, created from message order by id")

    def text(self) -> str:
        return str(self.told()[-1][4])

    def begin(self, run: str, at: float, pipeline: str = "daily", deadline: float | None = None) -> None:
        due = None if deadline is None else after(deadline)
        record = RunRecord(id=run, state=RunState.QUEUED, created=after(at), pipeline=pipeline, deadline=due)
        runs.create_run(self.book, record)
        assert runs.step_run(self.book, run, RunState.RUNNING, after(at), owner="me")

    def node(self, run: str, state: State, at: float, *, node: str = "marts.a", detail: str = "") -> None:
        record = NodeRecord(run=run, node=node, state=state, since=after(at), kind="table", detail=detail)
        assert attempts.put_nodes(self.book, [record]) == 1

    def end(self, run: str, at: float, state: RunState = RunState.DONE, reason: str = "") -> None:
        assert runs.step_run(self.book, run, state, after(at), reason=reason)

    def whole(self, run: str, state: State, at: float) -> None:
        """A run with one node."""
        self.begin(run, at)
        self.node(run, state, at + 1)
        self.end(run, at + 2, RunState.FAILED if state is State.FAILED else RunState.DONE)


@pytest.fixture
def watch(journal: Book) -> Watch:
    return Watch(journal)


def test_nothing_has_happened(watch: Watch) -> None:
    assert watch.look() == []
    watch.whole("r1", State.DONE, 0)
    assert watch.look() == []


@pytest.mark.catalogue("A2", "Z4")
def test_a_node_that_fails_in_run_after_run_is_told_once_and_once_when_it_is_well(watch: Watch) -> None:
    watch.begin("r1", 0)
    watch.node("r1", State.FAILED, 5, detail="no such column")
    assert watch.look() == [("node_failed", "marts.a", "marts.A failed")]
    assert watch.text().splitlines() == [
        "no such column",
        "since 2026-05-04 12:00 UTC, in run r1 of daily",
        "sqlpipe logs r1 marts.A",
        "sqlpipe runs r1",
    ]
    watch.end("r1", 6, RunState.FAILED)
    assert watch.look() == [], "the run failed because of the node"
    watch.whole("r2", State.FAILED, 10)
    assert watch.look() == []
    watch.whole("r3", State.CANCELLED, 15)
    assert watch.look() == []
    watch.whole("r4", State.UNCHANGED, 20)
    assert watch.look() == [("recovered", "marts.a", "marts.A is well again")]
    assert "run r4 went well; it had failed since 2026-05-04 12:00 UTC, in run r1" in watch.text()
    watch.whole("r5", State.DONE, 30)
    assert watch.look() == []
    watch.whole("r6", State.FAILED, 40)
    assert watch.look() == [("node_failed", "marts.a", "marts.A failed")]


@pytest.mark.catalogue("A2")
def test_nothing_is_told_while_tries_remain(watch: Watch) -> None:
    watch.begin("r1", 0)
    attempt = claimed(watch.book, "marts.a", at=after(1))
    waiting = a_node("marts.a", State.WAITING, since=after(2))
    failed = Ending(state=AttemptState.FAILED, at=after(2), node=waiting, mishap=Mishap.TRANSIENT, message="locked")
    assert attempts.finish(watch.book, attempt.id, failed)
    assert watch.look() == []
    again = claimed(watch.book, "marts.a", at=after(3))
    last = Ending(
        state=AttemptState.FAILED, at=after(4), node=a_node("marts.a", State.FAILED, since=after(4)), message="locked!"
    )
    assert attempts.finish(watch.book, again.id, last)
    assert watch.look() == [("node_failed", "marts.a", "marts.A failed")]
    assert watch.text().startswith("locked!\n")


def test_an_item_of_a_task_is_not_told_of_but_its_task(watch: Watch) -> None:
    watch.begin("r1", 0)
    item = NodeRecord(run="r1", node="marts.a", state=State.FAILED, since=after(1), item=0)
    attempts.put_nodes(watch.book, [item])
    assert watch.look() == []
    watch.node("r1", State.FAILED, 2, detail="1 of 2 items")
    assert len(watch.look()) == 1


def test_a_failed_check_has_a_rule_of_its_own_and_shares_the_episode(watch: Watch) -> None:
    watch.begin("r1", 0)
    attempt = claimed(watch.book, "marts.a", at=after(1))
    node = NodeRecord(
        run="r1", node="marts.a", state=State.FAILED, since=after(2), kind="table",
        detail="check failed; live table left as it was",
    )  # fmt: skip
    said = "check `unique(id)` fails for marts.A: 2 of 9 rows"
    attempts.finish(watch.book, attempt.id, Ending(state=AttemptState.FAILED, at=after(2), node=node, message=said))
    assert watch.look() == [("check_failed", "marts.a", "a check of marts.A failed")]
    assert watch.text().startswith(f"{said} (live table left as it was)\n")
    watch.end("r1", 3, RunState.FAILED)
    watch.whole("r2", State.FAILED, 10)
    assert watch.look() == []
    watch.whole("r3", State.DONE, 20)
    assert watch.look() == [("recovered", "marts.a", "marts.A is well again")]


def test_a_task_that_speaks_of_a_check_has_just_failed(watch: Watch) -> None:
    watch.begin("r1", 0)
    record = NodeRecord(run="r1", node="x", state=State.FAILED, since=after(1), kind="task", detail="check failed: no")
    attempts.put_nodes(watch.book, [record])
    watch.look()
    assert watch.told()[0][0] == "node_failed"


def test_a_whole_night_of_ups_and_downs_is_told_in_order_at_once(watch: Watch) -> None:
    for number, state in enumerate(
        [State.FAILED, State.FAILED, State.DONE, State.UNCHANGED, State.FAILED, State.DONE, State.FAILED]
    ):
        watch.whole(f"r{number}", state, 10 * number)
    watch.look()
    assert [(rule, episode) for rule, _, episode, *_ in watch.told()] == [
        ("node_failed", "r0"), ("recovered", "r0"), ("node_failed", "r4"), ("recovered", "r4"), ("node_failed", "r6"),
    ]  # fmt: skip


def test_what_comes_to_light_late_belongs_where_it_happened(watch: Watch) -> None:
    watch.begin("slow", 0)
    watch.whole("r1", State.FAILED, 10)
    watch.whole("r2", State.DONE, 20)
    assert len(watch.look()) == 2
    watch.node("slow", State.FAILED, 15)
    watch.end("slow", 30, RunState.FAILED)
    assert watch.look() == [], "it has been well since"
    watch.begin("slower", 31)
    watch.whole("r3", State.DONE, 50)
    assert watch.look() == []
    watch.node("slower", State.FAILED, 40)
    assert [rule for rule, *_ in watch.look()] == ["node_failed", "recovered"]


def test_a_person_says_that_it_is_well(watch: Watch) -> None:
    watch.whole("r1", State.FAILED, 0)
    watch.look()
    assert attempts.mark(watch.book, "r1", "marts.a", State.DONE, after(60))
    assert watch.look() == [("recovered", "marts.a", "marts.A is well again")]


def test_a_node_that_is_no_more_is_in_no_episode(watch: Watch) -> None:
    watch.whole("r1", State.FAILED, 0)
    watch.look()
    watch.nodes = {"marts.b": NODES["marts.b"]}
    assert watch.look(100) == [("recovered", "marts.a", "marts.a is no longer watched")]
    watch.nodes = NODES
    watch.whole("r2", State.FAILED, 200)
    assert watch.look() == [("node_failed", "marts.a", "marts.A failed")]


def test_what_ended_before_is_not_dug_out(watch: Watch) -> None:
    watch.since = after(50)
    watch.whole("r1", State.FAILED, 0)
    watch.begin("r2", 20, deadline=30)
    watch.end("r2", 40, RunState.FAILED, "no database")
    assert watch.look() == []
    watch.since = BEFORE
    assert watch.look() == [], "nor later"


def test_secrets_are_not_told(watch: Watch) -> None:
    keep_secret(["hunter2secret"])
    watch.begin("r1", 0)
    watch.node("r1", State.FAILED, 1, detail="cannot log in with hunter2secret")
    watch.look()
    assert "cannot log in with •••" in watch.text()


@pytest.mark.catalogue("A1")
def test_a_run_whose_process_was_killed_is_told_by_those_who_find_it(watch: Watch) -> None:
    owners.register(watch.book, Owner("me", "elsewhere", 1, 1, NOON - timedelta(days=9999)))
    watch.begin("r1", 0)
    claimed(watch.book, "marts.a", owner="me", at=after(1))
    assert watch.look() == []
    assert recover(watch.book, after(3600)).ended == ("r1",)
    assert watch.look() == [("run_failed", "daily", "daily failed")]
    assert watch.text().startswith("its process is gone\nrun r1, 2026-05-04 13:00 UTC\n")
    watch.begin("r2", 4000)
    watch.end("r2", 4001, RunState.FAILED, "no database")
    assert watch.look() == []
    watch.whole("r3", State.DONE, 5000)
    assert watch.look() == [("recovered", "daily", "daily is well again")]


def test_a_run_of_no_pipeline_fails_by_itself(watch: Watch) -> None:
    watch.begin("r1", 0, pipeline="")
    watch.end("r1", 1, RunState.FAILED, "no database")
    watch.begin("r2", 2, pipeline="")
    watch.end("r2", 3)
    assert watch.look() == [("run_failed", "r1", "run r1 failed")]


def test_a_pipeline_that_is_no_more_is_in_no_episode(watch: Watch) -> None:
    watch.begin("r1", 0)
    watch.end("r1", 1, RunState.FAILED, "no database")
    watch.look()
    watch.pipelines = ()
    assert watch.look() == [("recovered", "daily", "daily is no longer watched")]


@pytest.mark.parametrize("state", [State.CANCELLED, State.DONE])
def test_a_run_that_is_cancelled_or_done_is_no_news(watch: Watch, state: State) -> None:
    watch.begin("r1", 0)
    watch.end("r1", 1, RunState(state.value))
    assert watch.look() == []


@pytest.mark.catalogue("A3")
def test_a_deadline_is_missed_once(watch: Watch) -> None:
    runs.create_run(
        watch.book, RunRecord(id="queued", state=RunState.QUEUED, created=NOON, pipeline="x", deadline=after(60))
    )
    watch.begin("late", 0, deadline=60)
    watch.begin("in time", 0, deadline=60)
    watch.end("in time", 60)
    assert watch.look(60) == []
    assert watch.look(61) == [
        ("deadline_missed", "daily", "daily missed its deadline"),
        ("deadline_missed", "x", "x missed its deadline"),
    ]
    watch.end("late", 100)
    assert watch.look(200) == []
    watch.begin("by hand", 200, pipeline="", deadline=210)
    watch.end("by hand", 220)
    assert watch.look(300) == [("deadline_missed", "by hand", "run by hand missed its deadline")]
    assert "had to be done by 2026-05-04 12:03 UTC; it is done at 2026-05-04 12:03 UTC" in watch.text()


def _settle(book: Book, *settled: Settled, order: tuple[RunRecord, Order] | None = None) -> None:
    mine = leading(book)
    ticks.meet(book, mine, DIGESTS, NOON)
    orders, records = ((), []) if order is None else ((order[1],), [order[0]])
    ruling = Ruling(seen=NOON, settled=settled, orders=orders)
    assert ticks.carry_out(book, mine, "daily", ruling, NOON, runs=records, cursor=None)


@pytest.mark.catalogue("M3", "M10")
def test_ticks_that_are_not_run_are_told_of_together(watch: Watch) -> None:
    expired = [Settled(a_tick(hour), TickState.EXPIRED, "not started within 7d") for hour in (1, 2, 3)]
    skipped = Settled(a_tick(4), TickState.SKIPPED, "r1 had not finished")
    paused = Settled(a_tick(5), TickState.SKIPPED, "paused")
    _settle(watch.book, *expired, skipped, paused, Settled(a_tick(6), TickState.SUPERSEDED, "edited"))
    assert watch.look() == [
        ("interval_expired", "daily", "3 intervals of daily expired"),
        ("interval_skipped", "daily", "an interval of daily was skipped"),
    ]
    assert watch.told()[0][4] == "from 2026-05-04 12:00 UTC to 2026-05-04 15:00 UTC\nnot started within 7d"
    _settle(watch.book, *expired, Settled(a_tick(7), TickState.EXPIRED, "not started within 7d"))
    assert watch.look() == [("interval_expired", "daily", "an interval of daily expired")]


def test_a_tick_whose_run_is_cancelled_for_a_reason_is_skipped(watch: Watch) -> None:
    _settle(watch.book, order=(a_run("r1", pipeline="daily"), Order((a_tick(1),), "clock")))
    assert watch.look() == []
    runs.step_run(watch.book, "r1", RunState.CANCELLED, after(1), reason="not today")
    assert watch.look() == [("interval_skipped", "daily", "an interval of daily was skipped")]
    assert watch.text().endswith("\nnot today")


@pytest.mark.catalogue("A4")
def test_rows_that_are_not_confirmed_for_too_long(watch: Watch) -> None:
    watch.nodes = {"marts.a": _node_named("a", 7200, 3600), "marts.b": _node_named("b", 60)}
    assert watch.look(10**6) == [], "what was never built has been promised to nobody"
    watch.whole("r1", State.DONE, 0)
    assert watch.look(3600) == []
    assert watch.look(3602) == [("freshness", "marts.a", "marts.a is not fresh")]
    assert watch.text().startswith(
        "its rows were last confirmed at 2026-05-04 12:00 UTC, in run r1; promised is every 1h"
    )
    assert watch.look(9999) == []
    watch.whole("r2", State.FAILED, 10000)
    assert watch.look(10001) == [("node_failed", "marts.a", "marts.a failed")]
    watch.whole("r3", State.UNCHANGED, 11000)
    assert sorted(watch.look(11010)) == [
        ("recovered", "marts.a", "marts.a is fresh again"),
        ("recovered", "marts.a", "marts.a is well again"),
    ]
    assert watch.look(11001 + 3601) == [("freshness", "marts.a", "marts.a is not fresh")]
    watch.nodes = {"marts.a": _node_named("a")}
    assert watch.look(30000) == [("recovered", "marts.a", "marts.a is no longer watched")]


@pytest.mark.catalogue("A4")
def test_a_scheduler_that_stopped_without_a_word(watch: Watch) -> None:
    first = lease.acquire(watch.book, an_owner("x", 11), NOON, 1e9)
    assert first is not None
    assert watch.look() == []
    lease.release(watch.book, first)
    second = lease.acquire(watch.book, an_owner("y", 12), NOON, -1)
    assert second is not None
    assert watch.look() == [], "it was handed over"
    third = lease.acquire(watch.book, an_owner("z", 13), after(60), 1e9)
    assert third is not None
    assert watch.look() == [("lease_lost", "scheduler", "the scheduler stopped without a word")]
    assert watch.text().startswith("the scheduler on here, process 12 gave no sign after ")
    assert "; here, process 13, has taken over" in watch.text()
    assert lease.acquire(watch.book, an_owner("z", 13), after(70), 1e9) is not None
    assert watch.look() == []
    lease.release(watch.book, third)
    lease.acquire(watch.book, an_owner("x", 11), after(80), 1e9)
    assert watch.look() == []


def test_messages_that_do_not_go_out_are_told_of_elsewhere(watch: Watch) -> None:
    messages.post(watch.book, "node_failed", "marts.a", "r1", "a failed", "", NOON)
    (message,) = messages.due(watch.book, NOON, 9)
    for number in range(STUCK):
        assert watch.look() == []
        messages.put_off(watch.book, message.id, after(number + 1), "ops: no route")
    assert watch.look() == [("outbox_stuck", "outbox", "a message does not go out")]
    assert watch.text() == "the oldest is of 2026-05-04 12:00 UTC: a failed\nops: no route"
    for each in messages.due(watch.book, after(10**7), 9):
        for number in range(STUCK):
            messages.put_off(watch.book, each.id, after(10**7 + number), "ops: no route")
    assert watch.look() == [], "it does not tell of itself"
    messages.sent(watch.book, message.id, after(99))
    assert watch.look() == [("recovered", "outbox", "messages go out again")]


def test_what_was_swept_is_not_told_again(watch: Watch) -> None:
    for number, state in enumerate([State.FAILED, State.DONE, State.FAILED]):
        watch.whole(f"r{number}", state, 10 * number)
    watch.look()
    for each in messages.due(watch.book, after(10**7), 9):
        messages.sent(watch.book, each.id, after(100))
        messages.deliver(watch.book, each.id, "ops", after(100))
    sweep.sweep(watch.book, after(200))
    assert watch.look() == []
    assert watch.book.query("select count(*) from delivery") == [(1,)]
    watch.whole("r9", State.DONE, 300)
    assert watch.look() == [("recovered", "marts.a", "marts.A is well again")]


class _Died(Exception):
    """The process is gone."""


@dataclass
class _Fatal:
    """A journal in which the process dies before a statement or, without any left, after the commit."""

    book: Book
    lives: int

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        return self.book.query(statement, values)

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Pen]:
        with self.book.writing(durable=durable) as pen:
            yield _FatalPen(pen, self)
        raise _Died

    def stamp(self) -> int:
        return self.book.stamp()

    def now(self) -> datetime | None:
        return self.book.now()

    def close(self) -> None:
        self.book.close()


@dataclass
class _FatalPen:
    pen: Pen
    book: _Fatal

    def execute(self, statement: str, values: Mapping[str, object] = NOTHING) -> int:
        self.book.lives -= 1
        if self.book.lives < 0:
            raise _Died
        return self.pen.execute(statement, values)

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        return self.pen.query(statement, values)

    def many(self, statement: str, rows: Any) -> int:
        return self.pen.many(statement, rows)

    def now(self) -> datetime | None:
        return self.pen.now()


_KEYS = st.sampled_from(sorted(NODES))
_ENDS = st.sampled_from([State.DONE, State.UNCHANGED, State.FAILED, State.FAILED, State.CANCELLED, State.WAITING])


class Nights(RuleBasedStateMachine):
    """Runs end well and badly, overlap, and are looked at whenever; what is told depends on what happened alone."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self.book = book
        self.watch = Watch(book)
        self.seconds = count(1)
        self.names = count(1)
        self.live: dict[str, set[str]] = {}
        self.happened: list[tuple[str, str, State]] = []
        self.ended: list[tuple[str, str]] = []

    @precondition(lambda self: len(self.live) < 3)
    @rule()
    def begin(self) -> None:
        run = f"r{next(self.names)}"
        self.watch.begin(run, next(self.seconds))
        self.live[run] = set()

    @precondition(lambda self: self.live)
    @rule(place=st.integers(0, 2), key=_KEYS, state=_ENDS)
    def end_node(self, place: int, key: str, state: State) -> None:
        run = sorted(self.live)[place % len(self.live)]
        if key in self.live[run]:
            return
        self.watch.node(run, state, next(self.seconds), node=key)
        if state is not State.WAITING:
            self.live[run].add(key)
            self.happened.append((run, key, state))

    @precondition(lambda self: self.live)
    @rule(place=st.integers(0, 2), well=st.booleans())
    def end_run(self, place: int, well: bool) -> None:
        run = sorted(self.live)[place % len(self.live)]
        bad = any((run, key, State.FAILED) in self.happened for key in NODES)
        state = RunState.DONE if well and not bad else RunState.FAILED
        self.watch.end(run, next(self.seconds), state)
        del self.live[run]
        self.ended.append((run, "well" if state is RunState.DONE else "by a node" if bad else "bad"))

    @rule(key=_KEYS, states=st.lists(_ENDS, min_size=1, max_size=5))
    def night(self, key: str, states: list[State]) -> None:
        for state in states:
            run = f"r{next(self.names)}"
            self.watch.begin(run, next(self.seconds))
            self.watch.node(run, state, next(self.seconds), node=key)
            bad = state is State.FAILED
            self.watch.end(run, next(self.seconds), RunState.FAILED if bad else RunState.DONE)
            self.happened.append((run, key, state))
            self.ended.append((run, "by a node" if bad else "well"))

    @rule()
    def look(self) -> None:
        self.watch.look()

    @rule(lives=st.integers(0, 6))
    def look_and_die(self, lives: int) -> None:
        book: Book = _Fatal(self.book, lives)
        try:
            look(book, PIPELINES, NODES, after(10**6), since=BEFORE)
        except _Died:
            return

    def expected(self) -> dict[str, list[tuple[str, str]]]:
        told: dict[str, list[tuple[str, str]]] = {}
        for run, key, state in self.happened:
            self.tell(told.setdefault(key, []), "node_failed", run, state is State.FAILED, state in _WELL)
        for run, how in self.ended:
            self.tell(told.setdefault("daily", []), "run_failed", run, how == "bad", how == "well")
        return {subject: each for subject, each in told.items() if each}

    @staticmethod
    def tell(told: list[tuple[str, str]], rule: str, run: str, bad: bool, well: bool) -> None:
        broken = bool(told) and told[-1][0] != "recovered"
        if bad and not broken:
            told.append((rule, run))
        elif well and broken:
            told.append(("recovered", told[-1][1]))

    def found(self) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for rule_, subject, episode, *_ in self.watch.told():
            found.setdefault(subject, []).append((rule_, episode))
        return found

    @invariant()
    def what_is_told_is_a_beginning_of_what_happened(self) -> None:
        expected = self.expected()
        for subject, told in self.found().items():
            assert told == expected[subject][: len(told)]

    def teardown(self) -> None:
        self.watch.look()
        assert self.found() == self.expected()


_WELL = {State.DONE, State.UNCHANGED}


@pytest.mark.catalogue("A2", "A3", "Z4")
def test_one_message_begins_and_one_ends_each_episode_whoever_looks_when() -> None:
    with TemporaryDirectory() as folder:
        numbers = count()
        books: list[Book] = []

        def machine() -> Nights:
            books.append(open_book(str(Path(folder, f"{next(numbers)}.sqlite"))))
            return Nights(books[-1])

        try:
            run_state_machine_as_test(
                machine,  # type: ignore[arg-type]
                settings=settings(
                    max_examples=60,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            for each in books:
                each.close()


def test_every_rule_has_been_seen_here() -> None:
    """The names that alerts can be restricted to are those under which messages are posted."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [each for each in AlertRule if f'"{each.value}"' not in text] == []
