"""What always holds of intervals."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.domain.interval import (
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
from tests.hand import at

_ORIGIN = at("2024-01-01")
_HOURS = st.integers(0, 24 * 40)
_INTERVALS = st.tuples(_HOURS, st.integers(1, 24 * 10)).map(
    lambda pair: Interval(_ORIGIN + timedelta(hours=pair[0]), _ORIGIN + timedelta(hours=pair[0] + pair[1]))
)
_SETS = st.lists(_INTERVALS, max_size=8)
_GRAINS = st.sampled_from(list(Grain))
_MOMENTS = st.datetimes(at("1900-01-01"), at("2100-01-01"))


def _hours(intervals: object) -> set[object]:
    assert isinstance(intervals, tuple | list)
    return {unit.start for each in intervals for unit in units(each, Grain.HOUR)}


@given(_SETS)
def test_merge_keeps_every_hour_and_is_sorted_with_gaps_between(intervals: list[Interval]) -> None:
    merged = merge(intervals)
    assert _hours(merged) == _hours(intervals)
    assert all(first.end < second.start for first, second in pairwise(merged))


@given(_SETS)
def test_merge_twice_is_merge_once(intervals: list[Interval]) -> None:
    assert merge(merge(intervals)) == merge(intervals)


@given(_SETS, st.randoms(use_true_random=False))
def test_merge_does_not_mind_the_order(intervals: list[Interval], random: object) -> None:
    shuffled = list(intervals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge(shuffled) == merge(intervals)


@given(_SETS, _SETS)
def test_merge_in_two_steps_is_merge_in_one(first: list[Interval], second: list[Interval]) -> None:
    assert merge([*merge(first), *merge(second)]) == merge([*first, *second])


@given(_SETS, _SETS)
def test_subtract_leaves_the_hours_that_are_not_taken(intervals: list[Interval], taken: list[Interval]) -> None:
    left = subtract(intervals, taken)
    assert _hours(left) == _hours(intervals) - _hours(taken)
    assert merge(left) == left


@given(_SETS, _SETS, _SETS)
def test_subtract_one_after_the_other_is_subtract_at_once(
    intervals: list[Interval], first: list[Interval], second: list[Interval]
) -> None:
    assert subtract(subtract(intervals, first), second) == subtract(intervals, [*first, *second])


@given(_SETS, _SETS)
def test_what_is_left_and_what_is_taken_make_the_whole(intervals: list[Interval], taken: list[Interval]) -> None:
    left = subtract(intervals, taken)
    assert merge([*left, *subtract(intervals, left)]) == merge(intervals)


@given(_MOMENTS, _GRAINS)
def test_a_moment_lies_in_the_unit_that_begins_at_its_floor(moment: object, grain: Grain) -> None:
    assert isinstance(moment, type(_ORIGIN))
    start = floor(moment, grain)
    assert start <= moment < step(start, grain)
    assert floor(start, grain) == start


@given(_MOMENTS, _GRAINS, st.integers(-500, 500))
def test_a_step_forth_and_back_is_none(moment: object, grain: Grain, count: int) -> None:
    assert isinstance(moment, type(_ORIGIN))
    start = floor(moment, grain)
    assert step(step(start, grain, count), grain, -count) == start
    assert floor(step(start, grain, count), grain) == step(start, grain, count)


@given(_INTERVALS, _GRAINS)
def test_widen_holds_the_interval_and_is_on_the_grain(interval: Interval, grain: Grain) -> None:
    wide = widen(interval, grain)
    assert wide.start <= interval.start
    assert interval.end <= wide.end
    assert widen(wide, grain) == wide
    assert count_units([wide], grain) == 1 or step(wide.start, grain) <= interval.end


@given(_SETS, _GRAINS, st.one_of(st.none(), st.integers(1, 50)))
def test_batches_cover_exactly_what_was_asked_for(intervals: list[Interval], grain: Grain, size: int | None) -> None:
    wanted = merge(widen(each, grain) for each in intervals)
    pieces = list(batches(wanted, grain, size))
    assert merge(pieces) == wanted
    assert count_units(pieces, grain) == count_units(wanted, grain)
    assert all(size is None or count_units([piece], grain) <= size for piece in pieces)
    assert all(first.end <= second.start for first, second in pairwise(pieces))
