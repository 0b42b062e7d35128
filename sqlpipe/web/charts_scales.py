"""Scales of charts: what the columns of a result say about axes, colours and the order of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from sqlpipe.app.answering import Result
from sqlpipe.web import formats

# So many series have a colour of their own; all others share one that recedes.
COLOURS = 8
_TWENTIETH = 20
# Of so many points, lines whose way is so many times as long as that of the others zigzag.
_MANY, _WILD = 100, 2.5


@dataclass(frozen=True)
class Field:
    """A column of a result: where it is, its name for people, its type and its values."""

    index: int
    name: str
    type: str
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        """The name without underscores."""
        return self.name.replace("_", " ")

    @property
    def is_time(self) -> bool:
        """Whether these are days or moments."""
        return formats.is_time(self.type)

    @property
    def is_number(self) -> bool:
        """Whether these are numbers."""
        return formats.is_number(self.type)

    @cached_property
    def fitting(self) -> str:
        """The format in which the values read best."""
        return formats.fitting(self.name, self.type, self.values)

    @cached_property
    def numbers(self) -> list[float]:
        """The values that are numbers."""
        return [each for each in self.values if isinstance(each, int | float) and not isinstance(each, bool)]


def field_of(result: Result, name: str) -> Field:
    """A column by its name; raises LookupError where there is none."""
    index = result.column(name)
    if index is None:
        raise LookupError(name)
    return Field(index, result.columns[index], result.types[index], tuple(row[index] for row in result.rows))


def placed(x: Field, shape: str) -> bool:
    """Whether values lie on a scale, and not one after the other: times do, and numbers unless they are bars."""
    return x.is_time or (x.is_number and shape != "bar")


def legend_of(ys: Sequence[Field], series: Field | None) -> list[str]:
    """The names of series in the order of their colours: as written, or those of a column by name.

    Of more than there are colours, those with most to show get one, and the rest stand behind them.
    """
    if series is None:
        return [each.label for each in ys] if len(ys) > 1 else []
    sizes: dict[str, float] = {}
    for at, value in enumerate(series.values):
        name = "" if value is None else formats.shown(value, series.fitting, series.type)
        sizes[name] = sizes.get(name, 0.0) + sum(abs(each.values[at] or 0) for each in ys if each.is_number)
    if len(sizes) <= COLOURS:
        return sorted(sizes)
    largest = sorted(sizes, key=lambda each: (-sizes[each], each))
    return [*sorted(largest[:COLOURS]), *sorted(largest[COLOURS:])]


def colours(legend: Sequence[str]) -> Mapping[str, list[str]]:
    """The scale that gives each series its colour."""
    own = [f"$series-{number}" for number in range(1, min(len(legend), COLOURS) + 1)]
    return {"domain": list(legend), "range": [*own, *["$others"] * (len(legend) - len(own))]}


def includes_zero(ys: Sequence[Field]) -> bool:
    """Whether zero is near enough to the values that a line can be shown above it."""
    numbers = [value for each in ys for value in each.numbers]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    return low <= 0 <= high or (low > 0 and low < high / 2) or (high < 0 and high > low / 2)


def step_of(x: Field) -> float:
    """The smallest distance between two times of a column, in milliseconds; a day where there is but one."""
    moments = sorted({datetime.fromisoformat(each).replace(tzinfo=UTC) for each in x.values if isinstance(each, str)})
    gap = min((later - earlier for earlier, later in pairwise(moments)), default=timedelta(days=1))
    return gap / timedelta(milliseconds=1)


def middle(numbers: Sequence[float]) -> list[float]:
    """From where to where most numbers lie: a few that are far off would leave all others the same colour."""
    known = sorted(numbers) or [0.0]
    cut = len(known) // _TWENTIETH
    low, high = known[cut], known[-1 - cut]
    return [low, high] if low < high else [known[0], known[-1] or 1.0]


def receding(ys: Sequence[Field]) -> dict[str, object]:
    """Lines that zigzag stand behind those that run smoothly, such as days behind the average of weeks."""
    wild = [sum(abs(later - earlier) for earlier, later in pairwise(each.numbers)) for each in ys]
    if len(ys[0].values) < _MANY or max(wild) <= _WILD * min(wild):
        return {}
    calm = [each <= _WILD * min(wild) for each in wild]
    domain = [each.label for each in ys]
    return {
        channel: {
            "field": "series",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": domain, "range": [front if each else back for each in calm]},
        }
        for channel, front, back in (("strokeWidth", 2.25, 1), ("strokeOpacity", 1, 0.55))
    }
