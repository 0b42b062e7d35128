"""Timelines: how what took time is laid out side by side, and which of it decided how long the whole took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time, from `start` to `end` (seconds from any beginning)."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Link:
    """A step of a critical path; `wait` (seconds) passed between the end of the step before it and its beginning."""

    key: str
    wait: float


def lanes(spans: Sequence[Span]) -> tuple[int, ...]:
    """The lane (from 0) of each span, so that no two in a lane overlap; there are as few lanes as can be.

    >>> lanes([Span(0, 2), Span(1, 3), Span(2, 4)])
    (0, 1, 0)
    """
    found = [0] * len(spans)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for index in sorted(range(len(spans)), key=lambda each: (spans[each].start, spans[each].end, each)):
        while busy and busy[0][0] <= spans[index].start:
            heappush(free, heappop(busy)[1])
        found[index] = heappop(free) if free else len(busy)
        heappush(busy, (spans[index].end, found[index]))
    return tuple(found)


def critical_path(spans: Mapping[str, Span], parents: Mapping[str, Sequence[str]]) -> tuple[Link, ...]:
    """What decided when the last one ended: from it back, each time to the parent that ended last; first one first.

    A parent that ended later than its child began, as one does that was run again by itself, held nothing up. The
    first of the path waited from the beginning of all.
    """
    path: list[Link] = []
    seen: set[str] = set()
    key = max(spans, key=lambda each: (spans[each].end, each), default=None)
    while key is not None:
        seen.add(key)
        start = spans[key].start
        before = [each for each in parents.get(key, ()) if each in spans and spans[each].end <= start]
        last = max(before, key=lambda each: (spans[each].end, each), default=None)
        since = min(each.start for each in spans.values()) if last is None else spans[last].end
        path.append(Link(key, start - since))
        key = None if last in seen else last
    return tuple(reversed(path))
