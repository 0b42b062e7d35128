"""Load a Parquet file into DuckDB, or merge one into what is held by deleting and inserting in one transaction."""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

LOAD = """
create schema if not exists raw;
create or replace table raw.orders as select * from read_parquet('{file}');
"""

MERGE = """
begin;
create temp table delta as select * from read_parquet('{file}');
delete from raw.orders using delta where orders.order_id = delta.order_id;
insert into raw.orders select * from delta;
commit;
"""


def main() -> None:
    """Load or merge from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floors.ingest", description=__doc__)
    parser.add_argument("action", choices=("load", "merge"))
    parser.add_argument("database", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    with duckdb.connect(arguments.database) as connection:
        connection.execute((LOAD if arguments.action == "load" else MERGE).format(file=arguments.file))


if __name__ == "__main__":
    main()
