"""Groups of nodes as boxes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.graph.fold import fold
from sqlpipe.graph.layout import lay_out

_SHOP = {
    "raw.a": [],
    "raw.b": [],
    "staging.a": ["raw.a"],
    "staging.b": ["raw.b", "raw.a"],
    "marts.c": ["staging.a", "staging.b", "raw.b"],
    "marts.d": ["marts.c", "gone.x"],
    "tasks.t": ["marts.d"],
}
_SCHEMAS = {key: key.split(".")[0] for key in _SHOP}


def test_nodes_of_a_group_are_one_box_and_their_edges_one_edge() -> None:
    found = fold(_SHOP, _SCHEMAS, ())
    assert found.parents == {"marts": ("raw", "staging"), "raw": (), "staging": ("raw",), "tasks.t": ("marts",)}
    assert found.counts == {
        ("marts", "tasks.t"): 1,
        ("raw", "marts"): 1,
        ("raw", "staging"): 3,
        ("staging", "marts"): 2,
    }
    assert found.groups["staging"] == ("staging.a", "staging.b")
    assert found.home["raw.b"] == "raw"


def test_a_group_of_one_node_stays_that_node() -> None:
    found = fold(_SHOP, _SCHEMAS, ())
    assert "tasks" not in found.groups
    assert found.home["tasks.t"] == "tasks.t"


def test_open_groups_show_their_nodes() -> None:
    found = fold(_SHOP, _SCHEMAS, {"staging", "unknown"})
    assert found.parents["staging.b"] == ("raw",)
    assert found.parents["marts"] == ("raw", "staging.a", "staging.b")
    assert "staging" not in found.parents


def test_nothing_is_folded_where_all_is_open_or_without_group() -> None:
    nodes = {key: tuple(sorted(each for each in parents if each in _SHOP)) for key, parents in _SHOP.items()}
    assert fold(_SHOP, _SCHEMAS, set(_SCHEMAS.values())).parents == nodes
    assert fold(_SHOP, {}, ()).parents == nodes


def test_a_group_that_is_called_like_a_node_is_told_apart() -> None:
    found = fold({"a": [], "a/": ["a"], "x": ["a"], "y": ["a"]}, {"x": "a", "y": "a"}, ())
    assert found.parents == {"a": (), "a/": ("a",), "a//": ("a",)}
    assert found.groups == {"a//": ("x", "y")}


def test_groups_that_read_each_other_are_drawn_with_the_thin_edge_going_back() -> None:
    graph = {"a.1": [], "b.1": ["a.1"], "b.2": ["a.1"], "a.2": ["b.1"]}
    found = fold(graph, {key: key[0] for key in graph}, ())
    assert found.parents == {"a": ("b",), "b": ("a",)}
    drawing = lay_out(found.parents, strengths=found.counts)
    assert drawing.boxes["a"].rank < drawing.boxes["b"].rank
    assert [(edge.start, edge.end) for edge in drawing.edges] == [("a", "b"), ("b", "a")]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.lists(st.integers(0, 20), max_size=3)), max_size=20),
    st.frozensets(st.sampled_from("abcd")),
)
def test_no_edge_between_boxes_is_lost_or_made_up(rows: list[tuple[str, list[int]]], open: frozenset[str]) -> None:
    graph = {f"n{at}": sorted({f"n{each}" for each in read if each < at}) for at, (_, read) in enumerate(rows)}
    found = fold(graph, {f"n{at}": group for at, (group, _) in enumerate(rows)}, open)
    crossing = [
        (found.home[parent], found.home[node])
        for node, read in graph.items()
        for parent in read
        if found.home[parent] != found.home[node]
    ]
    assert sum(found.counts.values()) == len(crossing)
    assert {(parent, box) for box, read in found.parents.items() for parent in read} == set(crossing)
    assert lay_out(found.parents, strengths=found.counts).boxes.keys() == found.parents.keys()
