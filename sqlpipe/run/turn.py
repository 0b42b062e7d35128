"""One attempt at a task or one poke of a sensor: what it is given, how it is stopped, what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Mishap
from sqlpipe.engine.contract import Session


class Mischance(SqlpipeError):
    """An attempt went wrong; `mishap` says which budget of retries it takes from."""

    def __init__(self, mishap: Mishap, *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.mishap = mishap


class Stopper:
    """A wish to stop one attempt; whoever carries it out says what has to be done for that."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._actions: list[Callable[[], None]] = []
        self._asked = threading.Event()
        self.mishap: Mishap | None = None

    @property
    def asked(self) -> bool:
        """Whether the attempt is to stop."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep for so long, or until the attempt is to stop; whether it is."""
        return self._asked.wait(seconds)

    def stop(self, mishap: Mishap | None = None) -> None:
        """Ask the attempt to stop: because it took too long (`Mishap.TIMEOUT`), or because it is cancelled (None)."""
        with self._guard:
            if self._asked.is_set():
                return
            self.mishap = mishap
            self._asked.set()
            actions = list(self._actions)
        for each in actions:
            each()

    def on_stop(self, action: Callable[[], None]) -> None:
        """Have something done when the wish comes; at once if it has come already. Called from another thread."""
        with self._guard:
            self._actions.append(action)
            asked = self._asked.is_set()
        if asked:
            action()


class Log(Protocol):
    """Where an attempt writes what it has to say, one line at a time; callable from any thread."""

    def write(self, stream: str, text: str, **fields: object) -> None:
        """Write one line: `stream` is `stdout`, `stderr` or `sqlpipe`; further fields are kept beside the text."""
        ...

    def close(self) -> None:
        """Write what was kept back, and close."""
        ...


class Look(Protocol):
    """What a sensor asks of the journal of this project, or of another one."""

    def moved(self, table: str, project: str, target: str) -> tuple[str, datetime] | None:
        """The data version of a table, and when it was last confirmed; None if it has never been built."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Everything that a task or a sensor is given.

    `values` are what its templates can name: `facts` (by the name of the task), `run`, `item`, `vars`. `environ` are
    the `SQLPIPE_...` variables of the attempt. `session` is open where the operator needs the target.
    """

    node: Node
    root: Path
    values: Mapping[str, object]
    environ: Mapping[str, str]
    log: Log
    stopper: Stopper
    session: Session | None = None
    project: str = ""
    note_process: Callable[[str], None] = field(default=lambda _process: None)


@dataclass(frozen=True, slots=True)
class Result:
    """What a task brought: facts for those after it, and a few words for people."""

    facts: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Poked:
    """What a sensor saw: whether the time has come, its facts then, and what it remembers for the next poke."""

    met: bool
    facts: Mapping[str, object] = field(default_factory=dict)
    waited: Mapping[str, object] = field(default_factory=dict)
    detail: str = ""
