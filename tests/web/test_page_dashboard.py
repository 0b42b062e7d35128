"""The pages of dashboards: what they hold as HTML and as JSON, and that nothing in a project gets out of its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span
from sqlpipe.web.clerk import Source
from sqlpipe.web.pages.dashboard_panels import shown_figure
from sqlpipe.web.prose import prose
from sqlpipe.web.scene import Scene
from sqlpipe.web.site import write_site
from tests.shop import Shop
from tests.web.gallery import EVIL, Gallery

SALES = (
    "select * from (values ('de', date '2024-01-01', 10), ('de', date '2024-01-02', 20), ('fr', date '2024-01-02', 40))"
    " as t (country, day, amount)"
)
PAGE = """---
title: Sales
description: what came in
filters:
  country: {select: countries, label: Land, column: country}
  days: {dates: true, column: day, default: [2024-01-01, 2024-01-31]}
  who: {search: true, column: country}
---
Some *words*.

```sql countries
select distinct country from marts.sales order by country
```
```sql total
select sum(amount) as amount, 100 as amount_last_year, 0.25 as share, 0.3 as share_before
from marts.sales where :country is null or country = :country
```
```chart
title: Total
value: {field: amount, format: ",.1f", unit: EUR, compare: amount_last_year}
width: quarter
```
```chart
value: {field: share, format: ".1%", compare: share_before}
```
```sql rows
select country, day, amount from marts.sales order by amount desc
```
```chart
title: By day
note: in euro
line: {x: day, y: amount, color: country}
width: two thirds
```
```chart
table: {columns: {country: Land, day: {format: "%d %b"}, amount: {label: Amount, format: ",.2f", bar: true}}, limit: 2}
```
"""


class Document(HTMLParser):
    """What is on a page: the elements with their attributes, and the text within those that are asked for."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "input", "rect", "br", "hr"}:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self._open), data))

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and all(attributes.get(key.replace("_", "-")) == value for key, value in wanted.items())
        ]

    def text(self, within: str = "main") -> str:
        found = (data for place, data in self.texts if within in place and not {"script", "pre"} & set(place))
        return re.sub(r"\s+", " ", " ".join(found)).strip()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("sales"))
    shop.model("marts.sales", "kind: table", SALES)
    shop.write("dashboards/sales.md", PAGE)
    shop.well()
    return shop


@pytest.fixture(scope="module")
def sales(shop: Shop) -> Gallery:
    return Gallery(shop)


def page(sales: Gallery, asked: str = "") -> Document:
    return Document(sales.html(f"/dashboards/dashboards.sales{asked}"))


def data(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="board-data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_list_tells_what_each_is_about_and_how_old(sales: Gallery) -> None:
    found = Document(sales.html("/dashboards"))
    assert "Sales what came in dashboards.sales · as of" in found.text()
    assert found.all("a", href="/dashboards/dashboards.sales")
    (told,) = sales.json("/dashboards.json")["dashboards"]
    assert (told["key"], told["title"], told["stale"]) == ("dashboards.sales", "Sales", "")
    assert told["at"].endswith("+00:00")


def test_a_page_holds_its_text_figures_tables_and_charts(sales: Gallery) -> None:
    found = page(sales)
    text = found.text()
    assert "Some words ." in text
    assert "70.0 EUR" in text
    assert "▼ 30.0 less than last year (100.0)" in text
    assert "▼ 5.0 points less than before (30.0%)" in text
    assert "fr 02 Jan 40.00 de 02 Jan 20.00 2 of 3 rows" in text
    assert "in euro" in text
    assert [each["class"] for each in found.all("figure")] == [
        "panel w3 figure", "panel w12 figure", "panel w8 chart", "panel w12 table",
    ]  # fmt: skip
    (drawing,) = found.all("div", role="img")
    said = "By day: Line chart by day, 2024-01-01 to 2024-01-02. amount: 3 values from 10 to 40."
    assert drawing["aria-label"] == said
    assert [each["width"] for each in found.all("rect") if each.get("height") == "1"] == ["100.0", "50.0"]
    assert {each["src"].partition("?")[0] for each in found.all("script") if each.get("src")} >= {  # type: ignore[union-attr]
        "/static/vega.min.js", "/static/vega-lite.min.js", "/static/vega-interpreter.js", "/static/dashboard.js",
    }  # fmt: skip


def test_a_page_is_told_as_json_too(sales: Gallery) -> None:
    told = sales.json("/dashboards/dashboards.sales.json?country=fr&days_start=")
    assert told["title"] == "Sales"
    assert told["blocks"]["rows"]["rows"] == [["fr", "2024-01-02", 40]]
    assert told["blocks"]["total"]["rows"] == [[40, 100, 0.25, 0.3]]
    assert [each["values"] for each in told["fields"]] == [
        {"country": "fr"}, {"days_start": "", "days_end": ""}, {"who": ""},
    ]  # fmt: skip
    assert told["tables"] == ["marts.sales"]


def test_filters_are_a_form_that_tells_what_is_chosen(sales: Gallery) -> None:
    found = page(sales, "?country=fr&who=F")
    (form,) = [each for each in found.all("form") if "data-choices" in each]
    assert (form["method"], form["data-choices"]) == ("get", "live")
    assert [each["value"] for each in found.all("option") if "selected" in each] == ["fr"]
    assert [each["value"] for each in found.all("option")] == ["", "de", "fr"]
    inputs = {each["name"]: each["value"] for each in found.all("input")}
    assert inputs == {"days_start": "2024-01-01", "days_end": "2024-01-31", "who": "F"}
    assert "40.0 EUR" in found.text()


def test_bad_choices_are_told_on_the_page(sales: Gallery) -> None:
    for asked in (
        "?country=xx",
        "?days_start=2024-99-99",
        "?nothing=1",
        "?country=%00",
        "?days_end=%F0%9F%9B%A2",
        "?who=%ff",
    ):
        answer = sales.get(f"/dashboards/dashboards.sales{asked}")
        assert answer.status_code == 200, asked
        assert ("SP708" in answer.text) == (asked != "?who=%ff")
    hostile = sales.html("/dashboards/dashboards.sales?country=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script>alert" not in hostile
    assert "&lt;script&gt;alert(1)" in hostile


def test_other_pages_still_refuse_what_they_do_not_know(sales: Gallery) -> None:
    assert sales.get("/dashboards?x=1").status_code == 400
    assert sales.get("/dashboards/dashboards.sales/pulse.json?x=1").status_code == 400


def test_there_is_no_dashboard_of_another_name(sales: Gallery) -> None:
    for path in ("/dashboards/dashboards.sale", "/dashboards/marts.sales", "/dashboards/x/pulse.json"):
        assert sales.get(path).status_code == 404, path
    assert "dashboards.sales" in sales.get("/dashboards/dashboards.sale.json").text
    assert sales.get("/dashboards/DASHBOARDS.Sales").status_code == 200


def test_a_page_from_what_is_kept_takes_milliseconds(sales: Gallery) -> None:
    page(sales)
    began = perf_counter()
    for _ in range(5):
        page(sales)
    assert (perf_counter() - began) / 5 < 0.1


def test_what_is_wrong_with_the_project_is_shown_above_the_page_as_it_was(shop: Shop) -> None:
    span = Span("dashboards/sales.md", Place(3, 2, 4), ((3, " nmae <b>"),))
    wrong = Diagnostic(code="SP201", message="unknown column `nmae`", span=span, label="not there", help="look again")

    def alter(scene: Scene) -> Scene:
        return replace(scene, problems=(wrong,))

    before, after = Gallery(shop), Gallery(shop, alter=alter)
    html = after.html("/dashboards/dashboards.sales")
    assert "cannot be loaded" in html
    assert "nmae &lt;b&gt;" in html
    assert "^^^^" in html
    assert "unknown column" in after.html("/dashboards")
    pulse = "/dashboards/dashboards.sales/pulse.json"
    assert before.json(pulse) != after.json(pulse)


def test_a_panel_that_fails_says_so_and_others_are_shown(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.sales", "kind: table", SALES)
    shop.write("dashboards/sales.md", PAGE.replace("sum(amount) as amount", "sum(country::int) as amount"))
    shop.well()
    found = Document(Gallery(shop).html("/dashboards/dashboards.sales"))
    assert "SP505" in found.text()
    assert "fr 02 Jan 40.00" in found.text()


def test_old_rows_say_why(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.sales", "kind: table", SALES)
    shop.write("dashboards/sales.md", PAGE)
    shop.well()
    shop.model("marts.sales", "kind: table", SALES.replace("40", "80"))
    gallery = Gallery(shop)
    assert "△ stale marts.sales is to be built" in Document(gallery.html("/dashboards/dashboards.sales")).text()
    assert "△ stale marts.sales is to be built" in Document(gallery.html("/dashboards")).text()


HOSTILE_PAGE = f"""---
title: '{EVIL.replace("'", "''")}'
description: '{EVIL.replace("'", "''")}'
filters:
  word: {{select: words, label: '{EVIL.replace("'", "''")}', column: word}}
---
{EVIL} <img src=x onerror=alert(1)> ![p](https://example.org/x.png)
[a](javascript:alert(1)) [b](https://example.org "t\\"><b>") <https://example.org>
[c](//example.org) [d](data:text/html,x)

# Heading

```sql words
select word, day, 1 as "</script><b>" from marts.words
```
```chart
title: '{EVIL.replace("'", "''")}'
note: '{EVIL.replace("'", "''")}'
line: {{x: day, y: "</script><b>", color: word}}
```
```chart
table: all
```
```chart
value: {{field: word, unit: '<i>'}}
```
"""


def test_nothing_hostile_gets_out_of_its_place(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    text = EVIL.replace("'", "''").replace("{{", "").replace("}}", "")
    shop.model("marts.words", "kind: table", f"select '{text} </script><!--' as word, date '2024-01-01' as day")
    shop.write("dashboards/hostile.md", HOSTILE_PAGE)
    shop.well()
    for html in _both_ways(shop, tmp_path):
        found = Document(html)
        kinds = {each.get("type") for each in found.all("script") if not each.get("src")}
        assert kinds == {"application/json"}
        assert not {"img", "b", "i", "iframe", "object"} & {tag for tag, _ in found.elements}
        assert not [
            name for _, attributes in found.elements for name in attributes if name.startswith("on") or name == "style"
        ]
        addresses = [str(each.get("href")) for each in found.all("a")]
        assert not [each for each in addresses if each.startswith(("javascript:", "data:", "//"))]
        assert [each["rel"] for each in found.all("a", href="https://example.org")] == ["noopener noreferrer"] * 2
        assert len(found.all("h1")) == 1
        assert data(html)["blocks"]["words"]["columns"] == ["word", "day", "</script><b>"]


def _both_ways(shop: Shop, folder: Path) -> Iterator[str]:
    yield Gallery(shop).html("/dashboards/dashboards.hostile")
    write_site(shop.open(), folder / "out")
    yield (folder / "out/dashboards/dashboards.hostile.html").read_text(encoding="utf-8")


def test_prose_has_only_what_it_is_allowed() -> None:
    assert prose("# a\n### b") == "<h2>a</h2>\n<h3>b</h3>\n"
    assert prose("[x](docs/a.md)") == '<p><a href="docs/a.md">x</a></p>\n'
    assert 'href="mailto:a@example.org"' in prose("[x](mailto:a@example.org)")
    for address in (
        "javascript:x",
        "JaVaScRiPt:x",
        "vbscript:x",
        "data:,x",
        "file:///x",
        "//x",
    ):
        assert "href" not in prose(f"[x]({address})"), address
    assert "<table>" in prose("| a |\n| - |\n| 1 |")


def test_a_figure_without_a_row_or_a_difference() -> None:
    shape = {
        "kind": "figure",
        "index": 0,
        "type": "DOUBLE",
        "format": ".1f",
        "unit": "",
        "compare": 1,
        "with": "before",
    }
    assert shown_figure(shape, []).text == "\u2013"
    assert shown_figure(shape, [(None, 1.0)]).trend == ""
    assert shown_figure(shape, [(1.0, None)]).trend == ""
    same = shown_figure(shape, [(1.01, 1.02)])
    assert (same.trend, same.difference) == ("same", "")
    more = shown_figure(shape, [(2.0, -1.5)])
    assert (more.trend, more.difference, more.compared) == ("more", "3.5", "\u22121.5")


def test_a_site_has_what_its_filters_need(shop: Shop, tmp_path: Path) -> None:
    write_site(shop.open(), tmp_path / "out")
    html = (tmp_path / "out/dashboards/dashboards.sales.html").read_text(encoding="utf-8")
    found = Document(html)
    (form,) = [each for each in found.all("form") if "data-choices" in each]
    assert (form["data-choices"], "hidden" in form) == ("here", True), "a form is of use to scripts only"
    assert not [each for each in found.elements if "data-pulse" in each[1]]
    told = data(html)
    assert told["blocks"]["total"]["asks"] == ["country"]
    assert {key: rows[0][0] for key, rows in told["blocks"]["total"]["variants"].items()} == {
        '[""]': 70, '["de"]': 30, '["fr"]': 40,
    }  # fmt: skip
    assert told["blocks"]["rows"]["restricted"] == [
        {"names": ["country"], "index": 0, "search": False},
        {"names": ["days_start", "days_end"], "index": 1, "search": False},
        {"names": ["who"], "index": 0, "search": True},
    ]
    assert "70.0 EUR" in found.text(), "it can be read without scripts"


def test_a_source_sees_a_changed_page_soon_and_tells_what_is_wrong(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("sqlpipe.web.clerk.monotonic", lambda: now[0])
    source = Source(shop.open(), shop.open)
    first = source.workspace()
    try:
        shop.write("dashboards/sales.md", PAGE.replace("title: Sales", "title: Sold"))
        now[0] += 0.5
        assert source.workspace() is first
        now[0] += 1
        assert source.workspace().graph.nodes["dashboards.sales"].kind.title == "Sold"  # type: ignore[union-attr]
        shop.write("dashboards/sales.md", PAGE.replace("sum(amount)", "sum(amuont)"))
        now[0] += 1.5
        assert source.workspace().graph.nodes["dashboards.sales"].kind.title == "Sold"  # type: ignore[union-attr]
        assert [each.code for each in source.problems] == ["SP201"]
    finally:
        shop.write("dashboards/sales.md", PAGE)
    now[0] += 1.5
    assert source.workspace().graph.nodes["dashboards.sales"].kind.title == "Sales"  # type: ignore[union-attr]
    assert source.problems == ()
