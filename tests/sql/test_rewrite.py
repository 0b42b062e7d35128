"""Queries put together for a run: what runs is what was written, with other tables, bounds and CTEs in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb
import pytest

from sqlpipe.sql.parse import analyse
from sqlpipe.sql.rewrite import compose, origin


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("""
            create schema raw; create schema other;
            create table raw.trips as select 1 as id, {'id': 5} as s;
            create table trips as select 2 as id, {'id': 6} as s;
            create table other."The Trips" as select 3 as id, {'id': 7} as s;
        """)
        yield connection


def composed(
    body: str,
    names: Mapping[str, str],
    embedded: Mapping[str, str] | None = None,
    bounds: tuple[str, str] | None = None,
) -> str:
    values = dict(zip(("start", "end"), bounds, strict=True)) if bounds else None
    return compose(body, analyse(body), names=names, embedded=embedded or {}, values=values)


@pytest.mark.parametrize(
    "body",
    [
        "select id from raw.trips",
        "select t.id from raw.trips t",
        "select t.id from raw . trips as t",
        "select trips.id from raw.trips",
        "select raw.trips.id from raw.trips",
        "select RAW.Trips.id from Raw.TRIPS",
        'select "raw"."trips".id from "raw"."trips"',
        "select trips.id from raw.trips where raw.trips.id = (select max(raw.trips.id) from raw.trips)",
        "select id from raw.trips where exists (select 1 from (select 1) as q where raw.trips.id > 0)",
        "with a as (select raw.trips.id from raw.trips) select id from a",
        "from t: raw.trips select t.id",
        "select trips.id from raw.trips tablesample 100%",
        "select trips.id from (select 1 as x) as q join raw.trips on q.x > 0",
        "(select id from raw.trips)",
        "table raw.trips",
        "pivot raw.trips on id using count(*) group by id",
        "select x.id from raw.trips as x(id, s)",
        "select trips.id from (raw.trips join raw.trips as u using (id))",
        "select id from raw.trips union all select raw.trips.id from raw.trips",
        "select trips.s.id - 4 as id from raw.trips",
    ],
)
def test_another_table_is_read_instead(database: duckdb.DuckDBPyConnection, body: str) -> None:
    before = database.execute(composed(body, {})).fetchall()
    after = database.execute(composed(body, {"raw.trips": 'other."The Trips"'})).fetchall()
    assert {row[0] for row in before} == {1}
    assert {row[0] for row in after} == {3}


def test_a_table_of_the_same_name_needs_no_alias() -> None:
    assert composed("select raw.trips.id from raw.trips", {"raw.trips": '"other"."TRIPS"'}) == (
        'select trips.id from "other"."TRIPS"'
    )


def test_a_bare_name_with_columns_that_name_its_schema(database: duckdb.DuckDBPyConnection) -> None:
    sql = composed("select main.trips.id, memory.main.trips.id from trips", {"trips": '"other"."The Trips"'})
    assert database.execute(sql).fetchall() == [(3, 3)]


def test_a_subquery_is_read_instead(database: duckdb.DuckDBPyConnection) -> None:
    for body in ("select trips.id from raw.trips", "select t.id from raw.trips as t"):
        assert database.execute(composed(body, {"raw.trips": "(select 9 as id)"})).fetchall() == [(9,)]


def test_names_of_ctes_strings_and_comments_stay() -> None:
    body = "with trips as (select 'from trips' as x) -- from trips\nselect x from trips"
    assert composed(body, {"trips": "nothing"}) == body


def test_bounds() -> None:
    body = "select id, 'at :start' as s, arr[:start] from t where ts >= :start and ts < :END::timestamp -- :end"
    sql = composed(body, {}, bounds=("date '2013-01-01'", "date '2013-01-02'"))
    assert sql == (
        "select id, 'at :start' as s, arr[:start] from t "
        "where ts >= date '2013-01-01' and ts < date '2013-01-02'::timestamp"
    )


def test_it_ends_where_the_query_ends(database: duckdb.DuckDBPyConnection) -> None:
    sql = composed("-- first\nselect 4 as id -- last\n; -- really", {})
    assert sql == "-- first\nselect 4 as id"
    assert database.execute(f"from ({sql})").fetchall() == [(4,)]


BODIES = [
    "select\n  id\nfrom clean",
    "-- first\nwith a as (select id from clean),\nb as (select id from a)\nselect id\nfrom b",
    "with recursive a as (\n from clean select id, 1 n union all from a select id, 2 where n < 2\n)\nfrom a select id",
    "from clean\nselect clean.id",
    "(select id from clean)\nunion\n(select id from clean)",
    "(with a as (select id from clean) select id from a)",
    "-- first\n((select id\nfrom clean))\norder by id",
    "with /* all */ a as (from clean) from a",
    "pivot clean on id using count(*) group by id",
]


@pytest.mark.parametrize("body", BODIES)
def test_embedded_queries_become_ctes(database: duckdb.DuckDBPyConnection, body: str) -> None:
    embedded = {"__clean": "select id + 1 as id -- one more\nfrom __cleaner", "__cleaner": "select 41 as id --"}
    names = {"clean": '"__clean"'}
    sql = composed(body, names, dict(reversed(embedded.items())))
    assert {row[0] for row in database.execute(sql).fetchall()} == {42}


@pytest.mark.parametrize("body", BODIES)
def test_lines_lead_back_to_where_they_were_written(body: str) -> None:
    embedded = {"__one": "select 1 as id", "__two": "select 2\n  as id\n\n-- two"}
    names = {"clean": '"__one"'}
    query = analyse(body)
    lines = compose(body, query, names=names, embedded=embedded).splitlines()
    seen = set()
    for number, line in enumerate(lines, start=1):
        name, at = origin(number, body, query, embedded=embedded)
        seen.add((name, at))
        theirs = (embedded[name] if name else body).splitlines()[at - 1]
        if name:
            assert line == theirs
        elif '"__' not in line and not line.startswith(")"):
            assert line.strip().removesuffix(")") == theirs.strip().removesuffix(")")
    assert seen >= {("", at) for at in range(1, body.count("\n") + 2)}
    assert seen >= {("__one", 1), ("__two", 1), ("__two", 4)}


def test_without_embedded_queries_lines_are_the_same() -> None:
    body = "with a as (\nselect 1)\nfrom a"
    assert [origin(line, body, analyse(body)) for line in (1, 2, 3)] == [("", 1), ("", 2), ("", 3)]
