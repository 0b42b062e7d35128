"""Cron expressions in the local time of a zone: which are understood, and when they are due."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from sqlpipe.calendar.clocks import instants, shown, turns
from sqlpipe.domain.diagnostic import did_you_mean

_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_TERM = re.compile(r"(?P<first>\*|[0-9a-z]+)(-(?P<last>[0-9a-z]+))?(/(?P<step>[0-9]+))?")
_NTH = re.compile(r"(?P<day>[0-9a-z]+)#(?P<number>[0-9]+)")
_WEEKS = 5
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_INSTANT = timedelta(microseconds=1)


class CronError(ValueError):
    """An expression, or a zone, that is not understood: what is wrong, and which characters of the text are.

    `others` are what else is wrong with the same expression.
    """

    others: tuple[CronError, ...] = ()

    def __init__(self, message: str, start: int, length: int, help: str = "") -> None:
        super().__init__(message)
        self.message, self.start, self.length, self.help = message, start, max(1, length), help


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_MINUTE, _HOUR, _DAY = _Field("minute", 0, 59), _Field("hour", 0, 23), _Field("day of the month", 1, 31)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)


@dataclass(frozen=True, slots=True)
class _Part:
    """One field as it is written, where that begins, and the numbers it stands for."""

    text: str
    start: int
    values: frozenset[int]

    @property
    def starred(self) -> bool:
        return self.text.startswith("*")

    @property
    def has_last(self) -> bool:
        return "l" in self.text.split(",")


@dataclass(frozen=True, slots=True)
class _Days:
    """The last three fields, all numbers listed; one of the two days is enough, or, without `either`, both must fit."""

    fields: str
    either: bool


@dataclass(frozen=True, slots=True)
class _Times:
    """The times of day, and the days, of an expression; `wild` where the minute or the hour begins with `*`."""

    expression: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: _Days
    wild: bool

    def after(self, local: datetime) -> datetime:
        """The first time after `local` that fits, were there neither zones nor summer."""
        day = _day_from(self.days, local.date())
        if day == local.date():
            minute = bisect_right(self.minutes, local.minute)
            if local.hour in self.hours and minute < len(self.minutes):
                return local.replace(minute=self.minutes[minute], second=0, microsecond=0)
            hour = bisect_right(self.hours, local.hour)
            if hour < len(self.hours):
                return local.replace(hour=self.hours[hour], minute=self.minutes[0], second=0, microsecond=0)
            day = _day_from(self.days, day + timedelta(days=1))
        return datetime(day.year, day.month, day.day, self.hours[0], self.minutes[0])  # noqa: DTZ001 - local


def parse(text: str) -> str:
    """The five fields of an expression in lower case, an alias spelled out; raises `CronError`.

    The rules are those of crontab(5), and `l` for the last day of a month and `fri#2` for its second Friday.

    >>> parse("@daily"), parse("*/15  9-17 * * MON-FRI")
    ('0 0 * * *', '*/15 9-17 * * mon-fri')
    """
    return _read(text).expression


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """A time zone by its name; raises `CronError`."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        known = available_timezones()
    cities = {each.rpartition("/")[2].casefold(): each for each in sorted(known)}
    near = cities.get(name.casefold().replace(" ", "_"))
    help = f"did you mean `{near}`?" if near else did_you_mean(name, known)
    raise CronError(f"there is no time zone `{name}`", 0, len(name), help or "name one as `Europe/Paris` or `UTC`")


def next_after(expression: str, zone_name: str, moment: datetime) -> datetime | None:
    """The first instant after `moment` at which an expression is due, in UTC; None when time itself ends first.

    As with the cron of Debian: where neither the minute nor the hour begins with `*`, each time of the clock counts
    once, at the first instant after a gap that swallows it and at the first of two. Others are due whenever the clock
    shows a time that fits: in both of two hours that bear one name, never for one that does not come.
    """
    times, local_zone = _read(expression), zone(zone_name)
    try:
        return (_next_shown if times.wild else _next_named)(times, local_zone, moment.astimezone(UTC))
    except OverflowError:
        return None


def is_wild(expression: str) -> bool:
    """Whether the minute or the hour begins with `*`, so that it is due in both of two hours that bear one name."""
    return _read(expression).wild


def skipped_at(expression: str, zone_name: str, moment: datetime) -> datetime | None:
    """The first local time of an expression that the clock leaves out when it is put forward at `moment`, if any."""
    local_zone = zone(zone_name)
    before, after = shown(moment - _INSTANT, local_zone), shown(moment, local_zone)
    named = _read(expression).after(before)
    return named if named < after else None


def _next_named(times: _Times, local_zone: ZoneInfo, moment: datetime) -> datetime:
    named = times.after(shown(moment, local_zone))
    # In the second of two hours that bear one name, what has been due in the first is passed over.
    while (instant := instants(named, local_zone)[0]) <= moment:
        named = times.after(named)
    return instant


def _next_shown(times: _Times, local_zone: ZoneInfo, moment: datetime) -> datetime:
    local = shown(moment, local_zone)
    while True:
        named = times.after(local)
        # With the offset of this moment; from the next turn on another one holds, and the clock shows it once more.
        instant = moment + (named - shown(moment, local_zone))
        turn = next(turns(local_zone, moment, instant), None)
        if turn is None:
            return instant
        moment, local = turn, shown(turn, local_zone) - _INSTANT


@lru_cache(maxsize=65536)
def _day_from(days: _Days, day: date) -> date:
    if days.fields == "* * *":
        return day
    from croniter import CroniterBadDateError, croniter  # noqa: PLC0415 - it is slow to load and seldom needed

    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - local
    try:
        found = croniter(f"0 0 {days.fields}", midnight - _INSTANT, day_or=days.either).get_next(datetime)
    except (CroniterBadDateError, ValueError) as error:
        raise OverflowError(str(error)) from error
    return date(found.year, found.month, found.day)


@lru_cache(maxsize=4096)
def _read(text: str) -> _Times:
    words = [(each.group().lower(), each.start()) for each in re.finditer(r"\S+", text)]
    if len(words) == 1 and words[0][0].startswith("@"):
        return _read(_alias(*words[0]))
    if len(words) != len(_FIELDS):
        start = words[len(_FIELDS)][1] if len(words) > len(_FIELDS) else 0
        raise CronError(
            f"a cron expression has five fields, and this has {len(words) or 'none'}",
            start,
            len(text.rstrip()) - start,
            "minute, hour, day of the month, month, day of the week; there are none for seconds or years",
        )
    parts = _parts(words)
    _refuse_impossible(*parts[2:])
    minute, hour = parts[0], parts[1]
    return _Times(
        " ".join(each.text for each in parts),
        tuple(sorted(minute.values)),
        tuple(sorted(hour.values)),
        _days(*parts[2:]),
        minute.starred or hour.starred,
    )


def _alias(word: str, start: int) -> str:
    if word in _ALIASES:
        return _ALIASES[word]
    if word == "@reboot":
        raise CronError("`@reboot` is no time at which something could be due", start, len(word))
    help = did_you_mean(word, _ALIASES) or f"there are {', '.join(_ALIASES)}"
    raise CronError(f"there is no `{word}`", start, len(word), help)


def _parts(words: list[tuple[str, int]]) -> list[_Part]:
    parts, wrong = [], []
    for field, word in zip(_FIELDS, words, strict=True):
        try:
            parts.append(_part(field, *word))
        except CronError as error:
            wrong.append(error)
    if wrong:
        wrong[0].others = tuple(wrong[1:])
        raise wrong[0]
    return parts


def _part(field: _Field, text: str, start: int) -> _Part:
    if field is _WEEKDAY and (nth := _NTH.fullmatch(text)):
        if not 1 <= int(nth["number"]) <= _WEEKS:
            wrong = nth["number"]
            raise CronError(f"no month has a weekday number {wrong}", start + nth.start("number"), len(wrong))
        return _Part(text, start, frozenset({_number(field, nth["day"], start)}))
    values: set[int] = set()
    at = start
    for term in text.split(","):
        if term == "*" != text:
            raise CronError(f"`*` is every {field.name} already", at, 1)
        values |= _values(field, term, at)
        at += len(term) + 1
    return _Part(text, start, frozenset(values))


def _values(field: _Field, term: str, start: int) -> set[int]:
    if field is _DAY and term == "l":
        return set()  # which that is the calendar knows
    match = _TERM.fullmatch(term)
    if match is None or (match["first"] == "*" and match["last"]):
        help = "a number, `*`, a range `1-5`, a list `1,3`, or every so many: `*/15`"
        raise CronError(f"`{term}` is no {field.name}", start, len(term), help)
    step = _step(field, match, start)
    if match["first"] == "*":
        return set(range(field.low, field.high + 1, step))
    first = _number(field, match["first"], start)
    if not match["last"]:
        if match["step"]:
            help = f"write `{match['first']}-{field.high}/{step}`"
            raise CronError(f"`{term}` does not say where it ends", start, len(term), help)
        return {first}
    last = _number(field, match["last"], start + match.start("last"))
    if last < first:
        raise CronError(f"`{term}` runs backwards", start, len(term), "write it as two ranges with a comma")
    return set(range(first, last + 1, step))


def _step(field: _Field, match: re.Match[str], start: int) -> int:
    if not match["step"]:
        return 1
    step, most = int(match["step"]), field.high - field.low
    if not 1 <= step <= most:
        help = f"it counts anew from the beginning, so that a step is from 1 to {most}; see also `every:`"
        raise CronError(
            f"`/{match['step']}` is no step for a {field.name}",
            start + match.start("step") - 1,
            1 + len(match["step"]),
            help,
        )
    return step


def _number(field: _Field, word: str, start: int) -> int:
    if word in field.words:
        return field.words.index(word) + field.low
    if word.isdecimal() and field.low <= int(word) <= field.high:
        return int(word)
    names = f", or {field.words[0]} to {field.words[-1]}" if field.words else ""
    help = did_you_mean(word, field.words) or f"from {field.low} to {field.high}{names}"
    raise CronError(f"`{word}` is no {field.name}", start, len(word), help)


def _refuse_impossible(day: _Part, month: _Part, weekday: _Part) -> None:
    if "#" in weekday.text and day.text != "*":
        raise CronError(f"`{weekday.text}` goes with `*` as day of the month only", day.start, len(day.text))
    longest = max(_LONGEST.get(each, 31) for each in month.values)
    if not day.has_last and min(day.values) > longest and (day.starred or weekday.starred):
        message = f"no such month has a day {min(day.values)}"
        raise CronError(message, day.start, month.start + len(month.text) - day.start)


def _days(day: _Part, month: _Part, weekday: _Part) -> _Days:
    either = not day.starred and not weekday.starred
    days = _listed(day.values, range(1, 32))
    if day.has_last and days != "*":
        days = f"{days},l".removeprefix(",")
    weekdays = weekday.text if "#" in weekday.text else _listed({each % 7 for each in weekday.values}, range(7))
    if either and "*" in {days, weekdays}:
        days = weekdays = "*"
    return _Days(f"{days} {_listed(month.values, range(1, 13))} {weekdays}", either)


def _listed(values: AbstractSet[int], every: range) -> str:
    # Not as they are written: croniter reads `3-3` as everything, as it does `1-31`.
    return "*" if values == {*every} else ",".join(map(str, sorted(values)))
