"""The page of a node: everything that is known of it, and nothing that is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.shop import Shop
from tests.web.gallery import EVIL, SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree


def page(gallery: Gallery, node: str) -> Element:
    return tree(gallery.html(f"/nodes/{quote(node, safe='')}"))


def facts(section: Element) -> dict[str, str]:
    names = [each.text for each in section.all("dt")]
    return dict(zip(names, [each.text for each in section.all("dd")], strict=True))


def test_what_a_table_is_and_how_it_stands(gallery: Gallery) -> None:
    found = page(gallery, "staging.orders")
    assert found.one("h1").text == "staging.orders"
    about = found.one("header", class_="about").text
    assert "▦ table" in about
    assert "✓ fresh" in about
    assert "staging" in [each.text for each in found.all("a", class_="tag")]
    told = facts(found.one("section", id="now"))
    assert (told["Rows"], told["Data version"]) == ("4", "2")
    assert told["File"] == "models/staging/orders.sql"
    assert told["Run by"] == "nightly"
    assert found.one("code", class_="command").text == "sqlpipe run -s staging.orders"


def test_columns_have_types_descriptions_and_checks(gallery: Gallery) -> None:
    rows = page(gallery, "staging.orders").one("section", id="columns").one("tbody").all("tr")
    told = [tuple(each.text for each in (row.one("th"), *row.all("td"))) for row in rows]
    assert told[0] == ("id", "INTEGER", "not_null, unique", "")
    assert told[-1] == ("amount", "DECIMAL(10,2)", "", "in euro")


def test_checks_have_a_state_a_history_and_the_rows_that_were_kept(failing_gallery: Gallery) -> None:
    section = page(failing_gallery, "staging.orders").one("section", id="checks")
    [row] = [each for each in section.all("tr") if "amount_is_positive" in each.text]
    assert "✗ failed" in row.text
    assert "2 of 6" in row.text
    assert len(row.one("svg", class_="strip").all("rect")) == 1
    kept = section.one("details", class_="kept")
    assert kept.one("summary").text == "2 rows kept of amount_is_positive"
    assert {"5", "6"} <= {each.text for each in kept.all("td")}


def test_the_last_error_of_a_node_that_failed_stands_at_the_top(failing_gallery: Gallery) -> None:
    problem = page(failing_gallery, "staging.orders").one("div", class_="problem")
    assert problem.text.startswith("Failed")
    assert "check `amount_is_positive` fails for staging.orders: 2 of 6 rows" in problem.text
    assert problem.one("a", class_="run").attributes["href"].startswith("/runs/")


def test_the_source_has_links_where_it_names_tables(gallery: Gallery) -> None:
    found = page(gallery, "marts.revenue")
    source = found.one("section", id="source").one("pre")
    assert [(each.text, each.attributes["href"]) for each in source.all("a")] == [
        ("staging.orders", "/nodes/staging.orders"),
        ("staging.customers", "/nodes/staging.customers"),
        ("staging.names", "/nodes/staging.names"),
    ]
    assert "select" in [each.text for each in source.all("span", class_="word")]
    assert "ref.countries" in found.one("section", id="rendered").text


def test_neighbours_are_drawn_and_lead_further(gallery: Gallery) -> None:
    section = page(gallery, "marts.revenue").one("section", id="neighbours")
    drawn = section.one("svg", class_="hood").all("a")
    assert [each.attributes["href"].rpartition("/")[2] for each in drawn] == [
        "staging.orders",
        "staging.customers",
        "staging.names",
    ]
    [orders] = [each for each in section.all("li") if each.all("a")[0].text.endswith("staging.orders")]
    assert orders.one("details").one("a").attributes["href"] == "/nodes/raw.orders"


def test_runs_are_told_with_a_line_of_how_long_they_took(failing_gallery: Gallery) -> None:
    section = page(failing_gallery, "staging.orders").one("section", id="runs")
    line = section.one("svg", class_="spark")
    assert len(line.all("circle")) == 2
    assert len(line.all("path", class_="bad")) == 1
    rows = section.one("tbody").all("tr")
    assert [row.all("td")[0].text for row in rows] == ["✗ failed", "✓ done", "✓ done"]
    assert "amount_is_positive" in rows[0].text


def test_an_incremental_table_has_a_calendar(gallery: Gallery) -> None:
    found = page(gallery, "marts.daily")
    calendar = found.one("svg", class_="calendar")
    assert [each.text for each in calendar.all("title")] == ["2024-03-08 done", "2024-03-09 done"]
    assert "day of day" in found.one("section", id="settings").text
    assert not page(gallery, "staging.orders").all("section", id="intervals")


def test_an_ingest_tells_what_it_reads_and_its_loads(gallery: Gallery) -> None:
    found = page(gallery, "raw.orders")
    told = facts(found.one("section", id="settings"))
    assert told["Reads"] == "landing/orders/*.csv"
    assert told["Cursor"] == "files that are new or have changed"
    loads = found.one("section", id="loads").one("tbody").all("tr")
    assert [each.all("td")[1].text for each in loads] == ["2", "2"]


def test_rows_are_shown_on_demand(gallery: Gallery) -> None:
    found = page(gallery, "staging.orders")
    button = found.one("section", id="rows").one("button")
    assert button.attributes["hx-get"] == "/nodes/staging.orders/rows"
    rows = tree(gallery.html(button.attributes["hx-get"]))
    assert [each.text for each in rows.one("thead").all("th")] == ["id", "day", "customer", "amount"]
    assert len(rows.one("tbody").all("tr")) == 4
    told = gallery.json("/nodes/staging.orders/rows.json")
    assert told["rows"]["rows"][0][2] == 1
    assert told["problem"] is None


def test_many_rows_are_cut(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.many", "kind: table", "select range as n, null as nothing, '<b>' as text from range(100)")
    shop.well()
    found = require_harmless(Gallery(shop).html("/nodes/marts.many/rows"))
    rows = found.one("tbody").all("tr")
    assert len(rows) == 20
    assert [each.text for each in rows[0].all("td")] == ["0", "NULL", "<b>"]
    assert "sqlpipe show marts.many --limit 100" in found.text


@contextmanager
def taken(database: Path) -> Iterator[None]:
    """Another process has the database."""
    code = f"import duckdb, sys; held = duckdb.connect({str(database)!r}); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
        other.communicate()


@pytest.mark.skipif(os.name == "nt", reason="DuckDB tells it in other words there")
def test_rows_that_cannot_be_looked_at_are_told_in_a_sentence(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.one", "kind: table", "select 1 as one")
    shop.well()
    gallery = Gallery(shop)
    assert gallery.survey.problem is None
    with taken(shop.root / shop.database):
        answer = gallery.get("/nodes/marts.one/rows")
        assert answer.status_code == 200
        assert "SP502" in tree(answer.text).one("div", class_="problem").text
        assert "marts.one" in gallery.html("/nodes/marts.one")


def test_tasks_and_sensors_tell_what_they_do(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    script = f"echo '{SCRIPT}'\nexit 3"
    shop.write("tasks/tell.yml", "timeout: 5m\nretries: 2\nbash: |\n  " + script.replace("\n", "\n  ") + "\n")
    shop.write("tasks/wait.yml", "sensor: {file: landing/*.csv}\ntimeout: 2h\nbefore: [tasks.tell]\n")
    shop.land("landing/1.csv", "a\n1\n")
    shop.run()
    gallery = Gallery(shop)
    found = require_harmless(gallery.html("/nodes/tasks.tell"))
    told = facts(found.one("section", id="settings"))
    assert told["Does"] == f"echo '{SCRIPT}' exit 3"
    assert told["Stopped after"] == "5 min"
    assert told["Tried again"].startswith("2 after a failure that may pass")
    assert "exit code 3" in found.one("div", class_="problem").text
    assert not found.all("section", id="rows")
    waits = page(gallery, "tasks.wait")
    told = facts(waits.one("section", id="settings"))
    assert told["Does"] == "wait for file landing/*.csv"
    assert told["Gives up after"] == "2 h, then it fails"
    assert "✓ done" in waits.one("header", class_="about").text


def test_what_can_be_done_with_it_is_offered_to_those_who_may(gallery: Gallery) -> None:
    assert not page(gallery, "staging.orders").all("button", class_="act")
    found = page(gallery.acting(), "staging.orders").all("button", class_="act")
    assert [(each.text, json.loads(each.attributes["data-body"])) for each in found] == [
        ("Run", {"select": ["staging.orders"], "full_refresh": False}),
        ("Run with all before it", {"select": ["+staging.orders"], "full_refresh": False}),
        ("Build anew", {"select": ["staging.orders"], "full_refresh": True}),
    ]
    assert found[2].attributes["data-sure"] == "Build all of staging.orders anew?"
    assert {each.attributes["data-act"] for each in found} == {"/api/runs"}


def test_a_page_that_is_a_file_asks_no_server(gallery: Gallery) -> None:
    still = replace(gallery.acting(), alter=lambda scene: replace(scene, live=False))
    for node in gallery.workspace.graph.nodes:
        found = page(still, node)
        assert not found.all("button", class_="act")
        assert not [each for each in found if any(name.startswith("hx-") for name in each.attributes)]


def test_a_node_that_was_never_run_has_a_page(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.one", "kind: table\nchecks:\n  - unique: one", "select 1 as one")
    found = page(Gallery(shop), "marts.one")
    assert "+ new" in found.one("header", class_="about").text
    assert [each.text for each in found.all("h2")] == [
        "Now",
        "Columns 1",
        "Checks 1",
        "Rows",
        "Source models/marts/one.sql",
    ]
    problem = tree(Gallery(shop).html("/nodes/marts.one/rows")).one("div", class_="problem")
    assert "nothing has been built" in problem.text


def test_a_name_that_means_nothing_is_not_found(gallery: Gallery) -> None:
    assert gallery.get("/nodes/marts.nowhere").status_code == 404
    assert gallery.get("/nodes/marts.nowhere.json").status_code == 404


def test_hostile_names_and_texts_stay_text(hostile_gallery: Gallery) -> None:
    for key, node in hostile_gallery.workspace.graph.nodes.items():
        found = require_harmless(hostile_gallery.html(f"/nodes/{quote(key, safe='')}"))
        assert found.one("h1").text == " ".join(str(node.name).split())
        assert SCRIPT in found.one("p", class_="prose").text
        assert SCRIPT in found.one("section", id="columns").text
        rows = require_harmless(hostile_gallery.html(f"/nodes/{quote(key, safe='')}/rows"))
        assert "alert(1)" in rows.text or key == "odd.broken"
    assert EVIL.partition("{")[0].strip() in require_harmless(hostile_gallery.html("/nodes/odd.broken")).text
