"""Scripts of tasks: the tables that they read, and syntax that is wrong."""

from __future__ import annotations

import pytest

from sqlpipe.sql.problem import SqlProblems
from sqlpipe.sql.script import tables_read


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("insert into a.b select * from c.d; delete from c.e where id in (select id from f)", ["c.d", "f"]),
        ("create or replace table t as select * from Raw.X; insert into t select * from t", ["Raw.X"]),
        ("with q as (select * from z) select * from q join s.q using (a)", ["z", "s.q"]),
        ("merge into a using b on a.i = b.i when matched then update set x = 1", ["b"]),
        ("update a set x = 1 from b where a.i = b.i;;", ["b"]),
        ("copy raw.a to 'x.csv'; copy raw.b from 'x.csv'; copy (select * from q.r) to 'f.parquet'", ["raw.a", "q.r"]),
        ("create macro m(x) as x + 1; create schema s; create index i on a.b (c)", ["a.b"]),
        ("install httpfs; load httpfs; set threads = 2; pragma version; call f(1); vacuum; checkpoint", []),
        ("begin; drop table if exists x.y; alter table x.z add column a int; commit", []),
        ("from raw.x", ["raw.x"]),
        ('select * from "Odd Schema"."a.b"', ["Odd Schema.a.b"]),
    ],
)
def test_the_tables_that_are_read_and_not_written(text: str, tables: list[str]) -> None:
    found = tables_read(text)
    assert [each.text for each in found] == tables
    for each in found:
        assert text[each.start : each.end].replace('"', "") == each.text


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("select 1; selct 2", "SP202", "selct"),
        ("insert into a select from where; drop x", "SP202", "where"),
        ("delete from a where (b = 1", "SP202", "("),
        ("select 'never closed", "SP202", "'"),
        ("-- only a comment", "SP205", "-- only a comment"),
        (" ; ; ", "SP205", " ; ; "),
    ],
)
def test_what_cannot_be_read(text: str, code: str, marked: str) -> None:
    with pytest.raises(SqlProblems) as caught:
        tables_read(text)
    (problem,) = caught.value.problems
    assert (problem.code, text[problem.start : problem.end]) == (code, marked)


def test_every_statement_that_is_wrong_is_told() -> None:
    with pytest.raises(SqlProblems) as caught:
        tables_read("selct 1; select 1; delet from x")
    assert [each.start for each in caught.value.problems] == [0, 19]


def test_statements_that_the_parser_does_not_know_are_passed_over_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    assert tables_read("create secret s (type s3)") == ()
    assert capfd.readouterr() == ("", "")
