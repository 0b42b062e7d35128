"""Answers of a project: from its files as they are now, and from its journal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic

from sqlpipe.app import asking, orchestrating
from sqlpipe.app.asking import Saved
from sqlpipe.app.logged import log_lines
from sqlpipe.app.recorded import find_run, key_in, leader
from sqlpipe.app.serving import state_of
from sqlpipe.app.workspace import Patience, Workspace, node_named, show
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RUN_STEPS, AttemptState, Facts, Lease, RunState
from sqlpipe.graph.select import Selection
from sqlpipe.load.secret import hidden, keep_secret
from sqlpipe.run.clock import Clock
from sqlpipe.run.hall import LINGER, Lend
from sqlpipe.run.log import read_log
from sqlpipe.run.start import log_path
from sqlpipe.run.walk import FINAL
from sqlpipe.store import attempts, runs
from sqlpipe.store.book import Book
from sqlpipe.web.contract import LogName, Piece

# For so long (seconds) a project that was loaded is taken for the one on disk.
_FRESH = 5.0
# Who writes a dashboard looks at it: its files are looked at more often.
_GLANCE = 1.0
_PAGES = ("dashboards",)
# A run keeps the database open a little longer than it works in it.
_PATIENCE = LINGER + 0.5
# No request gets more lines than this at once.
_MOST = 2000


class Source:
    """The project as it is written now; while that cannot be loaded, as it was before."""

    def __init__(self, workspace: Workspace, load: Callable[[], Workspace], lend: Lend | None = None) -> None:
        self._lend = lend
        self._workspace = replace(workspace, lend=lend)
        self._load = load
        self._loaded = monotonic()
        self._pages = state_of(workspace.root, _PAGES)
        self._guard = threading.Lock()
        self.problems: tuple[Diagnostic, ...] = ()

    def workspace(self) -> Workspace:
        """The project, loaded anew by the first who asks when it has become old; others need not wait."""
        if self._is_old() and self._guard.acquire(blocking=False):
            try:
                self._pages = state_of(self._workspace.root, _PAGES)
                self._take(self._load())
                self.problems = ()
            except SqlpipeError as error:
                # What runs is still the last one that was well.
                self.problems = tuple(map(hidden, error.diagnostics))
            finally:
                self._loaded = monotonic()
                self._guard.release()
        return self._workspace

    def _is_old(self) -> bool:
        age = monotonic() - self._loaded
        return age > _FRESH or (age > _GLANCE and self._pages != state_of(self._workspace.root, _PAGES))

    def _take(self, workspace: Workspace) -> None:
        secrets = workspace.profile.secrets if workspace.profile else frozenset()
        if self._workspace.profile is None or secrets != self._workspace.profile.secrets:
            keep_secret(secrets)
        before = self._workspace
        if workspace.project == before.project and workspace.profile == before.profile:
            # What hangs on the project being another one, such as a survey, is not made anew.
            workspace = replace(workspace, project=before.project, graph=before.graph, profile=before.profile)
        self._workspace = replace(workspace, lend=self._lend)


class Reader:
    """Tells what is known."""

    def __init__(self, source: Source, book: Book, clock: Clock) -> None:
        self._source = source
        self._book = book
        self._clock = clock

    def runs(self, *, pipeline: str | None, states: Sequence[str], limit: int, before: str) -> object:
        """Runs, newest first."""
        wanted = [RunState(each) for each in states]
        workspace = self._source.workspace()
        return orchestrating.history(workspace, pipeline=pipeline or "", states=wanted, limit=limit, before=before)

    def run(self, run: str) -> object:
        """One run with all that belongs to it."""
        return orchestrating.details(self._source.workspace(), run)

    def find_log(self, run: str, node: str, item: int, attempt: int | None) -> LogName:
        """The log of an attempt; SP624 where there is none, or a task has fanned out and no item is named."""
        workspace = self._source.workspace()
        log_lines(workspace, run, node, attempt=attempt, item=item)
        record = find_run(self._book, run)
        key = key_in(workspace, attempts.nodes(self._book, record.id), node)
        tries = attempts.attempts(self._book, run=record.id, node=key)
        items = sorted({each.item for each in tries if each.item >= 0})
        if items and item < 0:
            said = f"{key} has fanned out: each item has a log of its own"
            raise SqlpipeError(Diagnostic(code="SP624", message=said, help=f"name one: item={items[0]} to {items[-1]}"))
        latest = max((each.number for each in tries if each.item == item), default=0)
        return LogName(record.id, key, item, latest if attempt is None else attempt)

    def log(self, name: LogName, after: int) -> Piece:
        """What stands in a log behind an offset, up to a bound; where nothing was written how the attempt ended."""
        workspace, ended = self._source.workspace(), self._has_ended(name)
        path = log_path(workspace.root, name.run, (name.node, name.item), name.attempt)
        found: list[Facts] = []
        for offset, line in read_log(path, after):
            if len(found) == _MOST:
                return Piece(tuple(found))
            found.append({"offset": offset, **line})
        if ended and not found and not after:
            found += log_lines(workspace, name.run, name.node, attempt=name.attempt, item=name.item)
        return Piece(tuple(found), ended)

    def pipelines(self) -> object:
        """The pipelines and how they stand."""
        return orchestrating.schedules(self._source.workspace(), now=self._clock.now())

    def schedule(self, around: datetime | None, count: int) -> object:
        """When each pipeline is due."""
        found = orchestrating.preview(self._source.workspace(), None, around, count, self._clock.now())
        return [{"pipeline": each.pipeline.name, "ticks": each.rows} for each in found]

    def why(self, node: str) -> object:
        """Everything that has to hold before a node runs."""
        return {"conditions": orchestrating.why(self._source.workspace(), node, now=self._clock.now())}

    def deeds(self, limit: int) -> object:
        """Who did what."""
        return orchestrating.deeds(self._source.workspace(), limit)

    def rows(self, node: str, limit: int) -> object:
        """Some rows of a node; SP502 while a run of this process has the database."""
        workspace = self._source.workspace()
        name = str(node_named(workspace, node).name)
        patient = replace(workspace, patience=Patience(_PATIENCE))
        return show(patient, name=name, limit=limit)

    def ask(self, sql: str, limit: int) -> object:
        """The first rows of a query that only reads tables."""
        return asking.ask(replace(self._source.workspace(), patience=Patience(_PATIENCE)), sql, limit)

    def save(self, sql: str, format: str) -> Saved:
        """The answer to such a query as a file."""
        return asking.save(replace(self._source.workspace(), patience=Patience(_PATIENCE)), sql, format)

    def leader(self) -> Lease | None:
        """Who schedules now."""
        return leader(self._book)

    def _has_ended(self, name: LogName) -> bool:
        run = runs.get_run(self._book, name.run)
        if run is None or not RUN_STEPS[run.state]:
            return True
        tries = attempts.attempts(self._book, run=name.run, node=name.node)
        same = [each for each in tries if (each.item, each.number) == (name.item, name.attempt)]
        if name.attempt:
            return bool(same) and all(each.state is not AttemptState.RUNNING for each in same)
        nodes = attempts.nodes(self._book, name.run)
        return any((each.node, each.item) == (name.node, name.item) and each.state in FINAL for each in nodes)


class Clerk(Reader):
    """Tells what is known, and does what is asked."""

    def cancel(self, run: str, *, who: str) -> object:
        """Have a run stop."""
        return orchestrating.cancel(self._source.workspace(), run, who)

    def retry(self, run: str, *, who: str) -> object:
        """Have the scheduler do again what went wrong in a run."""
        return orchestrating.enqueue_retry(self._source.workspace(), run, who)

    def mark(self, run: str, node: str, state: str, *, who: str, reason: str) -> object:
        """Have a node of a run count as done or failed."""
        return orchestrating.mark(self._source.workspace(), run, node, State(state), who, reason)

    def trigger(self, pipeline: str, *, who: str) -> object:
        """Queue a run of a pipeline."""
        return orchestrating.trigger(self._source.workspace(), pipeline, who)

    def pause(self, pipeline: str, *, who: str, reason: str) -> object:
        """Have a pipeline start nothing by itself."""
        return orchestrating.pause(self._source.workspace(), pipeline, who, reason)

    def resume(self, pipeline: str, *, who: str) -> object:
        """Have a pipeline start by itself again."""
        return orchestrating.resume(self._source.workspace(), pipeline, who)

    def enqueue(self, select: Sequence[str], exclude: Sequence[str], *, full_refresh: bool, who: str) -> object:
        """Queue a run of some nodes."""
        selection = Selection(tuple(select), tuple(exclude))
        return orchestrating.enqueue(self._source.workspace(), selection, who, full_refresh=full_refresh)

    def announce(self, event: str, facts: Facts, *, who: str) -> object:
        """Tell of an event from outside."""
        return orchestrating.announce(self._source.workspace(), event, who, facts)
