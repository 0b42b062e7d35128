"""What holds for every drawing of a graph."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import combinations, pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.graphs import layered
from sqlpipe.graph.layout import Box, Drawing, Point, lay_out

Graph = Mapping[str, list[str]]


def _named(rows: list[list[int]]) -> Graph:
    """Node n reads some of all nodes; nodes are told by numbers that need not exist."""
    return {f"n{number}": [f"n{each}" for each in row] for number, row in enumerate(rows)}


_ANY = st.integers(1, 14).flatmap(
    lambda count: st.lists(st.lists(st.integers(0, count), max_size=3), min_size=count, max_size=count).map(_named)
)
_ACYCLIC = st.lists(st.lists(st.integers(1, 12), max_size=3), max_size=24).map(
    lambda rows: {f"n{at}": [f"n{at - back}" for back in row if back <= at] for at, row in enumerate(rows)}
)
_SEEDS = st.tuples(st.integers(2, 120), st.integers(0, 1000))


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width < other.x
        or other.x + other.width < one.x
        or one.y + one.height < other.y
        or other.y + other.height < one.y
    )


def _crosses(start: Point, end: Point, box: Box) -> bool:
    """Whether a line has points inside a box: cut it to the box, side by side (Liang and Barsky)."""
    first, last = 0.0, 1.0
    for axis, low, high in ((0, box.x, box.x + box.width), (1, box.y, box.y + box.height)):
        way = end[axis] - start[axis]
        if way == 0:
            if not low < start[axis] < high:
                return False
            continue
        one, other = sorted(((low - start[axis]) / way, (high - start[axis]) / way))
        first, last = max(first, one), min(last, other)
    return first < last - 1e-9


def _sound(drawing: Drawing, graph: Graph) -> None:
    assert drawing.boxes.keys() == graph.keys()
    expected = {(parent, child) for child in graph for parent in graph[child] if parent in graph and parent != child}
    assert [(edge.start, edge.end) for edge in drawing.edges] == sorted(expected)
    for one, other in combinations(drawing.boxes.values(), 2):
        assert _apart(one, other), (one, other)
    for box in drawing.boxes.values():
        assert box.x >= 0 <= box.y
        assert box.x + box.width <= drawing.width
        assert box.y + box.height <= drawing.height
        assert not any(each % 4 for each in (box.x, box.y, box.width, box.height))
    for edge in drawing.edges:
        start, end = drawing.boxes[edge.start], drawing.boxes[edge.end]
        assert edge.points[0] == (start.x + start.width, start.y + start.height / 2)
        assert edge.points[-1] == (end.x, end.y + end.height / 2)
        for point, after in pairwise(edge.points):
            assert not any(_crosses(point, after, box) for box in drawing.boxes.values()), edge
            assert 0 <= after[0] <= drawing.width
            assert 0 <= after[1] <= drawing.height


def _rightwards(drawing: Drawing) -> None:
    for edge in drawing.edges:
        assert drawing.boxes[edge.start].rank < drawing.boxes[edge.end].rank
        assert all(one[0] < other[0] for one, other in pairwise(edge.points))


@given(_ACYCLIC)
@settings(deadline=None)
def test_boxes_are_apart_and_edges_go_right_around_them(graph: Graph) -> None:
    drawing = lay_out(graph)
    _sound(drawing, graph)
    _rightwards(drawing)


@given(_SEEDS)
@settings(deadline=None, max_examples=20)
def test_the_same_of_graphs_like_those_of_projects(seed: tuple[int, int]) -> None:
    graph = layered(*seed)
    drawing = lay_out(graph, {key: 40 + seed[0] * (len(key) % 3) for key in graph})
    _sound(drawing, graph)
    _rightwards(drawing)


@given(_ANY)
@settings(deadline=None)
def test_cycles_are_drawn_all_the_same(graph: Graph) -> None:
    _sound(lay_out(graph), graph)


@given(_ANY, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_nodes_and_parents_does_not_matter(graph: Graph, order: random.Random) -> None:
    keys = order.sample(sorted(graph), len(graph))
    again = lay_out({key: order.sample(graph[key], len(graph[key])) for key in keys})
    assert again == lay_out(graph)
    assert list(again.boxes) == sorted(graph)


def test_drawing_what_was_drawn_changes_nothing() -> None:
    drawing = lay_out(layered(80, 3))
    read: dict[str, list[str]] = {key: [] for key in drawing.boxes}
    for edge in drawing.edges:
        read[edge.end].append(edge.start)
    assert lay_out(read, {key: box.width for key, box in drawing.boxes.items()}) == drawing


@pytest.mark.parametrize(
    "graph",
    [
        {"hub": [], **{f"n{number}": ["hub"] for number in range(3000)}},
        {"all": [f"n{number}" for number in range(3000)], **{f"n{number}": [] for number in range(3000)}},
        {f"n{number}": [f"n{number - 1}"] for number in range(3000)},
        {f"n{number}": [f"n{number - 1}", "n0"] for number in range(1000)},
        {f"n{number}": [f"n{(number + 1) % 1000}"] for number in range(1000)},
    ],
    ids=["source of all", "reader of all", "chain", "chain over a bus", "ring"],
)
def test_odd_shapes_take_no_longer(graph: Graph) -> None:
    begun = process_time()
    lay_out(graph)
    assert process_time() - begun < 3
