"""The scheduler with a real journal, a real database and real tasks, led by hand: what it starts, and what becomes of
every tick."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from sqlpipe.app import orchestrating
from sqlpipe.app.serving import scheduler
from sqlpipe.domain.history import NodeFinished, State
from sqlpipe.domain.journal import AttemptState, RunState
from sqlpipe.domain.schedule import Pipeline, TickState
from sqlpipe.plan import catch_up
from sqlpipe.plan.cadence import ticks as expected_ticks
from sqlpipe.run import hall, schedule
from sqlpipe.run.clock import time_lapse
from sqlpipe.run.leadership import Leadership
from sqlpipe.run.recover import RESUMABLE
from sqlpipe.store import attempts, happenings, runs, ticks
from sqlpipe.store import owners as owner_rows
from sqlpipe.store.book import JournalAway
from sqlpipe.store.door import open_book
from tests.postgres import Server, running_server
from tests.station import NOON, Dispatcher, Station, elsewhere, minutes

WAITS = "while [ ! -e go ]; do sleep 0.01; done; echo ${SQLPIPE_START:11:5}-${SQLPIPE_END:11:5} >> ran"
NOTES = "echo ${SQLPIPE_START:11:5}-${SQLPIPE_END:11:5} >> ran"


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hall, "LINGER", 0.0)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


def every_ten(station: Station, more: str = "", bash: str = NOTES) -> None:
    """A pipeline with one task, due every ten minutes."""
    settings = "".join(f"\n  {each.strip()}" for each in more.split(",") if each)
    station.pipelines(f"often:\n  select: job\n  every: 10m{settings}")
    station.task("job", bash)


def known_from_noon(station: Station) -> None:
    """Have the pipelines been met at noon by a scheduler that is gone."""
    station.clock.show(0)
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        dispatcher.give_back()


# Ticks as they come


@pytest.mark.catalogue("M8", "M9", "D8")
def test_every_tick_is_run_once_and_covers_the_time_since_the_one_before(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        for minute in (5, 10, 12, 20, 29, 30):
            dispatcher.at(minute)
            dispatcher.rest()
        assert dispatcher.fates() == {10: "covered", 20: "covered", 30: "covered"}
        assert dispatcher.spans() == [(0, 10), (10, 20), (20, 30)]
        assert len({each.run for each in dispatcher.ticks()}) == 3
        status = dispatcher.scheduler.status()
        assert status.last_tick == NOON + timedelta(minutes=30)
        assert status.next_tick == NOON + timedelta(minutes=40)
        assert (status.due_intervals, status.ticks) == (0, {"covered": 3})
    assert station.lines("ran") == ["12:00-12:10", "12:10-12:20", "12:20-12:30"]


@pytest.mark.catalogue("M1", "M11")
def test_no_tick_that_was_to_be_expected_is_missing_from_the_journal(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        for minute in (3, 11, 57, 58, 121):
            dispatcher.at(minute)
        pipeline = station.open().project.orchestration.pipelines[0]
        expected = expected_ticks(pipeline, NOON, station.clock.now(), 1000)
        assert [each.tick for each in dispatcher.ticks()] == list(expected)
        status = dispatcher.scheduler.status()
        assert (status.leading, status.last_tick) == (True, expected[-1].at)
        assert status.heartbeat_age < 30


@pytest.mark.catalogue("D8")
def test_a_tick_may_come_up_long_before_anything_of_it_is_run(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(9.9)
        assert dispatcher.runs() == []
        dispatcher.at(10)
        assert dispatcher.states() == ["done"]


@pytest.mark.catalogue("A3")
def test_the_deadline_of_a_run_counts_from_its_tick(station: Station) -> None:
    every_ten(station, "deadline: 25m, catch_up: each")
    with station.dispatcher() as dispatcher:
        dispatcher.at(22)
        assert [minutes(each.deadline) for each in dispatcher.runs() if each.deadline] == [35, 45]


def test_a_pipeline_without_a_schedule_is_only_started_by_hand(station: Station) -> None:
    station.pipelines("by_hand:\n  select: job")
    station.task("job", NOTES)
    with station.dispatcher() as dispatcher:
        dispatcher.at(1000)
        assert dispatcher.runs() == []


# After downtime


@pytest.mark.catalogue("M4b", "M6", "M7", "M9")
@pytest.mark.parametrize(
    ("policy", "fates", "spans"),
    [
        ("merge", "covered covered covered covered", [(0, 40)]),
        ("each", "covered covered covered covered", [(0, 10), (10, 20), (20, 30), (30, 40)]),
        ("latest", "superseded superseded superseded covered", [(30, 40)]),
        ("none", "skipped skipped skipped skipped", []),
    ],
)
def test_what_passed_while_nobody_was_there(
    station: Station, policy: str, fates: str, spans: list[tuple[int, int]]
) -> None:
    every_ten(station, f"catch_up: {policy}")
    known_from_noon(station)
    station.clock.show(43)
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        assert " ".join(dispatcher.fates().values()) == fates
        assert dispatcher.spans() == spans
        dispatcher.at(50)
        assert dispatcher.fates()[50] == "covered"
        assert dispatcher.spans()[-1] == (40, 50)


@pytest.mark.catalogue("M3", "M6")
def test_a_tick_that_is_skipped_says_by_how_much_it_was_missed(station: Station) -> None:
    every_ten(station, "catch_up: none")
    known_from_noon(station)
    station.clock.show(14)
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        assert dispatcher.reasons(TickState.SKIPPED) == {"missed by 4m, and catch_up is none"}


@pytest.mark.catalogue("M10", "M4b")
def test_what_is_older_than_the_window_expires_and_is_counted(station: Station) -> None:
    every_ten(station, "window: 30m")
    known_from_noon(station)
    station.clock.show(75)
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        assert dispatcher.spans() == [(40, 70)]
        assert dispatcher.scheduler.status().ticks == {"expired": 4, "covered": 3}
        assert dispatcher.reasons(TickState.EXPIRED) == {"not started within 30m"}


@pytest.mark.catalogue("M6", "M9")
def test_after_months_away_every_tick_is_recorded_however_many_there_are(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_MOST", 7)
    every_ten(station, "window: 1h")
    known_from_noon(station)
    station.clock.show(1000)
    with station.dispatcher() as dispatcher:
        dispatcher.until(lambda: len(dispatcher.ticks()) == 100)
        dispatcher.rest()
        assert set(dispatcher.fates().values()) == {"expired", "covered"}
        spans = dispatcher.spans()
        assert max(spans)[1] == 1000
        assert all(one[1] == other[0] for one, other in pairwise(sorted(spans)))


# Failures


@pytest.mark.catalogue("M9", "A2")
def test_what_a_failed_run_left_is_done_with_the_next_tick(station: Station) -> None:
    every_ten(station, bash="test -e well || exit 1\n" + NOTES)
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        assert dispatcher.states() == ["failed"]
        dispatcher.at(15)
        assert dispatcher.states() == ["failed"], "it waits for the next tick"
        station.write("well", "")
        dispatcher.at(20)
        assert dispatcher.spans() == [(0, 10), (0, 20)]
        assert dispatcher.fates() == {10: "covered", 20: "covered"}
    assert station.lines("ran") == ["12:00-12:20"]


@pytest.mark.catalogue("R2")
def test_a_retry_covers_the_ticks_of_the_run_that_it_repeats(station: Station) -> None:
    station.pipelines("often:\n  select: '*'\n  every: 10m")
    station.task("first", "echo first >> ran")
    station.task("second", "test -e well || exit 1\necho second >> ran", "after: [first]")
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        (failed,) = dispatcher.runs()
        assert failed.state is RunState.FAILED
        station.write("well", "")
        record = _repeat(dispatcher, failed.id)
        dispatcher.rest()
        assert dispatcher.states() == ["failed", "done"]
        assert [(each.state.value, each.run) for each in dispatcher.ticks()] == [("covered", record)]
    assert station.lines("ran") == ["first", "second"]


def _repeat(dispatcher: Dispatcher, run: str) -> str:
    record = runs.get_run(dispatcher.book, run)
    assert record is not None
    again = orchestrating._repeated(record, "anna", dispatcher.station.clock.now())
    with dispatcher.station.book() as book:
        from dataclasses import replace

        orchestrating._enter_again(book, record, replace(again, options={RESUMABLE: True, "repeat": run}), "anna")
    return again.id


@pytest.mark.catalogue("M9", "D12")
def test_a_retry_that_waits_takes_no_new_tick_along(station: Station) -> None:
    """It would leave out what was done for the old interval, and count the new one as covered."""
    station.pipelines("often:\n  select: '*'\n  every: 10m")
    station.task("first", NOTES)
    station.task("second", "test -e well || exit 1", "after: [first]")
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        station.write("well", "")
        _repeat(dispatcher, dispatcher.runs()[0].id)
        dispatcher.at(20)
        dispatcher.rest()
        assert dispatcher.fates() == {10: "covered", 20: "covered"}
    assert station.lines("ran") == ["12:00-12:10", "12:10-12:20"]


@pytest.mark.catalogue("Z15")
def test_a_node_that_cannot_be_run_stops_only_those_below_it(station: Station) -> None:
    station.pipelines("good:\n  select: job\n  every: 10m\nbad:\n  select: broken\n  every: 10m")
    station.task("job", NOTES)
    station.write("models/m/broken.sql", "/* sqlpipe\nkind: table\n*/\nselect error('broken') as n")
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        assert (dispatcher.states("good"), dispatcher.states("bad")) == (["done"], ["failed"])


@pytest.mark.catalogue("Z15")
def test_a_pipeline_that_cannot_be_ruled_on_stops_no_other(
    station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    station.pipelines("bad:\n  select: job\n  every: 10m\ngood:\n  select: other\n  every: 10m")
    station.task("job", NOTES)
    station.task("other", NOTES)

    def rule(pipeline: Pipeline, *rest: object) -> object:
        if pipeline.name == "bad":
            raise ZeroDivisionError("no such luck")
        return catch_up.rule(pipeline, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, station.dispatcher() as dispatcher:
        patch.setattr(schedule, "rule", rule)
        dispatcher.at(10)
        assert dispatcher.fates("good") == {10: "covered"}
        assert "bad cannot be ruled on: ZeroDivisionError" in dispatcher.scheduler.status().project_problem
        patch.undo()
        dispatcher.at(20)
        assert dispatcher.fates("bad") == {10: "covered", 20: "covered"}
        assert dispatcher.scheduler.status().project_problem == ""
    assert "no such luck" in capsys.readouterr().err


# Pauses


@pytest.mark.catalogue("M5")
@pytest.mark.parametrize(("counted", "fate"), [("false", "skipped"), ("true", "covered")])
def test_what_passes_during_a_pause_is_run_afterwards_only_where_that_is_wanted(
    station: Station, counted: str, fate: str
) -> None:
    every_ten(station, f"count_paused: {counted}")
    with station.dispatcher() as dispatcher, station.book() as other:
        dispatcher.at(10)
        station.clock.show(15)
        assert ticks.pause(other, "often", "anna", station.clock.now())
        dispatcher.at(35)
        assert len(dispatcher.runs()) == 1
        assert ticks.resume(other, "often", "anna", station.clock.now())
        dispatcher.at(40)
        assert dispatcher.fates() == {10: "covered", 20: fate, 30: fate, 40: "covered"}
        if counted == "false":
            assert dispatcher.reasons(TickState.SKIPPED) == {"paused"}


@pytest.mark.catalogue("M5")
@pytest.mark.parametrize(
    ("policy", "fates"),
    [("merge", "covered covered covered"), ("latest", "superseded superseded covered"), ("none", "skipped " * 3)],
)
def test_after_a_pause_that_counts_the_same_rule_holds_as_after_downtime(
    station: Station, policy: str, fates: str
) -> None:
    every_ten(station, f"count_paused: true, catch_up: {policy}")
    with station.dispatcher() as dispatcher, station.book() as other:
        dispatcher.rest()
        ticks.pause(other, "often", "anna", station.clock.now())
        dispatcher.at(32)
        assert set(dispatcher.fates().values()) == {"open"}
        ticks.resume(other, "often", "anna", station.clock.now())
        dispatcher.rest()
        assert " ".join(dispatcher.fates().values()) == fates.strip()


def test_a_pause_lets_what_runs_go_on_and_what_is_started_by_hand(station: Station) -> None:
    every_ten(station, bash=WAITS)
    with station.dispatcher() as dispatcher, station.book() as other:
        station.clock.show(10)
        dispatcher.until(lambda: dispatcher.states() == ["running"])
        ticks.pause(other, "often", "anna", station.clock.now())
        dispatcher.turn()
        station.write("go", "")
        dispatcher.rest()
        orchestrating_record = _queue(dispatcher, "by-hand")
        dispatcher.rest()
        assert dispatcher.states() == ["done", "done"]
        assert dispatcher.runs()[-1].id == orchestrating_record


def _queue(dispatcher: Dispatcher, id: str, pipeline: str = "often") -> str:
    """Have another process queue a run."""
    from sqlpipe.domain.journal import RunRecord

    (found,) = [each for each in dispatcher.scheduler._pipelines().values() if each.name == pipeline]
    with dispatcher.station.book() as other:
        now = dispatcher.station.clock.now()
        record = RunRecord(id=id, state=RunState.QUEUED, created=now, pipeline=pipeline, select=found.select)
        runs.create_run(other, record)
    return id


# Overlap


@pytest.mark.catalogue("M2", "M7", "F2")
@pytest.mark.parametrize(
    ("policy", "fates", "spans"),
    [
        ("coalesce", "covered covered covered", [(0, 10), (10, 30)]),
        ("queue", "covered covered covered", [(0, 10), (10, 20), (20, 30)]),
        ("skip", "covered skipped skipped", [(0, 10)]),
        ("cancel_running", "covered covered covered", [(0, 10), (0, 30)]),
    ],
)
def test_ticks_that_come_while_a_run_goes_on(
    station: Station, policy: str, fates: str, spans: list[tuple[int, int]]
) -> None:
    every_ten(station, f"on_overlap: {policy}", bash=WAITS)
    with station.dispatcher() as dispatcher:
        station.clock.show(10)
        dispatcher.until(lambda: station_has(dispatcher, AttemptState.RUNNING))
        for minute in (20, 30):
            station.clock.show(minute)
            dispatcher.turn()
            dispatcher.turn()
        if policy == "cancel_running":
            dispatcher.until(lambda: "cancelled" in dispatcher.states())
        else:
            assert dispatcher.states().count("running") == 1
        station.write("go", "")
        dispatcher.rest()
        found = dispatcher.fates()
        if policy == "cancel_running":
            # What was cancelled to make room rides along with what it made room for, or with the next tick.
            dispatcher.at(40)
            found = {at: fate for at, fate in dispatcher.fates().items() if at < 40}
            assert set(found.values()) == {"covered"}
            return
        assert " ".join(found.values()) == fates
        assert dispatcher.spans() == spans
        if policy == "skip":
            (reason,) = {each.partition(" ")[2] for each in dispatcher.reasons(TickState.SKIPPED)}
            assert reason == "had not finished, and on_overlap is skip"


def station_has(dispatcher: Dispatcher, state: AttemptState) -> bool:
    return any(each.state is state for each in attempts.attempts(dispatcher.book))


@pytest.mark.catalogue("F3", "D4", "M2")
def test_no_more_runs_are_active_than_may_be_and_the_rest_follows(station: Station) -> None:
    every_ten(station, "catch_up: each, max_active_runs: 2", bash=WAITS)
    station.pipelines(
        "often:\n  select: job\n  every: 10m\n  catch_up: each\n  max_active_runs: 2\n  on_overlap: queue\n"
        "other:\n  select: quick\n  every: 10m"
    )
    station.task("quick", "true")
    known_from_noon(station)
    station.clock.show(55)
    with station.dispatcher() as dispatcher:
        dispatcher.until(lambda: dispatcher.states("other") == ["done"])
        dispatcher.turn()
        assert dispatcher.states("often") == ["running"] * 2 + ["queued"] * 3
        station.write("go", "")
        dispatcher.rest()
        assert dispatcher.spans("often") == [(0, 10), (10, 20), (20, 30), (30, 40), (40, 50)]
        assert set(dispatcher.fates("often").values()) == {"covered"}


@pytest.mark.catalogue("M2")
def test_room_that_another_process_makes_is_seen(station: Station) -> None:
    every_ten(station, "catch_up: each")
    with station.dispatcher() as dispatcher, station.book() as other:
        dispatcher.rest()
        # A retry on the command line of another process holds the only place.
        station.clock.show(1)
        _queue(dispatcher, "foreign")
        alien = elsewhere("alien", datetime.now(UTC))
        owner_rows.register(other, alien)
        assert runs.step_run(other, "foreign", RunState.RUNNING, station.clock.now(), owner=alien.id)
        station.clock.show(35)
        for _ in range(3):
            dispatcher.turn()
        assert dispatcher.states().count("running") == 1
        assert runs.step_run(other, "foreign", RunState.DONE, station.clock.now())
        dispatcher.rest()
        assert dispatcher.spans() == [(0, 10), (10, 20), (20, 30)]


@pytest.mark.catalogue("M2")
def test_ticks_that_wait_for_room_are_run_when_a_person_has_made_some(station: Station) -> None:
    every_ten(station, "catch_up: each")
    with station.dispatcher() as dispatcher, station.book() as other:
        alien = elsewhere("alien", datetime.now(UTC))
        owner_rows.register(other, alien)
        _queue(dispatcher, "foreign")
        assert runs.step_run(other, "foreign", RunState.RUNNING, station.clock.now(), owner=alien.id)
        station.clock.show(35)
        dispatcher.turn()
        assert dispatcher.states() == ["running", "queued"]
        with other.writing() as pen:
            assert runs.cancel_run(pen, dispatcher.runs()[1].id, station.clock.now())
        assert runs.step_run(other, "foreign", RunState.DONE, station.clock.now())
        dispatcher.rest()
        assert dispatcher.fates() == {10: "open", 20: "covered", 30: "covered"}, "what was cancelled waits for a tick"


# Events


def follower(station: Station, more: str = "") -> None:
    station.pipelines(
        "follow:\n  select: job\n  on: {nodes: [raw.orders], events: [landed]}"
        + more
        + "\nload:\n  select: raw.orders\n  every: 10m"
    )
    station.write("models/raw/orders.sql", "/* sqlpipe\nkind: ingest\nfrom: landing/*.csv\ncursor: files\n*/\n")
    station.write("landing/1.csv", "id\n1\n")
    station.task("job", "echo {{ changed | length }} >> ran" if not more else WAITS)


@pytest.mark.catalogue("E7", "E6")
def test_a_pipeline_follows_the_rows_of_another_one(station: Station) -> None:
    follower(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        assert dispatcher.states("follow") == ["done"]
        assert dispatcher.runs("follow")[0].cause == "stirred by raw.orders"
        dispatcher.at(20)
        assert dispatcher.states("load") == ["done", "done"]
        assert dispatcher.states("follow") == ["done"], "no rows moved"
        station.write("landing/2.csv", "id\n2\n")
        dispatcher.at(30)
        assert dispatcher.states("follow") == ["done", "done"]


@pytest.mark.catalogue("E3", "E7")
def test_what_follows_many_runs_once_all_of_them_have_moved(station: Station) -> None:
    names = [f"n{number}" for number in range(6)]
    station.pipelines(
        f"follow:\n  select: marts.all\n  on: [{', '.join(f'raw.{name}' for name in names)}]\n"
        "load:\n  select: raw.*\n  every: 10m"
    )
    for name in names:
        station.write(f"models/raw/{name}.sql", f"/* sqlpipe\nkind: table\n*/\nselect '{name}' as name")
    union = " union all ".join(f"from raw.{name}" for name in names)
    station.write("models/marts/all.sql", f"/* sqlpipe\nkind: table\n*/\n{union}")
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        assert set(dispatcher.states("follow")) == {"done"}
        built = [
            each for each in dispatcher.told
            if isinstance(each, NodeFinished) and each.node == "marts.all" and each.state is State.DONE
        ]  # fmt: skip
        assert built[-1].rows == 6
        moved = {each.subject for each in happenings.since(dispatcher.book, 0) if each.kind == "moved"}
        assert len(moved) == 7


@pytest.mark.catalogue("R4", "D10")
def test_two_runs_that_want_the_same_do_it_once(station: Station) -> None:
    station.pipelines("often:\n  select: raw.orders\n  max_active_runs: 2")
    station.write("models/raw/orders.sql", "/* sqlpipe\nkind: ingest\nfrom: landing/*.csv\ncursor: files\n*/\n")
    station.write("landing/1.csv", "id\n1\n")
    with station.dispatcher() as dispatcher:
        for id in ("one", "other"):
            _queue(dispatcher, id)
        dispatcher.rest()
        assert dispatcher.states() == ["done", "done"]
        found = [each.state for run in ("one", "other") for each in attempts.nodes(dispatcher.book, run)]
        assert sorted(found) == [State.DONE, State.UNCHANGED]


def tell(dispatcher: Dispatcher, number: int, event: str = "landed") -> None:
    """An event from outside, by way of another process."""
    with dispatcher.station.book() as other:
        at = dispatcher.station.clock.now() + timedelta(microseconds=number)
        happenings.note(other, "event", event, at, facts={"number": number})


@pytest.mark.catalogue("E1", "E2", "E5", "E6")
def test_events_while_a_run_is_active_lead_to_one_more(station: Station) -> None:
    follower(station, "\n  on_overlap: skip")
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        tell(dispatcher, 1)
        dispatcher.until(lambda: dispatcher.states("follow") == ["running"])
        for number in range(2, 6):
            tell(dispatcher, number)
            dispatcher.turn()
        assert dispatcher.states("follow") == ["running", "queued"]
        station.write("go", "")
        dispatcher.rest()
        assert dispatcher.states("follow") == ["done", "done"]
        dispatcher.rest()
        assert len(dispatcher.runs("follow")) == 2
        assert ticks.known(dispatcher.book)["follow"].cursor == happenings.number(
            dispatcher.book,
            dispatcher.scheduler._leadership._lease,  # type: ignore[arg-type]
        )


@pytest.mark.catalogue("E4", "E1")
def test_an_event_during_a_pause_is_heard_after_it(station: Station) -> None:
    follower(station)
    with station.dispatcher() as dispatcher, station.book() as other:
        dispatcher.rest()
        ticks.pause(other, "follow", "anna", station.clock.now())
        for number in range(4):
            tell(dispatcher, number)
            dispatcher.turn()
        assert dispatcher.runs("follow") == []
        ticks.resume(other, "follow", "anna", station.clock.now())
        dispatcher.rest()
        assert dispatcher.states("follow") == ["done"]


@pytest.mark.catalogue("E1", "E6")
def test_more_events_than_are_read_at_once_leave_none_unheard(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_MOST", 3)
    follower(station)
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        with station.book() as other:
            for number in range(10):
                happenings.note(other, "moved", "raw.else", station.clock.now(), version=f"v{number}")
            happenings.note(other, "event", "landed", station.clock.now() + timedelta(seconds=1))
        dispatcher.until(lambda: dispatcher.states("follow") == ["done"])


@pytest.mark.catalogue("E1", "D2", "E9")
@pytest.mark.parametrize("point", ["ruled", "carried-out"])
def test_an_event_and_its_run_are_written_together(
    station: Station, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower(station)

    class Killed(BaseException):
        pass

    def crash_point(name: str) -> None:
        if name == point:
            raise Killed

    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        tell(dispatcher, 1)
        with monkeypatch.context() as patch:
            patch.setattr(schedule, "crash_point", crash_point)
            with pytest.raises(Killed):
                dispatcher.turn()
        cursor = ticks.known(dispatcher.book)["follow"].cursor
        assert (cursor, len(dispatcher.runs("follow"))) == ((0, 0) if point == "ruled" else (1, 1))
        dispatcher.give_back()
    with station.dispatcher() as after:
        after.rest()
        assert after.states("follow") == ["done"]


@pytest.mark.catalogue("E1")
def test_an_event_that_could_not_be_ruled_on_is_not_forgotten(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower(station)
    with station.dispatcher() as dispatcher:
        dispatcher.rest()
        tell(dispatcher, 1)

        def away(*_: object, **__: object) -> bool:
            raise JournalAway("gone for a moment")

        with monkeypatch.context() as patch:
            patch.setattr(ticks, "carry_out", away)
            dispatcher.turn()
        assert dispatcher.runs("follow") == []
        dispatcher.rest()
        assert dispatcher.states("follow") == ["done"]


# Edits


@pytest.mark.catalogue("M4")
def test_an_edited_schedule_holds_from_now_on(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(31)
        station.pipelines("often:\n  select: job\n  schedule: '5 * * * *'")
        dispatcher.reload()
        dispatcher.at(64)
        assert max(dispatcher.fates()) == 30
        dispatcher.at(65)
        assert dispatcher.fates()[65] == "covered"
        assert dispatcher.spans()[-1] == (5, 65)


@pytest.mark.catalogue("M4", "D7")
def test_what_waits_by_an_old_schedule_is_superseded_when_that_is_edited(station: Station) -> None:
    every_ten(station, "count_paused: true")
    with station.dispatcher() as dispatcher, station.book() as other:
        dispatcher.rest()
        ticks.pause(other, "often", "anna", station.clock.now())
        dispatcher.at(25)
        station.pipelines("often:\n  select: job\n  every: 1h\n  count_paused: true")
        dispatcher.reload()
        ticks.resume(other, "often", "anna", station.clock.now())
        dispatcher.rest()
        assert dispatcher.fates() == {10: "superseded", 20: "superseded"}
        assert dispatcher.reasons(TickState.SUPERSEDED) == {"the schedule was edited"}
        assert dispatcher.runs() == []


def test_a_pipeline_that_is_removed_starts_nothing_more_and_one_that_is_new_starts(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        station.pipelines("newcomer:\n  select: job\n  every: 15m")
        dispatcher.reload()
        dispatcher.at(30)
        assert dispatcher.fates("often") == {10: "covered"}
        assert dispatcher.fates("newcomer") == {15: "covered", 30: "covered"}
        every_ten(station)
        dispatcher.reload()
        dispatcher.at(40)
        assert dispatcher.fates("often") == {10: "covered", 40: "covered"}, "what passed meanwhile was not its business"


@pytest.mark.catalogue("Z15")
def test_a_broken_edit_leaves_the_last_good_project_in_force_and_says_why(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        station.pipelines("often:\n  select: job\n  schedule: '61 * * * *'")
        dispatcher.reload()
        dispatcher.at(20)
        assert dispatcher.fates() == {10: "covered", 20: "covered"}
        assert "SP601 `61` is no minute" in dispatcher.scheduler.status().project_problem
        every_ten(station)
        dispatcher.reload()
        assert dispatcher.scheduler.status().project_problem == ""


@pytest.mark.catalogue("R1")
def test_a_run_goes_to_its_end_by_the_code_that_it_began_with(station: Station) -> None:
    every_ten(station, bash=WAITS)
    with station.dispatcher() as dispatcher:
        station.clock.show(10)
        dispatcher.until(lambda: station_has(dispatcher, AttemptState.RUNNING))
        station.task("job", "echo new >> ran")
        dispatcher.reload()
        station.write("go", "")
        dispatcher.rest()
        dispatcher.at(20)
    assert station.lines("ran") == ["12:00-12:10", "new"]


# Other processes


def test_a_run_that_another_process_queues_is_started_at_once(station: Station) -> None:
    every_ten(station)
    with scheduler(station.open()) as running:
        running.start()
        try:
            time.sleep(0.6)
            began = time.monotonic()
            record = orchestrating.trigger(station.open(), "often", "anna")
            while (found := orchestrating.details(station.open(), record.id).record).started is None:
                assert time.monotonic() - began < 5
                time.sleep(0.02)
            assert time.monotonic() - began < 1.5
            assert found.cause == "triggered by anna"
            while not orchestrating.details(station.open(), record.id).record.finished:
                assert time.monotonic() - began < 10
                time.sleep(0.02)
        finally:
            running.stop(2)


@pytest.mark.catalogue("Z9", "C1")
def test_a_run_that_another_process_cancels_stops(station: Station) -> None:
    every_ten(station, bash=WAITS)
    with station.dispatcher() as dispatcher, station.book() as other:
        station.clock.show(10)
        dispatcher.until(lambda: station_has(dispatcher, AttemptState.RUNNING))
        with other.writing() as pen:
            assert runs.cancel_run(pen, dispatcher.runs()[0].id, station.clock.now())
        dispatcher.rest()
        assert dispatcher.states() == ["cancelled"]
        assert not station_has(dispatcher, AttemptState.RUNNING)
        station.write("go", "")
        dispatcher.at(20)
        assert dispatcher.fates() == {10: "covered", 20: "covered"}


# Clocks


@pytest.mark.catalogue("D8")
def test_a_clock_that_is_set_back_fires_nothing_again(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(31)
        for minute in (5, 12, 28, 39):
            dispatcher.at(minute)
            assert dispatcher.scheduler.status().next_tick == NOON + timedelta(minutes=40)
        dispatcher.at(40)
        assert dispatcher.fates() == dict.fromkeys((10, 20, 30, 40), "covered")
        assert dispatcher.spans() == [(0, 30), (30, 40)]


@pytest.mark.catalogue("M6", "M9")
def test_a_clock_that_jumps_ahead_is_like_downtime(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as dispatcher:
        dispatcher.at(10)
        dispatcher.at(60 * 24)
        assert dispatcher.spans() == [(0, 10), (10, 1440)]
        assert set(dispatcher.fates().values()) == {"covered"}
        assert len(dispatcher.fates()) == 144


# The journal away


@pytest.mark.catalogue("D11", "Z7", "Z12")
def test_a_journal_that_is_away_for_a_while_costs_nothing(station: Station) -> None:
    every_ten(station, bash=WAITS)
    with station.dispatcher() as dispatcher:
        station.clock.show(10)
        dispatcher.until(lambda: station_has(dispatcher, AttemptState.RUNNING))
        with closing(sqlite3.connect(station.journal[0], isolation_level=None)) as thief:
            dispatcher.book._connection.execute("pragma busy_timeout = 1")  # type: ignore[attr-defined]
            thief.execute("begin immediate")
            station.clock.show(20)
            station.write("go", "")
            for _ in range(40):
                dispatcher.turn()
                time.sleep(0.01)
            assert dispatcher.scheduler.status().journal_problem
            assert station.lines("ran") == ["12:00-12:10"], "what runs is not held up"
            thief.execute("commit")
        dispatcher.until(lambda: dispatcher.finished() == 2)
        dispatcher.rest()
        assert dispatcher.spans() == [(0, 10), (10, 20)]
        assert set(dispatcher.fates().values()) == {"covered"}


@pytest.mark.catalogue("Z12", "D13")
@pytest.mark.parametrize("written", [True, False])
def test_a_claim_whose_answer_is_lost_is_not_the_end_of_the_run(
    station: Station, written: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_ten(station)
    begin_run = runs.begin_run

    def begin_and_lose(*given: object, **more: object) -> bool:
        if written:
            begin_run(*given, **more)  # type: ignore[arg-type]
        raise JournalAway("lost on the way")

    with station.dispatcher() as dispatcher:
        station.clock.show(10)
        with monkeypatch.context() as patch:
            patch.setattr(runs, "begin_run", begin_and_lose)
            dispatcher.turn()
        assert dispatcher.states() == ["running" if written else "queued"]
        dispatcher.until(lambda: dispatcher.states() == ["done"])
    assert station.lines("ran") == ["12:00-12:10"]


@pytest.mark.catalogue("Z11")
def test_a_bug_in_a_pass_ends_neither_the_scheduler_nor_what_runs(
    station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    every_ten(station, bash=WAITS)
    with station.dispatcher() as dispatcher:
        station.clock.show(10)
        dispatcher.until(lambda: station_has(dispatcher, AttemptState.RUNNING))
        with monkeypatch.context() as patch:
            patch.setattr(happenings, "number", lambda *_: 1 / 0)
            tell(dispatcher, 1)
            station.write("go", "")
            for _ in range(50):
                dispatcher.turn()
                time.sleep(0.01)
            assert dispatcher.states() == ["done"]
        dispatcher.at(20)
        assert dispatcher.states() == ["done", "done"]
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.catalogue("Z11")
def test_a_bug_while_the_lease_is_kept_does_not_lose_it(
    station: Station, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    every_ten(station)
    with station.book() as book:
        leadership = Leadership(book, elsewhere("me", datetime.now(UTC)), ttl=0.3)
        leadership.start()
        with monkeypatch.context() as patch:
            patch.setattr("sqlpipe.store.lease.renew", lambda *_: 1 / 0)
            time.sleep(0.25)
        time.sleep(0.4)
        try:
            assert leadership.lease is not None
        finally:
            leadership.stop()
    assert "ZeroDivisionError" in capsys.readouterr().err


# Two schedulers


@pytest.mark.catalogue("D1", "D3", "D8", "M1")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_of_two_schedulers_one_leads_and_the_other_takes_over(
    station: Station, kind: str, request: pytest.FixtureRequest
) -> None:
    every_ten(station)
    if kind == "postgres":
        station.journal = (request.getfixturevalue("server").address, "two schedulers")
    with station.dispatcher() as first, station.dispatcher() as second:
        station.clock.show(10)
        for _ in range(3):
            second.turn()
            assert second.runs() == []
        assert (first.seize(), second.seize()) == (True, False)
        first.rest()
        second.turn()
        assert second.scheduler.status().holder == first.scheduler._premises.owner.id
        first.give_back()
        assert second.seize()
        station.clock.show(20)
        first.turn()
        second.rest()
        first.turn()
        assert second.fates() == {10: "covered", 20: "covered"}
        assert second.scheduler.status().epoch == 2
        assert len(second.runs()) == 2


@pytest.mark.catalogue("D1", "D3", "D11", "D4")
def test_a_leader_that_was_suspended_changes_nothing_when_it_wakes(station: Station) -> None:
    every_ten(station, "catch_up: each", bash=WAITS)
    with station.dispatcher() as first, station.dispatcher() as second:
        first.rest()
        first.run_out()
        assert second.seize()
        assert first.scheduler._leadership.lease is not None, "it has not noticed yet"
        station.clock.show(30)
        second.until(lambda: second.states().count("running") == 1)
        for _ in range(3):
            first.turn()
        assert first.scheduler._floor.board.walks == []
        assert second.states().count("running") == 1
        station.write("go", "")
        second.rest()
        assert second.spans() == [(0, 10), (10, 20), (20, 30)]
        assert set(second.fates().values()) == {"covered"}
        assert not first.seize()


@pytest.mark.catalogue("D1", "D4", "F3")
def test_a_leader_that_was_suspended_begins_no_run_that_waits(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as first, station.dispatcher() as second:
        first.run_out()
        assert second.seize()
        _queue(first, "by hand")
        for _ in range(3):
            first.turn()
        assert second.states() == ["queued"]
        second.rest()
        assert second.states() == ["done"]
        assert second.runs()[0].owner == second.scheduler._premises.owner.id


@pytest.mark.catalogue("D1", "M1")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_on_threads_of_their_own_two_schedulers_fire_every_tick_once(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    station = Station(tmp_path)
    station.pipelines("often:\n  select: job\n  every: 10m\n  catch_up: each")
    station.task("job", "true")
    if kind == "postgres":
        address = request.getfixturevalue("server").address
        station.write("profiles.yml", f"shop:\n  outputs:\n    dev: {{type: duckdb, path: s.db, journal: '{address}'}}")
    clock = time_lapse("2026-05-04 12:00 x1200")
    with scheduler(station.open(), clock=clock) as first, scheduler(station.open(), clock=clock) as second:
        for each in (first, second):
            each.start()
        try:
            time.sleep(1.5)
        finally:
            first.stop(3)
        leading = time.monotonic() + 20
        while not second.status().leading:
            assert time.monotonic() < leading
            time.sleep(0.05)
        time.sleep(1)
        second.stop(3)
    with closing(open_book(*_journal_of(station))) as book:
        rows = ticks.ticks(book, limit=1000)
        ended = [each for each in rows if each.state is TickState.COVERED]
        assert {each.state for each in rows} <= {TickState.COVERED, TickState.TAKEN, TickState.OPEN}
        assert len(ended) >= 2
        assert len({each.run for each in ended}) == len(ended)
        spans = sorted((each.tick.start, each.tick.end) for each in rows)
        assert all(one[1] == other[0] for one, other in pairwise(spans))


def _journal_of(station: Station) -> tuple[str, str]:
    from sqlpipe.app.running import journal_address
    from sqlpipe.app.workspace import profile_of

    workspace = station.open()
    return journal_address(workspace.root, profile_of(workspace)), f"shop_{profile_of(workspace).target}"


# After a crash


@pytest.mark.catalogue("Z6", "D13", "Z2")
def test_a_run_whose_process_has_died_is_taken_up_where_it_was(station: Station) -> None:
    station.pipelines("often:\n  select: '*'\n  every: 10m")
    station.task("first", "echo first >> ran")
    station.task("second", WAITS.replace("echo", "echo second"), "after: [first]\nretries: 0")
    gone = elsewhere("gone", datetime.now(UTC))
    with station.dispatcher(gone) as dead:
        station.clock.show(10)
        dead.until(lambda: station.lines("ran") == ["first"] and _of(dead, "second"))
        _forget(dead, gone.id)
        with station.dispatcher() as heir:
            station.clock.show(20)
            heir.until(lambda: heir.states() == ["running", "queued"])
            station.write("go", "")
            heir.until(lambda: heir.finished() == 2)
            heir.rest()
            assert heir.spans() == [(0, 10), (10, 20)]
            assert set(heir.fates().values()) == {"covered"}
            states = [each.state.value for each in attempts.attempts(heir.book)][::-1]
            assert states.count("lost") == 1
            assert "running" not in states


def _of(dispatcher: Dispatcher, node: str) -> bool:
    return any(
        each.node.endswith(node) and each.state is AttemptState.RUNNING for each in attempts.attempts(dispatcher.book)
    )


def _forget(dispatcher: Dispatcher, owner: str) -> None:
    """A process on another host gives no signs any more, and its database is free."""
    dispatcher.run_out()
    with dispatcher.book.writing() as pen:
        pen.execute("update owner set seen = 1 where id = :id", {"id": owner})
    dispatcher.scheduler._shop.hall.leave()


@pytest.mark.catalogue("D12", "Z2")
def test_what_is_unsafe_and_was_interrupted_is_left_to_a_person(station: Station) -> None:
    station.pipelines("often:\n  select: '*'\n  every: 10m")
    station.task("mail", "echo sent >> ran\n" + WAITS, "effects: unsafe")
    gone = elsewhere("gone", datetime.now(UTC))
    with station.dispatcher(gone) as dead:
        station.clock.show(10)
        dead.until(lambda: station.lines("ran") == ["sent"])
        _forget(dead, gone.id)
        with station.dispatcher() as heir:
            heir.rest()
            (run,) = heir.runs()
            assert run.state is RunState.FAILED
            (node,) = attempts.nodes(heir.book, run.id)
            assert node.state is State.FAILED
            assert "`effects: unsafe` may have happened or not" in node.detail
            station.write("go", "")
            heir.at(20)
            assert heir.spans() == [(0, 10), (10, 20)], "the next tick does not do it either"
            assert heir.fates() == {10: "open", 20: "covered"}
            assert attempts.mark(heir.book, run.id, node.node, State.DONE, station.clock.now())
            heir.at(30)
            assert heir.fates()[10] == "open"
            _repeat(heir, run.id)
            heir.rest()
            assert heir.fates() == {10: "covered", 20: "covered", 30: "covered"}
    # The task that was interrupted, and those of the next two ticks; in the end the first one's word was taken.
    assert station.lines("ran").count("sent") == 3


@pytest.mark.catalogue("Z2")
def test_what_kills_its_process_every_time_is_given_up(station: Station) -> None:
    station.pipelines("often:\n  select: '*'\n  every: 10m")
    station.task("heavy", "echo tried >> ran\n" + WAITS)
    for number in range(20):
        owner = elsewhere(f"gone {number}", datetime.now(UTC))
        with station.dispatcher(owner) as dead:
            station.clock.show(10)
            dead.until(lambda: _of(dead, "heavy") or "failed" in dead.states())
            if "failed" in dead.states():
                break
            _forget(dead, owner.id)
            from sqlpipe.run.recover import recover

            with station.book() as other:
                recover(other, station.clock.now())
    with station.book() as book:
        (run,) = runs.runs(book)
        (node,) = attempts.nodes(book, run.id)
        assert (node.state, node.detail) == (
            State.FAILED,
            f"{node.node} was lost {number} times with the process that ran it",
        )
        assert 2 <= number <= 5


@pytest.mark.catalogue("Z6", "Z7")
def test_a_process_of_this_host_that_is_suspended_is_not_dead(station: Station) -> None:
    every_ten(station, bash=WAITS)
    with station.dispatcher() as sleeper:
        station.clock.show(10)
        sleeper.until(lambda: station_has(sleeper, AttemptState.RUNNING))
        with sleeper.book.writing() as pen:
            pen.execute("update owner set seen = 1")
        sleeper.turn()
        with station.dispatcher() as other:
            other.turn()
            assert other.states() == ["running"]
        station.write("go", "")
        sleeper.rest()
        assert sleeper.states() == ["done"]


@pytest.mark.catalogue("Z9", "M2")
def test_a_run_that_was_being_cancelled_when_its_process_died_ends_cancelled(station: Station) -> None:
    every_ten(station, "catch_up: each", bash=WAITS)
    gone = elsewhere("gone", datetime.now(UTC))
    with station.dispatcher(gone) as dead:
        station.clock.show(10)
        dead.until(lambda: station_has(dead, AttemptState.RUNNING))
        with dead.book.writing() as pen:
            runs.cancel_run(pen, dead.runs()[0].id, station.clock.now())
        _forget(dead, gone.id)
        station.write("go", "")
        with station.dispatcher() as heir:
            heir.rest()
            assert heir.states() == ["cancelled"]
            heir.at(20)
            assert heir.fates() == {10: "covered", 20: "covered"}


def test_status_says_who_leads_and_how_old_the_heartbeat_is(station: Station) -> None:
    every_ten(station)
    with station.dispatcher() as first, station.dispatcher() as second:
        first.rest()
        second.turn()
        one, two = first.scheduler.status(), second.scheduler.status()
        assert (one.leading, two.leading) == (True, False)
        assert one.holder == two.holder != ""
        assert one.epoch == two.epoch == 1
        assert two.next_tick is None
