"""The trees of what nodes are made from."""

from __future__ import annotations

from sqlpipe.graph.kin import Kin, kin

DIAMOND = {"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ("e", "f"), "e": (), "f": ()}


def keys(tree: Kin) -> list[str]:
    return [tree.node, *(key for each in tree.below for key in keys(each))]


def test_one_hop_tells_how_much_is_behind() -> None:
    assert kin(DIAMOND, "a", depth=1, most=10) == Kin("a", (Kin("b", (), 1), Kin("c", (), 1)), 0)


def test_what_is_reached_twice_is_opened_once() -> None:
    tree = kin(DIAMOND, "a", depth=9, most=99)
    b, c = tree.below
    assert keys(b) == ["b", "d", "e", "f"]
    assert c.below == (Kin("d", (), 2),)


def test_a_hub_is_cut_and_says_so() -> None:
    hub = {"hub": tuple(f"n{each}" for each in range(500))} | {f"n{each}": () for each in range(500)}
    tree = kin(hub, "hub", depth=3, most=30)
    assert len(tree.below) == 30
    assert tree.hidden == 470


def test_near_ones_come_before_far_ones() -> None:
    edges = {"a": ("b", "c", "d"), "b": ("x", "y", "z"), "c": (), "d": (), "x": (), "y": (), "z": ()}
    tree = kin(edges, "a", depth=5, most=4)
    assert [each.node for each in tree.below] == ["b", "c", "d"]
    assert tree.below[0] == Kin("b", (Kin("x"),), 2)


def test_a_node_alone() -> None:
    assert kin(DIAMOND, "f", depth=3, most=9) == Kin("f")
