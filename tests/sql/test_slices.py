"""The law of slices, held against a real database: rows of a time depend only on rows of that time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipe.domain.names import quote
from sqlpipe.domain.query import Query, Slice
from sqlpipe.sql.parse import analyse
from sqlpipe.sql.rewrite import compose

EXAMPLES = Path(__file__).parent.parent / "golden" / "sql" / "references" / "slices.sql"
TABLES = """
create schema raw;
create table trips as select (i * 7) % 5 as day, (i * 7) % 5 as ts, i % 11 as id, i % 2 as kind, i % 3 as stop,
  (i * 5) % 13 as n, i % 4 = 0 as late, [i % 2, i % 3] as tags, 't' || i as name
  from range(40) r(i);
insert into trips values (null, null, 1, 0, 1, 5, false, [1], 'x'), (2, 2, 2, null, null, 6, null, [2, 2], 'y');
create table raw.trips as from trips;
create table stops as select i as id, i as stop, 'abc'[i + 1] as kind, 's' || i as name, i * 2 as n from range(4) r(i);
create table others as select i % 5 as day, i as id from range(10) r(i);
create table a as select i % 6 as ts, i as id from range(9) r(i);
"""
NUMBERS = ("*", "ts", "day", "id", "kind", "stop", "n")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        yield connection


def check_promises(database: duckdb.DuckDBPyConnection, text: str) -> tuple[Slice, ...]:
    """Hold every promise about `trips` against every interval; gives the promises."""
    query = analyse(text)
    promises = tuple(each for each in query.slices if each.table.endswith("trips") and each.column in NUMBERS)
    for promise, (start, end) in product(promises, [(0, 1), (1, 3), (2, 5), (4, 4)]):
        for column in ("ts", "day", "n") if promise.column == "*" else (promise.column,):
            output = column if promise.output == "*" else promise.output
            assert_promise(database, text, query, (column, output), (start, end))
    return promises


def assert_promise(
    database: duckdb.DuckDBPyConnection, text: str, query: Query, promise: tuple[str, str], bounds: tuple[int, int]
) -> None:
    column, output = promise
    start, end = bounds
    cut = f"(select * from trips where {quote(column)} >= {start} and {quote(column)} < {end})"
    names = {each.text.casefold(): cut for each in query.references if each.parts[-1] == "trips"}
    literals = {"start": str(start), "end": str(end)}

    def rows(sql: str) -> Counter[str]:
        inside = f"where {quote(output)} >= {start} and {quote(output)} < {end}" if output else ""
        return Counter(str(row) for row in database.execute(f"select * from (\n{sql}\n) {inside}").fetchall())

    whole = rows(compose(text, query, names={}, values=literals))
    assert rows(compose(text, query, names=names, values=literals)) == whole, (promise, bounds, text)


def test_the_examples_keep_their_promises(database: duckdb.DuckDBPyConnection) -> None:
    kept = 0
    for example in EXAMPLES.read_text(encoding="utf-8").split("-- title: ")[1:]:
        text = "\n".join(line for line in example.splitlines()[1:] if not line.startswith("-->")).strip()
        if "::date" not in text:  # times are numbers here
            kept += len(check_promises(database, text))
    assert kept > 30


ITEMS = [
    "t.day",
    "t.ts as at",
    "t.day as d",
    "t.day + 1 as day",
    "t.n",
    "day",
    "t.*",
    "*",
    "t.id",
    "s.name",
    "s.day as sd",
    "t.day::varchar as day",
    "unnest(t.tags) as tag",
    "count(*) as c",
    "max(t.n) as m",
    "min(t.day) as day",
    "sum(t.n) over (partition by t.day) as w",
    "sum(t.n) over (partition by t.kind) as w2",
    "lag(t.n) over w as w3",
    "row_number() over (partition by t.kind, t.day order by t.n, t.id) as w4",
    "(select max(id) from others as o where o.day = t.day) as x",
    "(select count(*) from trips) as y",
]
SOURCES = [
    "trips as t",
    "(select * from trips) as t",
    "c as t",
    "d as t",
    "raw.trips as t",
    "(select * from trips limit 9) as t",
    "(select day, ts, id, kind, stop, n, tags from trips where n > 3) as t",
    "trips as t tablesample 100%",
    "(select *, lag(n) over (order by id) as before from trips) as t",
    "(select distinct day, ts, kind, id, n, stop, tags from trips) as t",
    "m as t",
]
JOINS = [
    "",
    "join {} on s.id = t.stop",
    "left join {} on s.id = t.stop",
    "right join {} on s.id = t.stop",
    "full join {} on s.id = t.stop",
    "semi join {} on s.id = t.stop",
    "anti join {} on s.id = t.stop",
    ", {}",
    "asof join {} on t.id >= s.id",
    "positional join {}",
]
RIGHTS = [
    "stops as s",
    "others as s",
    "trips as s",
    "(select id, day from trips) as s",
    "c as s",
]
WHERES = [
    "",
    "where t.n > 4",
    "where t.day >= :start and t.day < :end",
    "where ts >= :start and ts < :end",
    "where t.n in (select n from stops)",
    "where t.n > (select avg(n) from trips)",
    "where s.id is null",
]
GROUPS = [
    "",
    "group by all",
    "group by t.day",
    "group by day",
    "group by t.kind",
    "group by 1",
    "group by rollup(t.day)",
]
ENDS = [
    "",
    "qualify row_number() over (partition by t.day order by t.n, t.id) = 1",
    "order by t.id limit 3",
    "qualify row_number() over (partition by t.kind order by t.n, t.id) = 1",
    "window w as (partition by t.day order by t.n)",
    "window w as (order by t.n)",
    "having count(*) > 2",
]
WITHS = [
    "",
    "with c as (select * from trips), d as (select day, ts, n, id, kind, stop, tags from c)",
    "with c as (select day, ts, id, n, kind, stop, tags from trips where n > 2), d as (select * from c)",
    "with m as (select max(day) as day, ts, max(id) as id, kind, stop, max(n) as n from trips group by all)",
]


@st.composite
def queries(draw: st.DrawFn) -> str:
    def pick(among: list[str]) -> str:
        return draw(st.sampled_from(among))

    items = ", ".join(draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3, unique=True)))
    distinct = draw(st.sampled_from(["", "", "", "distinct ", "distinct on (t.id) "]))
    inner = f"select {distinct}{items} from {pick(SOURCES)} {pick(JOINS).format(pick(RIGHTS))} {pick(WHERES)}"
    inner = f"{inner} {pick(GROUPS)} {pick(ENDS)}"
    whole = draw(st.sampled_from(["{}", "{}", "select * from ({}) as q", "select q.*, 1 as one from ({}) as q"]))
    return f"{pick(WITHS)} {whole.format(inner)}"


def test_random_queries_keep_their_promises(database: duckdb.DuckDBPyConnection) -> None:
    promising: Counter[bool] = Counter()

    @settings(max_examples=250, deadline=None, derandomize=True)
    @given(queries())
    def hold(text: str) -> None:
        try:
            database.execute(f"explain {compose(text, analyse(text), names={}, values={'start': '1', 'end': '3'})}")
        except duckdb.Error:
            return  # much of what is drawn is not a query to the database
        promising[bool(check_promises(database, text))] += 1

    hold()
    assert promising[True] > 5
    assert promising[False] > 5
