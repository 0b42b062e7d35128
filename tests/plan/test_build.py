"""Plans: how a change spreads, what waits for what, what is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sqlpipe.domain.check import Check, Freshness, NotNull, Rule
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.plan import Change, Plan
from sqlpipe.domain.project import CheckQuery, ColumnCursor, Embedded, FullCursor, Ingest, Python, Seed, View
from sqlpipe.plan.build import build, waits
from tests.hand import Books, at, days, graph, incremental, node, timed


def _plan(books: Books, keys: Sequence[str] | None = None) -> Plan:
    chosen = list(books.graph.nodes) if keys is None else [each for each in books.graph.nodes if each in keys]
    return build(books.graph, books.identities, chosen, books.standing(), target="dev", database="shop.duckdb")


def _changes(plan: Plan) -> dict[str, str]:
    return {step.node.key: step.change.value for step in plan.steps}


_CHAIN = (
    timed(),
    node("m.a", "select day, amount from raw.sales"),
    node("m.v", "select * from m.a", View()),
    node("m.b", "select * from m.v"),
    node("m.other", "select 1 as a"),
)


def test_behind_an_ingest_it_is_a_matter_of_what_it_brings() -> None:
    books = Books(graph(*_CHAIN))
    books.run()
    plan = _plan(books)
    assert _changes(plan) == {
        "raw.sales": "due",
        "m.a": "maybe",
        "m.v": "maybe",
        "m.b": "maybe",
        "m.other": "unchanged",
    }
    reasons = {step.node.key: step.reason for step in plan.steps}
    assert reasons["m.a"] == "only if raw.sales brings new rows"
    assert reasons["m.b"] == "only if m.a brings new rows"
    assert [step.node.key for step in plan.to_do] == ["raw.sales", "m.a", "m.v", "m.b"]


def test_behind_an_edit_it_is_sure() -> None:
    books = Books(graph(*_CHAIN[1:], node("raw.sales")))
    books.run()
    books.graph = graph(node("raw.sales"), node("m.a", "select day from raw.sales"), *_CHAIN[2:])
    assert _changes(_plan(books)) == {"m.a": "edited", "m.v": "data", "m.b": "data", "m.other": "unchanged"}
    assert {step.reason for step in _plan(books).steps} >= {"m.a will change"}


def test_what_is_not_selected_does_not_move() -> None:
    books = Books(graph(*_CHAIN))
    books.run()
    assert _changes(_plan(books, ["m.a", "m.b"])) == {"m.a": "unchanged", "m.b": "unchanged"}


@pytest.mark.parametrize(
    ("rule", "held", "change"), [(NotNull(("day",)), "", "edited"), (Freshness("day", 60), "same", "due")]
)
def test_a_look_at_checks_brings_no_rows(rule: Rule, held: str, change: str) -> None:
    checked = node("m.a", "select day from raw.x", checks=(Check(rule, "c", Place(1, 1)),))
    books = Books(graph(node("raw.x"), checked, node("m.b", "select * from m.a")))
    books.run()
    if not held:
        books.held["m.a"] = replace(books.held["m.a"], checks="other")
    assert _changes(_plan(books)) == {"m.a": change, "m.b": "unchanged"}
    assert _plan(books).steps[0].action == "run its checks"


def test_a_lookup_that_will_change_is_no_reason() -> None:
    books = Books(graph(node("raw.x"), node("m.a", "select 1 as a"), node("m.b", "select * from m.a, raw.x")))
    books.run()
    edited = node("m.a", "select 2 as a")
    books.graph = graph(node("raw.x"), edited, node("m.b", "select * from m.a, raw.x", lookups=["m.a"]))
    assert _changes(_plan(books)) == {"m.a": "edited", "m.b": "unchanged"}


def test_with_a_start_only_aligned_inputs_are_followed() -> None:
    target = incremental("m.t", "select day from m.a", start=at("2024-01-01"))
    books = Books(graph(node("m.a", "select 1 as day"), target), now=at("2024-01-03"))
    books.run()
    books.commit("m.t", days("2024-01-01", "2024-01-03"))
    books.graph = graph(node("m.a", "select 2 as day"), target)
    assert _changes(_plan(books)) == {"m.a": "edited", "m.t": "unchanged"}


def test_sources_and_embedded_queries_are_no_steps_and_nothing_waits_for_them() -> None:
    found = graph(
        node("raw.x"),
        node("m.a", "select * from raw.x"),
        node("m.e", "select * from m.a", Embedded()),
        node("m.b", "select * from m.e, raw.x"),
    )
    plan = _plan(Books(found))
    assert [step.node.key for step in plan.steps] == ["m.a", "m.b"]
    assert [step.waits for step in plan.steps] == [frozenset(), frozenset({"m.a"})]


def test_a_node_waits_for_others_also_through_what_is_not_selected() -> None:
    found = graph(
        node("m.a", "select 1"),
        node("m.x", "select * from m.a"),
        node("m.y", "select * from m.x"),
        node("m.b", "select * from m.y, m.a"),
        node("m.c", "select * from m.b"),
    )
    assert waits(found, ["m.a", "m.b", "m.c"]) == {
        "m.a": frozenset(),
        "m.b": frozenset({"m.a"}),
        "m.c": frozenset({"m.b"}),
    }


def test_what_is_done_is_said_in_a_few_words() -> None:
    found = graph(
        timed("raw.files"),
        node("raw.cursor", kind=Ingest("shop", Place(1, 1), ColumnCursor("id"))),
        node("raw.full", kind=Ingest("shop", Place(1, 1), FullCursor())),
        node("s.seed", kind=Seed()),
        node("m.table", "select 1"),
        node("m.view", "select 1", View()),
        node("m.python", kind=Python("model", ())),
        node("c.check", "select 1", CheckQuery(Check(NotNull(()), "c", Place(1, 1)))),
    )
    actions = {step.node.key: step.action for step in _plan(Books(found)).steps}
    assert actions == {
        "raw.files": "look for files *.csv",
        "raw.cursor": "read shop from id on",
        "raw.full": "compare with shop",
        "s.seed": "load seed",
        "m.table": "build table",
        "m.view": "create view",
        "m.python": "call function",
        "c.check": "run check",
    }


def test_a_fill_tells_how_many_units_and_shows_sql_for_all_of_them() -> None:
    books = Books(graph(timed(), incremental("m.t", "select day, amount from raw.sales", batch=2)))
    books.commit("raw.sales", days("2024-01-01", "2024-01-04"), days("2024-01-08", "2024-01-09"))
    step = _plan(books).steps[-1]
    assert step.action == "fill 4 days"
    assert step.intervals == (days("2024-01-01", "2024-01-04"), days("2024-01-08", "2024-01-09"))
    assert "date '2024-01-01'" in step.sql
    assert "date '2024-01-09'" in step.sql


def test_one_day_is_not_days() -> None:
    books = Books(graph(timed(), incremental("m.t", "select day, amount from raw.sales", batch=2)))
    books.commit("raw.sales", days("2024-01-01", "2024-01-02"))
    assert _plan(books).steps[-1].action == "fill 1 day"


def test_what_is_unchanged_has_neither_action_nor_sql() -> None:
    books = Books(graph(node("m.t", "select 1 as a")))
    books.run()
    (step,) = _plan(books).steps
    assert (step.change, step.action, step.sql) == (Change.UNCHANGED, "", "")


def test_an_incremental_table_that_may_have_to_follow_says_so() -> None:
    books = Books(graph(timed(), incremental("m.t", "select day, amount from raw.sales")))
    books.run()
    assert _plan(books).steps[-1].action == "fill what changed"
    assert _plan(books).steps[-1].change is Change.MAYBE


def test_a_plan_knows_where_it_runs() -> None:
    plan = _plan(Books(graph(replace(node("m.t", "select 1")))))
    assert (plan.target, plan.database) == ("dev", "shop.duckdb")
