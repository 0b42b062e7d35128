"""The story of a run: its nodes, the attempts side by side, what went wrong, and what was said."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.app.logged import Line
from sqlpipe.app.recorded import find_run
from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import Diagnostic, Place, Severity, Span
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptRecord, AttemptState, NodeRecord, RunRecord
from sqlpipe.graph.timeline import Link, critical_path, lanes
from sqlpipe.graph.timeline import Span as Time
from sqlpipe.load.secret import hide
from sqlpipe.run.log import read_log
from sqlpipe.run.start import log_path
from sqlpipe.store import attempts, runs
from sqlpipe.store import ticks as tick_store
from sqlpipe.store.ticks import TickRow

MOST_LINES = 200
_MOST_ATTEMPTS = 20_000
_MOST_PROBLEMS = 10
# What went wrong comes first, then what goes on.
_ORDER = {
    state: place
    for place, state in enumerate(
        (State.FAILED, State.RUNNING, State.WAITING, State.CANCELLED, State.BLOCKED, State.DONE, State.UNCHANGED)
    )
}
_BAD = frozenset({State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    """A node, or an item of it (from 0), in a run: how it stands, and what was said of it last."""

    node: str
    item: int
    kind: str
    state: str
    action: str
    rows: int | None
    seconds: float
    tries: int
    detail: str
    since: datetime
    until: datetime | None
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One attempt: when (seconds from the beginning of the run), in which of the lanes from 0.

    `critical` says that the end of the run waited for its node.
    """

    node: str
    item: int
    number: int
    state: str
    time: Time
    lane: int
    critical: bool
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that is told of a run; `counts` are of its nodes by state, `lines` begin with what went wrong."""

    record: RunRecord
    seconds: float | None
    counts: Mapping[str, int]
    lines: tuple[NodeLine, ...]
    bars: tuple[Bar, ...]
    path: tuple[Link, ...]
    ticks: tuple[TickRow, ...]
    parent: RunRecord | None
    children: tuple[RunRecord, ...]


def story(workspace: Workspace, run: str, now: datetime) -> Story:
    """The story of a run as it is now; `run` is its id, or how that begins or ends."""
    with journal_of(workspace) as book:
        record = find_run(book, run)
        nodes = attempts.nodes(book, record.id)
        tried = attempts.attempts(book, run=record.id, limit=_MOST_ATTEMPTS)
        ticks, children = tick_store.ticks_of(book, record.id), runs.children(book, record.id)
        parent = runs.get_run(book, record.parent) if record.parent else None
    begun = record.started or record.created
    times = [(each.node, _time_of(each, begun, now)) for each in reversed(tried)]
    path = _path(times, workspace.graph.parents)
    critical = frozenset(each.key for each in path)
    counted = Counter((each.node, each.item) for each in tried)
    said = {(each.node, each.item): each.message for each in reversed(tried)}
    lines = [_line(each, counted, said, critical) for each in nodes]
    in_lanes = zip(reversed(tried), times, lanes([each for _, each in times]), strict=True)
    return Story(
        record=record,
        seconds=((record.finished or now) - begun).total_seconds() if record.started else None,
        counts=record.counts or Counter(each.state.value for each in nodes if each.item < 0),
        lines=tuple(sorted(lines, key=lambda each: (_ORDER.get(State(each.state), 9), each.since, each.node))),
        bars=tuple(_bar(each, time, lane, critical) for each, (_, time), lane in in_lanes),
        path=path,
        ticks=tuple(ticks),
        parent=parent,
        children=tuple(children),
    )


def _time_of(attempt: AttemptRecord, begun: datetime, now: datetime) -> Time:
    """The time that an attempt takes, or took, in seconds from the beginning of the run."""
    start = (attempt.started - begun).total_seconds()
    end = attempt.finished or (now if attempt.state is AttemptState.RUNNING else attempt.started)
    return Time(start, max(start, (end - begun).total_seconds()))


def _path(times: Sequence[tuple[str, Time]], parents: Mapping[str, Sequence[str]]) -> tuple[Link, ...]:
    """The nodes for which the end of the run waited, first to last; nothing where there was only one of them."""
    nodes: dict[str, Time] = {}
    for node, time in times:
        before = nodes.get(node, time)
        nodes[node] = Time(min(before.start, time.start), max(before.end, time.end))
    path = critical_path(nodes, parents)
    return path if len(path) > 1 else ()


def _line(
    record: NodeRecord, tries: Mapping[tuple[str, int], int], said: Mapping[tuple[str, int], str], path: Collection[str]
) -> NodeLine:
    unit = record.node, record.item
    message = said.get(unit, "") if record.state in _BAD else ""
    return NodeLine(
        node=record.node,
        item=record.item,
        kind=record.kind,
        state=record.state.value,
        action=record.action,
        rows=record.rows,
        seconds=record.seconds,
        tries=tries.get(unit, 0),
        detail=hide(message or record.detail),
        since=record.since,
        until=record.until,
        critical=record.node in path,
    )


def _bar(attempt: AttemptRecord, time: Time, lane: int, critical: Collection[str]) -> Bar:
    return Bar(
        node=attempt.node,
        item=attempt.item,
        number=attempt.number,
        state=attempt.state.value,
        time=time,
        lane=lane,
        critical=attempt.node in critical,
        message=hide(attempt.message),
    )


# What was said


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with a node: the diagnostics of its last attempt, as the terminal showed them."""

    node: str
    item: int
    attempt: int
    diagnostics: tuple[Diagnostic, ...]


def troubles(workspace: Workspace, found: Story) -> tuple[Trouble, ...]:
    """What went wrong with the first nodes that failed."""
    failed = [each for each in found.lines if each.state == State.FAILED][:_MOST_PROBLEMS]
    numbers = {(each.node, each.item): each.number for each in found.bars}
    return tuple(_trouble(workspace, found.record.id, each, numbers.get((each.node, each.item), 0)) for each in failed)


def _trouble(workspace: Workspace, run: str, line: NodeLine, attempt: int) -> Trouble:
    path = log_path(workspace.root, run, (line.node, line.item), attempt)
    told = tuple(_diagnostics(each for _, each in read_log(path)))
    # Of one that could not begin, or whose log is gone, the journal knows the message alone.
    told = told or (Diagnostic(code="", message=line.detail or "it failed"),)
    return Trouble(line.node, line.item, attempt, told)


def _diagnostics(lines: Iterator[Line]) -> Iterator[Diagnostic]:
    for line in lines:
        found = line.get("diagnostic")
        if isinstance(found, Mapping):
            with suppress(KeyError, TypeError, ValueError):
                yield _diagnostic(found)


def _diagnostic(found: Mapping[str, Any]) -> Diagnostic:
    span = found.get("span")
    return Diagnostic(
        code=str(found["code"]),
        message=str(found["message"]),
        span=_span(span) if span else None,
        label=str(found.get("label", "")),
        help=str(found.get("help", "")),
        notes=tuple(map(str, found.get("notes", ()))),
        severity=Severity(found.get("severity", "error")),
    )


def _span(found: Mapping[str, Any]) -> Span:
    place = Place(*(int(found["place"][each]) for each in ("line", "column", "length")))
    return Span(str(found["file"]), place, tuple((int(number), str(text)) for number, text in found["context"]))


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of the log of an attempt (the latest at the node), and the offset behind them.

    `goes_on` says that more may come, `left_out` that there are lines before these.
    """

    node: str
    item: int
    attempt: int
    lines: tuple[Line, ...]
    after: int
    goes_on: bool
    left_out: bool


def log_tail(workspace: Workspace, found: Story, node: str = "", item: int = -1, attempt: int = 0) -> LogTail | None:
    """The end of one log of a run: of the node that is asked for, or the one that most asks to be read.

    None for a run in which nobody has said anything yet.
    """
    bars = [each for each in found.bars if (not node or each.node == node) and item in (-1, each.item)]
    failed = {(each.node, each.item) for each in found.lines if each.state == State.FAILED}
    talking = {each.node for each in found.lines if each.kind == "task"}
    if not node:
        # Of a table that went well there is nothing to read.
        bars = [each for each in bars if _urgency(each, failed) or each.node in talking]
    bars = [each for each in bars if attempt in (0, each.number)]
    chosen = max(bars, key=lambda each: (_urgency(each, failed), each.time.start), default=None)
    if chosen is not None:
        return _tail(
            workspace, found.record.id, (chosen.node, chosen.item, chosen.number), chosen.state, chosen.message
        )
    # The looks of a sensor are no attempts.
    looking = next((each for each in found.lines if each.kind == "sensor" and node in ("", each.node)), None)
    if looking is None:
        return None
    return _tail(workspace, found.record.id, (looking.node, -1, 0), looking.state, looking.detail)


def _tail(workspace: Workspace, run: str, name: tuple[str, int, int], state: str, message: str) -> LogTail:
    node, item, attempt = name
    last: deque[tuple[int, Line]] = deque(maxlen=MOST_LINES)
    count = 0
    for entry in read_log(log_path(workspace.root, run, (node, item), attempt)):
        last.append(entry)
        count += 1
    goes_on = state in (State.RUNNING, State.WAITING)
    lines = tuple(each for _, each in last)
    if not lines and not goes_on:
        # Of what went well nothing is written down.
        said = f"attempt {attempt} {state}" if attempt else state
        lines = ({"at": "", "stream": "sqlpipe", "text": f"{said}: {message}" if message else said},)
    return LogTail(node, item, attempt, lines, last[-1][0] if last else 0, goes_on, count > MOST_LINES)


def _urgency(bar: Bar, failed: Collection[tuple[str, int]]) -> int:
    if bar.state == State.RUNNING:
        return 3
    return 2 if (bar.node, bar.item) in failed else 1 if bar.state in ("failed", "lost") else 0
