"""The catalog: all nodes, or those of a selection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.shop import Shop
from tests.web.gallery import SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree


def rows(page: Element) -> list[list[str]]:
    return [[each.text for each in (row.one("th"), *row.all("td"))] for row in page.all("tr") if row.all("td")]


def test_every_node_is_there_by_schema(gallery: Gallery) -> None:
    page = tree(gallery.html("/catalog"))
    assert page.one("h1").text == f"Catalog {len(gallery.workspace.graph.nodes)} nodes"
    assert [each.text for each in page.all("th", scope="rowgroup")] == ["marts", "raw", "ref", "staging"]
    told = {row[0]: row for row in rows(page)}
    assert told["revenue"][:4] == ["revenue", "▦ table", "✓ fresh", "3"]
    assert told["names"][:4] == ["names", "⋯ embedded", "", ""]


def test_states_and_checks_that_fail_are_told(failing_gallery: Gallery) -> None:
    told = [row for row in rows(tree(failing_gallery.html("/catalog?s=staging.*"))) if row[0] == "orders"]
    assert told[0][2] == "✗ failed"
    assert told[0][5] == "✗ 1 of 3 fails"
    [revenue] = [row for row in rows(tree(failing_gallery.html("/catalog?s=marts.revenue"))) if row[0] == "revenue"]
    assert revenue[2] == "△ stale"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("s=marts.*", ["marts.daily", "marts.revenue"]),
        ("s=%2Bmarts.daily", ["marts.daily", "raw.orders", "staging.orders"]),
        ("kind=seed", ["ref.countries"]),
        ("tag=staging", ["staging.orders"]),
        ("s=staging.*&kind=view", ["staging.customers"]),
        ("s=failed", []),
    ],
)
def test_it_can_be_asked_for_some(gallery: Gallery, asked: str, found: list[str]) -> None:
    assert [each["key"] for each in gallery.json(f"/catalog.json?{asked}")["entries"]] == found


def test_failed_means_what_failed_last(failing_gallery: Gallery) -> None:
    assert [each["key"] for each in failing_gallery.json("/catalog.json?s=failed")["entries"]] == ["staging.orders"]


def test_a_selection_that_cannot_be_read_is_told_on_the_page(gallery: Gallery) -> None:
    page = tree(gallery.html("/catalog?s=marts.revenu"))
    assert "SP302" in page.one("div", class_="problem").text
    assert "marts.revenue" in page.one("div", class_="problem").text
    assert page.one("input", name_="s").attributes["value"] == "marts.revenu"
    hostile = require_harmless(gallery.html('/catalog?s="><script>alert(1)</script>'))
    assert hostile.one("input", name_="s").attributes["value"] == f'">{SCRIPT}'


def test_a_long_catalog_comes_in_pages(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for number in range(101):
        shop.model(f"marts.m{number:03}", "tags: [x]", "select 1 as one")
    gallery = Gallery(shop)
    first = tree(gallery.html("/catalog?tag=x"))
    assert len(rows(first)) == 100
    assert first.one("a", rel="next").attributes["href"] == "/catalog?page=2&tag=x"
    last = tree(gallery.html("/catalog?page=2&tag=x"))
    assert [row[0] for row in rows(last)] == ["m100"]
    assert len(rows(tree(gallery.html("/catalog?page=999")))) == 1
    still = replace(gallery, alter=lambda scene: replace(scene, live=False))
    whole = tree(still.html("/catalog"))
    assert len(rows(whole)) == 101
    assert not whole.all("form")


def test_hostile_names_and_texts_stay_text(hostile_gallery: Gallery) -> None:
    page = require_harmless(hostile_gallery.html("/catalog"))
    assert SCRIPT in page.one("table").text
