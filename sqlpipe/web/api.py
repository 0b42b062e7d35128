"""The table of what the server can be asked, and the application made of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount

from sqlpipe import __version__
from sqlpipe.app.asking import FORMATS, MOST_SAVED, MOST_SHOWN
from sqlpipe.domain.journal import RunState
from sqlpipe.store.book import JournalAway
from sqlpipe.web import login, metrics
from sqlpipe.web.access import Access
from sqlpipe.web.answer import Refusal, answer, complaint
from sqlpipe.web.guard import Guard
from sqlpipe.web.health import examine
from sqlpipe.web.hypertext import refused, wants_pages
from sqlpipe.web.openapi import described
from sqlpipe.web.route import STREAM, Ask, House, Route, addressed
from sqlpipe.web.showing import routes
from sqlpipe.web.storeroom import Storeroom
from sqlpipe.web.stream import Stream
from sqlpipe.web.word import Word

if TYPE_CHECKING:
    from starlette.requests import Request

_LAST_SEEN = re.compile(r"(?P<attempt>\d{1,15}):(?P<after>\d{1,15})")


def application(house: House) -> Starlette:
    """Everything that is served."""

    async def nothing_there(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(_nothing_there, house, request, error)

    # What is followed is not packed: it is to arrive at once.
    packing = Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    there = ROUTES if house.scene is not None else (*API, *login.ROUTES)
    built = Starlette(
        routes=[*(addressed(each, house) for each in there), Mount("/static", Storeroom())],
        middleware=[Middleware(Guard, policy=house.policy), packing],
        exception_handlers={HTTPException: nothing_there},
    )
    built.router.redirect_slashes = False
    return built


def _nothing_there(house: House, request: Request, error: Exception) -> Response:
    """What the router finds no route for."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004 - a status
        wrong = complaint(Refusal(405, "SP645", f"{request.url.path} does not take {request.method}"))
        wrong.headers.update(error.headers or {})
        return wrong
    missing = Refusal(error.status_code, "SP645", "there is nothing here", "`/openapi.json` tells what there is")
    return refused(house, request, missing) if wants_pages(request.headers) else complaint(missing)


# Health


def _alive(_house: House, _ask: Ask) -> object:
    return {"alive": True, "version": __version__}


def _ready(house: House, ask: Ask) -> object:
    health = examine(house.scheduler)
    reasons = ("the server is stopping",) if house.stopping() else health.reasons
    told: dict[str, object] = {"ready": not reasons, "role": health.role}
    if house.policy.role(ask.headers).may(Access.READ):
        told["reasons"] = list(reasons)
    return answer(told, 503 if reasons else 200)


def _figures(house: House, _ask: Ask) -> object:
    try:
        return Response(metrics.exposition(house.scheduler.status()), media_type=metrics.MEDIA)
    except JournalAway:
        return Response(metrics.exposition(None), media_type=metrics.MEDIA)


def _status(house: House, _ask: Ask) -> object:
    health = examine(house.scheduler)
    return {"version": __version__, "role": health.role, "reasons": health.reasons, "scheduler": health.status}


def _description(_house: House, _ask: Ask) -> object:
    return described(ROUTES, __version__)


# Reading


def _runs(house: House, ask: Ask) -> object:
    states = [ask["state"]] if ask["state"] else []
    return {
        "runs": house.office.runs(
            pipeline=ask["pipeline"], states=states, limit=ask["limit"], before=ask["before"] or ""
        )
    }


def _run(house: House, ask: Ask) -> object:
    return house.office.run(ask["run"])


def _log(house: House, ask: Ask) -> object:
    name = house.office.find_log(ask["run"], ask["node"], ask["item"], ask["attempt"])
    piece = house.office.log(name, ask["after"])
    return {"attempt": name.attempt, "ended": piece.ended, "lines": piece.lines}


def _follow(house: House, ask: Ask) -> object:
    attempt, after = _seen(ask)
    return Stream(house, house.office.find_log(ask["run"], ask["node"], ask["item"], attempt), after)


def _seen(ask: Ask) -> tuple[int | None, int]:
    """The attempt that is followed and how far it has been read: a reader that was cut off says so itself."""
    last = _LAST_SEEN.fullmatch(ask.headers.get("last-event-id", "").strip())
    if last is None or ask["attempt"] not in {None, int(last["attempt"])}:
        return ask["attempt"], ask["after"]
    return int(last["attempt"]), int(last["after"])


def _pipelines(house: House, _ask: Ask) -> object:
    return {"pipelines": house.office.pipelines()}


def _schedule(house: House, ask: Ask) -> object:
    around: datetime | None = ask["around"]
    return {"schedule": house.office.schedule(around, ask["limit"])}


def _why(house: House, ask: Ask) -> object:
    return house.office.why(ask["node"])


def _deeds(house: House, ask: Ask) -> object:
    return {"deeds": house.office.deeds(ask["limit"])}


def _rows(house: House, ask: Ask) -> object:
    return house.office.rows(ask["node"], ask["limit"])


def _ask(house: House, ask: Ask) -> object:
    if ask["format"] is None:
        return house.office.ask(ask["sql"], ask["limit"])
    saved = house.office.save(ask["sql"], ask["format"])
    headers = {"Content-Disposition": f'attachment; filename="{saved.name}"'}
    headers |= {"X-Sqlpipe-More": "rows are left out"} if saved.more else {}
    return Response(saved.content, media_type=saved.media, headers=headers)


# Writing


def _enqueue(house: House, ask: Ask) -> object:
    select, exclude = ask["select"] or (), ask["exclude"] or ()
    return {"done": house.office.enqueue(select, exclude, full_refresh=bool(ask["full_refresh"]), who=ask.who)}


def _cancel(house: House, ask: Ask) -> object:
    return {"done": house.office.cancel(ask["run"], who=ask.who)}


def _retry(house: House, ask: Ask) -> object:
    return {"done": house.office.retry(ask["run"], who=ask.who)}


def _mark(house: House, ask: Ask) -> object:
    return {"done": house.office.mark(ask["run"], ask["node"], ask["state"], who=ask.who, reason=ask["reason"])}


def _trigger(house: House, ask: Ask) -> object:
    return {"done": house.office.trigger(ask["name"], who=ask.who)}


def _pause(house: House, ask: Ask) -> object:
    return {"done": house.office.pause(ask["name"], who=ask.who, reason=ask["reason"])}


def _resume(house: House, ask: Ask) -> object:
    return {"done": house.office.resume(ask["name"], who=ask.who)}


def _announce(house: House, ask: Ask) -> object:
    return {"done": house.office.announce(ask["name"], ask["facts"], who=ask.who)}


_RUN = Word("run", "The id of a run, or how it begins.")
_NODE = Word("node", "The name of a node.")
_PIPELINE = Word("name", "The name of a pipeline.")
_LIMIT = Word("limit", "How many at most.", int, default=50, least=1, most=1000)
_OF_A_LOG = (
    Word("attempt", "The number of the try, from 1 (0 for the looks of a sensor); the latest unless given.", int),
    Word("item", "The number of the item, from 0, where a task has fanned out.", int, default=-1),
    Word("after", "The offset behind which to begin.", int, default=0),
)
_REASON = Word("reason", "Why; kept with the deed.", default="")
_OF_A_QUERY = (
    Word("sql", "The query: it reads tables and views of the database, and nothing else.", required=True),
    Word("limit", "How many rows at most.", int, default=MOST_SHOWN, least=1, most=MOST_SHOWN),
    Word("format", f"As a file, of up to {MOST_SAVED} rows.", among=FORMATS),
)
_A_RUN = "/api/runs/{run}"
_A_LOG = "/api/runs/{run}/log/{node}"

API: tuple[Route, ...] = (
    Route(method="GET", path="/healthz", says="Whether the process lives.", answer=_alive, access=Access.OPEN),
    Route(method="GET", path="/readyz", says="Whether it can work; 503 where not.", answer=_ready, access=Access.OPEN),
    Route(method="GET", path="/metrics", says="Figures for Prometheus.", answer=_figures, media="text/plain"),
    Route(method="GET", path="/openapi.json", says="This description.", answer=_description),
    Route(method="GET", path="/api/status", says="How the scheduler is.", answer=_status),
    Route(
        method="GET", path="/api/runs", says="Runs, newest first.", answer=_runs,
        query=(
            Word("pipeline", "Only those of this pipeline."),
            Word("state", "Only those in this state.", among=tuple(each.value for each in RunState)),
            _LIMIT,
            Word("before", "Only those older than the run with this id."),
        ),
    ),
    Route(method="GET", path=_A_RUN, says="A run, its nodes and its attempts.", answer=_run, within=(_RUN,)),
    Route(
        method="GET", path=_A_LOG, says="The log of a try at a node.", answer=_log,
        within=(_RUN, _NODE), query=_OF_A_LOG,
    ),
    Route(
        method="GET", path=f"{_A_LOG}/stream", says="The log of a try at a node as it is written.", answer=_follow,
        within=(_RUN, _NODE), query=_OF_A_LOG, media=STREAM,
    ),
    Route(method="GET", path="/api/pipelines", says="The pipelines and when they are due.", answer=_pipelines),
    Route(
        method="GET", path="/api/schedule", says="What is due around an instant.", answer=_schedule,
        query=(
            Word("around", "The instant; now unless given.", datetime),
            Word("limit", "How many for each pipeline.", int, default=10, least=1, most=200),
        ),
    ),
    Route(
        method="GET", path="/api/why/{node}", says="Why a node runs or does not.", answer=_why, within=(_NODE,)
    ),
    Route(method="GET", path="/api/deeds", says="Who did what, latest first.", answer=_deeds, query=(_LIMIT,)),
    Route(
        method="GET", path="/api/show", says="Some rows of a node.", answer=_rows,
        query=(
            Word("node", "The name of a node.", required=True),
            Word("limit", "How many rows at most.", int, default=20, least=1, most=1000),
        ),
    ),
    Route(
        method="GET", path="/api/query", says="The answer to a query.", answer=_ask,
        access=Access.ASK, query=_OF_A_QUERY,
    ),
    Route(
        method="POST", path="/api/query", says="The answer to a query that is too long for an address.", answer=_ask,
        access=Access.ASK, body=_OF_A_QUERY,
    ),
    Route(
        method="POST", path="/api/runs", says="Run some nodes now, all of them unless told.", answer=_enqueue,
        access=Access.WRITE,
        body=(
            Word("select", "The nodes, as `-s` takes them.", list),
            Word("exclude", "Those that are left out, as `-x` takes them.", list),
            Word("full_refresh", "Build them anew, whatever has changed.", bool, default=False),
        ),
    ),
    Route(
        method="POST", path=f"{_A_RUN}/cancel", says="Stop a run.", answer=_cancel,
        access=Access.WRITE, within=(_RUN,),
    ),
    Route(
        method="POST", path=f"{_A_RUN}/retry", says="Do again what went wrong in a run.", answer=_retry,
        access=Access.WRITE, within=(_RUN,),
    ),
    Route(
        method="POST", path=f"{_A_RUN}/nodes/{{node}}/mark", says="Have a node count as done or failed.",
        answer=_mark, access=Access.WRITE, within=(_RUN, _NODE),
        body=(Word("state", "What it counts as.", required=True, among=("done", "failed")), _REASON),
    ),
    Route(
        method="POST", path="/api/pipelines/{name}/trigger", says="Run a pipeline now.", answer=_trigger,
        access=Access.WRITE, within=(_PIPELINE,),
    ),
    Route(
        method="POST", path="/api/pipelines/{name}/pause", says="Have a pipeline not start by itself.",
        answer=_pause, access=Access.WRITE, within=(_PIPELINE,), body=(_REASON,),
    ),
    Route(
        method="POST", path="/api/pipelines/{name}/resume", says="Have a pipeline start by itself again.",
        answer=_resume, access=Access.WRITE, within=(_PIPELINE,),
    ),
    Route(
        method="POST", path="/api/events/{name}", says="Tell of an event; the body is what is known of it.",
        answer=_announce, access=Access.WRITE, within=(Word("name", "The name of the event."),), whole="facts",
    ),
)  # fmt: skip
ROUTES = (*API, *login.ROUTES, *routes())
