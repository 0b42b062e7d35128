"""Units that can be taken up, by lane and in order, and those that are put aside until a moment."""

from __future__ import annotations

from datetime import datetime
from heapq import heappop, heappush

# A node, or one of the items over which a task fans out: its key, and the number of the item (-1 without).
Unit = tuple[str, int]
Rank = tuple[float, int]


class Queue:
    """What of one run waits for a worker, or for its time."""

    def __init__(self) -> None:
        self._ready: dict[str, list[tuple[Rank, Unit]]] = {}
        self._parked: list[tuple[datetime, Unit]] = []

    def push(self, lane: str, rank: Rank, unit: Unit) -> None:
        """Have a unit wait for a worker; the lowest rank is served first."""
        heappush(self._ready.setdefault(lane, []), (rank, unit))

    def head(self, lane: str) -> Unit | None:
        """The unit that is to be run next in a lane."""
        ready = self._ready.get(lane)
        return ready[0][1] if ready else None

    def take(self, lane: str) -> Unit:
        """Take the next unit out of a lane."""
        return heappop(self._ready[lane])[1]

    def park(self, until: datetime, unit: Unit) -> None:
        """Put a unit aside until a moment."""
        heappush(self._parked, (until, unit))

    def due(self, now: datetime) -> list[tuple[datetime, Unit]]:
        """Those that have been put aside for long enough, with their moments; they are no longer put aside."""
        found = []
        while self._parked and self._parked[0][0] <= now:
            found.append(heappop(self._parked))
        return found

    def next_due(self) -> datetime | None:
        """When the next of those put aside is due."""
        return self._parked[0][0] if self._parked else None

    def clear(self) -> None:
        """Forget all of them."""
        self._ready, self._parked = {}, []
