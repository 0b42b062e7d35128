"""Schedules in words, and what a node waits for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlpipe.app.explaining import Condition
from sqlpipe.app.foreseeing import Previewed, Scheduled
from sqlpipe.cli.history_text import moment
from sqlpipe.cli.look import Look, align, pad, tame
from sqlpipe.domain.schedule import Cron, Every, On, Pipeline
from sqlpipe.plan.cadence import PreviewRow

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_CONDITION = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}


def started(pipeline: Pipeline) -> str:
    """What starts a pipeline.

    >>> from sqlpipe.domain.diagnostic import Place
    >>> started(Pipeline("p", Place(1, 1), starter=Cron("0 6 * * mon-fri", "Europe/Paris")))
    'at 06:00, Monday to Friday, Europe/Paris'
    >>> started(Pipeline("p", Place(1, 1), starter=Every(900))), started(Pipeline("p", Place(1, 1)))
    ('every 15 minutes', 'by hand')
    """
    match pipeline.starter:
        case Cron(expression, zone):
            return f"{_cron(expression)}, {zone}"
        case Every(seconds):
            return _every(seconds)
        case On(nodes, events):
            return f"on {', '.join([*nodes, *(f'event {each}' for each in events)])}"
        case None:
            return "by hand"


def _every(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    number = seconds // size
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _cron(expression: str) -> str:
    """A cron expression in words, as far as it is a simple one; else as it is."""
    minute, hour, day, month, weekday = expression.split()
    days = _weekdays(weekday)
    if (day, month) != ("*", "*") or days is None:
        return f"cron {expression}"
    if minute.isdigit() and hour.isdigit():
        return f"at {int(hour):02d}:{int(minute):02d}{days or ', daily'}"
    if minute.isdigit() and hour == "*":
        return f"hourly at minute {int(minute)}{days}"
    if (step := re.fullmatch(r"\*/(\d+)", minute)) and hour == "*" and 60 % int(step[1]) == 0:
        return f"{_every(60 * int(step[1]))}{days}"
    return f"cron {expression}"


def _weekdays(text: str) -> str | None:
    """The days of a week; nothing for all of them, None where they are not one day or one span."""
    if text == "*":
        return ""
    ends = [_weekday(each) for each in text.lower().split("-", 1)]
    if None in ends:
        return None
    return ", " + " to ".join(_DAYS[each] for each in ends if each is not None)


def _weekday(text: str) -> int | None:
    if text.isdigit() and int(text) < len(_DAYS):
        return int(text)
    return _SHORT.index(text) if text in _SHORT else None


def schedule_lines(found: Sequence[Scheduled], look: Look) -> list[str]:
    """A line for each pipeline: what starts it, when next, its latest run, whether it is paused."""
    cells = [
        (each.pipeline.name, tame(started(each.pipeline)), _next(each), _last(each), tame(_paused(each)))
        for each in found
    ]
    return [look.paint(cell[0], "bold") + line[len(cell[0]) :] for cell, line in zip(cells, align(cells), strict=True)]


def _next(each: Scheduled) -> str:
    following = f"next {each.next.at.astimezone():%a %Y-%m-%d %H:%M}" if each.next else ""
    waits = f"{each.waiting} waiting" if each.waiting else ""
    return ", ".join(part for part in (following, waits) if part)


def _last(each: Scheduled) -> str:
    if each.last is None:
        return "never run"
    return f"last {each.last.state} {each.last.created.astimezone():%Y-%m-%d %H:%M}"


def _paused(each: Scheduled) -> str:
    if each.row is None or each.row.paused_at is None:
        return ""
    return f"paused by {each.row.paused_by} since {each.row.paused_at.astimezone():%Y-%m-%d %H:%M}"


def preview_lines(found: Sequence[Previewed], look: Look) -> list[str]:
    """The ticks of pipelines by the clocks of their zones, with the intervals that they are for."""
    lines: list[str] = []
    for each in found:
        lines += [""] if lines else []
        lines.append(f"{look.paint(each.pipeline.name, 'bold')}   {tame(started(each.pipeline))}")
        cells = [
            (f"{row.local:%a %Y-%m-%d %H:%M} {_offset(row.local)}", _interval(row, look), row.note) for row in each.rows
        ]
        lines += [f"  {line}" for line in align(cells)]
        if not cells:
            lines.append("  no ticks")
    return lines


def _interval(row: PreviewRow, look: Look) -> str:
    start, end = (each.astimezone(row.local.tzinfo) for each in (row.tick.start, row.tick.end))
    return f"{start:%Y-%m-%d %H:%M} {look.symbol('…')} {end:%Y-%m-%d %H:%M}"


def _offset(at: datetime) -> str:
    text = f"{at:%z}"
    return f"{text[:3]}:{text[3:5]}"


def why_lines(conditions: Sequence[Condition], look: Look) -> list[str]:
    """A line for each condition: whether it is met, what it is, how it is."""
    widest = look.symbols(sign for sign, _ in _CONDITION.values())
    cells = [
        (tame(each.text), " ".join(part for part in (tame(each.value), moment(each.at)) if part)) for each in conditions
    ]
    lines = []
    for each, line in zip(conditions, align(cells), strict=True):
        sign, colour = _CONDITION[each.met]
        lines.append(f"  {look.paint(pad(look.symbol(sign), widest), colour)}  {line}")
    return lines
