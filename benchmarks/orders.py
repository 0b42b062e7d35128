"""Orders as Parquet files: a first file of many rows, then a file of changes, and a project that ingests them."""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

INGEST = """\
/* sqlpipe
kind: ingest
from: landing/orders/*.parquet
cursor: files
key: [order_id]
*/
select * from source
"""

ORDERS = """
copy (
    select
        cast(number as bigint) as order_id,
        cast(hash(number) % 500000 as integer) as customer_id,
        cast(hash(number + 1) % 200 as integer) as store_id,
        cast(hash(number + 2) % 20000 as integer) as product_id,
        cast(1 + hash(number + 3) % 9 as integer) as quantity,
        cast(cast(hash(number + 4) % 100000 as integer) * 0.01 as decimal(18, 2)) as price,
        ['placed', 'paid', 'sent', 'returned'][cast(1 + hash(number + {version}) % 4 as bigint)] as status,
        timestamp '2024-01-01' + to_seconds(cast(hash(number + 6) % 31536000 as bigint)) as ordered_at,
        'note ' || cast(hash(number + {version}) % 1000 as varchar) as note
    from ({numbers})
    order by number
) to '{path}' (format parquet)
"""


def write_orders(path: Path, rows: int) -> None:
    """Write the orders numbered from 0."""
    _write(path, f"select range as number from range({rows})", version=5)


def write_delta(path: Path, rows: int, changes: int) -> None:
    """Write changes to `rows` orders: half of them are changed ones, evenly spread, and half are new."""
    changed = changes // 2
    step = rows // changed
    numbers = (
        f"select range * {step} as number from range({changed}) "
        f"union all select {rows} + range as number from range({changes - changed})"
    )
    _write(path, numbers, version=7)


def write_project(folder: Path) -> None:
    """Write a project with one ingest of the files in its `landing/orders`, by key."""
    (folder / "models" / "raw").mkdir(parents=True, exist_ok=True)
    (folder / "landing" / "orders").mkdir(parents=True, exist_ok=True)
    (folder / "sqlpipe.yml").write_text("name: bench\n", encoding="utf-8")
    (folder / "models" / "raw" / "orders.sql").write_text(INGEST, encoding="utf-8")


def _write(path: Path, numbers: str, version: int) -> None:
    with duckdb.connect() as connection:
        connection.execute(ORDERS.format(numbers=numbers, version=version, path=path))


def main() -> None:
    """Write the project, and both files beside it, from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--changes", type=int, default=100_000)
    arguments = parser.parse_args()
    write_project(arguments.folder)
    write_orders(arguments.folder / "orders.parquet", arguments.rows)
    write_delta(arguments.folder / "delta.parquet", arguments.rows, arguments.changes)


if __name__ == "__main__":
    main()
