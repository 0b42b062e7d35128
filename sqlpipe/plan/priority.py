"""Which of the nodes that could run is started next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter

# A run whose deadline leaves less time to spare than this (seconds) goes before those that have time.
_URGENT = 900.0
# Who has waited for longer than this (seconds) is entitled to one of every so many starts, whatever is more pressing.
_PATIENCE = 600.0
_SHARE = 4
# What a node takes that was never run (seconds).
_UNKNOWN = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node that could run now.

    `path` is the time (seconds) from its beginning to the end of everything below it; `since` is when it became ready.
    """

    run: str
    pipeline: str
    node: str
    deadline: datetime | None
    path: float
    since: datetime
    backfill: bool = False

    @property
    def lane(self) -> str:
        """What takes turns with others: a pipeline, and apart from it what it is filled with for the past."""
        return f"{self.pipeline}\nbackfill" if self.backfill else self.pipeline

    def slack(self, now: datetime) -> float:
        """The time (seconds) that is left to spare before the deadline of its run; negative if it is too late."""
        if self.deadline is None or self.backfill:
            return float("inf")
        return (self.deadline - now).total_seconds() - self.path


def best(candidates: Collection[Candidate], now: datetime, served: Mapping[str, int]) -> Candidate:
    """The candidate to start next.

    `served` has the number (from 1) of the last start of each lane, see `serve`. Runs that are short of time go first,
    the shortest before others. Then lanes take turns, the one served longest ago first, backfills when nobody else
    wants to. Within a lane the longest path goes first. Every fourth start is kept for those who have waited for
    long, so that nobody starves. Of the candidates of one run it is enough to give the one with the longest path.
    """
    if (max(served.values(), default=0) + 1) % _SHARE == 0:
        patient = [each for each in candidates if (now - each.since).total_seconds() >= _PATIENCE]
        if patient:
            return min(patient, key=lambda each: (served.get(each.lane, 0), each.since, each.run, each.node))
    return min(candidates, key=lambda each: _order(each, each.slack(now), served.get(each.lane, 0)))


def _order(candidate: Candidate, slack: float, turn: int) -> tuple[object, ...]:
    urgent = slack < _URGENT
    within = (turn, slack, -candidate.path, candidate.since, candidate.run, candidate.node)
    return (0, slack, *within) if urgent else (2 if candidate.backfill else 1, 0.0, *within)


def serve(served: Mapping[str, int], candidate: Candidate) -> dict[str, int]:
    """The numbers of the last starts, by lane, after a candidate was started."""
    return {**served, candidate.lane: max(served.values(), default=0) + 1}


def critical_path(waits: Mapping[str, frozenset[str]], seconds: Mapping[str, float]) -> dict[str, float]:
    """The longest time (seconds) from the beginning of each node to the end of everything below it.

    `waits` are the nodes that each waits for, `seconds` how long each took lately.

    >>> critical_path({"a": frozenset(), "b": frozenset({"a"})}, {"a": 5.0, "b": 2.0})
    {'b': 2.0, 'a': 7.0}
    """
    below = dict.fromkeys(waits, 0.0)
    paths: dict[str, float] = {}
    for node in reversed([each for each in TopologicalSorter(waits).static_order() if each in waits]):
        paths[node] = seconds.get(node, _UNKNOWN) + below[node]
        for parent in waits[node]:
            if parent in below:
                below[parent] = max(below[parent], paths[node])
    return paths
