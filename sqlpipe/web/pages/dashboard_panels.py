"""Panels of a dashboard as data: numbers and tables as text, charts as specifications."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlpipe.app.answering import Result
from sqlpipe.domain.dashboard import Block, Figure, Panel, Rows, TableColumn
from sqlpipe.web import formats
from sqlpipe.web.charts import specification, summary
from sqlpipe.web.charts_scales import COLOURS, field_of

_HUNDRED = 100
_NOTHING = "\u2013"


@dataclass(frozen=True, slots=True)
class ShownFigure:
    """A number, and how it compares: `trend` is `more`, `less` or `same` than what it is compared with."""

    text: str
    unit: str
    trend: str = ""
    difference: str = ""
    compared: str = ""
    with_what: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a table; `bar` is its size in hundredths of the largest, where one is drawn."""

    text: str
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class ShownTable:
    """The first rows of a table; `numeric` tells of each column whether it holds numbers."""

    labels: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A series in a legend: its name, and the number of its colour, 0 for those that share the one of all others."""

    name: str
    colour: int


@dataclass(frozen=True, slots=True)
class ShownPanel:
    """A panel as it is shown. `shape` is what the page needs to draw it again from other rows of the block."""

    number: int
    block: str
    title: str
    note: str
    width: int
    height: int
    sql: str
    shape: Mapping[str, Any]
    says: str = ""
    figure: ShownFigure | None = None
    table: ShownTable | None = None
    legend: tuple[Entry, ...] = ()

    @property
    def kind(self) -> str:
        """How it is drawn: `figure`, `table` or `chart`; nothing where the rows lack a column."""
        return str(self.shape.get("kind", ""))


def shown_panel(number: int, panel: Panel, block: Block, result: Result) -> ShownPanel:
    """A panel with the rows of its block."""
    shape = _shape(panel, result)
    found = ShownPanel(number, block.name, panel.title, panel.note, panel.width, panel.height, block.sql, shape)
    match found.kind:
        case "figure":
            return replace(found, figure=shown_figure(shape, result.rows))
        case "table":
            return replace(found, table=shown_table(shape, result.rows))
        case "chart":
            legend = tuple(Entry(*each) for each in shape["legend"])
            return replace(found, legend=legend, says=": ".join(filter(None, (panel.title, summary(panel, result)))))
        case _:
            return found


def _shape(panel: Panel, result: Result) -> Mapping[str, Any]:
    """What a panel looks like whatever the rows are; nothing where the rows lack a column that it needs."""
    try:
        match panel.mark:
            case Figure():
                return _shape_of_figure(panel.mark, result)
            case Rows():
                return _shape_of_table(panel.mark, result)
            case _:
                chart = specification(panel, result)
    except LookupError:
        return {}
    legend = [[name, number if number <= COLOURS else 0] for number, name in enumerate(chart.legend, 1)]
    return {"kind": "chart", "spec": chart.spec, "legend": legend, "lines": chart.shape == "line"}


def _shape_of_figure(mark: Figure, result: Result) -> Mapping[str, Any]:
    field = field_of(result, mark.field)
    shape = {"kind": "figure", "index": field.index, "type": field.type, "unit": mark.unit}
    shape["format"] = mark.format or field.fitting
    if mark.compare:
        other = field_of(result, mark.compare)
        # `revenue_last_year` is the same of last year.
        own = other.label.removeprefix(field.label).strip()
        shape |= {"compare": other.index, "with": own or other.label}
    return shape


def _shape_of_table(mark: Rows, result: Result) -> Mapping[str, Any]:
    columns = []
    for each in mark.columns or tuple(TableColumn(name) for name in result.columns):
        field = field_of(result, each.field)
        columns.append(
            {
                "index": field.index,
                "label": each.label or field.label,
                "format": each.format or field.fitting,
                "type": field.type,
                "numeric": field.is_number,
                "whole": field.is_number or field.is_time,
                "bar": each.bar and field.is_number,
            }
        )
    return {"kind": "table", "limit": mark.limit, "columns": columns}


def shown_figure(shape: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> ShownFigure:
    """The number in the first row, and how it compares."""
    value = rows[0][shape["index"]] if rows else None
    format, type = shape["format"], shape["type"]
    found = ShownFigure(formats.shown(value, format, type) if value is not None else _NOTHING, shape["unit"])
    other = rows[0][shape["compare"]] if rows and "compare" in shape else None
    if not isinstance(value, int | float) or not isinstance(other, int | float):
        return found
    difference = value - other
    size = _difference(abs(difference), format)
    # What is not to be seen in this format is no difference.
    trend = "same" if size == _difference(0, format) else "more" if difference > 0 else "less"
    return replace(
        found,
        trend=trend,
        difference=size if trend != "same" else "",
        compared=formats.shown(other, format, type),
        with_what=shape["with"],
    )


def _difference(size: float, format: str) -> str:
    """How much it is; shares differ by points of a hundred."""
    if format.endswith("%"):
        return f"{formats.number(size * _HUNDRED, format.replace('%', 'f'))} points"
    return formats.number(size, format)


def shown_table(shape: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> ShownTable:
    """The first rows of a table, as many as it has on a page."""
    columns = shape["columns"]
    largest = {
        each["index"]: max((abs(row[each["index"]] or 0) for row in rows), default=0) for each in columns if each["bar"]
    }
    return ShownTable(
        tuple(each["label"] for each in columns),
        tuple(each["numeric"] for each in columns),
        tuple(tuple(_cell(each, row, largest) for each in columns) for row in rows[: shape["limit"]]),
        len(rows),
    )


def _cell(column: Mapping[str, Any], row: Sequence[Any], largest: Mapping[int, float]) -> Cell:
    value = row[column["index"]]
    text = formats.shown(value, column["format"], column["type"])
    most = largest.get(column["index"])
    return Cell(text, round(_HUNDRED * abs(value or 0) / most, 1) if most else None)
