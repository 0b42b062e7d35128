"""A tick is recorded once, in the transaction that says what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.domain.schedule import Order, Ruling, Settled, TickState
from sqlpipe.store import happenings, lease, runs, ticks
from sqlpipe.store.book import Book
from tests.store.journal import DIGESTS, NOON, a_run, a_tick, after, an_owner, leading

Opener = Callable[[], Book]

ONE, TWO, THREE = a_tick(1), a_tick(2), a_tick(3)


def _run(id: str, *, start: int = 1, end: int = 1) -> RunRecord:
    return replace(a_run(id, pipeline="daily"), start=a_tick(start).start, end=a_tick(end).end)


def _carried_out(book: Book, ruling: Ruling, *run: RunRecord, cursor: int | None = None) -> bool:
    mine = leading(book)
    ticks.meet(book, mine, DIGESTS, NOON)
    return ticks.carry_out(book, mine, "daily", ruling, after(10_000), runs=run, cursor=cursor)


def _ruling(hour: int, *orders: Order) -> Ruling:
    return Ruling(seen=a_tick(hour).at, orders=orders)


def _states(book: Book) -> list[tuple[TickState, str]]:
    return [(each.state, each.run) for each in reversed(ticks.ticks(book))]


def test_a_ruling_is_carried_out_as_a_whole(book: Book) -> None:
    ruling = Ruling(
        seen=THREE.at,
        settled=(Settled(ONE, TickState.EXPIRED, "too old"), Settled(TWO, TickState.OPEN)),
        orders=(Order((THREE,), "clock"),),
    )
    assert _carried_out(book, ruling, _run("r1", start=3, end=3), cursor=7)
    assert ticks.ticks(book) == [
        ticks.TickRow("daily", THREE, TickState.TAKEN, "", "r1"),
        ticks.TickRow("daily", TWO, TickState.OPEN, "", ""),
        ticks.TickRow("daily", ONE, TickState.EXPIRED, "too old", ""),
    ]
    assert ticks.open_ticks(book, "daily") == (TWO,)
    assert ticks.counts(book) == {TickState.TAKEN: 1, TickState.OPEN: 1, TickState.EXPIRED: 1}
    assert [each.id for each in runs.waiting_runs(book)] == ["r1"]
    assert ticks.known(book)["daily"] == ticks.PipelineRow("daily", "v1", THREE.at, None, "", 7)


@pytest.mark.catalogue("D3", "D8")
def test_a_tick_that_is_told_again_is_no_error_and_no_second_run(book: Book) -> None:
    ruling = _ruling(1, Order((ONE,), "clock"))
    assert _carried_out(book, ruling, _run("r1"))
    assert _carried_out(book, ruling, _run("r1"))
    assert _carried_out(book, ruling, _run("r2")), "by one who knew nothing of the first"
    assert [each.id for each in runs.runs(book)] == ["r1"]
    assert _states(book) == [(TickState.TAKEN, "r1")]
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    runs.step_run(book, "r1", RunState.DONE, after(2))
    assert _carried_out(book, ruling, _run("r2"))
    assert [each.id for each in runs.runs(book)] == ["r1"]
    settled = Ruling(seen=ONE.at, settled=(Settled(ONE, TickState.SKIPPED, "late"),))
    assert _carried_out(book, settled)
    assert _states(book) == [(TickState.COVERED, "r1")]


@pytest.mark.catalogue("M7")
def test_a_waiting_run_takes_further_ticks_along(book: Book) -> None:
    assert _carried_out(book, _ruling(2, Order((TWO,), "clock")), _run("r1", start=2, end=2))
    more = Ruling(seen=THREE.at, extend=(("r1", (ONE, THREE)),))
    assert _carried_out(book, more)
    assert _carried_out(book, more), "once more"
    found = runs.get_run(book, "r1")
    assert found is not None
    assert (found.start, found.end) == (ONE.start, THREE.end)
    assert _states(book) == [(TickState.TAKEN, "r1")] * 3


def test_a_run_that_has_begun_takes_no_further_ticks(book: Book) -> None:
    assert _carried_out(book, _ruling(1, Order((ONE,), "clock")), _run("r1"))
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    assert _carried_out(book, Ruling(seen=TWO.at, extend=(("r1", (TWO,)),)))
    found = runs.get_run(book, "r1")
    assert found is not None
    assert found.end == ONE.end
    assert ticks.open_ticks(book, "daily") == (TWO,)


def test_runs_are_cancelled_according_to_where_they_are(book: Book) -> None:
    ruling = _ruling(2, Order((ONE,), "clock"), Order((TWO,), "clock"))
    assert _carried_out(book, ruling, _run("r1"), _run("r2", start=2, end=2))
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    newest = Ruling(seen=THREE.at, orders=(Order((THREE,), "clock"),), cancel=("r1", "r2", "nobody"))
    assert _carried_out(book, newest, _run("r3", start=3, end=3))
    assert {each.id: each.state for each in runs.runs(book)} == {
        "r1": RunState.CANCELLING,
        "r2": RunState.CANCELLED,
        "r3": RunState.QUEUED,
    }
    assert _states(book) == [(TickState.TAKEN, "r1"), (TickState.OPEN, "r2"), (TickState.TAKEN, "r3")]


@pytest.mark.catalogue("D2", "E2", "E1")
def test_an_event_is_taken_notice_of_once(book: Book) -> None:
    ruling = Ruling(seen=NOON, orders=(Order((), "raw.orders moved"),))
    assert _carried_out(book, ruling, _run("r1"), cursor=3)
    assert _carried_out(book, ruling, _run("r2"), cursor=3)
    assert _carried_out(book, ruling, _run("r3"), cursor=2)
    assert [each.id for each in runs.runs(book)] == ["r1"]
    assert ticks.known(book)["daily"].cursor == 3
    assert _carried_out(book, ruling, _run("r4"), cursor=4)
    assert [each.id for each in runs.runs(book)] == ["r4", "r1"]


@pytest.mark.catalogue("D1", "D11", "D13")
def test_one_who_has_lost_the_lease_changes_nothing(book: Book) -> None:
    stale = lease.acquire(book, an_owner("old"), NOON, 60)
    assert stale is not None
    ticks.meet(book, stale, DIGESTS, NOON)
    lease.release(book, stale)
    fresh = lease.acquire(book, an_owner("new"), NOON, 3600 * 24)
    assert fresh is not None
    happenings.note(book, "event", "x", NOON)
    ruling = _ruling(1, Order((ONE,), "clock"))
    assert not ticks.carry_out(book, stale, "daily", ruling, NOON, runs=[_run("r1")], cursor=1)
    assert ticks.meet(book, stale, {"daily": "v2"}, NOON) == {}
    assert happenings.number(book, stale) == 0
    assert (ticks.ticks(book), runs.runs(book)) == ([], [])
    assert ticks.known(book)["daily"].digest == "v1"
    assert ticks.carry_out(book, fresh, "daily", ruling, NOON, runs=[_run("r1")], cursor=1)


def test_a_pipeline_that_nobody_has_met_is_our_fault(book: Book) -> None:
    with pytest.raises(LookupError, match="weekly"):
        ticks.carry_out(book, leading(book), "weekly", _ruling(1), NOON, runs=[], cursor=None)


def test_what_has_been_seen_never_goes_back(book: Book) -> None:
    assert _carried_out(book, _ruling(3), cursor=9)
    assert _carried_out(book, _ruling(1), cursor=2)
    assert (ticks.known(book)["daily"].seen, ticks.known(book)["daily"].cursor) == (THREE.at, 9)


def test_what_a_rehearsal_has_seen_of_the_future_counts_no_more(book: Book) -> None:
    assert _carried_out(book, _ruling(3), cursor=9)
    long_before = NOON - timedelta(days=900)
    mine = leading(book)
    assert ticks.meet(book, mine, DIGESTS, long_before, true=NOON)["daily"].seen == long_before


def test_as_many_runs_as_orders(book: Book) -> None:
    with pytest.raises(ValueError, match="zip\\(\\)"):
        _carried_out(book, _ruling(1, Order((ONE,), "clock")))
    assert ticks.ticks(book) == []


@pytest.mark.catalogue("M4")
def test_a_schedule_that_was_edited_begins_now(book: Book) -> None:
    mine = leading(book)
    happenings.note(book, "event", "x", NOON)
    assert happenings.number(book, mine) == 1
    assert ticks.meet(book, mine, {"daily": "v1", "other": "w1"}, NOON)["daily"].seen == NOON
    assert _carried_out(book, Ruling(seen=ONE.at, settled=(Settled(ONE, TickState.OPEN),)))
    assert ticks.meet(book, mine, {"daily": "v1"}, after(50))["daily"].seen == ONE.at, "nothing of it was edited"
    met = ticks.meet(book, mine, {"daily": "v2"}, after(9000))
    assert (met["daily"].digest, met["daily"].seen, met["daily"].cursor) == ("v2", after(9000), 1)
    assert list(met) == ["daily"]
    assert ticks.open_ticks(book, "daily") == ()
    (found,) = ticks.ticks(book)
    assert (found.state, found.reason) == (TickState.SUPERSEDED, "the schedule was edited")


@pytest.mark.catalogue("D7", "M4")
def test_a_pipeline_that_was_removed_takes_its_queue_along(book: Book) -> None:
    ruling = Ruling(
        seen=THREE.at,
        settled=(Settled(THREE, TickState.OPEN),),
        orders=(Order((ONE,), "clock"), Order((TWO,), "clock")),
    )
    assert _carried_out(book, ruling, _run("r1"), _run("r2", start=2, end=2))
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    runs.create_run(book, a_run("by hand"))
    mine = leading(book)
    assert ticks.meet(book, mine, {}, after(10)) == {}
    assert {each.id: each.state for each in runs.runs(book)} == {
        "r1": RunState.RUNNING,
        "r2": RunState.SKIPPED,
        "by hand": RunState.QUEUED,
    }
    assert _states(book) == [(TickState.TAKEN, "r1"), (TickState.SUPERSEDED, "r2"), (TickState.SUPERSEDED, "")]
    back = ticks.meet(book, mine, DIGESTS, after(20_000))["daily"]
    assert back.seen == after(20_000)
    assert ticks.open_ticks(book, "daily") == ()


def test_pipelines_are_paused_and_go_on(book: Book) -> None:
    ticks.meet(book, leading(book), DIGESTS, NOON)
    assert ticks.pause(book, "daily", "anna", after(1))
    assert not ticks.pause(book, "daily", "ben", after(2))
    assert not ticks.pause(book, "weekly", "ben", after(2))
    row = ticks.known(book)["daily"]
    assert (row.paused_at, row.paused_by) == (after(1), "anna")
    assert ticks.meet(book, leading(book), {"daily": "v2"}, after(3))["daily"].paused_at == after(1)
    assert not ticks.resume(book, "daily", "ben", NOON), "it was paused later than that"
    assert ticks.resume(book, "daily", "ben", after(4))
    assert not ticks.resume(book, "daily", "ben", after(5))
    assert ticks.known(book)["daily"].paused_at is None


def test_ticks_are_listed_newest_first(book: Book) -> None:
    settled = tuple(Settled(a_tick(hour), TickState.OPEN) for hour in range(5))
    assert _carried_out(book, Ruling(seen=NOON, settled=settled))
    assert [each.tick for each in ticks.ticks(book, limit=2)] == [a_tick(4), a_tick(3)]
    assert len(ticks.ticks(book, pipeline="daily")) == 5
    assert ticks.ticks(book, pipeline="weekly") == []


def test_ticks_that_a_run_left_go_to_the_run_that_repeats_it(book: Book) -> None:
    assert _carried_out(book, _ruling(2, Order((ONE, TWO), "clock")), _run("r1", end=2))
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    assert ticks.retake(book, "r1", "r2") == 0
    runs.step_run(book, "r1", RunState.FAILED, after(2))
    assert ticks.left_ticks(book, "daily") == (ONE, TWO)
    runs.create_run(book, _run("r2", end=2))
    assert ticks.retake(book, "r1", "r2") == 2
    assert [(each.tick, each.state) for each in ticks.ticks_of(book, "r2")] == [
        (ONE, TickState.TAKEN),
        (TWO, TickState.TAKEN),
    ]
    runs.step_run(book, "r2", RunState.RUNNING, after(3))
    runs.step_run(book, "r2", RunState.FAILED, after(4))
    ticks.cover(book, "r2", "r3")
    assert _states(book) == [(TickState.COVERED, "r3")] * 2
    assert ticks.left_ticks(book, "daily") == ()
