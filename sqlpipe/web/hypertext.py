"""Answers for people: pages as HTML, sealed against scripts of strangers, and what is wrong as such a page."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from sqlpipe.web.access import Access, Role
from sqlpipe.web.answer import complaint
from sqlpipe.web.links import ServedLinks
from sqlpipe.web.navigation import navigation
from sqlpipe.web.page import environment
from sqlpipe.web.pages.every import BY_NAME
from sqlpipe.web.route import House
from sqlpipe.web.scene import Scene

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

_SEALS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Vary": "Cookie",
}


def hypertext(text: str, status: int = 200) -> Response:
    """A page as an answer."""
    return Response(text.encode("utf-8", "replace"), status, _SEALS, media_type="text/html")


def wants_pages(headers: Headers) -> bool:
    """Whether it is a browser that asks on behalf of a person."""
    return "text/html" in headers.get("accept", "")


def seen_by(house: House, headers: Headers, here: str) -> Scene:
    """What pages are made from for the one who asks."""
    assert house.scene is not None, "the house has no pages"
    role = house.policy.role(headers)
    signed_in = house.policy.session(headers) is not None if house.policy.tokens else None
    scene = house.scene(role.may(Access.WRITE))
    return replace(scene, links=ServedLinks(BY_NAME, here), role=role.value, signed_in=signed_in)


def refused(house: House, request: Request, error: Exception) -> Response:
    """What is wrong, for people; those who have no right to see a page are led to where they get one."""
    plain = complaint(error)
    here = f"{request.url.path}?{request.url.query}".removesuffix("?")
    if plain.status_code == HTTPStatus.UNAUTHORIZED and house.policy.tokens and request.method == "GET":
        return RedirectResponse(f"/login?{urlencode({'next': here})}", HTTPStatus.SEE_OTHER)
    scene = _scene_or_none(house, request.headers, here)
    links = ServedLinks(BY_NAME, here)
    text = (
        environment()
        .get_template("refused.html")
        .render(
            page=None,
            place="",
            scene=scene,
            links=links,
            navigation=partial(navigation, scene, "") if scene else None,
            status=plain.status_code,
            diagnostics=json.loads(bytes(plain.body))["diagnostics"],
        )
    )
    return hypertext(text, plain.status_code)


def _scene_or_none(house: House, headers: Headers, here: str) -> Scene | None:
    """What pages are made from; nothing for strangers, and where that is what went wrong."""
    if house.scene is None or house.policy.role(headers) is Role.STRANGER:
        return None
    try:
        return seen_by(house, headers, here)
    except Exception:  # noqa: BLE001 - what went wrong is told already
        return None
