"""Sources: where rows come from, how far they have been read, and how late that is."""

from __future__ import annotations

from pathlib import Path

from tests.shop import Shop
from tests.web.gallery import SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree


def columns(page: Element, section: str, row: int = 0) -> dict[str, str]:
    table = page.one("section", id=section)
    heads = [each.text for each in table.one("thead").all("th")]
    cells = table.one("tbody").all("tr")[row]
    return dict(zip(heads, [each.text for each in (cells.one("th"), *cells.all("td"))], strict=True))


def test_ingests_and_seeds_are_told_apart(gallery: Gallery) -> None:
    page = tree(gallery.html("/sources"))
    orders = columns(page, "ingests", 1)
    assert orders["Node"] == "↓ raw.orders"
    assert orders["Reads"] == "landing/orders/*.csv"
    assert orders["Rows"] == "4"
    assert orders["New columns"] == "evolve"
    assert "Watermark" not in orders
    bars = page.one("section", id="ingests").all("svg", class_="bars")[1]
    assert [each.text.partition(": ")[2] for each in bars.all("title")] == ["2 rows", "2 rows"]
    assert columns(page, "seeds")["Reads"] == "seeds/ref/countries.csv"
    assert not page.all("section", id="tables")


def test_a_watermark_tells_how_late_the_rows_are(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.crm("create table sales (id integer, sold text)", "insert into sales values (1, '2024-03-09 06:00:00')")
    header = "kind: ingest\nfrom: crm\ncursor: {column: sold, lag: 1h}\nkey: id\nwrite: merge"
    shop.model("raw.sales", header, "select id, sold from sales")
    shop.model("raw.numbers", header.replace("sold, lag: 1h", "id"), "select id from sales")
    shop.well()
    page = tree(Gallery(shop).html("/sources"))
    sales = columns(page, "ingests", 1)
    assert sales["Watermark"] == "2024-03-09 06:00:00"
    assert sales["Lag"] == "1 d 6 h"
    assert sales["Finds"] == "rows from the highest sold on, less 1 h"
    numbers = columns(page, "ingests", 0)
    assert (numbers["Watermark"], numbers["Lag"]) == ("1", "")


def test_a_source_whose_load_failed_says_so(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("raw.files", "kind: ingest\nfrom: landing/*.csv\nchecks:\n  - unique: id", "")
    shop.land("landing/1.csv", "id\n1\n1\n")
    shop.run()
    told = columns(tree(Gallery(shop).html("/sources")), "ingests")
    assert told["State"] == "✗ failed"
    assert "Asked" not in told


def test_a_project_that_reads_nothing_says_so(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.one", "", "select 1 as one")
    assert "This project reads nothing from outside." in Gallery(shop).html("/sources")


def test_hostile_names_and_values_stay_text(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.crm("create table odd (id text)", f"insert into odd values ('{SCRIPT}')")
    shop.model(
        'raw.a "b" <i>', "kind: ingest\nfrom: crm\ncursor: {column: id}\nkey: id\nwrite: merge", "select id from odd"
    )
    shop.well()
    page = require_harmless(Gallery(shop).html("/sources"))
    assert columns(page, "ingests")["Watermark"] == SCRIPT
    assert columns(page, "ingests")["Node"] == '↓ raw.a "b" <i>'
