"""A plan in words: what will be done to each node, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlpipe.cli.look import Look, align, count, database_name, tame
from sqlpipe.domain.history import as_json
from sqlpipe.domain.interval import Interval
from sqlpipe.domain.plan import Change, Plan, Step
from sqlpipe.domain.project import CheckQuery, Node
from sqlpipe.domain.task import Sensor, Task

_SIGNS: Mapping[Change, str] = {
    Change.NEW: "+",
    Change.EDITED: "~",
    Change.DATA: "~",
    Change.FORCED: "~",
    Change.DUE: "·",
    Change.MAYBE: "·",
    Change.UNCHANGED: " ",
}
_COLOURS = {"+": "green", "~": "yellow", "·": "dim", " ": "dim"}
_PLAIN = Look()
_MEANINGS: Mapping[Change, str] = {
    Change.NEW: "is new",
    Change.EDITED: "was edited",
    Change.DATA: "has new data to take in",
    Change.FORCED: "is to be built from nothing",
    Change.DUE: "looks whether its source has something new",
    Change.MAYBE: "runs only if something before it brings new rows",
    Change.UNCHANGED: "is up to date",
}


def plan_lines(plan: Plan, look: Look, *, verbose: bool = False) -> list[str]:
    """The steps, aligned; those with nothing to do only when there is much to say."""
    steps = plan.steps if verbose else plan.to_do
    if not steps:
        return []
    cells = [
        (str(step.node.name), tame(step.reason), tame(step.action), period(step.intervals, look)) for step in steps
    ]
    lines = []
    for step, line in zip(steps, align([[tame(cell) for cell in row] for row in cells]), strict=True):
        sign, name = _SIGNS[step.change], tame(str(step.node.name))
        mark = look.paint(look.symbol(sign) if sign != " " else sign, _COLOURS[sign])
        lines.append(f"  {mark}  {look.paint(name, 'bold')}{line[len(name) :]}")
    return lines


def period(intervals: Sequence[Interval], look: Look = _PLAIN) -> str:
    """The time that intervals span, from the first instant to the last day or hour, or nothing.

    >>> from datetime import datetime
    >>> period([Interval(datetime(2026, 1, 1), datetime(2026, 3, 3))])
    '2026-01-01 … 2026-03-02'
    """
    if not intervals:
        return ""
    dots = look.symbol("…")
    start, end = min(each.start for each in intervals), max(each.end for each in intervals)
    if any(moment.hour or moment.minute or moment.second for moment in (start, end)):
        return f"{start:%Y-%m-%d %H:%M} {dots} {end:%Y-%m-%d %H:%M}"
    last = end.date().fromordinal(max(end.date().toordinal() - 1, start.date().toordinal()))
    return f"{start:%Y-%m-%d}" if last == start.date() else f"{start:%Y-%m-%d} {dots} {last:%Y-%m-%d}"


def plan_head(plan: Plan, look: Look) -> str:
    """The line a plan begins with."""
    tasks = sum(is_errand(step.node) for step in plan.steps)
    certain = sum(1 for step in plan.to_do if step.change not in (Change.DUE, Change.MAYBE))
    due = sum(1 for step in plan.to_do if step.change is Change.DUE) - tasks
    maybe = len(plan.to_do) - certain - due - tasks
    parts = [count(len(plan.steps) - tasks, "model"), f"{certain} to build"]
    parts += [f"{due} to look at"] if due else []
    parts += [f"{count(tasks, 'task')} to run"] if tasks else []
    parts += [f"{maybe} may follow"] if maybe else []
    separator = f" {look.symbol('·') if look.unicode else '-'} "
    return separator.join(tame(part) for part in (plan.target, database_name(plan.database), ", ".join(parts)) if part)


def plan_summary(plan: Plan) -> str:
    """The last line of a plan, with the command that tells more."""
    unchanged = len(plan.steps) - len(plan.to_do)
    if not plan.to_do:
        verb = "is" if unchanged == 1 else "are"
        return f"nothing to do: {count(unchanged, 'model')} {verb} up to date"
    parts = [count(len(plan.to_do), "step"), count(checks_of(step.node for step in plan.to_do), "check")]
    parts += [f"{unchanged:,} unchanged"] if unchanged else []
    told = max(plan.to_do, key=lambda step: len(step.waits))
    return f"{', '.join(parts)}.  Why? sqlpipe plan --why {told.node.name}"


def is_errand(node: Node) -> bool:
    """Whether the node does something besides keeping rows."""
    return isinstance(node.kind, Task | Sensor)


def checks_of(nodes: Iterable[Node]) -> int:
    """How many checks the nodes have; a check with a file of its own is one."""
    return sum(1 if isinstance(node.kind, CheckQuery) else len(node.checks) for node in nodes)


def why_lines(plan: Plan, step: Step, look: Look) -> list[str]:
    """Why a step is in the plan: its own reason, then those of the steps it waits for, nearest first."""
    name = look.paint(str(step.node.name), "bold")
    lines = [f"{name} {_cause(step)}"]
    if step.action and step.change is not Change.UNCHANGED:
        span = period(step.intervals, look)
        lines.append(f"  it will: {tame(step.action)}{f' ({span})' if span else ''}")
    before = _before(plan, step)
    if before:
        lines.append("  after:")
        lines += [f"    {line}" for line in align([(str(each.node.name), _cause(each)) for each in before])]
    return lines


def _cause(step: Step) -> str:
    reason = tame(step.reason)
    if is_errand(step.node):
        return reason
    return f"{_MEANINGS[step.change]}: {reason}" if reason not in ("", step.change) else _MEANINGS[step.change]


def _before(plan: Plan, step: Step) -> list[Step]:
    """The steps with something to do that come before this one, the nearest first."""
    by_key = {each.node.key: each for each in plan.to_do}
    seen, found, wave = {step.node.key}, [], sorted(step.waits)
    while wave:
        nearest = [by_key[key] for key in wave if key in by_key and key not in seen]
        seen.update(wave)
        found += nearest
        wave = sorted({key for each in nearest for key in each.waits} - seen)
    return found


def plan_document(plan: Plan) -> object:
    """The plan as one JSON document."""
    steps = [
        {
            "name": str(step.node.name),
            "kind": step.node.kind_name,
            "change": step.change,
            "reason": step.reason,
            "action": step.action,
            "waits": step.waits,
            "intervals": step.intervals,
            "sql": step.sql,
        }
        for step in plan.steps
    ]
    return as_json({"target": plan.target, "database": plan.database, "steps": steps})
