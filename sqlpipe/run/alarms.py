"""What is worth telling people, found in the journal and posted there: never by the process that is in trouble.

A node or a pipeline is in one episode at a time, from its first failure until it is well again; each has one message
at its beginning and one at its end, however often and whenever anybody looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from sqlpipe.domain.check import Freshness
from sqlpipe.domain.journal import RunState
from sqlpipe.domain.project import Node
from sqlpipe.domain.schedule import AlertRule, Pipeline
from sqlpipe.run import tidings
from sqlpipe.store import news
from sqlpipe.store.book import Book
from sqlpipe.store.messages import Draft, enter_message
from sqlpipe.store.news import Open, Reader

# A message that has been tried so often is not going out: about 5 minutes.
STUCK = 6
_OF_NODES = (AlertRule.NODE_FAILED, AlertRule.CHECK_FAILED)
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is looked at, and when."""

    pipelines: frozenset[str]
    nodes: Mapping[str, Node]
    now: datetime
    since: datetime

    def name(self, key: str) -> str:
        """The name of a node, which may be no more."""
        node = self.nodes.get(key)
        return key if node is None else str(node.name)


def look(
    book: Book, pipelines: Sequence[Pipeline], nodes: Mapping[str, Node], now: datetime, *, since: datetime
) -> int:
    """Post what is to be told now; how many messages that were.

    Nothing is told of runs that ended before `since`. Cheap when nothing has happened; a second look at the same state
    posts nothing. All of it is one transaction: a crash loses and doubles nothing.
    """
    scene = _Scene(frozenset(each.name for each in pipelines), nodes, now, since)
    if not news.untold(book) and next(_drafts(book, scene), None) is None:
        return 0
    with book.writing() as pen:
        # Each message is entered before the next is looked for, which depends on what has been told.
        posted = sum(enter_message(pen, each) for each in _drafts(pen, scene))
        news.mark_told(pen)
        return posted


def _drafts(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    yield from _mended(reader, scene)
    yield from _failed(reader, scene)
    yield from _runs(reader, scene)
    yield from map(tidings.deadline_missed, news.late(reader, scene.now, scene.since))
    for _, ticks in groupby(news.missed(reader), key=lambda each: (each.pipeline, each.state)):
        yield tidings.missed(list(ticks), scene.now)
    yield from _stale(reader, scene)
    yield from map(tidings.lease_lost, news.ousted(reader))
    yield from _stuck(reader, scene)
    yield from _gone(reader, scene)


def _mended(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    told: set[str] = set()
    for broken, well in news.mended(reader):
        if broken.subject not in told:
            told.add(broken.subject)
            yield tidings.mended(broken, well, scene.name(broken.subject))


def _failed(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    over: dict[str, datetime] = {}
    for failure in news.failures(reader, scene.since):
        if failure.node in over and failure.at <= over[failure.node]:
            continue
        name = scene.name(failure.node)
        draft = tidings.failed(failure, name)
        yield draft
        well = news.well_after(reader, failure.node, failure.at)
        over[failure.node] = _FOR_EVER if well is None else well.at
        if well is not None:
            yield tidings.mended(_opened(draft), well, name)


def _runs(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    """Tell of runs that failed by themselves, and of the first one after that which went well."""
    broken = news.open_of(reader, AlertRule.RUN_FAILED)
    for outcome in news.outcomes(reader, scene.since):
        subject = outcome.pipeline or outcome.run
        if outcome.state is RunState.DONE and subject in broken:
            yield tidings.run_mended(broken.pop(subject), outcome)
        elif outcome.state is RunState.FAILED and not outcome.told_by_nodes and subject not in broken:
            draft = tidings.run_failed(outcome)
            broken[subject] = _opened(draft)
            yield draft


def _stale(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    broken = news.open_of(reader, AlertRule.FRESHNESS)
    promised = _promises(scene.nodes)
    for key in broken.keys() - promised.keys():
        yield tidings.gone(broken[key], scene.name(key), scene.now)
    for key, within in promised.items():
        well = news.well_after(reader, key, scene.now - timedelta(seconds=within))
        if well is not None and key in broken:
            yield tidings.fresh(broken[key], well, scene.name(key))
        elif well is None and key not in broken and (last := news.last_well(reader, key)) is not None:
            yield tidings.stale(key, scene.name(key), last, within)


def _promises(nodes: Mapping[str, Node]) -> dict[str, float]:
    """How often (seconds) the rows of nodes are to be confirmed, where that is promised."""
    found: dict[str, float] = {}
    for key, node in nodes.items():
        for check in node.checks:
            if isinstance(check.rule, Freshness):
                found[key] = min(check.rule.within, found.get(key, check.rule.within))
    return found


def _stuck(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    broken = news.open_of(reader, AlertRule.OUTBOX_STUCK).get(tidings.OUTBOX)
    stuck = news.stuck(reader, STUCK)
    if stuck and broken is None:
        yield tidings.outbox_stuck(stuck, scene.now)
    elif not stuck and broken is not None:
        yield tidings.outbox_moves(broken, scene.now)


def _gone(reader: Reader, scene: _Scene) -> Iterator[Draft]:
    """End the episodes of what is no more: should it come back, it begins anew."""
    for rule in _OF_NODES:
        for each in news.open_of(reader, rule).values():
            if each.subject not in scene.nodes:
                yield tidings.gone(each, each.subject, scene.now)
    for each in news.open_of(reader, AlertRule.RUN_FAILED).values():
        of_no_pipeline = each.subject == each.episode
        if not of_no_pipeline and each.subject not in scene.pipelines:
            yield tidings.gone(each, each.subject, scene.now)


def _opened(draft: Draft) -> Open:
    return Open(draft.rule, draft.subject, draft.episode, draft.at, draft.title)
