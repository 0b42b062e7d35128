"""Kin: what a node is made from or what is made from it, as a tree that stays small however large the graph is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kin:
    """A node in the tree; `hidden` is how many of its own kin are not shown below it."""

    node: str
    below: tuple[Kin, ...] = ()
    hidden: int = 0


def kin(edges: Mapping[str, Sequence[str]], key: str, *, depth: int, most: int) -> Kin:
    """The tree below a node along `edges`, so many hops deep and with at most so many nodes besides it.

    Those that are near come first; what has been met before is not opened again.
    """
    shown: dict[str, Sequence[str]] = {}
    # Below which node each is opened: where it is met first.
    opened = {key: ""}
    layer, left = [key], most
    for _hop in range(depth):
        following: list[str] = []
        for each in layer:
            shown[each] = edges[each][:left]
            left -= len(shown[each])
            fresh = [after for after in shown[each] if after not in opened]
            opened |= dict.fromkeys(fresh, each)
            following += fresh
        layer = following

    def tree(node: str, above: str) -> Kin:
        after = shown.get(node, ()) if opened[node] == above else ()
        return Kin(node, tuple(tree(each, node) for each in after), len(edges[node]) - len(after))

    return tree(key, "")
