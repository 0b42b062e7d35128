"""Runs: newest first, some of them at a time, and only those that are asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app.running import journal_of
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.store import runs
from tests.shop import Shop
from tests.web.gallery import EVIL, SCRIPT, Gallery
from tests.web.page_tree import require_harmless, tree

NOON = datetime(2024, 3, 10, 11, tzinfo=UTC)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """A project that has been run sixty times, a second longer each time."""
    shop = Shop(tmp_path_factory.mktemp("busy"))
    shop.write("sqlpipe.yml", "name: shop\npipelines:\n  nightly: {schedule: '0 6 * * *'}\n")
    shop.model("marts.some", "", "select 1 as n")
    with journal_of(shop.open()) as book:
        for number in range(60):
            at = NOON + timedelta(minutes=number)
            record = RunRecord(
                id=f"run-{number:06d}",
                state=RunState.FAILED if number % 10 == 9 else RunState.DONE,
                created=at,
                started=at,
                finished=at + timedelta(seconds=number),
                pipeline="nightly" if number % 2 else "",
                cause="command line",
                counts={"done": 3, "failed": 1} if number % 10 == 9 else {"done": 4},
            )
            runs.create_run(book, record)
    return Gallery(shop)


def test_the_newest_come_first_and_lead_to_older_ones(busy: Gallery) -> None:
    page = tree(busy.html("/runs"))
    rows = page.one("tbody").all("tr")
    assert [row.one("th").text for row in rows] == [f"{number:06d}" for number in range(59, 9, -1)]
    assert rows[0].one("th").one("a").attributes["href"] == "/runs/run-000059"
    assert rows[0].all("td")[0].text == "✗ failed"
    assert rows[0].text.count("59.0 s") == 1
    assert "✗ 1 failed ✓ 3 done" in rows[0].text.replace("\N{NO-BREAK SPACE}", " ")
    older = page.one("a", rel="next").attributes["href"]
    rest = tree(busy.html(older))
    assert [row.one("th").text for row in rest.one("tbody").all("tr")] == [
        f"{number:06d}" for number in range(9, -1, -1)
    ]
    assert rest.all("a", rel="next") == []
    assert [each.text for each in rest.one("nav", class_="pager").all("a")] == ["Newest"]


def test_a_bar_is_as_long_as_its_share_of_the_longest(busy: Gallery) -> None:
    bars = [each.one("rect").attributes for each in tree(busy.html("/runs")).all("svg", class_="share")]
    assert [bars[0]["width"], bars[29]["width"]] == ["96.0", f"{96 * 30 / 59:.1f}"]
    assert [bars[0]["class"], bars[1]["class"]] == ["bad", "well"]


def test_only_those_that_are_asked_for_are_listed(busy: Gallery) -> None:
    failed = busy.json("/runs.json?state=failed")
    assert [each["id"][-2:] for each in failed["runs"]] == ["59", "49", "39", "29", "19", "09"]
    both = busy.json("/runs.json?state=done&pipeline=nightly&before=run-000010")
    assert [each["id"][-2:] for each in both["runs"]] == ["07", "05", "03", "01"]
    page = tree(busy.html("/runs?state=failed&pipeline=nightly"))
    assert {each.text for each in page.all("option", selected="")} == {"failed", "nightly"}
    assert "There are no such runs." in busy.html("/runs?state=skipped")
    assert busy.get("/runs?state=odd").status_code == 400
    assert busy.get("/runs?before=nothing").status_code == 404


def test_where_nothing_has_been_run_it_is_told_how(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    page = tree(Gallery(shop).html("/runs"))
    assert page.one("code", class_="command").text == "sqlpipe run"


def test_a_retry_names_the_run_as_people_do(busy: Gallery, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    with journal_of(shop.open()) as book:
        old = "20240310T110000000000-abcdef"
        for each, cause in ((old, ""), ("20240310T120000000000-fedcba", f"retry of {old} by ann")):
            parent = old if cause else ""
            record = RunRecord(id=each, state=RunState.DONE, created=NOON, cause=cause, parent=parent)
            runs.create_run(book, record)
    assert "retry of abcdef by ann" in Gallery(shop).html("/runs")


def test_texts_do_nothing(hostile_gallery: Gallery) -> None:
    with journal_of(hostile_gallery.workspace) as book:
        record = RunRecord(
            id="evil-000001", state=RunState.CANCELLED, created=NOON, cause=EVIL, reason=EVIL, pipeline=EVIL
        )
        runs.create_run(book, record)
    page = require_harmless(hostile_gallery.html("/runs"))
    assert SCRIPT in page.one("table").text


def test_a_page_in_a_file_has_nothing_to_ask(busy: Gallery) -> None:
    still = Gallery(busy.project, alter=lambda scene: replace(scene, live=False))
    page = tree(still.html("/runs"))
    assert page.one("main").all("form") == []
    assert page.all("nav", class_="pager") == []
