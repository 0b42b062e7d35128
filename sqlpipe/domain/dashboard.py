"""Dashboards: pages of text, queries and charts over the tables of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlpipe.domain.query import Query


@dataclass(frozen=True, slots=True)
class Block:
    """A named query of a dashboard; `line` is the line (from 1) of the file on which `sql` begins.

    Its placeholders are the filters that it uses: `:name`, and for a range of dates `:name_start` and `:name_end`.
    Where it reads blocks above it, these stand in front of its own text, and `lines` maps each line of `sql` to its
    line in the file. `parents` are the keys of the tables that it reads, by whatever way.
    """

    name: str
    sql: str
    line: int
    query: Query
    parents: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()


# Filters. `column` names an output column: every block that has it, and does not use the filter in its own SQL, is
# filtered by it. Nothing chosen means no restriction, and is NULL in SQL.


@dataclass(frozen=True, slots=True)
class Select:
    """One of the `values`, or of those in the first column of the block `options` (the second one is what is shown)."""

    name: str
    label: str
    values: tuple[str, ...] = ()
    options: str = ""
    column: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range of days; both ends are included for a person, `:name_end` is the day after the last one."""

    name: str
    label: str
    column: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """A text that is looked for in a column, without regard to case."""

    name: str
    label: str
    column: str = ""


Filter = Select | DateRange | Search


# Marks: how the rows of a block are shown. Fields are names of its output columns. Formats are those that Python and
# d3 share: `,.0f`, `.1%`, `%Y-%m-%d`.


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: the field in the first row, and how it compares with another field of that row."""

    field: str
    format: str = ""
    unit: str = ""
    compare: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Lines, bars, areas or points (`shape`) of one or more fields `y` over `x`, one series for each `color`."""

    shape: str
    x: str
    y: tuple[str, ...]
    color: str = ""
    size: str = ""
    format: str = ""
    x_format: str = ""
    stack: bool = True
    horizontal: bool = False
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """A grid of cells, coloured by a field."""

    x: str
    y: str
    color: str
    format: str = ""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """How a column of a table is shown; `bar` draws its size behind the number."""

    field: str
    label: str = ""
    format: str = ""
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows themselves, with these columns (all without any), so many to a page."""

    columns: tuple[TableColumn, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Map:
    """Places on the outline of an `area`: `world` or `us`."""

    latitude: str
    longitude: str
    size: str = ""
    color: str = ""
    label: str = ""
    area: str = "world"


@dataclass(frozen=True, slots=True)
class Vega:
    """A Vega-Lite specification as it is written; its data come from the block."""

    spec: Mapping[str, object]


Mark = Figure | Series | Heat | Rows | Map | Vega


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: the rows of block `data` shown by a mark, so many of twelve columns wide and so many pixels high."""

    data: str
    mark: Mark
    title: str = ""
    note: str = ""
    width: int = 12
    height: int = 260


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown between panels."""

    text: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page for people: `content` from top to bottom, its queries by name, and what they can be filtered by."""

    title: str
    content: tuple[Prose | Panel, ...] = ()
    blocks: Mapping[str, Block] = field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
