"""Build every table of a generated project on DuckDB, one statement each, in the order that is written beside it."""

from __future__ import annotations

import argparse
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from benchmarks.generate import model_path, read_order


def create_schemas(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Create the schemas of a generated project's tables."""
    for schema in dict.fromkeys(name.partition(".")[0] for name in read_order(folder)):
        connection.execute(f'create schema "{schema}"')


def build_in_order(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Build one table after the other, each in a transaction of its own."""
    for name in read_order(folder):
        connection.execute(statement(folder, name))


def build_at_once(connection: duckdb.DuckDBPyConnection, folder: Path, workers: int) -> None:
    """Build each table as soon as those it reads are there, with a cursor for each statement."""
    waiting = TopologicalSorter(read_order(folder))
    waiting.prepare()
    building: dict[Future[object], str] = {}
    with ThreadPoolExecutor(workers) as pool:
        while waiting.is_active():
            for name in waiting.get_ready():
                building[pool.submit(connection.cursor().execute, statement(folder, name))] = name
            finished, _ = wait(building, return_when=FIRST_COMPLETED)
            for future in finished:
                future.result()
                waiting.done(building.pop(future))


def statement(folder: Path, name: str) -> str:
    """The statement that builds a table of a generated project."""
    schema, _, table = name.partition(".")
    return f'create or replace table "{schema}"."{table}" as\n{(folder / model_path(name)).read_text(encoding="utf-8")}'


def create(path: Path, block_size: int | None) -> duckdb.DuckDBPyConnection:
    """A fresh database file, with DuckDB's own block size unless told."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    return duckdb.connect(path, config={} if block_size is None else {"default_block_size": str(block_size)})


def main() -> None:
    """Build a project from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors.build", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("--block-size", type=int)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    with create(arguments.database, arguments.block_size) as connection:
        create_schemas(connection, arguments.folder)
        if arguments.workers == 1:
            build_in_order(connection, arguments.folder)
        else:
            build_at_once(connection, arguments.folder, arguments.workers)


if __name__ == "__main__":
    main()
