"""Answers to the questions of a dashboard: from the database, or the last ones while they still hold."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from pathlib import Path

from sqlpipe.app.asking import limited
from sqlpipe.app.result_shelf import Kept, shelf_of
from sqlpipe.app.surveying import Survey
from sqlpipe.app.workspace import Patience, Workspace, nothing_built, profile_of, reading
from sqlpipe.domain.dashboard import Block, Dashboard
from sqlpipe.domain.diagnostic import Diagnostic, Place, SqlpipeError, span_of
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import Embedded, Node, Source, View
from sqlpipe.engine.contract import QueryError, Session
from sqlpipe.graph.dag import reach
from sqlpipe.graph.fingerprint import digest
from sqlpipe.load.secret import hidden, hide
from sqlpipe.plan.question import Question, bounded
from sqlpipe.run.blame import blame, place, source_text

MOST_ROWS = 20_000
MOST_SECONDS = 30.0
# What has no data version (files, tables of others, the clock) is asked again after so long.
_MINUTE = timedelta(minutes=1)
# So long (seconds) another process is waited for where there is no answer at all yet.
_PATIENCE = Patience(0.5)
_CHANGED = frozenset({Change.NEW, Change.EDITED, Change.DATA})
# Two who ask the same do not make the database answer twice.
_TURNS: defaultdict[tuple[Path, str], threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a block, as JSON has them: times as ISO text, in UTC; `cut` tells that there are more.

    `at` is as of when they hold. `stale` tells why they may not be what a run would make of them, and `problem` why
    there are none, or only old ones.
    """

    block: str
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    cut: bool = False
    at: datetime | None = None
    stale: str = ""
    problem: Diagnostic | None = None

    def column(self, name: str) -> int | None:
        """Where a column is, whatever its letter case."""
        return {each.casefold(): at for at, each in reversed(list(enumerate(self.columns)))}.get(name.casefold())


class Desk:
    """Answers the questions of one page. The database is opened for the first that needs it, once for all."""

    def __init__(self, workspace: Workspace, survey: Survey, page: Node, now: datetime, stack: ExitStack) -> None:
        self._workspace = workspace
        self._survey = survey
        self._page = page
        self._now = now
        self._stack = stack
        self._shelf = shelf_of(workspace.root)
        self._session: Session | Diagnostic | None = None
        self._reasons: dict[tuple[str, ...], str] = {}

    def answer(self, question: Question) -> Result:
        """What a question gives: what is kept if it holds, else what the database says, else what was kept."""
        key = digest(str(profile_of(self._workspace).settings["path"]), self._page.key, question.key)
        sources = _Sources.of(self._workspace, question.block)
        stamp = sources.stamp(self._survey)
        kept = self._shelf.find(key)
        if kept is not None and self._holds(kept, stamp, sources):
            return self._told(question, kept)
        problem = self._shelf.refusal(key, stamp) or self._open(wait=kept is None)
        # While it was being opened, another may have asked the same.
        kept = self._shelf.find(key)
        if kept is not None and self._holds(kept, stamp, sources):
            return self._told(question, kept)
        if problem is None:
            try:
                kept = self._ask(question, stamp, sources.at(self._survey))
            except SqlpipeError as error:
                problem = self._blamed(question.block, error)
                self._shelf.refuse(key, stamp, problem)
            else:
                self._shelf.keep(key, kept)
        return self._told(question, kept, problem)

    def _holds(self, kept: Kept, stamp: str, sources: _Sources) -> bool:
        return kept.stamp == stamp and (sources.all_versioned or timedelta() <= self._now - kept.looked < _MINUTE)

    def _told(self, question: Question, kept: Kept | None, problem: Diagnostic | None = None) -> Result:
        name, stale = question.block.name, self._stale(question.block)
        if kept is None:
            return Result(name, stale=stale, problem=problem)
        if problem is not None:
            stale = "the database could not be asked again"
        return Result(
            name, kept.columns, kept.types, kept.rows, kept.cut, at=kept.at or kept.looked, stale=stale, problem=problem
        )

    def _stale(self, block: Block) -> str:
        if block.parents not in self._reasons:
            self._reasons[block.parents] = why_stale(self._workspace, self._survey, block.parents)
        return self._reasons[block.parents]

    def _open(self, *, wait: bool) -> Diagnostic | None:
        """Open the database, unless it has been; why it cannot be asked, if that is so."""
        if self._session is None:
            workspace = replace(self._workspace, patience=_PATIENCE if wait else Patience())
            self._stack.enter_context(_TURNS[workspace.root, self._page.key])
            try:
                opened = self._stack.enter_context(reading(workspace))
            except SqlpipeError as error:
                self._session = hidden(error.diagnostics[0])
            else:
                self._session = hidden(nothing_built(workspace)) if opened is None else opened[1]
        return self._session if isinstance(self._session, Diagnostic) else None

    def _ask(self, question: Question, stamp: str, at: datetime | None) -> Kept:
        session = self._session
        assert session is not None
        assert not isinstance(session, Diagnostic)
        with limited(session, MOST_SECONDS):
            columns = session.describe(f"select * from (\n{question.bare}\n)")
            names = tuple(each[0] for each in columns)
            rows = session.query(*bounded(question, names, MOST_ROWS + 1))
        plain = tuple(tuple(map(as_plain, row)) for row in rows[:MOST_ROWS])
        types = tuple(each[1] for each in columns)
        return Kept(stamp, self._now, at, names, types, plain, len(rows) > MOST_ROWS)

    def _blamed(self, block: Block, error: SqlpipeError) -> Diagnostic:
        """What went wrong, told at its line of the page."""
        workspace = self._workspace
        if isinstance(error, QueryError):
            written = replace(self._page, body=block.sql, body_line=block.line, lines=block.lines)
            found = blame(workspace.root, workspace.graph, written, error)
            if found.span is None:
                text = source_text(workspace.root / self._page.path)
                found = replace(found, span=span_of(self._page.path, text, Place(block.line, 1)))
            return hidden(found)
        return hidden(place(workspace.root, self._page, error.diagnostics[0]))


def why_stale(workspace: Workspace, survey: Survey, tables: Iterable[str]) -> str:
    """Why the rows of tables are not what a run would make of them, if anything above tells so; else nothing."""
    graph = workspace.graph
    above = reach((each for each in tables if each in graph.nodes), graph.parents)
    return next((said for key, node in graph.nodes.items() if key in above and (said := _wrong(survey, node))), "")


def _wrong(survey: Survey, node: Node) -> str:
    step = survey.steps.get(node.key)
    if node.key in survey.failed:
        return f"{node.name} failed when it was run last"
    if step is None or step.change not in _CHANGED:
        return ""
    return f"{node.name} is to be built: {step.reason}" if step.reason else f"{node.name} is to be built"


def as_of(workspace: Workspace, survey: Survey, blocks: Iterable[Block]) -> datetime | None:
    """When the newest rows that blocks read were committed; None where that cannot be told."""
    found = [each for block in blocks if (each := _Sources.of(workspace, block).at(survey)) is not None]
    return max(found, default=None)


def pulse(workspace: Workspace, survey: Survey, page: Node, now: datetime) -> str:
    """A word that changes when a page would show something else."""
    dashboard = page.kind
    assert isinstance(dashboard, Dashboard)
    told = [page.digest]
    for block in dashboard.blocks.values():
        sources = _Sources.of(workspace, block)
        told += [sources.stamp(survey), why_stale(workspace, survey, block.parents)]
        told += [] if sources.all_versioned else [f"{now:%H:%M}"]
    return digest(*told)


@contextmanager
def desk(workspace: Workspace, survey: Survey, page: Node, now: datetime) -> Iterator[Desk]:
    """One who answers the questions of a page; `now` is aware."""
    with ExitStack() as stack:
        yield Desk(workspace, survey, page, now, stack)


@dataclass(frozen=True, slots=True)
class _Sources:
    """The tables from which a block takes its rows, and the views and embedded queries on the way to them."""

    nodes: Mapping[str, Node]
    all_versioned: bool

    @classmethod
    def of(cls, workspace: Workspace, block: Block) -> _Sources:
        """Everything that decides the rows of a block."""
        graph = workspace.graph
        found: dict[str, Node] = {}
        ahead = [each for each in block.parents if each in graph.nodes]
        while ahead:
            key = ahead.pop()
            if key in found:
                continue
            found[key] = node = graph.nodes[key]
            if isinstance(node.kind, View | Embedded):
                ahead += [each for each in graph.parents[key] if each not in node.compared | node.after]
        written = [each.query for each in found.values() if isinstance(each.kind, View | Embedded) and each.query]
        told = not any(each.files or each.volatile for each in (block.query, *written))
        return cls(found, told and not any(isinstance(each.kind, Source) for each in found.values()))

    def stamp(self, survey: Survey) -> str:
        """The hash of the data versions of all of them."""
        held = ((key, survey.held.get(key)) for key in sorted(self.nodes))
        return digest(*(f"{key} {each.version} {each.fingerprint} {each.at}" if each else key for key, each in held))

    def at(self, survey: Survey) -> datetime | None:
        """When the newest of them was committed; None where that does not tell how old the rows are."""
        found = [each.at for key in self.nodes if (each := survey.held.get(key)) is not None and each.at is not None]
        return max(found).replace(tzinfo=UTC) if found and self.all_versioned else None


def as_plain(value: object) -> object:
    """A value of the database as JSON has it: times as ISO text, no infinities, and nothing that is to be hidden."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return hide(value)
        case float() | Decimal():
            return float(value) if isfinite(value) else None
        case datetime():
            return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()
        case date() | time():
            return value.isoformat()
        case bytes():
            return hide(value.hex())
        case list() | tuple():
            return [as_plain(each) for each in value]
        case dict():
            return {hide(str(name)): as_plain(each) for name, each in value.items()}
        case _:
            return hide(str(value))
