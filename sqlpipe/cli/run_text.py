"""A run in words: a line for each node that has ended, and the sum of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlpipe.cli.look import Look, count, cut, database_name, duration, measure, pad, pad_left, tame
from sqlpipe.domain.check import CheckResult
from sqlpipe.domain.diagnostic import Diagnostic, Severity
from sqlpipe.domain.history import NodeFinished, NodeWaiting, RunFinished, RunStarted, RunWaiting, State

_SIGNS = ("✓", "✗", "!", "-", "·", "○", "→")
_COLOURS = {"✓": "green", "✗": "red", "!": "yellow", "-": "dim", "·": "dim", "○": "dim", "→": "dim"}
_WIDEST_NAME = 60


def head(event: RunStarted, look: Look) -> str:
    """The line a run begins with: where, how much, how many at once."""
    parts = (event.target, database_name(event.database), count(event.nodes, "model"), count(event.threads, "thread"))
    return f" {look.symbol('·') if look.unicode else '-'} ".join(part for part in map(tame, parts) if part)


def name_width(names: Iterable[str]) -> int:
    """How wide the column of names is to be."""
    return min(_WIDEST_NAME, max(map(measure, names), default=0))


def node_line(event: NodeFinished, width: int, look: Look) -> str:
    """One aligned line: sign, name, action, rows, seconds, aside."""
    sign = _sign(event)
    word = pad(look.symbol(sign), look.symbols(_SIGNS))
    action = pad(tame(_action(event)), 11)
    rows = pad_left("" if event.rows is None else count(event.rows, "row"), 13)
    ran = event.state in (State.DONE, State.FAILED)
    seconds = pad_left(duration(event.seconds) if ran else "", 6)
    aside = tame(_aside(event))
    name = pad(tame(event.node), width)
    plain = f"  {word}  {name}   {action} {rows} {seconds}   {aside}".rstrip()
    if look.width is not None and measure(plain) > look.width:
        aside = cut(aside, max(8, look.width - (measure(plain) - measure(aside))), look.symbol("…"))
    coloured = (look.paint(word, _COLOURS[sign]), look.paint(name, "bold"))
    return f"  {coloured[0]}  {coloured[1]}   {action} {rows} {seconds}   {aside}".rstrip()


def _sign(event: NodeFinished) -> str:
    match event.state:
        case State.DONE:
            return "!" if event.warnings else "✓"
        case State.UNCHANGED:
            return "·"
        case State.FAILED:
            return "✗"
        case State.BLOCKED | State.CANCELLED:
            return "-"
        case State.SKIPPED:
            return "○"
        case State.WAITING | State.RUNNING:
            return "→"


def _action(event: NodeFinished) -> str:
    match event.state:
        case State.BLOCKED:
            return "skipped"
        case State.SKIPPED:
            return "passed over"
        case State.CANCELLED | State.UNCHANGED | State.WAITING | State.RUNNING:
            return event.state.value
        case State.DONE | State.FAILED:
            return event.action or event.kind


def _aside(event: NodeFinished) -> str:
    parts = [event.detail]
    if event.warnings:
        parts.append(
            f"{event.warnings} of {count(len(event.checks), 'check')} {'warns' if event.warnings == 1 else 'warn'}"
        )
    return "; ".join(part for part in parts if part) or ("" if event.state is State.DONE else event.reason)


def waiting_line(event: NodeWaiting, width: int, look: Look) -> str:
    """A dim line for a node that is looked at again later."""
    sign = pad(look.symbol("…"), look.symbols(_SIGNS))
    line = f"  {sign}  {pad(tame(event.node), width)}   {pad(tame(event.kind), 11)} {waiting_aside(event)}"
    return look.paint(cut(line, look.width, look.symbol("…")), "dim")


def waiting_aside(event: NodeWaiting) -> str:
    """What a node waits for, and when it is looked at again, by the clock of this machine."""
    said = tame(event.detail) or "waits"
    if event.until is None or "tries again" in said:
        return said
    return f"{said}; again at {event.until.astimezone():%H:%M:%S}"


def run_waiting_line(event: RunWaiting, look: Look) -> str:
    """A dim line for a run that cannot go on for now."""
    return look.paint(f"waiting: {tame(event.detail)}", "dim")


def check_lines(event: NodeFinished, look: Look, *, verbose: bool = False) -> list[str]:
    """An indented line for each check that warns; for every check when there is much to say."""
    indent = " " * (2 + look.symbols(_SIGNS) + 2)
    lines = []
    for result in event.checks:
        if not result.passed and not result.blocks:
            lines.append(f"{indent}{look.paint('warns', 'yellow')}: {_finding(result)}")
        elif verbose:
            word = look.paint("fails", "red") if result.blocks else look.paint("passes", "dim")
            lines.append(f"{indent}{word}: {_finding(result)}")
    return lines


def _finding(result: CheckResult) -> str:
    parts = [f"{result.offences:,} of {count(result.total, 'row')}"] if result.offences else []
    parts += [tame(result.note)] if result.note else []
    return f"{tame(result.check.name)}{': ' if parts else ''}{', '.join(parts)}"


def worth_a_frame(diagnostics: Iterable[Diagnostic], *, verbose: bool) -> list[Diagnostic]:
    """The diagnostics to draw; warnings of checks have their line already."""
    return [each for each in diagnostics if verbose or each.severity is Severity.ERROR or each.code != "SP402"]


def summary(finished: RunFinished, warned: int, again: str) -> str:
    """The last line of a run; `again` is the command that goes on from here."""
    total = sum(finished.counts.values())
    unchanged = finished.counts.get(State.UNCHANGED, 0)
    took = duration(finished.seconds)
    if unchanged == total and not finished.interrupted:
        return f"nothing to do: {_up_to_date(total)} ({took})"
    parts = (
        (finished.counts.get(State.DONE, 0) - warned, "built"),
        (warned, "warned"),
        (finished.counts.get(State.FAILED, 0), "failed"),
        (finished.counts.get(State.BLOCKED, 0), "skipped"),
        (finished.counts.get(State.SKIPPED, 0), "passed over"),
        (finished.counts.get(State.WAITING, 0), "waiting"),
        (finished.counts.get(State.RUNNING, 0), "still running"),
        (finished.counts.get(State.CANCELLED, 0), "cancelled"),
        (unchanged, "unchanged"),
        (finished.counts.get("kept", 0), "kept"),
    )
    told = ", ".join(f"{number:,} {word}" for number, word in parts if number > 0) or "nothing built"
    line = f"interrupted: {told} in {took}." if finished.interrupted else f"{told} in {took}."
    return line if finished.well else f"{line}  Again from here: {again}"


def _up_to_date(total: int) -> str:
    return f"{count(total, 'model')} {'is' if total == 1 else 'are'} up to date"
