"""Runs of the past in words: a line for each, and one of them with everything that belongs to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlpipe.app.recorded import RunDetails
from sqlpipe.cli.look import Look, align, count, duration, pad, short, tame
from sqlpipe.cli.run_text import name_width, node_line
from sqlpipe.domain.history import NodeFinished, State
from sqlpipe.domain.journal import RUN_STEPS, NodeRecord, RunRecord, RunState

_SIGNS: Mapping[RunState, tuple[str, str]] = {
    RunState.QUEUED: ("…", "dim"),
    RunState.RUNNING: ("→", "bold"),
    RunState.CANCELLING: ("→", "yellow"),
    RunState.DONE: ("✓", "green"),
    RunState.FAILED: ("✗", "red"),
    RunState.CANCELLED: ("-", "dim"),
    RunState.SKIPPED: ("○", "dim"),
}
_COUNTED: Mapping[str, str] = {
    State.DONE: "done",
    State.FAILED: "failed",
    State.BLOCKED: "skipped",
    State.SKIPPED: "passed over",
    State.CANCELLED: "cancelled",
    State.UNCHANGED: "unchanged",
    State.WAITING: "waiting",
    State.RUNNING: "running",
}


def moment(at: datetime | None) -> str:
    """A time by the clock of this machine, to the second."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at is not None else ""


def span(start: datetime, end: datetime, look: Look) -> str:
    """An interval by the clock of this machine."""
    return f"{start.astimezone():%Y-%m-%d %H:%M} {look.symbol('…')} {end.astimezone():%Y-%m-%d %H:%M}"


def run_lines(records: Sequence[RunRecord], now: datetime, look: Look) -> list[str]:
    """A line for each run: how it ended, its name, when it began, how long it took, whose it is, what came of it."""
    cells = [
        (
            short(each.id),
            each.state.value,
            moment(each.started or each.created),
            _took(each, now),
            tame(each.pipeline) or "-",
            tame(_outcome(each)),
        )
        for each in records
    ]
    return [
        f"  {_mark(each.state, look)}  {look.paint(cell[0], 'bold')}{line[len(cell[0]) :]}"
        for each, cell, line in zip(records, cells, align(cells), strict=True)
    ]


def _mark(state: RunState, look: Look) -> str:
    sign, colour = _SIGNS[state]
    widest = look.symbols(sign for sign, _ in _SIGNS.values())
    return look.paint(pad(look.symbol(sign), widest), colour)


def _took(record: RunRecord, now: datetime) -> str:
    if record.started is None:
        return ""
    return duration(((record.finished or now) - record.started).total_seconds())


def _outcome(record: RunRecord) -> str:
    return "; ".join(part for part in (counted(record.counts), record.reason, _cause(record)) if part)


def _cause(record: RunRecord) -> str:
    return record.cause.replace(record.parent, short(record.parent)) if record.parent else record.cause


def counted(counts: Mapping[str, int]) -> str:
    """How many nodes ended how."""
    return ", ".join(f"{counts[state]:,} {word}" for state, word in _COUNTED.items() if counts.get(state))


def detail_lines(found: RunDetails, now: datetime, look: Look, *, verbose: bool = False) -> list[str]:
    """A run with its nodes."""
    record = found.record
    head = f"{look.paint(record.id, 'bold')}  {_mark(record.state, look).rstrip()} {record.state}"
    facts = [(name, tame(value)) for name, value in _about(found, now, look) if value]
    nodes = _node_lines(found, look, verbose=verbose)
    lines = [head, *(f"  {line}" for line in align(facts))]
    if nodes:
        lines += ["", *nodes]
    end = counted(record.counts) or counted(_by_state(found.nodes))
    if end:
        lines += ["", f"{end}.{_again(record)}"]
    return lines


def _about(found: RunDetails, now: datetime, look: Look) -> Iterable[tuple[str, str]]:
    record, took = found.record, _took(found.record, now)
    yield "pipeline", record.pipeline
    yield "cause", _cause(record)
    yield "selected", " ".join([*record.select, *(f"-x {each}" for each in record.exclude)])
    yield "interval", span(record.start, record.end, look) if record.start and record.end else ""
    yield (
        "ticks",
        f"{len(found.ticks)}, {', '.join(dict.fromkeys(each.state for each in found.ticks))}"
        if (len(found.ticks) > 1)
        else "",
    )
    yield "deadline", moment(record.deadline)
    yield "created", "" if record.started else moment(record.created)
    yield "started", f"{moment(record.started)}, {'took' if record.finished else 'for'} {took}" if took else ""
    yield "reason", record.reason
    yield "repeats", short(record.parent) if record.options.get("repeat") else ""
    yield "part of", short(record.parent) if record.parent and not record.options.get("repeat") else ""
    yield "led to", ", ".join(f"{short(each.id)} ({each.state})" for each in found.children)


def _node_lines(found: RunDetails, look: Look, *, verbose: bool) -> list[str]:
    width = name_width(map(_called, found.nodes))
    tries = {(each.node, each.item): each.number for each in reversed(found.attempts)}
    lines = []
    for each in _in_order(found):
        if each.item >= 0 and not verbose and each.state in (State.DONE, State.UNCHANGED):
            continue
        lines.append(node_line(_as_event(each, tries.get((each.node, each.item), 0)), width, look))
        if verbose and each.facts and each.item < 0:
            facts = "  ".join(f"{name}={value}" for name, value in each.facts.items())
            lines.append(f"{' ' * (4 + look.symbols('✓✗!-·○→'))}{look.paint(f'facts: {tame(facts)}', 'dim')}")
    return lines


def _in_order(found: RunDetails) -> list[NodeRecord]:
    """The nodes in the order in which they came to how they are; items behind their task."""
    since = {each.node: each.since for each in found.nodes if each.item < 0}
    return sorted(found.nodes, key=lambda each: (since.get(each.node, each.since), each.node, each.item))


def _called(record: NodeRecord) -> str:
    return record.node if record.item < 0 else f"{record.node}[{record.item}]"


def _as_event(record: NodeRecord, attempts: int) -> NodeFinished:
    waits = f"; again at {record.until.astimezone():%H:%M:%S}" if record.until else ""
    tries = count(attempts, "attempt") if attempts > 1 else ""
    return NodeFinished(
        run=record.run,
        at=record.since,
        node=_called(record),
        kind=record.kind,
        state=record.state,
        action=record.action,
        rows=record.rows,
        seconds=record.seconds,
        detail="; ".join(part for part in (f"{record.detail}{waits}", tries) if part),
    )


def _by_state(nodes: Collection[NodeRecord]) -> dict[str, int]:
    states = [each.state.value for each in nodes if each.item < 0]
    return {state: states.count(state) for state in states}


def _again(record: RunRecord) -> str:
    if record.state is RunState.FAILED or record.state is RunState.CANCELLED:
        return f"  Again from here: sqlpipe retry {short(record.id)}"
    if RUN_STEPS[record.state] and record.state is not RunState.CANCELLING:
        return f"  Stop it: sqlpipe cancel {short(record.id)}"
    return ""


def log_text(line: Mapping[str, object]) -> str:
    """The text of one line of a log."""
    return tame(str(line.get("text", "")))


def log_line(line: Mapping[str, object], look: Look) -> str:
    """One line of a log: when it was written, where, and its text."""
    at = datetime.fromisoformat(str(line["at"])).astimezone()
    stream, text = str(line.get("stream", "")), log_text(line)
    item = f"[{line['item']}] " if "item" in line else ""
    sign = {"stderr": "!", "sqlpipe": "·"}.get(stream, " ")
    sign = look.symbol(sign) if look.unicode and sign != " " else {"·": "*"}.get(sign, sign)
    body = look.paint(text, "dim") if stream == "sqlpipe" else text
    return f"{look.paint(f'{at:%H:%M:%S}', 'dim')} {sign} {item}{body}"
