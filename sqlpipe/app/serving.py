"""The scheduler of a project, put together; the project is loaded again when its files change."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlpipe.app.running import code_of, equipped, journal_of
from sqlpipe.app.workspace import Workspace, open_workspace
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.history import Event
from sqlpipe.load.files import SETTINGS, TOP_FOLDERS
from sqlpipe.run.clock import Clock
from sqlpipe.run.leadership import TTL
from sqlpipe.run.schedule import LOOK, Premises, Scheduler
from sqlpipe.run.upkeep import Upkeep
from sqlpipe.run.walk import Code

# So often (seconds) the files of the project are looked at.
_PAUSE = 2.0


@contextmanager
def scheduler(
    workspace: Workspace,
    *,
    clock: Clock | None = None,
    threads: int | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
    lead: bool = True,
    ttl: float = TTL,
) -> Iterator[Scheduler]:
    """The scheduler of a workspace, not begun yet; call its `stop` before the end of the `with`."""
    with (
        journal_of(workspace) as book,
        equipped(workspace, book, clock or Clock(), threads=threads, look=LOOK) as shop,
        _watching(workspace) as watcher,
    ):
        premises = Premises(
            shop=shop,
            owner=shop.owner,
            code=code_of(workspace),
            news=watcher.news,
            on_event=on_event,
            lead=lead,
            ttl=ttl,
        )
        made = Scheduler(premises)
        upkeep = Upkeep(book, shop.clock, lambda: made.code, lambda: made.leads)
        upkeep.start()
        try:
            yield made
        finally:
            upkeep.stop()


class _Watcher:
    """Loads a project again when its files have changed; a broken one is told, and the last good one stays."""

    def __init__(self, root: Path, seen: str) -> None:
        self._root = root
        self._seen = seen
        self._guard = threading.Lock()
        self._found: Code | None = None
        self._problem = ""

    def news(self) -> tuple[Code | None, str]:
        """The project, if it has changed since this was last asked, and what is wrong with it as it is written now."""
        with self._guard:
            found, self._found = self._found, None
            return found, self._problem

    def look(self) -> None:
        """Load the project if a file of it has changed."""
        seen = state_of(self._root)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            code, problem = code_of(open_workspace(self._root, with_profile=False)), ""
        except SqlpipeError as error:
            first = error.diagnostics[0]
            place = f"{first.span.file}:{first.span.place.line}: " if first.span else ""
            more = f" (and {len(error.diagnostics) - 1} more)" if len(error.diagnostics) > 1 else ""
            code, problem = None, f"{place}{first.code} {first.message}{more}"
        except Exception as error:  # noqa: BLE001 - a bug must not end the watch
            code, problem = None, f"{type(error).__name__}: {error} (a bug in sqlpipe)"
        with self._guard:
            self._found, self._problem = code, problem


@contextmanager
def _watching(workspace: Workspace) -> Iterator[_Watcher]:
    watcher = _Watcher(workspace.root, state_of(workspace.root))
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_PAUSE):
            watcher.look()

    thread = threading.Thread(target=watch, name="sqlpipe-files", daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        over.set()
        thread.join()


def state_of(root: Path, parts: Iterable[str] = (SETTINGS, *TOP_FOLDERS, "macros")) -> str:
    """A text that changes when a file of the project does, or of these parts of it."""
    found = []
    for top in (root / each for each in parts):
        for folder, folders, files in os.walk(top):
            folders[:] = [each for each in folders if not each.startswith((".", "__pycache__"))]
            found += [_stat(Path(folder) / each) for each in sorted(files)]
        if top.is_file():
            found.append(_stat(top))
    return "\n".join(found)


def _stat(path: Path) -> str:
    try:
        seen = path.stat()
    except OSError:
        return str(path)
    return f"{path} {seen.st_size} {seen.st_mtime_ns}"
