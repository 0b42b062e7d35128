"""Walk a selection with several workers: a node starts the moment the nodes it waits for are done."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from heapq import heappop, heappush
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import Event, NodeFinished, NodeStarted, RunFinished, RunStarted, State
from sqlpipe.domain.names import quote
from sqlpipe.domain.project import Node
from sqlpipe.engine.contract import Engine, Session
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity
from sqlpipe.plan.build import waits
from sqlpipe.plan.decide import Decision, Nothing, Standing, decide, inputs_of, is_idle
from sqlpipe.run.crash import crash_point
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.work import work
from sqlpipe.store import ledger
from sqlpipe.store.ledger import Ledger

_BAD = {State.FAILED, State.BLOCKED, State.CANCELLED}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is about: the graph, where it runs, and how."""

    graph: Graph
    identities: Mapping[str, Identity]
    engine: Engine
    ledger: Ledger
    run: str
    now: datetime
    root: Path
    target: str
    threads: int = 4
    fail_fast: bool = False
    connections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def execute(
    setting: Setting,
    keys: Sequence[str],
    standing: Standing,
    *,
    on_event: Callable[[Event], None],
    stop: threading.Event,
    failed: frozenset[str] = frozenset(),
) -> RunFinished:
    """Run the selected nodes; `on_event` is called on this thread. Setting `stop` cancels what is running.

    `failed` are the nodes whose last attempt went wrong: if they turn out to need nothing, that is noted.
    """
    began = perf_counter()
    with setting.engine.session() as session:
        setting.ledger.start_run(session, setting.run, setting.target, setting.now)
        crash_point("run-started")
        _make_schemas(setting, session, keys)
        on_event(_started(setting, keys))
        walk = _Walk(setting, keys, standing, on_event, stop)
        counts = walk.walk()
        crash_point("walked")
        for key in sorted(failed & walk.unchanged):
            node = setting.graph.nodes[key]
            setting.ledger.record_attempt(session, replace(_ending(setting, node, State.UNCHANGED), node=key))
        setting.ledger.finish_run(session, setting.run, datetime.now(UTC).replace(tzinfo=None), counts)
    finished = RunFinished(
        run=setting.run,
        at=datetime.now(UTC),
        seconds=perf_counter() - began,
        counts=counts,
        warned=walk.warned,
        interrupted=stop.is_set(),
    )
    on_event(finished)
    return finished


class _Walk:
    """The state of one walk; only the calling thread touches it, workers hand their results over in a queue."""

    def __init__(
        self,
        setting: Setting,
        keys: Sequence[str],
        standing: Standing,
        on_event: Callable[[Event], None],
        stop: threading.Event,
    ) -> None:
        self._setting = setting
        self._standing = standing
        self._on_event = on_event
        self._stop = stop
        self._position = {key: index for index, key in enumerate(keys)}
        self._waits = waits(setting.graph, keys)
        self._missing = {key: len(before) for key, before in self._waits.items()}
        self._after: dict[str, list[str]] = {key: [] for key in keys}
        for key, before in self._waits.items():
            for each in before:
                self._after[each].append(key)
        self._ready: list[tuple[int, str]] = []
        self._states: dict[str, State] = {}
        self._done: SimpleQueue[tuple[str, NodeFinished | BaseException, Outcome | None]] = SimpleQueue()
        self._desks: SimpleQueue[Desk] = SimpleQueue()
        self._sessions: list[Session] = []
        self._running = 0
        self.counts: Counter[str] = Counter()
        self.unchanged: set[str] = set()
        self.warned = 0

    def walk(self) -> Mapping[str, int]:
        """Go through all nodes; the number of nodes by how they ended."""
        for key, count in self._missing.items():
            if not count:
                heappush(self._ready, (self._position[key], key))
        with ThreadPoolExecutor(self._setting.threads, "sqlpipe") as pool, self._setting.engine.session() as reading:
            try:
                while self._ready or self._running:
                    self._start_ready(pool, replace_commits(self._standing, reading))
                    if self._running:
                        self._collect()
            finally:
                self._interrupt()
                while self._running:
                    self._collect()
        for session in self._sessions:
            session.close()
        return dict(self.counts)

    def _start_ready(self, pool: ThreadPoolExecutor, standing: Standing) -> None:
        while self._ready and self._running < self._setting.threads:
            key = heappop(self._ready)[1]
            node = self._setting.graph.nodes[key]
            if is_idle(node):
                self._release(key, State.UNCHANGED)
                continue
            if (ending := self._not_to_be_run(key, node)) is not None:
                self._finish(key, ending)
                continue
            decision = decide(node, self._setting.identities[key], standing)
            if isinstance(decision.scope, Nothing):
                self._finish(key, _ending(self._setting, node, State.UNCHANGED, reason=decision.reason))
                continue
            self._on_event(
                NodeStarted(run=self._setting.run, at=datetime.now(UTC), node=str(node.name), kind=node.kind_name)
            )
            self._running += 1
            pool.submit(self._work, self._job(key, decision))

    def _not_to_be_run(self, key: str, node: Node) -> NodeFinished | None:
        bad = [each for each in sorted(self._waits[key]) if self._states[each] in _BAD]
        if self._stop.is_set():
            return _ending(self._setting, node, State.CANCELLED, detail="cancelled before it began")
        if bad:
            return _ending(
                self._setting, node, State.BLOCKED, detail=f"waits for {self._setting.graph.nodes[bad[0]].name}"
            )
        if self._setting.fail_fast and self.counts[State.FAILED]:
            return _ending(self._setting, node, State.BLOCKED, detail="left out by --fail-fast")
        return None

    def _job(self, key: str, decision: Decision) -> Job:
        setting, identity = self._setting, self._setting.identities[key]
        return Job(
            node=setting.graph.nodes[key],
            identity=identity,
            decision=decision,
            graph=setting.graph,
            held=self._standing.held.get(key),
            exists=self._standing.relations.get(key, ""),
            inputs=inputs_of(identity, self._standing),
            run=setting.run,
            now=setting.now,
            root=setting.root,
            connections=setting.connections,
        )

    def _work(self, job: Job) -> None:
        try:
            desk = self._desk()
            finished, outcome = work(job, desk)
            self._desks.put(desk)
            self._done.put((job.node.key, finished, outcome))
        except BaseException as error:  # noqa: BLE001 - a worker's bug has to reach the thread that can report it
            self._done.put((job.node.key, error, None))

    def _desk(self) -> Desk:
        try:
            return self._desks.get_nowait()
        except Empty:
            session = self._setting.engine.session()
            self._sessions.append(session)
            return Desk(session, self._setting.ledger)

    def _collect(self) -> None:
        """Take one result; while there is none, pass a wish to stop on to the running queries."""
        while True:
            try:
                key, finished, outcome = self._done.get(timeout=0.1)
                break
            except Empty:
                if self._stop.is_set():
                    self._interrupt()
        self._running -= 1
        if isinstance(finished, BaseException):
            raise finished
        if outcome is not None and outcome.held is not None:
            self._standing.held[key] = outcome.held
            self._standing.relations[key] = "view" if outcome.held.kind == "view" else "table"
        self._finish(key, finished)

    def _interrupt(self) -> None:
        for session in list(self._sessions):
            session.interrupt()

    def _finish(self, key: str, finished: NodeFinished) -> None:
        if finished.state is State.UNCHANGED:
            self.unchanged.add(key)
        self.warned += 1 if finished.warnings else 0
        self.counts[finished.state] += 1
        self._release(key, finished.state)
        self._on_event(finished)

    def _release(self, key: str, state: State) -> None:
        self._states[key] = state
        for after in self._after[key]:
            self._missing[after] -= 1
            if not self._missing[after]:
                heappush(self._ready, (self._position[after], after))


def replace_commits(standing: Standing, session: Session) -> Standing:
    """The same standing, with intervals read through a session of its own."""
    return replace(standing, commits=lambda node, since: ledger.intervals(session, node, since))


def _started(setting: Setting, keys: Sequence[str]) -> RunStarted:
    nodes = sum(1 for key in keys if not is_idle(setting.graph.nodes[key]))
    return RunStarted(
        run=setting.run,
        at=datetime.now(UTC),
        target=setting.target,
        database=setting.engine.database,
        nodes=nodes,
        threads=setting.threads,
    )


def _ending(setting: Setting, node: Node, state: State, *, detail: str = "", reason: str = "") -> NodeFinished:
    return NodeFinished(
        run=setting.run,
        at=datetime.now(UTC),
        node=str(node.name),
        kind=node.kind_name,
        state=state,
        action=node.kind_name,
        detail=detail,
        reason=reason,
    )


def _make_schemas(setting: Setting, session: Session, keys: Sequence[str]) -> None:
    there = {row[0].casefold() for row in session.query("select distinct schema_name from duckdb_schemas()")}
    wanted = {setting.graph.nodes[key].name.schema for key in keys if not is_idle(setting.graph.nodes[key])}
    _refuse_confusion(setting, session, wanted)
    for schema in sorted(wanted):
        if schema.casefold() not in there:
            session.execute(f"create schema if not exists {quote(schema)}")


def _refuse_confusion(setting: Setting, session: Session, schemas: Collection[str]) -> None:
    """Raise SP501 if a schema has the name of the database: `marts.orders` would mean either."""
    catalog = str(session.query("select current_database()")[0][0])
    if catalog.casefold() in map(str.casefold, schemas):
        raise SqlpipeError(
            Diagnostic(
                code="SP501",
                message=f"{setting.engine.database} is called like the schema `{catalog}`, "
                "and the database cannot tell the two apart",
                help="give the file another name, and change `path:` in profiles.yml",
            )
        )
