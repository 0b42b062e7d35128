"""Tasks and sensors: what they do, and how patiently any node is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum

# Texts of operators may hold `{{ ... }}` with `facts`, `run`, `item` and `var()`: they are rendered when they run.


@dataclass(frozen=True, slots=True)
class Bash:
    """A script for the shell; `env` is added to the environment, `cwd` is relative to the project."""

    script: str
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A Python function called in a process of its own.

    `module` is a file relative to the project (`tasks/extract.py`) or a dotted name. `takes` maps parameters to the
    keys of tasks whose facts they get; `arguments` are passed as written, texts rendered.
    """

    module: str
    function: str
    takes: tuple[tuple[str, str], ...] = ()
    arguments: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL statements run on the target, in one transaction."""

    sql: str


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; `body` is text or is sent as JSON; `status` are the answers that are well."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    status: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Launch:
    """A whole job: a pipeline, or a selection, of this project or of another one (a folder relative to this)."""

    project: str = ""
    pipeline: str = ""
    select: tuple[str, ...] = ()
    target: str = ""


Operator = Bash | Call | Statement | Request | Launch


class Effects(StrEnum):
    """What a second try after a crash could do: nothing at all, the same once more, or harm."""

    NONE = "none"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Task:
    """Something done besides building tables.

    `for_each` is an expression for a list, over whose items the task fans out, of at most `most` items, `parallel` of
    them at once.
    """

    operator: Operator
    effects: Effects = Effects.IDEMPOTENT
    for_each: str = ""
    most: int = 100
    parallel: int = 8


@dataclass(frozen=True, slots=True)
class FileThere:
    """A file or object that matches exists, and has kept its size and time for `stable` seconds."""

    pattern: str
    stable: float = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """A query on the target whose first value is true."""

    sql: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with one of `status`, and `equals` (or anything true) at the path `at` of its JSON."""

    request: Request
    at: str = ""
    equals: object = None


@dataclass(frozen=True, slots=True)
class TableMoved:
    """A table of this project, or of another one, with rows of late.

    Either confirmed at most `fresher_than` seconds ago, or at a data version that this sensor has not seen yet.
    """

    table: str
    project: str = ""
    target: str = ""
    fresher_than: float | None = None


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """The clock of a zone shows `at`, or more, on the day on which the run began there."""

    at: time
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Ask:
    """A Python function that returns something true, or facts, when the time has come."""

    call: Call


Condition = FileThere | Truth | Answer | TableMoved | TimeOfDay | Ask


class OnTimeout(StrEnum):
    """How a sensor ends that has waited long enough; `continue` counts as done."""

    FAIL = "fail"
    SKIP = "skip"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class Sensor:
    """Waits for a condition and holds no worker meanwhile; all times in seconds.

    The pause between two pokes begins at `interval` and grows by the factor `backoff` to `max_interval`; each is
    shortened or lengthened at random by up to `jitter` of itself. `timeout` counts from the first poke, through
    retries and restarts. `max_errors` pokes in a row that go wrong are a failure, whatever `on_timeout` says.
    """

    condition: Condition
    interval: float = 30
    max_interval: float = 300
    backoff: float = 1.5
    jitter: float = 0.1
    timeout: float = 86400
    poke_timeout: float = 30
    on_timeout: OnTimeout = OnTimeout.FAIL
    max_errors: int = 5


class Rule(StrEnum):
    """When a node may run, given how those before it ended."""

    ALL_OK = "all_ok"
    ALL_DONE = "all_done"
    ANY_OK = "any_ok"


class Mishap(StrEnum):
    """Classes of failure: each has a budget of its own."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    LOST = "lost"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a node is tried again after each class of failure (permanent ones never are).

    Before try n + 1 it waits a random time of at most `delay * 2 ** (n - 1)`, and never more than `max_delay` seconds.
    """

    transient: int = 0
    timeout: int = 0
    lost: int = 3
    delay: float = 5
    max_delay: float = 600


@dataclass(frozen=True, slots=True)
class Running:
    """How a node is run, whatever it does.

    `soft` are the keys of parents whose failure is no hindrance. `condition` is an expression (`facts.x.rows > 0`,
    `changed`) or, with `condition_is_sql`, a query on the target: where it is false there is nothing to do.
    `pool` limits how many nodes run at once over all runs; `slots` is how much of it the node takes.
    """

    retries: Retries = field(default_factory=Retries)
    timeout: float | None = None
    pool: str = ""
    slots: int = 1
    rule: Rule = Rule.ALL_OK
    soft: frozenset[str] = frozenset()
    condition: str = ""
    condition_is_sql: bool = False


AS_USUAL = Running()
