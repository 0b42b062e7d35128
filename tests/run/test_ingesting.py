"""Files and databases brought in again and again: nothing lost, nothing doubled, nothing guessed."""

from __future__ import annotations

import os

import duckdb
import pytest

from tests.shop import Shop


@pytest.fixture
def files(shop: Shop) -> Shop:
    """An ingest that appends files, and a table below it."""
    shop.land("in/1.csv", "id,n\n1,a\n2,b\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv", "")
    shop.model("marts.it", "kind: table", "select * from raw.it")
    shop.well()
    return shop


def test_a_file_delivered_again_replaces_its_own_rows(files: Shop) -> None:
    files.land("in/2.csv", "id,n\n3,c\n")
    files.well()
    files.land("in/1.csv", "id,n\n2,b\n4,d\n")
    files.well()
    assert files.rows("raw.it") == [(2, "b", "in/1.csv"), (3, "c", "in/2.csv"), (4, "d", "in/1.csv")]


def test_a_file_that_is_only_touched_changes_nothing(files: Shop) -> None:
    for write in ("append", "replace", "merge\nkey: id"):
        files.model("raw.it", f"kind: ingest\nfrom: in/*.csv\nwrite: {write}", "")
        files.well()
        version = files.version("raw.it")
        files.land("in/1.csv", "id,n\n1,a\n2,b\n")
        assert files.well() == set()
        assert files.version("raw.it") == version
        assert files.run().nodes["raw.it"].detail == "no new files"


def test_rows_of_a_file_that_is_gone_stay_unless_everything_is_replaced(files: Shop) -> None:
    files.land("in/2.csv", "id,n\n3,c\n")
    files.well()
    (files.root / "in/2.csv").unlink()
    assert files.well() == set()
    assert files.rows("select id from raw.it") == [(1,), (2,), (3,)]
    files.model("raw.it", "kind: ingest\nfrom: in/*.csv\nwrite: replace", "")
    files.land("in/2.csv", "id,n\n3,c\n")
    files.well()
    (files.root / "in/2.csv").unlink()
    files.well()
    assert files.rows("select id from raw.it") == [(1,), (2,)]
    assert files.well() == set()


def test_a_query_may_filter_and_sum_each_file(files: Shop) -> None:
    files.model(
        "raw.it", "kind: ingest\nfrom: in/*.csv", "select n, sum(id) as total from source where id > 1 group by n"
    )
    files.well()
    files.land("in/2.csv", "id,n\n5,b\n6,b\n")
    files.well()
    assert files.rows("raw.it") == [("b", 2, "in/1.csv"), ("b", 11, "in/2.csv")]
    files.land("in/2.csv", "id,n\n1,b\n")
    files.well()
    assert files.rows("raw.it") == [("b", 2, "in/1.csv")]


def test_rows_with_a_key_are_merged(files: Shop) -> None:
    files.model("raw.it", "kind: ingest\nfrom: in/*.csv\nkey: id", "")
    files.well()
    files.land("in/2.csv", "id,n\n2,b\n3,c\n")
    assert files.run().nodes["raw.it"].detail == "1 new file: 1 new, 1 changed"
    files.land("in/3.csv", "id,n\n2,B\n")
    assert files.run().nodes["raw.it"].detail == "1 new file: 1 changed"
    assert files.rows("raw.it") == [(1, "a"), (2, "B"), (3, "c")]


def test_of_a_file_that_is_delivered_again_only_the_changes_count(files: Shop) -> None:
    files.model("raw.it", "kind: ingest\nfrom: in/*.csv\nkey: id", "")
    files.land("in/2.csv", "id,n\n3,c\n4,d\n")
    files.well()
    files.land("in/2.csv", "id,n\n3,c\n4,D\n5,e\n")
    assert files.run().nodes["raw.it"].detail == "1 changed file: 1 new, 1 changed"
    version = files.version("raw.it")
    files.land("in/2.csv", "id,n\n3,c\n4,D\n5,e\n")
    assert files.well() == set()
    assert files.version("raw.it") == version


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_other_kinds_of_files(shop: Shop, suffix: str) -> None:
    (shop.root / "in").mkdir()
    shop.model("raw.it", f"kind: ingest\nfrom: in/*.{suffix}", "")
    for number in range(1, 4):
        row = f"select {number} as id, date '2024-01-0{number}' as day"
        duckdb.execute(f"copy ({row}) to '{shop.root}/in/{number}.{suffix}' (format {suffix})")
        shop.well()
    assert [row[0] for row in shop.rows("raw.it")] == [1, 2, 3]
    assert shop.well() == set()


def test_a_header_without_rows_decides_no_types(shop: Shop) -> None:
    shop.land("in/1.csv", "id,day\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\nkey: id", "")
    shop.model("raw.log", "kind: ingest\nfrom: in/*.csv", "")
    shop.well()
    shop.land("in/2.csv", "id,day\n1,2024-01-01\n")
    shop.well()
    assert shop.columns("raw.it") == [("id", "BIGINT"), ("day", "DATE")]
    shop.land("in/3.csv", "id,day\n")
    assert shop.well() == set()
    shop.land("in/4.csv", "id,day\n2,\n")
    shop.well()
    assert len(shop.rows("raw.it")) == len(shop.rows("raw.log")) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [("1", "1.5"), ("2024-01-01", "2024-01-01 10:00:00"), ("1", "x"), ("true", "7"), ("1.5", "x")],
)
def test_a_value_that_does_not_fit_is_refused_and_never_cut(shop: Shop, first: str, second: str) -> None:
    shop.land("in/1.csv", f"id\n{first}\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv", "")
    shop.well()
    shop.land("in/2.csv", f"id\n{second}\n")
    ran = shop.run()
    assert [each.code for each in ran.problems("raw.it")] == ["SP507"]
    shop.land("in/2.csv", f"id\n{first}\n")
    shop.well()


@pytest.mark.parametrize("body", ["", "select id from source where true"])
@pytest.mark.parametrize("value", ["1.50", "1e3", "2024-1-5", "TRUE"])
def test_what_is_held_as_text_stays_as_it_is_spelled(shop: Shop, value: str, body: str) -> None:
    shop.land("in/1.csv", "id\nx1\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv", body)
    shop.well()
    shop.land("in/2.csv", f"id\n{value}\n")
    shop.well()
    assert shop.rows("select id from raw.it") == sorted([("x1",), (value,)])


def test_columns_that_come_and_go(shop: Shop) -> None:
    shop.land("in/1.csv", "id\n1\n")
    for mode in ("evolve", "discard", "freeze"):
        shop.model(f"raw.{mode}", f"kind: ingest\nfrom: in/*.csv\nschema: {mode}", "")
        shop.model(f"marts.{mode}", "kind: table", f"select * from raw.{mode}")
    shop.well()
    shop.land("in/2.csv", "id,more\n2,x\n")
    ran = shop.run()
    assert ran.states["raw.freeze"] == "failed"
    assert shop.rows("marts.evolve") == [(1, "in/1.csv", None), (2, "in/2.csv", "x")]
    assert shop.rows("marts.discard") == [(1, "in/1.csv"), (2, "in/2.csv")]
    shop.land("in/2.csv", "more\nx\n")
    ran = shop.run()
    assert {each.code for name in ("evolve", "discard", "freeze") for each in ran.problems(f"raw.{name}")} == {"SP507"}


def test_names_that_look_like_patterns_and_columns_that_are_called_like_ours(shop: Shop) -> None:
    shop.land("in[1]/a[1].csv", "id,filename\n1,x\n")
    shop.land("in[1]/a1.csv", "id,filename\n2,y\n")
    shop.land("in[1]/it's ? *.csv", "id,filename\n3,z\n")
    shop.model("raw.it", "kind: ingest\nfrom: in[[]1]/*.csv", "")
    shop.model("raw.each", "kind: ingest\nfrom: in[[]1]/*.csv", "select id from source")
    shop.well()
    assert shop.rows("select id, filename, _file from raw.it") == [
        (1, "x", "in[1]/a[1].csv"),
        (2, "y", "in[1]/a1.csv"),
        (3, "z", "in[1]/it's ? *.csv"),
    ]
    assert shop.rows("select id from raw.each") == [(1,), (2,), (3,)]
    shop.land("in[1]/a[1].csv", "id,filename\n4,x\n")
    shop.well()
    assert shop.rows("select id from raw.it") == [(2,), (3,), (4,)]


def test_rows_without_a_time_are_counted(shop: Shop) -> None:
    shop.land("in/1.csv", "id,day\n1,2024-01-01\n2,\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    shop.model("marts.it", "kind: incremental\ntime: day", "select id, day from raw.it")
    ran = shop.run()
    assert ran.nodes["raw.it"].detail == "1 new file, 1 row without `day`"
    assert ran.nodes["marts.it"].detail == "1 day, 1 row without `day` left out"
    shop.land("in/2.csv", "id,day\n3,2024-01-01\n4,\n5,\n")
    ran = shop.run()
    assert ran.nodes["raw.it"].detail == "1 new file: 3 new, 2 rows without `day`"
    assert shop.rows("select id from marts.it") == [(1,), (3,)]


def test_a_time_column_that_is_no_time_is_refused(shop: Shop) -> None:
    shop.land("in/1.csv", "id,day\n1,x\n")
    shop.crm("create table t (id integer, day text)", "insert into t values (1, '2024-01-01')")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    shop.model("raw.crm", "kind: ingest\nfrom: crm\nkey: id\ntime: day", "select * from t")
    shop.model("marts.it", "kind: incremental\ntime: id", "select 1 as id")
    ran = shop.run()
    for name in ("raw.it", "raw.crm", "marts.it"):
        assert [each.code for each in ran.problems(name)] == ["SP103"]


# A database as the source.


@pytest.fixture
def people(shop: Shop) -> Shop:
    shop.crm("create table t (a integer, b text, n text)")
    shop.crm("insert into t values (1, 'x', 'ann'), (1, 'y', null), (2, 'x', 'cid')")
    return shop


FULL = "kind: ingest\nfrom: crm\nkey: [a, b]\nmax_deletes: 100%"


@pytest.mark.parametrize("deletes", ["hard", "soft", "ignore"])
def test_everything_is_compared_by_a_key_of_two_columns(people: Shop, deletes: str) -> None:
    people.model("raw.it", f"{FULL}\ndeletes: {deletes}", "select * from t")
    people.model("marts.it", "kind: table", "select a, b, n from raw.it")
    people.well()
    assert people.well() == set()
    people.crm(
        "update t set n = 'bob' where b = 'y'", "update t set n = null where a = 2", "insert into t values (3, 'z', '')"
    )
    assert people.run().nodes["raw.it"].detail == "1 new, 2 changed"
    people.crm("delete from t where a = 1 and b = 'x'", "update t set b = 'w' where a = 3")
    detail = people.run().nodes["raw.it"].detail
    assert detail == ("1 new" if deletes == "ignore" else "1 new, 2 deleted")
    there = [(1, "y", "bob"), (2, "x", None), (3, "w", "")]
    gone = [] if deletes == "hard" else [(1, "x", "ann"), (3, "z", "")]
    assert people.rows("marts.it") == sorted([*there, *gone], key=lambda row: row[:2])
    assert people.well() == set()
    if deletes == "soft":
        assert people.rows("select a, b from raw.it where _deleted_at is not null") == [(1, "x"), (3, "z")]
        people.crm("insert into t values (1, 'x', 'ann')")
        people.well()
        assert people.rows("select a, b from raw.it where _deleted_at is not null") == [(3, "z")]
    people.well(full_refresh=True)
    assert people.rows("select count(*) from raw.it") == people.rows("select " + ("4" if deletes == "soft" else "3"))


def test_a_source_that_lost_most_of_its_rows_is_refused_unless_that_is_allowed(people: Shop) -> None:
    people.crm("delete from t", *(f"insert into t values ({n}, 'x', 'y')" for n in range(10)))
    people.model("raw.it", "kind: ingest\nfrom: crm\nkey: a", "select * from t")
    people.well()
    people.crm("delete from t where a < 2")
    before = people.picture("raw.it")
    assert [each.code for each in people.run().problems("raw.it")] == ["SP509"]
    assert people.picture("raw.it") == before
    people.model("raw.it", "kind: ingest\nfrom: crm\nkey: a\nmax_deletes: 20%", "select * from t")
    people.well()
    assert len(people.rows("raw.it")) == 8
    people.crm("delete from t")
    assert [each.code for each in people.run().problems("raw.it")] == ["SP509"]
    people.model("raw.it", "kind: ingest\nfrom: crm\nkey: a\nmax_deletes: 100%", "select * from t")
    people.well()
    assert people.rows("raw.it") == []
    assert people.well() == set()
    people.crm("insert into t values (7, 'x', 'y')")
    people.well()
    assert people.rows("raw.it") == [(7, "x", "y")]


@pytest.mark.parametrize("key", ["", "\nkey: id"])
def test_an_empty_source_is_no_news_until_rows_come(shop: Shop, key: str) -> None:
    shop.crm("create table t (id integer, at_time text)")
    for name, cursor in {
        "raw.full": "full",
        "raw.number": "{column: id}",
        "raw.time": "{column: at_time, lag: 1h}",
    }.items():
        shop.model(name, f"kind: ingest\nfrom: crm\ncursor: {cursor}{key}", "select * from t")
        shop.model(name.replace("raw", "marts"), "kind: table", f"select * from {name}")
    shop.well()
    assert shop.well() == set()
    shop.crm("insert into t values (1, '2024-01-01 10:00:00')")
    shop.well()
    for name in ("full", "number", "time"):
        assert shop.rows(f"marts.{name}") == [(1, "2024-01-01 10:00:00")]
        assert [type_ for _, type_ in shop.columns(f"raw.{name}")] == ["BIGINT", "VARCHAR"]
    assert shop.well() == set()


SPELLINGS = {
    "number": ["1", "2", "3", "4", "5"],
    "dates": ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'", "'2024-01-04'", "'2024-01-05'"],
    "times": [f"'2024-01-01 10:00:0{n}'" for n in range(5)],
    "iso": [f"'2024-01-01T10:00:0{n}.000Z'" for n in range(5)],
    "minutes": [f"'2024-01-01 10:0{n}'" for n in range(5)],
}
LAGS = {"number": "1", "dates": "1d", "times": "1s", "iso": "1s", "minutes": "1m"}


@pytest.mark.parametrize("key", ["", "\nkey: id"])
@pytest.mark.parametrize("lagged", [False, True])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_cursor_loses_and_doubles_nothing(shop: Shop, spelling: str, lagged: bool, key: str) -> None:
    at = SPELLINGS[spelling]
    lag = f", lag: {LAGS[spelling]}" if lagged else ""
    shop.crm("create table t (id integer primary key, moved, n text)")
    shop.crm(f"insert into t values (1, {at[0]}, 'a'), (2, {at[1]}, 'b'), (3, {at[1]}, 'c')")
    shop.model("raw.it", f"kind: ingest\nfrom: crm\ncursor: {{column: moved{lag}}}{key}", "select * from t")
    shop.model("marts.it", "kind: table", "select * from raw.it")

    def same(rows: list[tuple[object, ...]]) -> None:
        shop.well()
        assert [(row[0], row[2]) for row in shop.rows("marts.it")] == rows
        assert shop.well() == set()

    same([(1, "a"), (2, "b"), (3, "c")])
    # Another row at the very same tick, and an update that stays on it.
    shop.crm(f"insert into t values (4, {at[1]}, 'd')", "update t set n = 'C' where id = 3")
    same([(1, "a"), (2, "b"), (3, "C"), (4, "d")])
    # A row moves on; without a key the old one has to be found in the window that is read.
    shop.crm(f"update t set n = 'B', moved = {at[2]} where id = 2")
    same([(1, "a"), (2, "B"), (3, "C"), (4, "d")])
    if lagged:
        # Committed late, at the beginning of the window.
        shop.crm(f"insert into t values (5, {at[1]}, 'late')")
        same([(1, "a"), (2, "B"), (3, "C"), (4, "d"), (5, "late")])


def test_a_cursor_that_could_lose_rows_is_refused(shop: Shop) -> None:
    shop.crm("create table t (id integer, moved, n text)", "insert into t values (1, 1, 'a')")
    shop.model("raw.it", "kind: ingest\nfrom: crm\ncursor: {column: moved}", "select * from t")
    shop.well()
    before = shop.picture("raw.it")
    shop.crm("insert into t values (2, null, 'b')")
    assert "no value in the cursor" in shop.run().problems("raw.it")[0].message
    shop.crm("update t set moved = 2.5 where id = 2")
    assert [each.code for each in shop.run().problems("raw.it")] == ["SP506"]
    assert shop.picture("raw.it") == before
    shop.crm("update t set moved = 2 where id = 2")
    shop.well()
    assert len(shop.rows("raw.it")) == 2


def test_a_lag_behind_what_is_no_time_is_refused(shop: Shop) -> None:
    shop.crm("create table t (id integer, moved text)", "insert into t values (1, 'last week')")
    shop.model("raw.it", "kind: ingest\nfrom: crm\ncursor: {column: moved, lag: 1d}", "select * from t")
    shop.run()
    ran = shop.run()
    assert [each.code for each in ran.problems("raw.it")] == ["SP506"]


def test_a_source_without_a_key_that_is_emptied_keeps_its_types(shop: Shop) -> None:
    shop.crm("create table t (id integer, n text)", "insert into t values (1, 'a')")
    shop.model("raw.it", "kind: ingest\nfrom: crm", "select * from t")
    shop.model("marts.it", "kind: table", "select upper(n) as n from raw.it")
    shop.well()
    shop.crm("delete from t")
    assert shop.well() == {"raw.it", "marts.it"}
    assert shop.rows("marts.it") == []
    assert shop.well() == set()


def test_a_table_emptied_by_hand_is_read_from_the_beginning(shop: Shop) -> None:
    shop.crm("create table t (id integer)", "insert into t values (1), (2)")
    shop.model("raw.it", "kind: ingest\nfrom: crm\ncursor: {column: id}", "select * from t")
    shop.well()
    shop.execute("delete from raw.it")
    shop.well()
    assert shop.rows("raw.it") == [(1,), (2,)]


def test_a_source_that_changes_types_and_columns(shop: Shop) -> None:
    shop.crm("create table t (id integer, n)", "insert into t values (1, 5)")
    for name, header in {
        "full": "key: id",
        "cursor": "cursor: {column: id}\nkey: id",
        "log": "cursor: {column: id}",
    }.items():
        shop.model(f"raw.{name}", f"kind: ingest\nfrom: crm\n{header}", "select * from t")
        shop.model(f"marts.{name}", "kind: table", f"select * from raw.{name}")
    shop.well()
    shop.crm("insert into t values (2, null)")
    shop.well()
    shop.crm("alter table t add column more text", "insert into t values (3, 6, 'x')")
    shop.well()
    expected = [(1, 5, None), (2, None, None), (3, 6, "x")]
    assert [shop.rows(f"marts.{name}") for name in ("full", "cursor", "log")] == [expected] * 3
    assert shop.well() == set()
    shop.crm("insert into t values (4, 'seven', 'y')")
    ran = shop.run()
    assert {ran.states[f"raw.{name}"] for name in ("full", "cursor", "log")} == {"failed"}
    assert [shop.rows(f"marts.{name}") for name in ("full", "cursor", "log")] == [expected] * 3


def test_numbers_that_come_and_go_with_a_fraction_stay_the_same_numbers(shop: Shop) -> None:
    shop.crm("create table t (id integer, price decimal(10, 2))", "insert into t values (1, 5)")
    for name, header in {"full": "key: id", "cursor": "cursor: {column: id}\nkey: id"}.items():
        shop.model(f"raw.{name}", f"kind: ingest\nfrom: crm\n{header}", "select * from t")
    shop.well()
    assert shop.columns("raw.full")[1] == ("price", "BIGINT")
    shop.crm("insert into t values (2, 7.25)")
    shop.well()
    assert [shop.columns(f"raw.{name}")[1] for name in ("full", "cursor")] == [("price", "DOUBLE")] * 2
    shop.crm("insert into t values (3, 9)")
    shop.well()
    assert [shop.rows(f"raw.{name}") for name in ("full", "cursor")] == [[(1, 5.0), (2, 7.25), (3, 9.0)]] * 2


def test_whole_numbers_too_large_to_be_exact_otherwise_are_not_made_floating_point(shop: Shop) -> None:
    shop.crm("create table t (id integer, n)", f"insert into t values (1, {2**53 + 1})")
    shop.model("raw.t", "kind: ingest\nfrom: crm\nkey: id", "select * from t")
    shop.well()
    shop.crm("insert into t values (2, 0.5)")
    assert [each.code for each in shop.run().problems("raw.t")] == ["SP507"]
    assert shop.rows("raw.t") == [(1, 2**53 + 1)]


def test_a_file_that_keeps_size_and_time_is_not_read_again(files: Shop) -> None:
    stat = (files.root / "in/1.csv").stat()
    files.write("in/1.csv", "id,n\n1,x\n2,y\n")
    os.utime(files.root / "in/1.csv", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert files.well() == set()
