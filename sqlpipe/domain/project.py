"""A project: its nodes, their kinds and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlpipe.domain.check import Check
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.diagnostic import Place, Span
from sqlpipe.domain.interval import Grain
from sqlpipe.domain.names import TableName
from sqlpipe.domain.query import Query
from sqlpipe.domain.schedule import Orchestration
from sqlpipe.domain.task import AS_USUAL, Running, Sensor, Task


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """The column that says when a row happened, and the grain in which its table is kept.

    `start` is the beginning of history for tables whose sources do not say which times they hold;
    `lookback` counts units before the newest that are computed again whenever something new is;
    `batch` is how many units are computed in one transaction (all at once without it).
    """

    column: str
    grain: Grain = Grain.DAY
    start: datetime | None = None
    lookback: int = 0
    batch: int | None = None


# The kinds. Each is a class of its own so that a `match` says what happens to it.


@dataclass(frozen=True, slots=True)
class View:
    """A view over its query."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is built again as a whole when something it reads has changed."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """A query that is put into the queries that name it; nothing of its own exists in the database."""


@dataclass(frozen=True, slots=True)
class Incremental:
    """A table kept by intervals of time: those that are missing or touched by a change are computed again."""

    time: TimeColumn


@dataclass(frozen=True, slots=True)
class Seed:
    """A small file of the project (CSV, JSON or Parquet) as a table; `types` overrides what is sniffed."""

    types: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FilesCursor:
    """Read the files that are new or have changed since the last load."""


@dataclass(frozen=True, slots=True)
class ColumnCursor:
    """Read the rows whose column is at or after the highest value seen, less `lag` (seconds, or units of a number)."""

    column: str
    lag: float = 0


@dataclass(frozen=True, slots=True)
class FullCursor:
    """Read everything and compare it with what is held."""


Cursor = FilesCursor | ColumnCursor | FullCursor


@dataclass(frozen=True, slots=True)
class Ingest:
    """Rows brought in from files or another database.

    `source` is a file pattern relative to the project, or the name of a connection in profiles.yml.
    `write` is `append`, `merge` or `replace`; `deletes` is `ignore`, `hard` or `soft`; `schema` is `evolve`,
    `freeze` or `discard`; `max_deletes` is the percentage of held rows that may vanish in one load.
    """

    source: str
    source_place: Place
    cursor: Cursor
    key: tuple[str, ...] = ()
    write: str = "append"
    deletes: str = "ignore"
    schema: str = "evolve"
    max_deletes: float = 10
    time: TimeColumn | None = None


@dataclass(frozen=True, slots=True)
class Python:
    """A function that returns an Arrow table, a dataframe or a relation; `inputs` maps its parameters to nodes."""

    function: str
    inputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CheckQuery:
    """A query whose rows are offences; `check` says how strictly they are taken."""

    check: Check


@dataclass(frozen=True, slots=True)
class Source:
    """A table that the project reads and something else writes."""


Kind = View | Table | Embedded | Incremental | Seed | Ingest | Python | CheckQuery | Source | Task | Sensor | Dashboard

KIND_NAMES: Mapping[type, str] = {
    View: "view",
    Table: "table",
    Embedded: "embedded",
    Incremental: "incremental",
    Seed: "seed",
    Ingest: "ingest",
    Python: "python",
    CheckQuery: "check",
    Source: "source",
    Task: "task",
    Sensor: "sensor",
    Dashboard: "dashboard",
}


@dataclass(frozen=True, slots=True)
class Column:
    """What the header says of one column."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """Anything in the graph: its name, where it is written, its kind, its settings, and its query if it has one.

    `path` is relative to the project, with `/`. `body` is the SQL after the header, with Jinja rendered, and
    `query` what is known of it; `body_line` is the line (from 1) in the file where the body begins.
    `lines` maps each line of the body to its line in the file when Jinja moved them.
    `parents` are the nodes that it reads, resolved, and `compared` the keys of those that only its checks read;
    `lookups` are those in which a change does not make finished intervals stale, and `after` those that only have to
    be finished first; `ordered` tells by key where that is written. `digest` is the hash of everything that decides
    its rows.
    """

    name: TableName
    path: str
    kind: Kind
    digest: str
    body: str = ""
    body_line: int = 1
    lines: tuple[int, ...] = ()
    query: Query | None = None
    parents: tuple[TableName, ...] = ()
    description: str = ""
    tags: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = ()
    checks: tuple[Check, ...] = ()
    lookups: frozenset[str] = frozenset()
    compared: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    ordered: Mapping[str, Span] = field(default_factory=dict)
    running: Running = AS_USUAL

    @property
    def kind_name(self) -> str:
        """The word for its kind, as a header and `kind:` spell it."""
        return KIND_NAMES[type(self.kind)]

    @property
    def key(self) -> str:
        """The spelling under which the node is looked up."""
        return self.name.key


@dataclass(frozen=True, slots=True)
class Project:
    """A project as it is written: settings and nodes by key, every name in them resolved."""

    name: str
    root: str
    nodes: Mapping[str, Node]
    profile: str = ""
    variables: Mapping[str, object] = field(default_factory=dict)
    selections: Mapping[str, str] = field(default_factory=dict)
    orchestration: Orchestration = field(default_factory=Orchestration)
