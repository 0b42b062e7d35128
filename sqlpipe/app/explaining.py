"""Why a node runs, or does not: everything that has to hold before it runs next, each with how it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlpipe.app.recorded import find_run, leader, now_of
from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import NO_PATIENCE, Workspace, keys_of, node_named, plan_of, reading
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptRecord, NodeRecord, Owner, RunRecord, RunState
from sqlpipe.domain.plan import Change, Step
from sqlpipe.domain.project import Node
from sqlpipe.domain.schedule import Cron, Every, On, Pipeline
from sqlpipe.domain.task import Sensor, Statement, Task, Truth
from sqlpipe.graph.dag import reach
from sqlpipe.graph.select import Selection
from sqlpipe.graph.select import select as select_keys
from sqlpipe.plan.build import waits
from sqlpipe.plan.cadence import next_tick
from sqlpipe.plan.errand import awaited
from sqlpipe.plan.readiness import Blocked, NotYet, Ready, Skip, verdict
from sqlpipe.run.owner import is_alive
from sqlpipe.run.walk import FINAL
from sqlpipe.store import attempts, owners, runs, ticks
from sqlpipe.store.book import Book
from sqlpipe.store.ticks import PipelineRow

_LIVE = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING})
_WELL = frozenset({State.DONE, State.UNCHANGED})
# What can be told of rows before anything has run: whether there is something to do.
_OPEN = frozenset({Change.DUE, Change.MAYBE})


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that has to hold before a node runs; `met` is None where that is seen only when it comes to it.

    `value` tells how it is, in a few words, and `at` an instant that belongs to it.
    """

    text: str
    met: bool | None
    value: str = ""
    at: datetime | None = None


def _met(text: str, value: str = "", at: datetime | None = None) -> Condition:
    return Condition(text, met=True, value=value, at=at)


def _unmet(text: str, value: str, at: datetime | None = None) -> Condition:
    return Condition(text, met=False, value=value, at=at)


def _open(text: str, value: str) -> Condition:
    return Condition(text, met=None, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """All that the conditions are told from."""

    workspace: Workspace
    node: Node
    now: datetime
    book: Book
    owners: Mapping[str, Owner]
    live: Sequence[RunRecord]
    trying: Sequence[AttemptRecord]
    run: RunRecord | None = None
    keys: tuple[str, ...] = ()
    nodes: Mapping[str, NodeRecord] = field(default_factory=dict)

    def name(self, key: str) -> str:
        """A node as it is called."""
        known = self.workspace.graph.nodes.get(key)
        return str(known.name) if known else key


def why(workspace: Workspace, node: str, *, run: str = "", now: datetime | None = None) -> tuple[Condition, ...]:
    """Everything that has to hold before a node runs next.

    In a run that has yet to come to it (the latest that is alive, or the one that is asked for) these are the nodes it
    waits for, pools, pauses; else what starts a run. Then who has the database, and whether there is anything to do.
    """
    found = node_named(workspace, node)
    if isinstance(found.kind, Dashboard):
        return (_unmet("a run has something to do for it", "never: its page reads its tables when it is looked at"),)
    with journal_of(workspace) as book:
        scene = _scene(workspace, found, book, run, now or now_of(book))
        return (*_so_far(scene), *_conditions(scene))


def _conditions(scene: _Scene) -> Iterator[Condition]:
    record = scene.nodes.get(scene.node.key)
    going_on = scene.run is not None and scene.run.state in _LIVE
    if going_on and (record is None or record.state not in FINAL):
        yield from _in_run(scene)
    else:
        yield from _between_runs(scene)
    yield from _of_rows(scene)


def _scene(workspace: Workspace, node: Node, book: Book, run: str, now: datetime) -> _Scene:
    live = [*runs.waiting_runs(book), *runs.live_runs(book)]
    scene = _Scene(
        workspace=workspace,
        node=node,
        now=now,
        book=book,
        owners={each.id: each for each in owners.owners(book)},
        live=live,
        trying=attempts.live_attempts(book),
    )
    candidates = [find_run(book, run)] if run else sorted(live, key=_recency, reverse=True)
    for each in candidates:
        keys, nodes = _reach_of(workspace, book, each)
        if run or node.key in keys:
            return replace(scene, run=each, keys=keys, nodes=nodes)
    return scene


def _recency(run: RunRecord) -> tuple[bool, datetime]:
    # A run that has begun is nearer to the node than one that waits.
    return run.state is not RunState.QUEUED, run.created


def _reach_of(workspace: Workspace, book: Book, run: RunRecord) -> tuple[tuple[str, ...], dict[str, NodeRecord]]:
    """The nodes that a run is about, as far as that can be told, and how far they have come."""
    nodes = {each.node: each for each in attempts.nodes(book, run.id) if each.item < 0}
    chosen: set[str] = set(nodes)
    # Where the project has changed since, what the run has recorded has to do.
    with suppress(SqlpipeError):
        named = workspace.project.selections
        chosen |= set(select_keys(workspace.graph, Selection(run.select, run.exclude), named=named))
    return tuple(key for key in workspace.graph.nodes if key in chosen), nodes


# Between runs


def _between_runs(scene: _Scene) -> Iterator[Condition]:
    found = [each for each in scene.workspace.project.orchestration.pipelines if _selects(scene, each)]
    names = ", ".join(each.name for each in found)
    none = f"none does; run it with `sqlpipe run -s {scene.node.name}`"
    yield Condition("a pipeline selects it", bool(found), names or none)
    rows = ticks.known(scene.book)
    for each in found:
        yield from _of_pipeline(scene, each, rows.get(each.name))
    if found:
        yield _led(scene)


def _selects(scene: _Scene, pipeline: Pipeline) -> bool:
    return scene.node.key in keys_of(scene.workspace, Selection(pipeline.select, pipeline.exclude))


def _of_pipeline(scene: _Scene, pipeline: Pipeline, row: PipelineRow | None) -> Iterator[Condition]:
    if row is not None and row.paused_at is not None:
        yield _unmet(f"{pipeline.name} is not paused", f"paused by {row.paused_by} since", row.paused_at)
    else:
        yield _met(f"{pipeline.name} is not paused")
    yield _due(scene, pipeline)
    own = [each for each in scene.live if each.pipeline == pipeline.name]
    queued = sum(each.state is RunState.QUEUED for each in own)
    active = len(own) - queued
    value = f"{active} of {pipeline.max_active_runs} active"
    value += f", {queued} queued" if queued else ""
    value += f"; on overlap: {pipeline.on_overlap}" if active >= pipeline.max_active_runs else ""
    yield Condition(f"{pipeline.name} has room for a run", active < pipeline.max_active_runs, value)


def _due(scene: _Scene, pipeline: Pipeline) -> Condition:
    text = f"{pipeline.name} is due"
    waiting = ticks.open_ticks(scene.book, pipeline.name)
    if waiting:
        return _met(text, "since" if len(waiting) == 1 else f"{len(waiting)} times since", waiting[0].at)
    match pipeline.starter:
        case Cron() | Every():
            following = next_tick(pipeline, scene.now)
            return _unmet(text, "next" if following else "never again", following.at if following else None)
        case On(nodes=nodes, events=events):
            causes = [f"new rows in {scene.name(each)}" for each in nodes] + [f"the event {each}" for each in events]
            return _unmet(text, f"on {' or '.join(causes)}")
        case None:
            return _unmet(text, f"only by hand: `sqlpipe trigger {pipeline.name}`")


def _led(scene: _Scene) -> Condition:
    lease = leader(scene.book)
    if lease is None:
        return _unmet("a scheduler leads", "none is running: start one with `sqlpipe serve`")
    holder = scene.owners.get(lease.holder)
    age = f", last sign {(scene.now - holder.seen).total_seconds():.0f} s ago" if holder else ""
    return _met("a scheduler leads", f"PID {lease.pid} on {lease.host}{age}")


# In a run


def _so_far(scene: _Scene) -> Iterator[Condition]:
    """What has become of the node in the run that is told of."""
    run, record = scene.run, scene.nodes.get(scene.node.key)
    if run is None:
        return
    if record is not None and record.state in FINAL:
        detail = f": {record.detail}" if record.detail else ""
        yield _met(f"run {run.id} has come to it", f"{record.state}{detail}", record.since)
    elif run.state not in _LIVE:
        known = scene.node.key in scene.keys
        value = f"the run is {run.state}" if known else "the run does not select it"
        yield _unmet(f"run {run.id} has come to it", value, run.finished)


def _in_run(scene: _Scene) -> Iterator[Condition]:
    run = scene.run
    assert run is not None
    of = f" of {run.pipeline}" if run.pipeline else ""
    yield _met("a run has it", f"{run.id}{of}, {run.state} since", run.started or run.created)
    if run.state is RunState.QUEUED:
        own = [each for each in scene.live if each.pipeline == run.pipeline and each.state is not RunState.QUEUED]
        behind = f"behind {', '.join(each.id for each in own)}" if run.pipeline and own else "it is queued"
        yield _unmet("that run has begun", behind)
        yield _led(scene)
    else:
        yield _carried_out(scene, run)
    if run.state is RunState.CANCELLING:
        yield _unmet("nobody has cancelled it", "it is being cancelled")
    yield from _parents(scene)
    yield from _waiting(scene)
    yield from _kept_away(scene)


def _carried_out(scene: _Scene, run: RunRecord) -> Condition:
    owner = scene.owners.get(run.owner)
    text = "its process is alive"
    if owner is None or not is_alive(owner, scene.now):
        return _unmet(text, "it is gone; the next run or the scheduler takes note of that")
    return _met(text, _process(owner))


def _process(owner: Owner | None) -> str:
    return f"{owner.command or 'PID'} (PID {owner.pid} on {owner.host})" if owner else "a process that is gone"


def _parents(scene: _Scene) -> Iterator[Condition]:
    node = scene.node
    before = waits(scene.workspace.graph, scene.keys).get(node.key, frozenset())
    states = {key: scene.nodes[key].state if key in scene.nodes else None for key in before}
    for key in sorted(before):
        state, record = states[key], scene.nodes.get(key)
        detail = f": {record.detail}" if record and record.detail and state not in _WELL else ""
        soft = " (soft)" if key in node.running.soft else ""
        told = f"{state or 'not begun'}{detail}{soft}"
        again = record.until if record else None
        yield Condition(
            f"{scene.name(key)} has ended", state in FINAL, f"{told}; looked at again" if again else told, again
        )
    if before:
        text = f"how they ended lets it run ({node.running.rule})"
        match verdict(node.running.rule, states, node.running.soft):
            case Ready():
                yield _met(text)
            case NotYet(on=on):
                yield _open(text, f"waits for {', '.join(map(scene.name, on))}")
            case Blocked(by=by):
                yield _unmet(text, f"{scene.name(by)} did not end well")
            case Skip(by=by):
                yield _unmet(text, f"{scene.name(by)} was skipped")


def _waiting(scene: _Scene) -> Iterator[Condition]:
    """What the node itself waits for, where it has begun."""
    record, node = scene.nodes.get(scene.node.key), scene.node
    if isinstance(node.kind, Sensor):
        text = f"{awaited(node.kind.condition)} is there"
        if record is None:
            yield _open(text, "not looked for yet")
        else:
            pokes = record.waited.get("pokes", 0)
            looks = f"looked {pokes} {'time' if pokes == 1 else 'times'}, again"
            yield _unmet(text, f"{record.detail or 'not yet'}; {looks}", record.until)
    elif record is not None and record.state is State.WAITING:
        tries = sum(record.tries.values())
        text = f"the pause after try {tries} is over" if tries else "nothing keeps it back"
        over = record.until is None or record.until <= scene.now
        yield Condition(text, over, record.detail, record.until)
    if node.running.condition:
        yield _open("its condition is true", " ".join(node.running.condition.split()))


def _kept_away(scene: _Scene) -> Iterator[Condition]:
    """What keeps an attempt away from the node: another one, or a pool without room."""
    node = scene.node
    own = [each for each in scene.trying if each.node == node.key]
    for each in own:
        who = _process(scene.owners.get(each.owner))
        mine = scene.run is not None and each.run == scene.run.id
        where = "in this run" if mine else f"in run {each.run}"
        yield _unmet("no attempt is running", f"attempt {each.number} {where} by {who}, since", each.started)
    if not own:
        yield _met("no attempt is running")
    pool = node.running.pool
    if pool:
        size = scene.workspace.project.orchestration.pools.get(pool, 0)
        inside = [each for each in scene.trying if each.pool == pool]
        taken = sum(each.slots for each in inside)
        by = f" by {', '.join(scene.name(each.node) for each in inside)}" if inside else ""
        yield Condition(f"the pool {pool} has room", taken + node.running.slots <= size, f"{taken} of {size} taken{by}")


# The database


def _of_rows(scene: _Scene) -> Iterator[Condition]:
    """Who has the database, and what there is to do, for nodes that need to know."""
    if not _uses_database(scene.node):
        return
    text, work = "the database is free", "there is something to do"
    patient = replace(scene.workspace, patience=NO_PATIENCE)
    errand = isinstance(scene.node.kind, Task | Sensor)
    try:
        with reading(patient):
            pass
        yield _met(text)
        if not errand:
            yield _to_do(_step(patient, scene.node))
    except SqlpipeError as error:
        yield _unmet(text, error.diagnostics[0].message)
        if not errand:
            yield _open(work, "not to be told while another process has the database")


def _uses_database(node: Node) -> bool:
    match node.kind:
        case Task(operator=Statement()) | Sensor(condition=Truth()):
            return True
        case Task() | Sensor():
            return node.running.condition_is_sql
        case _:
            return True


def _step(workspace: Workspace, node: Node) -> Step | None:
    keys = reach([node.key], workspace.graph.parents)
    plan = plan_of(workspace, tuple(key for key in workspace.graph.nodes if key in keys))
    return next((each for each in plan.steps if each.node.key == node.key), None)


def _to_do(step: Step | None) -> Condition:
    text = "there is something to do"
    if step is None or step.change is Change.UNCHANGED:
        return _unmet(text, step.reason if step and step.reason else "nothing has changed")
    return Condition(text, None if step.change in _OPEN else True, step.reason)
