"""What is old and settled is forgotten; what is open, or the latest of its kind, is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RunState
from sqlpipe.domain.schedule import Order, Ruling, Settled, TickState
from sqlpipe.store import attempts, happenings, messages, runs, sweep, ticks
from sqlpipe.store.book import Book
from tests.store.journal import DIGESTS, NOON, a_node, a_run, a_tick, after, claimed, ended, leading

LATER = NOON + timedelta(days=100)


def _ran(book: Book, id: str, *, at: float, live: bool = False) -> None:
    runs.create_run(book, a_run(id, created=after(at)))
    runs.step_run(book, id, RunState.RUNNING, after(at), owner="me")
    attempts.put_nodes(book, [a_node(f"waits {id}", State.BLOCKED, run=id)])
    attempt = claimed(book, f"n {id}", run=id, at=after(at))
    attempts.note_log(book, attempt.id, f"logs/{id}")
    if not live:
        ended(book, attempt)
    runs.step_run(book, id, RunState.DONE, after(at + 5))


@pytest.mark.catalogue("Z14")
def test_old_runs_go_with_all_that_is_theirs(book: Book) -> None:
    for number in range(3):
        _ran(book, f"r{number}", at=100 * number)
    _ran(book, "live", at=0, live=True)
    runs.create_run(book, a_run("queued"))
    last = attempts.attempts(book)[0].id
    assert sweep.sweep(book, after(150)) == ["logs/r0", "logs/r1"]
    assert sorted(each.id for each in runs.runs(book)) == ["live", "queued", "r2"]
    assert attempts.nodes(book, "r0") == []
    assert attempts.attempts(book, run="r1") == []
    assert len(attempts.nodes(book, "r2")) == 2
    assert sweep.sweep(book, after(150)) == []
    ended(book, attempts.live_attempts(book)[0])
    assert sweep.sweep(book, LATER) == ["logs/live", "logs/r2"]
    assert attempts.attempts(book) == []
    assert claimed(book, "n", at=after(-9999)).id > last, "numbers of attempts go on growing"


def test_more_runs_than_are_swept_at_a_time(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_BATCH", 2)
    for number in range(5):
        _ran(book, f"r{number}", at=number)
    assert len(sweep.sweep(book, LATER)) == 5
    assert runs.runs(book) == []


def test_ticks_go_when_they_are_settled_and_their_run_is_gone(book: Book) -> None:
    mine = leading(book)
    ticks.meet(book, mine, DIGESTS, NOON)
    ruling = Ruling(
        seen=a_tick(4).at,
        settled=(Settled(a_tick(1), TickState.EXPIRED, "old"), Settled(a_tick(2), TickState.OPEN)),
        orders=(Order((a_tick(3),), "clock"), Order((a_tick(4),), "clock")),
    )
    records = [a_run("r1", pipeline="daily"), a_run("r2", pipeline="daily")]
    assert ticks.carry_out(book, mine, "daily", ruling, NOON, runs=records, cursor=None)
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    runs.step_run(book, "r1", RunState.DONE, after(2))
    sweep.sweep(book, LATER)
    assert {each.tick: each.state for each in ticks.ticks(book)} == {
        a_tick(2): TickState.OPEN,
        a_tick(4): TickState.TAKEN,
    }


def test_messages_go_when_sent_and_over(book: Book) -> None:
    for rule, episode in (("failed", "r1"), ("recovered", "r1"), ("failed", "r2"), ("late", "r1")):
        messages.post(book, rule, "daily", episode, "t", "", NOON)
    messages.post(book, "failed", "unsent", "r1", "t", "", after(1))
    for each in messages.due(book, NOON, 10):
        messages.sent(book, each.id, NOON)
    sweep.sweep(book, LATER)
    assert book.query("select rule, subject, episode from message order by id") == [
        ("failed", "daily", "r2"),
        ("late", "daily", "r1"),
        ("failed", "unsent", "r1"),
    ]
    assert messages.open_episode(book, "failed", "daily") == "r2"


def test_happenings_go_below_all_cursors_except_the_latest_of_a_subject(book: Book) -> None:
    mine = leading(book)
    ticks.meet(book, mine, {"daily": "v1", "weekly": "v1"}, NOON)
    for number in range(4):
        happenings.note(book, "moved", "a", after(number), version=str(number))
        happenings.note(book, "moved", f"only {number}", after(number), version="1")
    assert happenings.number(book, mine) == 8
    happenings.note(book, "event", "a", after(9))
    ticks.carry_out(book, mine, "daily", Ruling(seen=NOON), NOON, runs=[], cursor=8)
    sweep.sweep(book, LATER)
    assert len(happenings.since(book, 0)) == 8, "the other one has not read them"
    ticks.carry_out(book, mine, "weekly", Ruling(seen=NOON), NOON, runs=[], cursor=4)
    sweep.sweep(book, LATER)
    assert [each.seq for each in happenings.since(book, 0)] == [2, 4, 5, 6, 7, 8]
    ticks.meet(book, mine, {}, NOON)
    sweep.sweep(book, LATER)
    assert [each.seq for each in happenings.since(book, 0)] == [2, 4, 6, 7, 8]
    assert happenings.number(book, mine) == 9
