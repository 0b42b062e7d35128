"""Rows in words: an aligned table for people, plain values for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from sqlpipe.cli.look import Look, cut, measure, pad, pad_left, tame

_WIDEST_CELL = 50
_GAP = 2


def table(columns: Sequence[str], types: Sequence[str], rows: Sequence[Sequence[object]], look: Look) -> list[str]:
    """The rows as aligned lines: names, types, values; columns that do not fit the terminal are told at the end."""
    more = look.symbol("…")
    right = [all(_is_number(row[index]) for row in rows) and bool(rows) for index in range(len(columns))]
    texts = [tuple(cut(cell(value), _WIDEST_CELL, more) for value in row) for row in rows]
    heads = [tuple(tame(name) for name in columns), tuple(cut(tame(each).lower(), 24, more) for each in types)]
    widths = [max(map(measure, column)) for column in zip(*heads, *texts, strict=True)]
    shown = _fitting(widths, look.width)

    def line(cells: Sequence[str], *styles: str) -> str:
        placed = []
        for index in range(shown):
            place = pad_left if right[index] else pad
            style = ("dim",) if not styles and cells[index] == "NULL" else styles
            placed.append(look.paint(place(cells[index], widths[index]), *style))
        return (" " * _GAP).join(placed).rstrip()

    lines = [line(heads[0], "bold"), line(heads[1], "dim"), *(line(each) for each in texts)]
    if shown < len(columns):
        lines.append(look.paint(f"and {len(columns) - shown} more columns: {', '.join(heads[0][shown:])}", "dim"))
    return lines


def _fitting(widths: Sequence[int], room: int | None) -> int:
    """How many columns fit; one is always shown."""
    if room is None:
        return len(widths)
    taken, fitting = -_GAP, 0
    for width in widths:
        taken += width + _GAP
        if taken > room:
            break
        fitting += 1
    return max(1, fitting)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def cell(value: object) -> str:
    r"""A value as a cell.

    >>> cell(None), cell(True), cell(1.5), cell("two\nlines")
    ('NULL', 'true', '1.5', 'two\\nlines')
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"x'{value[:32].hex()}'"
        case datetime() if value.time() == time.min and value.tzinfo is None:
            return f"{value:%Y-%m-%d} 00:00"
        case _:
            return tame(str(value))


def plain(value: object) -> object:
    """A value as JSON holds it: times as ISO text, decimals exactly as text, what JSON has no number for as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return str(value)
