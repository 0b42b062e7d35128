"""Half-open intervals of time and their algebra."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

BEGINNING_OF_TIME = datetime.min  # noqa: DTZ901 - without a zone, as every moment of an interval
END_OF_TIME = datetime.max  # noqa: DTZ901


class Grain(StrEnum):
    """The unit in which an incremental table is kept: its intervals begin and end on it."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The time from `start` up to, but not including, `end`; both naive, in the table's own clock."""

    start: datetime
    end: datetime


def merge(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Join intervals that touch or overlap; the result is sorted and disjoint."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = replace(merged[-1], end=max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def subtract(intervals: Iterable[Interval], taken: Iterable[Interval]) -> tuple[Interval, ...]:
    """What is left of `intervals` after `taken` is cut out; sorted and disjoint."""
    left: list[Interval] = []
    cuts = deque(merge(taken))
    for interval in merge(intervals):
        start = interval.start
        while cuts and cuts[0].end <= start:
            cuts.popleft()
        # The last cut may reach into the next interval, so that only those before it are done with.
        while cuts and cuts[0].start < interval.end:
            if start < cuts[0].start:
                left.append(Interval(start, cuts[0].start))
            start = cuts[0].end
            if start >= interval.end:
                break
            cuts.popleft()
        if start < interval.end:
            left.append(Interval(start, interval.end))
    return tuple(left)


def floor(moment: datetime, grain: Grain) -> datetime:
    """The last instant on the grain at or before `moment`."""
    whole = moment.replace(minute=0, second=0, microsecond=0)
    match grain:
        case Grain.HOUR:
            return whole
        case Grain.DAY:
            return whole.replace(hour=0)
        case Grain.MONTH:
            return whole.replace(hour=0, day=1)
        case Grain.YEAR:
            return whole.replace(hour=0, day=1, month=1)


def step(moment: datetime, grain: Grain, count: int = 1) -> datetime:
    """The instant `count` units after `moment`, which must lie on the grain; `count` may be negative.

    It stops at the ends of time: 9999-12-31 is a day that people write into columns.
    """
    try:
        match grain:
            case Grain.HOUR:
                return moment + timedelta(hours=count)
            case Grain.DAY:
                return moment + timedelta(days=count)
            case Grain.MONTH:
                months = moment.year * 12 + moment.month - 1 + count
                return moment.replace(year=months // 12, month=months % 12 + 1)
            case Grain.YEAR:
                return moment.replace(year=moment.year + count)
    except (OverflowError, ValueError):
        return END_OF_TIME if count > 0 else BEGINNING_OF_TIME


def widen(interval: Interval, grain: Grain) -> Interval:
    """The smallest interval on the grain that holds `interval`."""
    start, end = floor(interval.start, grain), floor(interval.end, grain)
    return Interval(start, end if end == interval.end else step(end, grain))


def units(interval: Interval, grain: Grain) -> Iterator[Interval]:
    """The single units of an interval that lies on the grain, oldest first."""
    start = interval.start
    while start < interval.end:
        end = step(start, grain)
        yield Interval(start, end)
        start = end


def count_units(intervals: Iterable[Interval], grain: Grain) -> int:
    """How many units of the grain the intervals hold."""
    return sum(1 for interval in intervals for _ in units(interval, grain))


def batches(intervals: Iterable[Interval], grain: Grain, size: int | None) -> Iterator[Interval]:
    """Cut intervals on the grain into pieces of at most `size` units; without a size each stays whole."""
    for interval in intervals:
        start = interval.start
        while start < interval.end:
            end = interval.end if size is None else min(step(start, grain, size), interval.end)
            yield Interval(start, end)
            start = end
