"""Checks: which fail, and how each ended day by day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.shop import Shop
from tests.web.gallery import SCRIPT, Gallery
from tests.web.page_tree import require_harmless, tree


def test_those_that_fail_come_first_with_the_rows_that_were_kept(failing_gallery: Gallery) -> None:
    page = tree(failing_gallery.html("/checks"))
    assert page.one("h1").text == "Checks 1 failed, 2 passed"
    section = page.one("section", id="failing")
    assert "✗ failed" in section.text
    assert "2 of 6" in section.text
    assert section.one("details").one("summary").text == "2 rows kept of staging.orders: amount_is_positive"
    first = page.one("table", class_="matrix").one("tbody").all("tr")[0]
    assert first.one("td", class_="name").text == "amount_is_positive"
    assert first.one("td", class_="name").one("a").attributes["href"] == "/nodes/staging.orders#checks"


def test_each_day_has_a_symbol(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "kind: table\nchecks:\n  - unique: n", "select 1 as n from range(1)")
    noon = shop.now
    for days, rows in ((40, 1), (3, 1), (2, 2), (0, 2)):
        shop.model("marts.some", "kind: table\nchecks:\n  - unique: n", f"select 1 as n from range({rows}) -- {days}")
        shop.model("marts.other", "", f"select {days} as x")
        shop.now = noon - timedelta(days=days)
        shop.run(full_refresh=True)
    shop.now = noon
    gallery = Gallery(shop)
    [row] = tree(gallery.html("/checks")).one("table", class_="matrix").one("tbody").all("tr")
    cells = row.all("td")[1:]
    assert len(cells) == 30
    assert [(number, cell.text) for number, cell in enumerate(cells) if cell.text] == [(26, "✓"), (27, "✗"), (29, "✗")]
    assert cells[29].attributes["title"] == "2024-03-10: failed, 1 offence"
    # The failing streak on the page of today began three days ago.
    assert gallery.json("/index.json")["checks"][0]["since"] == "2024-03-08"


def test_it_can_be_asked_for_some(failing_gallery: Gallery) -> None:
    assert [each["name"] for each in failing_gallery.json("/checks.json?only=failing")["lines"]] == [
        "amount_is_positive"
    ]
    assert failing_gallery.json("/checks.json?s=marts.*")["lines"] == []
    assert "There are no checks." in failing_gallery.html("/checks?s=marts.*")
    assert "SP302" in failing_gallery.html("/checks?s=nowhere")
    assert failing_gallery.get("/checks?only=x").status_code == 400


def test_a_check_that_never_looked_is_unknown(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "kind: table\nchecks:\n  - unique: n", "select 1 as n")
    page = tree(Gallery(shop).html("/checks"))
    assert page.one("h1").text == "Checks 1 never looked at"
    assert not page.all("section", id="failing")


def test_a_page_that_is_a_file_has_no_form(failing_gallery: Gallery) -> None:
    still = replace(failing_gallery, alter=lambda scene: replace(scene, live=False))
    assert not tree(still.html("/checks")).all("form")


def test_hostile_rows_stay_text(hostile_gallery: Gallery) -> None:
    page = require_harmless(hostile_gallery.html("/checks"))
    assert SCRIPT in page.one("details", class_="kept").text
