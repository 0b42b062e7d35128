"""The state of nodes: how each stands now, in a word, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlpipe.app.running import journal_of
from sqlpipe.app.surveying import Survey
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.history import State
from sqlpipe.domain.plan import Change, Step
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Sensor, Task
from sqlpipe.load.secret import hide
from sqlpipe.plan.decide import VOLATILE, is_idle
from sqlpipe.store import lookback
from sqlpipe.store.book import Book

_ILL = frozenset({State.FAILED, State.BLOCKED, State.CANCELLED})
_STALE = frozenset({Change.NEW, Change.EDITED, Change.DATA})
_WORDS: Mapping[Change, str] = {Change.NEW: "new", Change.EDITED: "stale", Change.DATA: "stale"}


@dataclass(frozen=True, slots=True)
class NodeState:
    """How a node stands: a word, empty for one that keeps nothing, and why; since when and by which run, if known."""

    state: str
    reason: str = ""
    since: datetime | None = None
    run: str = ""


def node_states(workspace: Workspace, survey: Survey, keys: Collection[str]) -> Mapping[str, NodeState]:
    """How nodes stand, with the last error of those that failed."""
    nodes = workspace.graph.nodes
    asked = [key for key in keys if key in survey.failed or is_errand(nodes[key])]
    with journal_of(workspace) as book:
        ended = endings(book, asked)
    return {key: _state(nodes[key], survey, ended.get(key)) for key in keys}


def endings(book: Book, nodes: Collection[str]) -> Mapping[str, NodeState]:
    """How nodes ended when they were run last, by the journal."""
    known = {each.node: each for each in lookback.latest(book, nodes)}
    ill = [key for key, each in known.items() if each.state in _ILL]
    said = lookback.messages(book, {known[key].run for key in ill}, ill)
    return {
        key: NodeState(each.state, hide(said.get((each.run, key), "") or each.detail), each.since, each.run)
        for key, each in known.items()
    }


def is_ill(state: str) -> bool:
    """Whether a node that ended so is to be looked at."""
    return state in _ILL


def is_stale(step: Step) -> bool:
    """Whether a run would certainly build the node; what reads the clock could be built at any time, and is not."""
    return step.change in _STALE and step.reason != VOLATILE


def is_errand(node: Node) -> bool:
    """Whether a node is something done rather than something kept."""
    return isinstance(node.kind, Task | Sensor)


def _state(node: Node, survey: Survey, ended: NodeState | None) -> NodeState:
    if is_errand(node):
        return ended or NodeState("unknown", "not run yet")
    if is_idle(node):
        return NodeState("")
    if node.key in survey.failed and (ended is None or is_ill(ended.state)):
        return ended or NodeState("failed")
    step, held = survey.steps.get(node.key), survey.held.get(node.key)
    if step is None:
        return NodeState("unknown")
    since = held.at.replace(tzinfo=UTC) if held and held.at else None
    if is_stale(step):
        return NodeState(_WORDS[step.change], step.reason, since)
    if any(not each.passed for each in survey.checks.get(node.key, ())):
        return NodeState("warned", "a check does not pass", since)
    return NodeState("fresh", step.reason, since)
