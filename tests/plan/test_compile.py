"""The SQL of a node as the database runs it."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from sqlpipe.domain.interval import END_OF_TIME, Grain, Interval
from sqlpipe.domain.project import Embedded, Node, View
from sqlpipe.plan.compile import compile_query, moment_literal
from tests.hand import at, days, graph, incremental, node


def _compiled(target: Node, *others: Node, interval: Interval | None = None) -> str:
    return compile_query(graph(target, *others), target, interval)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("create schema raw; create schema marts")
        connection.execute(
            "create table raw.sales as select date '2024-01-01' + n::integer as day, n as amount from range(10) as t(n)"
        )
        connection.execute('create table marts."Daily Sales" as from raw.sales')
        return connection.execute(sql).fetchall()


def test_a_query_is_left_as_it_was_written() -> None:
    sql = "select  day -- a comment\nfrom raw.sales"
    assert _compiled(node("m.t", sql), node("raw.sales")) == sql


def test_a_bare_name_is_made_whole() -> None:
    sql = _compiled(node("m.t", "select count(*) from sales", reads=["raw.sales"]), node("raw.sales"))
    assert _rows(sql) == [(10,)]
    assert '"raw"."sales"' in sql


def test_a_bare_name_goes_on_to_qualify_its_columns() -> None:
    sql = _compiled(node("m.t", "select max(sales.amount) from sales", reads=["raw.sales"]), node("raw.sales"))
    assert _rows(sql) == [(9,)]


def test_a_quoted_name_stays_quoted() -> None:
    name = "marts.Daily Sales"
    assert _rows(_compiled(node("m.t", 'select count(*) from marts."Daily Sales"', reads=[name]), node(name))) == [
        (10,)
    ]
    assert _rows(_compiled(node("m.t", 'select count(*) from "daily sales"', reads=[name]), node(name))) == [(10,)]


def test_embedded_queries_are_put_in_front_one_in_the_other() -> None:
    sql = _compiled(
        node("m.t", "with x as (select * from b.two) select sum(amount) from x"),
        node("b.two", "select * from one where amount > 7 -- end", Embedded(), reads=["a.one"]),
        node("a.one", "select * from raw.sales where amount <> 8", Embedded()),
        node("raw.sales"),
    )
    assert _rows(sql) == [(9,)]


def test_an_embedded_query_used_twice_is_put_in_once() -> None:
    sql = _compiled(
        node("m.t", "select count(*) from a.one as x join one as y using (amount)", reads=["a.one"]),
        node("a.one", "select * from raw.sales", Embedded()),
        node("raw.sales"),
    )
    assert _rows(sql) == [(10,)]
    assert sql.count("raw.sales") == 1


def test_a_view_is_read_by_its_name() -> None:
    sql = _compiled(node("m.t", "select * from s.v"), node("s.v", "select 1 as a", View()))
    assert sql == "select * from s.v"


def test_a_table_may_read_its_own_last_state() -> None:
    target = node("m.t", "select * from t", reads=[])
    assert '"m"."t"' in _compiled(target)


def test_the_output_is_cut_to_the_interval_whether_or_not_the_query_says_so() -> None:
    interval = days("2024-01-03", "2024-01-05")
    loose = incremental("m.t", "select day, amount from raw.sales -- all of them")
    tight = incremental("m.t", "select day, amount from raw.sales where day >= :start and day < :end")
    for target in (loose, tight):
        assert sorted(row[1] for row in _rows(_compiled(target, node("raw.sales"), interval=interval))) == [2, 3]


def test_without_an_interval_the_bounds_are_the_ends_of_time() -> None:
    target = incremental("m.t", "select count(*) as n from raw.sales where day >= :start and day < :end", column="n")
    assert _rows(_compiled(target, node("raw.sales"))) == [(10,)]


@pytest.mark.parametrize(
    ("moment", "grain", "text"),
    [
        ("2024-02-29", Grain.DAY, "date '2024-02-29'"),
        ("2024-02-01", Grain.MONTH, "date '2024-02-01'"),
        ("2024-02-29 13:00", Grain.HOUR, "timestamp '2024-02-29 13:00:00'"),
    ],
)
def test_moments(moment: str, grain: Grain, text: str) -> None:
    assert moment_literal(at(moment), grain) == text


@pytest.mark.parametrize("grain", list(Grain))
@pytest.mark.parametrize("moment", ["0001-01-01", "0999-12-31", "2024-02-29", "9999-12-31"])
def test_moments_are_read_as_what_they_are(moment: str, grain: Grain) -> None:
    with duckdb.connect() as connection:
        sql = f"select {moment_literal(at(moment), grain)}::timestamp::varchar"
        assert connection.execute(sql).fetchall() == [(f"{moment} 00:00:00",)]


def test_the_end_of_time_is_after_the_last_day_there_is() -> None:
    with duckdb.connect() as connection:
        sql = f"select date '9999-12-31' < {moment_literal(END_OF_TIME, Grain.DAY)}"
        assert connection.execute(sql).fetchall() == [(True,)]
