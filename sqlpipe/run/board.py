"""What is going on in a process: its runs, who is busy with what, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

from sqlpipe.domain.history import NodeFinished, NodeWaiting, State
from sqlpipe.domain.journal import AttemptRecord, NodeRecord, Owner, RunRecord
from sqlpipe.domain.project import Node
from sqlpipe.run.clock import Clock
from sqlpipe.run.crew import Crew
from sqlpipe.run.hall import Hall
from sqlpipe.run.job import Desk
from sqlpipe.run.labour import Ended
from sqlpipe.run.queue import Unit
from sqlpipe.run.scribe import Scribe
from sqlpipe.run.turn import Look, Stopper
from sqlpipe.run.walk import Errand, Lane, Walk

# How many tasks and pokes run at once, besides the nodes that the target's `threads` allow.
TASKS = 16
POKES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What the runs of a process share: the database, the journal, the clock, and how much is done at once.

    `look` (seconds) is how often it is looked whether a run is to be stopped; `look_at` is what sensors ask for the
    tables of projects.
    """

    hall: Hall
    scribe: Scribe
    clock: Clock
    root: Path
    threads: int
    connections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)
    target: str = ""
    look: float = 0.1
    look_at: Look
    owner: Owner


@dataclass(slots=True)
class Live:
    """One attempt, or one poke, that a worker is busy with."""

    walk: Walk
    unit: Unit
    lane: str
    stopper: Stopper
    began: float
    attempt: AttemptRecord | None = None
    desk: Desk | None = None
    limit: float | None = None
    stopped: float | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run is about: the nodes, the state of what they read from outside, and which of them failed last time."""

    keys: tuple[str, ...]
    sources: Mapping[str, str]
    failed: frozenset[str]
    seconds: Mapping[str, float]
    adopted: tuple[NodeRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker hands over: whose it is, and how it ended, or our own bug."""

    ticket: int
    ended: Ended | Planned | BaseException


class Board:
    """What is going on: the runs, who is busy with what, and the queue in which workers report."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.walks: list[Walk] = []
        self.live: dict[int, Live] = {}
        self.room = {Lane.DATABASE: shop.threads, Lane.TASK: TASKS, Lane.POKE: POKES}
        self.served: dict[str, int] = {}
        self.arrivals: list[Errand] = []
        self.moved = False
        self.concluded: list[RunRecord] = []
        self.reports: SimpleQueue[Report | None] = SimpleQueue()
        self.crew = Crew("sqlpipe")
        self._tickets = 0

    def free(self, lane: str) -> int:
        """How many workers of a lane are free."""
        return self.room[lane] - sum(1 for each in self.live.values() if each.lane == lane)

    def employ(self, live: Live, labour: Callable[[], Ended | Planned]) -> None:
        """Have a worker do something; it reports when it has ended."""
        self._tickets += 1
        ticket = self._tickets
        self.live[ticket] = live

        def report() -> None:
            try:
                ended: Ended | Planned | BaseException = labour()
            except BaseException as error:  # noqa: BLE001 - a worker's bug has to reach the thread that can tell it
                ended = error
            self.reports.put(Report(ticket, ended))

        self.crew.submit(report)

    def of(self, walk: Walk) -> Iterator[Live]:
        """What workers are busy with for one run."""
        return (each for each in list(self.live.values()) if each.walk is walk)


def told_waiting(walk: Walk, unit: Unit, detail: str, until: datetime | None) -> None:
    """Tell that a node waits, once for each reason."""
    going = walk.going[unit]
    if going.told == detail:
        return
    going.told = detail
    node = walk.node(unit[0])
    walk.errand.on_event(
        NodeWaiting(
            run=walk.run.id,
            at=datetime.now(UTC),
            node=str(node.name),
            kind=node.kind_name,
            until=until,
            detail=detail,
        )
    )


def ending(walk: Walk, node: Node, state: State, *, detail: str = "", reason: str = "") -> NodeFinished:
    """The event for a node that comes to its end without having been run."""
    return NodeFinished(
        run=walk.run.id,
        at=datetime.now(UTC),
        node=str(node.name),
        kind=node.kind_name,
        state=state,
        action=node.kind_name,
        detail=detail,
        reason=reason,
    )


def record_of(walk: Walk, unit: Unit, state: State, now: datetime, finished: NodeFinished | None = None) -> NodeRecord:
    """How far a unit has come, for the journal."""
    going = walk.going[unit]
    return NodeRecord(
        run=walk.run.id,
        node=unit[0],
        item=unit[1],
        state=state,
        since=now,
        kind=walk.node(unit[0]).kind_name,
        until=going.until,
        tries=dict(going.tries),
        facts=going.facts,
        waited=going.waited,
        action=finished.action if finished else "",
        detail=finished.detail if finished else going.detail,
        rows=finished.rows if finished else None,
        seconds=finished.seconds if finished else 0.0,
    )
