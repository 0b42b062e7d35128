"""Guesses: tokens that were wrong, by the address from which they came, so that nobody tries many."""

from __future__ import annotations

import threading
from collections import OrderedDict
from time import monotonic

# So many wrong ones within so many seconds; of so many addresses it is known.
_MOST, _WITHIN, _ADDRESSES = 10, 60.0, 1000


class Guesses:
    """Counts wrong tokens; safe to use from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def may(self, address: str) -> bool:
        """Whether one from there may try another one."""
        with self._guard:
            return len(self._recent(address)) < _MOST

    def note(self, address: str) -> None:
        """One from there was wrong."""
        with self._guard:
            self._wrong[address] = [*self._recent(address), monotonic()]
            self._wrong.move_to_end(address)
            while len(self._wrong) > _ADDRESSES:
                self._wrong.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        since = monotonic() - _WITHIN
        return [each for each in self._wrong.get(address, ()) if each > since]
