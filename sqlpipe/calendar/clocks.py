"""Clocks on walls: when they are put forward or back, and the instants at which they show a given time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)


def shown(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock shows at a moment; naive."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants, in UTC, at which the clock shows `local`: one, or both where it is put back over it.

    A time that the clock never shows, because it is put forward over it, stands for the first instant after that.
    """
    earlier = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    later = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if earlier == later:
        return (earlier,)
    if earlier < later:
        return earlier, later
    # In a gap each is reckoned with the offset of the other side: the clock is put forward between the two.
    return (next(turns(zone, later, earlier)),)


def turns(zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """The instants in (after, until] from which on the clock has another offset from UTC, oldest first."""
    for year in range(after.astimezone(UTC).year, until.astimezone(UTC).year + 1):
        yield from (each for each in _turns_of(zone, year) if after < each <= until)


@lru_cache(maxsize=8192)
def _turns_of(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    # No clock on earth has been set twice within a day: the closest two turns on record are four days apart.
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    days = (start + timedelta(days=number) for number in range(1, 365))
    samples = [start - _SECOND, *days, end]
    return tuple(_turn_between(zone, one, other) for one, other in pairwise(samples) if _differ(zone, one, other))


def _differ(zone: ZoneInfo, one: datetime, other: datetime) -> bool:
    return one.astimezone(zone).utcoffset() != other.astimezone(zone).utcoffset()


def _turn_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    while after - before > _SECOND:
        middle = before + timedelta(seconds=(after - before) // _SECOND // 2)
        before, after = (before, middle) if _differ(zone, before, middle) else (middle, after)
    return after
