"""What always holds of selections."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.graph.dag import Graph
from sqlpipe.graph.select import Selection, select
from tests.hand import graph, node

_SIZE = 8


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    nodes = []
    for number in range(_SIZE):
        reads = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        tables = ", ".join(f"m.t{each}" for each in sorted(reads))
        tags = draw(st.sets(st.sampled_from(["x", "y"])))
        nodes.append(node(f"m.t{number}", f"select 1 from {tables}" if tables else "select 1", tags=tags))
    return graph(*nodes)


_PLUS = st.sampled_from(["", "+", "1+", "2+"])
_TERMS = st.builds(
    lambda up, number, down: f"{up}m.t{number}{down[::-1]}", _PLUS, st.integers(0, _SIZE - 1), _PLUS
) | st.sampled_from(["m.*", "@m.t3", "kind:table", "t1+"])


def _chosen(graph: Graph, *words: str, exclude: tuple[str, ...] = ()) -> set[str]:
    return set(select(graph, Selection(words, exclude)))


@given(_graphs(), _TERMS, _TERMS)
def test_a_comma_narrows_and_a_space_widens(graph: Graph, first: str, second: str) -> None:
    one, two = _chosen(graph, first), _chosen(graph, second)
    assert _chosen(graph, f"{first},{second}") == one & two
    assert _chosen(graph, f"{first} {second}") == one | two == _chosen(graph, second, first)


@given(_graphs(), _TERMS, _TERMS)
def test_excluding_takes_away_exactly_what_would_be_selected(graph: Graph, first: str, second: str) -> None:
    assert _chosen(graph, first, exclude=(second,)) == _chosen(graph, first) - _chosen(graph, second)


@given(_graphs(), st.integers(0, _SIZE - 1))
def test_more_hops_reach_more_and_all_hops_reach_all(graph: Graph, number: int) -> None:
    key = f"m.t{number}"
    reached = [_chosen(graph, f"{depth}+{key}") for depth in range(_SIZE)]
    assert reached[0] == {key}
    assert all(fewer <= more for fewer, more in pairwise(reached))
    assert reached[-1] == _chosen(graph, f"+{key}") <= _chosen(graph, f"@{key}")


@given(_graphs(), st.integers(0, _SIZE - 1), st.integers(0, _SIZE - 1))
def test_above_and_below_are_two_sides_of_one_thing(graph: Graph, one: int, two: int) -> None:
    above = f"m.t{one}" in _chosen(graph, f"+m.t{two}")
    assert above == (f"m.t{two}" in _chosen(graph, f"m.t{one}+"))


@given(_graphs(), _TERMS)
def test_the_order_is_that_of_the_graph(graph: Graph, term: str) -> None:
    chosen = select(graph, Selection((term,)))
    position = {key: index for index, key in enumerate(graph.nodes)}
    assert list(chosen) == sorted(chosen, key=position.__getitem__)
    assert all(position[parent] < position[key] for key in graph.nodes for parent in graph.parents[key])
