"""The orders that the ingest is measured with, and the floor that merges them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from benchmarks.floors import ingest
from benchmarks.orders import write_delta, write_orders, write_project


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("orders")
    write_orders(folder / "orders.parquet", 1000)
    write_delta(folder / "delta.parquet", 1000, changes=100)
    return folder / "orders.parquet", folder / "delta.parquet"


def answer(query: str) -> object:
    with duckdb.connect() as connection:
        ((value,),) = connection.execute(query).fetchall()
    return value


def test_orders_have_nine_columns_and_unique_keys(files: tuple[Path, Path]) -> None:
    orders, _ = files
    assert answer(f"select count(*) from (describe from '{orders}')") == 9
    assert answer(f"select count(distinct order_id) from '{orders}'") == 1000


def test_half_of_a_delta_is_new_and_half_has_changed(files: tuple[Path, Path]) -> None:
    orders, delta = files
    assert answer(f"select count(distinct order_id) from '{delta}'") == 100
    assert answer(f"select count(*) from '{delta}' semi join '{orders}' using (order_id)") == 50
    unchanged = f"select count(*) from (select * from '{delta}' intersect select * from '{orders}')"
    assert answer(unchanged) in range(5)


def test_the_floor_replaces_and_adds(files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "floor.duckdb"
    for action, file in zip(("load", "merge"), files, strict=True):
        monkeypatch.setattr("sys.argv", ["ingest", action, str(database), str(file)])
        ingest.main()
    with duckdb.connect(database) as connection:
        count = connection.execute("select count(*), count(distinct order_id) from raw.orders").fetchall()
        missing = connection.execute(f"from '{files[1]}' except from raw.orders").fetchall()
    assert count == [(1050, 1050)]
    assert missing == []


def test_the_project_reads_what_lands(tmp_path: Path) -> None:
    write_project(tmp_path)
    assert (tmp_path / "landing" / "orders").is_dir()
    assert "from: landing/orders/*.parquet" in (tmp_path / "models" / "raw" / "orders.sql").read_text()
