"""Threads that work off what they are given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import monotonic

Labour = Callable[[], None]


class Crew:
    """As many threads as there is work at once; one that never comes back does not keep the process from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._guard = threading.Lock()
        self._idle = 0
        self._threads: list[threading.Thread] = []
        self._work: SimpleQueue[Labour | None] = SimpleQueue()

    def submit(self, labour: Labour) -> None:
        """Have a thread do something, at once; it is not to raise."""
        with self._guard:
            if self._idle:
                self._idle -= 1
            else:
                name = f"{self._name}-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._toil, name=name, daemon=True))
                self._threads[-1].start()
        self._work.put(labour)

    def close(self, seconds: float) -> None:
        """Let the threads go home, and wait so long for those that are still busy."""
        for _ in self._threads:
            self._work.put(None)
        until = monotonic() + seconds
        for each in self._threads:
            each.join(max(0.0, until - monotonic()))

    def _toil(self) -> None:
        while (labour := self._work.get()) is not None:
            labour()
            del labour  # what it holds is not to outlive it
            with self._guard:
                self._idle += 1
