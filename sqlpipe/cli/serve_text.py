"""What a server says on the terminal, written on a thread of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from sqlpipe.app.foreseeing import Scheduled
from sqlpipe.cli import run_text
from sqlpipe.cli.look import align, count, tame
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.history import Event, NodeFinished, RunFinished, RunStarted, RunWaiting, State
from sqlpipe.domain.journal import Lease
from sqlpipe.domain.schedule import On
from sqlpipe.web.health import Health

_MOST_WAITING = 10_000


class Writer:
    """Writes on a thread of its own: nobody who runs anything waits for one who does not read.

    What comes while too much is waiting to be written is left out.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.verbose = terminal.verbose
        self.quiet = terminal.quiet
        self._terminal = terminal
        self._waiting: SimpleQueue[object] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="sqlpipe-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=2)

    def write(self, value: object) -> None:
        """Have a text written as it is, and anything else as JSON."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(value)

    def _write(self) -> None:
        while (value := self._waiting.get()) is not None:
            if isinstance(value, str):
                self._terminal.put(value)
            else:
                self._terminal.document(value)


class Documents:
    """Writes what happens as lines of JSON."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:
        """Write where the server is."""
        due = {each.pipeline.name: each.next.at if each.next else None for each in pipelines}
        self._writer.write({"event": "Serving", "url": url, "pid": os.getpid(), "pipelines": due})

    def role(self, health: Health, leader: Lease | None) -> None:
        """Write who leads."""
        self._writer.write({"event": "Role", "role": health.role, "leader": leader, "reasons": health.reasons})

    def hear(self, event: Event, pipeline: str) -> None:  # noqa: ARG002 - the run of an event is found in the journal
        """Write an event."""
        self._writer.write(event)


class Lines:
    """Tells where the server is, who leads, and each run with a line at its beginning and one at its end."""

    def __init__(self, writer: Writer, title: str) -> None:
        self._writer = writer
        self._title = title

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:
        """Say where the server is, and what it will do when."""
        self._writer.write(f"{tame(self._title)} · {url}")
        if pipelines:
            self._writer.write("")
            for line in align([(f"  {tame(each.pipeline.name)}", _due(each)) for each in pipelines]):
                self._writer.write(line)
        self._writer.write("")

    def role(self, health: Health, leader: Lease | None) -> None:
        """Say who leads."""
        self._line(datetime.now(UTC), _of_role(health, leader))

    def hear(self, event: Event, pipeline: str) -> None:
        """Tell the beginning and the end of a run; more where more is wanted."""
        name = tame(pipeline or "run")
        match event:
            case RunStarted():
                self._line(event.at, f"{name}  {event.run}  begins: {count(event.nodes, 'node')}")
            case RunWaiting():
                self._line(event.at, f"{name}  {event.run}  waits: {tame(event.detail)}")
            case RunFinished():
                told = run_text.summary(event, event.warned, f"sqlpipe retry {event.run}")
                self._line(event.at, f"{name}  {event.run}  {'ends' if event.well else 'FAILS'}: {told}")
            case NodeFinished(state=State.FAILED) if event.diagnostics:
                first = event.diagnostics[0]
                self._line(event.at, f"{name}  {event.run}  {tame(event.node)}: {first.code} {tame(first.message)}")
            case NodeFinished() if self._writer.verbose:
                self._line(event.at, f"{name}  {event.run}  {tame(event.node)} {event.state.value}")

    def _line(self, at: datetime, text: str) -> None:
        if not self._writer.quiet:
            self._writer.write(f"{at:%Y-%m-%d %H:%M:%S}  {text}")


def _due(scheduled: Scheduled) -> str:
    """When a pipeline runs next, in words."""
    starter = scheduled.pipeline.starter
    if scheduled.row is not None and scheduled.row.paused_at is not None:
        return f"paused by {tame(scheduled.row.paused_by)}"
    if scheduled.next is not None:
        return f"next {scheduled.next.at:%Y-%m-%d %H:%M} UTC"
    if isinstance(starter, On):
        return f"on {', '.join(map(tame, (*starter.nodes, *starter.events)))}"
    return "by hand" if starter is None else "not any more"


def _of_role(health: Health, leader: Lease | None) -> str:
    match health.role:
        case "leader":
            return "leading"
        case "onlooker" | "standby" if leader is not None:
            return f"{health.role}: process {leader.pid} on {tame(leader.host)} leads"
        case _:
            return f"{health.role}: {tame('; '.join(health.reasons)) or 'nobody leads'}"
