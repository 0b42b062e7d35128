"""Schedules in words, and what a node waits for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlpipe.app.explaining import Condition
from sqlpipe.app.foreseeing import Previewed, Scheduled
from sqlpipe.cli.history_text import moment
from sqlpipe.cli.look import Look, align, pad, tame
from sqlpipe.plan.cadence import PreviewRow
from sqlpipe.plan.spoken import started

_CONDITION = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}


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
