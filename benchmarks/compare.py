"""Whether a database holds all that another one holds: fast is worth nothing if the rows are not there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

COLUMNS = """
select schema_name, table_name, list(column_name order by column_index)
from duckdb_columns()
where database_name = 'floor' and not internal
group by all
order by all
"""


def differences(floor: Path, other: Path) -> list[str]:
    """The tables of the first database whose rows (of its columns) are not those of the same table in the other."""
    with duckdb.connect() as connection:
        for alias, path in (("floor", floor), ("other", other)):
            connection.execute(f"attach '{path}' as {alias} (read_only)")
        tables = connection.execute(COLUMNS).fetchall()
        return [
            f"{schema}.{table}"
            for schema, table, columns in tables
            if _content(connection, "floor", schema, table, columns)
            != _content(connection, "other", schema, table, columns)
        ]


def _content(
    connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str, columns: list[str]
) -> object:
    name = f'{database}."{schema}"."{table}"'
    row = ", ".join(f'"{column}"' for column in columns)
    try:
        return connection.execute(f"select count(*), sum(hash({row})) from {name}").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None


def main() -> int:
    """Compare from the command line; gives 1 and the names of the tables if any differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("floor", type=Path)
    parser.add_argument("other", type=Path)
    arguments = parser.parse_args()
    different = differences(arguments.floor, arguments.other)
    for name in different:
        print(f"{name} differs", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
