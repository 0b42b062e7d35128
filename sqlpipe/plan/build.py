"""A plan: the decision on every selected node, as far as it can be told before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlpipe.domain.interval import Interval, count_units
from sqlpipe.domain.plan import Change, Plan, Step
from sqlpipe.domain.project import (
    CheckQuery,
    ColumnCursor,
    FilesCursor,
    Incremental,
    Ingest,
    Node,
    Python,
    Seed,
    View,
)
from sqlpipe.domain.task import Sensor, Task
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity
from sqlpipe.plan.compile import compile_query
from sqlpipe.plan.decide import Decision, Fill, Nothing, Recheck, Standing, decide, is_idle
from sqlpipe.plan.errand import action_of

_SURE = {Change.NEW, Change.EDITED, Change.DATA, Change.FORCED}


def waits(graph: Graph, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """For each selected node the selected nodes to be finished first.

    Nodes that are not selected, and those that are never run themselves, are looked through.
    """
    chosen = {key for key in keys if not is_idle(graph.nodes[key])}
    before: dict[str, frozenset[str]] = {}
    for key, parents in ((key, graph.parents[key]) for key in graph.nodes):
        found: set[str] = set()
        for parent in parents:
            found |= {parent} if parent in chosen else before[parent]
        before[key] = frozenset(found)
    return {key: before[key] for key in keys}


def build(
    graph: Graph,
    identities: Mapping[str, Identity],
    keys: Sequence[str],
    standing: Standing,
    *,
    target: str,
    database: str,
) -> Plan:
    """The plan for the selected nodes."""
    steps: dict[str, Step] = {}
    moving: dict[str, Step] = {}
    before = waits(graph, keys)
    for key in keys:
        node = graph.nodes[key]
        if is_idle(node):
            continue
        decision = _foreseen(node, identities[key], decide(node, identities[key], standing), moving)
        scope = decision.scope
        steps[key] = Step(
            node=node,
            change=decision.change,
            reason=decision.reason,
            action=_action(node, decision),
            waits=before[key],
            sql=_sql(graph, node, decision),
            intervals=scope.intervals if isinstance(scope, Fill) else (),
        )
        if not isinstance(scope, Recheck):
            moving[key] = steps[key]
    return Plan(target, database, tuple(steps.values()))


def _foreseen(node: Node, identity: Identity, decision: Decision, moving: Mapping[str, Step]) -> Decision:
    """A node that stands well as things are may still have to follow a parent whose rows are about to change."""
    if decision.change is not Change.UNCHANGED:
        return decision
    upstream = [moving[key] for key in identity.inputs if key in moving and _follows(node, identity, key)]
    sure = [str(each.node.name) for each in upstream if each.change in _SURE]
    if sure:
        return Decision(decision.scope, Change.DATA, f"{', '.join(sure)} will change")
    perhaps = [str(each.node.name) for each in upstream if each.change in {Change.DUE, Change.MAYBE}]
    if perhaps:
        return Decision(decision.scope, Change.MAYBE, f"only if {' or '.join(perhaps)} brings new rows")
    compared = [str(moving[key].node.name) for key in identity.compared if key in moving]
    if compared:
        return Decision(Recheck(), Change.MAYBE, f"only if {' or '.join(compared)} changes, which its checks read")
    return decision


def _follows(node: Node, identity: Identity, parent: str) -> bool:
    """Whether new rows of a parent are a reason to run a node."""
    if isinstance(node.kind, Incremental) and node.kind.time.start is not None:
        return parent in identity.aligned
    return parent not in node.lookups


def _sql(graph: Graph, node: Node, decision: Decision) -> str:
    if node.query is None or isinstance(node.kind, Ingest) or decision.change is Change.UNCHANGED:
        return ""
    if isinstance(decision.scope, Fill):
        first, last = decision.scope.intervals[0], decision.scope.intervals[-1]
        return compile_query(graph, node, Interval(first.start, last.end))
    return compile_query(graph, node)


def _action(node: Node, decision: Decision) -> str:
    match decision.scope, node.kind:
        case Recheck(), _:
            return "run its checks"
        case Fill(intervals=intervals), Incremental(time=time):
            number = count_units(intervals, time.grain)
            return f"fill {number:,} {time.grain.value}{'' if number == 1 else 's'}"
        case Nothing(), _ if decision.change is Change.UNCHANGED:
            return ""
        case _, Ingest() as kind:
            return _ingest_action(kind)
        case _, Task() | Sensor() as errand:
            return action_of(errand)
        case Nothing(), Incremental():
            return "fill what changed"
        case _:
            return _ACTIONS.get(type(node.kind), "build table")


_ACTIONS: Mapping[type, str] = {
    View: "create view",
    Seed: "load seed",
    Python: "call function",
    CheckQuery: "run check",
}


def _ingest_action(kind: Ingest) -> str:
    match kind.cursor:
        case FilesCursor():
            return f"look for files {kind.source}"
        case ColumnCursor(column=column):
            return f"read {kind.source} from {column} on"
        case _:
            return f"compare with {kind.source}"
