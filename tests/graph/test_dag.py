"""Order, cycles and reach."""

from __future__ import annotations

import pytest

from sqlpipe.domain.diagnostic import Place, Span, SqlpipeError
from sqlpipe.graph.dag import reach
from tests.hand import graph, node


def test_parents_stand_before_children_whatever_their_names() -> None:
    found = graph(
        node("a.last", "select * from b.middle"), node("b.middle", "select * from c.first"), node("c.first", "select 1")
    )
    assert list(found.nodes) == ["c.first", "b.middle", "a.last"]
    assert found.parents["a.last"] == ("b.middle",)
    assert found.children["c.first"] == ("b.middle",)
    assert found.children["a.last"] == ()


def test_the_order_does_not_depend_on_the_order_of_the_files() -> None:
    nodes = [node(f"m.t{number}", "select 1") for number in range(20)] + [node("m.all", "select * from m.t3")]
    assert list(graph(*nodes).nodes) == list(graph(*reversed(nodes)).nodes)


def test_letter_case_does_not_part_a_reader_from_what_it_reads() -> None:
    found = graph(node("Raw.Orders"), node("marts.x", "select * from RAW.orders"))
    assert found.parents["marts.x"] == ("raw.orders",)


def test_a_cycle_is_told_as_a_path_with_the_file_of_each() -> None:
    with pytest.raises(SqlpipeError) as caught:
        graph(
            node("m.c", "select * from m.a"),
            node("m.a", "select * from m.b"),
            node("m.b", "select * from m.c"),
            node("m.z", "select * from m.a"),
        )
    (told,) = caught.value.diagnostics
    assert told.code == "SP301"
    assert told.message == "cycle: m.a → m.b → m.c → m.a"
    assert told.notes == (
        "models/m/a.sql:1: m.a reads m.b",
        "models/m/b.sql:1: m.b reads m.c",
        "models/m/c.sql:1: m.c reads m.a",
    )
    assert told.span == Span("models/m/a.sql", Place(1, 15, 3), ((1, "select * from m.b"),))
    assert told.label == "reads m.b"


def test_two_tables_that_read_each_other() -> None:
    with pytest.raises(SqlpipeError, match=r"cycle: m\.a → m\.b → m\.a"):
        graph(node("m.b", "select * from m.a"), node("m.a", "select * from m.b"))


def test_reach_counts_hops() -> None:
    edges = {"a": ("b", "c"), "b": ("d",), "c": ("d",), "d": ("e",), "e": ()}
    assert reach(["a"], edges) == {"a", "b", "c", "d", "e"}
    assert reach(["a"], edges, 0) == {"a"}
    assert reach(["a"], edges, 1) == {"a", "b", "c"}
    assert reach(["b", "c"], edges, 1) == {"b", "c", "d"}
    assert reach([], edges) == set()
