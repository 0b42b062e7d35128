"""What the server refuses: strangers, forged requests, other hosts, and everything that is too large or too clever."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.datastructures import Headers

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.load import secret
from sqlpipe.load.secret import Secret, keep_secret
from sqlpipe.web.access import Access
from sqlpipe.web.api import API
from sqlpipe.web.contract import Piece
from sqlpipe.web.guard import Policy, is_loopback
from sqlpipe.web.route import MOST_BODY
from tests.web.fake_office import BEARER, TOKEN, served

WRITES = [each.path for each in API if each.access is Access.WRITE]
READS = [each.path for each in API if each.access is Access.READ]
NO_TOKEN = Secret()


def filled(path: str) -> str:
    return path.replace("{run}", "r1").replace("{node}", "raw.orders").replace("{name}", "nightly")


def code(answer: Any) -> str:
    return str(answer.json()["diagnostics"][0]["code"])


# Who may write


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper()])
def test_nothing_is_written_without_the_token(path: str, token: str) -> None:
    here = served()
    answer = here.post(filled(path), {"state": "done"} if path.endswith("mark") else {}, token=token)
    assert (answer.status_code, code(answer)) == (401, "SP643")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert here.office.asked == []


@pytest.mark.parametrize("given", [f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN} {TOKEN}", "Bearer é"])
def test_only_a_bearer_of_the_token_is_known(given: str) -> None:
    headers = Headers(raw=[(b"authorization", given.encode("latin-1"))])
    assert not Policy(token=Secret(TOKEN)).knows(headers)


def test_the_password_of_a_proxy_does_not_keep_anybody_from_reading() -> None:
    here = served()
    assert here.get("/api/runs", Authorization="Basic b3BzOm9wcw==").status_code == 200
    assert here.get("/api/runs", Authorization="Bearer wrong").status_code == 401


def test_an_empty_token_is_no_token() -> None:
    headers = Headers({"authorization": "Bearer "})
    assert not Policy(token=NO_TOKEN).knows(headers)


@pytest.mark.parametrize("path", WRITES)
def test_without_a_token_nobody_writes_and_is_told_how_to_set_one(path: str) -> None:
    here = served(token=NO_TOKEN)
    answer = here.post(filled(path), {}, token="")
    assert (answer.status_code, code(answer)) == (403, "SP643")
    assert "--token-file" in answer.json()["diagnostics"][0]["help"]
    assert here.office.asked == []


def test_programs_of_this_machine_may_write_where_that_is_allowed() -> None:
    here = served(token=NO_TOKEN, local_writes=True)
    assert here.post("/api/runs/r1/cancel", token="").status_code == 200
    elsewhere = served(token=NO_TOKEN, local_writes=True, loopback=False, public_read=True)
    assert elsewhere.post("/api/runs/r1/cancel", token="").status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1"])
def test_pages_of_strangers_do_not_write(origin: str) -> None:
    here = served(token=NO_TOKEN, local_writes=True)
    answer = here.client.post("/api/runs/r1/cancel", json={}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert here.office.asked == []
    own = here.client.post("/api/runs/r1/cancel", json={}, headers={"Origin": "http://127.0.0.1:8713"})
    assert own.status_code == 200


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_forms_do_not_write(media: str) -> None:
    here = served(token=NO_TOKEN, local_writes=True)
    answer = here.client.post("/api/runs/r1/cancel", content=b"{}", headers={"Content-Type": media} if media else {})
    assert (answer.status_code, code(answer)) == (415, "SP644")
    assert here.office.asked == []


def test_no_browser_is_told_that_others_may_ask() -> None:
    here = served(token=NO_TOKEN, local_writes=True)
    asked = here.client.request(
        "OPTIONS",
        "/api/runs/r1/cancel",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert asked.status_code == 405
    assert not any(each.startswith("access-control") for each in asked.headers)


# Who may read


@pytest.mark.parametrize("path", READS)
def test_the_network_reads_with_the_token_only(path: str) -> None:
    here = served(loopback=False)
    here.office.pieces = [Piece(ended=True)]
    address = filled(path) + ("?node=raw.orders" if path == "/api/show" else "")
    assert here.get(address).status_code == 401
    assert here.office.asked == []
    assert here.client.get(address, headers=BEARER).status_code == 200
    open_to_all = served(loopback=False, public_read=True)
    open_to_all.office.pieces = [Piece(ended=True)]
    assert open_to_all.get(address).status_code == 200


def test_the_network_learns_whether_it_is_ready_and_not_why() -> None:
    here = served(loopback=False)
    here.scheduler.away = "postgresql://ops@db-7.internal refused"
    answer = here.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "role": "starting"})
    assert "db-7" in here.client.get("/readyz", headers=BEARER).text


def test_a_server_that_everybody_could_read_does_not_start() -> None:
    with pytest.raises(SqlpipeError, match="SP640"):
        Policy(loopback=False).require_safe("0.0.0.0")
    Policy(loopback=False, public_read=True).require_safe("0.0.0.0")
    Policy(loopback=False, token=Secret(TOKEN)).require_safe("0.0.0.0")
    Policy().require_safe("127.0.0.1")


def test_a_token_that_can_be_guessed_is_none() -> None:
    with pytest.raises(SqlpipeError, match="SP641"):
        Policy(token=Secret("hunter2")).require_safe("127.0.0.1")


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("LOCALHOST", True), ("0.0.0.0", False), ("::", False),
     ("192.168.1.5", False), ("example.com", False), ("127.0.0.1.evil.example", False), ("", False)],
)  # fmt: skip
def test_addresses_of_this_machine_are_told_from_others(host: str, here: bool) -> None:
    assert is_loopback(host) is here


# For whom it is meant


@pytest.mark.parametrize("path", ["/healthz", "/api/runs", "/metrics", "/nothing"])
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8713", "localhost.evil.example", "2130706433"]
)
def test_a_name_that_was_led_here_gets_nothing(path: str, host: str) -> None:
    answer = served().client.get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["", "[", "::::", "a b"])
def test_a_host_that_is_none_gets_nothing(host: str) -> None:
    assert served().client.get("/api/runs", headers={"Host": host}).status_code in {400, 421}


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8713", "[::1]:8713", "10.1.2.3", "ops.example."]
)
def test_its_own_names_are_its_own(host: str) -> None:
    here = served(hosts=frozenset({"ops.example"}))
    assert here.client.get("/healthz", headers={"Host": host}).status_code == 200


def test_who_has_the_token_may_use_any_name() -> None:
    assert served().client.get("/healthz", headers={"Host": "proxy.example", **BEARER}).status_code == 200


# What is too large or too clever


def test_a_body_is_read_up_to_its_bound_only() -> None:
    here = served()
    fits = {"x": "y" * (MOST_BODY - 100)}
    assert here.post("/api/events/landed", fits).status_code == 200
    answer = here.post("/api/events/landed", {"x": "y" * MOST_BODY})
    assert (answer.status_code, code(answer)) == (413, "SP644")

    async def without_length() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 4096

    headers = {"Content-Type": "application/json", **BEARER}
    assert here.client.post("/api/events/landed", content=without_length(), headers=headers).status_code == 413
    assert len(here.office.asked) == 1


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 60_000, b'{"state": {"x": 1}}', b'{"state": true}', b'{"stat": "done"}'],
)
def test_a_body_that_makes_no_sense_is_told(body: bytes) -> None:
    here = served()
    headers = {"Content-Type": "application/json; charset=utf-8", **BEARER}
    answer = here.client.post("/api/runs/r1/nodes/raw.orders/mark", content=body, headers=headers)
    assert (answer.status_code, code(answer)) == (400, "SP644")
    assert here.office.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/runs/../../etc/passwd",
        "/api/runs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/api/runs/r1/log/..%2f..%2fjournal-dev.db",
        "/api/runs/r1/log/raw.orders%00.jsonl",
        "/api/runs/r1%0a/log/raw.orders",
        "/api/why/%1b%5b2J",
        "//etc/passwd",
        "/static/../sqlpipe.yml",
        "/api/runs/",
        "/healthz/",
        "/api",
        "/",
    ],
)
def test_paths_lead_nowhere_else(path: str) -> None:
    answer = served().client.get(path)
    assert (answer.status_code, code(answer)) == (404, "SP645")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
def test_other_ways_to_ask_are_told(method: str) -> None:
    answer = served().client.request(method, "/api/status")
    assert (answer.status_code, code(answer)) == (405, "SP645")
    assert "GET" in answer.headers["allow"]


def test_every_answer_is_sealed() -> None:
    here = served()
    here.office.pieces = [Piece(ended=True)]
    for path in ("/api/runs", "/metrics", "/nothing", "/api/runs?x=1", "/api/runs/r1/log/raw.orders/stream"):
        headers = here.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


# Secrets


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(secret, "_given", set())
    word = 'canary "with" \\ ünïcode/7'
    keep_secret([word, TOKEN])
    return word


def test_no_answer_has_a_secret_in_it(canary: str) -> None:
    here = served()
    here.office.secret = f"before {canary} after"
    here.office.pieces = [
        Piece(({"offset": 1, "text": canary, "rest": {canary: [canary, Secret("hunter22")]}},), ended=True)
    ]
    for route in API:
        asked = {"/api/show": "?node=raw.orders", "/api/query": "?sql=select" * (route.method == "GET")}
        address = filled(route.path) + asked.get(route.path, "")
        body = {"/mark": {"state": "done"}, "query": {"sql": "select 1"}}.get(route.path[-5:], {})
        answer = here.post(address, body) if route.method == "POST" else here.get(address)
        assert answer.status_code == 200
        for spelled in (
            canary,
            json.dumps(canary)[1:-1],
            json.dumps(canary, ensure_ascii=False)[1:-1],
            "hunter22",
            TOKEN,
        ):
            assert spelled not in answer.text, route.path


def test_a_bug_shows_nothing_of_itself(canary: str, capsys: pytest.CaptureFixture[str]) -> None:
    here = served()
    here.office.wrong = RuntimeError(f"no connection with {canary}")
    answer = here.get("/api/runs")
    assert (answer.status_code, code(answer)) == (500, "SP646")
    assert "connection" not in answer.text
    told = capsys.readouterr().err
    assert "RuntimeError: no connection with" in told
    assert canary not in told


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr("sqlpipe.web.guard.hmac.compare_digest", compare)
    assert served().post("/api/runs/r1/cancel").status_code == 401
    assert set(compared) == {(TOKEN.encode(), TOKEN.encode())}
