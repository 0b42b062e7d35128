"""Signing in and out with a browser: a token is given once, and a cookie remembers as whom one comes."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from sqlpipe.web.access import Access, Role
from sqlpipe.web.answer import Refusal, answer
from sqlpipe.web.hypertext import hypertext, refused
from sqlpipe.web.links import ServedLinks
from sqlpipe.web.page import environment
from sqlpipe.web.pages.every import BY_NAME
from sqlpipe.web.route import Ask, House, Route
from sqlpipe.web.session import Sessions
from sqlpipe.web.word import Word


def _form(house: House, ask: Ask) -> Response:
    _require_tokens(house)
    then = local(ask["next"])
    if house.policy.session(ask.headers) is not None:
        return RedirectResponse(then, HTTPStatus.SEE_OTHER)
    return hypertext(environment().get_template("login.html").render(links=ServedLinks(BY_NAME), next=then))


def _sign_in(house: House, ask: Ask) -> Response:
    _require_tokens(house)
    address = ask.who.rpartition(" ")[2]
    if not house.guesses.may(address):
        raise Refusal(429, "SP643", "too many tokens were wrong", "try again in a minute")
    role = house.policy.role_of(ask["token"])
    if role is None:
        house.guesses.note(address)
        raise Refusal(401, "SP643", "the token is not the one of this server")
    cookie = Sessions(house.policy.tokens).begun(role, datetime.now(UTC), secure=_is_secure(ask))
    return answer({"role": role, "next": local(ask["next"])}, headers={"Set-Cookie": cookie})


def _sign_out(house: House, ask: Ask) -> Response:
    cookie = Sessions(house.policy.tokens).ended(secure=_is_secure(ask))
    return answer({"role": house.policy.anonymous}, headers={"Set-Cookie": cookie})


def _who(house: House, ask: Ask) -> object:
    """As whom one comes: a page to which a link of another site leads has no cookies yet, but its script has."""
    role = house.policy.role(ask.headers)
    return {
        "role": role,
        "signed_in": house.policy.session(ask.headers) is not None,
        "known": role is not Role.STRANGER,
    }


def _require_tokens(house: House) -> None:
    if not house.policy.tokens:
        help = "start it with SQLPIPE_TOKEN or SQLPIPE_VIEWER_TOKEN"
        raise Refusal(404, "SP645", "nobody signs in here: the server has no token", help)


def _is_secure(ask: Ask) -> bool:
    """Whether the browser asks over TLS, which a proxy before this server has taken off."""
    origin = ask.headers.get("origin", "")
    return origin.startswith("https://") or ask.headers.get("x-forwarded-proto", "") == "https"


def local(address: str) -> str:
    r"""An address of this server to go to next; the first page in place of one that leads elsewhere.

    >>> local("/runs?state=failed"), local("//evil.example"), local("https://evil.example"), local("/\\evil.example")
    ('/runs?state=failed', '/', '/', '/')
    """
    leads_away = not address.startswith("/") or address[1:2] in {"/", "\\"} or not address.isprintable()
    return "/" if leads_away or "\\" in address or address.startswith("/login") else address


_NEXT = Word("next", "Where to go then: an address of this server.", default="/")

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="/login", says="Where a person signs in.", answer=_form, access=Access.OPEN,
        query=(_NEXT,), media="text/html", refuse=refused,
    ),
    Route(
        method="POST", path="/login", says="Sign in: a browser gets a cookie for a token.", answer=_sign_in,
        access=Access.OPEN, body=(Word("token", "The token of operators or of viewers.", required=True), _NEXT),
    ),
    Route(method="POST", path="/logout", says="Sign out.", answer=_sign_out, access=Access.OPEN),
    Route(method="GET", path="/api/session", says="As whom one comes.", answer=_who, access=Access.OPEN),
)  # fmt: skip
