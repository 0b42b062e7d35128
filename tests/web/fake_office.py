"""A project without files or journal, for the server to ask; and a scheduler that is as it is told to be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx

from sqlpipe.app.asking import Saved
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.journal import Facts, RunRecord, RunState
from sqlpipe.load.secret import Secret
from sqlpipe.run.schedule import Status
from sqlpipe.store.book import JournalAway
from sqlpipe.web.api import application
from sqlpipe.web.contract import LogName, Piece
from sqlpipe.web.guard import Policy
from sqlpipe.web.route import House

if TYPE_CHECKING:
    from starlette.applications import Starlette

NOW = datetime(2026, 3, 3, 7, tzinfo=UTC)
TOKEN = "a-token-that-is-long-enough"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

STATUS = Status(
    leading=True,
    epoch=3,
    holder="me",
    heartbeat_age=1.5,
    last_tick=NOW,
    next_tick=None,
    due_intervals=2,
    loop_seconds=0.01,
    ticks={"covered": 5, "expired": 4, "open": 1},
    attempts={"done": 7, "running": 1},
    active_runs=1,
    queued_runs=2,
    project_problem="",
    journal_problem="",
    outbox_stuck=0,
    started=NOW,
)


def offset(line: Facts) -> int:
    return int(str(line["offset"]))


@dataclass
class FakeOffice:
    """Answers what it is told to, and remembers what it was asked."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    wrong: Exception | None = None
    secret: str = ""
    pieces: list[Piece] = field(default_factory=list)

    def _note(self, *what: Any) -> None:
        self.asked.append(what)
        if self.wrong is not None:
            raise self.wrong

    def runs(self, *, pipeline: str | None, states: Sequence[str], limit: int, before: str) -> object:
        self._note("runs", pipeline, list(states), limit, before)
        return [RunRecord(id="r1", state=RunState.DONE, created=NOW, reason=self.secret)]

    def run(self, run: str) -> object:
        self._note("run", run)
        if run != "r1":
            raise SqlpipeError(Diagnostic(code="SP623", message=f"there is no run `{run}`"), exit_code=2)
        return {"record": RunRecord(id="r1", state=RunState.DONE, created=NOW), self.secret: [self.secret]}

    def find_log(self, run: str, node: str, item: int, attempt: int | None) -> LogName:
        self._note("find_log", run, node, item, attempt)
        return LogName(run, node, item, attempt or 2)

    def log(self, name: LogName, after: int) -> Piece:
        self._note("log", name.attempt, after)
        piece = self.pieces.pop(0) if len(self.pieces) > 1 else self.pieces[0]
        return replace(piece, lines=tuple(each for each in piece.lines if offset(each) > after))

    def pipelines(self) -> object:
        self._note("pipelines")
        return [{"name": "nightly", "description": self.secret}]

    def schedule(self, around: datetime | None, count: int) -> object:
        self._note("schedule", around, count)
        return []

    def why(self, node: str) -> object:
        self._note("why", node)
        return {"conditions": [self.secret]}

    def deeds(self, limit: int) -> object:
        self._note("deeds", limit)
        return [{"detail": self.secret}]

    def rows(self, node: str, limit: int) -> object:
        self._note("rows", node, limit)
        return {"rows": [(self.secret, float("nan"), NOW, b"\xff")]}

    def ask(self, sql: str, limit: int) -> object:
        self._note("ask", sql, limit)
        return {"rows": [(self.secret,)]}

    def save(self, sql: str, format: str) -> Saved:
        self._note("save", sql, format)
        return Saved("text/csv", "query.csv", b"a\r\n1\r\n")

    def cancel(self, run: str, *, who: str) -> object:
        self._note("cancel", run, who)
        return self.secret

    def retry(self, run: str, *, who: str) -> object:
        self._note("retry", run, who)
        return self.secret

    def mark(self, run: str, node: str, state: str, *, who: str, reason: str) -> object:
        self._note("mark", run, node, state, who, reason)
        return self.secret

    def trigger(self, pipeline: str, *, who: str) -> object:
        self._note("trigger", pipeline, who)
        return self.secret

    def pause(self, pipeline: str, *, who: str, reason: str) -> object:
        self._note("pause", pipeline, who, reason)
        return self.secret

    def resume(self, pipeline: str, *, who: str) -> object:
        self._note("resume", pipeline, who)
        return self.secret

    def enqueue(self, select: Sequence[str], exclude: Sequence[str], *, full_refresh: bool, who: str) -> object:
        self._note("enqueue", list(select), list(exclude), full_refresh, who)
        return self.secret

    def announce(self, event: str, facts: Facts, *, who: str) -> object:
        self._note("announce", event, facts, who)
        return self.secret


@dataclass
class FakeScheduler:
    """Has one status, or cannot tell."""

    found: Status = STATUS
    away: str = ""
    roused: int = 0

    def rouse(self) -> None:
        self.roused += 1

    def status(self) -> Status:
        if self.away:
            raise JournalAway(self.away)
        return self.found


@dataclass
class Client:
    """Asks the application without a network between; an answer is there once it is complete."""

    app: Starlette

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=("10.9.8.7", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8713") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


@dataclass
class Served:
    """A server in this process, and those behind it."""

    client: Client
    office: FakeOffice
    scheduler: FakeScheduler
    house: House

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def post(self, path: str, body: object = None, *, token: str = TOKEN) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(path, json={} if body is None else body, headers=headers)


def served(**policy: Any) -> Served:
    """A server with a policy; one on this machine, with a token, unless told otherwise."""
    office, scheduler = FakeOffice(), FakeScheduler()
    values: dict[str, Any] = {"token": Secret(TOKEN), **policy}
    house = House(office, scheduler, Policy(**values))
    return Served(Client(application(house)), office, scheduler, house)
