"""Pipelines: a named selection of nodes and what starts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum

from sqlpipe.domain.diagnostic import Place


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields in the local time of a zone; aliases such as `@daily` have been spelled out."""

    expression: str
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds, counted from the first instant of 1970 in UTC, whatever clocks on walls do."""

    seconds: int


@dataclass(frozen=True, slots=True)
class On:
    """When the rows of one of the nodes (by key) have changed, or one of the events has come in."""

    nodes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


Starter = Cron | Every | On


class CatchUp(StrEnum):
    """What becomes of ticks that passed while nobody could start them.

    `merge`: one run for all of them; `each`: one run for each, oldest first; `latest`: only the newest runs, the others
    are superseded; `none`: they are skipped.
    """

    MERGE = "merge"
    EACH = "each"
    LATEST = "latest"
    NONE = "none"


class OnOverlap(StrEnum):
    """What a tick does while as many runs as may be are active.

    `coalesce`: the one run that waits takes it along; `queue`: a run of its own waits; `skip`: it is skipped;
    `cancel_running`: the active runs are cancelled and a run of its own waits for that.
    """

    COALESCE = "coalesce"
    QUEUE = "queue"
    SKIP = "skip"
    CANCEL_RUNNING = "cancel_running"


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a run has to be done: so many seconds after its tick, or the next time a local clock shows `clock`."""

    seconds: float = 0
    clock: time | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A selection of nodes with a schedule.

    `delay` (seconds) passes between the end of an interval and its tick. `start` and `end` (aware, UTC) bound the
    schedule. `window` (seconds) is how long a tick that could not be started is kept before it expires. `starter` is
    None for a pipeline that is only started by hand. `digest` changes when the schedule does.
    """

    name: str
    place: Place
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    starter: Starter | None = None
    delay: float = 0
    start: datetime | None = None
    end: datetime | None = None
    catch_up: CatchUp = CatchUp.MERGE
    window: float = 7 * 86400
    max_active_runs: int = 1
    on_overlap: OnOverlap = OnOverlap.COALESCE
    deadline: Deadline | None = None
    count_paused: bool = False
    description: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Tick:
    """An instant at which a pipeline is due, and the interval of time since the one before; aware and in UTC."""

    at: datetime
    start: datetime
    end: datetime


class TickState(StrEnum):
    """What became of a tick: `open` ones wait for a run, `taken` ones are in a run that has not ended well yet."""

    OPEN = "open"
    TAKEN = "taken"
    COVERED = "covered"
    SUPERSEDED = "superseded"
    SKIPPED = "skipped"
    EXPIRED = "expired"


class AlertRule(StrEnum):
    """What messages are about; `recovered` tells that an episode of another rule is over, to all who heard of it."""

    NODE_FAILED = "node_failed"
    CHECK_FAILED = "check_failed"
    RUN_FAILED = "run_failed"
    DEADLINE_MISSED = "deadline_missed"
    INTERVAL_EXPIRED = "interval_expired"
    INTERVAL_SKIPPED = "interval_skipped"
    FRESHNESS = "freshness"
    LEASE_LOST = "lease_lost"
    OUTBOX_STUCK = "outbox_stuck"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Alert:
    """Where messages go: an apprise address, a web hook or a command, and which rules it hears of (all without any)."""

    name: str
    url: str = ""
    webhook: str = ""
    command: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Orchestration:
    """What sqlpipe.yml says of running things: pipelines, the sizes of pools, where messages go, how long to keep."""

    pipelines: tuple[Pipeline, ...] = ()
    pools: dict[str, int] = field(default_factory=dict)
    alerts: tuple[Alert, ...] = ()
    heartbeat: str = ""
    keep: float = 90 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a pipeline when it is ruled on; all times aware, in UTC.

    `seen` is the tick up to which everything has been recorded. `waiting` are the ticks that have been recorded and are
    still open, oldest first. `active` are the ids of its runs that have begun, `queued` of those that wait, oldest
    first. `stirred` says that something that it is `on` has happened since it was last ruled on.
    """

    now: datetime
    seen: datetime
    waiting: tuple[Tick, ...] = ()
    active: tuple[str, ...] = ()
    queued: tuple[str, ...] = ()
    paused_at: datetime | None = None
    stirred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of one tick, with the reason where it is not run."""

    tick: Tick
    state: TickState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A run to be created, which takes these ticks (none for one that an event starts), and what caused it."""

    ticks: tuple[Tick, ...]
    cause: str
    deadline: datetime | None = None

    @property
    def start(self) -> datetime | None:
        """The beginning of the interval that the run covers."""
        return min((each.start for each in self.ticks), default=None)

    @property
    def end(self) -> datetime | None:
        """The end of the interval that the run covers."""
        return max((each.end for each in self.ticks), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What is to be done with one pipeline now; recorded and carried out in one transaction.

    `extend` gives ticks to a run that is queued already, by its id; `cancel` are runs to be cancelled. `seen` is the
    new tick up to which everything has been recorded. `heard` says that a run which has yet to begin will see whatever
    has stirred the pipeline; where it is false that has to be told again next time.
    """

    seen: datetime
    settled: tuple[Settled, ...] = ()
    orders: tuple[Order, ...] = ()
    extend: tuple[tuple[str, tuple[Tick, ...]], ...] = ()
    cancel: tuple[str, ...] = ()
    heard: bool = False
