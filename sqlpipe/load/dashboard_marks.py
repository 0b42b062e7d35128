"""How the marks of charts are written; the fields they take are columns that the block puts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlpipe.domain.dashboard import Block, Figure, Heat, Map, Mark, Rows, Series, TableColumn, Vega
from sqlpipe.domain.diagnostic import Place, did_you_mean
from sqlpipe.load import document
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.dashboard_formats import pattern
from sqlpipe.load.decode import (
    boolean,
    expected,
    fields,
    list_or_one,
    named,
    need,
    one_of,
    take,
    text,
    whole,
)
from sqlpipe.load.document import Entry, Record, Scalar, Value, plain

_SERIES = {
    "line": (),
    "bar": ("stack", "horizontal"),
    "area": ("stack",),
    "point": ("size",),
}


@dataclass(frozen=True, slots=True)
class Fields:
    """Reads names of columns of a block; without a block, or where its columns are not known, they are as written."""

    block: Block | None
    complaints: Complaints

    def one(self, options: Mapping[str, Entry], key: str) -> str:
        """The column that a key names, or nothing."""
        found = take(options, key, named, self.complaints)
        return self.spelled(found) if found else ""

    def required(self, options: Mapping[str, Entry], keys: tuple[str, ...], place: Place, what: str) -> list[str]:
        """The columns that keys name which have to be there."""
        for key in keys:
            need(options, key, self.complaints, place, what)
        return [self.one(options, key) for key in keys]

    def spelled(self, field: Named) -> str:
        """The column as the block spells it; complains if it has none of the name."""
        columns = self.block.query.columns if self.block else None
        if self.block is None or columns is None:
            return field.text
        spelling = {each.casefold(): each for each in columns}
        if field.text.casefold() not in spelling:
            notes = (f"block {self.block.name} has {', '.join(columns)}",)
            help, label = did_you_mean(field.text, columns), f"not in block {self.block.name}"
            self.complaints.add(
                "SP201", f"unknown column `{field.text}`", field.place, label=label, help=help, notes=notes
            )
        return spelling.get(field.text.casefold(), field.text)


def read_mark(entry: Entry, fields_of: Fields) -> Mark | None:
    """The mark that an entry of a chart stands for."""
    return MARKS[entry.key](entry, fields_of)


def _options(entry: Entry, known: tuple[str, ...], found: Fields) -> dict[str, Entry]:
    """What stands below a mark. A format with a comma and no quotes falls apart, which deserves a word."""
    what = f"`{entry.key}`"
    if not isinstance(entry.value, Record):
        return fields(entry.value, known, found.complaints, what)
    kept = []
    for each in entry.value.entries:
        if each.key not in known and each.key[:1] in {".", ",", "%"}:
            help = "put a format that holds a comma in quotes"
            found.complaints.add("SP705", f"`{each.key}` is half a format", each.place, label="here", help=help)
        else:
            kept.append(each)
    return fields(Record(tuple(kept), entry.value.place), known, found.complaints, what)


def _figure(entry: Entry, found: Fields) -> Figure | None:
    if isinstance(entry.value, Scalar) and entry.value.value is not None:
        written = named(entry.value, found.complaints)
        return Figure(found.spelled(written)) if written else None
    options = _options(entry, ("field", "format", "unit", "compare"), found)
    (field,) = found.required(options, ("field",), entry.place, "`value`")
    return Figure(
        field,
        format=take(options, "format", pattern, found.complaints) or "",
        unit=take(options, "unit", text, found.complaints) or "",
        compare=found.one(options, "compare"),
    )


def _series(entry: Entry, found: Fields) -> Series | None:
    known = ("x", "y", "color", "sort", "format", "x_format", *_SERIES[entry.key])
    options, complaints = _options(entry, known, found), found.complaints
    (x,) = found.required(options, ("x",), entry.place, f"`{entry.key}`")
    need(options, "y", complaints, entry.place, f"`{entry.key}`")
    y = tuple(map(found.spelled, take(options, "y", list_or_one(named), complaints) or ()))
    stack = take(options, "stack", boolean, complaints)
    return Series(
        entry.key,
        x,
        y,
        color=found.one(options, "color"),
        size=found.one(options, "size"),
        format=take(options, "format", pattern, complaints) or "",
        x_format=take(options, "x_format", pattern, complaints) or "",
        stack=stack is not False,
        horizontal=bool(take(options, "horizontal", boolean, complaints)),
        sort=_sort(options, found),
    )


def _sort(options: Mapping[str, Entry], found: Fields) -> str:
    written = take(options, "sort", named, found.complaints)
    if written is None:
        return ""
    sign = "-" if written.text.startswith("-") else ""
    place = written.place
    field = Named(written.text[len(sign) :], Place(place.line, place.column + len(sign), place.length - len(sign)))
    return sign + found.spelled(field)


def _heat(entry: Entry, found: Fields) -> Heat:
    options = _options(entry, ("x", "y", "color", "format"), found)
    x, y, color = found.required(options, ("x", "y", "color"), entry.place, "`heat`")
    return Heat(x, y, color, take(options, "format", pattern, found.complaints) or "")


def _rows(entry: Entry, found: Fields) -> Rows:
    match entry.value:
        case Scalar(value=None) | Scalar(text="all"):
            return Rows()
        case document.Series():
            return Rows(tuple(_columns(entry.value, found)))
        case Scalar():
            expected("columns, or `all`", entry.value, found.complaints, help="such as `table: [carrier, flights]`")
            return Rows()
    options = _options(entry, ("columns", "limit"), found)
    columns = tuple(_columns(options["columns"].value, found)) if "columns" in options else ()
    limit = take(options, "limit", whole(1), found.complaints)
    return Rows(columns, limit) if limit else Rows(columns)


def _columns(value: Value, found: Fields) -> Iterator[TableColumn]:
    if not isinstance(value, Record):
        for each in list_or_one(named)(value, found.complaints) or ():
            yield TableColumn(found.spelled(each))
        return
    for entry in value.entries:
        field = found.spelled(Named(entry.key, entry.place))
        if isinstance(entry.value, Scalar):
            label = None if entry.value.value is None else text(entry.value, found.complaints)
            yield TableColumn(field, label or "")
            continue
        options = _options(entry, ("label", "format", "bar"), found)
        yield TableColumn(
            field,
            label=take(options, "label", text, found.complaints) or "",
            format=take(options, "format", pattern, found.complaints) or "",
            bar=bool(take(options, "bar", boolean, found.complaints)),
        )


def _map(entry: Entry, found: Fields) -> Map:
    options = _options(entry, ("lat", "lon", "size", "color", "label", "area"), found)
    latitude, longitude = found.required(options, ("lat", "lon"), entry.place, "`map`")
    return Map(
        latitude,
        longitude,
        size=found.one(options, "size"),
        color=found.one(options, "color"),
        label=found.one(options, "label"),
        area=take(options, "area", one_of("world", "us"), found.complaints) or "world",
    )


def _vega(entry: Entry, found: Fields) -> Vega | None:
    if not isinstance(entry.value, Record):
        expected("a specification in Vega-Lite", entry.value, found.complaints)
        return None
    for place in _fetched(entry.value):
        help = "its data are the rows of a block; query the file there"
        found.complaints.add("SP707", "a chart fetches no data", place, label="from elsewhere", help=help)
    return Vega({each.key: plain(each.value) for each in entry.value.entries})


def _fetched(value: Value) -> Iterator[Place]:
    """Where a specification asks for data from a URL, at whatever depth."""
    match value:
        case Record():
            for entry in value.entries:
                if entry.key == "data" and isinstance(entry.value, Record):
                    yield from (each.place for each in entry.value.entries if each.key == "url")
                yield from _fetched(entry.value)
        case document.Series():
            for each in value.items:
                yield from _fetched(each)


MARKS: Mapping[str, Callable[[Entry, Fields], Mark | None]] = {
    "value": _figure,
    **dict.fromkeys(_SERIES, _series),
    "heat": _heat,
    "table": _rows,
    "map": _map,
    "vega": _vega,
}
