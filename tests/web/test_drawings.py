"""Drawings of nodes: calendars, lines, bars, strips and neighbourhoods, made of nothing but shapes and titles."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from sqlpipe.app.surveying import CheckDay
from sqlpipe.domain.interval import Grain, Interval
from sqlpipe.web.element import element
from sqlpipe.web.pages.calendar_drawing import Calendar, calendar
from sqlpipe.web.pages.spark_drawing import Point, bars, line
from sqlpipe.web.pages.strip_drawing import strip, told
from tests.hand import at
from tests.web.gallery import SCRIPT
from tests.web.page_tree import Element, require_harmless

NOW = at("2024-03-10 12:00")


def span(start: str, end: str) -> Interval:
    return Interval(at(start), at(end))


def drawn(
    grain: Grain, done: list[Interval], missing: list[Interval] | None = None, *, failed: bool = False
) -> Element:
    return require_harmless(calendar(Calendar(grain, tuple(done), tuple(missing or ()), failed), NOW))


def titles(found: Element) -> list[str]:
    return [each.text for each in found.all("title")]


def labels(found: Element) -> list[str]:
    return [each.text for each in found.all("text", text_anchor="end")]


def test_days_stand_in_rows_of_months() -> None:
    found = drawn(Grain.DAY, [span("2024-02-28", "2024-03-02")], [span("2024-03-03", "2024-03-04")])
    assert labels(found) == ["Feb 2024", "Mar 2024"]
    assert titles(found) == ["2024-02-28 done", "2024-02-29 done", "2024-03-01 done", "2024-03-03 missing"]
    assert len(found.all("rect", class_="well")) == 3
    assert len(found.all("rect", class_="missing")) == 1
    first, leap, march = found.all("rect", class_="well")
    assert float(leap.attributes["x"]) > float(first.attributes["x"]) > float(march.attributes["x"])


def test_what_is_missing_after_a_failure_is_a_cross() -> None:
    found = drawn(Grain.DAY, [], [span("2024-03-03", "2024-03-05")], failed=True)
    assert titles(found) == ["2024-03-03 failed", "2024-03-04 failed"]
    assert len(found.all("path", class_="bad")) == 2


@pytest.mark.parametrize(
    ("grain", "interval", "rows", "first"),
    [
        (Grain.HOUR, span("2024-03-09 22:00", "2024-03-10 02:00"), ["09 Mar", "10 Mar"], "2024-03-09 22:00 done"),
        (Grain.MONTH, span("2023-12-01", "2024-03-01"), ["2023", "2024"], "2023-12 done"),
        (Grain.YEAR, span("2022-01-01", "2024-01-01"), ["2022", "2023"], "2022 done"),
    ],
)
def test_other_grains(grain: Grain, interval: Interval, rows: list[str], first: str) -> None:
    found = drawn(grain, [interval])
    assert labels(found) == rows
    assert titles(found)[0] == first


def test_a_long_history_shows_its_last_rows() -> None:
    found = drawn(Grain.DAY, [span("1990-01-01", "2024-03-10")])
    assert len(labels(found)) == 24
    assert titles(found)[-1] == "2024-03-09 done"
    hours = drawn(Grain.HOUR, [span("1990-01-01", "2024-03-10")])
    assert len(labels(hours)) == 14


@pytest.mark.parametrize("grain", list(Grain))
def test_the_end_of_time_is_no_reason_to_hide_the_present(grain: Grain) -> None:
    far = Interval(datetime(9999, 1, 1), datetime.max)  # noqa: DTZ001, DTZ901 - without a zone
    found = drawn(grain, [span("2024-01-01", "2024-03-01" if grain is not Grain.YEAR else "2025-01-01"), far])
    assert any("2024" in each for each in titles(found))
    assert titles(drawn(grain, [far]))
    assert titles(drawn(grain, [Interval(datetime.min, NOW.replace(hour=0, day=1, month=1))]))  # noqa: DTZ901


def test_a_line_has_a_point_for_each_value() -> None:
    found = require_harmless(line([Point(1.0, "one"), Point(3.0, SCRIPT, is_bad=True), Point(0.0, "none")], "how long"))
    assert titles(found) == ["one", SCRIPT, "none"]
    assert found.one("svg").attributes["aria-label"] == "how long"
    assert len(found.all("path", class_="bad")) == 1
    heights = [float(each.partition(",")[2]) for each in found.one("polyline").attributes["points"].split()]
    assert heights[1] < heights[0] < heights[2]
    assert not line([], "nothing")
    assert len(require_harmless(line([Point(0.0, "at once")], "")).all("circle")) == 1


def test_bars_are_as_high_as_their_values() -> None:
    found = require_harmless(bars([Point(10, "ten"), Point(0, "none"), Point(5, "five")], "rows"))
    heights = [float(each.attributes["height"]) for each in found.all("rect")]
    assert heights[0] > heights[2] > heights[1] > 0
    assert not bars([], "nothing")


def test_a_strip_has_the_last_days() -> None:
    today = date(2024, 3, 10)
    days = [
        CheckDay("a.b", "c", today - timedelta(days=back), 2, failures, 7)
        for back, failures in ((90, 1), (89, 0), (0, 1))
    ]
    bars_of = require_harmless(strip(days, today)).all("rect")
    assert [each.attributes["x"] for each in bars_of] == ["0", "356"]
    well, bad = bars_of
    assert float(bad.attributes["height"]) > float(well.attributes["height"])
    assert told(days[2]) == "2024-03-10: failed 1 of 2 times, 7 offences"
    assert told(days[1]) == "2023-12-12: passed"


def test_everything_in_an_element_is_escaped() -> None:
    made = element("a", {"title": '"><b>', "href": None, "class": ""}, SCRIPT, element("b", {}, "&"))
    assert made == '<a title="&#34;&gt;&lt;b&gt;">&lt;script&gt;alert(1)&lt;/script&gt;<b>&amp;</b></a>'
