"""Checks as SQL, run by a real database."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb
import pytest

from sqlpipe.domain.check import (
    AcceptedValues,
    Check,
    CheckResult,
    Expression,
    Freshness,
    NotNull,
    Range,
    Relationships,
    RowCount,
    Rule,
    Tolerance,
    Unique,
)
from sqlpipe.domain.diagnostic import Place
from sqlpipe.sql.checks import results, sample, scan

NOW = "2026-03-02T12:00:00+00:00"
TABLES = """
create schema marts;
create type mood as enum ('glad', 'sad');
create table marts.t (
  id int, name varchar, "the ""key"" of" int, n int, day date, "at" timestamp, zoned timestamptz,
  feel mood, flag bool, x double
);
insert into marts.t values
  (1, 'a',  1, 10,   '2026-03-01', '2026-03-02 06:00:00', '2026-03-02 06:00:00+00', 'glad', true,  0.5),
  (2, 'b',  1, 20,   '2026-03-02', '2026-03-02 11:00:00', '2026-03-02 11:00:00+00', 'sad',  false, 'nan'),
  (2, 'c',  2, null, null,         null,                  null,                     null,   null,  null),
  (3, null, 3, 40,   '2026-02-01', '2026-02-01 00:00:00', '2026-02-01 00:00:00+00', 'glad', true,  2.5),
  (null, 'a', 3, 20, '2026-03-02', '2026-03-01 00:00:00', '2026-03-01 00:00:00+00', 'sad',  false, -1),
  (null, 'a', 4, -5, '2026-03-02', '2026-03-01 00:00:00', '2026-03-01 00:00:00+00', 'sad',  false, 0);
create table marts.empty as from marts.t limit 0;
create table marts.parent as select * from (values (1, 'a'), (null, 'b'), (2, null)) as p(id, name);
create table marts.no_parent as from marts.parent limit 0;
"""


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        yield connection


def check(rule: Rule, where: str = "", **tolerance: float) -> Check:
    return Check(rule, "check", Place(1, 1), where=where, tolerance=Tolerance(**tolerance))  # type: ignore[arg-type]


def found(database: duckdb.DuckDBPyConnection, *checks: Check, table: str = "t", now: str = NOW) -> list[CheckResult]:
    row = database.execute(scan(f'"marts"."{table}"', checks, now=now)).fetchone()
    assert row is not None
    return list(results(checks, row))


COUNTS: list[tuple[Rule, int]] = [
    (NotNull(("id",)), 2),
    (NotNull(("id", "name")), 3),
    (Unique(("id",)), 1),
    (Unique(('the "key" of',)), 2),
    (Unique(("name", "n")), 0),
    (Unique(("feel", "flag")), 3),
    (AcceptedValues("name", ("a", "b")), 1),
    (AcceptedValues("name", ("it's",)), 5),
    (AcceptedValues("n", (10, 20)), 2),
    (AcceptedValues("n", ("10", "20")), 2),
    (AcceptedValues("x", (0.5, 2.5)), 3),
    (AcceptedValues("feel", ("glad",)), 3),
    (AcceptedValues("feel", ("glad", "no such mood")), 3),
    (AcceptedValues("flag", (True,)), 3),
    (AcceptedValues("day", ("2026-03-01", "2026-03-02")), 1),
    (AcceptedValues("n", (10, "20")), 2),
    (AcceptedValues("name", ()), 5),
    (Relationships(("id",), "marts.parent", ("id",)), 1),
    (Relationships(("name",), "marts.parent", ("name",)), 1),
    (Relationships(("id", "name"), "marts.parent", ("id", "name")), 2),
    (Relationships(("id",), "marts.no_parent", ("id",)), 4),
    (Range("n", min=0), 1),
    (Range("n", max=20), 1),
    (Range("n", min=0, max=20), 2),
    (Range("day", min="2026-03-01"), 1),
    (Range("at", max="2026-03-02 10:00:00"), 1),
    (Range("x", max=2.5), 1),
    (Range("x", max=float("inf")), 1),
    (Range("n"), 0),
    (RowCount(min=6, max=6), 0),
    (RowCount(min=7), 1),
    (RowCount(max=5), 1),
    (RowCount(), 0),
    (Expression("n > 0"), 2),
    (Expression("n > 0", null_passes=True), 1),
    (Expression("n > 0 or n is null -- or so"), 1),
    (Expression("n in (select n from marts.t where n > 10)"), 3),
    (Expression("n > 0 or true"), 0),
    (Freshness("at", 3600), 0),
    (Freshness("at", 3599), 1),
    (Freshness("zoned", 3600), 0),
    (Freshness("zoned", 3599), 1),
    (Freshness("day", 12 * 3600), 0),
    (Freshness("day", 12 * 3600 - 1), 1),
]


@pytest.mark.parametrize(("rule", "offences"), COUNTS)
def test_offences(database: duckdb.DuckDBPyConnection, rule: Rule, offences: int) -> None:
    (result,) = found(database, check(rule))
    assert (result.offences, result.total) == (offences, 6)


def test_all_checks_are_one_scan(database: duckdb.DuckDBPyConnection) -> None:
    checks = [check(rule) for rule, _ in COUNTS]
    sql = scan('"marts"."t"', checks, now=NOW)
    assert sql.count('"marts"."t"') == 1
    assert [result.offences for result in found(database, *checks)] == [offences for _, offences in COUNTS]


@pytest.mark.parametrize(
    ("rule", "offences", "total"),
    [
        (NotNull(("id",)), 1, 4),
        (Unique(("id",)), 0, 4),
        (Unique(("flag",)), 2, 4),
        (AcceptedValues("name", ("a",)), 1, 4),
        (Relationships(("id",), "marts.parent", ("id",)), 1, 4),
        (Range("n", min=20), 1, 4),
        (RowCount(min=5), 1, 4),
        (Expression("n <> 20"), 2, 4),
        (Freshness("at", 3600), 0, 4),
    ],
)
def test_only_some_rows_are_looked_at(
    database: duckdb.DuckDBPyConnection, rule: Rule, offences: int, total: int
) -> None:
    (result,) = found(database, check(rule, where="n >= 10 -- or null"))
    assert (result.offences, result.total) == (offences, total)


def test_conditions_with_or_do_not_reach_beyond_their_brackets(database: duckdb.DuckDBPyConnection) -> None:
    (result,) = found(database, check(Expression("n = 10 or n = 20"), where="n = 10 or n = 40"))
    assert (result.offences, result.total) == (1, 2)


@pytest.mark.parametrize("rule", [rule for rule, _ in COUNTS if not isinstance(rule, (RowCount, Freshness))])
def test_an_empty_table_has_no_offences(database: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    (result,) = found(database, check(rule), table="empty")
    assert (result.offences, result.total) == (0, 0)
    assert result.passed


def test_an_empty_table_is_neither_full_nor_fresh(database: duckdb.DuckDBPyConnection) -> None:
    count, fresh = found(database, check(RowCount(min=1)), check(Freshness("at", 1e9)), table="empty")
    assert (count.offences, count.note) == (1, "0 rows")
    assert (fresh.offences, fresh.note) == (1, "there is no value")


def test_notes(database: duckdb.DuckDBPyConnection) -> None:
    rules: list[Rule] = [
        AcceptedValues("name", ("b",)),
        AcceptedValues("name", ("a", "b")),
        AcceptedValues("name", ("a", "b", "c")),
        Relationships(("id", "name"), "marts.parent", ("id", "name")),
        RowCount(max=5),
        Freshness("at", 60),
        NotNull(("id",)),
    ]
    assert [result.note for result in found(database, *map(check, rules))] == [
        "2 different values",
        "1 different value",
        "",
        "2 different values",
        "6 rows",
        "newest is 2026-03-02 11:00:00",
        "",
    ]


@pytest.mark.parametrize(
    "now",
    ["2026-03-02 12:00:00", "2026-03-02 12:00:00+00:00", "2026-03-02T13:00:00+01:00", "2026-03-02T12:00:00.0+00:00"],
)
def test_freshness_does_not_depend_on_a_time_zone(now: str) -> None:
    for zone in ("UTC", "America/New_York"):
        with duckdb.connect() as connection:
            connection.execute(TABLES)
            connection.execute(f"set timezone = '{zone}'")
            rules = [Freshness("at", 3600), Freshness("at", 3599), Freshness("zoned", 3600), Freshness("zoned", 3599)]
            assert [each.offences for each in found(connection, *map(check, rules), now=now)] == [0, 1, 0, 1]


def test_tolerance(database: duckdb.DuckDBPyConnection) -> None:
    rule = NotNull(("id",))
    strict, rows, fewer, percent, less = found(
        database,
        check(rule),
        check(rule, rows=2),
        check(rule, rows=1),
        check(rule, percent=34),
        check(rule, percent=33),
    )
    assert [each.passed for each in (strict, rows, fewer, percent, less)] == [False, True, False, True, False]


def rows_of(
    database: duckdb.DuckDBPyConnection, rule: Rule, where: str = "", limit: int = 10
) -> list[dict[str, object]]:
    sql = sample('"marts"."t"', check(rule, where), limit)
    assert sql is not None
    return [json.loads(row[0]) for row in database.execute(sql).fetchall()]


@pytest.mark.parametrize(
    ("rule", "offences"),
    [case for case in COUNTS if not isinstance(case[0], (RowCount, Freshness, Unique))],
)
def test_a_sample_holds_the_offending_rows(database: duckdb.DuckDBPyConnection, rule: Rule, offences: int) -> None:
    assert len(rows_of(database, rule)) == offences
    assert len(rows_of(database, rule, limit=1)) == min(offences, 1)


def test_a_sample_is_whole_rows(database: duckdb.DuckDBPyConnection) -> None:
    (row,) = rows_of(database, Range("n", max=20))
    assert row["name"] is None
    assert row['the "key" of'] == 3
    assert row["day"] == "2026-02-01"


def test_a_sample_looks_at_the_same_rows(database: duckdb.DuckDBPyConnection) -> None:
    assert [row["n"] for row in rows_of(database, NotNull(("id",)), where="n > 0 -- so")] == [20]


def test_a_sample_of_duplicates_holds_every_row_of_a_key(database: duckdb.DuckDBPyConnection) -> None:
    assert [row["id"] for row in rows_of(database, Unique(("id",)))] == [2, 2]
    assert [row['the "key" of'] for row in rows_of(database, Unique(('the "key" of',)))] == [1, 1, 3, 3]
    pairs = [(row["feel"], row["flag"]) for row in rows_of(database, Unique(("feel", "flag")))]
    assert pairs == [("glad", True)] * 2 + [("sad", False)] * 3
    assert rows_of(database, Unique(("id",)), where="name = 'b'") == []


@pytest.mark.parametrize("rule", [RowCount(min=1), Freshness("at", 1)])
def test_what_is_not_about_single_rows_has_no_sample(rule: Rule) -> None:
    assert sample('"marts"."t"', check(rule)) is None


def test_columns_may_be_called_anything(database: duckdb.DuckDBPyConnection) -> None:
    database.execute(
        'create or replace temp table odd as select 1 as _checked, 2 as _parent, 3 as "select", null as "a.b"'
    )
    rules: list[Rule] = [NotNull(("_checked", "_parent", "select")), NotNull(("a.b",)), Unique(("select", "_checked"))]
    rules += [Relationships(("_parent",), "temp.odd", ("_parent",)), Expression("_checked = 1 and _parent = 2")]
    row = database.execute(scan("odd", [check(rule) for rule in rules], now=NOW)).fetchone()
    assert row is not None
    assert [each.offences for each in results([check(rule) for rule in rules], row)] == [0, 1, 0, 0, 0]


def test_no_checks(database: duckdb.DuckDBPyConnection) -> None:
    assert found(database) == []
