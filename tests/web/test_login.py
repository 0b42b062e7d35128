"""Signing in with a browser: who may do what, cookies that cannot be forged, pages of strangers that get nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.load.secret import Secret
from sqlpipe.web import guesses
from sqlpipe.web.access import Access, Role
from sqlpipe.web.guard import Policy
from sqlpipe.web.guesses import Guesses
from sqlpipe.web.login import local
from sqlpipe.web.session import LASTS, Sessions
from tests.web.fake_office import TOKEN, Served, served
from tests.web.gallery import Gallery

VIEWER = "a-token-of-viewers-long-enough"
TOKENS = {Role.OPERATOR: Secret(TOKEN), Role.VIEWER: Secret(VIEWER)}
NOW = datetime(2026, 3, 3, 7, tzinfo=UTC)
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8713"}
READERS = {"Accept": "text/html"}


@pytest.fixture
def here() -> Served:
    """A server in the network with both tokens."""
    return served(viewer=Secret(VIEWER), loopback=False)


def signed_in(here: Served, token: str) -> dict[str, str]:
    """The headers of a browser that has signed in."""
    answer = here.client.post("/login", json={"token": token})
    assert answer.status_code == 200, answer.text
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def said(answer: httpx.Response) -> str:
    return str(answer.json()["diagnostics"][0]["message"])


# As whom one comes


@pytest.mark.parametrize(
    ("policy", "role"),
    [
        (Policy(), Role.VIEWER),
        (Policy(local_writes=True), Role.OPERATOR),
        (Policy(local_writes=True, token=Secret(TOKEN)), Role.VIEWER),
        (Policy(loopback=False, local_writes=True, public_read=True), Role.PUBLIC),
        (Policy(loopback=False, token=Secret(TOKEN)), Role.STRANGER),
    ],
)
def test_who_says_nothing_comes_as_the_policy_says(policy: Policy, role: Role) -> None:
    assert policy.anonymous is role
    assert policy.role(Headers({})) is role


def test_the_public_reads_pages_but_asks_no_queries() -> None:
    here = served(token=Secret(), loopback=False, public_read=True)
    assert here.get("/api/runs").status_code == 200
    assert here.get("/api/query?sql=select").status_code == 401
    assert [each[0] for each in here.office.asked] == ["runs"]


def test_viewers_read_and_ask_and_change_nothing(here: Served) -> None:
    bearer = {"Authorization": f"Bearer {VIEWER}"}
    assert here.get("/api/runs", **bearer).status_code == 200
    assert here.get("/api/query?sql=select", **bearer).status_code == 200
    refused = here.client.post("/api/runs/r1/cancel", json={}, headers=bearer)
    assert (refused.status_code, said(refused)) == (403, "with the token of viewers nothing is changed")
    assert "cancel" not in {each[0] for each in here.office.asked}


@pytest.mark.parametrize(
    "policy",
    [
        Policy(viewer=Secret("short")),
        Policy(token=Secret(TOKEN), viewer=Secret(TOKEN)),
    ],
)
def test_a_token_of_viewers_that_is_no_secret_is_told(policy: Policy) -> None:
    with pytest.raises(SqlpipeError, match="SP641"):
        policy.require_safe("127.0.0.1")


def test_a_token_of_viewers_is_enough_to_listen_elsewhere() -> None:
    Policy(viewer=Secret(VIEWER), loopback=False).require_safe("0.0.0.0")


# Signing in


@pytest.mark.parametrize(("token", "role"), [(TOKEN, "operator"), (VIEWER, "viewer")])
def test_one_signs_in_with_either_token(here: Served, token: str, role: str) -> None:
    answer = here.client.post("/login", json={"token": f" {token} ", "next": "/runs?state=failed"})
    assert answer.json() == {"role": role, "next": "/runs?state=failed"}
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert token not in cookie
    assert "Secure" not in cookie


@pytest.mark.parametrize("header", [{"Origin": "https://pipes.example"}, {"X-Forwarded-Proto": "https"}])
def test_behind_tls_the_cookie_is_for_tls_only(here: Served, header: dict[str, str]) -> None:
    assert "; Secure" in here.client.post("/login", json={"token": TOKEN}, headers=header).headers["set-cookie"]


@pytest.mark.parametrize(
    "token", ["", "wrong", TOKEN[:-1], TOKEN.upper(), "é\ud800".encode("utf-8", "replace").decode()]
)
def test_a_wrong_token_signs_nobody_in(here: Served, token: str) -> None:
    answer = here.client.post("/login", json={"token": token})
    assert answer.status_code in {400, 401}
    assert "set-cookie" not in answer.headers


def test_forms_of_strangers_cannot_sign_anybody_in(here: Served) -> None:
    answer = here.client.post("/login", content=f"token={TOKEN}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_after_ten_wrong_tokens_one_waits_and_others_do_not(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10):
        assert here.client.post("/login", json={"token": "wrong"}).status_code == 401
    assert here.client.post("/login", json={"token": TOKEN}).status_code == 429
    assert here.house.guesses.may("10.0.0.1")
    assert here.get("/api/runs", Authorization=f"Bearer {TOKEN}").status_code == 200
    later = monotonic() + 61
    monkeypatch.setattr(guesses, "monotonic", lambda: later)
    assert here.client.post("/login", json={"token": TOKEN}).status_code == 200


def test_wrong_tokens_from_everywhere_do_not_fill_the_memory() -> None:
    counted = Guesses()
    for number in range(3000):
        counted.note(f"10.0.{number // 256}.{number % 256}")
    assert len(counted._wrong) == 1000


def test_where_there_is_no_token_nobody_signs_in() -> None:
    here = served(token=Secret())
    assert here.client.post("/login", json={"token": ""}).status_code in {400, 404}
    assert here.client.post("/login", json={"token": "x"}).status_code == 404


# With a session


def test_with_a_session_of_a_viewer_one_reads_and_asks_only(here: Served) -> None:
    browser = signed_in(here, VIEWER)
    assert here.get("/api/runs").status_code == 401
    assert here.get("/api/runs", **browser).status_code == 200
    assert here.get("/api/query?sql=select", **browser).status_code == 200
    refused = here.client.post("/api/runs/r1/cancel", json={}, headers={**browser, **OWN})
    assert refused.status_code == 403
    assert here.get("/api/session", **browser).json()["role"] == "viewer"


def test_what_an_operator_does_in_a_browser_is_noted_so(here: Served) -> None:
    browser = signed_in(here, TOKEN)
    assert here.client.post("/api/runs/r1/cancel", json={}, headers={**browser, **OWN}).status_code == 200
    assert here.office.asked[-1] == ("cancel", "r1", "web operator 10.9.8.7")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8713"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:9999"},
    ],
)
def test_with_a_session_only_pages_of_this_server_write(here: Served, headers: dict[str, str]) -> None:
    browser = signed_in(here, TOKEN)
    answer = here.client.post("/api/runs/r1/cancel", json={}, headers={**browser, **headers})
    assert answer.status_code == 403
    assert here.office.asked == []


def test_pages_of_strangers_do_not_write_where_programs_of_this_machine_may() -> None:
    here = served(token=Secret(), local_writes=True)
    answer = here.client.post("/api/runs/r1/cancel", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert here.client.post("/api/runs/r1/cancel", json={}, headers=OWN).status_code == 200
    assert here.office.asked[-1][-1] == "web operator 10.9.8.7"


def test_signing_out_takes_the_cookie_back(here: Served) -> None:
    browser = signed_in(here, TOKEN)
    answer = here.client.post("/logout", json={}, headers=browser)
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert answer.headers["set-cookie"].startswith(browser["Cookie"].partition("=")[0])


def test_another_token_ends_all_sessions(here: Served) -> None:
    browser = signed_in(here, TOKEN)
    changed = served(token=Secret(f"{TOKEN}-of-tomorrow"), viewer=Secret(VIEWER), loopback=False)
    assert changed.get("/api/runs", **browser).status_code == 401


# Cookies


def cookie_of(sessions: Sessions, role: Role) -> str:
    return sessions.begun(role, NOW, secure=False).partition(";")[0]


def test_a_session_ends_when_its_time_is_over() -> None:
    sessions = Sessions(TOKENS)
    cookie = cookie_of(sessions, Role.VIEWER)
    assert sessions.role(cookie, NOW + LASTS - timedelta(seconds=1)) is Role.VIEWER
    assert sessions.role(cookie, NOW + LASTS) is None


def test_a_viewer_cannot_make_an_operator_of_the_cookie() -> None:
    sessions = Sessions(TOKENS)
    cookie = cookie_of(sessions, Role.VIEWER)
    assert sessions.role(cookie.replace("viewer", "operator"), NOW) is None
    until = cookie.split(".")[1]
    assert sessions.role(cookie.replace(until, str(int(until) + 1)), NOW) is None
    assert sessions.role(cookie[:-1], NOW) is None
    assert sessions.role(cookie, NOW) is Role.VIEWER


@given(st.text(max_size=80))
def test_whatever_stands_in_a_cookie_is_nobody(text: str) -> None:
    sessions = Sessions(TOKENS)
    name = cookie_of(sessions, Role.VIEWER).partition("=")[0]
    for value in (text, f"viewer.{text}", f"viewer.99999999999.{text}", f"viewer.{text}.{'0' * 64}"):
        assert sessions.role(f"{name}={value}", NOW) is None
        assert sessions.role(value, NOW) is None


def test_cookies_of_other_servers_do_not_matter() -> None:
    sessions = Sessions(TOKENS)
    cookie = cookie_of(sessions, Role.OPERATOR)
    assert sessions.role(f"a=1; {cookie}; sqlpipe_ffffffff=x", NOW) is Role.OPERATOR
    assert cookie_of(Sessions({Role.OPERATOR: Secret("x" * 20)}), Role.OPERATOR).partition("=")[0] not in cookie


# Where one is led


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "evil",
        "",
        "/a\nb",
        "javascript:x",
        "/\t/evil.example",
        "/login?next=/login",
        "/a\\b",
    ],
)
def test_after_signing_in_one_is_led_nowhere_else(here: Served, address: str) -> None:
    assert local(address) == "/"
    answer = here.client.post("/login", json={"token": TOKEN, "next": address})
    assert answer.json()["next"] == "/"


@given(st.text(max_size=30))
def test_where_one_is_led_is_always_here(text: str) -> None:
    joined = httpx.URL("http://127.0.0.1:8713/login").join(local(text).encode("ascii", "replace").decode())
    assert (joined.scheme, joined.host, joined.port) == ("http", "127.0.0.1", 8713)


@pytest.fixture(scope="module")
def guarded(gallery: Gallery) -> Gallery:
    """The pages of a server in the network with both tokens."""
    return Gallery(gallery.project, policy=Policy(token=Secret(TOKEN), viewer=Secret(VIEWER), loopback=False))


def test_strangers_are_led_to_where_they_sign_in_and_learn_nothing(guarded: Gallery) -> None:
    answer = guarded.get("/search?q=a b", **READERS)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fsearch%3Fq%3Da%2520b"
    page = guarded.get(answer.headers["location"])
    assert page.status_code == 200
    assert 'data-next="/search?q=a%20b"' in page.text
    assert "shop" not in page.text
    assert "revenue" not in guarded.get("/nothing", **READERS).text
    assert guarded.get("/search.json").status_code == 401


@pytest.mark.parametrize(("token", "role"), [(TOKEN, "operator"), (VIEWER, "viewer")])
def test_pages_say_as_whom_one_sees_them(guarded: Gallery, token: str, role: str) -> None:
    cookie = guarded.post("/login", {"token": token}).headers["set-cookie"].partition(";")[0]
    text = guarded.get("/patterns", Cookie=cookie).text
    assert f"<span>{role}</span>" in text
    assert "data-sign-out" in text
    assert guarded.get("/login?next=/runs", Cookie=cookie).headers["location"] == "/runs"


def test_the_public_is_offered_to_sign_in(gallery: Gallery) -> None:
    policy = Policy(token=Secret(TOKEN), loopback=False, public_read=True)
    text = Gallery(gallery.project, policy=policy).html("/patterns")
    assert 'href="/login"' in text
    assert ">Query<" not in text


def test_every_way_in_is_described(here: Served) -> None:
    described: dict[str, Any] = here.get("/openapi.json", Authorization=f"Bearer {VIEWER}").json()["paths"]
    assert {"/login", "/logout", "/api/session"} <= set(described)
    assert "security" not in described["/login"]["post"]
    assert [each for each in Access if not Role.STRANGER.may(each)] == [Access.READ, Access.ASK, Access.WRITE]
