"""A run: how it went, what went wrong, and what can be done about it."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app.run_story import Bar
from sqlpipe.app.running import journal_of
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.diagnostic import Span as DiagnosticSpan
from sqlpipe.domain.history import State
from sqlpipe.domain.interval import Interval
from sqlpipe.domain.journal import AttemptRecord, AttemptState, Claim, NodeRecord, RunRecord, RunState
from sqlpipe.graph.timeline import Span
from sqlpipe.run.start import log_path
from sqlpipe.store import attempts, runs
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from sqlpipe.web.pages.run import command, frame
from sqlpipe.web.pages.run_drawing import drawn
from tests.shop import Shop
from tests.web.gallery import EVIL, SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree

NOON = datetime(2024, 3, 10, 11, 50, tzinfo=UTC)
RUN = "20240310T115000000000-abcdef"


def last(gallery: Gallery) -> str:
    return str(gallery.json("/runs.json")["runs"][0]["id"])


def acts(page: Element) -> dict[str, str]:
    return {each.text: each.attributes["data-act"] for each in page.all("button", class_="act")}


@contextmanager
def entered(shop: Shop, state: RunState = RunState.RUNNING, **more: object) -> Iterator[Book]:
    with journal_of(shop.open()) as book:
        record = RunRecord(id=RUN, state=state, created=NOON, started=NOON, cause="command line", owner="me")
        runs.create_run(book, replace(record, **more))  # type: ignore[arg-type]
        yield book


def try_node(book: Book, node: str, start: float, seconds: float | None, *, message: str = "") -> None:
    at = NOON + timedelta(seconds=start)
    begun = attempts.claim(book, Claim(RUN, node), "me", at)
    assert isinstance(begun, AttemptRecord)
    if seconds is not None:
        end = at + timedelta(seconds=seconds)
        state = State.FAILED if message else State.DONE
        record = NodeRecord(run=RUN, node=node, state=state, since=end, kind="table", seconds=seconds, detail=message)
        how = AttemptState.FAILED if message else AttemptState.DONE
        attempts.finish(book, begun.id, Ending(state=how, at=end, node=record, message=message))


# What went wrong


def test_what_failed_is_told_with_its_frame(failing_gallery: Gallery) -> None:
    page = tree(failing_gallery.html(f"/runs/{last(failing_gallery)}"))
    wrong = page.one("section", id="wrong")
    assert wrong.one("h3").one("a").attributes["href"] == "/nodes/staging.orders"
    assert "SP402 check `amount_is_positive` fails for staging.orders: 2 of 6 rows" in wrong.text
    drawn_frame = wrong.one("pre", class_="frame").text_as_is.split("\n")
    assert drawn_frame[0].startswith("models/staging/orders.sql:")
    assert drawn_frame[2] == "  10   - expression: amount >= 0"
    assert drawn_frame[3] == f"{' ' * drawn_frame[2].index('expression')}{'^' * len('expression')}"
    assert "sqlpipe show staging.orders --failed" in wrong.text
    rows = page.one("section", id="nodes").one("tbody").all("tr")
    assert [row.all("td")[0].text for row in rows[:2]] == ["✗ failed", "⊘ blocked"]
    assert page.one("code", class_="command").text == f"sqlpipe retry {last(failing_gallery)[-6:]}"
    assert "amount_is_positive: 2 of 6 rows" in page.one("pre", class_="log").text


def test_the_caret_stands_below_its_word_behind_tabs() -> None:
    span = DiagnosticSpan("a.sql", Place(2, 7, 4), ((1, "select"), (2, "\t1 as\tnope")))
    assert frame(span) == ((1, "select", ""), (2, "\t1 as\tnope", "\t    \t^^^^"))
    beyond = DiagnosticSpan("a.sql", Place(1, 9, 50), ((1, "select"),))
    assert frame(beyond) == ((1, "select", "      ^"),)


def test_who_may_act_can_cancel_retry_and_mark(failing_gallery: Gallery, tmp_path: Path) -> None:
    run = last(failing_gallery)
    assert acts(tree(failing_gallery.html(f"/runs/{run}"))) == {}
    page = tree(failing_gallery.acting().html(f"/runs/{run}"))
    assert acts(page) == {
        "Retry": f"/api/runs/{run}/retry",
        "Count it as done": f"/api/runs/{run}/nodes/staging.orders/mark",
    }
    assert json.loads(page.one("button", data_act=acts(page)["Count it as done"]).attributes["data-body"]) == {
        "state": "done"
    }
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    with entered(shop):
        assert list(acts(tree(Gallery(shop).acting().html(f"/runs/{RUN}")))) == ["Cancel"]


# How it went


def test_a_run_that_went_well_tells_of_its_nodes(gallery: Gallery) -> None:
    page = tree(gallery.html(f"/runs/{last(gallery)}"))
    assert page.all("section", id="wrong") == []
    assert page.one("h1").text == f"Run {last(gallery)[-6:]}"
    names = {row.one("th").text.split()[1] for row in page.one("section", id="nodes").one("tbody").all("tr")}
    assert "marts.revenue" in names
    drawing = page.one("svg", class_="gantt")
    assert "/nodes/raw.orders" in {each.attributes["href"] for each in drawing.all("a")}
    assert "outlined: the critical path" in page.one("section", id="went").text


def test_attempts_stand_side_by_side_and_the_critical_path_is_marked(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.first", "kind: table", "select 1 as id")
    shop.model("marts.left", "kind: table", "select id from marts.first")
    shop.model("marts.right", "kind: table", "select id from marts.first")
    with entered(shop) as book:
        try_node(book, "marts.first", 0, 2)
        try_node(book, "marts.left", 2, 8)
        try_node(book, "marts.right", 2, 1, message="no network")
        drawing = tree(Gallery(shop).html(f"/runs/{RUN}")).one("svg", class_="gantt")
    assert drawing.attributes["aria-label"] == "3 attempts in 2 lanes, 10.0 s"
    told = {link.one("title").text.split(":")[0]: link for link in drawing.all("a")}
    assert "critical" in told["marts.left"].one("rect").attributes["class"]
    assert told["marts.left"].one("text").text == "◆ marts.left"
    right = told["marts.right"].one("rect").attributes
    assert right["class"].split() == ["bar", "bad"]
    assert told["marts.right"].one("title").text == "marts.right: failed, 1.0 s; no network"
    first, left = (told[name].one("rect").attributes for name in ("marts.first", "marts.left"))
    assert float(left["x"]) == pytest.approx(float(first["x"]) + float(first["width"]), abs=0.2)
    assert float(left["width"]) == pytest.approx(4 * float(first["width"]), rel=0.01)
    assert [each.text for each in drawing.all("text", class_="faint")][:3] == ["0 s", "2 s", "4 s"]


def test_a_run_that_waits_says_for_what(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    with entered(shop, RunState.QUEUED, started=None):
        assert "It waits for the scheduler." in Gallery(shop).html(f"/runs/{RUN}")
    with entered(shop) as book:
        until = NOON + timedelta(minutes=20)
        waiting = NodeRecord(run=RUN, node="marts.some", state=State.WAITING, since=NOON, until=until, detail="no file")
        attempts.put_nodes(book, [waiting])
        assert "no file Looked at again in 10 min." in tree(Gallery(shop).html(f"/runs/{RUN}")).text


def test_a_running_node_has_its_log_followed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.a b", "kind: table", "select 1 as n")
    with entered(shop) as book:
        try_node(book, "marts.a b", 0, None)
        path = log_path(shop.root, RUN, ("marts.a b", -1), 1)
        path.parent.mkdir(parents=True)
        line = {"at": "2024-03-10T11:50:01+00:00", "stream": "stderr", "text": f"half way {SCRIPT}"}
        path.write_text(json.dumps(line) + "\n")
        gallery = Gallery(shop)
        page = require_harmless(gallery.html(f"/runs/{RUN}"))
        log = page.one("pre", class_="log")
        assert log.text == f"11:50:01 half way {SCRIPT}"
        size = path.stat().st_size
        address = f"/api/runs/{RUN}/log/marts.a%20b/stream?attempt=1&after={size}"
        assert log.attributes["data-log"] == address
        assert any("log.js" in each.attributes["src"] for each in page.all("script"))
        still = replace_live(gallery, f"/runs/{RUN}")
    assert "data-log" not in still.one("pre", class_="log").attributes
    assert still.one("pre", class_="log").text == f"11:50:01 half way {SCRIPT}"


def replace_live(gallery: Gallery, path: str) -> Element:
    return tree(Gallery(gallery.project, alter=lambda scene: replace(scene, live=False)).html(path))


def test_a_log_can_be_asked_for(failing_gallery: Gallery) -> None:
    run = last(failing_gallery)
    page = tree(failing_gallery.html(f"/runs/{run}?node=raw.orders"))
    assert page.one("section", id="log").one("h2").text == "Log raw.orders"
    link = page.one("section", id="nodes").one("a", href=f"/runs/{run}?node=raw.orders#log")
    assert link.text == "1"
    assert tree(failing_gallery.html(f"/runs/{run}?node=nowhere")).all("section", id="log") == []


# What it belongs to


def test_runs_that_belong_together_lead_to_each_other(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    span = Interval(NOON - timedelta(days=1), NOON)
    with entered(shop, RunState.FAILED, start=span.start, end=span.end, deadline=NOON, pipeline="nightly") as book:
        again = RunRecord(id="again-000001", state=RunState.DONE, created=NOON, parent=RUN, cause=f"retry of {RUN}")
        runs.create_run(book, again)
    gallery = Gallery(shop)
    page = tree(gallery.html(f"/runs/{RUN}"))
    assert page.one("section", id="related").one("a", class_="run").attributes["href"] == "/runs/again-000001"
    assert "2024-03-09 11:50:00 UTC to 2024-03-10 11:50:00 UTC" in page.text
    assert "! missed" in page.text
    back = tree(gallery.html("/runs/again-000001"))
    assert back.one("section", id="related").one("a", class_="run").attributes["href"] == f"/runs/{RUN}"
    # It is found by its ending too.
    assert gallery.json("/runs/abcdef.json")["run"]["id"] == RUN
    assert gallery.get("/runs/nowhere").status_code == 404


def test_the_command_repeats_it() -> None:
    record = RunRecord(id=RUN, state=RunState.DONE, created=NOON)
    assert command(record) == "sqlpipe run"
    some = replace(record, select=("+marts.a", "tag:x y"), exclude=("it's",), options={"full_refresh": True})
    assert command(some) == "sqlpipe run -s +marts.a -s 'tag:x y' -x 'it'\"'\"'s' --full-refresh"
    assert command(replace(some, state=RunState.CANCELLED)) == "sqlpipe retry abcdef"


# Size and safety


def test_texts_do_nothing(hostile_gallery: Gallery) -> None:
    page = require_harmless(hostile_gallery.html(f"/runs/{last(hostile_gallery)}"))
    assert "odd.broken" in page.one("section", id="wrong").text


def test_names_and_messages_in_the_drawing_do_nothing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    with entered(shop, cause=EVIL, reason=EVIL) as book:
        try_node(book, f"marts.{EVIL}", 0, 5, message=EVIL)
        page = require_harmless(Gallery(shop).html(f"/runs/{RUN}"))
    assert SCRIPT in page.one("svg", class_="gantt").one("title").text


def test_a_thousand_nodes_are_a_small_page_soon_made(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.some", "", "select 1 as n")
    with entered(shop) as book:
        for number in range(1000):
            at = NOON + timedelta(milliseconds=5 * number)
            node = f"marts.a_rather_long_name_of_a_model_{number:04d}"
            record = NodeRecord(run=RUN, node=node, state=State.DONE, since=at, kind="table", seconds=0.004, rows=7)
            begun = attempts.claim(book, Claim(RUN, node), "me", at)
            assert isinstance(begun, AttemptRecord)
            end = at + timedelta(milliseconds=4)
            attempts.finish(book, begun.id, Ending(state=AttemptState.DONE, at=end, node=record, seconds=0.004))
        gallery = Gallery(shop)
        html = gallery.html(f"/runs/{RUN}")
        began = time.perf_counter()
        gallery.html(f"/runs/{RUN}")
        took = time.perf_counter() - began
        page = tree(html)
        assert len(gzip.compress(html.encode())) < 60_000
        assert took < 1
        assert len(page.one("section", id="nodes").one("tbody").all("tr")) == 60
        more = page.one("nav", class_="pager").one("a")
        assert more.text == "All 1,000 nodes"
        whole = tree(gallery.html(more.attributes["href"].partition("#")[0]))
        assert len(whole.one("section", id="nodes").one("tbody").all("tr")) == 1000
        assert len(gallery.json(f"/runs/{RUN}.json")["nodes"]) == 60


def test_short_attempts_are_drawn_together_but_not_those_that_ended_otherwise(gallery: Gallery) -> None:
    def bar(number: int, state: str, start: float, end: float) -> Bar:
        return Bar(
            node=f"marts.n{number}", item=-1, number=1, state=state, time=Span(start, end), lane=0, critical=False,
            message="",
        )  # fmt: skip

    many = [
        bar(number, "failed" if number == 500 else "done", number / 1000, number / 1000 + 0.0005)
        for number in range(999)
    ]
    drawing = drawn(gallery.scene(), [*many, bar(999, "done", 1, 1000)])
    assert drawing is not None
    titles = [each.text for each in tree(str(drawing)).all("title")]
    assert len(titles) < 10
    assert any(each.startswith("marts.n500: failed") for each in titles)
    assert any("attempts (done): marts.n0, marts.n1" in each and "more" in each for each in titles)
    assert drawn(gallery.scene(), []) is None
