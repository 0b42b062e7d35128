"""Ranks: every node to the right of what it reads, and placeholders where an edge passes a rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Link = tuple[int, int]
Neighbours = list[list[int]]


@dataclass(frozen=True, slots=True)
class Route:
    """An edge between two boxes and the placeholders that it passes, from its start to its end.

    An edge that goes `back` passes the ranks of both its ends, too, because it has to go round them.
    """

    start: int
    end: int
    via: tuple[int, ...]
    back: bool = False


@dataclass(frozen=True, slots=True)
class Layers:
    """A connected part of a graph in ranks; the vertices behind those of `keys` are placeholders.

    `before` and `after` are the neighbours of each vertex in the rank to its left and to its right.
    """

    keys: tuple[int, ...]
    rank: list[int]
    before: Neighbours
    after: Neighbours
    routes: list[Route]

    @property
    def depth(self) -> int:
        """The number of ranks."""
        return max(self.rank) + 1


def part(count: int, links: Sequence[Link], strengths: Mapping[Link, float]) -> tuple[list[Layers], list[int]]:
    """The connected parts of a graph in ranks, the largest first, and the nodes that hang on nothing.

    Links are (parent, child) in order, each once, none from a node to itself.
    """
    back = _backward(count, links, strengths)
    forward = [link for link in links if link not in back] if back else links
    before, after = _neighbours(count, forward)
    rank = _ranks(before, after)
    joined = _connected(before, after)
    home = {vertex: number for number, each in enumerate(joined) for vertex in each}
    returning: list[list[Link]] = [[] for _ in joined]
    for link in sorted(back):
        returning[home[link[0]]].append(link)
    made = [_Joiner(each, rank).join(after, back) for each, back in zip(joined, returning, strict=True) if each[1:]]
    made.sort(key=lambda each: (-len(each.keys), each.keys))
    return made, [each[0] for each in joined if not each[1:]]


def _neighbours(count: int, links: Sequence[Link]) -> tuple[Neighbours, Neighbours]:
    before: Neighbours = [[] for _ in range(count)]
    after: Neighbours = [[] for _ in range(count)]
    for parent, child in links:
        before[child].append(parent)
        after[parent].append(child)
    return before, after


def _backward(count: int, links: Sequence[Link], strengths: Mapping[Link, float]) -> set[Link]:
    """Links to turn round so that no cycle is left: of the links on cycles the strongest stay."""
    kept: dict[int, list[int]] = {}
    back: set[Link] = set()
    suspects = _on_cycles(count, links)
    for parent, child in sorted(suspects, key=lambda link: (-strengths.get(link, 1), link)):
        if _leads(kept, child, parent):
            back.add((parent, child))
        else:
            kept.setdefault(parent, []).append(child)
    return back


def _on_cycles(count: int, links: Sequence[Link]) -> list[Link]:
    """The links between nodes with a cycle on either side, or through them; mostly none."""
    before, after = _neighbours(count, links)
    sure = set(_in_order(before, after))
    if len(sure) == count:
        return []
    sure.update(_in_order(after, before))
    return [link for link in links if link[0] not in sure and link[1] not in sure]


def _in_order(before: Neighbours, after: Neighbours) -> list[int]:
    """Every node behind those before it; what is on a cycle or behind one is left out."""
    missing = [len(each) for each in before]
    order = [vertex for vertex, each in enumerate(before) if not each]
    # The list is its own queue.
    for vertex in order:
        for child in after[vertex]:
            missing[child] -= 1
            if not missing[child]:
                order.append(child)
    return order


def _leads(after: Mapping[int, Sequence[int]], start: int, end: int) -> bool:
    seen, stack = {start}, [start]
    while stack:
        vertex = stack.pop()
        if vertex == end:
            return True
        fresh = [each for each in after.get(vertex, ()) if each not in seen]
        seen.update(fresh)
        stack += fresh
    return False


def _ranks(before: Neighbours, after: Neighbours) -> list[int]:
    """The length of the longest path to each node; one with more children than parents moves up to its children."""
    rank = [0] * len(before)
    order = _in_order(before, after)
    for vertex in order:
        if before[vertex]:
            rank[vertex] = 1 + max([rank[each] for each in before[vertex]])
    for vertex in reversed(order):
        if len(after[vertex]) > len(before[vertex]):
            rank[vertex] = min([rank[each] for each in after[vertex]]) - 1
    return rank


def _connected(before: Neighbours, after: Neighbours) -> list[list[int]]:
    """The nodes of each connected part, in order."""
    seen = [False] * len(before)
    parts = []
    for root in range(len(before)):
        if seen[root]:
            continue
        seen[root] = True
        found = [root]
        for vertex in found:
            for each in before[vertex] + after[vertex]:
                if not seen[each]:
                    seen[each] = True
                    found.append(each)
        parts.append(sorted(found))
    return parts


class _Joiner:
    """Lays the links of one connected part through its ranks; links from one node share their placeholders."""

    def __init__(self, part: Sequence[int], rank: Sequence[int]) -> None:
        first = min(rank[each] for each in part)
        self._keys = tuple(part)
        self._number = {vertex: number for number, vertex in enumerate(part)}
        self._rank = [rank[each] - first for each in part]
        self._before: Neighbours = [[] for _ in part]
        self._after: Neighbours = [[] for _ in part]

    def join(self, after: Neighbours, back: Sequence[Link]) -> Layers:
        """Make the routes of the links forward, as `after` has them, and of those that go back."""
        routes: list[Route] = []
        for start, vertex in enumerate(self._keys):
            chain = [start]
            for child in sorted([self._number[each] for each in after[vertex]], key=self._rank.__getitem__):
                passed = self._rank[child] - self._rank[start]
                while len(chain) < passed:
                    chain.append(self._placeholder(self._rank[chain[-1]] + 1))
                    self._link(chain[-2], chain[-1])
                self._link(chain[passed - 1], child)
                routes.append(Route(start, child, tuple(chain[1:passed])))
        routes += self._returns([(self._number[start], self._number[end]) for start, end in back])
        return Layers(self._keys, self._rank, self._before, self._after, routes)

    def _returns(self, back: Sequence[Link]) -> list[Route]:
        chains: dict[int, list[int]] = {}
        routes = []
        for start, end in back:
            chain = chains.setdefault(start, [])
            passed = self._rank[start] - self._rank[end] + 1
            while len(chain) < passed:
                chain.append(self._placeholder(self._rank[start] - len(chain)))
                if chain[1:]:
                    self._link(chain[-1], chain[-2])
            routes.append(Route(start, end, tuple(chain[:passed]), back=True))
        return routes

    def _placeholder(self, rank: int) -> int:
        self._rank.append(rank)
        self._before.append([])
        self._after.append([])
        return len(self._rank) - 1

    def _link(self, one: int, other: int) -> None:
        self._after[one].append(other)
        self._before[other].append(one)
