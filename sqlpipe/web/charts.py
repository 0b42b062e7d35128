"""Charts as specifications in Vega-Lite: of what the rows of a result are to look like, without the rows or colours.

Rows are told by channels (`x`, `y`, `series` ...), which `usermeta` takes from the columns of the result. A colour is
told by a word such as `$series-1`, which the page puts the colours of its theme in for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlpipe.app.answering import Result
from sqlpipe.domain.dashboard import Heat, Map, Panel, Series, Vega
from sqlpipe.web import formats
from sqlpipe.web.charts_scales import (
    Field,
    colours,
    field_of,
    includes_zero,
    legend_of,
    middle,
    placed,
    receding,
    step_of,
)

Spec = dict[str, Any]

# A line through so few points shows the points as well.
_FEW_POINTS = 40
_SLIGHT = 0.15


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its specification, and the names of its series in the order of their colours."""

    spec: Spec
    legend: tuple[str, ...] = ()
    shape: str = ""


def specification(panel: Panel, result: Result) -> Chart:
    """The chart of a panel; raises LookupError where the result lacks a column."""
    match panel.mark:
        case Series():
            return _series(panel, panel.mark, result)
        case Heat():
            return Chart(_heat(panel, panel.mark, result))
        case Map():
            return Chart(_map(panel, panel.mark, result))
        case Vega(spec=spec):
            return Chart({"height": panel.height, **spec, "data": {"name": "rows"}, "usermeta": {"rows": "names"}})
        case _:
            raise LookupError(panel.mark)


def _series(panel: Panel, mark: Series, result: Result) -> Chart:
    x, ys = field_of(result, mark.x), [field_of(result, each) for each in mark.y]
    series = field_of(result, mark.color) if mark.color else None
    legend = legend_of(ys, series)
    format = mark.format or ys[0].fitting
    across, along = _x_axis(mark, x), _y_axis(mark, ys, format)
    encoding: Spec = {"y": across, "x": along} if mark.horizontal else {"x": across, "y": along}
    meta: Spec = {"channels": {"x": x.index, "y": [each.index for each in ys]}, "time": ["x"] if x.is_time else []}
    if legend:
        encoding["color"] = {"field": "series", "type": "nominal", "legend": None, "scale": colours(legend)}
        meta["series"] = [each.label for each in ys] if series is None else None
        if series is not None:
            meta["channels"]["series"] = series.index
        if mark.shape == "bar" and not mark.stack:
            encoding["yOffset" if mark.horizontal else "xOffset"] = {"field": "series", "sort": legend}
        if mark.shape in {"line", "area"} or not mark.stack:
            encoding["detail"] = {"field": "series"}
    if mark.size:
        size = field_of(result, mark.size)
        meta["channels"]["size"] = size.index
        encoding["size"] = {"field": "size", "type": "quantitative", "legend": None, "scale": {"range": [12, 320]}}
    if mark.sort and not placed(x, mark.shape):
        meta["channels"]["order"] = field_of(result, mark.sort.removeprefix("-")).index
    if mark.shape == "bar" and placed(x, "bar"):
        meta["step"] = step_of(x)
    if mark.shape in {"line", "area"} and placed(x, mark.shape):
        meta["crosshair"] = True
    if len(legend) > 1 and series is None and mark.shape == "line":
        encoding |= receding(ys)
    meta["tooltip"] = _tooltip(mark, x, ys, series, result)
    spec = {"height": panel.height, "mark": _mark(mark, x, legend=bool(legend)), "encoding": encoding, "usermeta": meta}
    return Chart({"data": {"name": "rows"}, **spec}, tuple(legend), mark.shape)


def _mark(mark: Series, x: Field, *, legend: bool) -> Spec:
    colour = {} if legend else {"color": "$series-1"}
    match mark.shape:
        case "line":
            points = {"point": {"size": 20}} if len(set(x.values)) <= _FEW_POINTS else {}
            return {"type": "line", "strokeWidth": 1.75, "strokeJoin": "round", **points, **colour}
        case "area":
            see_through = {"fillOpacity": 0.3, "line": {"strokeWidth": 1.5}} if not (legend and mark.stack) else {}
            return {"type": "area", **see_through, **colour}
        case "bar":
            return {"type": "bar", **colour}
        case _:
            return {"type": "point", "filled": True, "opacity": 0.7, **({} if mark.size else {"size": 36}), **colour}


def _x_axis(mark: Series, x: Field) -> Spec:
    """Where rows are placed along: on a scale of time or numbers, or one after the other."""
    format = mark.x_format or ("" if x.is_time else x.fitting)
    axis: Spec = {"title": x.label if mark.shape == "point" else None, "grid": mark.shape == "point"}
    if placed(x, mark.shape):
        axis |= {"format": format} if format else {}
        if x.is_time:
            return {"field": "x", "type": "temporal", "scale": {"type": "utc"}, "axis": axis}
        return {
            "field": "x",
            "type": "quantitative",
            "scale": {"zero": False, "nice": mark.shape == "point"},
            "axis": axis,
        }
    axis |= {"labelAngle": 0, "labelOverlap": not mark.horizontal, "ticks": False, "domain": False}
    axis |= {"labelLimit": 180} if mark.horizontal else {}
    axis |= {"format": format} if x.is_number else {}
    return {"field": "x", "type": "ordinal" if x.is_number else "nominal", "sort": _sort(mark, x), "axis": axis}


def _sort(mark: Series, x: Field) -> object:
    """The order of what is placed one after the other: without one that of the rows."""
    if not mark.sort:
        return "ascending" if x.is_number else None
    order = "descending" if mark.sort.startswith("-") else "ascending"
    return {"field": "order", "op": "max", "order": order}


def _y_axis(mark: Series, ys: Sequence[Field], format: str) -> Spec:
    title = ys[0].label if mark.shape == "point" and len(ys) == 1 else None
    found: Spec = {"field": "y", "type": "quantitative", "axis": {"format": format, "title": title}}
    if mark.shape in {"line", "point"}:
        found["scale"] = {"zero": mark.shape == "line" and includes_zero(ys)}
    if mark.shape in {"bar", "area"}:
        found["stack"] = "zero" if mark.stack else None
    return found


def _tooltip(mark: Series, x: Field, ys: Sequence[Field], series: Field | None, result: Result) -> list[Spec]:
    """What is told of a point: by channel, with label, format and type."""
    format = mark.format or ys[0].fitting
    found = [_told("x", x, mark.x_format)]
    if series is not None or len(ys) > 1:
        found.append(
            {"channel": "series", "label": series.label if series else "", "format": series.fitting if series else ""}
        )
    found.append({**_told("y", ys[0], format), **({"label": ""} if len(ys) > 1 else {})})
    return [*found, _told("size", field_of(result, mark.size), "")] if mark.size else found


def _told(channel: str, field: Field, format: str) -> Spec:
    return {"channel": channel, "label": field.label, "format": format or field.fitting, "type": field.type}


def _heat(panel: Panel, mark: Heat, result: Result) -> Spec:
    x, y, color = (field_of(result, each) for each in (mark.x, mark.y, mark.color))
    format = mark.format or color.fitting
    scale, dark = _heat_scale(color.numbers)
    shown = {"axis": {"title": None, "labelAngle": 0, "ticks": False, "domain": False, "grid": False}}
    encoding = {name: _cell(name, field) | shown for name, field in (("x", x), ("y", y))}
    legend = {
        "title": None,
        "format": format,
        "orient": "top",
        "gradientLength": 140,
        "gradientThickness": 8,
        "tickCount": 3,
    }
    rect = {
        "mark": {"type": "rect"},
        "encoding": {"color": {"field": "color", "type": "quantitative", "scale": scale, "legend": legend}},
    }
    text = {
        "mark": {"type": "text", "fontSize": 11},
        "encoding": {
            "text": {"field": "color", "type": "quantitative", "format": format},
            "color": {"condition": {"test": dark, "value": "$on-heat"}, "value": "$ink"},
        },
    }
    meta = {
        "channels": {"x": x.index, "y": [y.index], "color": color.index},
        "time": [name for name, field in (("x", x), ("y", y)) if field.is_time],
        "cells": len(set(x.values)),
        "tooltip": [_told("x", x, ""), _told("y", y, ""), _told("color", color, format)],
    }
    return {
        "data": {"name": "rows"},
        "height": panel.height,
        "encoding": encoding,
        "layer": [rect, text],
        "usermeta": meta,
    }


def _heat_scale(numbers: Sequence[float]) -> tuple[Spec, str]:
    """The colours of a heat, from both sides of zero where it has both, and the expression for where they are dark."""
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    if low < -_SLIGHT * abs(high):
        edge = max(abs(low), abs(high))
        colours = {"domain": [-edge, edge], "range": ["$cold", "$even", "$hot"]}
        return colours, f"abs(datum.color) > {edge * 0.6:.6g}"
    return {"range": ["$heat-0", "$heat-1", "$heat-2"]}, f"datum.color > {low + (high - low) * 0.55:.6g}"


def _cell(name: str, field: Field) -> Spec:
    sort = "ascending" if field.is_number or field.is_time else None
    timed = {"timeUnit": "utcyearmonthdate"} if field.is_time else {}
    return {"field": name, "type": "ordinal", "sort": sort, **timed}


def _map(panel: Panel, mark: Map, result: Result) -> Spec:
    named = {
        "latitude": mark.latitude,
        "longitude": mark.longitude,
        "size": mark.size,
        "color": mark.color,
        "label": mark.label,
    }
    fields = {channel: field_of(result, name) for channel, name in named.items() if name}
    encoding: Spec = {each: {"field": each, "type": "quantitative"} for each in ("latitude", "longitude")}
    if "size" in fields:
        legend = {"title": fields["size"].label, "symbolType": "circle", "tickCount": 3}
        encoding["size"] = {
            "field": "size",
            "type": "quantitative",
            "legend": legend,
            "scale": {"range": [8, 500], "zero": True},
        }
    if "color" in fields:
        encoding["color"] = _place_colour(fields["color"])
    tooltip = [_told(each, field, "") for each, field in fields.items() if each not in {"latitude", "longitude"}]
    outline = {
        "data": {
            "name": "outline",
            "format": {"type": "topojson", "feature": "states" if mark.area == "us" else "countries"},
        },
        "mark": {"type": "geoshape", "fill": "$land", "stroke": "$ground", "strokeWidth": 0.75},
    }
    circle: Spec = {"type": "circle", "opacity": 0.85, "stroke": "$ground", "strokeWidth": 0.75}
    circle |= ({} if "size" in fields else {"size": 48}) | ({} if "color" in fields else {"color": "$series-1"})
    return {
        "height": panel.height,
        "projection": {"type": "albersUsa" if mark.area == "us" else "equalEarth"},
        "layer": [outline, {"data": {"name": "rows"}, "mark": circle, "encoding": encoding}],
        "usermeta": {
            "channels": {each: [field.index] if each == "y" else field.index for each, field in fields.items()},
            "time": [],
            "outline": mark.area,
            "tooltip": tooltip or [_told(each, fields[each], "") for each in ("latitude", "longitude")],
        },
    }


def _place_colour(field: Field) -> Spec:
    if field.is_number:
        legend = {"title": field.label, "gradientLength": 140, "gradientThickness": 8, "tickCount": 3}
        scale = {"range": ["$heat-0", "$heat-1", "$heat-2"], "domain": middle(field.numbers), "clamp": True}
        return {"field": "color", "type": "quantitative", "scale": scale, "legend": legend}
    domain = legend_of([], field)
    return {"field": "color", "type": "nominal", "scale": colours(domain), "legend": {"title": None}}


def summary(panel: Panel, result: Result) -> str:
    """What a chart shows, for who does not see it: of what, how many values, from where to where."""
    match panel.mark:
        case Series(shape=shape, x=x, y=ys, format=format):
            found = [_range(result, each, format) for each in ys]
            return f"{shape.capitalize()} chart by {_along(result, x)}. {'; '.join(each for each in found if each)}."
        case Heat(x=x, y=y, color=color, format=format):
            return f"Grid by {_along(result, x)} and {_along(result, y)}. {_range(result, color, format)}."
        case Map(label=label, size=size, color=color):
            found = [_range(result, each, "") for each in (size, color) if each]
            return f"Map of {len(result.rows):,} places{f' by {label}' if label else ''}. {'; '.join(found)}."
        case _:
            return f"Chart of {len(result.rows):,} rows."


def _along(result: Result, name: str) -> str:
    field = field_of(result, name)
    known = list(dict.fromkeys(each for each in field.values if each is not None))
    if not known:
        return field.label
    if field.is_time or field.is_number:
        ends = (formats.shown(each, field.fitting, field.type) for each in (min(known), max(known)))
        return f"{field.label}, {' to '.join(ends)}"
    return f"{field.label}, {len(known)} in all" if len(known) > 1 else field.label


def _range(result: Result, name: str, format: str) -> str:
    field = field_of(result, name)
    numbers = field.numbers
    if not numbers:
        return f"{field.label}: no values"
    low, high = (formats.shown(each, format or field.fitting, field.type) for each in (min(numbers), max(numbers)))
    return f"{field.label}: {len(numbers):,} values from {low} to {high}"
