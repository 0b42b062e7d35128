"""Intervals: half-open, merged, cut, counted."""

from __future__ import annotations

import pytest

from sqlpipe.domain.interval import (
    BEGINNING_OF_TIME,
    END_OF_TIME,
    Grain,
    Interval,
    batches,
    count_units,
    floor,
    merge,
    step,
    subtract,
    units,
    widen,
)
from tests.hand import at, days


def test_merge_joins_what_touches_and_keeps_gaps() -> None:
    parts = [days("2024-01-05", "2024-01-06"), days("2024-01-01", "2024-01-02"), days("2024-01-02", "2024-01-03")]
    assert merge(parts) == (days("2024-01-01", "2024-01-03"), days("2024-01-05", "2024-01-06"))


def test_merge_swallows_an_interval_inside_another() -> None:
    assert merge([days("2024-01-01", "2024-02-01"), days("2024-01-03", "2024-01-04")]) == (
        days("2024-01-01", "2024-02-01"),
    )


def test_merge_of_nothing_is_nothing() -> None:
    assert merge([]) == ()


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [("2024-01-01", "2024-01-10")]),
        ([("2024-01-01", "2024-01-10")], []),
        ([("2023-01-01", "2025-01-01")], []),
        ([("2024-01-03", "2024-01-05")], [("2024-01-01", "2024-01-03"), ("2024-01-05", "2024-01-10")]),
        ([("2023-12-01", "2024-01-02"), ("2024-01-09", "2024-02-01")], [("2024-01-02", "2024-01-09")]),
        ([("2024-01-10", "2024-01-12")], [("2024-01-01", "2024-01-10")]),
    ],
)
def test_subtract(taken: list[tuple[str, str]], left: list[tuple[str, str]]) -> None:
    whole = [days("2024-01-01", "2024-01-10")]
    assert subtract(whole, [days(*each) for each in taken]) == tuple(days(*each) for each in left)


@pytest.mark.parametrize(
    ("grain", "floored"),
    [
        (Grain.HOUR, "2024-02-29 13:00"),
        (Grain.DAY, "2024-02-29"),
        (Grain.MONTH, "2024-02-01"),
        (Grain.YEAR, "2024-01-01"),
    ],
)
def test_floor(grain: Grain, floored: str) -> None:
    assert floor(at("2024-02-29 13:14:15.123456"), grain) == at(floored)
    assert floor(at(floored), grain) == at(floored)


@pytest.mark.parametrize(
    ("grain", "start", "count", "end"),
    [
        (Grain.HOUR, "2024-02-28 23:00", 2, "2024-02-29 01:00"),
        (Grain.DAY, "2024-02-28", 2, "2024-03-01"),
        (Grain.DAY, "2023-03-01", -1, "2023-02-28"),
        (Grain.MONTH, "2023-12-01", 1, "2024-01-01"),
        (Grain.MONTH, "2024-01-01", -1, "2023-12-01"),
        (Grain.MONTH, "2024-11-01", 14, "2026-01-01"),
        (Grain.YEAR, "2024-01-01", -25, "1999-01-01"),
    ],
)
def test_step(grain: Grain, start: str, count: int, end: str) -> None:
    assert step(at(start), grain, count) == at(end)


@pytest.mark.parametrize("grain", list(Grain))
def test_steps_stop_at_the_ends_of_time(grain: Grain) -> None:
    assert step(floor(END_OF_TIME, grain), grain) == END_OF_TIME
    assert step(BEGINNING_OF_TIME, grain, -1) == BEGINNING_OF_TIME


def test_the_last_day_there_is_can_be_widened_counted_and_cut() -> None:
    last = widen(Interval(at("9999-12-31"), END_OF_TIME), Grain.DAY)
    assert last == Interval(at("9999-12-31"), END_OF_TIME)
    assert count_units([last], Grain.DAY) == 1
    assert list(batches([last], Grain.DAY, 7)) == [last]


def test_widen_goes_out_to_the_grain_and_no_further() -> None:
    inside = Interval(at("2024-01-31 23:59"), at("2024-02-01 00:01"))
    assert widen(inside, Grain.DAY) == days("2024-01-31", "2024-02-02")
    assert widen(inside, Grain.MONTH) == days("2024-01-01", "2024-03-01")
    assert widen(days("2024-01-01", "2024-01-02"), Grain.DAY) == days("2024-01-01", "2024-01-02")


def test_units_are_the_single_days_oldest_first() -> None:
    found = list(units(days("2024-02-28", "2024-03-02"), Grain.DAY))
    assert [each.start.day for each in found] == [28, 29, 1]
    assert all(step(each.start, Grain.DAY) == each.end for each in found)


def test_units_are_counted_over_gaps() -> None:
    assert count_units([days("2024-01-01", "2024-01-03"), days("2024-01-05", "2024-01-06")], Grain.DAY) == 3
    assert count_units([days("2024-01-01", "2025-01-01")], Grain.MONTH) == 12


def test_batches_have_at_most_the_size_and_do_not_cross_gaps() -> None:
    parts = [days("2024-01-01", "2024-01-06"), days("2024-02-01", "2024-02-02")]
    assert list(batches(parts, Grain.DAY, 2)) == [
        days("2024-01-01", "2024-01-03"),
        days("2024-01-03", "2024-01-05"),
        days("2024-01-05", "2024-01-06"),
        days("2024-02-01", "2024-02-02"),
    ]
    assert list(batches(parts, Grain.DAY, None)) == parts
