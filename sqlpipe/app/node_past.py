"""The past of a node: the runs that had it, the attempts at it, and which pipelines will run it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace, keys_of
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptRecord, NodeRecord
from sqlpipe.domain.schedule import Pipeline
from sqlpipe.graph.select import Selection
from sqlpipe.load.secret import hide
from sqlpipe.store import attempts, lookback


@dataclass(frozen=True, slots=True)
class Turn:
    """How a node did in one run, and how often it was tried in it."""

    run: str
    state: str
    at: datetime
    action: str
    rows: int | None
    seconds: float
    detail: str
    tries: int
    message: str


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at a node that has ended: how, and how long it took."""

    run: str
    state: str
    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Past:
    """What the journal tells of a node: its last runs, newest first, and attempts, oldest first."""

    turns: tuple[Turn, ...]
    tries: tuple[Try, ...]


def past_of(workspace: Workspace, key: str, *, turns: int = 10, tries: int = 50) -> Past:
    """The past of a node, as far back as is asked for."""
    with journal_of(workspace) as book:
        records = lookback.past_of(book, key, turns)
        tried = attempts.attempts(book, node=key, limit=tries)
        said = lookback.messages(book, [each.run for each in records], [key])
    counted = Counter(each.run for each in tried)
    told = tuple(_turn(each, counted[each.run], said.get((each.run, key), "")) for each in records)
    return Past(told, tuple(_try(each) for each in reversed(tried) if each.finished is not None))


def last_well(workspace: Workspace, keys: Collection[str]) -> Mapping[str, datetime]:
    """When nodes were run last, of those that ended well then."""
    with journal_of(workspace) as book:
        found = lookback.latest(book, keys)
    return {each.node: each.since for each in found if each.state in (State.DONE, State.UNCHANGED)}


def _turn(record: NodeRecord, tries: int, message: str) -> Turn:
    return Turn(
        record.run,
        record.state,
        record.since,
        record.action,
        record.rows,
        record.seconds,
        hide(record.detail),
        tries,
        hide(message),
    )


def _try(record: AttemptRecord) -> Try:
    return Try(record.run, record.state, record.started, record.seconds)


def pipelines_with(workspace: Workspace, key: str, failed: frozenset[str]) -> tuple[Pipeline, ...]:
    """The pipelines that select a node; `failed` are the nodes that failed last."""
    return tuple(
        each
        for each in workspace.project.orchestration.pipelines
        if key in keys_of(workspace, Selection(each.select, each.exclude), set(failed))
    )
