"""What becomes of ticks: missed ones, those of a pause, those that meet a run, and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.schedule import (
    CatchUp,
    Cron,
    Deadline,
    Every,
    On,
    OnOverlap,
    Order,
    Pipeline,
    Ruling,
    Standing,
    Tick,
    TickState,
)
from sqlpipe.plan.cadence import ticks
from sqlpipe.plan.catch_up import MOST_ORDERS, rule

_HOUR = timedelta(hours=1)
_NOW = datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC)
_HOURLY = Pipeline("p", Place(1, 1), starter=Every(3600))
_ON = Pipeline("p", Place(1, 1), starter=On(("shop.orders",), ("landed",)))


def _passed(count: int, pipeline: Pipeline = _HOURLY) -> tuple[Tick, ...]:
    """The newest ticks until now, the last of them two seconds ago."""
    return ticks(pipeline, _NOW - count * _HOUR, _NOW, 10_000)


def _standing(
    *,
    waiting: tuple[Tick, ...] = (),
    active: tuple[str, ...] = (),
    queued: tuple[str, ...] = (),
    paused_at: datetime | None = None,
    stirred: tuple[str, ...] = (),
) -> Standing:
    return Standing(
        now=_NOW,
        seen=_NOW - 1000 * _HOUR,
        waiting=waiting,
        active=active,
        queued=queued,
        paused_at=paused_at,
        stirred=stirred,
    )


def _states(ruling: Ruling) -> list[str]:
    return [each.state.value for each in ruling.settled]


def _reasons(ruling: Ruling) -> list[str]:
    return [each.reason for each in ruling.settled]


def test_with_nothing_passed_there_is_nothing_to_do() -> None:
    standing = _standing(active=("r1",))
    assert rule(_HOURLY, standing, ()) == Ruling(seen=standing.seen)


@pytest.mark.parametrize("catch_up", list(CatchUp))
@pytest.mark.parametrize("on_overlap", list(OnOverlap))
def test_a_tick_in_time_starts_a_run_whatever_the_policies(catch_up: CatchUp, on_overlap: OnOverlap) -> None:
    (tick,) = _passed(1)
    ruling = rule(replace(_HOURLY, catch_up=catch_up, on_overlap=on_overlap), _standing(), [tick])
    assert ruling.orders == (Order((tick,), "due 2026-03-01 12:00 UTC"),)
    assert (_states(ruling), ruling.seen, ruling.cancel, ruling.extend) == (["taken"], tick.at, (), ())


@pytest.mark.catalogue("M3", "M4b", "M5", "M6")
class TestAfterDowntime:
    def test_merge_runs_once_for_all(self) -> None:
        passed = _passed(3)
        ruling = rule(_HOURLY, _standing(), passed)
        assert ruling.orders == (Order(passed, "3 ticks due from 2026-03-01 10:00 to 2026-03-01 12:00 UTC"),)
        assert (ruling.orders[0].start, ruling.orders[0].end) == (passed[0].start, passed[-1].end)
        assert _states(ruling) == ["taken"] * 3

    def test_each_runs_one_after_the_other(self) -> None:
        passed = _passed(3)
        ruling = rule(replace(_HOURLY, catch_up=CatchUp.EACH), _standing(), passed)
        # One that runs and one that waits: the last stays open until there is room.
        assert [each.ticks for each in ruling.orders] == [(passed[0],), (passed[1],)]
        assert _states(ruling) == ["taken", "taken", "open"]
        after = rule(
            replace(_HOURLY, catch_up=CatchUp.EACH), _standing(waiting=passed[2:], active=("r2",), queued=()), ()
        )
        assert [each.ticks for each in after.orders] == [(passed[2],)]

    @pytest.mark.catalogue("M4b")
    def test_each_does_not_order_a_year_at_once(self) -> None:
        pipeline = replace(_HOURLY, catch_up=CatchUp.EACH, on_overlap=OnOverlap.QUEUE, max_active_runs=50)
        passed = _passed(100)
        ruling = rule(pipeline, _standing(), passed)
        assert [each.ticks for each in ruling.orders] == [(each,) for each in passed[:MOST_ORDERS]]
        assert _states(ruling) == ["taken"] * MOST_ORDERS + ["open"] * (100 - MOST_ORDERS)
        full = _standing(waiting=passed[10:], queued=tuple(f"r{number}" for number in range(MOST_ORDERS)))
        assert rule(pipeline, full, ()).orders == ()

    def test_latest_runs_the_newest(self) -> None:
        passed = _passed(3)
        ruling = rule(replace(_HOURLY, catch_up=CatchUp.LATEST), _standing(), passed)
        assert [each.ticks for each in ruling.orders] == [passed[2:]]
        assert _states(ruling) == ["superseded", "superseded", "taken"]
        assert _reasons(ruling)[0] == "the tick of 2026-03-01 12:00 UTC is newer"

    def test_latest_starts_nothing_while_newer_ticks_are_still_to_be_told(self) -> None:
        ruling = rule(replace(_HOURLY, catch_up=CatchUp.LATEST), _standing(), _passed(3)[:2])
        assert (_states(ruling), ruling.orders) == (["superseded", "superseded"], ())
        assert _reasons(ruling) == ["a newer tick has passed"] * 2

    def test_none_skips_what_is_late_and_says_how_late(self) -> None:
        pipeline = replace(_HOURLY, starter=Cron("55 * * * *"), catch_up=CatchUp.NONE)
        passed = _passed(4, pipeline)
        ruling = rule(pipeline, _standing(), passed)
        assert ruling.orders == ()
        assert _states(ruling) == ["skipped"] * 4
        assert _reasons(ruling)[0] == "missed by 3h 5m, and catch_up is none"
        assert rule(pipeline, _standing(), passed, grace=600).orders[0].ticks == passed[3:]

    @pytest.mark.catalogue("M10")
    @pytest.mark.parametrize("catch_up", list(CatchUp))
    def test_what_is_older_than_the_window_expires(self, catch_up: CatchUp) -> None:
        passed = _passed(4)
        pipeline = replace(_HOURLY, catch_up=catch_up, window=7200, max_active_runs=5)
        ruling = rule(pipeline, _standing(waiting=passed[:1]), passed[1:])
        assert _states(ruling)[:2] == ["expired", "expired"]
        assert _reasons(ruling)[:2] == ["not started within 2h"] * 2
        assert TickState.EXPIRED not in {each.state for each in ruling.settled[2:]}

    def test_a_window_of_nothing_still_lets_the_tick_of_this_moment_run(self) -> None:
        assert len(rule(replace(_HOURLY, window=0), _standing(), _passed(2)).orders) == 1

    @pytest.mark.catalogue("D5", "M9")
    def test_what_waits_goes_along_and_nothing_twice(self) -> None:
        passed = _passed(3)
        ruling = rule(_HOURLY, _standing(waiting=passed[:2]), passed[1:])
        assert [each.ticks for each in ruling.orders] == [passed]
        assert _states(ruling) == ["taken"] * 3

    def test_a_clock_set_back_leaves_what_was_recorded_for_later(self) -> None:
        ahead = ticks(_HOURLY, _NOW, _NOW + 2 * _HOUR, 2)
        ruling = rule(_HOURLY, _standing(waiting=ahead), ())
        assert (_states(ruling), ruling.orders) == (["open", "open"], ())


@pytest.mark.catalogue("M5")
class TestWhilePaused:
    def test_what_passes_is_skipped(self) -> None:
        passed = _passed(3)
        paused = _standing(waiting=passed[:1], paused_at=passed[1].at)
        ruling = rule(_HOURLY, paused, passed[1:])
        assert _states(ruling) == ["open", "open", "skipped"]
        assert _reasons(ruling) == ["", "", "paused"]
        assert (ruling.orders, ruling.seen) == ((), passed[2].at)

    def test_a_pause_longer_than_the_window_is_no_loss_to_be_told_of(self) -> None:
        ruling = rule(replace(_HOURLY, window=3600), _standing(paused_at=_NOW - 10 * _HOUR), _passed(5))
        assert _states(ruling) == ["skipped"] * 5

    @pytest.mark.parametrize("catch_up", list(CatchUp))
    def test_paused_time_that_counts_is_caught_up_with_like_any_other(self, catch_up: CatchUp) -> None:
        passed = _passed(3)
        pipeline = replace(_HOURLY, catch_up=catch_up, count_paused=True)
        paused = rule(pipeline, _standing(paused_at=_NOW - 10 * _HOUR), passed)
        assert (_states(paused), paused.orders) == (["open"] * 3, ())
        resumed = rule(pipeline, _standing(waiting=passed), ())
        missed = rule(pipeline, _standing(), passed)
        assert (resumed.settled, resumed.orders) == (missed.settled, missed.orders)

    @pytest.mark.catalogue("E4")
    def test_an_event_has_to_be_told_again(self) -> None:
        paused = _standing(paused_at=_NOW - _HOUR, stirred=("shop.orders",))
        ruling = rule(_ON, paused, ())
        assert (ruling.orders, ruling.heard) == ((), False)
        assert rule(_ON, replace(paused, paused_at=None), ()).heard


@pytest.mark.catalogue("M2", "M7")
class TestWhileARunIsActive:
    def test_one_run_waits_and_takes_along_what_follows(self) -> None:
        passed = _passed(2)
        first = rule(_HOURLY, _standing(active=("r1",)), passed[:1])
        assert [each.ticks for each in first.orders] == [passed[:1]]
        second = rule(_HOURLY, _standing(active=("r1",), queued=("r2",)), passed[1:])
        assert (second.orders, second.extend) == ((), (("r2", passed[1:]),))
        assert _states(second) == ["taken"]

    def test_the_oldest_of_those_that_wait_takes_them(self) -> None:
        passed = _passed(2)
        ruling = rule(_HOURLY, _standing(active=("r1",), queued=("r2", "r3")), passed)
        assert ruling.extend == (("r2", passed),)

    def test_each_never_shares_a_run(self) -> None:
        passed = _passed(2)
        pipeline = replace(_HOURLY, catch_up=CatchUp.EACH)
        ruling = rule(pipeline, _standing(active=("r1",), queued=("r2",)), passed)
        assert (ruling.orders, ruling.extend, _states(ruling)) == ((), (), ["open", "open"])

    def test_a_queue_holds_one_run_for_every_tick(self) -> None:
        passed = _passed(1)
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.QUEUE)
        ruling = rule(pipeline, _standing(active=("r1",), queued=("r2", "r3")), passed)
        assert ([each.ticks for each in ruling.orders], ruling.extend) == ([passed], ())

    @pytest.mark.parametrize("catch_up", [CatchUp.MERGE, CatchUp.EACH])
    def test_skip_names_the_run_that_is_in_the_way(self, catch_up: CatchUp) -> None:
        passed = _passed(2)
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.SKIP, catch_up=catch_up)
        ruling = rule(pipeline, _standing(active=("r1",)), passed)
        assert (_states(ruling), ruling.orders) == (["skipped", "skipped"], ())
        assert _reasons(ruling)[0] == "r1 had not finished, and on_overlap is skip"

    def test_skip_does_not_give_up_what_waits_already(self) -> None:
        passed = _passed(2)
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.SKIP)
        ruling = rule(pipeline, _standing(waiting=passed[:1], active=("r1",)), passed[1:])
        assert _states(ruling) == ["open", "skipped"]

    def test_skip_and_each_catch_up_without_a_queue(self) -> None:
        passed = _passed(3)
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.SKIP, catch_up=CatchUp.EACH)
        ruling = rule(pipeline, _standing(), passed)
        assert ([each.ticks for each in ruling.orders], _states(ruling)) == ([passed[:1]], ["taken", "open", "open"])

    @pytest.mark.parametrize("catch_up", list(CatchUp))
    def test_a_new_tick_cancels_what_runs(self, catch_up: CatchUp) -> None:
        passed = _passed(1)
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.CANCEL_RUNNING, catch_up=catch_up, max_active_runs=2)
        ruling = rule(pipeline, _standing(active=("r1", "r2")), passed)
        assert (ruling.cancel, [each.ticks for each in ruling.orders]) == (("r1", "r2"), [passed])
        assert rule(pipeline, _standing(active=("r1",)), passed).cancel == ()

    @pytest.mark.parametrize("catch_up", [CatchUp.MERGE, CatchUp.EACH])
    def test_a_tick_that_waits_cancels_nothing(self, catch_up: CatchUp) -> None:
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.CANCEL_RUNNING, catch_up=catch_up)
        assert rule(pipeline, _standing(waiting=_passed(1), active=("r1",)), ()).cancel == ()

    def test_while_one_waits_for_the_cancelled_run_it_takes_what_follows(self) -> None:
        passed = _passed(1)
        pipeline = replace(_HOURLY, on_overlap=OnOverlap.CANCEL_RUNNING)
        ruling = rule(pipeline, _standing(active=("r1",), queued=("r2",)), passed)
        assert (ruling.cancel, ruling.extend, ruling.orders) == (("r1",), (("r2", passed),), ())

    @pytest.mark.catalogue("M2")
    def test_room_is_counted_anew_each_time(self) -> None:
        passed = _passed(1)
        pipeline = replace(_HOURLY, max_active_runs=2, on_overlap=OnOverlap.SKIP)
        assert rule(pipeline, _standing(active=("r1", "r2")), passed).orders == ()
        assert len(rule(pipeline, _standing(active=("r1",)), passed).orders) == 1


@pytest.mark.catalogue("E1", "E5")
class TestEvents:
    @pytest.mark.parametrize("on_overlap", list(OnOverlap))
    def test_an_event_starts_a_run_without_ticks(self, on_overlap: OnOverlap) -> None:
        ruling = rule(replace(_ON, on_overlap=on_overlap), _standing(stirred=("shop.orders", "landed")), ())
        assert ruling.orders == (Order((), "stirred by shop.orders, landed"),)
        assert (ruling.heard, ruling.orders[0].start) == (True, None)

    @pytest.mark.parametrize("on_overlap", list(OnOverlap))
    def test_a_run_that_has_begun_may_not_have_seen_it(self, on_overlap: OnOverlap) -> None:
        pipeline = replace(_ON, on_overlap=on_overlap)
        ruling = rule(pipeline, _standing(active=("r1",), stirred=("shop.orders",)), ())
        assert (len(ruling.orders), ruling.heard) == (1, True)
        assert ruling.cancel == (("r1",) if on_overlap is OnOverlap.CANCEL_RUNNING else ())

    @pytest.mark.parametrize("on_overlap", list(OnOverlap))
    def test_a_run_that_waits_will_see_it(self, on_overlap: OnOverlap) -> None:
        pipeline = replace(_ON, on_overlap=on_overlap)
        ruling = rule(pipeline, _standing(active=("r1",), queued=("r2",), stirred=("shop.orders",)), ())
        assert (ruling.orders, ruling.cancel, ruling.heard) == ((), (), True)

    def test_a_pipeline_with_a_schedule_does_not_listen(self) -> None:
        ruling = rule(_HOURLY, _standing(stirred=("shop.orders",)), ())
        assert (ruling.orders, ruling.heard) == ((), False)


def test_a_deadline_counts_from_the_newest_tick() -> None:
    passed = _passed(3)
    pipeline = replace(_HOURLY, deadline=Deadline(seconds=1800))
    assert rule(pipeline, _standing(), passed).orders[0].deadline == passed[2].at + timedelta(minutes=30)
    on_clock = replace(_ON, deadline=Deadline(clock=time(8), zone="Europe/Paris"))
    ruling = rule(on_clock, _standing(stirred=("landed",)), ())
    assert ruling.orders[0].deadline == datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.mark.catalogue("M4")
def test_an_edited_schedule_takes_effect_from_the_moment_of_the_edit() -> None:
    edited = replace(_HOURLY, starter=Every(600))
    standing = replace(_standing(), seen=_NOW)
    assert ticks(edited, standing.seen, _NOW, 10) == ()
    assert rule(edited, standing, ()) == Ruling(seen=_NOW)


@pytest.mark.catalogue("D7", "D8")
def test_nothing_is_ordered_before_its_time() -> None:
    standing = _standing()
    once = rule(_HOURLY, standing, ticks(_HOURLY, standing.seen, _NOW, 10_000))
    again = replace(standing, seen=once.seen)
    assert once.seen <= _NOW
    assert rule(_HOURLY, again, ticks(_HOURLY, again.seen, _NOW, 10_000)) == Ruling(seen=once.seen)
