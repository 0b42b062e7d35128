"""The project in this repository, run as a user runs it, against figures worked out anew from the year's tables."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
PARTS = ("sqlpipe.yml", "models", "macros", "seeds", "checks")

MARTS = ("daily_delays", "hourly_origin", "delay_weather", "routes", "aircraft_age", "carrier_ranking")
RAW = ("flights", "weather", "planes", "airports", "airlines")
STAGING = ("flights", "weather", "planes", "airports", "airlines")


@dataclass(frozen=True)
class Project:
    """A copy of the project in a folder of its own."""

    folder: Path

    def land(self, *arguments: str) -> None:
        self._call("demo/source.py", "--landing", str(self.folder / "landing"), *arguments, folder=ROOT)

    def run(self, *arguments: str) -> Run:
        told = self._call("-m", "sqlpipe", "run", "--json", *arguments, folder=self.folder)
        return Run([json.loads(line) for line in told.splitlines()])

    def _call(self, *command: str, folder: Path) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SQLPIPE_")}
        environment |= {"PYTHONPATH": str(ROOT), "FLIGHTS_DB": str(self.folder / "flights.duckdb")}
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(self.folder / "flights.duckdb"), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection


@dataclass(frozen=True)
class Run:
    """What a run told, event by event."""

    events: list[dict[str, Any]]

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        return {event["node"]: event for event in self.events if event["event"] == "NodeFinished"}

    @property
    def built(self) -> set[str]:
        return {name for name, event in self.nodes.items() if event["state"] == "done"}

    def rows(self, node: str) -> int:
        return int(self.nodes[node]["rows"])

    @property
    def complaints(self) -> dict[tuple[str, str], int]:
        return {
            (name, result["check"]["name"]): result["offences"]
            for name, event in self.nodes.items()
            for result in event["checks"]
            if result["offences"]
        }


def project_in(folder: Path) -> Project:
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    shutil.copy(ROOT / "profiles.yml.example", folder / "profiles.yml")
    return Project(folder)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    project = project_in(tmp_path_factory.mktemp("year") / "flights")
    project.land("land")
    return project, project.run()


@pytest.fixture(scope="module")
def warehouse(year: tuple[Project, Run]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse after one run, with the year's tables beside it under their own names."""
    with year[0].warehouse() as connection:
        for table in ("flights", "weather", "planes", "airports", "airlines"):
            connection.execute(f"create temp view {table} as from read_parquet('{DATA / table}.parquet')")
        connection.execute(f"create temp view groups as from read_csv('{ROOT}/seeds/carrier_groups.csv')")
        yield connection


def assert_same(connection: duckdb.DuckDBPyConnection, table: str, expected: str) -> None:
    """Both have the same rows, as often."""
    left, right = f"select * from {table}", f"select * from ({expected})"
    missing = connection.execute(f"({right}) except all ({left}) limit 5").fetchall()
    surplus = connection.execute(f"({left}) except all ({right}) limit 5").fetchall()
    assert (missing, surplus) == ([], [])
    assert connection.execute(f"select count(*) > 0 from {table}").fetchall() == [(True,)]


class TestTimestamps:
    """The source has clock readings; the delays and the time in the air are proofs of what was made of them."""

    def test_scheduled_departure_is_the_hour_as_told_and_the_minute(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        assert_same(
            warehouse,
            "(select carrier, flight, scheduled_departure_at, departed_at from staging.flights)",
            """
            select carrier, flight, time_hour + minute * interval 1 minute as scheduled,
                scheduled + dep_delay * interval 1 minute
            from flights
            """,
        )

    def test_arrivals_differ_from_their_schedule_by_the_delay(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        told = (
            "select count(*), count(*) filter (where arrived_at - scheduled_arrival_at = arr_delay * interval 1 minute)"
        )
        assert warehouse.execute(f"{told} from staging.flights where arr_delay is not null").fetchall() == [
            (327_346, 327_345)
        ]

    def test_the_only_arrival_that_differs_landed_in_the_hour_that_came_twice(
        self, warehouse: duckdb.DuckDBPyConnection
    ) -> None:
        query = """
            select carrier, flight, dest, arrived_local from staging.flights
            where arrived_at - scheduled_arrival_at <> arr_delay * interval 1 minute
        """
        assert warehouse.execute(query).fetchall() == [("VX", 413, "LAX", datetime(2013, 11, 3, 1, 14))]  # noqa: DTZ001

    def test_nobody_lands_before_the_time_in_the_air_is_over(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        query = """
            select count(*) from staging.flights
            where arrived_at - departed_at not between air_time * interval 1 minute and interval 21 hours
        """
        assert warehouse.execute(query).fetchall() == [(0,)]

    def test_local_times_read_as_the_clocks_did(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        assert_same(
            warehouse,
            """(
                select carrier, flight, scheduled_hour_at, strftime(departed_local, '%H%M')::int,
                    strftime(scheduled_arrival_local, '%H%M')::int, strftime(arrived_local, '%H%M')::int
                from staging.flights
            )""",
            "select carrier, flight, time_hour, dep_time % 2400, sched_arr_time % 2400, arr_time % 2400 from flights",
        )

    def test_zones_agree_with_pythons(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        """One flight to each destination in each month, and all on the nights on which the clocks were changed."""
        query = """
            select dest, tzone, arrived_at::timestamp, arrived_local
            from staging.flights
            join staging.airports on airport = dest
            where arrived_at is not null
            qualify row_number() over (partition by dest, month(flight_date) order by carrier, flight, arrived_at) = 1
                or flight_date in (date '2013-03-09', date '2013-11-02')
        """
        checked = Counter[str]()
        for dest, zone, arrived, local in warehouse.execute(query).fetchall():
            expected = arrived.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            # A clock that reads 2:03 while it jumps from 2 to 3 is an hour behind the one that Python reads.
            assert expected - local in (timedelta(0), timedelta(hours=1)), (dest, arrived, local)
            checked["same" if expected == local else "in the gap"] += 1
        assert checked["same"] > 1000
        assert checked["in the gap"] <= 1

    def test_cancelled_and_diverted_flights(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        counted = "select count(*), countif(cancelled), countif(diverted), count(departed_at), count(arrived_at)"
        assert warehouse.execute(f"{counted} from staging.flights").fetchall() == [
            (336_776, 8_255, 1_175, 328_521, 328_063)
        ]


class TestMarts:
    def test_daily_delays(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        assert_same(
            warehouse,
            "marts.daily_delays",
            """
            with cleaned as (
                select carrier, replace(replace(replace(name, ' Inc.', ''), ' Co.', ''), ' Corporation', '') as airline
                from airlines
            )
            select make_date(year, month, day), carrier, airline, carrier_group, count(year),
                countif(dep_time is null), countif(dep_time is not null and air_time is null), count(air_time),
                count(case when arr_delay > 14 then 1 end), round(sum(dep_delay) / count(dep_delay), 2),
                round(sum(arr_delay) / count(arr_delay), 2)
            from flights natural join cleaned natural join groups
            group by all
            """,
        )

    def test_hourly_origin(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        assert_same(
            warehouse,
            "marts.hourly_origin",
            """
            with ranked as (
                select *,
                    cume_dist() over (partition by origin, time_hour, dep_delay is null order by dep_delay) as part
                from flights
            )
            select make_date(year, month, day), origin, hour, count(*), count(*) - count(dep_time),
                round(sum(dep_delay) / count(dep_delay), 2),
                min(dep_delay) filter (where dep_delay is not null and part >= 0.9 - 1e-9)
            from ranked
            group by year, month, day, origin, hour
            """,
        )

    def test_delay_weather(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        bands = [
            ("wind", "1: under 10 mph", "wind_speed < 10"),
            ("wind", "2: 10 to 20 mph", "wind_speed >= 10 and wind_speed < 20"),
            ("wind", "3: 20 to 30 mph", "wind_speed >= 20 and wind_speed < 30"),
            ("wind", "4: 30 mph and more", "wind_speed >= 30 and wind_speed < 1000"),
            ("wind", "not observed", "wind_speed is null or wind_speed > 1000"),
            ("visibility", "1: under 1 mile", "visib < 1"),
            ("visibility", "2: 1 to 3 miles", "visib >= 1 and visib < 3"),
            ("visibility", "3: 3 to 10 miles", "visib >= 3 and visib < 10"),
            ("visibility", "4: 10 miles", "visib = 10"),
            ("visibility", "not observed", "visib is null"),
            ("precipitation", "1: dry", "precip = 0"),
            ("precipitation", "2: under 0.1 in", "precip > 0 and precip < 0.1"),
            ("precipitation", "3: 0.1 to 0.3 in", "precip >= 0.1 and precip < 0.3"),
            ("precipitation", "4: 0.3 in and more", "precip >= 0.3"),
            ("precipitation", "not observed", "precip is null"),
        ]
        parts = [
            f"""
            select '{measure}', '{band}', count(*), round((count(*) - count(dep_time)) * 100 / count(*), 2),
                round(countif(dep_delay > 14) * 100 / count(dep_time), 2), round(sum(dep_delay) / count(dep_delay), 2)
            from flights left join weather using (origin, time_hour)
            where {condition}
            having count(*) > 0
            """
            for measure, band, condition in bands
        ]
        assert_same(warehouse, "marts.delay_weather", " union all ".join(parts))

    def test_routes(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        assert_same(
            warehouse,
            "marts.routes",
            """
            with names as (
                select faa, name from airports
                union all
                values ('BQN', 'Rafael Hernandez'), ('PSE', 'Mercedita'), ('SJU', 'Luis Munoz Marin Intl'),
                    ('STT', 'Cyril E King')
            )
            select origin, dest, name, max(distance), count(*), count(air_time),
                count(case when arr_delay <= 14 then 1 end),
                round(countif(arr_delay <= 14) / nullif(count(air_time), 0) * 100, 2),
                quantile_cont(air_time, 0.5), len(list(distinct carrier)),
                array_to_string(list_sort(list(distinct carrier)), ', ')
            from flights join names on faa = dest
            group by origin, dest, name
            """,
        )

    def test_aircraft_age(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        assert_same(
            warehouse,
            "marts.aircraft_age",
            """
            with aged as (
                select f.*, p.seats, (floor((2013 - p.year) / 5) * 5)::bigint as age
                from flights f left join planes p using (tailnum)
                where f.tailnum is not null
            )
            select age, len(list(distinct tailnum)), count(*), round((count(*) - count(dep_time)) * 100 / count(*), 2),
                round(sum(dep_delay) / count(dep_delay), 2), quantile_cont(seats, 0.5)
            from aged
            group by age
            """,
        )

    def test_carrier_ranking(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        """Streaks as islands: the day's number less its rank among the bad days stays the same along a streak."""
        assert_same(
            warehouse,
            """(
                select rank, carrier, arrived, on_time_share, on_time_surely, bad_days, worst_streak, worst_streak_began
                from marts.carrier_ranking
            )""",
            """
            with days as (
                select carrier, make_date(year, month, day) as date, count(arr_delay) as n,
                    coalesce(countif(arr_delay >= 15) / nullif(count(arr_delay), 0), 0) >= 1 / 3 as bad
                from flights
                group by carrier, year, month, day
            ),
            numbered as (
                select *, row_number() over (partition by carrier order by date) as number,
                    row_number() over (partition by carrier, bad order by date) as number_of_kind
                from days
            ),
            islands as (
                select carrier, min(date) as began, count(*) as length
                from numbered
                where bad
                group by carrier, number - number_of_kind
            ),
            worst as (
                select carrier, sum(length) as bad_days, max(length) as length,
                    arg_min(began, (-length, began)) as began
                from islands
                group by carrier
            ),
            shares as (
                select carrier, count(arr_delay) as n, countif(arr_delay < 15) / n as p,
                    (p + 1.96 ** 2 / (2 * n) - 1.96 * sqrt(p * (1 - p) / n + 1.96 ** 2 / (4 * n ** 2)))
                        / (1 + 1.96 ** 2 / n) as low
                from flights
                group by carrier
            )
            select rank() over (order by low desc), carrier, n, round(p * 100, 2), round(low * 100, 2),
                bad_days, length, began
            from shares join worst using (carrier)
            """,
        )


class TestBlemishes:
    """What is wrong with the data is told, counted, and does not stop the run."""

    def test_counts_are_exact(self, year: tuple[Project, Run]) -> None:
        assert year[1].complaints == {
            ("staging.flights", "relationships(tailnum -> staging.planes.tailnum)"): 50_094,
            ("staging.flights", "relationships(dest -> raw.airports.faa)"): 7_602,
            ("staging.flights", "arrivals agree with their delays"): 1,
            ("staging.airports", "not_null(tzone)"): 3,
            ("raw.weather", "range(wind_speed)"): 1,
        }

    @pytest.mark.parametrize(
        ("column", "known", "offences"),
        [
            ("tailnum", "select tailnum from staging.planes", (50_094, 721)),
            ("dest", "select faa from raw.airports", (7_602, 4)),
        ],
    )
    def test_so_many_values_are_not_known(
        self, warehouse: duckdb.DuckDBPyConnection, column: str, known: str, offences: tuple[int, int]
    ) -> None:
        query = f"select count(*), count(distinct {column}) from staging.flights where {column} not in ({known})"
        assert warehouse.execute(query).fetchall() == [offences]

    def test_the_hour_that_came_twice_is_kept_twice(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        query = "select airport, count(*) from staging.weather where observed_local = '2013-11-03 01:00' group by all"
        assert sorted(warehouse.execute(query).fetchall()) == [("EWR", 2), ("JFK", 2), ("LGA", 2)]

    def test_everything_was_built(self, year: tuple[Project, Run], warehouse: duckdb.DuckDBPyConnection) -> None:
        built = {*(f"raw.{name}" for name in RAW), *(f"staging.{name}" for name in STAGING)}
        assert year[1].built >= {*built, *(f"marts.{name}" for name in MARTS), "checks.delays_add_up"}
        assert warehouse.execute("select count(*) from raw.flights").fetchall() == [(336_776,)]


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Run]:
    """A project whose data landed in two parts, and its second run."""
    project = project_in(tmp_path_factory.mktemp("grown") / "flights")
    project.land("land", "--through", "2013-12-27")
    project.run()
    project.land("land")
    project.land("change")
    return project, project.run()


class TestChanges:
    def test_only_the_new_files_were_read(self, grown: tuple[Project, Run]) -> None:
        run = grown[1]
        query = """
            select count(*) from read_parquet(?)
            where make_date(year, month, day) >= '2013-12-28' or make_date(year, month, day) = '2013-07-15'
        """
        with duckdb.connect() as connection:
            rows = connection.execute(query, [str(DATA / "flights.parquet")]).fetchall()[0][0]
        assert run.rows("raw.flights") == rows
        assert "4 new files, 1 changed file" in run.nodes["raw.flights"]["detail"]
        assert run.rows("raw.planes") == 2

    def test_only_what_they_touch_was_built(self, grown: tuple[Project, Run]) -> None:
        same = {"raw.airports", "raw.airlines", "staging.airports", "staging.airlines"}
        assert not same & grown[1].built
        assert grown[1].built >= {"raw.flights", "staging.flights", *(f"marts.{name}" for name in MARTS)}

    def test_only_the_touched_days_were_computed(self, grown: tuple[Project, Run]) -> None:
        with grown[0].warehouse() as connection:
            days = "flight_date >= '2013-12-28' or flight_date = '2013-07-15'"
            for table in ("staging.flights", "marts.daily_delays", "marts.hourly_origin"):
                expected = connection.execute(f"select count(*) from {table} where {days}").fetchall()
                assert grown[1].rows(table) == expected[0][0], table

    def test_the_correction_is_there_once(self, grown: tuple[Project, Run]) -> None:
        with grown[0].warehouse() as connection:
            query = """
                select arr_delay, strftime(arrived_local, '%H:%M') from staging.flights
                where flight_date = '2013-07-15' and carrier = 'B6' and flight = 3
            """
            assert connection.execute(query).fetchall() == [(32, "11:30")]
            assert connection.execute("select count(*) from staging.flights").fetchall() == [(336_776,)]

    def test_a_third_run_has_nothing_to_do(self, grown: tuple[Project, Run]) -> None:
        assert grown[0].run().built == set()

    def test_the_tables_are_those_of_one_full_run(self, grown: tuple[Project, Run], tmp_path: Path) -> None:
        whole = project_in(tmp_path / "flights")
        whole.land("land")
        whole.land("change")
        whole.run()
        tables = [f"raw.{name}" for name in RAW] + [f"staging.{name}" for name in STAGING]
        with grown[0].warehouse() as connection:
            connection.execute(f"attach '{whole.folder / 'flights.duckdb'}' as whole (read_only)")
            for table in [*tables, *(f"marts.{name}" for name in MARTS)]:
                columns = "columns(lambda c: not starts_with(c, '_'))"
                assert_same(connection, f"(select {columns} from {table})", f"select {columns} from whole.{table}")

    def test_a_corrected_plane_touches_nothing_but_the_planes(self, grown: tuple[Project, Run]) -> None:
        project = grown[0]
        with closing(sqlite3.connect(project.folder / "landing" / "airports.db")) as database, database:
            database.execute("update planes set seats = seats + 1 where tailnum = 'N10156'")
        assert project.run().built == {"raw.planes", "staging.planes", "marts.aircraft_age"}
        with project.warehouse() as connection:
            query = "select seats from staging.planes where tailnum = 'N10156'"
            assert connection.execute(query).fetchall() == [(56,)]
