"""What always holds of schedules: the instants are those of other crons, and every tick is accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from cronsim import CronSim
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from sqlpipe.calendar import cron
from sqlpipe.calendar.clocks import turns
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.schedule import (
    CatchUp,
    Cron,
    Every,
    On,
    OnOverlap,
    Pipeline,
    Ruling,
    Standing,
    Tick,
    TickState,
)
from sqlpipe.plan.cadence import last_until, next_after, ticks
from sqlpipe.plan.catch_up import MOST_ORDERS, rule

_ZONES = (
    "UTC",
    "Africa/Casablanca",
    "America/Chicago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Chatham",
)
# `3-3`, and with two restricted days a list or range of all of them, are the same as `*` to croniter.
_ALL_TO_CRONITER = re.compile(r"\b(\d+)-\1\b|[^*]\S* \S+ [^* ]\S*$")
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


def _field(low: int, high: int, words: Sequence[str] = ()) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    bounds = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    span = bounds.map(lambda pair: f"{pair[0]}-{pair[1]}")
    step = st.integers(1, high - low).map(lambda size: f"/{size}")
    # cronsim reads `3-3/2` as from 3 on, to the end.
    wide = bounds.filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    plain = [number, span, st.tuples(wide, step).map("".join), *([st.sampled_from(words)] if words else [])]
    listed = st.lists(st.one_of(plain), min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), step.map("*{}".format), listed)


_TIMES = st.tuples(_field(0, 59), st.one_of(_field(0, 23), st.integers(0, 4).map(str)))
_DATES = st.tuples(
    st.one_of(st.just("*"), _field(1, 31), st.just("L"), st.just("1,L")),
    st.one_of(st.just("*"), _field(1, 12, ["jan", "APR", "dec"])),
    st.one_of(st.just("*"), _field(0, 6, ["sun", "Wed"]), st.sampled_from(["5-7", "0-7", "7"])),
)
_NTH = st.tuples(st.just("*"), st.just("*"), st.sampled_from(["fri#1", "2#3", "7#2", "0#5"]))


def _is_possible(expression: str) -> bool:
    try:
        cron.parse(expression)
    except cron.CronError:
        return False
    return True


_EXPRESSIONS = st.tuples(_TIMES, st.one_of(_DATES, _NTH)).map(lambda both: " ".join((*both[0], *both[1])))
_EVERY_DAY = _TIMES.map(lambda times: f"{times[0]} {times[1]} * * *")
_MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def _turning(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a moment within two days of one at which its clocks are set."""
    name = draw(st.sampled_from([each for each in _ZONES if each != "UTC"]))
    year = draw(st.integers(2000, 2030))
    found = list(turns(ZoneInfo(name), datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)))
    assume(found)
    return name, draw(st.sampled_from(found)) + timedelta(minutes=draw(st.integers(-2880, 2880)))


def _ours(expression: str, zone: str, moment: datetime) -> Iterator[datetime]:
    following = next_after(Cron(expression, zone), moment)
    while following is not None:
        yield following
        following = next_after(Cron(expression, zone), following)


def _minutes_by_hand(expression: str, zone: str, since: datetime, until: datetime) -> list[datetime]:
    """Look at the clock every minute."""
    fields = CronSim(expression, datetime(2000, 1, 1))  # noqa: DTZ001
    start = since.replace(second=0, microsecond=0) - 3 * _DAY
    moments = [start + number * _MINUTE for number in range((until - start) // _MINUTE + 1)]
    clock = [each.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for each in moments]

    def fits(local: datetime) -> bool:
        in_time = local.minute in fields.minutes and local.hour in fields.hours
        return in_time and local.month in fields.months and fields.match_day(local.date())

    if any(each.startswith("*") for each in expression.split()[:2]):
        found = {moment for moment, local in zip(moments, clock, strict=True) if fits(local)}
    else:
        first: dict[datetime, datetime] = {}
        for moment, local, before in zip(moments[1:], clock[1:], clock, strict=False):
            left_out = (before + number * _MINUTE for number in range(1, (local - before) // _MINUTE))
            for each in (*left_out, local):
                first.setdefault(each, moment)
        found = {moment for local, moment in first.items() if fits(local)}
    return sorted(each for each in found if since < each <= until)


@pytest.mark.catalogue("T1", "T2", "T3", "T4", "T5", "T6")
@settings(max_examples=60, deadline=None)
@given(_EVERY_DAY, _turning())
@example("30 1 * * *", ("America/Chicago", datetime(2026, 11, 1, 7, 15, tzinfo=UTC)))
@example("0 6 * * *", ("Pacific/Apia", datetime(2011, 12, 29, tzinfo=UTC)))
@example("*/10 3 * * *", ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)))
def test_where_clocks_are_set_it_is_due_whenever_one_who_watches_the_clock_says(
    expression: str, place: tuple[str, datetime]
) -> None:
    zone, moment = place
    until = moment + 2 * _DAY
    ours = [each for each in islice(_ours(expression, zone, moment), 3000) if each <= until]
    assert ours == _minutes_by_hand(expression, zone, moment, until)


def _cronsim(expression: str, zone: str, moment: datetime) -> Iterator[datetime]:
    """The instants of cronsim, each once, and none that the clock never shows."""
    last = moment
    for each in CronSim(expression, moment.astimezone(ZoneInfo(zone))):
        instant = each.astimezone(UTC)
        real = instant.astimezone(ZoneInfo(zone)) == each
        if instant > last and real:
            last = instant
            yield instant


@pytest.mark.catalogue("T1", "T8")
@settings(max_examples=150, deadline=None)
@given(_EXPRESSIONS.filter(_is_possible), st.sampled_from(_ZONES), _MOMENTS)
def test_it_is_due_when_cronsim_says(expression: str, zone: str, moment: datetime) -> None:
    ours = list(islice(_ours(expression, zone, moment), 25))
    theirs = list(islice(_cronsim(expression, zone, moment), 25))
    if cron.is_wild(expression):
        # cronsim goes by whole hours from midnight, and so loses its way where clocks are set by half an hour, or then.
        turning = list(turns(ZoneInfo(zone), moment, max(*ours, *theirs) + _DAY))
        assume(not any(abs(each - turn) < 2 * _DAY for turn in turning for each in (*ours, *theirs)))
    assert ours == theirs


@settings(max_examples=150, deadline=None)
@given(_EXPRESSIONS.filter(_is_possible), st.sampled_from(_ZONES), _MOMENTS)
def test_while_no_clock_is_set_it_is_due_when_croniter_says(expression: str, zone: str, moment: datetime) -> None:
    ours = list(islice(_ours(expression, zone, moment), 10))
    assume(not list(turns(ZoneInfo(zone), moment - _DAY, ours[-1] + _DAY)))
    assume(not _ALL_TO_CRONITER.search(expression))
    theirs = croniter(expression, moment.astimezone(ZoneInfo(zone)), ret_type=datetime, implement_cron_bug=True)
    assert ours == [theirs.get_next().astimezone(UTC) for _ in ours]


_STARTERS: st.SearchStrategy[Every | Cron] = st.one_of(
    st.builds(Every, st.integers(1, 90_000)),
    st.builds(Cron, _EXPRESSIONS.filter(_is_possible), st.sampled_from(_ZONES)),
)


@pytest.mark.catalogue("T3", "M9")
@settings(max_examples=100, deadline=None)
@given(
    _STARTERS,
    st.one_of(_MOMENTS, _turning().map(lambda place: place[1])),
    st.sampled_from([0, 1, 1800, 100_000]),
    st.booleans(),
)
def test_intervals_follow_one_another_without_a_gap(
    starter: Cron | Every, moment: datetime, delay: float, bounded: bool
) -> None:
    pipeline = Pipeline("p", Place(1, 1), starter=starter, delay=delay, start=moment if bounded else None)
    until = moment + 30 * 366 * _DAY
    found = ticks(pipeline, moment, until, 30)
    assert all(each.start < each.end for each in found)
    assert all(each.at == each.end + timedelta(seconds=delay) for each in found)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(moment < each.at <= until for each in found)
    if found:
        assert found[0].start == (moment if bounded else last_until(starter, moment - timedelta(seconds=delay)))
        in_two = *ticks(pipeline, moment, until, 7), *ticks(pipeline, found[min(6, len(found) - 1)].at, until, 23)
        assert in_two[:30] == found


@settings(max_examples=80, deadline=None)
@given(_STARTERS, _MOMENTS)
def test_the_last_instant_until_a_moment_is_the_one_before_the_next(starter: Cron | Every, moment: datetime) -> None:
    last = last_until(starter, moment)
    assert last is not None
    assert last <= moment
    following, instant = next_after(starter, moment), next_after(starter, last)
    assert following == instant
    assert next_after(starter, last - timedelta(microseconds=1)) == last


_NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
_HOURLY = ticks(Pipeline("p", Place(1, 1), starter=Every(3600)), _NOW - 10 * _DAY, _NOW + timedelta(hours=2), 10_000)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Pipeline, Standing, tuple[Tick, ...]]:
    first = draw(st.integers(0, len(_HOURLY) - 3))
    passed = _HOURLY[first : len(_HOURLY) - 2]
    waiting = tuple(each for each in passed[: draw(st.integers(0, 30))] if draw(st.booleans()))
    seen = waiting[-1].at if waiting else passed[0].start
    fresh = tuple(each for each in passed if each.at > seen)[: draw(st.integers(0, 250))]
    pipeline = Pipeline(
        "p",
        Place(1, 1),
        starter=Every(3600) if draw(st.booleans()) else On(("shop.orders",)),
        catch_up=draw(st.sampled_from(CatchUp)),
        on_overlap=draw(st.sampled_from(OnOverlap)),
        max_active_runs=draw(st.integers(1, 3)),
        window=draw(st.sampled_from([0, 86_400, 7 * 86_400, 30 * 86_400])),
        count_paused=draw(st.booleans()),
    )
    standing = Standing(
        now=_NOW,
        seen=seen,
        waiting=waiting,
        active=tuple(f"a{number}" for number in range(draw(st.integers(0, 3)))),
        queued=tuple(f"q{number}" for number in range(draw(st.integers(0, 2)))),
        paused_at=draw(st.one_of(st.none(), st.sampled_from(passed).map(lambda each: each.at))),
        stirred=draw(st.sampled_from([(), ("shop.orders",)])),
    )
    return pipeline, standing, fresh


def _taken(ruling: Ruling) -> list[Tick]:
    in_orders = [each for order in ruling.orders for each in order.ticks]
    return sorted([*in_orders, *(each for _, more in ruling.extend for each in more)])


@pytest.mark.catalogue("M3", "M4b", "M7", "M9", "D5")
@settings(max_examples=300, deadline=None)
@given(_cases())
def test_every_tick_is_accounted_for_once(case: tuple[Pipeline, Standing, tuple[Tick, ...]]) -> None:
    pipeline, standing, fresh = case
    ruling = rule(pipeline, standing, fresh)
    assert [each.tick for each in ruling.settled] == sorted({*standing.waiting, *fresh})
    assert _taken(ruling) == [each.tick for each in ruling.settled if each.state is TickState.TAKEN]
    assert all(each.reason for each in ruling.settled if each.state not in {TickState.TAKEN, TickState.OPEN})
    assert ruling.seen == max([standing.seen, *(each.at for each in fresh)])
    assert len(ruling.orders) <= MOST_ORDERS
    assert {*ruling.cancel} <= {*standing.active}
    assert {run for run, _ in ruling.extend} <= {*standing.queued}
    if standing.paused_at is not None:
        assert (ruling.orders, ruling.extend, ruling.cancel, ruling.heard) == ((), (), (), False)


@pytest.mark.catalogue("M9", "E1", "E4")
@settings(max_examples=200, deadline=None)
@given(_cases())
def test_what_has_stirred_a_pipeline_is_seen_by_a_run_or_told_again(
    case: tuple[Pipeline, Standing, tuple[Tick, ...]],
) -> None:
    pipeline, standing, fresh = case
    standing = replace(standing, stirred=("shop.orders",))
    ruling = rule(replace(pipeline, starter=On(("shop.orders",))), standing, fresh)
    assert ruling.heard == (standing.paused_at is None)
    if ruling.heard:
        assert ruling.orders or standing.queued


@pytest.mark.catalogue("M7", "M9")
@settings(max_examples=200, deadline=None)
@given(_cases())
def test_one_run_covers_exactly_the_time_of_all_its_ticks(case: tuple[Pipeline, Standing, tuple[Tick, ...]]) -> None:
    pipeline, standing, fresh = case
    standing = replace(standing, waiting=(), queued=(), active=(), paused_at=None)
    ruling = rule(replace(pipeline, catch_up=CatchUp.MERGE, window=30 * 86_400), standing, fresh)
    assert [order.ticks for order in ruling.orders if order.ticks] == ([fresh] if fresh else [])
    if fresh:
        assert (ruling.orders[0].start, ruling.orders[0].end) == (fresh[0].start, fresh[-1].end)
        covered = sum((each.end - each.start for each in fresh), timedelta())
        assert covered == fresh[-1].end - fresh[0].start


@pytest.mark.catalogue("M2", "M6", "M9")
@settings(max_examples=60, deadline=None)
@given(_cases(), st.integers(1, 40))
def test_ruled_on_until_nothing_is_left_each_tick_has_its_end(
    case: tuple[Pipeline, Standing, tuple[Tick, ...]], portion: int
) -> None:
    pipeline, standing, fresh = case
    pipeline = replace(pipeline, starter=Every(3600))
    standing = replace(standing, paused_at=None, active=(), queued=(), waiting=())
    ended: dict[Tick, TickState] = {}
    left = list(fresh)
    for _ in range(len(fresh) + 300):
        ruling = rule(pipeline, standing, left[:portion])
        left = left[portion:]
        assert not {each.tick for each in ruling.settled} & {*ended}
        ended |= {each.tick: each.state for each in ruling.settled if each.state is not TickState.OPEN}
        # All runs end well before the next ruling.
        still_open = tuple(each.tick for each in ruling.settled if each.state is TickState.OPEN)
        standing = replace(standing, seen=ruling.seen, waiting=still_open)
        if not left and not still_open:
            break
    assert {*ended} == {*fresh}
    if pipeline.catch_up is CatchUp.EACH and pipeline.window > 11 * 86_400:
        assert {*ended.values()} <= {TickState.TAKEN}
