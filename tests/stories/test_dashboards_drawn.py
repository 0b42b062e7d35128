"""Dashboards in a real browser, from a folder without a server: marks are drawn, filters work, numbers read alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from sqlpipe.web.formats import shown
from sqlpipe.web.site import write_site
from tests.browser import Watched, opened_browser
from tests.shop import Shop

HOSTILE = "<img src=x onerror=alert(1)></script>"
SALES = f"""
select
    date '2024-01-01' + (n // 4)::int as day,
    ['de', 'fr', 'it', '{HOSTILE}'][n % 4 + 1] as country,
    (n * 37 % 101)::decimal(9, 2) as amount,
    n % 7 as hour,
    40 + n % 4 as latitude,
    -100 + n % 9 as longitude
from range(200) as t (n)
"""
MARKS = (
    "value: {field: amount, format: ',.1f'}",
    "line: {x: day, y: amount, color: country}",
    "line: {x: day, y: [amount, hour]}",
    "bar: {x: day, y: amount, color: country}",
    "bar: {x: country, y: amount, horizontal: true, sort: -amount}",
    "bar: {x: country, y: amount, color: hour, stack: false}",
    "bar: {x: hour, y: amount}",
    "area: {x: day, y: amount, color: country}",
    "area: {x: day, y: amount, color: country, stack: false}",
    "point: {x: amount, y: hour, color: country, size: amount}",
    "heat: {x: hour, y: country, color: amount}",
    "heat: {x: day, y: country, color: amount}",
    "map: {lat: latitude, lon: longitude, size: amount, color: hour, label: country, area: us}",
    "map: {lat: latitude, lon: longitude, color: country}",
    "vega: {mark: boxplot, encoding: {x: {field: country, type: nominal}, y: {field: amount, type: quantitative}}}",
    "vega: {mark: bar, encoding: {row: {field: country}, x: {field: amount, type: quantitative}}}",
    "table: {columns: {day: Day, country: Land, amount: {format: ',.2f', bar: true}}, limit: 5}",
)
PAGE = """---
title: Sales
filters:
  country: {select: countries, column: country}
  days: {dates: true, column: day}
  who: {search: true, column: country}
---
```sql countries
select distinct country from marts.sales order by country
```
```sql total
select sum(amount) as amount from marts.sales where :country is null or country = :country
```
```chart
value: {field: amount, format: ",.1f"}
```
```sql rows
select day, country, amount, hour, latitude, longitude from marts.sales order by day, country
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site in a folder."""
    root = tmp_path_factory.mktemp("drawn")
    shop = Shop(root / "shop")
    shop.model("marts.sales", "kind: table", SALES)
    charts = "".join(f"```chart\n{each}\n```\n" for each in MARKS)
    shop.write("dashboards/sales.md", PAGE + charts)
    shop.well()
    write_site(shop.open(), root / "site")
    return root / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as found:
        yield found


@pytest.fixture
def watched(browser: Browser, site: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    found = Watched(browser, site.as_uri(), phone=getattr(request, "param", False))
    found.page.goto((site / "dashboards/dashboards.sales.html").as_uri())
    expect(found.page.locator("#board div.chart svg").first).to_be_visible()
    yield found
    found.close()


@pytest.mark.parametrize("watched", [False, True], indirect=True, ids=["desk", "phone"])
def test_every_mark_is_drawn(watched: Watched) -> None:
    charts = watched.page.locator("#board div.chart")
    for index in range(charts.count()):
        expect(charts.nth(index).locator("svg").first).to_be_visible()
        assert charts.nth(index).locator("> p").all_inner_texts() == []
        marks = charts.nth(index).locator("svg path, svg rect, svg line")
        assert marks.count() > 5, charts.nth(index).get_attribute("aria-label")
    width = watched.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "nothing is wider than the window"
    assert watched.page.locator("img").count() == 0
    assert watched.problems == []


def test_filters_work_without_a_server(watched: Watched) -> None:
    page = watched.page
    expect(page.locator("#panel-18 .pager")).to_have_text("Before1 to 5 of 200Next")
    page.select_option("select[name=country]", "fr")
    expect(page.locator("#panel-18 .pager")).to_have_text("Before1 to 5 of 50Next")
    expect(page.locator("#panel-1 .value")).to_have_text(f"{sum(n * 37 % 101 for n in range(1, 200, 4)):,}.0")
    page.fill("input[name=days_end]", "2024-01-03")
    expect(page.locator("#panel-18 .pager")).to_have_text("3 rows")
    page.fill("input[name=who]", "  FR ")
    expect(page.locator("#panel-18 .pager")).to_have_text("3 rows")
    page.reload()
    expect(page.locator("#panel-18 .pager")).to_have_text("3 rows")
    expect(page.locator("select[name=country]")).to_have_value("fr")
    page.locator("[data-clear]").click()
    expect(page.locator("#panel-18 .pager")).to_have_text("Before1 to 5 of 200Next")
    assert watched.problems == []


def test_tables_turn_pages_and_are_put_in_order(watched: Watched) -> None:
    table = watched.page.locator("#panel-18")
    table.get_by_role("button", name="Next").click()
    expect(table.locator(".pager")).to_have_text("Before6 to 10 of 200Next")
    table.get_by_role("button", name="amount").click()
    expect(table.locator("th[aria-sort=descending]")).to_have_text("amount")
    expect(table.locator("tbody tr").first.locator("td").last).to_have_text("100.00")
    table.get_by_role("button", name="amount").click()
    expect(table.locator("tbody tr").first.locator("td").last).to_have_text("0.00")
    with watched.page.expect_download() as download:
        watched.page.locator("#panel-18 .about summary").focus()
        watched.page.keyboard.press("Enter")
        watched.page.locator("#panel-18 [data-csv]").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "day,country,amount,hour,latitude,longitude"
    assert len(lines) == 201
    assert watched.problems == []


def test_what_the_pointer_is_over_is_told_as_text(watched: Watched) -> None:
    page = watched.page
    page.locator("#panel-3 .chart svg").hover(position={"x": 300, "y": 120})
    expect(page.locator(".tip")).to_contain_text(HOSTILE)
    assert page.locator(".tip img").count() == 0
    assert watched.problems == []


def test_numbers_and_times_read_the_same_here_and_there(watched: Watched) -> None:
    numbers: list[Any] = [0, 0.5, 2.5, -0.4, 1234.567, -1234.55, 0.000012345, 1e9, 123456789.125, 1e21, 5e-324, None]
    cases = [[value, format, "DOUBLE"] for value in numbers for format in _NUMBERS]
    days = ["2013-01-06", "2012-12-31", "2016-01-03T23:59:59.500000", "1999-05-06T00:00:00", "no day"]
    cases += [[value, format, "TIMESTAMP"] for value in days for format in _TIMES]
    cases += [[True, "", "BOOLEAN"], ["2013-01-06", "%d", "VARCHAR"]]
    found = watched.page.evaluate("cases => cases.map(each => sqlpipe_dashboard.shown(...each))", cases)
    differing = [
        (case, here, there) for case, there in zip(cases, found, strict=True) if (here := shown(*case)) != there
    ]
    assert not differing, json.dumps(differing[:5])


_NUMBERS = ("", ",", "d", ",d", ",.0f", ",.2f", "f", ".1%", "%", "e", ".2e", "g", ".3g", ".2", ",.3")
_TIMES = ("", "%Y-%m-%d", "%a %A %b %B %d %f %G %H %I %j %m %M %p %S %u %U %V %w %W %y %Y %%", ",.1f")
