"""The order of the vertices in each rank, so that few edges cross."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from operator import itemgetter

from sqlpipe.graph.layers import Layers, Neighbours

Order = list[list[int]]


@dataclass(frozen=True, slots=True)
class _Effort:
    """How much is tried for a graph of up to `size` vertices: in small ones each crossing is seen."""

    size: float
    starts: int
    sweeps: int
    exchanges: int


# After so many sweeps that found nothing better there will be none.
_PATIENCE = 4
_EFFORTS = (_Effort(400, 2, 24, 8), _Effort(2500, 2, 5, 3), _Effort(inf, 1, 6, 2))


def untangle(layers: Layers) -> Order:
    """The vertices of each rank from top to bottom."""
    effort = next(each for each in _EFFORTS if len(layers.rank) <= each.size)
    ways = ((layers.after, layers.before), (layers.before, layers.after))[: effort.starts]
    found = min((_sweep(layers, _walk(layers, *way), effort.sweeps) for way in ways), key=itemgetter(0))
    return _exchange(layers, found[1], effort.exchanges)


def crossings(layers: Layers, order: Order) -> int:
    """How often edges cross when each goes straight from rank to rank."""
    place = _places(layers, order)
    total = 0
    for rank in order[:-1]:
        seen: list[int] = []
        for vertex in rank:
            ends = sorted([place[each] for each in layers.after[vertex]])
            for end in ends:
                total += len(seen) - bisect_right(seen, end)
            for end in ends:
                insort(seen, end)
    return total


def _places(layers: Layers, order: Order) -> list[int]:
    place = [0] * len(layers.rank)
    for rank in order:
        for index, vertex in enumerate(rank):
            place[vertex] = index
    return place


def _walk(layers: Layers, first: Neighbours, then: Neighbours) -> Order:
    """An order in which what hangs together stands together: each vertex as it is first come upon, depth first."""
    order: Order = [[] for _ in range(layers.depth)]
    seen = [False] * len(layers.rank)
    roots = [vertex for vertex, each in enumerate(then) if not each]
    for root in roots:
        stack = [root]
        while stack:
            vertex = stack.pop()
            if not seen[vertex]:
                seen[vertex] = True
                order[layers.rank[vertex]].append(vertex)
                stack += reversed(first[vertex])
    return order


def _sweep(layers: Layers, order: Order, sweeps: int) -> tuple[int, Order]:
    """Sort each rank by the mean place of the neighbours to its left, then to its right, and so on; keep the best."""
    place = [0.0] * len(layers.rank)
    for rank in order:
        _spread(rank, place)
    best, fewest, worse = order, crossings(layers, order), 0
    for number in range(sweeps):
        near = layers.before if number % 2 == 0 else layers.after
        order = list(order)
        for index in range(len(order)) if number % 2 == 0 else reversed(range(len(order))):
            order[index] = _sorted(order[index], near, place)
        found = crossings(layers, order)
        best, fewest, worse = (order, found, 0) if found < fewest else (best, fewest, worse + 1)
        if not fewest or worse == _PATIENCE:
            break
    return fewest, best


def _sorted(rank: Sequence[int], near: Neighbours, place: list[float]) -> list[int]:
    means = {}
    for vertex in rank:
        around = near[vertex]
        means[vertex] = sum([place[each] for each in around]) / len(around) if around else place[vertex]
    ordered = sorted(rank, key=means.__getitem__)
    _spread(ordered, place)
    return ordered


def _spread(rank: Sequence[int], place: list[float]) -> None:
    for index, vertex in enumerate(rank):
        place[vertex] = (index + 0.5) / len(rank)


def _exchange(layers: Layers, order: Order, rounds: int) -> Order:
    """Exchange neighbours in a rank as long as that leaves fewer crossings."""
    order = [list(rank) for rank in order]
    place = _places(layers, order)
    restless = set(range(len(order)))
    for _ in range(rounds):
        moved = {index for index in sorted(restless) if _exchange_in(order[index], layers, place)}
        if not moved:
            break
        restless = {near for index in moved for near in (index - 1, index, index + 1) if 0 <= near < len(order)}
    return order


def _exchange_in(rank: list[int], layers: Layers, place: list[int]) -> bool:
    left = {vertex: sorted([place[each] for each in layers.before[vertex]]) for vertex in rank}
    right = {vertex: sorted([place[each] for each in layers.after[vertex]]) for vertex in rank}
    moved, index = False, 0
    while index < len(rank) - 1:
        one, other = rank[index], rank[index + 1]
        a, b, c, d = left[one], left[other], right[one], right[other]
        # Most pairs stand well on both sides; that is seen at a glance.
        if ((a and b and a[-1] > b[0]) or (c and d and c[-1] > d[0])) and _gain(a, b) + _gain(c, d) > 0:
            rank[index], rank[index + 1] = other, one
            place[one], place[other] = index + 1, index
            moved = True
            index = max(index - 1, 0)
        else:
            index += 1
    return moved


def _gain(upper: Sequence[int], lower: Sequence[int]) -> int:
    """How many crossings fewer there are if two vertices, told by the places of their neighbours, change places.

    >>> _gain([3, 4], [1, 2]), _gain([1], [1, 2]), _gain([1, 2], [3, 4])
    (4, -1, -4)
    """
    if not upper or not lower:
        return 0
    if upper[-1] < lower[0]:
        return -len(upper) * len(lower)
    return sum([bisect_left(lower, each) + bisect_right(lower, each) - len(lower) for each in upper])
