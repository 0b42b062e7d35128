"""Routes: what can be asked under which address, told as data by which requests are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route as Address

from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.web.access import Access
from sqlpipe.web.answer import Refusal, answer, complaint
from sqlpipe.web.contract import Office, Scheduling
from sqlpipe.web.guard import Policy
from sqlpipe.web.guesses import Guesses
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.requests import Request

MOST_BODY = 64 * 1024
MOST_STREAMS = 32
STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Ask:
    """What was asked: the values by name, who asks, the headers, and the path with its query."""

    values: Mapping[str, Any]
    who: str
    headers: Headers
    here: str = "/"

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class House:
    """What routes have at hand.

    `stopping` tells whether the server was asked to end, `closing` whether it goes away now; `streams` is how many
    logs may still be followed. `scene` is what pages are made from, for one who may act or not. `guesses` are wrong
    tokens that were given lately.
    """

    office: Office
    scheduler: Scheduling
    policy: Policy
    stopping: Callable[[], bool] = field(default=lambda: False)
    closing: Callable[[], bool] = field(default=lambda: False)
    scene: Callable[[bool], Scene] | None = None
    guesses: Guesses = field(default_factory=Guesses)
    streams: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_STREAMS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing that can be asked.

    `answer` is called on a thread of its own; what it returns becomes JSON, unless it is a response already. `body`
    are the members of the JSON object that is sent; with `whole` the object itself is the value of that name. With
    `rest` whatever else the query holds is the value of that name, by its own names. `refuse` tells what went wrong.
    """

    method: str
    path: str
    says: str
    answer: Callable[[House, Ask], object]
    access: Access = Access.READ
    within: tuple[Word, ...] = ()
    query: tuple[Word, ...] = ()
    body: tuple[Word, ...] = ()
    whole: str = ""
    rest: str = ""
    media: str = "application/json"
    refuse: Callable[[House, Request, Exception], Response] = lambda _house, _request, error: complaint(error)


def addressed(route: Route, house: House) -> Address:
    """The route as the server takes it."""

    async def answered(request: Request) -> Response:
        try:
            house.policy.admit(request.headers, route.access)
            values = {**_within(route, request), **_query(route, request), **await _body(route, request)}
            here = f"{request.url.path}?{request.url.query}".removesuffix("?")
            ask = Ask(values, _who(house, request), request.headers, here)
            return await run_in_threadpool(_answer, route, house, ask)
        except Exception as error:  # noqa: BLE001 - told as an answer, or as our bug to the operator
            return await run_in_threadpool(route.refuse, house, request, error)

    address = Address(route.path, answered, methods=[route.method], name=f"{route.method} {route.path}")
    if route.media == STREAM and address.methods is not None:
        # Nobody who only wants the head of a stream would ever close it.
        address.methods.discard("HEAD")
    return address


def _who(house: House, request: Request) -> str:
    """Who asks, as it is noted with what they do: browsers say which site they come from, programs do not."""
    client = request.client.host if request.client else "?"
    if "sec-fetch-site" in request.headers or house.policy.session(request.headers):
        return f"web {house.policy.role(request.headers).value} {client}"
    return f"api {client}"


def _answer(route: Route, house: House, ask: Ask) -> Response:
    """The answer; to spell out a large one takes time as well, so that it is done beside the others."""
    found = route.answer(house, ask)
    if route.access is Access.WRITE:
        house.scheduler.rouse()
    return found if isinstance(found, Response) else answer(found)


def _within(route: Route, request: Request) -> dict[str, object]:
    """The values in the path; a name may hold whatever the table that it names does, spelled with `%`."""
    found: dict[str, object] = {}
    for word in route.within:
        text = str(request.path_params[word.name])
        if not text.isprintable():
            raise Refusal(404, "SP645", f"there is no {word.name} of that name")
        found[word.name] = text
    return found


def _query(route: Route, request: Request) -> dict[str, object]:
    given = request.query_params
    known = {word.name: _value(word, given.get(word.name)) for word in route.query}
    others = {name: text for name, text in given.items() if name not in known}
    if route.rest:
        return {**known, route.rest: others}
    if others:
        unknown = next(iter(others))
        raise Refusal(400, "SP644", f"unknown parameter `{unknown}`", did_you_mean(unknown, list(known)))
    return known


async def _body(route: Route, request: Request) -> dict[str, object]:
    if route.method != "POST":
        return {}
    media = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media != "application/json":
        # A form of a stranger's page could be sent without the browser asking; JSON cannot.
        raise Refusal(415, "SP644", "a request that changes something is JSON", "send `Content-Type: application/json`")
    given = _object(await _bytes(request))
    if route.whole:
        return {route.whole: given}
    unknown = next((each for each in given if each not in {word.name for word in route.body}), None)
    if unknown is not None:
        help = did_you_mean(unknown, [each.name for each in route.body])
        raise Refusal(400, "SP644", f"unknown member `{unknown}`", help)
    return {word.name: _member(word, given.get(word.name)) for word in route.body}


async def _bytes(request: Request) -> bytes:
    """The body, of which no more is read than may be."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise Refusal(413, "SP644", f"the body is larger than {MOST_BODY // 1024} KiB")
    return body


def _object(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body.decode("utf-8")) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "SP644", "the body is not JSON") from error
    if not isinstance(given, dict):
        raise Refusal(400, "SP644", "the body is not a JSON object")
    return given


def _value(word: Word, text: str | None) -> object:
    """The value that a text of the query stands for."""
    if text is None or text == "":
        if word.required:
            raise Refusal(400, "SP644", f"`{word.name}` is missing")
        return word.default
    if word.type is int:
        # A number of thousands of digits would keep a thread busy.
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(word.most))):
            raise Refusal(400, "SP644", f"`{word.name}` is not a number from {word.least} to {word.most}")
        return _bounded(word, int(text))
    if word.type is datetime:
        return _moment(word, text)
    return _text(word, text)


def _member(word: Word, given: object) -> object:
    """The value of a member of the body."""
    if given is None:
        return _value(word, None)
    if word.type is list and isinstance(given, list) and all(isinstance(each, str) for each in given):
        return given
    if word.type is bool and isinstance(given, bool):
        return given
    if word.type in (list, bool) or isinstance(given, bool) or not isinstance(given, str | int):
        raise Refusal(400, "SP644", f"`{word.name}` is not of the right type")
    return _value(word, str(given))


def _bounded(word: Word, number: int) -> int:
    if not word.least <= number <= word.most:
        raise Refusal(400, "SP644", f"`{word.name}` is not a number from {word.least} to {word.most}")
    return number


def _moment(word: Word, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refusal(400, "SP644", f"`{word.name}` is not a date or time such as 2026-10-25T02:00Z") from error


def _text(word: Word, text: str) -> str:
    if word.among and text not in word.among:
        help = did_you_mean(text, word.among) or f"it is one of {', '.join(word.among)}"
        raise Refusal(400, "SP644", f"`{text}` is no {word.name}", help)
    return text
