"""Turns for tests of tasks, without a run around them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Mishap, Operator, Running, Task
from sqlpipe.engine.contract import Session
from sqlpipe.run.operate import operate
from sqlpipe.run.turn import Result, Stopper, Turn


@dataclass
class Heard:
    """A log that is only remembered."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def write(self, stream: str, text: str, **_fields: object) -> None:
        self.lines.append((stream, text))

    def close(self) -> None:
        """Nothing is kept back."""

    def of(self, stream: str) -> list[str]:
        return [text for each, text in self.lines if each == stream]


@dataclass
class Stage:
    """A place where a task is performed."""

    root: Path
    values: dict[str, object] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    session: Session | None = None
    timeout: float | None = None
    path: str = "tasks/job.yml"
    log: Heard = field(default_factory=Heard)
    stopper: Stopper = field(default_factory=Stopper)
    processes: list[str] = field(default_factory=list)

    def turn(self, operator: Operator) -> Turn:
        node = Node(
            TableName("ops", "job"), self.path, Task(operator), digest="d", running=Running(timeout=self.timeout)
        )
        return Turn(
            node=node,
            root=self.root,
            values=self.values,
            environ=self.environ,
            log=self.log,
            stopper=self.stopper,
            session=self.session,
            note_process=self.processes.append,
        )

    def perform(self, operator: Operator) -> Result:
        return operate(Task(operator), self.turn(operator))

    def facts(self, operator: Operator) -> Mapping[str, object]:
        return self.perform(operator).facts

    @contextmanager
    def stopped_after(self, seconds: float, mishap: Mishap | None = None) -> Iterator[None]:
        timer = threading.Timer(seconds, self.stopper.stop, [mishap])
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
