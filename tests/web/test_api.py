"""What the server answers: health, figures, runs, logs as they come, and a description that cannot drift."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.store.book import JournalAway
from sqlpipe.web.access import Access
from sqlpipe.web.api import API, ROUTES
from sqlpipe.web.contract import Piece
from sqlpipe.web.route import MOST_STREAMS
from tests.web.fake_office import NOW, STATUS, Served, served


@pytest.fixture
def here() -> Served:
    return served()


# Health


def test_a_leader_is_ready(here: Served) -> None:
    answer = here.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "role": "leader", "reasons": []})
    assert here.get("/healthz").json()["alive"] is True


def test_a_standby_is_ready_and_says_so(here: Served) -> None:
    here.scheduler.found = replace(STATUS, leading=False, holder="another", heartbeat_age=900)
    answer = here.get("/readyz")
    assert (answer.status_code, answer.json()["role"]) == (200, "standby")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"heartbeat_age": 16.0}, "the lease was kept last 16 seconds ago"),
        ({"project_problem": "models/a.sql:1: SP101 broken"}, "the project cannot be loaded: models/a.sql:1"),
        ({"journal_problem": "no route"}, "the journal cannot be reached: no route"),
        ({"leading": False, "holder": ""}, "nobody leads"),
    ],
)
@pytest.mark.catalogue("M11")
def test_what_keeps_it_from_working_is_a_reason(here: Served, wrong: dict[str, Any], reason: str) -> None:
    here.scheduler.found = replace(STATUS, **wrong)
    answer = here.get("/readyz")
    assert answer.status_code == 503
    assert any(each.startswith(reason) for each in answer.json()["reasons"])


def test_a_journal_that_is_away_leaves_the_process_alive_and_not_ready(here: Served) -> None:
    here.scheduler.away = "connection refused"
    assert here.get("/healthz").status_code == 200
    assert here.get("/readyz").status_code == 503
    assert "sqlpipe_journal_up 0.0" in here.get("/metrics").text
    here.office.wrong = JournalAway("connection refused")
    answer = here.get("/api/runs")
    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (503, "SP622")


def test_a_server_that_stops_is_not_ready(here: Served) -> None:
    house = replace(here.house, stopping=lambda: True)
    object.__setattr__(here.house, "stopping", house.stopping)
    assert here.get("/readyz").json()["reasons"] == ["the server is stopping"]


# Figures


def figures(here: Served) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(here.get("/metrics").text)
    return {(each.name, each.labels.get("state", "")): each.value for family in families for each in family.samples}


@pytest.mark.catalogue("M1", "M10", "M11")
def test_missed_ticks_and_a_dead_scheduler_can_be_seen_in_the_figures(here: Served) -> None:
    found = figures(here)
    assert found["sqlpipe_due_intervals", ""] == 2
    assert found["sqlpipe_ticks_expired_total", ""] == 4
    assert found["sqlpipe_leader_heartbeat_age_seconds", ""] == 1.5
    assert found["sqlpipe_last_tick_timestamp_seconds", ""] == NOW.timestamp()
    assert found["sqlpipe_leading", ""] == 1


def test_counters_hold_what_has_ended_and_gauges_what_goes_on(here: Served) -> None:
    found = figures(here)
    assert {state: value for (name, state), value in found.items() if name == "sqlpipe_ticks_total"} == {
        "covered": 5, "expired": 4, "skipped": 0, "superseded": 0
    }  # fmt: skip
    assert found["sqlpipe_attempts_total", "done"] == 7
    assert ("sqlpipe_attempts_total", "running") not in found
    assert found["sqlpipe_attempts_running", ""] == 1
    assert (found["sqlpipe_runs", "running"], found["sqlpipe_runs", "queued"]) == (1, 2)


# Reading and writing


def test_runs_are_asked_for_as_the_query_says(here: Served) -> None:
    answer = here.get("/api/runs?pipeline=nightly&state=failed&limit=5&before=r9")
    assert answer.json()["runs"][0]["id"] == "r1"
    assert here.office.asked == [("runs", "nightly", ["failed"], 5, "r9")]
    here.get("/api/runs")
    assert here.office.asked[-1] == ("runs", None, [], 50, "")


def test_an_instant_may_have_any_zone(here: Served) -> None:
    here.get("/api/schedule?around=2026-10-25T02:30%2B02:00&limit=3")
    here.get("/api/schedule?around=2026-10-25")
    here.get("/api/schedule")
    assert here.office.asked == [
        ("schedule", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 3),
        ("schedule", datetime(2026, 10, 25, tzinfo=UTC), 10),
        ("schedule", None, 10),
    ]


def test_names_of_nodes_may_have_any_letters(here: Served) -> None:
    here.get("/api/why/raw.%C3%9Cbersicht%20%232")
    assert here.office.asked == [("why", "raw.Übersicht #2")]


def test_what_is_done_is_done_by_somebody(here: Served) -> None:
    who = "api 10.9.8.7"
    here.post("/api/runs/r1/cancel")
    here.post("/api/runs/r1/retry")
    here.post("/api/runs/r1/nodes/raw.orders/mark", {"state": "done", "reason": "mended by hand"})
    here.post("/api/pipelines/nightly/trigger")
    here.post("/api/pipelines/nightly/pause", {"reason": "holiday"})
    here.post("/api/pipelines/nightly/resume")
    here.post("/api/events/landed", {"path": "a.csv", "rows": [1, {"x": None}]})
    assert here.office.asked == [
        ("cancel", "r1", who),
        ("retry", "r1", who),
        ("mark", "r1", "raw.orders", "done", who, "mended by hand"),
        ("trigger", "nightly", who),
        ("pause", "nightly", who, "holiday"),
        ("resume", "nightly", who),
        ("announce", "landed", {"path": "a.csv", "rows": [1, {"x": None}]}, who),
    ]
    assert here.scheduler.roused == 7
    here.get("/api/runs")
    assert here.scheduler.roused == 7


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs?limit=0",
        "/api/runs?limit=1001",
        "/api/runs?limit=ten",
        "/api/runs?limit=" + "9" * 5000,
        "/api/runs?limit=%D9%A3",
        "/api/runs?state=finished",
        "/api/runs?limt=5",
        "/api/schedule?around=yesterday",
        "/api/schedule?around=0001-01-01T00:00%2B14:00",
        "/api/show",
        "/api/runs/r1/log/raw.orders?after=-1",
    ],
)
def test_a_query_that_makes_no_sense_is_told(here: Served, path: str) -> None:
    answer = here.get(path)
    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (400, "SP644")
    assert here.office.asked == []


def test_help_names_what_may_have_been_meant(here: Served) -> None:
    assert here.get("/api/runs?limt=5").json()["diagnostics"][0]["help"] == "did you mean `limit`?"
    assert here.get("/api/runs?state=faild").json()["diagnostics"][0]["help"] == "did you mean `failed`?"


@pytest.mark.parametrize(("code", "status"), [("SP623", 404), ("SP602", 404), ("SP624", 409), ("SP502", 409)])
def test_complaints_have_a_status(here: Served, code: str, status: int) -> None:
    here.office.wrong = SqlpipeError(Diagnostic(code=code, message="it is so", help="do this"))
    answer = here.post("/api/runs/r1/cancel")
    assert answer.status_code == status
    assert answer.json()["diagnostics"][0]["help"] == "do this"


def test_values_of_a_database_that_json_lacks_are_texts(here: Served) -> None:
    row = json.loads(here.get("/api/show?node=raw.orders").text, parse_constant=pytest.fail)
    assert row["rows"][0][1:] == ["nan", NOW.isoformat(), "b'\\xff'"]


# Logs


LINES = tuple({"offset": 10 * number, "stream": "stdout", "text": f"line {number}\nnext"} for number in range(1, 4))


def events(text: str) -> list[dict[str, str]]:
    """The events of a stream, in the way of a browser."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(each.split(": ", 1) for each in block.splitlines() if not each.startswith(":"))
        if "data" in fields:
            found.append(fields)
    return found


def test_a_log_is_read_from_an_offset(here: Served) -> None:
    here.office.pieces = [Piece(LINES, ended=True)]
    told = here.get("/api/runs/r1/log/raw.orders?after=10&attempt=3").json()
    assert (told["attempt"], told["ended"], [each["offset"] for each in told["lines"]]) == (3, True, [20, 30])


def test_a_log_is_followed_to_its_end(here: Served) -> None:
    here.office.pieces = [Piece(LINES[:1]), Piece(), Piece(LINES[:2]), Piece(LINES, ended=True)]
    answer = here.get("/api/runs/r1/log/raw.orders/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer.text)
    assert [each["id"] for each in found] == ["2:10", "2:20", "2:30", "2:30"]
    assert json.loads(found[0]["data"])["text"] == "line 1\nnext"
    assert found[-1]["event"] == "end"


@pytest.mark.parametrize(
    ("query", "last", "asked"),
    [
        ("", "2:20", (2, 20)),
        ("?attempt=2&after=10", "2:20", (2, 20)),
        ("?attempt=1&after=10", "2:20", (1, 10)),
        ("", "2:20; drop", (None, 0)),
        ("", "9" * 400 + ":1", (None, 0)),
        ("?after=10", "", (None, 10)),
    ],
)
def test_a_reader_that_was_cut_off_goes_on_where_it_was(
    here: Served, query: str, last: str, asked: tuple[int | None, int]
) -> None:
    here.office.pieces = [Piece(LINES, ended=True)]
    here.get(f"/api/runs/r1/log/raw.orders/stream{query}", **{"Last-Event-ID": last})
    assert here.office.asked[0] == ("find_log", "r1", "raw.orders", -1, asked[0])
    assert here.office.asked[1] == ("log", asked[0] or 2, asked[1])


def test_a_journal_that_is_away_does_not_break_a_stream(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    here.office.pieces = [Piece(LINES, ended=True)]
    true, calls = here.office.log, iter([JournalAway("gone"), None])

    def log(name: Any, after: int) -> Piece:
        wrong = next(calls)
        if wrong is not None:
            raise wrong
        return true(name, after)

    monkeypatch.setattr(here.office, "log", log)
    assert len(events(here.get("/api/runs/r1/log/raw.orders/stream").text)) == 4


def test_only_so_many_logs_are_followed_at_once(here: Served) -> None:
    for _ in range(MOST_STREAMS):
        here.house.streams.acquire()
    here.office.pieces = [Piece(LINES, ended=True)]
    assert here.get("/api/runs/r1/log/raw.orders/stream").status_code == 503
    here.house.streams.release()
    for _ in range(3):  # each gives back its place
        assert here.get("/api/runs/r1/log/raw.orders/stream").status_code == 200


def test_a_stream_ends_when_the_server_does(here: Served) -> None:
    here.office.pieces = [Piece(LINES)]
    closing = threading.Event()
    object.__setattr__(here.house, "closing", closing.is_set)
    timer = threading.Timer(0.3, closing.set)
    timer.start()
    assert len(events(here.get("/api/runs/r1/log/raw.orders/stream").text)) == 3
    timer.join()


def test_nobody_asks_for_the_head_of_a_stream(here: Served) -> None:
    assert here.client.request("HEAD", "/api/runs/r1/log/raw.orders/stream").status_code == 405
    assert here.client.request("HEAD", "/healthz").status_code == 200


# The description


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_route_is_described_with_what_it_takes(here: Served) -> None:
    described = here.get("/openapi.json").json()
    found = {(method, path): operation for method, path, operation in operations(described)}
    assert set(found) == {(each.method, each.path) for each in ROUTES}
    for route in ROUTES:
        operation = found[route.method, route.path]
        names = [each["name"] for each in operation["parameters"]]
        rest = [route.rest] if route.rest else []
        assert names == [*(each.name for each in (*route.within, *route.query)), *rest]
        assert operation["summary"].endswith(".")
        assert (operation.get("security") == [{"token": []}]) is (route.access is Access.WRITE)
        assert ("requestBody" in operation) is (route.method == "POST")


def test_every_described_address_is_answered(here: Served) -> None:
    here.office.pieces = [Piece(LINES, ended=True)]
    described = here.get("/openapi.json").json()
    for method, path, operation in operations(described):
        if (method, path) not in {(each.method, each.path) for each in API}:
            continue
        address = path.replace("{run}", "r1").replace("{node}", "raw.orders").replace("{name}", "nightly")
        required = [each for each in operation["parameters"] if each["in"] == "query" and each["required"]]
        query = "&".join(f"{each['name']}=raw.orders" for each in required)
        body = {"/mark": {"state": "done"}, "query": {"sql": "select 1"}}.get(path[-5:], {})
        answer = here.post(address, body) if method == "POST" else here.get(f"{address}?{query}")
        assert answer.status_code == 200, (path, answer.text)


def test_all_that_writes_is_a_post_and_nothing_else_is() -> None:
    assert {each.method for each in ROUTES if each.access is Access.WRITE} == {"POST"}
    assert {each.method for each in ROUTES if each.access is Access.READ} == {"GET"}
