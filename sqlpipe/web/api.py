"""The table of what the server can be asked, and the application made of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response

from sqlpipe import __version__
from sqlpipe.domain.journal import RunState
from sqlpipe.store.book import JournalAway
from sqlpipe.web import metrics
from sqlpipe.web.answer import Refusal, answer, complaint
from sqlpipe.web.guard import Access, Guard
from sqlpipe.web.health import examine
from sqlpipe.web.openapi import described
from sqlpipe.web.route import STREAM, Ask, House, Route, Word, addressed
from sqlpipe.web.stream import Stream

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute

_LAST_SEEN = re.compile(r"(?P<attempt>\d{1,15}):(?P<after>\d{1,15})")


def application(house: House, pages: Sequence[BaseRoute] = ()) -> Starlette:
    """Everything that is served; `pages` are for people, and come after what is for programs."""
    built = Starlette(
        routes=[*(addressed(each, house) for each in ROUTES), *pages],
        middleware=[Middleware(Guard, policy=house.policy)],
        exception_handlers={HTTPException: _nothing_there},
    )
    built.router.redirect_slashes = False
    return built


async def _nothing_there(request: Request, error: Exception) -> Response:
    """What the router finds no route for."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:  # noqa: PLR2004 - a status
        refused = complaint(Refusal(405, "SP645", f"{request.url.path} does not take {request.method}"))
        refused.headers.update(error.headers or {})
        return refused
    return complaint(
        Refusal(error.status_code, "SP645", "there is nothing here", "`/openapi.json` tells what there is")
    )


# Health


def _alive(_house: House, _ask: Ask) -> object:
    return {"alive": True, "version": __version__}


def _ready(house: House, ask: Ask) -> object:
    health = examine(house.scheduler)
    reasons = ("the server is stopping",) if house.stopping() else health.reasons
    told: dict[str, object] = {"ready": not reasons, "role": health.role}
    if house.policy.may_read or house.policy.knows(ask.headers):
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


# Writing


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
_A_RUN = "/api/runs/{run}"
_A_LOG = "/api/runs/{run}/log/{node}"

ROUTES: tuple[Route, ...] = (
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
