"""Today: whether it is well, what is to be looked at, and what comes next."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app.running import journal_of
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.store import runs
from sqlpipe.web.scene import Scene
from tests.shop import Shop
from tests.web.gallery import SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree


def page(gallery: Gallery, path: str = "/") -> Element:
    return tree(gallery.html(path))


def heads(found: Element) -> list[str]:
    return [each.text for each in found.all("h2")]


def test_all_is_well_after_a_run(gallery: Gallery) -> None:
    found = page(gallery)
    assert found.one("h1").text == "✓ All is well."
    assert "well" in found.one("h1").attributes["class"].split()
    assert heads(found) == ["Last run", "Next", "Last runs the newest on the right"]


def test_the_page_tells_of_the_last_run_and_of_the_next(gallery: Gallery) -> None:
    found, told = page(gallery), gallery.json("/index.json")
    last = found.one("section", id="last")
    assert "✓ done" in last.text
    assert last.one("a", class_="run").attributes["href"] == f"/runs/{told['last']['id']}"
    assert told["last"]["counts"] == {"done": 4, "unchanged": 3}
    following = found.one("section", id="next").text
    # The project is looked at on March 10, 2024, at noon.
    assert "nightly in 18 h Mon 06:00 UTC" in following
    assert "by_hand started by events or by hand" in following


def test_what_fails_is_told_with_its_error_and_what_waits_for_it_is_stale(failing_gallery: Gallery) -> None:
    found, told = page(failing_gallery), failing_gallery.json("/index.json")
    assert found.one("h1").text == "✗ 1 node failed, 1 check fails and 2 nodes are stale."
    failed = found.one("section", id="failed")
    assert failed.one("a", class_="node").attributes["href"] == "/nodes/staging.orders"
    assert "check `amount_is_positive` fails for staging.orders: 2 of 6 rows" in failed.text
    check = found.one("section", id="failing")
    assert check.all("td", class_="num")[0].text == "2 of 6"
    assert check.all("time")[0].text == "2024-03-10"
    assert told["checks"][0]["state"]["sample"] == []
    assert [each["node"] for each in told["stale"]] == ["marts.daily", "marts.revenue"]


def test_the_grid_has_a_row_for_each_node_and_leads_to_runs_and_nodes(failing_gallery: Gallery) -> None:
    grid = page(failing_gallery).one("table", class_="grid")
    first = grid.one("tbody").all("tr")[0]
    # What fails comes first, the latest run is on the right.
    assert first.one("a").attributes["href"] == "/nodes/staging.orders"
    assert [each.text for each in first.all("td")] == ["✓", "✓", "✗"]
    assert "failed" in first.all("td")[-1].attributes["title"]
    assert first.all("td")[-1].attributes["aria-label"] == "failed"
    linked = [each.attributes["href"] for each in grid.one("thead").all("a")]
    recorded = [each["id"] for each in failing_gallery.json("/index.json")["grid"]["runs"]]
    assert linked == [f"/runs/{each}" for each in recorded]
    assert recorded == sorted(recorded)
    names = [each.text for each in grid.one("tbody").all("th")]
    assert not any("names" in each for each in names), "what is embedded is never run"


def test_ingests_are_not_stale_for_asking_their_source(gallery: Gallery) -> None:
    assert gallery.survey.steps["raw.orders"].reason == "asks its source what is new"
    assert gallery.json("/index.json")["stale"] == []


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.model("marts.one", "kind: table", "select 1 as one")
    return made


def test_a_project_that_was_never_run_is_told_how_to_begin(shop: Shop) -> None:
    found = page(Gallery(shop))
    assert found.one("h1").text == "· Nothing has been run yet."
    assert found.one("code", class_="command").text == "sqlpipe run"
    assert heads(found) == ["Last run"]


def test_an_edited_model_is_stale_and_one_that_reads_the_clock_is_not(shop: Shop) -> None:
    shop.model("marts.clock", "kind: table", "select now() as seen_at")
    shop.well()
    assert page(Gallery(shop)).one("h1").text == "✓ All is well."
    shop.model("marts.one", "kind: table", "select 2 as one")
    found = page(Gallery(shop))
    assert found.one("h1").text == "△ 1 node is stale."
    assert "definition changed" in found.one("section", id="stale").text


def test_a_broken_promise_of_freshness_is_told_apart(shop: Shop) -> None:
    header = "kind: table\nchecks:\n  - freshness: {column: day, within: 1d}\n    severity: warn"
    shop.model("marts.old", header, "select date '2024-03-01' as day")
    shop.run()
    found = page(Gallery(shop))
    assert found.one("h1").text == "△ 1 check warns."
    promised = found.one("section", id="late")
    assert "freshness(day)" in promised.text
    assert "! warned" in promised.text
    assert not found.all("section", id="failing")


def test_a_task_that_failed_is_told_though_the_ledger_knows_nothing_of_it(shop: Shop) -> None:
    shop.write("tasks/refuse.yml", "bash: |\n  echo 'no such thing' >&2\n  exit 3\n")
    shop.run()
    found = page(Gallery(shop))
    assert found.one("h1").text == "✗ 1 node failed."
    assert "exit code 3: no such thing" in found.one("section", id="failed").text


def test_runs_that_go_on_and_those_that_missed_their_deadline_are_told(shop: Shop) -> None:
    shop.well()
    workspace, now = shop.open(), datetime.now(UTC)
    late = RunRecord(
        id="20300101T000000000000-aaaaaa",
        state=RunState.RUNNING,
        created=now,
        started=now,
        pipeline="nightly",
        deadline=shop.now - timedelta(minutes=5),
        owner="somebody",
    )
    with journal_of(workspace) as book:
        runs.create_run(book, late)
        runs.create_run(book, replace(late, id="20300101T000000000001-bbbbbb", pipeline="other", deadline=None))
    found = page(Gallery(shop))
    assert found.one("h1").text == "✗ 1 run missed its deadline."
    assert [each.text for each in found.one("section", id="now").all("a")] == ["bbbbbb", "aaaaaa"]
    missed = found.one("section", id="deadlines").text
    assert missed.startswith("Missed deadlines aaaaaa of nightly was due 2024-03-10 11:55:00 UTC")
    assert missed.endswith("and is not done yet")


def test_the_grid_is_bounded_unless_all_is_asked_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for number in range(45):
        shop.model(f"marts.m{number:02}", "", "select 1 as one")
    shop.well()
    gallery = Gallery(shop)
    found = page(gallery)
    assert len(found.one("table", class_="grid").one("tbody").all("tr")) == 40
    [more] = [each for each in found.one("section", id="grid").all("a") if each.text == "All 45 nodes"]
    assert len(page(gallery, more.attributes["href"]).one("table", class_="grid").one("tbody").all("tr")) == 45


def test_a_database_that_cannot_be_looked_at_is_told(gallery: Gallery) -> None:
    taken = Diagnostic(code="SP502", message="another process has it open")

    def alter(scene: Scene) -> Scene:
        return replace(scene, survey=replace(scene.survey, problem=taken))

    found = page(replace(gallery, alter=alter))
    assert found.one("h1").text == "△ The database cannot be looked at."
    assert "another process has it open" in found.text


def test_buttons_are_there_for_those_only_who_may_act(failing_gallery: Gallery) -> None:
    assert not page(failing_gallery).all("button", class_="act")
    found = page(failing_gallery.acting()).all("button", class_="act")
    assert [(each.text, each.attributes["data-act"]) for each in found] == [
        ("Run what failed", "/api/runs"),
        ("Run", "/api/runs"),
    ]
    assert json.loads(found[0].attributes["data-body"]) == {"select": ["failed"]}


def test_a_page_that_is_a_file_asks_no_server(failing_gallery: Gallery) -> None:
    still = replace(failing_gallery.acting(), alter=lambda scene: replace(scene, live=False))
    found = page(still)
    assert not found.all("form")
    assert not found.all("button", class_="act")
    assert "data-live" not in found.one("main").attributes


def test_hostile_names_and_errors_stay_text(hostile_gallery: Gallery) -> None:
    found = require_harmless(hostile_gallery.html("/"))
    assert SCRIPT in found.one("section", id="next").text
    assert any("javascript:alert(3)" in each.text for each in found.one("table", class_="grid").all("a"))
