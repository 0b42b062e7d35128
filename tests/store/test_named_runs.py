"""Runs found by how their ids end, those that repeat others with their ticks, and pipelines nobody has scheduled."""

from __future__ import annotations

from datetime import timedelta

from sqlpipe.domain.journal import RunState
from sqlpipe.domain.schedule import Order, Ruling, TickState
from sqlpipe.store import runs, ticks
from sqlpipe.store.book import Book
from tests.store.journal import DIGESTS, NOON, a_run, a_tick, after, leading

HOUR = timedelta(hours=1)


def test_runs_are_found_by_how_their_ids_end(book: Book) -> None:
    for each in ("20260504-abc", "20260505-xbc", "bc", "c"):
        runs.create_run(book, a_run(each))
    assert runs.runs_ending(book, "bc") == ["20260504-abc", "20260505-xbc", "bc"]
    assert runs.runs_ending(book, "-abc") == ["20260504-abc"]
    assert runs.runs_ending(book, "xx20260504-abc") == []
    assert runs.runs_ending(book, "%") == runs.runs_ending(book, "_bc") == []


def test_the_runs_that_belong_to_a_run(book: Book) -> None:
    for number, parent in enumerate(("", "r0", "r0", "r1")):
        record = a_run(f"r{number}", created=after(-number))
        runs.create_run(book, type(record)(id=record.id, state=record.state, created=record.created, parent=parent))
    assert [each.id for each in runs.children(book, "r0")] == ["r2", "r1"]
    assert runs.children(book, "r3") == []


def test_a_run_that_repeats_another_takes_the_ticks_that_it_left(book: Book) -> None:
    lease = leading(book)
    ticks.meet(book, lease, DIGESTS, NOON - HOUR)
    taken, other = a_tick(1), a_tick(2)
    for name, tick in (("r1", taken), ("r2", other)):
        ruling = Ruling(seen=tick.at, orders=(Order((tick,), "schedule"),))
        ticks.carry_out(book, lease, "daily", ruling, tick.at, runs=[a_run(name, pipeline="daily")], cursor=None)
    assert ticks.retake(book, "r1", "r3") == 0
    runs.step_run(book, "r1", RunState.RUNNING, after(1))
    runs.step_run(book, "r1", RunState.FAILED, after(2))
    runs.create_run(book, a_run("r3", RunState.RUNNING, pipeline="daily"))
    assert ticks.retake(book, "r1", "r3") == 1
    assert [(each.tick, each.state) for each in ticks.ticks_of(book, "r3")] == [(taken, TickState.TAKEN)]
    assert [each.tick for each in ticks.ticks_of(book, "r2")] == [other]
    assert ticks.open_ticks(book, "daily") == ()
    runs.step_run(book, "r3", RunState.DONE, after(3))
    assert [each.state for each in ticks.ticks_of(book, "r3")] == [TickState.COVERED]


def test_a_pipeline_is_paused_before_anybody_schedules_it(book: Book) -> None:
    assert not ticks.pause(book, "daily", "ann", NOON)
    ticks.introduce(book, "daily", NOON)
    assert ticks.pause(book, "daily", "ann", NOON)
    ticks.introduce(book, "daily", after(1))
    # Who schedules takes it for a new one, which begins now, and leaves the pause alone.
    row = ticks.meet(book, leading(book), DIGESTS, after(2))["daily"]
    assert (row.digest, row.seen, row.paused_at, row.paused_by) == ("v1", after(2), NOON, "ann")


def test_a_pipeline_that_was_removed_and_is_paused_comes_back_as_a_new_one(book: Book) -> None:
    lease = leading(book)
    ticks.meet(book, lease, DIGESTS, NOON)
    ticks.meet(book, lease, {}, after(1))
    ticks.introduce(book, "daily", after(2))
    assert ticks.known(book)["daily"].digest == ""
    assert ticks.meet(book, lease, DIGESTS, after(3))["daily"].seen == after(3)
