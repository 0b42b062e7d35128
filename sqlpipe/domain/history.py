"""What happens in a run, told as events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sqlpipe.domain.check import CheckResult
from sqlpipe.domain.diagnostic import Diagnostic


class State(StrEnum):
    """How one node ended in a run; the first two are not ends but are on the way there."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins; `nodes` is how many were selected."""

    run: str
    at: datetime
    target: str
    database: str
    nodes: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWaiting:
    """A run cannot go on for now: another program has the database, or the journal is away."""

    run: str
    at: datetime
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted:
    """A worker has taken up a node."""

    run: str
    at: datetime
    node: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWaiting:
    """A node is to be looked at again at `until`: a sensor, a try after a failure, a pool without room."""

    run: str
    at: datetime
    node: str
    kind: str
    until: datetime | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFinished:
    """A node has reached its end in this run.

    `action` says what was done (`table`, `view`, `delta`, `3 days`); `rows` counts the rows written, where that
    means something; `detail` is a short aside (`2 new files`, `waits for marts.orders`). `unchanged` nodes did nothing.
    """

    run: str
    at: datetime
    node: str
    kind: str
    state: State
    action: str = ""
    rows: int | None = None
    seconds: float = 0.0
    detail: str = ""
    reason: str = ""
    checks: tuple[CheckResult, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def warnings(self) -> int:
        """How many checks did not pass and did not block."""
        return sum(1 for check in self.checks if not check.passed and not check.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run has ended; `counts` has the number of nodes by state."""

    run: str
    at: datetime
    seconds: float
    counts: Mapping[str, int]
    warned: int = 0
    interrupted: bool = False

    @property
    def well(self) -> bool:
        """Whether nothing failed, was blocked or was cancelled."""
        return not self.interrupted and not any(
            self.counts.get(state, 0) for state in (State.FAILED, State.BLOCKED, State.CANCELLED)
        )


Event = RunStarted | RunWaiting | NodeStarted | NodeWaiting | NodeFinished | RunFinished


UNTOLD: Mapping[str, object] = {"untold": True}


_told: dict[type, tuple[str, ...]] = {}


def _members(of: type) -> tuple[str, ...]:
    """The members of a class that are told, looked up once."""
    if of not in _told:
        _told[of] = tuple(each.name for each in fields(of) if not each.metadata.get("untold"))
    return _told[of]


def as_json(value: object) -> object:
    """A value of the domain as what `json.dumps` takes; events get their class name under `event`.

    Members that are only for drawing say so: `field(metadata=UNTOLD)`.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case StrEnum():
            return value.value
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): as_json(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            each_json = [as_json(each) for each in value]
            return sorted(each_json, key=str) if isinstance(value, set | frozenset) else each_json
        case _ if hasattr(value, "__dataclass_fields__"):
            members = {name: as_json(getattr(value, name)) for name in _members(type(value))}
            return {"event": type(value).__name__, **members} if isinstance(value, Event) else members
        case _:
            return value
