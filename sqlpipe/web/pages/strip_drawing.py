"""Strips of days: how a check ended on each of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlpipe.app.surveying import CheckDay
from sqlpipe.web.element import element
from sqlpipe.web.words import count

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT = 4, 16


def told(day: CheckDay) -> str:
    """How a check ended on a day, in words."""
    if not day.failures:
        return f"{day.day}: passed"
    often = "" if day.looks == 1 else f" {day.failures} of {count(day.looks, 'time')}"
    return f"{day.day}: failed{often}, {count(day.offences, 'offence')}"


def strip(days: Iterable[CheckDay], today: date, length: int = 90) -> Markup:
    """The last days from left to right: a low bar for one on which it passed, a high one for one on which it failed."""
    first = today - timedelta(days=length - 1)
    drawn = [_bar(each, (each.day - first).days) for each in days if first <= each.day <= today]
    base = element("path", {"d": f"M0,{_HEIGHT - 0.5}h{length * _WIDTH}", "class": "faint", "stroke": "currentColor"})
    size = {"width": length * _WIDTH, "height": _HEIGHT, "viewBox": f"0 0 {length * _WIDTH} {_HEIGHT}"}
    says = f"How it ended in the last {length} days"
    return element("svg", {"class": "strip", **size, "role": "img", "aria-label": says}, base, *drawn)


def _bar(day: CheckDay, number: int) -> Markup:
    height = _HEIGHT - 1 if day.failures else 5
    place = {"x": number * _WIDTH, "y": _HEIGHT - 1 - height, "width": _WIDTH - 1, "height": height}
    tone = "bad" if day.failures else "well"
    return element("rect", {**place, "class": tone, "fill": "currentColor"}, element("title", {}, told(day)))
