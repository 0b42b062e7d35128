"""The source system of the demo: day files of flights and weather, and a SQLite database of the rest.

`land` delivers the days that have not been delivered yet; `change` corrects some of what has been (twice is as good as
once). The rows are those in `data/`. Everything goes to `landing/`, each file under a temporary name first, so that no
reader meets half a file.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
TABLES = ("planes", "airports", "airlines")
SQLITE_TYPES = {"BIGINT": "integer", "DOUBLE": "real", "VARCHAR": "text"}

# A flight from Kennedy to San Juan that came in half an hour later than first told.
CORRECTED_DAY = date(2013, 7, 15)
CORRECTED_FLIGHT = "carrier = 'B6' and flight = 3"

# An aircraft whose year of manufacture was missing and whose number of seats was wrong.
CORRECTED_PLANE = "update planes set year = 2006, seats = 100 where tailnum = 'N238JB'"

# An aircraft that is new in the register and has not flown from New York yet; it is made up.
REGISTERED = ("N401SP", 2013, "Fixed wing multi engine", "EMBRAER", "EMB-140", 2, 44, None, "Turbo-fan")


def land(data: Path, landing: Path, through: date) -> dict[str, int]:
    """Deliver each day up to and with `through` that is not there yet, and the database; count the new files."""
    landing.mkdir(parents=True, exist_ok=True)
    # One thread, because each would write a file of its own for every day.
    with duckdb.connect(config={"threads": 1}) as connection:
        landed = {topic: land_days(connection, data, landing, topic, through) for topic in ("flights", "weather")}
        if not (landing / "airports.db").exists():
            make_database(connection, data, landing / "airports.db")
    return landed


def land_days(connection: duckdb.DuckDBPyConnection, data: Path, landing: Path, topic: str, through: date) -> int:
    """Write the missing days of `topic`, one Parquet file a day by the date on the airport's clock."""
    folder = landing / topic
    folder.mkdir(exist_ok=True)
    there = [path.stem for path in folder.glob("*.parquet")]
    with tempfile.TemporaryDirectory(dir=landing) as scratch:
        connection.execute(
            f"""
            copy (
                select *, strftime(make_date(year, month, day), '%Y-%m-%d') as landing_day
                from read_parquet(?)
                where make_date(year, month, day) <= ?
                  and not list_contains(?::varchar[], landing_day)
                order by landing_day
            ) to '{scratch}' (format parquet, partition_by (landing_day), overwrite_or_ignore)
            """,
            [str(data / f"{topic}.parquet"), through, there],
        )
        days = sorted(Path(scratch).glob("landing_day=*"))
        for day in days:
            (part,) = day.glob("*.parquet")
            part.replace(folder / f"{day.name.removeprefix('landing_day=')}.parquet")
    return len(days)


def make_database(connection: duckdb.DuckDBPyConnection, data: Path, path: Path) -> None:
    """Write planes, airports and airlines into a new SQLite file; the first column is the key."""
    scratch = path.with_suffix(".tmp")
    scratch.unlink(missing_ok=True)
    with closing(sqlite3.connect(scratch)) as database, database:
        for table in TABLES:
            relation = connection.read_parquet(str(data / f"{table}.parquet"))
            typed = zip(relation.columns, relation.types, strict=True)
            columns = [f"{name} {SQLITE_TYPES[str(kind)]}" for name, kind in typed]
            database.execute(f"create table {table} ({', '.join(columns)}, primary key ({relation.columns[0]}))")
            marks = ", ".join("?" for _ in columns)
            database.executemany(f"insert into {table} values ({marks})", relation.fetchall())
    scratch.replace(path)


def change(data: Path, landing: Path) -> None:
    """Deliver one day again with a corrected flight, correct one aircraft and register another."""
    scratch = landing / "corrected.tmp"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select * replace (
                    if({CORRECTED_FLIGHT}, arr_time + 30, arr_time) as arr_time,
                    if({CORRECTED_FLIGHT}, arr_delay + 30, arr_delay) as arr_delay
                )
                from read_parquet(?)
                where make_date(year, month, day) = ?
            ) to '{scratch}' (format parquet)
            """,
            [str(data / "flights.parquet"), CORRECTED_DAY],
        )
    scratch.replace(landing / "flights" / f"{CORRECTED_DAY}.parquet")
    with closing(sqlite3.connect(landing / "airports.db")) as database, database:
        database.execute(CORRECTED_PLANE)
        marks = ", ".join("?" for _ in REGISTERED)
        database.execute(f"insert or replace into planes values ({marks})", REGISTERED)


def main() -> None:
    """Read the command line and play one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="the year's tables as Parquet")
    parser.add_argument("--landing", type=Path, default=ROOT / "landing", help="where to deliver")
    parts = parser.add_subparsers(dest="part", required=True)
    landing = parts.add_parser("land", help="deliver the days that are not there yet")
    landing.add_argument("--through", type=date.fromisoformat, default=date(2013, 12, 31), metavar="YYYY-MM-DD")
    parts.add_parser("change", help="correct a flight and an aircraft, register another")
    options = parser.parse_args()
    if options.part == "land":
        landed = land(options.data, options.landing, options.through)
        told = ", ".join(f"{count} days of {topic}" for topic, count in landed.items())
        print(f"landed {told} through {options.through}")
    else:
        change(options.data, options.landing)
        print(f"delivered flights of {CORRECTED_DAY} again; corrected plane N238JB, registered plane {REGISTERED[0]}")


if __name__ == "__main__":
    main()
