"""Drawings of small graphs, looked at as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import pytest

from sqlpipe.graph.crossings import crossings, untangle
from sqlpipe.graph.layers import part
from sqlpipe.graph.layout import Drawing, lay_out

# A character is so wide and high (pixels).
_ACROSS, _DOWN = 8, 11

_GRAPHS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "chain": {"raw": [], "staged": ["raw"], "mart": ["staged"]},
    "diamond": {"top": [], "left": ["top"], "right": ["top"], "bottom": ["left", "right"]},
    "long edge": {"a": [], "b": ["a"], "c": ["b"], "d": ["c", "a"], "late": [], "e": ["d", "late"]},
    "shop": {
        "raw.orders": [],
        "raw.lines": [],
        "raw.customers": [],
        "raw.payments": [],
        "staging.orders": ["raw.orders"],
        "staging.lines": ["raw.lines"],
        "staging.customers": ["raw.customers"],
        "staging.payments": ["raw.payments"],
        "marts.lines": ["staging.orders", "staging.lines"],
        "marts.revenue": ["marts.lines", "staging.payments"],
        "marts.customers": ["staging.customers", "marts.lines"],
        "marts.board": ["marts.revenue", "marts.customers", "staging.customers"],
        "raw.rates": [],
        "marts.rates": ["raw.rates"],
        "tasks.clean": [],
        "seeds.days": [],
    },
    "cycle": {"raw": [], "staging": ["raw", "marts"], "marts": ["staging", "raw"], "export": ["marts"]},
    "alone": {f"t{number}": [] for number in range(10)},
    "nothing": {},
}


def _as_text(drawing: Drawing) -> str:
    cells: dict[tuple[int, int], str] = {}
    for edge in drawing.edges:
        for (x, y), (further, other) in pairwise(edge.points):
            steps = max(abs(further - x) // _ACROSS, abs(other - y) // _DOWN, 1)
            for step in range(int(steps) + 1):
                at = x + (further - x) * step / steps, y + (other - y) * step / steps
                cells[round(at[0] / _ACROSS), int(at[1] / _DOWN)] = "-" if y == other else "."
    for box in drawing.boxes.values():
        inside = int(box.width / _ACROSS) - 1
        for index, letter in enumerate(f"[{box.key:{inside - 1}}]"):
            cells[round(box.x / _ACROSS) + index, int((box.y + box.height / 2) / _DOWN)] = letter
    wide, deep = (max((cell[axis] for cell in cells), default=-1) + 1 for axis in (0, 1))
    rows = ("".join(cells.get((x, y), " ") for x in range(wide)).rstrip() for y in range(deep))
    return f"{drawing.width:g} x {drawing.height:g}\n" + "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize("name", _GRAPHS)
def test_a_drawing(name: str, golden: Callable[[str, str], None]) -> None:
    graph = _GRAPHS[name]
    drawing = lay_out(graph, {key: 8.0 * (len(key) + 4) for key in graph})
    golden(f"graph/{name.replace(' ', '_')}.txt", _as_text(drawing))


def test_a_chain_is_straight() -> None:
    drawing = lay_out({"a": [], "b": ["a"], "c": ["b"], "wide.0": ["b"], "d": ["c"], "e": ["d"]})
    assert drawing.boxes["c"].y == drawing.boxes["d"].y == drawing.boxes["e"].y
    assert drawing.boxes["a"].y == drawing.boxes["b"].y


def test_a_source_stands_beside_its_nearest_child() -> None:
    drawing = lay_out({"a": [], "b": ["a"], "c": ["b"], "seed": [], "d": ["c", "seed"]})
    assert drawing.boxes["seed"].rank == drawing.boxes["c"].rank == 2


def test_edges_of_one_source_share_their_way() -> None:
    graph: dict[str, list[str]] = {"hub": [], "a": ["hub"], "b": ["a"]}
    graph |= {f"far{number}": ["b", "hub"] for number in range(3)}
    ways = [edge.points[:-1] for edge in lay_out(graph).edges if edge.start == "hub" and edge.end != "a"]
    assert len(ways) == 3
    assert len(set(ways)) == 1
    assert len(ways[0]) == 5


def test_unknown_parents_repeated_parents_and_oneself_are_left_out() -> None:
    drawing = lay_out({"a": ["gone", "a"], "b": ["a", "a"]})
    assert [(edge.start, edge.end) for edge in drawing.edges] == [("a", "b")]


def test_all_boxes_of_a_rank_are_as_wide_as_the_widest() -> None:
    drawing = lay_out({"a": [], "b": [], "c": ["a", "b"]}, {"a": 41, "b": 90.5, "gone": 900})
    assert {key: box.width for key, box in drawing.boxes.items()} == {"a": 92, "b": 92, "c": 160}


def test_nodes_without_edges_are_not_one_long_column() -> None:
    drawing = lay_out({f"t{number:03}": [] for number in range(200)})
    assert drawing.height < drawing.width < 3 * drawing.height


def test_on_a_cycle_the_weakest_edge_goes_back() -> None:
    graph = {"a": ["b"], "b": ["a"]}
    assert lay_out(graph).boxes["a"].rank == 0
    drawing = lay_out(graph, strengths={("b", "a"): 2, ("a", "b"): 1, ("gone", "a"): 3})
    assert drawing.boxes["b"].rank == 0
    (back,) = (edge for edge in drawing.edges if edge.start == "a")
    assert back.points[0][0] == drawing.boxes["a"].x + drawing.boxes["a"].width
    assert back.points[-1][0] == drawing.boxes["b"].x
    assert max(y for _, y in back.points) >= drawing.boxes["a"].y + drawing.boxes["a"].height


def test_what_can_be_untangled_is() -> None:
    links = [(number, 9 - number + 10) for number in range(10)]
    links += [(10 + number, 20) for number in range(10)]
    ((layers,), _) = part(21, sorted(links), {})
    assert crossings(layers, untangle(layers)) == 0
    assert crossings(layers, [list(range(10)), list(range(10, 20)), [20]]) == 45


def test_exchanges_help_where_the_mean_does_not() -> None:
    # By the means of their neighbours 3 stands before 4; the other way round fewer edges cross.
    layers = part(9, [(0, 5), (1, 5), (2, 5), (0, 6), (3, 6), (4, 6), (1, 7), (4, 7), (2, 8), (3, 8)], {})[0][0]
    order = untangle(layers)
    assert crossings(layers, order) <= min(
        crossings(layers, [order[0], [*order[1][:at], order[1][at + 1], order[1][at], *order[1][at + 2 :]]])
        for at in range(3)
    )
