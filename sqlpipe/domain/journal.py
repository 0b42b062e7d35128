"""What the journal knows: runs, nodes in runs, attempts at nodes, and which change of state is legal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlpipe.domain.history import State
from sqlpipe.domain.task import Mishap


class RunState(StrEnum):
    """Where a run is; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class AttemptState(StrEnum):
    """Where one try at one node is; `running` is the only one that holds a slot and keeps other tries away."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


RUN_STEPS: Mapping[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.CANCELLED, RunState.SKIPPED}),
    RunState.RUNNING: frozenset(
        {RunState.CANCELLING, RunState.DONE, RunState.FAILED, RunState.CANCELLED, RunState.QUEUED}
    ),
    RunState.CANCELLING: frozenset({RunState.CANCELLED, RunState.DONE, RunState.FAILED}),
    RunState.DONE: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.SKIPPED: frozenset(),
}

ATTEMPT_STEPS: Mapping[AttemptState, frozenset[AttemptState]] = {
    AttemptState.RUNNING: frozenset(
        {AttemptState.DONE, AttemptState.FAILED, AttemptState.CANCELLED, AttemptState.LOST}
    ),
    AttemptState.DONE: frozenset(),
    AttemptState.FAILED: frozenset(),
    AttemptState.CANCELLED: frozenset(),
    # What was given up for lost may turn out to have committed.
    AttemptState.LOST: frozenset({AttemptState.DONE}),
}

NODE_STEPS: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset(
        {
            State.WAITING,
            State.RUNNING,
            State.DONE,
            State.UNCHANGED,
            State.FAILED,
            State.BLOCKED,
            State.SKIPPED,
            State.CANCELLED,
        }
    ),
    State.RUNNING: frozenset(
        {State.WAITING, State.RUNNING, State.DONE, State.UNCHANGED, State.FAILED, State.SKIPPED, State.CANCELLED}
    ),
    State.DONE: frozenset(),
    State.UNCHANGED: frozenset(),
    State.FAILED: frozenset(),
    State.BLOCKED: frozenset(),
    State.SKIPPED: frozenset(),
    State.CANCELLED: frozenset(),
}

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that carries out runs; alive while its process is, or, on another host, while it gives signs."""

    id: str
    host: str
    pid: int
    born: int
    seen: datetime
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run; `start` and `end` bound the interval it covers, where a schedule gave one. Times are aware, in UTC.

    `select`, `exclude` and `options` are what it was asked to do, `cause` who or what asked. `parent` is the run that
    it repeats or belongs to, `counts` the number of nodes by how they ended.
    """

    id: str
    state: RunState
    created: datetime
    pipeline: str = ""
    cause: str = ""
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None
    deadline: datetime | None = None
    parent: str = ""
    owner: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """One node in one run; `until` is when a waiting one is looked at again, `since` when this state began.

    `item` is the number (from 0) of one of the items over which a task fans out, -1 for the node itself. `waited` is
    what a sensor remembers between two pokes.
    """

    run: str
    node: str
    state: State
    since: datetime
    item: int = -1
    kind: str = ""
    until: datetime | None = None
    tries: Mapping[str, int] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    waited: Facts = field(default_factory=dict)
    action: str = ""
    detail: str = ""
    rows: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One try at one node; `id` grows from one attempt to the next, over all runs, and is the fence in the target."""

    id: int
    run: str
    node: str
    number: int
    state: AttemptState
    owner: str
    started: datetime
    item: int = -1
    pool: str = ""
    slots: int = 1
    finished: datetime | None = None
    mishap: Mishap | None = None
    message: str = ""
    rows: int | None = None
    seconds: float = 0.0
    log: str = ""
    process: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish to try a node: refused while another attempt at it is running, or its pool has no room."""

    run: str
    node: str
    item: int = -1
    number: int = 1
    pool: str = ""
    slots: int = 1
    room: int = 0
    durable: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a claim was refused: `node` is being run by attempt `by`, or the pool has no room."""

    reason: str
    by: int = 0


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that pipelines can be started by: rows of a node moved (`moved`), or something outside (`event`)."""

    seq: int
    kind: str
    subject: str
    at: datetime
    version: str = ""
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be sent, once for each episode of a rule about a subject."""

    id: int
    rule: str
    subject: str
    episode: str
    title: str
    text: str
    created: datetime
    tries: int = 0
    due: datetime | None = None
    sent: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to what, for the log that is kept of it."""

    at: datetime
    who: str
    what: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may schedule, and until when; `epoch` grows with every change of hands."""

    holder: str
    epoch: int
    expires: datetime
    host: str = ""
    pid: int = 0
