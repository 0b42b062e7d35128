"""One run over its nodes: which of them are ready, waiting or at their end. Pure bookkeeping; nothing is run here."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from pathlib import Path
from time import monotonic

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import Event, RunFinished, State
from sqlpipe.domain.journal import Facts, NodeRecord, RunRecord
from sqlpipe.domain.project import Node, Project
from sqlpipe.domain.task import Sensor, Statement, Task
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity
from sqlpipe.graph.select import Selection
from sqlpipe.plan.build import waits
from sqlpipe.plan.decide import Standing, is_idle
from sqlpipe.plan.priority import critical_path
from sqlpipe.plan.readiness import Blocked, NotYet, Ready, Skip, verdict
from sqlpipe.run.queue import Queue, Unit

FINAL = frozenset({State.DONE, State.UNCHANGED, State.FAILED, State.BLOCKED, State.SKIPPED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Code:
    """A project as it was loaded: runs that began with it go by it to their end."""

    root: Path
    project: Project
    graph: Graph
    identities: Mapping[str, Identity]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A run to be carried out: what was asked, by which code, and who is told of it.

    `now` is what the models take for the present (UTC, without a zone). `resumed` is how far it had come before;
    `patience` how long (seconds) it waits for a database that another program has.
    """

    record: RunRecord
    code: Code
    now: datetime
    full_refresh: bool = False
    fail_fast: bool = False
    on_event: Callable[[Event], None] = field(default=lambda _event: None)
    stop: threading.Event = field(default_factory=threading.Event)
    selection: Selection = field(default_factory=Selection)
    resumed: tuple[NodeRecord, ...] = ()
    patience: float = inf


@dataclass(slots=True)
class Going:
    """How far one unit has come; `since` is when it got into this state, `first` when it could first have begun."""

    state: State | None = None
    since: datetime | None = None
    until: datetime | None = None
    tries: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    facts: Facts = field(default_factory=dict)
    waited: Facts = field(default_factory=dict)
    detail: str = ""
    told: str = ""
    busy: bool = False


class Lane:
    """The kinds of work that have workers of their own."""

    DATABASE = "database"
    TASK = "task"
    POKE = "poke"
    PLANNING = "planning"


def lane_of(node: Node) -> str:
    """Whose workers run a node."""
    match node.kind:
        case Sensor():
            return Lane.POKE
        case Task(operator=Statement()):
            return Lane.DATABASE
        case Task():
            return Lane.TASK
        case _:
            return Lane.DATABASE


class Walk:
    """The state of one run; only the thread that runs the floor touches it."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.run = errand.record
        self.keys: tuple[str, ...] = ()
        self.waits: Mapping[str, frozenset[str]] = {}
        self.paths: Mapping[str, float] = {}
        self.going: dict[Unit, Going] = {}
        self.items: dict[str, Sequence[object]] = {}
        self.counts: Counter[str] = Counter()
        self.warned = 0
        self.standing: Standing | None = None
        self.failed_before: frozenset[str] = frozenset()
        self.dropped: list[str] = []
        self._after: dict[str, list[str]] = {}
        self._missing: dict[str, int] = {}
        self.queue = Queue()
        self._open = 0
        self.born = monotonic()
        self.finished: RunFinished | None = None
        self.planning = False
        self.waits_for = ""
        self.told_items: dict[str, list[Diagnostic]] = {}
        self.cancelled = False
        self.released = False
        self.lost = False
        self.problem: SqlpipeError | None = None
        self.bug: BaseException | None = None
        self._position: dict[str, int] = {}

    @property
    def begun(self) -> bool:
        """Whether it is known which nodes it is about."""
        return self.standing is not None

    @property
    def ended(self) -> bool:
        """Whether every node is at its end."""
        return self.begun and self._open == 0

    def node(self, key: str) -> Node:
        """A node of the code that this run goes by."""
        return self.errand.code.graph.nodes[key]

    def begin(self, keys: Sequence[str], standing: Standing, seconds: Mapping[str, float], now: datetime) -> None:
        """Take up the selected nodes; those that are at their end already, in a resumed run, stay there."""
        self.keys, self.standing = tuple(keys), standing
        self.waits = waits(self.errand.code.graph, keys)
        self.paths = critical_path(self.waits, seconds)
        self._position = {key: index for index, key in enumerate(keys)}
        self._after = {key: [] for key in keys}
        for key, before in self.waits.items():
            for each in before:
                self._after[each].append(key)
        self._missing = {key: len(before) for key, before in self.waits.items()}
        self._open = len(keys)
        self.going = {(key, -1): Going() for key in keys}
        for record in self.errand.resumed:
            if record.node in self._missing:
                self._resume(record)
        for key in keys:
            if self.going[key, -1].state in FINAL:
                self._release(key)
        # Those that come free while others are judged are judged with them.
        for key in [each for each in keys if not self._missing[each]]:
            if self._judge(key, now):
                self._cascade(key, now)

    def _resume(self, record: NodeRecord) -> None:
        going = self.going.setdefault((record.node, record.item), Going())
        going.tries, going.facts, going.waited = Counter(record.tries), record.facts, record.waited
        going.attempts = sum(record.tries.values())
        if record.state in FINAL and record.item < 0:
            self._end(record.node, record.state, record.since)
        elif record.state in FINAL:
            going.state = record.state

    def settle(self, key: str, state: State, now: datetime) -> None:
        """Bring a node to its end, and to theirs those that cannot run because of that."""
        if self._end(key, state, now):
            self._cascade(key, now)

    def _cascade(self, key: str, now: datetime) -> None:
        released = deque([key])
        while released:
            for after in self._release(released.popleft()):
                if self._judge(after, now):
                    released.append(after)

    def _release(self, key: str) -> Iterator[str]:
        """Count a node that is at its end as no longer missing; those that miss nothing more."""
        free = []
        for after in self._after[key]:
            self._missing[after] -= 1
            if not self._missing[after]:
                free.append(after)
        return iter(free)

    def _end(self, key: str, state: State, now: datetime) -> bool:
        going = self.going[key, -1]
        if going.state in FINAL:
            return False
        going.state, going.since, going.until = state, now, None
        self._open -= 1
        if not is_idle(self.node(key)):
            self.counts[state] += 1
        return True

    def _judge(self, key: str, now: datetime) -> bool:
        """Say of a node, whose parents are all at their ends, what becomes of it; whether it is at its end too."""
        node, going = self.node(key), self.going[key, -1]
        if going.state in FINAL:
            return False
        if self.cancelled:
            return self._drop(key, State.CANCELLED, "cancelled before it began", now)
        if is_idle(node):  # looked through: those below it wait for those above it
            self._end(key, State.UNCHANGED, now)
            return True
        states = {each: self.going[each, -1].state for each in self.waits[key]}
        match verdict(node.running.rule, states, node.running.soft):
            case Blocked(by=by):
                return self._drop(key, State.BLOCKED, f"waits for {self.node(by).name}", now)
            case Skip(by=by):
                return self._drop(key, State.SKIPPED, f"{self.node(by).name} was skipped", now)
            case Ready():
                self.make_ready((key, -1), now)
                return False
            case NotYet():
                return False

    def _drop(self, key: str, state: State, detail: str, now: datetime) -> bool:
        self.going[key, -1].detail = detail
        self._end(key, state, now)
        self.dropped.append(key)
        return True

    def make_ready(self, unit: Unit, now: datetime) -> None:
        """Put a unit among those that a worker can take up; the one with the longest way to go is first."""
        going, node = self.going[unit], self.node(unit[0])
        going.since, going.until = going.since or now, None
        rank = (-self.paths.get(unit[0], 0.0), self._position[unit[0]] * 1_000_000 + unit[1])
        self.queue.push(lane_of(node), rank, unit)

    def park(self, unit: Unit, until: datetime, detail: str) -> None:
        """Put a unit aside until a moment."""
        going = self.going[unit]
        going.state, going.until, going.detail, going.since = State.WAITING, until, detail, None
        self.queue.park(until, unit)

    def wake(self, now: datetime) -> None:
        """Make ready what has waited long enough."""
        for until, unit in self.queue.due(now):
            going = self.going[unit]
            if going.until == until and going.state is State.WAITING:
                self.make_ready(unit, now)

    def fan_out(self, key: str, items: Sequence[object], parallel: int, now: datetime) -> None:
        """Turn a task into one unit for each item; those that were done before stay so."""
        self.items[key] = items
        self.going[key, -1].state = State.RUNNING
        for number in range(len(items)):
            self.going.setdefault((key, number), Going())
        for _ in range(parallel):
            self.next_item(key, now)

    def next_item(self, key: str, now: datetime) -> None:
        """Make the next item ready that has not begun."""
        for number in range(len(self.items[key])):
            going = self.going[key, number]
            if going.state is None and going.since is None:
                self.make_ready((key, number), now)
                return

    def units_of(self, key: str) -> list[Going]:
        """The items of a task that has fanned out."""
        return [self.going[key, number] for number in range(len(self.items[key]))]

    def clear(self) -> Iterator[Unit]:
        """Take away everything that has not begun: ready, put aside, or waiting for others."""
        self.queue.clear()
        for unit, going in list(self.going.items()):
            if going.state in (None, State.WAITING) and not going.busy:
                yield unit
