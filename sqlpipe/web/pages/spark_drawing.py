"""Sparks: lines and bars that are as small as words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from sqlpipe.web.element import element

_STEP, _HEIGHT, _EDGE = 10, 48, 6
_BAR, _BARS_HEIGHT = 5, 16


@dataclass(frozen=True, slots=True)
class Point:
    """A value, what is told of it, and whether it is one that went wrong."""

    value: float
    told: str
    is_bad: bool = False


def line(points: Sequence[Point], says: str) -> Markup:
    """A line through values from zero up, the latest on the right; those that went wrong are crosses."""
    if not points:
        return Markup()
    top = max(each.value for each in points) or 1
    places = [
        (_EDGE + number * _STEP, round(_HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * each.value / top, 1))
        for number, each in enumerate(points)
    ]
    width = 2 * _EDGE + (len(points) - 1) * _STEP
    path = " ".join(f"{x},{y}" for x, y in places)
    drawn = element("polyline", {"points": path, "fill": "none", "stroke": "currentColor", "stroke-width": 1.5})
    marks = [_mark(each, *place) for each, place in zip(points, places, strict=True)]
    return _picture("spark", width, _HEIGHT, says, drawn, *marks)


def _mark(point: Point, x: float, y: float) -> Markup:
    title = element("title", {}, point.told)
    if point.is_bad:
        cross = f"M{x - 3},{y - 3}l6,6m0,-6l-6,6"
        return element("path", {"d": cross, "class": "bad", "stroke": "currentColor", "stroke-width": 2}, title)
    return element("circle", {"cx": x, "cy": y, "r": 2.5, "fill": "currentColor"}, title)


def bars(points: Sequence[Point], says: str) -> Markup:
    """A bar for each value, upwards for more than nothing and downwards for less; nothing is a dot."""
    if not points:
        return Markup()
    up = max(0.0, *(each.value for each in points))
    down = max(0.0, *(-each.value for each in points))
    scale = (_BARS_HEIGHT - 2) / ((up + down) or 1)
    zero = 1 + up * scale
    drawn = [_bar(each, number * _BAR, zero, scale) for number, each in enumerate(points)]
    return _picture("bars", len(points) * _BAR, _BARS_HEIGHT, says, *drawn)


def _bar(point: Point, x: int, zero: float, scale: float) -> Markup:
    height = max(1.0, abs(point.value) * scale)
    y = zero - height if point.value >= 0 else zero
    place = {"x": x, "y": round(y, 1), "width": _BAR - 1, "height": round(height, 1), "fill": "currentColor"}
    return element("rect", {**place, "class": "bad" if point.is_bad else ""}, element("title", {}, point.told))


def _picture(name: str, width: float, height: float, says: str, *inside: Markup) -> Markup:
    size = {"width": width, "height": height, "viewBox": f"0 0 {width} {height}"}
    return element("svg", {"class": name, **size, "role": "img", "aria-label": says}, *inside)
