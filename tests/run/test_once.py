"""Nothing is done twice, and nothing that has to be done is left out."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from tests.shop import Shop


@pytest.fixture
def chain(shop: Shop) -> Shop:
    """A seed, a view over it, a table over that, and a table over the table."""
    shop.write("seeds/people.csv", "id,name\n1,ann\n2,bob\n")
    shop.model("staging.people", "", "select id, name from seeds.people")
    shop.model(
        "marts.people", "kind: table\nchecks: [{unique: id}]", "select id, upper(name) as name from staging.people"
    )
    shop.model("marts.counted", "kind: table", "select count(*) as n from marts.people")
    assert shop.well() == {"seeds.people", "staging.people", "marts.people", "marts.counted"}
    assert shop.well() == set()
    return shop


def test_formatting_comments_and_words_about_it_run_nothing(chain: Shop) -> None:
    chain.model(
        "marts.people",
        "kind: table\ndescription: people\ntags: [a]\nchecks: [{unique: id}]\ncolumns: {id: {description: number}}",
        "-- a comment\nSELECT id,\n  upper(name) AS name /* loud */\nFROM staging.people",
    )
    chain.model("staging.people", "description: text", "select id, name\nfrom seeds.people -- all")
    assert chain.well() == set()


def test_an_edited_check_only_looks(chain: Shop) -> None:
    chain.model(
        "marts.people", "kind: table\nchecks: [{not_null: id}]", "select id, upper(name) as name from staging.people"
    )
    ran = chain.run()
    assert ran.end.well
    assert [each.check.name for each in ran.nodes["marts.people"].checks] == ["not_null(id)"]
    assert ran.done == set()
    assert chain.version("marts.people") == 1
    chain.model(
        "marts.people",
        "kind: table\nchecks: [{expression: id > 1}]",
        "select id, upper(name) as name from staging.people",
    )
    for _ in range(2):
        ran = chain.run()
        assert ran.states["marts.people"] == "failed"
        assert ran.states["marts.counted"] == "blocked"
    assert chain.version("marts.people") == 1


def test_an_edit_that_makes_no_difference_stops_where_it_makes_none(chain: Shop) -> None:
    body = "select id, upper(name) || '' as name from staging.people"
    chain.model("marts.people", "kind: table\nchecks: [{unique: id}]", body)
    assert chain.well() == {"marts.people"}
    chain.model("staging.people", "", "select id, name from seeds.people where true")
    assert chain.well() == {"staging.people", "marts.people"}
    chain.write("seeds/people.csv", "name,id\nbob,2\nann,1\n")
    assert chain.well() == {"seeds.people", "staging.people", "marts.people"}


def test_every_column_counts_when_rows_are_compared_whatever_it_is_called(shop: Shop) -> None:
    shop.model("marts.it", "kind: table", "select 1 as t, 1 as n")
    shop.model("marts.below", "kind: table", "select * from marts.it")
    shop.well()
    shop.model("marts.it", "kind: table", "select 1 as t, 2 as n")
    assert shop.well() == {"marts.it", "marts.below"}
    assert shop.rows("marts.below") == [(1, 2)]


def test_every_column_of_a_source_table_counts_whatever_it_is_called(shop: Shop) -> None:
    shop.execute("create schema ext", "create table ext.it as select 1 as t, 1 as n")
    shop.write("sqlpipe.yml", "name: shop\nsources:\n  ext.it: {}\n")
    shop.model("marts.it", "kind: table", "select * from ext.it")
    shop.well()
    assert shop.well() == set()
    shop.execute("update ext.it set n = 2")
    assert shop.well() == {"marts.it"}
    assert shop.rows("marts.it") == [(1, 2)]
    shop.execute("insert into ext.it values (1, 2)")
    assert shop.well() == {"marts.it"}
    shop.execute("alter table ext.it add column more text")
    assert shop.well() == {"marts.it"}


def test_a_table_dropped_by_hand_is_built_again_and_what_is_below_left_alone(chain: Shop) -> None:
    chain.execute("drop table marts.people")
    chain.well()
    assert chain.rows("marts.people") == [(1, "ANN"), (2, "BOB")]
    chain.execute("drop view staging.people")
    assert "staging.people" in chain.well()
    chain.execute("drop table seeds.people", "drop table marts.counted")
    assert {"seeds.people", "marts.counted"} <= chain.well()
    assert chain.well() == set()


KINDS = {
    "view": ("kind: view", "select 1 as id, date '2024-01-01' as day"),
    "table": ("kind: table", "select 1 as id, date '2024-01-01' as day"),
    "incremental": ("kind: incremental\ntime: day", "select 1 as id, date '2024-01-01' as day"),
    "batched": (
        "kind: incremental\ntime: {column: day, batch: 1, start: 2024-01-01}",
        "select 1 as id, date '2024-01-01' as day",
    ),
    "ingest": ("kind: ingest\nfrom: in/*.csv\nkey: id", "select * from source"),
    "embedded": ("kind: embedded", "select 1 as id, date '2024-01-01' as day"),
}


def test_a_node_may_change_its_kind_to_any_other_and_back(shop: Shop) -> None:
    shop.land("in/1.csv", "id,day\n1,2024-01-01\n")
    shop.model("marts.below", "kind: table", "select id, day from raw.it")
    for (first, before), (second, after) in product(KINDS.items(), repeat=2):
        shop.model("raw.it", *before)
        shop.well()
        shop.model("raw.it", *after)
        shop.well()
        assert shop.well() == set(), (first, second)
        assert shop.rows("select id from marts.below") == [(1,)]
        if second != "embedded":
            assert shop.rows("select id from raw.it") == [(1,)], (first, second)


def test_a_table_turned_seed_and_a_seed_turned_table(shop: Shop) -> None:
    shop.write("seeds/it.csv", "id\n1\n")
    shop.well()
    (shop.root / "seeds/it.csv").unlink()
    shop.model("seeds.it", "kind: table", "select 2 as id")
    assert shop.well() == {"seeds.it"}
    (shop.root / "models/seeds/it.sql").unlink()
    shop.write("seeds/it.csv", "id\n3\n")
    assert shop.well() == {"seeds.it"}
    assert shop.rows("seeds.it") == [(3,)]


def test_a_model_that_reads_files_runs_when_one_of_them_changes(shop: Shop) -> None:
    folder = shop.root / "x"
    shop.land("x/1.csv", "id\n1\n")
    shop.model("marts.it", "kind: table", f"select id from read_csv('{folder}/*.csv')")
    shop.model("staging.it", "", f"select id from read_csv('{folder}/*.csv')")
    shop.model("marts.through", "kind: table", "select id from staging.it")
    shop.model(
        "marts.timed",
        "kind: incremental\ntime: day",
        f"select id, date '2024-01-01' as day from read_csv('{folder}/*.csv')",
    )
    every = {"marts.it", "staging.it", "marts.through", "marts.timed"}
    assert shop.well() == every
    assert shop.well() == set()
    shop.land("x/2.csv", "id\n2\n")
    assert shop.well() == every
    assert shop.rows("marts.through") == [(1,), (2,)]
    shop.land("x/2.csv", "id\n3\n")
    assert shop.well() == every
    (folder / "2.csv").unlink()
    assert shop.well() == every
    assert shop.rows("select id from marts.timed") == [(1,)]


def test_a_query_that_reads_the_clock_runs_every_time_and_what_is_below_when_it_differs(shop: Shop) -> None:
    shop.model("marts.clock", "kind: table", "select (now() > timestamp '2000-01-01')::int as past")
    shop.model("marts.below", "kind: table", "select past from marts.clock")
    shop.well()
    assert shop.well() == {"marts.clock"}


def test_freshness_is_looked_at_in_every_run_for_every_kind(shop: Shop) -> None:
    fresh = "checks: [{freshness: {column: seen, within: 1d}}]"
    shop.land("in/1.csv", "id,seen\n1,2024-03-10 11:00:00\n")
    shop.crm("create table t (id integer, seen text)", "insert into t values (1, '2024-03-10 11:00:00')")
    shop.model("raw.files", f"kind: ingest\nfrom: in/*.csv\n{fresh}", "")
    shop.model("raw.merged", f"kind: ingest\nfrom: in/*.csv\nkey: id\n{fresh}", "")
    shop.model("marts.it", f"kind: table\n{fresh}", "select id, seen from raw.files")
    shop.model("staging.it", fresh, "select id, seen from raw.files")
    shop.well()
    shop.well()
    shop.now += timedelta(days=2)
    ran = shop.run()
    assert {name: [each.code for each in ran.problems(name)] for name in ran.states} == {
        "raw.files": ["SP403"],
        "raw.merged": ["SP403"],
        "marts.it": [],
        "staging.it": [],
    }
    assert ran.states["marts.it"] == "blocked"
    shop.land("in/2.csv", "id,seen\n2,2024-03-12 11:00:00\n")
    shop.well()


def test_the_checks_of_an_ingest_are_looked_at_when_they_are_edited_though_nothing_is_new(shop: Shop) -> None:
    shop.land("in/1.csv", "id\n1\n")
    shop.crm("create table t (id integer)", "insert into t values (1)")
    for name, source in {"raw.files": "in/*.csv", "raw.full": "crm", "raw.merged": "in/*.csv\nkey: id"}.items():
        shop.model(name, f"kind: ingest\nfrom: {source}", "select * from t" if source == "crm" else "")
    shop.model("raw.cursor", "kind: ingest\nfrom: crm\ncursor: {column: id}", "select * from t")
    shop.well()
    for name, source in {"raw.files": "in/*.csv", "raw.full": "crm", "raw.merged": "in/*.csv\nkey: id"}.items():
        header = f"kind: ingest\nfrom: {source}\nchecks: [{{range: {{column: id, min: 2}}}}]"
        shop.model(name, header, "select * from t" if source == "crm" else "")
    header = "kind: ingest\nfrom: crm\ncursor: {column: id}\nchecks: [{range: {column: id, min: 2}}]"
    shop.model("raw.cursor", header, "select * from t")
    for _ in range(2):
        ran = shop.run()
        assert set(ran.states.values()) == {"failed"}, ran.states
        assert shop.version("raw.files") == 1


def test_a_check_that_compares_with_another_table_is_looked_at_when_that_changes(shop: Shop) -> None:
    shop.land("in/1.csv", "id\n1\n2\n")
    shop.write("seeds/people.csv", "id\n1\n2\n")
    related = "checks: [{relationships: {column: id, to: seeds.people.id}}]"
    shop.model("raw.it", f"kind: ingest\nfrom: in/*.csv\n{related}", "")
    shop.model("marts.it", f"kind: table\n{related}", "select id from raw.it")
    shop.well()
    assert shop.well() == set()
    shop.write("seeds/people.csv", "id\n1\n")
    ran = shop.run()
    assert ran.states["raw.it"] == "failed"
    shop.write("seeds/people.csv", "id\n1\n2\n3\n")
    shop.well()
    assert shop.well() == set()


def test_a_column_removed_upstream_fails_what_reads_it_and_keeps_its_rows(shop: Shop) -> None:
    shop.land("in/1.csv", "id,name\n1,ann\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\nwrite: replace", "")
    shop.model("marts.it", "kind: table", "select name from raw.it")
    shop.well()
    shop.land("in/1.csv", "id\n1\n")
    ran = shop.run()
    assert ran.states == {"raw.it": "done", "marts.it": "failed"}
    assert shop.rows("marts.it") == [("ann",)]


def test_a_renamed_node_is_a_new_one(chain: Shop) -> None:
    (chain.root / "models/marts/people.sql").rename(chain.root / "models/marts/persons.sql")
    chain.model("marts.counted", "kind: table", "select count(*) as n from marts.persons")
    assert chain.well() == {"marts.persons", "marts.counted"}
    assert chain.rows("marts.counted") == [(2,)]


def test_a_view_shows_the_columns_its_table_has_now(shop: Shop) -> None:
    shop.model("raw.it", "kind: table", "select 1 as id")
    shop.model("staging.it", "", "select * from raw.it")
    shop.model("marts.it", "kind: table", "select * from staging.it")
    shop.well()
    shop.model("raw.it", "kind: table", "select 'x' as name, 1 as id")
    shop.well()
    assert shop.rows("staging.it") == [("x", 1)]
    assert shop.rows("marts.it") == [("x", 1)]


def test_an_incremental_edit_that_makes_no_difference_stops_there(shop: Shop) -> None:
    shop.land("in/1.csv", "day,id\n2024-01-01,1\n2024-01-02,2\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    shop.model("marts.it", "kind: incremental\ntime: day", "select day, id from raw.it")
    shop.model("marts.next", "kind: incremental\ntime: day", "select day, id from marts.it")
    shop.well()
    shop.model("marts.it", "kind: incremental\ntime: day", "select day, id + 0 as id from raw.it")
    assert shop.well() == {"marts.it"}
    assert shop.well() == set()
    shop.land("in/1.csv", "day,id\n2024-01-01,1\n2024-01-02,3\n")
    shop.well()
    assert shop.rows("select id from marts.next") == [(1,), (3,)]
