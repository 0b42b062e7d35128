"""Whether what was measured did its work."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.compare import differences

FLOOR = """
create schema s;
create table s.a as select 1 as x, 'one' as y;
create table s.b as select range as z from range(3)
"""


def database(path: Path, statements: str) -> Path:
    with duckdb.connect(path) as connection:
        connection.execute(statements)
    return path


def test_the_same_rows_in_another_order_with_further_tables_and_columns(tmp_path: Path) -> None:
    other = """
    create schema s; create table s.a as select 'one' as y, 1 as x, now() as loaded_at;
    create table s.b as select range as z from range(3) order by z desc; create table main.ledger as select 1 as q
    """
    assert not differences(database(tmp_path / "a.duckdb", FLOOR), database(tmp_path / "b.duckdb", other))


@pytest.mark.parametrize(
    "change",
    [
        "update s.a set y = 'two'",
        "insert into s.a from s.a",
        "delete from s.a",
        "drop table s.a",
        "alter table s.a drop y",
    ],
)
def test_a_table_that_differs_is_named(tmp_path: Path, change: str) -> None:
    floor, other = database(tmp_path / "a.duckdb", FLOOR), database(tmp_path / "b.duckdb", f"{FLOOR}; {change}")
    assert differences(floor, other) == ["s.a"]
