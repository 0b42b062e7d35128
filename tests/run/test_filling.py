"""Intervals: columns that come and go, the clock, empty results, and very many of them."""

from __future__ import annotations

import time
from datetime import timedelta

from tests.shop import Shop


def test_a_column_that_its_input_has_gained_or_lost_builds_the_table_anew(shop: Shop) -> None:
    shop.land("in/1.csv", "id,day\n1,2024-01-01\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    shop.model("marts.it", "kind: incremental\ntime: day", "select * from raw.it")
    shop.model(
        "marts.cut",
        "kind: incremental\ntime: {column: day, batch: 1}",
        "select * from raw.it where day >= :start and day < :end",
    )
    shop.model("marts.next", "kind: incremental\ntime: day", "select * from marts.it")
    shop.well()
    shop.land("in/2.csv", "id,day,more\n2,2024-01-02,x\n")
    shop.well()
    expected = [(1, None), (2, "x")]
    assert [shop.rows(f"select id, more from marts.{name}") for name in ("it", "cut", "next")] == [expected] * 3
    assert shop.well() == set()


def test_empty_inputs_give_empty_tables(shop: Shop) -> None:
    shop.land("in/1.csv", "id,day\n1,2024-01-01\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    header = "kind: incremental\ntime: {column: day, batch: 1}"
    shop.model("marts.it", header, "select id, day from raw.it where id > 100")
    shop.model("marts.next", header, "select id, day from marts.it")
    shop.model("marts.last", "kind: table", "select count(*) as n from marts.next")
    shop.well()
    assert shop.rows("marts.last") == [(0,)]
    assert shop.well() == set()
    shop.land("in/2.csv", "id,day\n101,2024-01-01\n")
    shop.well()
    assert shop.rows("marts.last") == [(1,)]
    shop.land("in/2.csv", "id,day\n1,2024-01-01\n")
    shop.well()
    assert shop.rows("marts.last") == [(0,)]


def test_by_the_clock_each_day_is_computed_once_it_is_over(shop: Shop) -> None:
    shop.write("seeds/events.csv", "id,day\n1,2024-03-08\n2,2024-03-09\n3,2024-03-10\n")
    header = "kind: incremental\ntime: {column: day, start: 2024-03-08}"
    shop.model("marts.it", header, "select id, day from seeds.events where day >= :start and day < :end")
    shop.well()
    assert shop.well() == set()
    shop.write("seeds/events.csv", "id,day\n9,2024-03-08\n2,2024-03-09\n3,2024-03-10\n4,2024-03-10\n")
    assert shop.well() == {"seeds.events"}
    shop.now += timedelta(days=1)
    assert shop.well() == {"marts.it"}
    assert shop.rows("select id from marts.it") == [(1,), (2,), (3,), (4,)]
    assert shop.well() == set()


def test_nothing_is_kept_of_the_time_before_the_start(shop: Shop) -> None:
    days = [f"2024-03-{day:02}" for day in range(5, 10)]
    shop.write("seeds/events.csv", "day\n" + "\n".join(days) + "\n")
    shop.land("in/1.csv", "day\n" + "\n".join(days) + "\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    begun = "kind: incremental\ntime: {column: day, start: 2024-03-08"
    shop.model("marts.once", begun + "}", "select day from seeds.events")
    shop.model("marts.batched", begun + ", batch: 1}", "select day from seeds.events")
    shop.model("marts.tracked", begun + "}", "select day from raw.it")
    shop.well()
    for name in ("once", "batched", "tracked"):
        assert [str(day) for (day,) in shop.rows(f"marts.{name}")] == ["2024-03-08", "2024-03-09"]
    shop.land("in/2.csv", "day\n2024-03-01\n2024-03-09\n")
    assert shop.well() == {"raw.it", "marts.tracked"}
    assert [str(day) for (day,) in shop.rows("marts.tracked")] == ["2024-03-08", "2024-03-09", "2024-03-09"]
    assert shop.well() == set()


def test_ten_years_of_hours_and_every_other_of_them_touched(shop: Shop) -> None:
    hours = "range(timestamp '2014-01-01', timestamp '2024-01-01', interval 1 hour)"
    folder = shop.root / "in"
    folder.mkdir()
    shop.model("raw.it", "kind: ingest\nfrom: in/*.parquet\nkey: at_hour\ntime: {column: at_hour, grain: hour}", "")
    header = "kind: incremental\ntime: {column: at_hour, grain: hour}"
    shop.model("marts.it", header, "select at_hour, n from raw.it where at_hour >= :start and at_hour < :end")
    shop.model("marts.next", header, "select at_hour, sum(n) as n from marts.it group by at_hour")
    shop.execute(f"copy (select range as at_hour, 1 as n from {hours} as t) to '{folder}/1.parquet'")
    began = time.perf_counter()
    shop.well()
    first = time.perf_counter() - began
    other = f"select range as at_hour, 2 as n from {hours} as t where hour(range) % 2 = 0"
    shop.execute(f"copy ({other}) to '{folder}/2.parquet'")
    began = time.perf_counter()
    shop.well()
    second = time.perf_counter() - began
    assert shop.rows("select sum(n) from marts.next") == [(87648 + 43824,)]
    began = time.perf_counter()
    assert shop.well() == set()
    third = time.perf_counter() - began
    assert first < 30
    assert second < 30
    assert third < 30
