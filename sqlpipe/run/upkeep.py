"""What a leader does besides scheduling: alerts, signs of life, and forgetting what is old."""

from __future__ import annotations

import shutil
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic

from sqlpipe.load.cache import FOLDER
from sqlpipe.run.alarms import look
from sqlpipe.run.clock import Clock
from sqlpipe.run.deliver import Post
from sqlpipe.run.walk import Code
from sqlpipe.store import runs
from sqlpipe.store.book import Book, JournalAway
from sqlpipe.store.sweep import sweep

# So often (seconds) it is looked what is to be told, and what is to be forgotten.
_LOOK = 1.0
_SWEEP = 3600.0


class Upkeep:
    """Works on a thread of its own while `leads` says so; `code` gives the project as it is now."""

    def __init__(self, book: Book, clock: Clock, code: Callable[[], Code], leads: Callable[[], bool]) -> None:
        self._book = book
        self._clock = clock
        self._code = code
        self._leads = leads
        self._over = threading.Event()
        # What went wrong before anybody led is told too; nothing is told twice.
        self._since = clock.now() - timedelta(days=1)
        self._swept: float | None = None
        self._thread = threading.Thread(target=self._work, name="sqlpipe-upkeep", daemon=True)
        self._post = self._new_post()
        self._asked = code().project.orchestration

    def start(self) -> None:
        """Begin."""
        self._post.start()
        self._thread.start()

    def stop(self) -> None:
        """End, once everything that has happened has been written into the outbox."""
        self._over.set()
        self._thread.join()
        with suppress(JournalAway):
            self._tell()
        self._post.stop()

    def _work(self) -> None:
        while not self._over.wait(_LOOK):
            try:
                if self._leads():
                    self._tell()
                    self._post.beat()
                    self._forget()
            except JournalAway:
                continue
            except Exception:  # noqa: BLE001 - a bug in here must not silence what comes after
                traceback.print_exc()

    def _tell(self) -> None:
        code = self._code()
        if code.project.orchestration != self._asked:
            self._asked = code.project.orchestration
            self._post.stop()
            self._post = self._new_post()
            self._post.start()
        pipelines, nodes = code.project.orchestration.pipelines, code.graph.nodes
        if look(self._book, pipelines, nodes, self._clock.now(), since=self._since):
            self._post.wake()

    def _forget(self) -> None:
        """Forget runs that are older than the project wants them kept, and their logs."""
        if self._swept is not None and monotonic() - self._swept < _SWEEP:
            return
        self._swept = monotonic()
        code = self._code()
        sweep(self._book, self._clock.now() - timedelta(seconds=code.project.orchestration.keep))
        folder = code.root / FOLDER / "logs"
        for each in folder.iterdir() if folder.is_dir() else ():
            if runs.get_run(self._book, each.name) is None:
                shutil.rmtree(each, ignore_errors=True)

    def _new_post(self) -> Post:
        code = self._code()
        project = code.project
        return Post(self._book, project.orchestration, self._clock.now, project=project.name, folder=code.root)
