"""A large graph made small: the nodes of a group become one box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folded:
    """A graph some of whose boxes stand for groups of nodes.

    `parents` has the boxes, `groups` the nodes of those that are groups, `home` the box of every node, and `counts`
    how many edges between nodes became one between two boxes.
    """

    parents: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    home: Mapping[str, str]
    counts: Mapping[tuple[str, str], int]


def fold(parents: Mapping[str, Sequence[str]], group_of: Mapping[str, str], open: Collection[str]) -> Folded:
    """Put the nodes of every group that is not open into one box; a group of one node stays that node.

    The box has the name of the group, with `/` behind it where a node is called like that. Groups may read each
    other in a circle although nodes never do: such edges are kept, and `counts`, given to `layout.lay_out` as the
    strengths, has it draw those that stand for the fewest edges from right to left.

    >>> fold({"raw.a": [], "raw.b": [], "m.c": ["raw.a", "raw.b"]}, {"raw.a": "raw", "raw.b": "raw"}, []).parents
    {'m.c': ('raw',), 'raw': ()}
    """
    members: dict[str, list[str]] = {}
    for node in sorted(parents):
        group = group_of.get(node)
        if group is not None and group not in open:
            members.setdefault(group, []).append(node)
    groups = {_box(group, parents): tuple(nodes) for group, nodes in members.items() if len(nodes) > 1}
    home = {node: node for node in parents} | {node: box for box, nodes in groups.items() for node in nodes}
    counts = Counter(
        (home[parent], home[node])
        for node, each in parents.items()
        for parent in each
        if parent in home and home[parent] != home[node]
    )
    read: dict[str, list[str]] = {box: [] for box in sorted(set(home.values()))}
    for parent, box in sorted(counts):
        read[box].append(parent)
    return Folded({box: tuple(each) for box, each in read.items()}, groups, home, dict(sorted(counts.items())))


def _box(group: str, taken: Collection[str]) -> str:
    while group in taken:
        group += "/"
    return group
