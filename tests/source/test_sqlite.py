"""SQLite as a source."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason="needs `pip install sqlpipe[sqlite]`")

from sqlpipe.domain.diagnostic import SqlpipeError  # noqa: E402
from sqlpipe.engine.duckdb import open_engine  # noqa: E402
from sqlpipe.source.contract import SPECIMEN, Reader  # noqa: E402
from sqlpipe.source.door import open_reader  # noqa: E402


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database in a path with characters that mean something in an address."""
    folder = tmp_path / "a #1? 100% ä"
    folder.mkdir()
    made = folder / "shop.db"
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("create table orders (id integer primary key, number integer, note text, weight real)")
        connection.executemany(
            "insert into orders values (?, ?, ?, ?)", [(n, n * 2, f"note {n}", n / 2) for n in range(3000)]
        )
        connection.commit()
    return made


def _open(path: Path) -> Reader:
    return open_reader("shop", {"type": "sqlite", "path": str(path)})


@pytest.fixture
def reader(path: Path) -> Iterator[Reader]:
    opened = _open(path)
    yield opened
    opened.close()


def _write(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()


def _staged(reader: Reader, query: str) -> tuple[tuple[tuple[str, str], ...], list[tuple[Any, ...]]]:
    """What arrives in a table when a query is read."""
    engine = open_engine({"path": ":memory:"})
    try:
        with engine.session() as session:
            with reader.read(query) as rows:
                session.stage("delta", rows)
            assert session.query(f"select count(*) from delta where {SPECIMEN} = 1") == [(1,)]
            session.execute(f"delete from delta where {SPECIMEN} = 1")
            session.execute(f"alter table delta drop column {SPECIMEN}")
            return session.describe("from delta"), session.query("select * from delta")
    finally:
        engine.close()


def test_rows_stream_with_their_types(reader: Reader) -> None:
    columns, rows = _staged(reader, "select * from orders order by id")
    assert columns == (("id", "BIGINT"), ("number", "BIGINT"), ("note", "VARCHAR"), ("weight", "DOUBLE"))
    assert len(rows) == 3000
    assert rows[7] == (7, 14, "note 7", 3.5)


def test_nulls_and_blobs(reader: Reader) -> None:
    _columns, rows = _staged(reader, "select null as a, x'00ff' as b, 'ä' as c")
    assert rows == [(None, b"\x00\xff", "ä")]


def test_no_rows_are_no_trouble(reader: Reader) -> None:
    columns, rows = _staged(reader, "select * from orders where false")
    assert [each[0] for each in columns] == ["id", "number", "note", "weight"]
    assert rows == []


def test_one_reader_reads_many_queries(reader: Reader) -> None:
    for number in range(5):
        assert _staged(reader, f"select note from orders where id = {number}")[1] == [(f"note {number}",)]


def test_what_is_written_later_is_seen_by_the_next_query(path: Path, reader: Reader) -> None:
    assert _staged(reader, "select count(*) from orders")[1] == [(3000,)]
    _write(path, "insert into orders values (9999, 1, 'x', 1)")
    assert _staged(reader, "select count(*) from orders")[1] == [(3001,)]


def test_it_is_opened_for_reading_only(reader: Reader) -> None:
    with pytest.raises(SqlpipeError, match="readonly"):
        _staged(reader, "delete from orders")


def test_a_missing_file_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SqlpipeError) as caught:
        _open(tmp_path / "nowhere.db")
    (told,) = caught.value.diagnostics
    assert told.code == "SP506"
    assert "connection shop: there is no file" in told.message
    assert "profiles.yml" in told.help
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(SqlpipeError, match="there is no file"):
        _open(tmp_path)


def test_another_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("id,name\n" * 1000, encoding="utf-8")

    def attempt() -> None:
        with closing(_open(path)) as opened:
            _staged(opened, "select 1 from sqlite_master")

    with pytest.raises(SqlpipeError, match="file is not a database") as caught:
        attempt()
    assert caught.value.diagnostics[0].code == "SP506"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("select nmae from orders", "no such column: nmae"),
        ("select * from nowhere", "no such table: nowhere"),
        ("selct 1", 'near "selct": syntax error'),
    ],
)
def test_bad_sql_is_told_with_the_connection_and_its_file(reader: Reader, path: Path, query: str, reason: str) -> None:
    with pytest.raises(SqlpipeError) as caught:
        _staged(reader, query)
    (told,) = caught.value.diagnostics
    assert told.code == "SP506"
    assert told.message.startswith(f"connection shop ({path}): ")
    assert reason in told.message


@pytest.mark.parametrize(
    ("value", "type_", "held"),
    [("'a dozen'", "VARCHAR", "a dozen"), ("2500.5", "DOUBLE", 2500.5), ("x'00ff'", "BLOB", b"\x00\xff")],
)
def test_a_value_of_another_type_far_down_decides_the_type(
    path: Path, reader: Reader, value: str, type_: str, held: object
) -> None:
    _write(path, f"update orders set number = {value} where id = 2500")
    columns, rows = _staged(reader, "select * from orders order by id")
    assert dict(columns)["number"] == type_
    assert rows[2500][1] == held


def test_a_column_that_begins_with_thousands_of_nulls_has_the_type_of_its_values(path: Path, reader: Reader) -> None:
    _write(path, "update orders set note = null where id < 2990")
    columns, rows = _staged(reader, "select * from orders order by id")
    assert dict(columns)["note"] == "VARCHAR"
    assert [row[2] for row in rows[2988:2991]] == [None, None, "note 2990"]


def test_whole_numbers_and_others_near_the_top_are_numbers(path: Path, reader: Reader) -> None:
    _write(path, "update orders set number = 2.5 where id = 2")
    columns, rows = _staged(reader, "select number from orders order by id limit 4")
    assert columns == (("number", "DOUBLE"),)
    assert rows == [(0.0,), (2.0,), (2.5,), (6.0,)]


def test_a_database_that_somebody_writes_to_can_be_read(path: Path, reader: Reader) -> None:
    _write(path, "pragma journal_mode = wal")
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("insert into orders values (5000, 1, 'x', 1)")
        assert _staged(reader, "select count(*) from orders")[1] == [(3000,)]
        writer.commit()
        assert _staged(reader, "select count(*) from orders")[1] == [(3001,)]
