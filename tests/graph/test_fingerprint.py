"""What a node is, seen through views and embedded queries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqlpipe.domain.check import AcceptedValues, Check, NotNull, Tolerance
from sqlpipe.domain.diagnostic import Place, Severity
from sqlpipe.domain.interval import Grain
from sqlpipe.domain.project import Embedded, Kind, Node, View
from sqlpipe.graph.fingerprint import Identity, identify
from tests.hand import at, graph, incremental, node, timed


def _identity(key: str, *nodes: Node) -> Identity:
    return identify(graph(*nodes))[key]


_RAW = node("raw.orders")
_OTHER = node("raw.rates")


@pytest.mark.parametrize("kind", [View(), Embedded()])
def test_inputs_are_the_tables_behind_views_and_embedded_queries(kind: Kind) -> None:
    found = _identity(
        "m.t",
        _RAW,
        _OTHER,
        node("s.near", "select * from raw.orders", kind),
        node("s.far", "select * from s.near, raw.rates", kind),
        node("m.t", "select * from s.far"),
    )
    assert found.inputs == ("raw.orders", "raw.rates")


def test_a_table_between_hides_what_it_reads() -> None:
    found = _identity("m.t", _RAW, node("s.x", "select * from raw.orders"), node("m.t", "select * from s.x"))
    assert found.inputs == ("s.x",)


def _with(view: str, kind: Kind, *, text: str = "select a from s.v") -> str:
    return _identity("m.t", _RAW, _OTHER, node("s.v", view, kind), node("m.t", text)).fingerprint


@pytest.mark.parametrize("kind", [View(), Embedded()])
def test_a_view_that_is_edited_changes_what_reads_it(kind: Kind) -> None:
    plain = _with("select a from raw.orders", kind)
    assert _with("SELECT  a -- comment\nFROM raw.orders", kind) == plain
    assert _with("select a + 1 as a from raw.orders", kind) != plain
    assert _with("select a from raw.rates", kind) != plain


def test_a_table_that_is_edited_leaves_the_definition_of_its_readers_alone() -> None:
    def of(sql: str) -> str:
        return _identity("m.t", _RAW, node("s.x", sql), node("m.t", "select * from s.x")).fingerprint

    assert of("select a from raw.orders") == of("select b from raw.orders")


def test_another_kind_is_another_definition() -> None:
    fingerprints = {
        _identity("m.t", _RAW, each).fingerprint
        for each in (
            node("m.t", "select day from raw.orders"),
            node("m.t", "select day from raw.orders", View()),
            incremental("m.t", "select day from raw.orders"),
            incremental("m.t", "select day from raw.orders", grain=Grain.MONTH),
        )
    }
    assert len(fingerprints) == 4


_SLICED = "select day, amount from raw.sales"


def test_an_input_is_aligned_when_the_time_column_is_its_own() -> None:
    found = _identity("m.t", timed(), incremental("m.t", _SLICED))
    assert found.aligned == {"raw.sales"}


@pytest.mark.parametrize(
    ("parent", "sql"),
    [
        (timed(column="sold_on"), _SLICED),  # the column tells another time
        (timed(), "select day, sum(amount) over () as total from raw.sales"),
        (timed(), "select day + 1 as day from raw.sales"),
        (timed(), "select day, count(*) as n from raw.sales join (select max(day) as last from raw.sales) on true"),
        (node("raw.sales"), _SLICED),  # a source does not tell
        (node("raw.sales", "select 1 as day"), _SLICED),  # nor does a table built as a whole
    ],
)
def test_an_input_is_not_aligned_otherwise(parent: Node, sql: str) -> None:
    reads = [parent.key, *(each.key for each in parent.parents)]
    assert _identity("m.t", parent, incremental("m.t", sql)).aligned == frozenset(), reads


def test_an_input_with_bounds_is_aligned_whatever_the_output_is_called() -> None:
    sql = "select day as sold_on from raw.sales where day >= :start and day < :end"
    assert _identity("m.t", timed(), incremental("m.t", sql, column="sold_on")).aligned == {"raw.sales"}


def test_alignment_goes_through_views_that_rename_the_column() -> None:
    found = _identity(
        "m.t",
        timed(column="sold_at"),
        node("s.a", "select sold_at as moment, amount from raw.sales", View()),
        node("s.b", "select moment as day, amount from s.a", Embedded()),
        incremental("m.t", "select day, amount from s.b"),
    )
    assert found.aligned == {"raw.sales"}


@pytest.mark.parametrize(
    ("view", "aligned"),
    [
        ("select * from raw.sales", True),
        ("select *, amount * 2 as twice from raw.sales", True),
        ("select current_date as day, s.* from raw.sales as s", False),
        ("select * from (select current_date as day, s.* from raw.sales as s)", False),
    ],
)
def test_a_star_passes_the_time_column_on_unless_another_column_has_its_name(view: str, *, aligned: bool) -> None:
    found = _identity("m.t", timed(), node("s.a", view, View()), incremental("m.t", "select day, amount from s.a"))
    assert (found.aligned == {"raw.sales"}) is aligned


def test_a_view_that_looks_at_several_days_breaks_the_alignment() -> None:
    found = _identity(
        "m.t",
        timed(),
        node("s.a", "select day, lag(amount) over (order by day) as before from raw.sales", View()),
        incremental("m.t", "select day, before from s.a"),
    )
    assert found.inputs == ("raw.sales",)
    assert found.aligned == frozenset()


def test_a_table_reached_on_two_ways_is_aligned_only_if_it_is_on_both() -> None:
    straight = node("s.a", "select day, amount from raw.sales", View())
    total = node("s.b", "select sum(amount) as total from raw.sales", View())
    also = node("s.b", "select day, amount as total from raw.sales", View())
    sql = "select a.day, a.amount, b.total from s.a as a, s.b as b"
    both = "select a.day, b.total from s.a as a join s.b as b on a.day = b.day where a.day >= :start and a.day < :end"
    assert _identity("m.t", timed(), straight, total, incremental("m.t", sql)).aligned == frozenset()
    assert _identity("m.t", timed(), straight, also, incremental("m.t", both)).aligned == frozenset()
    full = f"{both} and b.day >= :start and b.day < :end"
    assert _identity("m.t", timed(), straight, also, incremental("m.t", full)).aligned == {"raw.sales"}


def test_a_lookup_beside_an_aligned_input_is_an_input_that_is_not_aligned() -> None:
    found = _identity("m.t", timed(), _OTHER, incremental("m.t", "select s.day, r.x from raw.sales s, raw.rates r"))
    assert found.inputs == ("raw.rates", "raw.sales")
    assert found.aligned == {"raw.sales"}


def test_views_that_read_views_in_many_ways_are_followed_once_each() -> None:
    nodes = [timed(), node("v.l0", "select day from raw.sales", View())]
    for level in range(1, 40):
        below = f"v.l{level - 1}"
        nodes.append(node(f"v.r{level}", f"select day from {below}", View()))
        nodes.append(node(f"v.l{level}", f"select a.day from {below} as a, v.r{level} as b", View()))
    assert _identity("m.t", *nodes, incremental("m.t", "select day from v.l39")).aligned == frozenset()


def test_files_and_clocks_are_seen_through_views() -> None:
    files = node("s.f", "select * from read_csv('landing/*.csv')", View())
    clock = node("s.c", "select current_timestamp as at", View())
    unknown = node("s.u", "select * from read_csv(getvariable('where'))", View())
    reader = node("m.t", "select * from s.f, 'rates.parquet'")
    assert _identity("m.t", files, reader).files == ("file:landing/*.csv", "file:rates.parquet")
    assert not _identity("m.t", files, reader).volatile
    assert _identity("m.t", clock, node("m.t", "select * from s.c")).volatile
    assert _identity("m.t", unknown, node("m.t", "select * from s.u")).volatile


_CHECK = Check(NotNull(("a",)), "not_null(a)", Place(3, 1))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(_CHECK, place=Place(9, 9)), True),
        (replace(_CHECK, rule=NotNull(("b",))), False),
        (replace(_CHECK, rule=AcceptedValues("a", (1,))), False),
        (replace(_CHECK, severity=Severity.WARNING), False),
        (replace(_CHECK, where="b > 1"), False),
        (replace(_CHECK, tolerance=Tolerance(rows=1)), False),
    ],
)
def test_checks_have_a_digest_of_their_own(other: Check, same: bool) -> None:
    first = _identity("m.t", node("m.t", "select 1 as a", checks=(_CHECK,)))
    second = _identity("m.t", node("m.t", "select 1 as a", checks=(other,)))
    assert (first.checks == second.checks) is same
    assert first.fingerprint == second.fingerprint


def test_the_number_1_and_the_text_1_are_other_values() -> None:
    def of(value: str | int) -> str:
        rule = AcceptedValues("a", (value,))
        return _identity("m.t", node("m.t", "select 1 as a", checks=(replace(_CHECK, rule=rule),))).checks

    assert of(1) != of("1")


def test_history_of_an_incremental_table_is_part_of_what_it_is() -> None:
    sql = "select day from raw.orders"
    first = _identity("m.t", _RAW, incremental("m.t", sql, start=at("2024-01-01")))
    second = _identity("m.t", _RAW, incremental("m.t", sql, start=at("2023-01-01")))
    assert first.fingerprint != second.fingerprint
