"""The schedule: when pipelines are due by which clock, what was not run, and who did what."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app.orchestrating import pause
from sqlpipe.app.running import journal_of
from sqlpipe.domain.journal import Deed, Owner, RunRecord, RunState
from sqlpipe.domain.schedule import Order, Ruling, Settled, Tick, TickState
from sqlpipe.store import deeds, lease, owners, runs, ticks
from tests.shop import Shop
from tests.web.gallery import EVIL, SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree

# The day before the clocks of Paris go forward.
NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
SETTINGS = """
name: shop
pipelines:
  nightly:
    description: what came in yesterday
    select: marts.some
    schedule: "30 2 * * *"
    timezone: Europe/Paris
    deadline: "06:00"
  often: {every: 15m}
  follow: {select: marts.some, on: {nodes: marts.some, events: landed}}
  by_hand: {select: ["marts.*"], exclude: [marts.slow]}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, now=NOW)
    made.write("sqlpipe.yml", SETTINGS)
    made.model("marts.some", "", "select 1 as n")
    made.model("marts.slow", "", "select 2 as n")
    return made


def section(page: Element, name: str) -> Element:
    return page.one("section", id=name)


def test_ticks_are_told_by_the_clock_of_the_zone_and_in_utc(shop: Shop) -> None:
    page = tree(Gallery(shop).html("/schedule"))
    nightly = section(page, "nightly")
    assert "at 02:30, daily, Europe/Paris" in nightly.one("h2").text
    rows = nightly.one("tbody").all("tr")
    assert len(rows) == 10
    first, second = ([cell.text for cell in (row.one("th"), *row.all("td"))] for row in rows[:2])
    assert first == [
        "Sun 2026-03-29 03:00 +02:00",
        "2026-03-29 01:00:00 UTC",
        "in 13 h",
        "2026-03-29 04:00:00 UTC",
        "! clocks go forward: 02:30 does not exist, runs at 03:00",
    ]
    assert second[:2] == ["Mon 2026-03-30 02:30 +02:00", "2026-03-30 00:30:00 UTC"]
    often = section(page, "often")
    assert [each.text for each in often.one("thead").all("th")][:2] == ["UTC", "From now"]


def test_that_the_clocks_have_changed_is_noted(shop: Shop) -> None:
    shop.write("sqlpipe.yml", SETTINGS.replace("30 2 * * *", "0 12 * * *"))
    found = Gallery(shop).json("/schedule.json")["pipelines"][0]["ticks"]
    assert [(each["offset"], each["note"]) for each in found[:2]] == [
        ("+02:00", ""),
        ("+02:00", ""),
    ]
    earlier = Gallery(shop, alter=lambda scene: replace(scene, now=NOW - timedelta(days=1)))
    notes = [(each["offset"], each["note"]) for each in earlier.json("/schedule.json")["pipelines"][0]["ticks"]]
    assert notes[:3] == [
        ("+01:00", ""),
        ("+02:00", "clocks have changed: UTC+02:00 from here on"),
        ("+02:00", ""),
    ]


def test_what_starts_by_itself_or_not_is_told(shop: Shop) -> None:
    page = tree(Gallery(shop).html("/schedule"))
    assert "on marts.some, event landed" in section(page, "follow").text
    by_hand = section(page, "by_hand")
    assert "by hand" in by_hand.text
    assert "-x marts.slow" in by_hand.text
    assert by_hand.all("table") == []
    assert "never run" in by_hand.text


def test_one_that_is_paused_says_by_whom(shop: Shop) -> None:
    pause(shop.open(), "nightly", "ann", "the source is down")
    page = tree(Gallery(shop).html("/schedule"))
    assert "‖ paused by ann" in section(page, "nightly").text
    assert "Next 2026" not in section(page, "nightly").text
    assert [each.text for each in section(page, "deeds").one("tbody").all("td")][1:] == [
        "ann",
        "pause",
        "nightly",
        "the source is down",
    ]


def test_who_may_act_can_pause_resume_and_trigger(shop: Shop) -> None:
    pause(shop.open(), "often", "ann")
    page = tree(Gallery(shop).acting().html("/schedule"))
    found = {
        (name, each.text): each.attributes["data-act"]
        for name in ("nightly", "often")
        for each in section(page, name).all("button", class_="act")
    }
    assert found == {
        ("nightly", "Run now"): "/api/pipelines/nightly/trigger",
        ("nightly", "Pause"): "/api/pipelines/nightly/pause",
        ("often", "Run now"): "/api/pipelines/often/trigger",
        ("often", "Resume"): "/api/pipelines/often/resume",
    }
    assert tree(Gallery(shop).html("/schedule")).all("button", class_="act") == []


def test_ticks_that_were_not_run_are_told_with_the_reason(shop: Shop) -> None:
    day = timedelta(days=1)
    due = [Tick(NOW - number * day, NOW - (number + 1) * day, NOW - number * day) for number in range(5)]
    with journal_of(shop.open()) as book:
        owners.register(book, Owner("me", "here", 1, 0, datetime.now(UTC)))
        held = lease.acquire(book, Owner("me", "here", 1, 0, datetime.now(UTC)), datetime.now(UTC), 60)
        assert held is not None
        ticks.meet(book, held, {"nightly": "1"}, NOW - 9 * day, true=datetime.now(UTC))
        record = RunRecord(id="run-1", state=RunState.QUEUED, created=NOW, pipeline="nightly")
        ruling = Ruling(
            seen=NOW,
            settled=(
                Settled(due[1], TickState.SKIPPED, "it was paused"),
                Settled(due[2], TickState.EXPIRED, "it waited for longer than a week"),
                Settled(due[3], TickState.OPEN),
            ),
            orders=(Order((due[4],), "schedule"),),
        )
        ticks.carry_out(book, held, "nightly", ruling, NOW, runs=[record], cursor=None, true=datetime.now(UTC))
        runs.step_run(book, "run-1", RunState.RUNNING, NOW)
        runs.step_run(book, "run-1", RunState.DONE, NOW + day)
    page = tree(Gallery(shop).html("/schedule"))
    told = [row.all("td")[1].text for row in section(page, "unrun").one("tbody").all("tr")]
    assert told == [
        "↷ skipped it was paused",
        "⊘ expired it waited for longer than a week",
        "◌ waiting",
    ]
    assert "◌ 1 tick" in section(page, "nightly").text
    assert section(page, "nightly").one("a", class_="run").attributes["href"] == "/runs/run-1"


def test_without_pipelines_it_is_told_where_they_are_written(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    assert "they are written in sqlpipe.yml" in Gallery(shop).html("/schedule")


def test_texts_do_nothing(hostile_gallery: Gallery) -> None:
    with journal_of(hostile_gallery.workspace) as book:
        deeds.note(book, Deed(NOW, EVIL, "pause", EVIL, EVIL))
    acting = hostile_gallery.acting()
    page = require_harmless(acting.html("/schedule"))
    assert SCRIPT in section(page, "deeds").text
    trigger = page.all("button", class_="act")[0].attributes["data-act"]
    # The whole name is one piece of the path.
    assert trigger.startswith("/api/pipelines/")
    assert trigger.count("/") == 4
    assert json.loads(page.all("button", class_="act")[0].attributes["data-body"]) == {}
