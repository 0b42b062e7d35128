"""Health: what is not well with the tables and the runs of a project, and since when."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlpipe.app.node_states import NodeState, endings, is_ill, is_stale
from sqlpipe.app.running import journal_of
from sqlpipe.app.surveying import CheckDay, CheckState, Survey
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.check import Check, Freshness
from sqlpipe.domain.diagnostic import Severity
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import CheckQuery, Node
from sqlpipe.domain.schedule import Cron, Every
from sqlpipe.plan.cadence import PreviewRow, preview
from sqlpipe.plan.decide import is_idle
from sqlpipe.store import lookback, runs, ticks
from sqlpipe.store.book import Book
from sqlpipe.store.lookback import Cell

RUNS_SHOWN = 30

_ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Complaint:
    """A check that fails, with the day (UTC) since when that is so, as far as is known."""

    state: CheckState
    since: date
    is_freshness: bool

    @property
    def blocks(self) -> bool:
        """Whether rows are kept from being published."""
        return self.state.severity == Severity.ERROR


@dataclass(frozen=True, slots=True)
class Failure:
    """A node that ended badly when it was run last."""

    node: str
    ending: NodeState


@dataclass(frozen=True, slots=True)
class Stale:
    """A node whose rows are not what they would be after a run, and why."""

    node: str
    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A run that was not done by its deadline."""

    run: str
    pipeline: str
    deadline: datetime
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """How a pipeline stands: when it is due next (None for one that no clock starts), and what keeps it from that."""

    pipeline: str
    description: str
    next: PreviewRow | None
    has_clock: bool
    paused: datetime | None
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is to be known of a project at a glance; `recent` are its last runs, newest first."""

    complaints: tuple[Complaint, ...] = ()
    failures: tuple[Failure, ...] = ()
    stale: tuple[Stale, ...] = ()
    missed: tuple[Missed, ...] = ()
    recent: tuple[RunRecord, ...] = ()
    due: tuple[Due, ...] = ()

    @property
    def last(self) -> RunRecord | None:
        """The last run that has ended."""
        return next((each for each in self.recent if each.state in _ENDED), None)

    @property
    def active(self) -> tuple[RunRecord, ...]:
        """The runs that go on or wait to."""
        return tuple(each for each in self.recent if each.state not in (*_ENDED, RunState.SKIPPED))


def health(workspace: Workspace, survey: Survey, now: datetime) -> Health:
    """How a project does, by what was surveyed and by its journal."""
    with journal_of(workspace) as book:
        recent = tuple(runs.runs(book, limit=RUNS_SHOWN))
        live = {each.id: each for each in (*runs.waiting_runs(book), *runs.live_runs(book))}
        older = tuple(each for each in live.values() if each.id not in {one.id for one in recent})
        failures = _failures(workspace, survey, book, [each.id for each in recent])
        return Health(
            complaints=complaints(workspace, survey),
            failures=failures,
            stale=stale(survey, {each.node for each in failures}),
            missed=tuple(_missed((*recent, *older), now)),
            recent=(*recent, *older),
            due=_due(workspace, book, now),
        )


def grid(
    workspace: Workspace, records: Collection[RunRecord], nodes: Collection[str]
) -> Mapping[tuple[str, str], Cell]:
    """How nodes ended in runs, by run and node."""
    with journal_of(workspace) as book:
        return lookback.cells(book, [each.id for each in records], nodes)


def complaints(workspace: Workspace, survey: Survey) -> tuple[Complaint, ...]:
    """The checks that fail, those first that keep rows from being published, then by node in the order of the graph."""
    found = []
    for key, node in workspace.graph.nodes.items():
        rules = {each.name: each.rule for each in checks_of(node)}
        for state in survey.checks.get(key, ()):
            if not state.passed and state.name in rules:
                since = failing_since(_days_of(survey, key, state.name)) or state.at.date()
                found.append(Complaint(state, since, isinstance(rules[state.name], Freshness)))
    return tuple(sorted(found, key=lambda each: not each.blocks))


def checks_of(node: Node) -> tuple[Check, ...]:
    """The checks that a node has, or is."""
    return (node.kind.check,) if isinstance(node.kind, CheckQuery) else node.checks


def failing_since(days: Iterable[CheckDay]) -> date | None:
    """Since which of the days a check fails; None if it was well on the last one."""
    since: date | None = None
    for each in sorted(days, key=lambda day: day.day):
        if not each.failures:
            since = None
        elif since is None or each.failures < each.looks:
            # On a day with both it was well at some time.
            since = each.day
    return since


def stale(survey: Survey, but: Container[str] = ()) -> tuple[Stale, ...]:
    """The nodes that a run would certainly build, but for some."""
    return tuple(
        Stale(key, step.change, step.reason) for key, step in survey.steps.items() if is_stale(step) and key not in but
    )


def rows_of_interest(workspace: Workspace, survey: Survey, found: Health, most: int) -> tuple[str, ...]:
    """The nodes to look at first: those that fail, then those that changed last, then the others in their order."""
    ill = {*(each.node for each in found.failures), *(each.state.node for each in found.complaints)}
    order = {key: number for number, key in enumerate(workspace.graph.nodes)}
    kept = [key for key in order if not is_idle(workspace.graph.nodes[key])]

    def rank(key: str) -> tuple[bool, float, int]:
        held = survey.held.get(key)
        at = held.at.timestamp() if held and held.at else 0.0
        return key not in ill, -at, order[key]

    return tuple(sorted(kept, key=rank)[:most])


def _days_of(survey: Survey, key: str, name: str) -> list[CheckDay]:
    return [each for each in survey.check_days.get(key, ()) if each.name == name]


def _failures(workspace: Workspace, survey: Survey, book: Book, recent: list[str]) -> tuple[Failure, ...]:
    """The nodes that ended badly last, by the ledger or by the journal, which knows of tasks as well."""
    suspects = {*survey.failed, *lookback.failed_in(book, recent)}
    known = endings(book, suspects)
    found = [
        Failure(key, known.get(key, NodeState(State.FAILED)))
        for key in workspace.graph.nodes
        if key in suspects and (key not in known or is_ill(known[key].state))
    ]
    return tuple(sorted(found, key=lambda each: each.ending.state != State.FAILED))


def _missed(records: Iterable[RunRecord], now: datetime) -> Iterable[Missed]:
    """The latest run of each pipeline, if it was late or is."""
    told: set[str] = set()
    for each in records:
        if each.pipeline in told or each.state in (RunState.SKIPPED, RunState.CANCELLED):
            continue
        if each.deadline is None:
            continue
        told.add(each.pipeline)
        if each.deadline < (each.finished or now):
            yield Missed(each.id, each.pipeline, each.deadline, each.finished)


def _due(workspace: Workspace, book: Book, now: datetime) -> tuple[Due, ...]:
    """The pipelines, those first that are due first."""
    known = ticks.known(book)
    found = []
    for each in workspace.project.orchestration.pipelines:
        row = known.get(each.name)
        found.append(
            Due(
                each.name,
                each.description,
                next(iter(preview(each, None, now, 1)), None),
                isinstance(each.starter, Cron | Every),
                row.paused_at if row else None,
                len(ticks.open_ticks(book, each.name)) if row else 0,
            )
        )
    return tuple(sorted(found, key=lambda each: (each.next is None, each.next.tick.at if each.next else now)))
