"""Settings of a node in words: where its rows come from, how it is tried, what a task does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlpipe.domain.project import (
    ColumnCursor,
    FilesCursor,
    Incremental,
    Ingest,
    Node,
    TimeColumn,
)
from sqlpipe.domain.task import AS_USUAL, Running, Sensor, Task
from sqlpipe.load.facts import OF_TABLES
from sqlpipe.load.secret import hide
from sqlpipe.plan.errand import action_of, text_of
from sqlpipe.web.words import count, lasting


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set, and to what; `is_code` says that it is text for a machine."""

    name: str
    value: str
    is_code: bool = False


def settings_of(node: Node) -> tuple[Setting, ...]:
    """What a node is told to do besides what is usual."""
    return tuple(Setting(each.name, hide(each.value), each.is_code) for each in (*_of_kind(node), *_running(node)))


def cursor_of(kind: Ingest) -> str:
    """How an ingest finds what is new.

    >>> from sqlpipe.domain.diagnostic import Place
    >>> cursor_of(Ingest("crm", Place(1, 1), ColumnCursor("changed", 3600)))
    'rows from the highest changed on, less 1 h'
    """
    match kind.cursor:
        case FilesCursor():
            return "files that are new or have changed"
        case ColumnCursor(column=column, lag=lag):
            return f"rows from the highest {column} on{f', less {_span(lag)}' if lag else ''}"
        case _:
            return "everything, compared with what is held"


def _span(seconds: float) -> str:
    """A length of time as it was written, most likely: without what is nothing."""
    text = lasting(seconds)
    return next((text.removesuffix(each) for each in (" 0 s", " 0 min", " 0 h") if text.endswith(each)), text).replace(
        ".0 s", " s"
    )


def _of_kind(node: Node) -> Iterator[Setting]:
    match node.kind:
        case Ingest() as kind:
            yield from _ingest(kind)
        case Incremental(time=time):
            yield from _time(time)
        case Task() as kind:
            yield Setting("Does", text_of(kind), is_code=True)
            yield Setting("Effects", kind.effects.value)
            if kind.for_each:
                yield Setting("For each", kind.for_each, is_code=True)
                yield Setting("Items", f"at most {kind.most}, {kind.parallel} at once")
        case Sensor() as kind:
            yield from _sensor(kind)


def _ingest(kind: Ingest) -> Iterator[Setting]:
    yield Setting("Reads", kind.source, is_code=True)
    yield Setting("Cursor", cursor_of(kind))
    keys = ", ".join(kind.key)
    yield Setting("Writes", f"{kind.write} by {keys}" if keys else kind.write)
    if kind.deletes != "ignore":
        yield Setting("Deletes", f"{kind.deletes}, at most {kind.max_deletes:g} % at once")
    yield Setting("Columns that change", kind.schema)
    if kind.time:
        yield from _time(kind.time)


def _time(time: TimeColumn) -> Iterator[Setting]:
    yield Setting("Kept by", f"{time.grain} of {time.column}")
    if time.start:
        yield Setting("Begins", f"{time.start:%Y-%m-%d %H:%M}".removesuffix(" 00:00"))
    if time.lookback:
        yield Setting("Looks back", count(time.lookback, str(time.grain)))
    if time.batch:
        yield Setting("In batches of", count(time.batch, str(time.grain)))


def _sensor(kind: Sensor) -> Iterator[Setting]:
    yield Setting("Does", action_of(kind))
    if text_of(kind) not in action_of(kind):
        yield Setting("Asks", text_of(kind), is_code=True)
    yield Setting("Looks every", f"{_span(kind.interval)}, and up to {_span(kind.max_interval)} apart")
    yield Setting("Gives up after", f"{_span(kind.timeout)}, then {_THEN[kind.on_timeout.value]}")


_THEN = {"fail": "it fails", "skip": "what follows is skipped", "continue": "what follows runs"}


def _running(node: Node) -> Iterator[Setting]:
    running = node.running
    tries = {"transient": running.retries.transient, "timeout": running.retries.timeout}
    if any(tries.values()) and running.retries != OF_TABLES:
        often = ", ".join(f"{number} after {_AFTER[name]}" for name, number in tries.items() if number)
        yield Setting("Tried again", f"{often}; {_span(running.retries.delay)} apart at first")
    if running.timeout is not None:
        yield Setting("Stopped after", _span(running.timeout))
    if running.pool:
        yield Setting("Pool", f"{running.pool}{f', {running.slots} places' if running.slots > 1 else ''}")
    yield from _conditions(running)


_AFTER = {"transient": "a failure that may pass", "timeout": "it took too long"}


def _conditions(running: Running) -> Iterator[Setting]:
    if running.condition:
        yield Setting("Runs if", running.condition, is_code=True)
    if running.rule is not AS_USUAL.rule:
        yield Setting("Runs when", _RULES[running.rule.value])
    if running.soft:
        yield Setting("Also after a failure of", ", ".join(sorted(running.soft)))


_RULES = {"all_done": "all before it have ended", "any_ok": "one before it went well"}
