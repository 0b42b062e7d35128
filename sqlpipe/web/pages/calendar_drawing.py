"""Calendars: the intervals of an incremental table that are done and those that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlpipe.domain.interval import Grain, Interval, floor, step, units
from sqlpipe.web.element import element

if TYPE_CHECKING:
    from markupsafe import Markup

_CELL, _GAP, _HEAD, _TOP = 12, 2, 72, 16
_AHEAD = timedelta(days=366)
# What stands in a row of the calendar, and so many rows at most.
_ROWS: dict[Grain, tuple[Grain, int, str]] = {
    Grain.HOUR: (Grain.DAY, 14, "%d %b"),
    Grain.DAY: (Grain.MONTH, 24, "%b %Y"),
    Grain.MONTH: (Grain.YEAR, 20, "%Y"),
    Grain.YEAR: (Grain.YEAR, 40, "%Y"),
}
_SPELLED = {Grain.HOUR: "%Y-%m-%d %H:00", Grain.DAY: "%Y-%m-%d", Grain.MONTH: "%Y-%m", Grain.YEAR: "%Y"}


@dataclass(frozen=True, slots=True)
class Calendar:
    """The intervals on a grain that a table has done and those that it misses; `is_failed` tells why it does."""

    grain: Grain
    done: tuple[Interval, ...]
    missing: tuple[Interval, ...]
    is_failed: bool


def spelled(moment: datetime, grain: Grain) -> str:
    """A moment on a grain as people write it."""
    return moment.strftime(_SPELLED[grain])


def calendar(found: Calendar, now: datetime) -> Markup:
    """The calendar: a row for each month of days, day of hours or year of months; the last ones if there are many."""
    rows = list(_rows(found, now))
    width = _HEAD + (_CELL + _GAP) * max((_column(unit, found.grain) + 1 for _, cells in rows for unit, _ in cells))
    height = _TOP + (_CELL + _GAP) * len(rows)
    inside = [*_heads(found.grain, width)]
    for number, (start, cells) in enumerate(rows):
        y = _TOP + number * (_CELL + _GAP)
        label = start.strftime(_ROWS[found.grain][2])
        inside.append(element("text", {"x": _HEAD - 8, "y": y + 10, "text-anchor": "end"}, label))
        inside += [_cell(found.grain, unit, state, y) for unit, state in cells]
    says = f"Intervals done and missing, by {found.grain}"
    size = {"width": width, "height": height, "viewBox": f"0 0 {width} {height}"}
    return element("svg", {"class": "calendar", **size, "role": "img", "aria-label": says}, *inside)


Row = tuple[datetime, list[tuple[datetime, str]]]


def _rows(calendar: Calendar, now: datetime) -> Iterator[Row]:
    row_grain, most, _ = _ROWS[calendar.grain]
    known, limit = (*calendar.done, *calendar.missing), now + _AHEAD
    # Somebody may have written a year such as 9999 into the column.
    near = [each for each in known if each.start <= limit]
    end = max(min(each.end, limit) for each in near) if near else max(each.end for each in known)
    last = floor(end - timedelta(microseconds=1), row_grain)
    first = max(step(last, row_grain, 1 - most), floor(min(each.start for each in known), row_grain))
    window = Interval(first, step(last, row_grain))
    states = {**_within(calendar.done, window, calendar.grain, "done")}
    states |= _within(calendar.missing, window, calendar.grain, "failed" if calendar.is_failed else "missing")
    start = first
    while start <= last:
        after = step(start, row_grain)
        cells = [each.start for each in units(Interval(start, after), calendar.grain) if each.start in states]
        yield start, [(each, states[each]) for each in cells]
        start = after


def _within(intervals: Sequence[Interval], window: Interval, grain: Grain, state: str) -> dict[datetime, str]:
    cut = (Interval(max(each.start, window.start), min(each.end, window.end)) for each in intervals)
    whole = (each for each in cut if each.start < each.end)
    return {unit.start: state for each in whole for unit in units(each, grain)}


def _column(unit: datetime, grain: Grain) -> int:
    match grain:
        case Grain.HOUR:
            return unit.hour
        case Grain.DAY:
            return unit.day - 1
        case Grain.MONTH:
            return unit.month - 1
        case Grain.YEAR:
            return 0


def _heads(grain: Grain, width: int) -> Iterable[Markup]:
    first = 0 if grain is Grain.HOUR else 1
    columns = (width - _HEAD) // (_CELL + _GAP)
    every = 5 if grain is Grain.DAY else 1 if grain is Grain.MONTH else 6
    shown = [each for each in range(columns) if (each + first) % every == 0 or (each == 0 and first)]
    for column in () if grain is Grain.YEAR else shown:
        x = _HEAD + column * (_CELL + _GAP) + _CELL / 2
        yield element("text", {"x": x, "y": 10, "text-anchor": "middle"}, str(column + first))


def _cell(grain: Grain, unit: datetime, state: str, y: int) -> Markup:
    x = _HEAD + _column(unit, grain) * (_CELL + _GAP)
    title = element("title", {}, f"{spelled(unit, grain)} {state}")
    place = {"x": x, "y": y, "width": _CELL, "height": _CELL, "rx": 2}
    match state:
        case "done":
            return element("rect", {**place, "class": "well"}, title)
        case "failed":
            cross = f"M{x + 2},{y + 2}l8,8m0,-8l-8,8"
            return element("path", {"d": cross, "class": "bad", "stroke": "currentColor", "stroke-width": 2}, title)
        case _:
            inner = {"x": x + 0.75, "y": y + 0.75, "width": _CELL - 1.5, "height": _CELL - 1.5, "rx": 2}
            return element("rect", {**inner, "class": "missing"}, title)
