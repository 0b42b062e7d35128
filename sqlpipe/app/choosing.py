"""Choices of readers, settled: what was asked for held against what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlpipe.domain.choices import LAST_DAY, Option, Picks, defaults, parameters
from sqlpipe.domain.dashboard import DateRange, Filter, Search, Select
from sqlpipe.domain.diagnostic import Diagnostic, did_you_mean

_LONGEST = 200


@dataclass(slots=True)
class Settled:
    """What is chosen in the end, and what was wrong with what was asked for."""

    picks: dict[str, str] = field(default_factory=dict)
    complaints: list[Diagnostic] = field(default_factory=list)

    def refuse(self, message: str, help: str = "") -> None:
        """Complain of a choice."""
        self.complaints.append(Diagnostic(code="SP708", message=message, help=help))


def settle(filter: Filter, asked: Picks, options: Sequence[Option] | None, settled: Settled) -> None:
    """Add what is chosen in a filter: what was asked for, or else its default.

    An empty text chooses nothing. `options` are those of a list, or None where they could not be looked up.
    """
    if not any(name in asked for name in parameters(filter)):
        _settle_default(filter, options, settled)
        return
    match filter:
        case Select(name=name):
            _settle_option(filter, asked[name], options, settled)
        case DateRange():
            _settle_days(filter, asked, settled)
        case Search(name=name):
            text = asked[name].strip()
            if len(text) > _LONGEST:
                settled.refuse(f"a text to look for has at most {_LONGEST} characters")
            elif text:
                settled.picks[name] = text


def unknown(filters: Iterable[Filter], asked: Mapping[str, str], settled: Settled) -> None:
    """Complain of choices for which there is no filter."""
    known = [name for filter in filters for name in parameters(filter)]
    for name in asked:
        if name not in known:
            settled.refuse(f"there is no filter `{name[:_LONGEST]}`", did_you_mean(name[:_LONGEST], known))


def _settle_default(filter: Filter, options: Sequence[Option] | None, settled: Settled) -> None:
    found = defaults(filter)
    if isinstance(filter, Select) and found and not _is_among(filter.default, options):
        settled.refuse(f"`{filter.default}`, the default of {filter.label}, is not there to choose", "all are shown")
        return
    settled.picks.update(found)


def _settle_option(filter: Select, value: str, options: Sequence[Option] | None, settled: Settled) -> None:
    if not value:
        return
    if _is_among(value, options):
        settled.picks[filter.name] = value
        return
    shown = value[:_LONGEST]
    help = did_you_mean(shown, [each.value for each in options or ()])
    settled.refuse(f"there is no {filter.label} `{shown}`", help)
    settled.picks.update(defaults(filter) if _is_among(filter.default, options) else {})


def _is_among(value: str, options: Sequence[Option] | None) -> bool:
    return options is None or any(each.value == value for each in options)


def _settle_days(filter: DateRange, asked: Picks, settled: Settled) -> None:
    # One of the two may be left out of the address: that is nothing chosen.
    written = {name: asked.get(name, "").strip() for name in parameters(filter)}
    days = {name: day for name, text in written.items() if text and (day := _day(text, filter, settled)) is not None}
    start, end = parameters(filter)
    if start in days and end in days and days[start] > days[end]:
        settled.refuse(f"{filter.label} ends before it begins: {days[start]} to {days[end]}")
        days = {}
    elif len(days) == sum(map(bool, written.values())):
        settled.picks.update({name: day.isoformat() for name, day in days.items()})
        return
    settled.picks.update(defaults(filter))


def _day(text: str, filter: DateRange, settled: Settled) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found > LAST_DAY:
        settled.refuse(f"`{text[:_LONGEST]}` is no day for {filter.label}", "such as 2013-01-31")
        return None
    return found
