"""The filters in the front matter of a dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlpipe.domain.dashboard import DateRange, Filter, Search, Select
from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.load import document
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.dashboard_blocks import Blocks
from sqlpipe.load.decode import expected, fields, list_or_one, listed, named, take, text, unknown_key
from sqlpipe.load.document import Entry, Record, Scalar, Value

_SORTS = ("select", "dates", "search")
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class WrittenFilter:
    """A filter with the places of its name, of the block its options come from, and of its column."""

    filter: Filter
    name: Named
    options: Named | None = None
    column: Named | None = None

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names by which SQL asks what is chosen."""
        if isinstance(self.filter, DateRange):
            return f"{self.filter.name}_start", f"{self.filter.name}_end"
        return (self.filter.name,)


@dataclass(frozen=True, slots=True)
class WrittenFilters:
    """The filters of a page that could be read, and the names of the others."""

    found: tuple[WrittenFilter, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What SQL can ask for; nothing is known against what asks for filters that are beyond reading."""
        guessed = (f"{name}{end}" for name in self.broken for end in ("", "_start", "_end"))
        return tuple(dict.fromkeys((*(name for each in self.found for name in each.placeholders), *guessed)))


def read_filters(value: Value, complaints: Complaints) -> WrittenFilters | None:
    """Read the filters of a page; whether their blocks and columns exist is seen later."""
    if not isinstance(value, Record):
        expected("a mapping of filters", value, complaints, help="such as `filters: {carrier: {select: carriers}}`")
        return None
    found = tuple(each for entry in value.entries if (each := _filter(entry, complaints)) is not None)
    _complain_of_doubles(found, complaints)
    read = {each.name.text for each in found}
    return WrittenFilters(found, tuple(each.key.lower() for each in value.entries if each.key not in read))


def _filter(entry: Entry, complaints: Complaints) -> WrittenFilter | None:
    name = Named(entry.key, entry.place)
    if not _NAME.fullmatch(entry.key):
        help = f"write `{_spelled(entry.key)}`, and what readers see as its `label`"
        complaints.add("SP706", f"`{entry.key}` cannot be the name of a filter", name.place, label="here", help=help)
        return None
    what = f"filter `{entry.key}`"
    before = len(complaints.found)
    options = fields(entry.value, (*_SORTS, "label", "column", "default"), complaints, what)
    sorts = [each for each in options if each in _SORTS]
    if not sorts and len(complaints.found) > before:
        return None  # most likely it is misspelled
    if len(sorts) != 1:
        both = " and ".join(f"`{each}`" for each in sorts)
        said = f"{what} has {both}, and can be one of them" if sorts else f"{what} does not say what is chosen"
        label = "which one?" if sorts else f"{listed(_SORTS)} is missing"
        complaints.add("SP706", said, name.place, label=label, help=_examples(entry.key))
        return None
    made = {"select": _select, "dates": _dates, "search": _search}[sorts[0]](name, options, complaints)
    column = take(options, "column", named, complaints)
    source = options["select"].value if "select" in options else None
    block = Named(source.text, source.place) if isinstance(source, Scalar) else None
    label = take(options, "label", text, complaints) or entry.key.replace("_", " ").strip().capitalize()
    if made is None:
        return None
    return WrittenFilter(replace(made, label=label, column=column.text if column else ""), name, block, column)


def _spelled(key: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", key.casefold()).strip("_") or "choice"


def _examples(name: str) -> str:
    return f"such as `{name}: {{select: BLOCK}}`, `{{dates: true}}` or `{{search: true}}`"


def _select(name: Named, options: Mapping[str, Entry], complaints: Complaints) -> Select | None:
    source, default = options["select"].value, take(options, "default", named, complaints)
    if isinstance(source, Scalar):
        block = named(source, complaints)
        return Select(name.text, "", options=block.text, default=default.text if default else "") if block else None
    values = list_or_one(text)(source, complaints) or ()
    if default is not None and default.text not in values:
        help = did_you_mean(default.text, values) or f"the values are {listed(values)}"
        said = f"`{default.text}` is none of the values of filter `{name.text}`"
        complaints.add("SP103", said, default.place, label="not one of them", help=help)
    if not values and isinstance(source, document.Series) and not source.items:
        expected("the name of a block, or values", source, complaints)
    return Select(name.text, "", values=values, default=default.text if default else "") if values else None


def _dates(name: Named, options: Mapping[str, Entry], complaints: Complaints) -> DateRange | None:
    _must_be_true(options["dates"], complaints)
    first, last = take(options, "default", _two_days, complaints) or (None, None)
    return DateRange(name.text, "", first=first, last=last)


def _search(name: Named, options: Mapping[str, Entry], complaints: Complaints) -> Search | None:
    _must_be_true(options["search"], complaints)
    if "default" in options:
        known = ("search", "label", "column")
        unknown_key("default", options["default"].place, known, complaints, "a filter that searches")
    return Search(name.text, "")


def _must_be_true(entry: Entry, complaints: Complaints) -> None:
    if not (isinstance(entry.value, Scalar) and entry.value.value is True):
        expected("`true`", entry.value, complaints)


def _two_days(value: Value, complaints: Complaints) -> tuple[date | None, date | None] | None:
    items = value.items if isinstance(value, document.Series) else ()
    if len(items) != 2:  # noqa: PLR2004  the first and the last
        expected("two days", value, complaints, help="such as `[2013-01-01, 2013-03-31]`; `null` leaves an end open")
        return None
    first, last = (_day(each, complaints) for each in items)
    if first is not None and last is not None and first > last:
        help = f"did you mean `[{last}, {first}]`?"
        complaints.add("SP103", "the last day is before the first one", value.place, label="here", help=help)
    return first, last


def _day(value: Value, complaints: Complaints) -> date | None:
    if isinstance(value, Scalar):
        if value.value is None:
            return None
        try:
            return date.fromisoformat(value.text)
        except ValueError:
            pass
    expected("a day", value, complaints, help="such as `2013-01-31`")
    return None


def _complain_of_doubles(filters: Iterable[WrittenFilter], complaints: Complaints) -> None:
    """`period` and `period_start` would both be asked for by `:period_start`."""
    first: dict[str, WrittenFilter] = {}
    for each in filters:
        for placeholder in each.placeholders:
            other = first.setdefault(placeholder, each)
            if other is not each:
                said = f"`:{placeholder}` would mean two filters"
                help = f"rename it: `{other.name.text}` is a filter too"
                complaints.add("SP706", said, each.name.place, label="the second one", help=help)


def bind_filters(filters: Sequence[WrittenFilter], blocks: Blocks, complaints: Complaints) -> tuple[Filter, ...]:
    """The filters with their blocks spelled as the page spells them; complains of those that mean nothing."""
    found = []
    for each in filters:
        made = each.filter
        if isinstance(made, Select) and each.options is not None:
            block = blocks.find(each.options, complaints)
            made = replace(made, options=block.name) if block else made
        if None not in blocks.found.values():
            _complain_of_column(each, blocks, complaints)
            _complain_of_silence(each, blocks, complaints)
        found.append(made)
    return tuple(found)


def _complain_of_column(written: WrittenFilter, blocks: Blocks, complaints: Complaints) -> None:
    if written.column is None:
        return
    known = list(_columns(blocks))
    if None in known or written.column.text.casefold() in {each.casefold() for each in known if each}:
        return
    names = list(dict.fromkeys(each for each in known if each))
    notes = (f"they have {', '.join(names)}",) if names else ()
    help = did_you_mean(written.column.text, names)
    said = f"unknown column `{written.column.text}`"
    complaints.add("SP201", said, written.column.place, label="not in any block", help=help, notes=notes)


def _columns(blocks: Blocks) -> Iterator[str | None]:
    """The columns of all blocks, and None for those that are not known."""
    for each in blocks.read.values():
        yield from (None,) if each.query.columns is None else each.query.columns


def _complain_of_silence(written: WrittenFilter, blocks: Blocks, complaints: Complaints) -> None:
    asked = {each.name for block in blocks.read.values() for each in block.query.placeholders}
    if written.column is None and asked.isdisjoint(written.placeholders):
        placeholders = " or ".join(f"`:{each}`" for each in written.placeholders)
        help = f"give it a `column`, or use {placeholders} in the SQL of a block"
        said = f"filter `{written.name.text}` changes nothing"
        complaints.add("SP706", said, written.name.place, label="not used", help=help)
