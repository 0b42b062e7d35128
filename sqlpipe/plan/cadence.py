"""The instants at which pipelines are due, and the intervals of time between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import heapify, heappop, heappush

from sqlpipe.calendar import cron
from sqlpipe.calendar.clocks import instants, shown
from sqlpipe.domain.schedule import Cron, Deadline, Every, Pipeline, Tick

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_INSTANT, _HOUR, _DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
# The 29th of February on a given weekday comes every 28 years, or 40 around the end of a century.
_LONGEST = timedelta(days=41 * 366)


def next_after(starter: Cron | Every, moment: datetime) -> datetime | None:
    """The first instant of a schedule strictly after `moment`, in UTC; None when time itself ends first."""
    match starter:
        case Cron(expression, zone):
            return cron.next_after(expression, zone, moment)
        case Every(seconds):
            period = timedelta(seconds=seconds)
            try:
                return _EPOCH + ((moment - _EPOCH) // period + 1) * period
            except OverflowError:
                return None


def last_until(starter: Cron | Every, moment: datetime) -> datetime | None:
    """The last instant of a schedule at or before `moment`, in UTC; None when there has been none for decades."""
    found = _some_until(starter, moment)
    if found is None:
        return None
    beyond = moment
    # Between `found`, which is an instant of the schedule, and `beyond`, after which there is none until `moment`.
    while (following := next_after(starter, found)) is not None and following <= moment:
        found = following
        middle = found + (beyond - found) / 2
        later = next_after(starter, middle)
        if later is not None and later <= moment:
            found = later
        else:
            beyond = middle
    return found


def ticks(pipeline: Pipeline, after: datetime, until: datetime, most: int) -> tuple[Tick, ...]:
    """The ticks of a pipeline in (after, until], oldest first, and no more than `most` of them.

    Their intervals follow one another without a gap; the first begins at `pipeline.start` where that is set. Of more
    than `most` these are the oldest: the caller records them, and asks again from the last of them.
    """
    starter = pipeline.starter
    if not isinstance(starter, Cron | Every):
        return ()
    delay = timedelta(seconds=pipeline.delay)
    since = _minus(after, delay)
    if pipeline.start is not None:
        since = max(since, pipeline.start)
    last = _minus(until, delay)
    if pipeline.end is not None:
        last = min(last, pipeline.end)
    found: list[Tick] = []
    end = next_after(starter, since)
    start: datetime | None = None
    while end is not None and end <= last and len(found) < most:
        if start is None:
            start = _beginning(pipeline, starter, since)
        found.append(Tick(end + delay, start, end))
        start, end = end, next_after(starter, end)
    return tuple(found)


def next_tick(pipeline: Pipeline, after: datetime) -> Tick | None:
    """The first tick of a pipeline after an instant; None for one that is never due again, or has no schedule."""
    return next(iter(ticks(pipeline, after, _END_OF_TIME, 1)), None)


def deadline_of(deadline: Deadline, tick_at: datetime) -> datetime:
    """When a run for a tick has to be done, in UTC."""
    if deadline.clock is None:
        return tick_at.astimezone(UTC) + timedelta(seconds=deadline.seconds)
    zone = cron.zone(deadline.zone)
    today = shown(tick_at, zone).date()
    # The day after tomorrow, for a zone that leaves out a whole day.
    days = (today + number * _DAY for number in range(3))
    times = (each for day in days for each in instants(datetime.combine(day, deadline.clock), zone))
    return min(each for each in times if each > tick_at)


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A tick, what the clock of the schedule's zone shows then (aware), and what is odd about that."""

    tick: Tick
    local: datetime
    note: str = ""


def preview(pipeline: Pipeline, around: date | datetime | None, now: datetime, count: int) -> tuple[PreviewRow, ...]:
    """So many ticks of a pipeline: the coming ones, or those after a moment, or those from just before a local day."""
    starter = pipeline.starter
    if not isinstance(starter, Cron | Every):
        return ()
    zone = cron.zone(starter.zone if isinstance(starter, Cron) else "UTC")
    if around is None:
        after = now
    elif isinstance(around, datetime):
        after = around if around.tzinfo else instants(around, zone)[0]
    else:
        after = instants(datetime(around.year, around.month, around.day), zone)[0]  # noqa: DTZ001 - local
        before = last_until(starter, after - timedelta(seconds=pipeline.delay) - _INSTANT)
        after = after - _INSTANT if before is None else before + timedelta(seconds=pipeline.delay) - _INSTANT
    found = ticks(pipeline, after, _END_OF_TIME, count)
    return tuple(PreviewRow(each, each.at.astimezone(zone), _note(starter, each.end)) for each in found)


def _note(starter: Cron | Every, instant: datetime) -> str:
    if isinstance(starter, Every):
        return ""
    zone = cron.zone(starter.zone)
    local = shown(instant, zone)
    both = instants(local, zone)
    if len(both) > 1 and not cron.is_wild(starter.expression):
        return f"clocks go back: {local:%H:%M} happens twice, runs at the first"
    if len(both) > 1:
        return f"clocks go back: {local:%H:%M} happens twice, this is the {'first' if instant == both[0] else 'second'}"
    named = cron.skipped_at(starter.expression, starter.zone, instant)
    if named is None:
        return ""
    style = "%H:%M" if named.date() == local.date() else "%Y-%m-%d %H:%M"
    if cron.is_wild(starter.expression):
        return f"clocks go forward: {named:{style}} does not exist, and is left out"
    return f"clocks go forward: {named:{style}} does not exist, runs at {local:{style}}"


class Agenda:
    """When each of many pipelines is due next; not for use by several threads at once."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._at: dict[str, datetime] = {}

    def plan(self, name: str, at: datetime | None) -> None:
        """Say when a pipeline is due next, in place of what was said before; never, with None."""
        if at is None:
            self.drop(name)
        elif self._at.get(name) != at:
            self._at[name] = at
            heappush(self._heap, (at, name))
            self._tidy()

    def drop(self, name: str) -> None:
        """Forget a pipeline."""
        self._at.pop(name, None)
        self._tidy()

    def next(self) -> datetime | None:
        """When the first of them is due."""
        while self._heap and not self._holds(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: datetime) -> list[str]:
        """The pipelines that are due, the longest overdue first; they stay so until they are planned anew."""
        found: set[tuple[datetime, str]] = set()
        # In a heap none comes before the one above it: only those below one that is due can be.
        below = [0]
        while below:
            place = below.pop()
            if place < len(self._heap) and self._heap[place][0] <= now:
                found.add(self._heap[place])
                below += (2 * place + 1, 2 * place + 2)
        return [name for at, name in sorted(found) if self._holds((at, name))]

    def _holds(self, entry: tuple[datetime, str]) -> bool:
        return self._at.get(entry[1]) == entry[0]

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._at) + 64:
            self._heap = [(at, name) for name, at in self._at.items()]
            heapify(self._heap)


def _some_until(starter: Cron | Every, moment: datetime) -> datetime | None:
    back = _HOUR
    while back <= 4 * _LONGEST:
        found = next_after(starter, _minus(moment, back))
        if found is not None and found <= moment:
            return found
        back *= 4
    return None


def _beginning(pipeline: Pipeline, starter: Cron | Every, since: datetime) -> datetime:
    before = last_until(starter, since)
    begin = since if before is None else before
    return begin if pipeline.start is None else max(begin, pipeline.start)


def _minus(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment - span
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
