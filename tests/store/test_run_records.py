"""Runs go from state to state along the legal pairs, once, and take their ticks along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from sqlpipe.domain.journal import RUN_STEPS, RunRecord, RunState
from sqlpipe.domain.schedule import Order, Ruling, Tick, TickState
from sqlpipe.store import runs, ticks
from sqlpipe.store.book import Book
from tests.store.journal import DIGESTS, NOON, a_run, a_tick, after, leading

Opener = Callable[[], Book]

_WAYS: dict[RunState, tuple[RunState, ...]] = {
    RunState.QUEUED: (),
    RunState.RUNNING: (RunState.RUNNING,),
    RunState.CANCELLING: (RunState.RUNNING, RunState.CANCELLING),
    RunState.DONE: (RunState.RUNNING, RunState.DONE),
    RunState.FAILED: (RunState.RUNNING, RunState.FAILED),
    RunState.CANCELLED: (RunState.CANCELLED,),
    RunState.SKIPPED: (RunState.SKIPPED,),
}


def _brought_to(book: Book, id: str, state: RunState) -> None:
    runs.create_run(book, a_run(id))
    for number, each in enumerate(_WAYS[state], 1):
        assert runs.step_run(book, id, each, after(number))


def _found(book: Book, id: str) -> RunRecord:
    found = runs.get_run(book, id)
    assert found is not None
    return found


def test_a_run_comes_back_as_it_was_entered(book: Book) -> None:
    record = RunRecord(
        id="r1", state=RunState.QUEUED, created=NOON, pipeline="daily", cause="clock", select=("a", "tag:é"),
        exclude=("b",), options={"full": True, "vars": {"n": [1, None]}}, start=NOON, end=after(60),
        deadline=after(3600), parent="r0", counts={}, reason="",
    )  # fmt: skip
    runs.create_run(book, record)
    assert runs.get_run(book, "r1") == record
    assert runs.get_run(book, "r2") is None


def test_a_run_is_entered_once(book: Book) -> None:
    runs.create_run(book, a_run("r1"))
    runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    runs.create_run(book, a_run("r1"))
    assert _found(book, "r1").state is RunState.RUNNING


@pytest.mark.parametrize(("was", "to"), list(product(RunState, RunState)))
def test_only_legal_steps_are_taken(book: Book, was: RunState, to: RunState) -> None:
    _brought_to(book, "r1", was)
    before = _found(book, "r1")
    assert runs.step_run(book, "r1", to, after(10)) == (to in RUN_STEPS[was])
    assert _found(book, "r1") == before or to in RUN_STEPS[was]


def test_a_run_that_nobody_knows_goes_nowhere(book: Book) -> None:
    assert not runs.step_run(book, "r1", RunState.RUNNING, NOON)


@pytest.mark.catalogue("D1", "Z3", "Z12")
def test_times_and_owner_follow_the_steps(book: Book) -> None:
    runs.create_run(book, a_run("r1"))
    assert runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    assert not runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="you")
    assert runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me"), "the same call once more"
    assert not runs.step_run(book, "r1", RunState.RUNNING, after(2), owner="me")
    assert (_found(book, "r1").owner, _found(book, "r1").started) == ("me", after(1))
    assert runs.step_run(book, "r1", RunState.QUEUED, after(3))
    assert (_found(book, "r1").owner, _found(book, "r1").finished) == ("", None)
    assert runs.step_run(book, "r1", RunState.RUNNING, after(4), owner="you")
    assert runs.step_run(book, "r1", RunState.FAILED, after(5), counts={"failed": 2}, reason="half\0way")
    found = _found(book, "r1")
    assert (found.owner, found.started, found.finished) == ("you", after(1), after(5))
    assert (found.counts, found.reason) == ({"failed": 2}, "half\ufffdway")


def test_runs_are_listed_newest_first_and_page_by_page(book: Book) -> None:
    for number in range(5):
        runs.create_run(book, a_run(f"r{number}", created=after(number // 2), pipeline="daily" if number % 2 else ""))
    runs.step_run(book, "r2", RunState.RUNNING, after(9))
    assert [each.id for each in runs.runs(book)] == ["r4", "r3", "r2", "r1", "r0"]
    assert [each.id for each in runs.runs(book, limit=2)] == ["r4", "r3"]
    assert [each.id for each in runs.runs(book, limit=2, before="r3")] == ["r2", "r1"]
    assert [each.id for each in runs.runs(book, pipeline="daily")] == ["r3", "r1"]
    assert [each.id for each in runs.runs(book, pipeline="")] == ["r4", "r2", "r0"]
    assert [each.id for each in runs.runs(book, states={RunState.RUNNING, RunState.DONE})] == ["r2"]
    assert [each.id for each in runs.waiting_runs(book)] == ["r0", "r1", "r3", "r4"]
    assert [each.id for each in runs.live_runs(book)] == ["r2"]


def test_runs_are_found_by_the_beginning_of_their_id(book: Book) -> None:
    for id in ("2026-a", "2026-b", "2027-a", "20%"):
        runs.create_run(book, a_run(id))
    assert runs.find_runs(book, "2026") == ["2026-a", "2026-b"]
    assert runs.find_runs(book, "20%") == ["20%"]
    assert runs.find_runs(book, "x") == []


def _with_a_tick(book: Book) -> Tick:
    lease, tick = leading(book), a_tick(1)
    ticks.meet(book, lease, DIGESTS, NOON)
    ruling = Ruling(seen=tick.at, orders=(Order((tick,), "clock"),))
    assert ticks.carry_out(book, lease, "daily", ruling, NOON, runs=[a_run("r1", pipeline="daily")], cursor=None)
    return tick


@pytest.mark.parametrize(
    ("to", "reason", "state"),
    [
        (RunState.DONE, "", TickState.COVERED),
        (RunState.FAILED, "broke", TickState.OPEN),
        (RunState.CANCELLED, "", TickState.OPEN),
        (RunState.CANCELLED, "by anna", TickState.SKIPPED),
    ],
)
@pytest.mark.catalogue("M9", "D3")
def test_ticks_go_along_with_their_run(book: Book, to: RunState, reason: str, state: TickState) -> None:
    tick = _with_a_tick(book)
    assert runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    assert [each.state for each in ticks.ticks(book)] == [TickState.TAKEN]
    assert runs.step_run(book, "r1", to, after(2), reason=reason)
    (found,) = ticks.ticks(book)
    assert (found.tick, found.state, found.run) == (tick, state, "r1")
    assert found.reason == (reason if state is TickState.SKIPPED else "")


def test_the_reason_of_a_cancellation_lasts_until_it_has_been_obeyed(book: Book) -> None:
    _with_a_tick(book)
    runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    runs.step_run(book, "r1", RunState.CANCELLING, after(2), reason="by anna")
    assert [each.state for each in ticks.ticks(book)] == [TickState.TAKEN]
    runs.step_run(book, "r1", RunState.CANCELLED, after(3))
    assert [(each.state, each.reason) for each in ticks.ticks(book)] == [(TickState.SKIPPED, "by anna")]


def test_why_a_run_had_to_begin_again_is_no_reason_to_skip_its_ticks(book: Book) -> None:
    _with_a_tick(book)
    runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    runs.step_run(book, "r1", RunState.QUEUED, after(2), reason="its process is gone")
    with book.writing() as pen:
        assert runs.cancel_run(pen, "r1", after(3))
    assert [(each.state, each.reason) for each in ticks.ticks(book)] == [(TickState.OPEN, "")]
    found = runs.get_run(book, "r1")
    assert found is not None
    assert found.reason == ""


def test_a_run_that_is_skipped_gives_its_ticks_back(book: Book) -> None:
    tick = _with_a_tick(book)
    assert runs.step_run(book, "r1", RunState.SKIPPED, after(1), reason="superseded")
    assert ticks.open_ticks(book, "daily") == (tick,)


@pytest.mark.catalogue("M4")
def test_a_failed_run_does_not_give_ticks_back_to_a_schedule_that_is_no_more(book: Book) -> None:
    _with_a_tick(book)
    runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    ticks.meet(book, leading(book), {"daily": "v2"}, after(2))
    runs.step_run(book, "r1", RunState.FAILED, after(3))
    assert [(each.state, each.reason) for each in ticks.ticks(book)] == [
        (TickState.SUPERSEDED, "the schedule was edited")
    ]


@pytest.mark.catalogue("Z10", "Z4")
def test_a_run_that_was_cancelled_is_not_done_later(book: Book, opened: Opener) -> None:
    _with_a_tick(book)
    runs.step_run(book, "r1", RunState.RUNNING, after(1), owner="me")
    assert runs.step_run(opened(), "r1", RunState.CANCELLED, after(2), reason="by anna")
    assert not runs.step_run(book, "r1", RunState.DONE, after(3), counts={"done": 3})
    assert _found(book, "r1") == replace(
        a_run("r1", RunState.CANCELLED, pipeline="daily"), owner="me", started=after(1), finished=after(2),
        reason="by anna",
    )  # fmt: skip
    assert [each.state for each in ticks.ticks(book)] == [TickState.SKIPPED]
