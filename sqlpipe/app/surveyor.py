"""The survey of a project as a server keeps it: told at once, and looked up anew behind the scenes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from time import monotonic

from sqlpipe.app.surveying import Survey, survey_or_problem
from sqlpipe.app.workspace import Patience, Workspace, profile_of
from sqlpipe.run.clock import Clock

# A survey is looked up again after so many seconds though no file has changed: sources and the clock have.
_OLD = 30.0
# And not before so many have passed, nor ten times as long as looking takes: pages are not to keep the database busy.
_PAUSE = 1.0
_SHARE = 10
# So long (seconds) another reader of this process is waited for.
_PATIENCE = Patience(0.5)
_TAKEN = "SP502"

Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Look:
    """One look: what was found, of which project and files, when (monotonic) and how long it took in seconds."""

    found: Survey
    workspace: Workspace
    stamp: Stamp
    at: float
    took: float


class Surveyor:
    """Keeps the survey of a project; safe to use from any thread. Close it at the end."""

    def __init__(self, project: Callable[[], Workspace], clock: Clock) -> None:
        self._project = project
        self._clock = clock
        self._guard = threading.Lock()
        self._looking = threading.Lock()
        self._last: _Look | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def current(self) -> Survey:
        """What is known. Only the first who asks waits; when it may no longer be so, one thread looks again."""
        last = self._last
        if last is None:
            return self._first()
        if self._is_stale(last):
            self._look_behind()
        return last.found

    def fresh(self) -> Survey:
        """What is found by looking now."""
        with self._looking:
            return self._look()

    def close(self) -> None:
        """Look no more, and wait for the thread that still does."""
        with self._guard:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join()

    def _first(self) -> Survey:
        with self._looking:
            return self._last.found if self._last is not None else self._look()

    def _look(self) -> Survey:
        """Look, and keep what is found; while another process has the database, what was found before."""
        began, workspace = monotonic(), self._project()
        now = self._clock.now().astimezone(UTC).replace(tzinfo=None)
        # The stamp is taken first, so that what changes meanwhile is looked at again.
        stamp = _stamp(workspace)
        found = survey_or_problem(replace(workspace, now=now, patience=_PATIENCE))
        if self._last is not None and found.problem is not None and found.problem.code == _TAKEN:
            found = replace(self._last.found, problem=found.problem)
        self._last = _Look(found, workspace, stamp, monotonic(), monotonic() - began)
        return found

    def _is_stale(self, last: _Look) -> bool:
        age = monotonic() - last.at
        if age < max(_PAUSE, _SHARE * last.took):
            return False
        workspace = self._project()
        return (
            age > _OLD
            or last.found.problem is not None
            or workspace.graph is not last.workspace.graph
            or workspace.profile is not last.workspace.profile
            or _stamp(workspace) != last.stamp
        )

    def _look_behind(self) -> None:
        with self._guard:
            if self._closed or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self.fresh, name="sqlpipe-survey", daemon=True)
            self._thread.start()


def _stamp(workspace: Workspace) -> Stamp:
    """Size and modification time of the files of the database; nothing of those that are not there."""
    path = str(profile_of(workspace).settings["path"])
    found = []
    for each in (path, f"{path}.wal"):
        try:
            seen = Path(each).stat()
        except OSError:
            found.append((-1, -1))
        else:
            found.append((seen.st_size, seen.st_mtime_ns))
    return tuple(found)
