"""Values of a document read as what a setting expects; what does not fit becomes a complaint."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TypeVar

from sqlpipe.domain.diagnostic import Place, did_you_mean
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.document import Entry, Record, Scalar, Series, Value, plain

T = TypeVar("T")

# A decoder returns None after it has complained.
Decode = Callable[[Value, Complaints], T | None]

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)([smhdw]))")
# Longer values are not repeated in a complaint.
_SHOWN = 40
_ALL = 100

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def expected(what: str, value: Value, complaints: Complaints, *, help: str = "") -> None:
    """Complain that the value is of the wrong type."""
    complaints.add("SP103", f"expected {what}, found {_description(value)}", value.place, label="here", help=help)


def _description(value: Value) -> str:
    match value:
        case Record():
            return "a mapping"
        case Series():
            return "a list"
        case Scalar(secret=True):
            return "something else"
        case Scalar(value=None):
            return "nothing"
        case Scalar():
            return f"`{value.text}`" if len(value.text) <= _SHOWN else "a text"


def fields(value: Value, known: Collection[str], complaints: Complaints, what: str) -> dict[str, Entry]:
    """The entries of a mapping by key, without those that say nothing; keys that are not known are complained of."""
    if not isinstance(value, Record):
        if not (isinstance(value, Scalar) and value.value is None):
            expected("a mapping", value, complaints, help=f"{what} takes {listed(known)}")
        return {}
    found = {}
    for entry in value.entries:
        if entry.key not in known:
            unknown_key(entry.key, entry.place, known, complaints, what)
        elif not (isinstance(entry.value, Scalar) and entry.value.value is None):
            found[entry.key] = entry
    return found


def unknown_key(key: str, place: Place, known: Collection[str], complaints: Complaints, what: str) -> None:
    """Complain of a key that nobody knows."""
    help = did_you_mean(key, known) or f"{what} takes {listed(known)}"
    complaints.add("SP102", f"unknown key `{key}` in {what}", place, label="not a key of this", help=help)


def listed(words: Collection[str]) -> str:
    """Words for people: `a`, `b` or `c`."""
    quoted = [f"`{each}`" for each in words]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)


def take(entries: Mapping[str, Entry], key: str, decode: Decode[T], complaints: Complaints) -> T | None:
    """The decoded value of a key, or None if it is not there or does not fit."""
    entry = entries.get(key)
    return None if entry is None else decode(entry.value, complaints)


def need(entries: Mapping[str, Entry], key: str, complaints: Complaints, place: Place, what: str) -> Entry | None:
    """The entry of a key that has to be there."""
    if key not in entries:
        complaints.add("SP106", f"{what} needs `{key}`", place, label=f"`{key}` is missing")
    return entries.get(key)


def named(value: Value, complaints: Complaints) -> Named | None:
    """A text with its place; numbers are taken as they are spelled."""
    if (
        isinstance(value, Scalar)
        and value.value is not None
        and not isinstance(value.value, bool)
        and value.text.strip()
    ):
        return Named(value.text, value.place)
    expected("a text", value, complaints)
    return None


def text(value: Value, complaints: Complaints) -> str | None:
    """A text that is not empty."""
    found = named(value, complaints)
    return found.text if found else None


def boolean(value: Value, complaints: Complaints) -> bool | None:
    """`true` or `false`."""
    if isinstance(value, Scalar) and isinstance(value.value, bool):
        return value.value
    expected("`true` or `false`", value, complaints)
    return None


def whole(least: int = 0) -> Decode[int]:
    """A whole number of at least `least`."""

    def decode(value: Value, complaints: Complaints) -> int | None:
        found = number(value)
        if isinstance(found, int) and found >= least:
            return found
        expected(f"a whole number from {least} on", value, complaints)
        return None

    return decode


def number(value: Value) -> int | float | None:
    """The number that a value is, if it is one."""
    found = value.value if isinstance(value, Scalar) else None
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def one_of(*words: str) -> Decode[str]:
    """One of the words."""

    def decode(value: Value, complaints: Complaints) -> str | None:
        if isinstance(value, Scalar) and value.text in words:
            return value.text
        said = did_you_mean(value.text, words) if isinstance(value, Scalar) and not value.secret else ""
        expected(listed(words), value, complaints, help=said)
        return None

    return decode


def list_or_one(decode: Decode[T]) -> Decode[tuple[T, ...]]:
    """A list, or a single value in its place; items that do not fit are left out."""

    def decode_all(value: Value, complaints: Complaints) -> tuple[T, ...] | None:
        items = value.items if isinstance(value, Series) else (value,)
        found = [decode(each, complaints) for each in items]
        return tuple(each for each in found if each is not None)

    return decode_all


def texts(value: Value, complaints: Complaints) -> dict[str, str] | None:
    """A mapping of words to texts."""
    if not isinstance(value, Record):
        expected("a mapping", value, complaints)
        return None
    found = {each.key: text(each.value, complaints) for each in value.entries}
    return {key: each for key, each in found.items() if each is not None}


def anything(value: Value, _complaints: Complaints) -> object:
    """Whatever it is, as plain objects."""
    return plain(value)


def seconds(text: str) -> float | None:
    """The length of a duration in seconds, or None if it is not one.

    >>> seconds("1h30m"), seconds("2d"), seconds("soon")
    (5400.0, 172800.0, None)
    """
    pieces = _DURATION.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text.replace(" ", ""):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in pieces)


def duration(value: Value, complaints: Complaints) -> float | None:
    """A length of time in seconds."""
    found = seconds(value.text) if isinstance(value, Scalar) else None
    if found is None:
        expected("a duration", value, complaints, help="such as `30m`, `6h`, `1h30m` or `2d`")
    return found


def pause(value: Value, complaints: Complaints) -> float | None:
    """A length of time in seconds, with its unit or as a number of seconds."""
    found = number(value)
    if found is not None and found >= 0:
        return float(found)
    return duration(value, complaints)


def lasting(value: Value, complaints: Complaints) -> float | None:
    """A length of time that is longer than none."""
    found = pause(value, complaints)
    if found is not None and found <= 0:
        expected("more than no time at all", value, complaints)
        return None
    return found


def percent(value: Value, complaints: Complaints) -> float | None:
    """A percentage from 0 to 100, with or without its sign."""
    if isinstance(value, Scalar):
        found = _number(value.text.strip().removesuffix("%").strip())
        if found is not None and 0 <= found <= _ALL:
            return found
    expected("a percentage", value, complaints, help="such as `10%`")
    return None


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)", text) else None


def moment(value: Value, complaints: Complaints) -> datetime | None:
    """A date, or a date with a time, in the clock of the table."""
    if isinstance(value, Scalar):
        try:
            found = datetime.fromisoformat(value.text)
        except ValueError:
            found = None
        if found is not None and found.tzinfo is None:
            return found
        if found is not None:
            expected("a time without a zone", value, complaints, help="times are in the clock of the table")
            return None
    expected("a date or time", value, complaints, help="such as `2024-01-31` or `2024-01-31 06:00`")
    return None
