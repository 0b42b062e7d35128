"""Charts: a golden specification for each mark, and what they do with rows that are few, none or odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sqlpipe.app.answering import Result
from sqlpipe.domain.dashboard import Figure, Heat, Map, Mark, Panel, Rows, Series, Vega
from sqlpipe.web.charts import Chart, specification, summary
from sqlpipe.web.charts_scales import COLOURS, field_of, includes_zero, middle, step_of

Golden = Callable[[str, str], None]

DAYS = Result(
    "days",
    ("day", "country", "revenue", "orders", "share"),
    ("DATE", "VARCHAR", "DECIMAL(18,2)", "BIGINT", "DOUBLE"),
    (
        ("2024-01-01", "fr", 10.5, 1, 0.25),
        ("2024-01-01", "de", 20.0, 2, 0.5),
        ("2024-01-02", "de", None, 3, None),
        ("2024-01-05", None, 40.0, 4, 1.0),
    ),
)
PLACES = Result(
    "places",
    ("lat", "lon", "flights", "share", "name", "kind"),
    ("DOUBLE", "DOUBLE", "BIGINT", "DOUBLE", "VARCHAR", "VARCHAR"),
    ((40.6, -73.8, 100, 0.8, "JFK", "large"), (40.7, -74.2, 50, 0.6, "EWR", "small")),
)
MARKS: dict[str, tuple[Mark, Result]] = {
    "line": (Series("line", "day", ("revenue",), color="country", format=",.1f", x_format="%b %d"), DAYS),
    "line_of_two": (Series("line", "day", ("revenue", "orders")), DAYS),
    "area": (Series("area", "day", ("revenue",)), DAYS),
    "area_not_stacked": (Series("area", "day", ("orders",), color="country", stack=False), DAYS),
    "bar": (Series("bar", "day", ("orders",), color="country"), DAYS),
    "bar_beside": (Series("bar", "country", ("revenue", "orders"), stack=False), DAYS),
    "bar_lying": (Series("bar", "country", ("share",), horizontal=True, sort="-share", format=".0%"), DAYS),
    "bar_of_numbers": (Series("bar", "orders", ("revenue",)), DAYS),
    "point": (Series("point", "orders", ("share",), color="country", size="revenue", x_format=",d"), DAYS),
    "heat": (Heat("day", "country", "revenue", format=",.0f"), DAYS),
    "map": (Map("lat", "lon", size="flights", color="share", label="name", area="us"), PLACES),
    "map_of_kinds": (Map("lat", "lon", color="kind"), PLACES),
    "vega": (Vega({"mark": "boxplot", "encoding": {"x": {"field": "country"}}, "data": {"name": "other"}}), DAYS),
}


def chart(mark: Mark, result: Result = DAYS) -> Chart:
    return specification(Panel("days", mark, height=200), result)


@pytest.mark.parametrize("name", MARKS)
def test_each_mark_has_its_specification(name: str, golden: Golden) -> None:
    mark, result = MARKS[name]
    found = chart(mark, result)
    told = {"legend": found.legend, "summary": summary(Panel("days", mark), result), "spec": found.spec}
    golden(f"charts/{name}.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("name", MARKS)
def test_no_rows_are_no_error(name: str) -> None:
    mark, result = MARKS[name]
    empty = Result(result.block, result.columns, result.types)
    json.dumps(chart(mark, empty).spec, allow_nan=False)
    assert summary(Panel("days", mark), empty)


@pytest.mark.parametrize("name", MARKS)
def test_rows_of_nulls_are_no_error(name: str) -> None:
    mark, result = MARKS[name]
    nulls = Result(result.block, result.columns, result.types, ((None,) * len(result.columns),) * 2)
    json.dumps(chart(mark, nulls).spec, allow_nan=False)
    assert summary(Panel("days", mark), nulls)


def test_a_column_that_is_not_there_is_told() -> None:
    for mark in (
        Series("line", "dy", ("revenue",)),
        Heat("day", "country", "x"),
        Map("lat", "lon"),
        Figure("x"),
        Rows(),
    ):
        with pytest.raises(LookupError):
            chart(mark)


def test_letter_case_of_columns_does_not_matter() -> None:
    assert chart(Series("line", "DAY", ("Revenue",))) == chart(Series("line", "day", ("revenue",)))


def test_series_keep_their_order_and_colours_whatever_the_order_of_rows() -> None:
    mark = Series("line", "day", ("revenue",), color="country")
    turned = Result(DAYS.block, DAYS.columns, DAYS.types, DAYS.rows[::-1])
    assert chart(mark).legend == chart(mark, turned).legend == ("", "de", "fr")


def test_series_that_are_numbers_are_named_as_numbers_are_shown() -> None:
    found = chart(Series("line", "day", ("revenue",), color="orders"))
    assert found.legend == ("1", "2", "3", "4")
    (series,) = [each for each in found.spec["usermeta"]["tooltip"] if each["channel"] == "series"]
    assert series["format"] == ",d"


def test_of_many_series_the_largest_have_colours() -> None:
    rows = tuple(("2024-01-01", f"c{number:02}", float(number), 1, 0.0) for number in range(20))
    found = chart(Series("line", "day", ("revenue",), color="country"), Result("b", DAYS.columns, DAYS.types, rows))
    assert found.legend[:COLOURS] == tuple(f"c{number:02}" for number in range(12, 20))
    colours = found.spec["encoding"]["color"]["scale"]["range"]
    assert colours[:COLOURS] == [f"$series-{number}" for number in range(1, COLOURS + 1)]
    assert set(colours[COLOURS:]) == {"$others"}


def test_days_that_zigzag_stand_behind_their_average() -> None:
    rows = tuple((f"2024-{m:02}-{d:02}", "", (d % 2) * 10.0, 5, 0.0) for m in range(1, 6) for d in range(1, 29))
    result = Result("b", DAYS.columns, DAYS.types, rows)
    encoding = chart(Series("line", "day", ("revenue", "orders")), result).spec["encoding"]
    assert encoding["strokeWidth"]["scale"] == {"domain": ["revenue", "orders"], "range": [1, 2.25]}
    assert "strokeWidth" not in chart(Series("line", "day", ("revenue",)), result).spec["encoding"]


@pytest.mark.parametrize(
    ("days", "milliseconds"),
    [
        (["2024-03-30", "2024-03-31", "2024-04-01"], 86_400_000),
        (["2024-01-01", "2024-02-01", "2024-03-01"], 29 * 86_400_000),
        (["2024-01-01T10:00:00", "2024-01-01T10:15:00"], 900_000),
        (["2024-01-01", "2024-01-01", None], 86_400_000),
    ],
)
def test_bars_over_time_know_how_far_they_are_apart(days: list[Any], milliseconds: int) -> None:
    result = Result("b", ("day",), ("TIMESTAMP",), tuple((each,) for each in days))
    assert step_of(field_of(result, "day")) == milliseconds


def test_a_line_starts_at_zero_where_that_is_near() -> None:
    def near(*values: float) -> bool:
        return includes_zero([field_of(Result("b", ("n",), ("DOUBLE",), tuple((each,) for each in values)), "n")])

    assert near(1, 10)
    assert near(-1, 1)
    assert near(-10, -1)
    assert not near(90, 100)
    assert not near(-100, -90)


def test_a_few_far_values_do_not_take_all_the_colours() -> None:
    assert middle([0.0, *[float(each) for each in range(40, 60)], 1000.0]) == [40.0, 59.0]
    assert middle([5.0, 5.0]) == [5.0, 5.0]
    assert middle([]) == [0.0, 1.0]
    assert middle([0.0]) == [0.0, 1.0]


def test_cells_below_and_above_zero_have_two_colours() -> None:
    rows = (("2024-01-01", "de", -5.0, 1, 0.0), ("2024-01-02", "de", 10.0, 1, 0.0))
    spec = chart(Heat("day", "country", "revenue"), Result("b", DAYS.columns, DAYS.types, rows)).spec
    assert spec["layer"][0]["encoding"]["color"]["scale"] == {
        "domain": [-10.0, 10.0],
        "range": ["$cold", "$even", "$hot"],
    }
