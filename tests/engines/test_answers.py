"""What becomes of queries by people who may only look: every way out of the tables is closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.engine.contract import Bounds, Engine, Session

BOUNDS = Bounds(rows=100, bytes=2_000_000)


@pytest.fixture
def shop(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Two tables, a view, a sequence and macros; beside them a file that nobody is to see."""
    monkeypatch.chdir(tmp_path)
    for name in ("secret.csv", "secret", "data.csv", "main.csv"):
        (tmp_path / name).write_text("password\nhunter2\n")
    with engine.session() as session:
        for statement in (
            "create schema marts",
            "create table marts.orders (id integer, name varchar)",
            "insert into marts.orders values (1, 'ann'), (2, 'bo'), (3, null)",
            "create table plain (n integer)",
            "create view marts.names as select name from marts.orders",
            'create table marts."odd name" (x integer)',
            "create sequence numbers",
            "create macro mine(a) as a + 1",
            "create macro file() as table from read_csv('secret.csv')",
        ):
            session.execute(statement)
        yield session


def refused(session: Session, query: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SqlpipeError) as caught:
        session.answer(query, BOUNDS)
    return caught.value.diagnostics


_WAYS_OUT = (
    "select * from read_csv('secret.csv')",
    "from read_text('secret.csv')",
    "from read_blob('secret*')",
    "from read_json_auto('secret.csv')",
    "from parquet_scan('x.parquet')",
    "from parquet_metadata('x.parquet')",
    "from sniff_csv('secret.csv')",
    "from glob('*')",
    "from 'secret.csv'",
    'from "secret.csv"',
    'select * from "./secret.csv"',
    "select * from '/etc/passwd'",
    "table 'secret.csv'",
    'table "secret.csv"',
    "from main.csv",
    "from data.csv",
    "from 'secret.csv' tablesample 3",
    "describe 'secret.csv'",
    "summarize from 'secret.csv'",
    "select * from (describe 'secret.csv')",
    "from marts.orders where name = (select max(password) from 'secret.csv')",
    "from marts.orders where exists (from 'secret.csv')",
    "with a as (from 'secret.csv') select 1",
    "with a as (with b as (from 'secret.csv') from b) from a",
    "from marts.orders o, lateral (select * from 'secret.csv' where o.id = 1)",
    "from marts.orders join 'secret.csv' on true",
    "from marts.orders asof join 'secret.csv' on true",
    "from marts.orders positional join 'secret.csv'",
    "select 1 union all select count(*) from 'secret.csv'",
    "select 1 union all by name (from 'secret.csv')",
    "select 1 order by (select max(password) from 'secret.csv')",
    "select 1 limit (select count(*) from 'secret.csv')",
    "select 1 offset (select count(*) from 'secret.csv')",
    "from marts.orders group by (select max(password) from 'secret.csv')",
    "from marts.orders qualify row_number() over (order by (select max(password) from 'secret.csv')) = 1",
    "select max(id) over (partition by (select max(password) from 'secret.csv')) from marts.orders",
    "select count(*) filter (where exists (from 'secret.csv')) from marts.orders",
    "select string_agg(name, ',' order by (select max(password) from 'secret.csv')) from marts.orders",
    "select case when true then (select max(password) from 'secret.csv') end",
    "select [x for x in (select list(password) from 'secret.csv')]",
    "select list_transform([1], lambda x: (select max(password) from 'secret.csv'))",
    "select list_transform(['HOME'], lambda x: getenv(x))",
    "select columns(lambda c: getenv(c) = 'x') from marts.orders",
    "select * replace (getenv('HOME') as name) from marts.orders",
    "values ((select max(password) from 'secret.csv'))",
    "from (values (getenv('HOME')))",
    "from unnest((select list(password) from 'secret.csv'))",
    "from range((select count(*) from 'secret.csv'))",
    "from (pivot 'secret.csv' on password in ('a') using count(*))",
    "from (unpivot 'secret.csv' on password)",
    "pivot 'secret.csv' on password",
    "from query('select 1')",
    "from query_table('secret.csv')",
    "from query_table(['marts.orders'])",
    "from histogram('secret.csv', password)",
    "from file()",
    "select mine(1)",
    "from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "select json_serialize_plan('from ''secret.csv''')",
    "select json_serialize_sql('select 1')",
    "select getenv('HOME')",
    "select system.main.getenv('HOME')",
    "select 'HOME'.getenv()",
    "select current_setting('memory_limit')",
    "select getvariable('x')",
    "select nextval('numbers')",
    "select currval('numbers')",
    "select write_log('x')",
    "select sleep_ms(1000)",
    "select pg_sleep(1)",
    "from duckdb_settings()",
    "from duckdb_secrets()",
    "from duckdb_logs",
    "from pragma_table_info('marts.orders')",
    "from pg_catalog.pg_class",
    "from which_secret('s3://x', 's3')",
    "from information_schema.csv",
    "from seq_scan('marts.orders')",
    "from pandas_scan(1)",
    "from enable_logging()",
    "from checkpoint()",
    "select * from elsewhere.main.plain",
    "show databases",
    "show variables",
    "show all tables",
    "pragma version",
    "pragma database_list",
    "call range(3)",
    "call checkpoint()",
    "copy marts.orders to 'out.csv'",
    "copy (select 1) to 'out.csv'",
    "copy plain from 'secret.csv'",
    "export database 'out'",
    "attach 'other.db' as other",
    "detach shop",
    "install httpfs",
    "load httpfs",
    "set memory_limit = '1GB'",
    "reset memory_limit",
    "use marts",
    "create table x as select 1",
    "create temp table x as select 1",
    "create or replace macro lower(a) as 'x'",
    "insert into plain values (1)",
    "with x as (insert into plain values (1) returning *) from x",
    "update plain set n = 1",
    "delete from plain",
    "truncate plain",
    "drop table plain",
    "alter table plain add column m integer",
    "begin transaction",
    "commit",
    "checkpoint",
    "vacuum",
    "explain select 1",
    "explain analyze select 1",
    "prepare x as select 1",
    "execute x",
    "deallocate x",
    "select $1",
    "select ?",
    "select $name",
    "select 1; select 2",
    "select 1; drop table plain",
    "select 1;; drop table plain",
    "drop table plain; select 1",
    "select 1) union all (select password from 'secret.csv'",
    "select 1\n) as x; drop table plain; from (select 1",
    "select 1 /*",
    "*/ select 1",
    "select '",
    'select "',
    "select $$ 1",
    "\N{LEFT DOUBLE QUOTATION MARK}select 1\N{RIGHT DOUBLE QUOTATION MARK}",
    "select 1\N{FULLWIDTH SEMICOLON} drop table plain",
    "select 1\0; drop table plain",
    "",
    "   ",
    ";",
    "-- nothing",
    "/* nothing */",
    f"select {'1 + ' * 5000}1 /* {'x' * 20_000} */",
)


def test_nothing_else_than_tables_is_read(shop: Session, tmp_path: Path) -> None:
    let_in, told = [], dict[str, tuple[Diagnostic, ...]]()
    for query in _WAYS_OUT:
        try:
            let_in.append((query, shop.answer(query, BOUNDS)))
        except SqlpipeError as error:
            told[query] = error.diagnostics
    assert let_in == []
    assert {each.code for found in told.values() for each in found} == {"SP505", "SP711"}
    assert "hunter2" not in str(told)
    assert shop.query("select count(*) from plain") == [(0,)]
    assert not (tmp_path / "out.csv").exists()


def test_names_of_files_hide_behind_no_cte(shop: Session) -> None:
    inside = 'select * from (with "secret.csv" as (select 1) from "secret.csv"), "secret.csv"'
    assert "a CTE may not be called `secret.csv`" in {each.message for each in refused(shop, inside)}
    hidden = "select * from (with duckdb_tables as (select 1) from duckdb_tables), duckdb_tables"
    assert "a CTE may not be called `duckdb_tables`" in {each.message for each in refused(shop, hidden)}
    outside = "select * from (with a as (select 1) from a), a"
    assert refused(shop, outside)[0].code == "SP505"
    assert [each.message for each in refused(shop, "with csv as (select 1) from recurring.csv")] == [
        "there is no table `recurring.csv`"
    ]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select id, upper(name) from marts.orders order by id", [(1, "ANN"), (2, "BO"), (3, None)]),
        ("FROM Marts.ORDERS SELECT count(*);", [(3,)]),
        ("select 1; -- and no more", [(1,)]),
        ("/* first */ select 1 -- last", [(1,)]),
        ("(select 1)", [(1,)]),
        ("values (1, 'a'), (2, 'b')", [(1, "a"), (2, "b")]),
        ("select max(name) from marts.names", [("bo",)]),
        ('select count(*) from marts."odd name"', [(0,)]),
        ("select count(*) from plain", [(0,)]),
        ("select count(*) from main.plain", [(0,)]),
        ("select count(*) from shop.main.plain", [(0,)]),
        ("with a as (select 1 as x), b as (select x + 1 from a) from b", [(2,)]),
        ("with recursive n(i) as (select 1 union all select i + 1 from n where i < 4) select sum(i) from n", [(10,)]),
        ("select id, row_number() over (order by id desc) from marts.orders order by id", [(1, 3), (2, 2), (3, 1)]),
        ("select name.upper() from marts.orders where id = 1", [("ANN",)]),
        ("select list_transform([1, 2], lambda x: x + 1), {'a': 1}, map {'b': 2}", [([2, 3], {"a": 1}, {"b": 2})]),
        ("select * from range(3)", [(0,), (1,), (2,)]),
        ("select u from marts.orders, unnest([id, -id]) t(u) where id = 1 order by u", [(-1,), (1,)]),
        ("select * exclude (name) replace (id + 1 as id) from marts.orders order by 1 limit 1", [(2,)]),
        ("select 1 as a, 2 as a", [(1, 2)]),
        ("select 'it''s; drop table plain -- /*'", [("it's; drop table plain -- /*",)]),
        ("select $$ '); drop table plain $$", [(" '); drop table plain ",)]),
        ("select count(*) from information_schema.tables where table_name = 'plain'", [(1,)]),
        ("select lpad('7', 3, '0'), repeat('ab', 2), format('{:>4}', 'x'), printf('%03d', 7)",
         [("007", "abab", "   x", "007")]),
    ],
)  # fmt: skip
def test_tables_are_read(shop: Session, query: str, rows: list[tuple[object, ...]]) -> None:
    assert list(shop.answer(query, BOUNDS).rows) == rows


def test_columns_have_their_names_and_types(shop: Session) -> None:
    found = shop.answer('select id, name as "a ""b""", 1.5::decimal(4, 2) as c from marts.orders', BOUNDS)
    assert found.columns == (("id", "INTEGER"), ('a "b"', "VARCHAR"), ("c", "DECIMAL(4,2)"))
    described = shop.answer("describe marts.orders", BOUNDS)
    assert [row[:2] for row in described.rows] == [("id", "INTEGER"), ("name", "VARCHAR")]
    assert shop.answer("summarize marts.orders", BOUNDS).rows[0][0] == "id"


def test_of_many_rows_the_first_are_given(shop: Session) -> None:
    found = shop.answer("select * from range(1000000) order by 1 desc", Bounds(3, 1000))
    assert (list(found.rows), found.more) == ([(999_999,), (999_998,), (999_997,)], True)
    assert shop.answer("from range(3)", Bounds(3, 1000)).more is False


@pytest.mark.parametrize(
    "query",
    [
        "select repeat('x', 3000000000)",
        "select repeat('x', id * 1000000000) from marts.orders",
        "select lpad('x', 2000000000, 'y')",
        "select format('{:>2000000000}', 1)",
        "select printf('%*d', 2000000000, 1)",
        "select printf(name, 1) from marts.orders",
        "select list_sum(range(1, 400000000))",
        "select generate_series(1, 400000000)",
        "select list_resize([1], 400000000)",
    ],
)
def test_what_nobody_could_interrupt_is_not_begun(shop: Session, query: str) -> None:
    assert refused(shop, query)[0].code == "SP711"


def test_an_answer_that_is_too_large_is_refused(shop: Session) -> None:
    many = "select repeat('x', 1000) from range(100000)"
    with pytest.raises(SqlpipeError) as caught:
        shop.answer(many, Bounds(100_000, 2_000_000))
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].message) == (
        "SP712",
        "the answer is larger than 2 MB",
    )
    one = "with recursive d(s, n) as (select 'x', 0 union all select s || s, n + 1 from d where n < 22) "
    one += "select max(s) as big from d"
    assert "a value of the column big has more than 1 MB" in refused(shop, one)[0].message
    listed = "select list(repeat('x', 1000)) as big from range(2000)"
    assert "has more than 1 MB" in refused(shop, listed)[0].message
    assert shop.query("select 1") == [(1,)]


def test_a_complaint_points_at_its_place(shop: Session) -> None:
    [found] = refused(shop, "select 'ü' as u,\n  upperr(name)\nfrom marts.orders")
    assert found.message == "`upperr` is not a function that queries may use"
    assert "did you mean `upper`" in found.help
    assert found.span is not None
    assert (found.span.place.line, found.span.place.column) == (2, 3)
    [unknown] = refused(shop, "\n\n  select id,\n    nmae from marts.orders")
    assert unknown.span is not None
    assert (unknown.code, unknown.span.place.line, unknown.span.place.column) == ("SP505", 4, 5)
    [near] = refused(shop, "from mart.orders")
    assert near.help.startswith("did you mean `marts.orders`")


def test_all_complaints_are_told_at_once(shop: Session) -> None:
    found = refused(shop, "select getenv('A'), nextval('numbers') from 'secret.csv' where id = $1")
    assert len(found) == 4


def test_a_function_of_the_database_is_not_taken_for_that_of_duckdb(shop: Session) -> None:
    shop.execute("create macro lower(a) as (select max(password) from read_csv('secret.csv'))")
    assert refused(shop, "select lower('A')")[0].message == "`lower` is not a function that queries may use"


def test_rows_are_saved_as_parquet(shop: Session, tmp_path: Path) -> None:
    path = tmp_path / "it's.parquet"
    shop.save("select id, name from marts.orders order by id; -- all", path, BOUNDS)
    quoted = str(path).replace("'", "''")
    assert shop.query(f"select * from read_parquet('{quoted}')") == [(1, "ann"), (2, "bo"), (3, None)]
    with pytest.raises(SqlpipeError):
        shop.save("from 'secret.csv'", tmp_path / "no.parquet", BOUNDS)
    assert not (tmp_path / "no.parquet").exists()
    with pytest.raises(SqlpipeError) as caught:
        shop.save("select random() from range(10000)", path, Bounds(10_000, 1000))
    assert caught.value.diagnostics[0].code == "SP712"


def test_a_result_that_was_not_read_to_its_end_is_let_go_of(shop: Session) -> None:
    batches = shop.batches("from range(100000)", 10)
    assert next(batches) == [(number,) for number in range(10)]
    batches.close()  # type: ignore[attr-defined]
    shop.execute("insert into plain values (1)")
    assert shop.query("from plain") == [(1,)]
