"""What is known of one file before any name in it has been resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlpipe.domain.check import Check
from sqlpipe.domain.dashboard import Block
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Column, Kind
from sqlpipe.domain.query import Query
from sqlpipe.domain.schedule import Orchestration
from sqlpipe.domain.task import Retries, Running
from sqlpipe.load.complaints import Named
from sqlpipe.load.positions import Body, Mark

# A statement that failed because of a lock or a lost connection can be tried again at once; a task may do harm.
OF_TABLES = Retries(transient=2, delay=1)
OF_TASKS = Retries()


class Role(StrEnum):
    """What a file is by the folder it lies in and by its ending."""

    MODEL = "model"
    PYTHON = "python"
    SEED = "seed"
    CHECK = "check"
    TASK = "task"
    PYTHON_TASK = "python_task"
    DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that makes a node; `path` is relative to the project, `side_car` the settings beside a seed."""

    path: str
    name: TableName
    role: Role
    side_car: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A found file with its text; a seed's text is that of its side-car."""

    path: str
    name: TableName
    role: Role
    text: str
    side_car: str = ""

    @property
    def written_in(self) -> str:
        """The file in which the settings stand."""
        return self.side_car or self.path


@dataclass(frozen=True, slots=True)
class Wiring:
    """How a node is run and what it comes after, with the names as they are written.

    `soft` are those of `after` whose failure is no hindrance. `facts` are the tasks whose facts templates and
    parameters ask for, `tables` those that the statements of a task read. `pipeline` is the one that a task starts and
    `watched` the table that a sensor looks at.
    """

    running: Running
    after: tuple[Named, ...] = ()
    soft: tuple[str, ...] = ()
    before: tuple[Named, ...] = ()
    facts: tuple[Named, ...] = ()
    tables: tuple[Named, ...] = ()
    pool: Named | None = None
    pipeline: Named | None = None
    watched: Named | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What one file says: plain values that survive in a cache.

    The body is `rendered` if that is not None, else the text from `body_at` on, behind `indent` blanks. `targets`
    are the tables that the `Relationships` among the checks refer to, in their order. `digest` covers all that
    decides the rows but for the data of a seed. `environment` and `modules` are what else the file was made of: the
    variables and the Python files of the project. `wiring` is None where nothing is said of it. `blocks` are those of a
    dashboard as they are written, by name, where others have been put in front of them.
    """

    kind: Kind
    digest: str
    body_at: int = 0
    body_line: int = 1
    indent: int = 0
    rendered: str | None = None
    marks: tuple[Mark, ...] = ()
    query: Query | None = None
    description: str = ""
    tags: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = ()
    checks: tuple[Check, ...] = ()
    targets: tuple[Named, ...] = ()
    adds: tuple[Named, ...] = ()
    ignores: tuple[Named, ...] = ()
    lookups: tuple[Named, ...] = ()
    inputs: tuple[Named, ...] = ()
    templated: bool = False
    environment: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    wiring: Wiring | None = None
    blocks: Mapping[str, Block] = field(default_factory=dict)

    def body(self, text: str) -> Body:
        """The SQL of the file whose text this is."""
        if self.rendered is not None:
            return Body(self.rendered, self.body_line, self.marks)
        return Body(" " * self.indent + text[self.body_at :], self.body_line)


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table of `sources:` in sqlpipe.yml."""

    name: TableName
    place: Place
    description: str = ""
    tags: frozenset[str] = frozenset()
    columns: tuple[Column, ...] = ()
    checks: tuple[Check, ...] = ()
    targets: tuple[Named, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What sqlpipe.yml says.

    `folders` holds the folders with defaults and a hash of these. `followed` are, for each pipeline, the nodes that it
    is `on`, which have not been resolved yet. In alerts and the heartbeat `${VAR}` stands as it is written.
    """

    name: str
    profile: str = ""
    variables: Mapping[str, object] = field(default_factory=dict)
    selections: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[SourceTable, ...] = ()
    folders: tuple[tuple[Named, str], ...] = ()
    orchestration: Orchestration = field(default_factory=Orchestration)
    followed: tuple[tuple[Named, ...], ...] = ()
