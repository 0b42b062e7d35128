"""What a header says, whatever kind of node it stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of
from typing import Any

from sqlpipe.domain.check import Tolerance
from sqlpipe.domain.diagnostic import Place, Severity
from sqlpipe.domain.interval import Grain
from sqlpipe.domain.project import Column, ColumnCursor, Cursor, FilesCursor, FullCursor, TimeColumn
from sqlpipe.load.checks import WrittenCheck, checks, column_checks, severity_of, tolerance_of
from sqlpipe.load.complaints import TOP, Complaints, Named
from sqlpipe.load.decode import (
    Decode,
    duration,
    expected,
    fields,
    lasting,
    list_or_one,
    moment,
    named,
    need,
    number,
    one_of,
    percent,
    take,
    text,
    texts,
    whole,
)
from sqlpipe.load.document import Record, Scalar, Value
from sqlpipe.load.running import WrittenAfter, WrittenPool, WrittenRetries, after, pool, retries, trigger


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """The time column with its place."""

    time: TimeColumn
    place: Place


@dataclass(frozen=True, slots=True)
class DependsOn:
    """Names to add to the parents of a node, and names to leave out."""

    add: tuple[Named, ...] = ()
    ignore: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenColumns:
    """What a header says of columns, and the checks that stand below them."""

    columns: tuple[Column, ...] = ()
    names: tuple[Named, ...] = ()
    checks: tuple[WrittenCheck, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The settings of one node, or of a folder; `given` are the keys written here and their places.

    The fields bear the names of the keys, but for `from`, which Python keeps for itself.
    """

    kind: Named | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    columns: WrittenColumns | None = None
    checks: tuple[WrittenCheck, ...] | None = None
    depends_on: DependsOn | None = None
    time: WrittenTime | None = None
    lookups: tuple[Named, ...] | None = None
    source: Named | None = None
    cursor: Cursor | None = None
    key: tuple[Named, ...] | None = None
    write: str | None = None
    deletes: str | None = None
    schema: str | None = None
    max_deletes: float | None = None
    types: Mapping[str, str] | None = None
    severity: Severity | None = None
    tolerance: Tolerance | None = None
    retries: WrittenRetries | None = None
    timeout: float | None = None
    pool: WrittenPool | None = None
    trigger: str | None = None
    after: tuple[WrittenAfter, ...] | None = None
    given: Mapping[str, Place] = field(default_factory=dict)


def read_header(value: Value | None, complaints: Complaints, what: str = "the header") -> Header:
    """Read the keys of a header; whether they suit its kind is seen later."""
    if value is None:
        return Header()
    entries = fields(value, tuple(KEYS), complaints, what)
    found: dict[str, Any] = {
        _FIELDS.get(key, key): KEYS[key](entry.value, complaints) for key, entry in entries.items()
    }
    return Header(**found, given={key: entry.place for key, entry in entries.items()})


def beneath(outer: Header, inner: Header) -> Header:
    """The settings of `inner`, with those of `outer` where it is silent; tags add up."""
    merged: dict[str, Any] = {}
    for each in fields_of(Header):
        own, other = getattr(inner, each.name), getattr(outer, each.name)
        merged[each.name] = own if own is not None else other
    merged["tags"] = (*(outer.tags or ()), *(inner.tags or ()))
    return Header(**{**merged, "given": inner.given})


def without_places(header: Header) -> Header:
    """The settings of a folder as they count in its files, where their places would point at the wrong lines."""
    found = tuple(replace(each, check=replace(each.check, place=TOP)) for each in header.checks or ())
    pool = replace(header.pool, name=Named(header.pool.name.text, TOP)) if header.pool else None
    after = tuple(replace(each, node=Named(each.node.text, TOP)) for each in header.after or ()) or None
    return replace(header, checks=found or None, pool=pool, after=after, given={})


def _columns(value: Value, complaints: Complaints) -> WrittenColumns | None:
    if not isinstance(value, Record):
        expected("a mapping of columns", value, complaints, help="such as `columns: {id: the number of the order}`")
        return None
    found, held = [], list[WrittenCheck]()
    for entry in value.entries:
        column = Named(entry.key, entry.place)
        if not isinstance(entry.value, Record):
            said = None if _is_empty(entry.value) else text(entry.value, complaints)
            found.append(Column(entry.key, said or ""))
            continue
        options = fields(entry.value, ("description", "checks"), complaints, "a column")
        found.append(Column(entry.key, take(options, "description", text, complaints) or ""))
        if "checks" in options:
            held += column_checks(options["checks"].value, column, complaints)
    names = tuple(Named(entry.key, entry.place) for entry in value.entries)
    return WrittenColumns(tuple(found), names, tuple(held))


def _is_empty(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None


def _depends_on(value: Value, complaints: Complaints) -> DependsOn | None:
    if not isinstance(value, Record):
        return DependsOn(add=list_or_one(named)(value, complaints) or ())
    options = fields(value, ("add", "ignore"), complaints, "`depends_on`")
    add, ignore = (take(options, key, list_or_one(named), complaints) or () for key in ("add", "ignore"))
    return DependsOn(add, ignore)


def _time(value: Value, complaints: Complaints) -> WrittenTime | None:
    if not isinstance(value, Record):
        column = named(value, complaints)
        return WrittenTime(TimeColumn(column.text), column.place) if column else None
    options = fields(value, ("column", "grain", "start", "lookback", "batch"), complaints, "`time`")
    need(options, "column", complaints, value.place, "`time`")
    column = take(options, "column", named, complaints)
    grain = take(options, "grain", one_of(*Grain), complaints)
    start = take(options, "start", moment, complaints)
    lookback = take(options, "lookback", whole(), complaints)
    batch = take(options, "batch", whole(1), complaints)
    if column is None:
        return None
    time = TimeColumn(column.text, Grain(grain or Grain.DAY), start, lookback or 0, batch)
    return WrittenTime(time, column.place)


def _cursor(value: Value, complaints: Complaints) -> Cursor | None:
    if isinstance(value, Record):
        options = fields(value, ("column", "lag"), complaints, "`cursor`")
        need(options, "column", complaints, value.place, "`cursor`")
        column = take(options, "column", text, complaints)
        lag = take(options, "lag", _lag, complaints)
        return ColumnCursor(column, lag or 0) if column else None
    match one_of("files", "full")(value, complaints):
        case "files":
            return FilesCursor()
        case "full":
            return FullCursor()
    return None


def _lag(value: Value, complaints: Complaints) -> float | None:
    found = number(value)
    if found is not None and found >= 0:
        return found
    return duration(value, complaints)


def _words(value: Value, complaints: Complaints) -> tuple[str, ...] | None:
    return list_or_one(text)(value, complaints)


_names: Decode[tuple[Named, ...]] = list_or_one(named)

KEYS: Mapping[str, Callable[[Value, Complaints], object]] = {
    "kind": named,
    "description": text,
    "tags": _words,
    "columns": _columns,
    "checks": checks,
    "depends_on": _depends_on,
    "time": _time,
    "lookups": _names,
    "from": named,
    "cursor": _cursor,
    "key": _names,
    "write": one_of("append", "merge", "replace"),
    "deletes": one_of("ignore", "hard", "soft"),
    "schema": one_of("evolve", "freeze", "discard"),
    "max_deletes": percent,
    "types": texts,
    "severity": severity_of,
    "tolerance": tolerance_of,
    "retries": retries,
    "timeout": lasting,
    "pool": pool,
    "trigger": trigger,
    "after": after,
}
_FIELDS = {"from": "source"}
