"""What readers of a dashboard have chosen in its filters, and what that restricts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlpipe.domain.dashboard import Block, Dashboard, DateRange, Filter, Search, Select

# What is chosen, as text, by the names of parameters; days are written 2013-01-31, and the last one is included.
Picks = Mapping[str, str]

_DAY = timedelta(days=1)
LAST_DAY = date.max - _DAY


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen in a list, and how it is shown."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Equal:
    """Rows whose column, as text, is this."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class From:
    """Rows whose column is this day or later."""

    column: str
    day: date


@dataclass(frozen=True, slots=True)
class Before:
    """Rows whose column is earlier than this day."""

    column: str
    day: date


@dataclass(frozen=True, slots=True)
class Holding:
    """Rows whose column, as text, holds this somewhere, without regard to case."""

    column: str
    text: str


Restriction = Equal | From | Before | Holding


def parameters(filter: Filter) -> tuple[str, ...]:
    """The names under which the choice of a filter is told, which are also those of its placeholders."""
    if isinstance(filter, DateRange):
        return f"{filter.name}_start", f"{filter.name}_end"
    return (filter.name,)


def defaults(filter: Filter) -> dict[str, str]:
    """What is chosen at first."""
    match filter:
        case Select(name=name, default=default):
            return {name: default} if default else {}
        case DateRange(first=first, last=last):
            found = zip(parameters(filter), (first, last), strict=True)
            return {name: day.isoformat() for name, day in found if day is not None}
        case Search():
            return {}


def bound(filter: Filter, picks: Picks) -> dict[str, str | date | None]:
    """The values of the placeholders of a filter; a range ends with the day after its last one."""
    if not isinstance(filter, DateRange):
        return {filter.name: picks.get(filter.name)}
    start, end = parameters(filter)
    first, last = (_day(picks.get(each)) for each in (start, end))
    return {start: first, end: last + _DAY if last is not None else None}


def uses(block: Block, filter: Filter) -> bool:
    """Whether the SQL of a block asks for the choice itself."""
    return any(each.name in parameters(filter) for each in block.query.placeholders)


def restrictions(dashboard: Dashboard, block: Block, picks: Picks) -> tuple[Restriction, ...]:
    """What the choices restrict of the output of a block, as far as it has the columns."""
    return tuple(
        each
        for filter in dashboard.filters
        if restricts(filter, block)
        for each in _restrictions(filter, tuple(bound(filter, picks).values()))
    )


def restricts(filter: Filter, block: Block) -> bool:
    """Whether a filter restricts the output of a block, where that has its column or may have it."""
    if not filter.column or uses(block, filter):
        return False
    if isinstance(filter, Select) and filter.options.casefold() == block.name.casefold():
        return False
    columns = block.query.columns
    return columns is None or filter.column.casefold() in {each.casefold() for each in columns}


def _restrictions(filter: Filter, values: tuple[str | date | None, ...]) -> Iterator[Restriction]:
    match filter, values:
        case Select(column=column), (str() as text,):
            yield Equal(column, text)
        case Search(column=column), (str() as text,):
            yield Holding(column, text)
        case DateRange(column=column), (first, after):
            if isinstance(first, date):
                yield From(column, first)
            if isinstance(after, date):
                yield Before(column, after)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
