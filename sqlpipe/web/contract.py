"""What the server needs: somebody who knows the project and its journal, and somebody who schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlpipe.app.asking import Saved
from sqlpipe.domain.journal import Facts
from sqlpipe.run.schedule import Status

# What is wrong with a request is a SqlpipeError, as everywhere; a journal that does not answer is a JournalAway. What
# is returned as `object` is a value of the domain, or a mapping or list of these, as `as_json` takes it.


@dataclass(frozen=True, slots=True)
class LogName:
    """Whose log: of the node with this key, or of one item of it, in a run; the looks of a sensor are attempt 0."""

    run: str
    node: str
    item: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a log: each line has the `offset` behind it. `ended` says that nothing more comes."""

    lines: tuple[Facts, ...] = ()
    ended: bool = False


class Reading(Protocol):
    """What can be learnt; called from any thread."""

    def runs(self, *, pipeline: str | None, states: Sequence[str], limit: int, before: str) -> object:
        """Runs, newest first."""
        ...

    def run(self, run: str) -> object:
        """One run with its nodes and attempts."""
        ...

    def find_log(self, run: str, node: str, item: int, attempt: int | None) -> LogName:
        """The log of an attempt at a node; of the latest without its number."""
        ...

    def log(self, name: LogName, after: int) -> Piece:
        """What stands in a log behind an offset."""
        ...

    def pipelines(self) -> object:
        """The pipelines, how they stand and when they are due."""
        ...

    def schedule(self, around: datetime | None, count: int) -> object:
        """So many instants at which each pipeline is due, around one or from now on."""
        ...

    def why(self, node: str) -> object:
        """Why a node runs or does not."""
        ...

    def deeds(self, limit: int) -> object:
        """Who did what, latest first."""
        ...

    def rows(self, node: str, limit: int) -> object:
        """Some rows of a node."""
        ...

    def ask(self, sql: str, limit: int) -> object:
        """The first rows of a query that only reads tables."""
        ...

    def save(self, sql: str, format: str) -> Saved:
        """The answer to such a query as a file."""
        ...


class Writing(Protocol):
    """What can be done; called from any thread. `who` is noted with the deed."""

    def cancel(self, run: str, *, who: str) -> object:
        """Have a run stop."""
        ...

    def retry(self, run: str, *, who: str) -> object:
        """Have what went wrong in a run done again."""
        ...

    def mark(self, run: str, node: str, state: str, *, who: str, reason: str) -> object:
        """Have a node count as it did not end."""
        ...

    def trigger(self, pipeline: str, *, who: str) -> object:
        """Have a pipeline run now."""
        ...

    def pause(self, pipeline: str, *, who: str, reason: str) -> object:
        """Have a pipeline not start by itself."""
        ...

    def resume(self, pipeline: str, *, who: str) -> object:
        """Have a pipeline start by itself again."""
        ...

    def enqueue(self, select: Sequence[str], exclude: Sequence[str], *, full_refresh: bool, who: str) -> object:
        """Have some nodes run."""
        ...

    def announce(self, event: str, facts: Facts, *, who: str) -> object:
        """Tell of an event that pipelines may be started by."""
        ...


class Office(Reading, Writing, Protocol):
    """Everything that can be asked of a project."""


class Scheduling(Protocol):
    """A scheduler, as far as it is watched."""

    def status(self) -> Status:
        """How it is; callable from any thread."""
        ...

    def rouse(self) -> None:
        """Have it look at once what there is to do; callable from any thread."""
        ...
