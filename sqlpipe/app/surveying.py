"""A survey: everything that pages tell of the tables of a project, looked up at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlpipe.app.workspace import Workspace, nothing_built, plan_on, reading, standing_in
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.held import Commit, Held
from sqlpipe.domain.interval import Interval, merge
from sqlpipe.domain.names import literal
from sqlpipe.domain.plan import Step
from sqlpipe.domain.project import CheckQuery, Incremental, Node
from sqlpipe.engine.contract import Engine, Session
from sqlpipe.graph.fingerprint import identify
from sqlpipe.load.secret import hidden, hide
from sqlpipe.plan.decide import Standing
from sqlpipe.store import ledger, ledger_reading

T = TypeVar("T")

_DAYS = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class CheckState:
    """What a check of a node found last; `sample` are offending rows that were kept, as mappings."""

    node: str
    name: str
    severity: str
    passed: bool
    offences: int
    total: int
    note: str
    sample: tuple[Mapping[str, object], ...]
    run: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckDay:
    """How a check of a node ended on a day (UTC): how often it was looked at and failed, and the offences last."""

    node: str
    name: str
    day: date
    looks: int
    failures: int
    offences: int


@dataclass(frozen=True, slots=True)
class Load:
    """One commit of a node: its data version, and how many rows it wrote."""

    at: datetime
    version: int
    rows: int | None
    position: str
    run: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What the warehouse holds and what is to be done, by node key; times are in UTC, without a zone.

    `at` is when it was looked. `problem` tells why it could not be looked at (all else may then be older, or empty).
    `steps` are those of a plan of everything. `intervals` are those that incremental nodes have done, joined.
    `sizes` are how many rows tables hold.
    """

    at: datetime
    problem: Diagnostic | None = None
    held: Mapping[str, Held] = field(default_factory=dict)
    relations: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    steps: Mapping[str, Step] = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    checks: Mapping[str, tuple[CheckState, ...]] = field(default_factory=dict)
    check_days: Mapping[str, tuple[CheckDay, ...]] = field(default_factory=dict)
    intervals: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    loads: Mapping[str, tuple[Load, ...]] = field(default_factory=dict)


def survey_or_problem(workspace: Workspace) -> Survey:
    """What there is to be told; where the database cannot be looked at, only why that is so."""
    try:
        return survey(workspace)
    except SqlpipeError as error:
        return Survey(at=workspace.now, problem=hidden(error.diagnostics[0]))


def survey(workspace: Workspace) -> Survey:
    """Look everything up, in a few queries however many nodes there are.

    Raises SP502 while another process has the database, SP510 where its ledger is newer than this sqlpipe.
    """
    keys, identities = tuple(workspace.graph.nodes), identify(workspace.graph)
    with reading(workspace) as opened:
        standing = standing_in(workspace, keys, identities, opened)
        problem = nothing_built(workspace) if opened is None else None
        found = Survey(workspace.now, problem and hidden(problem), held=standing.held, relations=standing.relations)
        if opened is not None:
            found = _looked_up(workspace, replace(found, intervals=_done(workspace, standing)), *opened)
        steps = plan_on(workspace, keys, identities, standing).steps
    return replace(found, steps={each.node.key: each for each in steps})


def _done(workspace: Workspace, standing: Standing) -> Mapping[str, tuple[Interval, ...]]:
    """The intervals that incremental nodes hold, as they were defined when those were written."""
    return {
        key: _written(standing.commits(key, held.rebuilt), held.fingerprint)
        for key, held in standing.held.items()
        if key in workspace.graph.nodes and isinstance(workspace.graph.nodes[key].kind, Incremental)
    }


def _written(commits: Iterable[Commit], fingerprint: str) -> tuple[Interval, ...]:
    return merge(each.interval for each in commits if each.fingerprint == fingerprint)


def _looked_up(workspace: Workspace, found: Survey, engine: Engine, session: Session) -> Survey:
    """The survey with what the ledger and the database tell besides what a plan needs."""
    named = {key: _check_names(node) for key, node in workspace.graph.nodes.items()}
    checks, days, loads = (defaultdict[str, list[Any]](list) for _ in range(3))
    for node, name, *rest in ledger_reading.last_checks(session):
        if name in named.get(node, ()):
            checks[node].append(_check_state(node, name, *rest))
    for row in ledger_reading.days_of_checks(session, workspace.now - _DAYS):
        if row[1] in named.get(row[0], ()):
            days[row[0]].append(row)
    for row in ledger_reading.last_commits(session):
        loads[row[0]].append(row)
    return replace(
        found,
        columns=engine.columns(),
        sizes=_sizes(workspace, found.relations, session),
        failed=frozenset(ledger.failed(session)),
        checks={key: tuple(each) for key, each in checks.items()},
        check_days=_OnDemand(days, _check_days),
        loads=_OnDemand(loads, _loads),
    )


def _sizes(workspace: Workspace, relations: Mapping[str, str], session: Session) -> Mapping[str, int]:
    """How many rows tables hold; to count those of views could take long."""
    tables = [each for key, each in workspace.graph.nodes.items() if relations.get(key) == "table"]
    counts = (f"select {literal(each.key)}, count(*) from {each.name.quoted}" for each in tables)
    try:
        return dict(session.query(" union all ".join(counts))) if tables else {}
    except SqlpipeError:
        # A run that goes on meanwhile may have dropped one.
        return {}


def _check_names(node: Node) -> frozenset[str]:
    own = (node.kind.check.name,) if isinstance(node.kind, CheckQuery) else ()
    return frozenset((*own, *(each.name for each in node.checks)))


def _check_state(node: str, name: str, *row: Any) -> CheckState:
    severity, passed, offences, total, note, sample, run, at = row
    rows = tuple(_sample_row(each) for each in sample)
    return CheckState(node, name, severity, passed, offences, total, hide(note), rows, run, at)


def _sample_row(text: str) -> Mapping[str, object]:
    """A row that was kept as JSON; where a secret has been taken out that JSON needs, the text."""
    try:
        row = json.loads(text)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        return {"row": hide(text)}
    return {hide(column): _without_secrets(value) for column, value in row.items()}


def _without_secrets(value: object) -> object:
    match value:
        case str():
            return hide(value)
        case int() | float():
            text = json.dumps(value)
            shown = hide(text)
            return value if shown == text else shown
        case list():
            return [_without_secrets(each) for each in value]
        case dict():
            return {hide(str(key)): _without_secrets(each) for key, each in value.items()}
        case _:
            return value


def _check_days(rows: list[Any]) -> tuple[CheckDay, ...]:
    return tuple(
        CheckDay(node, name, ledger_reading.day_of(day), looks, failures, offences)
        for node, name, *lists in rows
        for day, looks, failures, offences in zip(*lists, strict=True)
    )


def _loads(rows: list[Any]) -> tuple[Load, ...]:
    return tuple(Load(at, version, count, hide(position), run) for _node, at, version, count, position, run in rows)


class _OnDemand(Mapping[str, tuple[T, ...]]):
    """What is made of rows when it is asked for: there may be 100,000, and a page shows those of a few nodes."""

    def __init__(self, rows: Mapping[str, list[Any]], make: Callable[[list[Any]], tuple[T, ...]]) -> None:
        self._rows = dict(rows)
        self._make = make
        self._made: dict[str, tuple[T, ...]] = {}

    def __getitem__(self, key: str) -> tuple[T, ...]:
        if key not in self._made:
            self._made[key] = self._make(self._rows[key])
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
