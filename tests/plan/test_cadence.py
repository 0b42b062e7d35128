"""Ticks and their intervals, deadlines, previews, and the agenda."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from time import perf_counter

import pytest

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.schedule import Cron, Deadline, Every, On, Pipeline, Starter, Tick
from sqlpipe.plan.cadence import Agenda, deadline_of, last_until, next_after, next_tick, preview, ticks


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _pipeline(
    starter: Starter | None, *, delay: float = 0, start: datetime | None = None, end: datetime | None = None
) -> Pipeline:
    return Pipeline("p", Place(1, 1), starter=starter, delay=delay, start=start, end=end)


_DAILY = Cron("0 0 * * *", "Europe/Paris")
_HOUR = timedelta(hours=1)


def test_every_so_many_seconds_counts_from_1970() -> None:
    assert next_after(Every(900), _utc("2026-01-01T10:07:00.5")) == _utc("2026-01-01T10:15")
    assert next_after(Every(900), _utc("2026-01-01T10:15")) == _utc("2026-01-01T10:30")
    assert next_after(Every(86_400), _utc("1969-12-31T12:00")) == _utc("1970-01-01")
    assert next_after(Every(86_400), _utc("9999-12-31T12:00")) is None


@pytest.mark.catalogue("T3")
def test_days_are_as_long_as_they_are() -> None:
    found = ticks(_pipeline(_DAILY), _utc("2026-03-27T23:00"), _utc("2026-10-26T00:00"), 1000)
    lengths = {each.end - each.start for each in found}
    assert lengths == {23 * _HOUR, 24 * _HOUR, 25 * _HOUR}
    assert all(one.end == other.start for one, other in pairwise(found))


def test_ticks_are_after_the_one_and_until_the_other() -> None:
    first, second = _utc("2026-01-01T01:00"), _utc("2026-01-01T02:00")
    assert ticks(_pipeline(Every(3600)), first, second, 10) == (Tick(second, first, second),)
    assert ticks(_pipeline(Every(3600)), first, second - timedelta(microseconds=1), 10) == ()


def test_a_delay_moves_the_tick_and_not_the_interval() -> None:
    pipeline = _pipeline(Every(3600), delay=5400)
    found = ticks(pipeline, _utc("2026-01-01T02:29"), _utc("2026-01-01T03:30"), 10)
    assert found == (
        Tick(_utc("2026-01-01T02:30"), _utc("2026-01-01T00:00"), _utc("2026-01-01T01:00")),
        Tick(_utc("2026-01-01T03:30"), _utc("2026-01-01T01:00"), _utc("2026-01-01T02:00")),
    )


def test_the_first_interval_begins_with_the_schedule_and_the_last_ends_before_its_end() -> None:
    start, end = _utc("2026-01-01T10:20"), _utc("2026-01-01T12:40")
    found = ticks(_pipeline(Every(3600), start=start, end=end), _utc("2020-01-01"), _utc("2030-01-01"), 10)
    assert [(each.start, each.end) for each in found] == [
        (start, _utc("2026-01-01T11:00")),
        (_utc("2026-01-01T11:00"), _utc("2026-01-01T12:00")),
    ]


def test_a_start_on_the_grid_gives_no_interval_of_no_length() -> None:
    start = _utc("2026-01-01T10:00")
    found = ticks(_pipeline(Every(3600), start=start), _utc("2020-01-01"), _utc("2026-01-01T11:30"), 10)
    assert found == (Tick(_utc("2026-01-01T11:00"), start, _utc("2026-01-01T11:00")),)


@pytest.mark.catalogue("M4b", "M6")
def test_of_many_ticks_the_oldest_come_first_and_the_rest_when_asked_again() -> None:
    pipeline, until = _pipeline(Cron("* * * * *")), _utc("2026-01-02T00:00")
    last, found = _utc("2026-01-01T00:00"), list[Tick]()
    while some := ticks(pipeline, last, until, 400):
        assert len(some) <= 400
        found += some
        last = some[-1].at
    assert len(found) == 1440
    assert all(one.end == other.start for one, other in pairwise(found))


@pytest.mark.parametrize("starter", [None, On(("shop.orders",))])
def test_without_a_schedule_there_are_no_ticks(starter: Starter | None) -> None:
    pipeline = _pipeline(starter)
    assert ticks(pipeline, _utc("2026-01-01"), _utc("2027-01-01"), 10) == ()
    assert next_tick(pipeline, _utc("2026-01-01")) is None
    assert preview(pipeline, None, _utc("2026-01-01"), 5) == ()


def test_the_next_tick_may_be_the_last() -> None:
    pipeline = _pipeline(Every(3600), end=_utc("2026-01-01T12:00"))
    assert next_tick(pipeline, _utc("2026-01-01T11:00")) == Tick(
        _utc("2026-01-01T12:00"), _utc("2026-01-01T11:00"), _utc("2026-01-01T12:00")
    )
    assert next_tick(pipeline, _utc("2026-01-01T12:00")) is None


@pytest.mark.parametrize(
    ("expression", "moment", "last"),
    [
        ("0 0 29 2 *", "2027-01-01", "2024-02-29"),
        ("* * 1 1 *", "2026-06-01", "2026-01-01T23:59"),
        ("0 6 * * *", "2026-06-01T06:00", "2026-06-01T06:00"),
        ("0 0 29 2 */7", "2026-01-01", "2004-02-29"),  # a leap day that is a Sunday
    ],
)
def test_the_last_instant_before_a_moment(expression: str, moment: str, last: str) -> None:
    assert last_until(Cron(expression), _utc(moment)) == _utc(last)


def test_a_deadline_is_so_long_after_the_tick() -> None:
    assert deadline_of(Deadline(seconds=5400), _utc("2026-01-01T06:00")) == _utc("2026-01-01T07:30")


@pytest.mark.parametrize(
    ("clock", "zone", "tick", "deadline"),
    [
        (time(8), "Europe/Paris", "2026-01-01T06:00", "2026-01-01T07:00"),
        (time(8), "Europe/Paris", "2026-01-01T07:00", "2026-01-02T07:00"),
        (time(2, 30), "Europe/Paris", "2026-03-28T12:00", "2026-03-29T01:00"),  # in the gap: right after it
        (time(2, 30), "Europe/Paris", "2026-10-24T12:00", "2026-10-25T00:30"),  # shown twice: the first
        (time(2, 30), "Europe/Paris", "2026-10-25T00:45", "2026-10-25T01:30"),  # from between the two: the second
        (time(8), "Pacific/Apia", "2011-12-29T20:00", "2011-12-30T10:00"),  # the 30th left out: the 31st begins
    ],
)
@pytest.mark.catalogue("T5")
def test_a_deadline_is_when_a_clock_shows_a_time(clock: time, zone: str, tick: str, deadline: str) -> None:
    assert deadline_of(Deadline(clock=clock, zone=zone), _utc(tick)) == _utc(deadline)


def _rows(expression: str, zone: str, around: date | datetime | None, count: int) -> list[str]:
    rows = preview(_pipeline(Cron(expression, zone)), around, _utc("2026-06-01T12:00"), count)
    return [f"{row.local:%m-%d %H:%M}|{row.tick.at:%d %H:%M}|{row.note}".rstrip("|") for row in rows]


@pytest.mark.catalogue("T7")
def test_a_preview_tells_what_happens_where_clocks_are_set() -> None:
    assert _rows("30 2 * * *", "Europe/Paris", date(2026, 10, 25), 3) == [
        "10-24 02:30|24 00:30",
        "10-25 02:30|25 00:30|clocks go back: 02:30 happens twice, runs at the first",
        "10-26 02:30|26 01:30",
    ]
    assert _rows("30 2 * * *", "Europe/Paris", date(2026, 3, 29), 2) == [
        "03-28 02:30|28 01:30",
        "03-29 03:00|29 01:00|clocks go forward: 02:30 does not exist, runs at 03:00",
    ]
    assert _rows("0 * * * *", "America/Chicago", date(2026, 11, 1), 5)[2:] == [
        "11-01 01:00|01 06:00|clocks go back: 01:00 happens twice, this is the first",
        "11-01 01:00|01 07:00|clocks go back: 01:00 happens twice, this is the second",
        "11-01 02:00|01 08:00",
    ]
    assert _rows("0 * * * *", "America/Chicago", date(2026, 3, 8), 4)[2:] == [
        "03-08 01:00|08 07:00",
        "03-08 03:00|08 08:00|clocks go forward: 02:00 does not exist, and is left out",
    ]
    assert _rows("0 6 * * *", "Pacific/Apia", date(2011, 12, 31), 2)[1:] == [
        "12-31 00:00|30 10:00|clocks go forward: 2011-12-30 06:00 does not exist, runs at 2011-12-31 00:00",
    ]


def test_a_preview_begins_where_it_is_asked_to() -> None:
    assert _rows("0 6 * * *", "Europe/Paris", None, 1) == ["06-02 06:00|02 04:00"]
    naive = datetime(2026, 1, 5, 5, 59)  # noqa: DTZ001
    assert _rows("0 6 * * *", "Europe/Paris", naive, 1) == ["01-05 06:00|05 05:00"]
    assert _rows("0 6 * * *", "Europe/Paris", _utc("2026-01-05T05:00"), 1) == ["01-06 06:00|06 05:00"]
    delayed = preview(_pipeline(Every(3600), delay=600), date(2026, 1, 5), _utc("2026-01-01"), 2)
    assert [each.tick.at for each in delayed] == [_utc("2026-01-04T23:10"), _utc("2026-01-05T00:10")]


def test_an_agenda_names_what_is_due_until_it_is_planned_anew() -> None:
    agenda = Agenda()
    agenda.plan("b", _utc("2026-01-01T01:00"))
    agenda.plan("a", _utc("2026-01-01T02:00"))
    agenda.plan("c", _utc("2026-01-01T00:30"))
    assert agenda.next() == _utc("2026-01-01T00:30")
    assert agenda.due(_utc("2026-01-01T00:00")) == []
    assert agenda.due(_utc("2026-01-01T01:00")) == ["c", "b"]
    assert agenda.due(_utc("2026-01-01T01:00")) == ["c", "b"]
    agenda.plan("c", _utc("2026-01-01T03:00"))
    agenda.plan("b", None)
    assert agenda.due(_utc("2026-01-01T02:00")) == ["a"]
    agenda.drop("a")
    agenda.drop("never there")
    assert agenda.next() == _utc("2026-01-01T03:00")
    agenda.drop("c")
    assert agenda.next() is None
    assert agenda.due(_utc("2030-01-01")) == []


def test_an_agenda_planned_to_and_fro_names_each_once_and_does_not_grow() -> None:
    agenda, chance = Agenda(), random.Random(1)
    names = [f"p{number}" for number in range(20)]
    at: dict[str, datetime] = {}
    for _ in range(3000):
        name, moment = chance.choice(names), _utc("2026-01-01") + chance.randrange(50) * _HOUR
        agenda.plan(name, moment)
        at[name] = moment
        now = _utc("2026-01-01") + chance.randrange(50) * _HOUR
        assert agenda.due(now) == sorted((each for each in at if at[each] <= now), key=lambda each: (at[each], each))
        assert agenda.next() == min(at.values())
    assert len(agenda._heap) <= 2 * len(names) + 64


def test_of_ten_thousand_pipelines_those_due_are_found_at_once() -> None:
    agenda, now = Agenda(), _utc("2026-01-01")
    for number in range(10_000):
        agenda.plan(f"p{number}", now + timedelta(seconds=number))
    began = perf_counter()
    assert len(agenda.due(now + timedelta(seconds=99))) == 100
    assert perf_counter() - began < 0.05
