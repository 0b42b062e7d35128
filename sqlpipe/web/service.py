"""The server as a process: it listens, has the scheduler work beside it, and ends both in order."""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic, sleep
from typing import Protocol

import uvicorn

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.secret import hide
from sqlpipe.run.hall import Lend
from sqlpipe.web import whereabouts
from sqlpipe.web.api import application
from sqlpipe.web.contract import Office, Scheduling
from sqlpipe.web.guard import Policy
from sqlpipe.web.health import Health, examine
from sqlpipe.web.notify import notify, watchdog
from sqlpipe.web.route import House
from sqlpipe.web.scene import Scene
from sqlpipe.web.whereabouts import Whereabouts

# So often (seconds) it is looked how the scheduler is, which counts what is in the journal; at first more often.
_LOOK = 5.0
_FIRST_LOOKS = 0.5
# A process whose lease thread has been dead for so long (seconds) is better started anew.
_DEAD = 60.0


class Scheduler(Scheduling, Protocol):
    """A scheduler, as far as it is begun and ended; it may `lend` the database that it has open."""

    @property
    def lend(self) -> Lend | None:
        """Gives a session in the database to those who only read."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self, grace: float) -> None:
        """End; what runs has so many seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is served where; `tell` hears whenever it leads or no longer leads, `grace` is in seconds."""

    root: Path
    office: Office
    scheduler: Scheduler
    policy: Policy
    listener: socket.socket
    here: Whereabouts
    grace: float
    tell: Callable[[Health], None]
    scene: Callable[[bool], Scene]


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; SP642 where that cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address, family=family, backlog=256)
    except (OSError, OverflowError, UnicodeError) as error:
        said = f"cannot listen on {host} port {port}: {getattr(error, 'strerror', None) or error}"
        help = "take another one with `--port`; `--port 0` takes any that is free"
        raise SqlpipeError(Diagnostic(code="SP642", message=said, help=help), exit_code=2) from error
    # Connections inherit it. asyncio would see to it only for sockets that name their protocol; without it the second
    # part of each answer waits for the first to be acknowledged, which takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """The address under which a socket is reached."""
    host, port = listener.getsockname()[:2]
    # What listens everywhere is reached from here by the address of this machine itself.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is recognised, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(service: Service, stopping: threading.Event) -> None:
    """Serve until `stopping` is set and what runs has ended or been laid down."""
    server = _Server(_config(service, stopping, lambda: server.should_exit))
    warden = threading.Thread(target=_watch, args=(service, server, stopping), name="sqlpipe-warden")
    service.scheduler.start()
    warden.start()
    try:
        server.run(sockets=[service.listener])
    finally:
        stopping.set()
        warden.join()
        whereabouts.withdraw(service.root, service.here)


class _Server(uvicorn.Server):
    """Leaves signals to the command, which has more to end than this."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _config(service: Service, stopping: threading.Event, closing: Callable[[], bool]) -> uvicorn.Config:
    house = House(service.office, service.scheduler, service.policy, stopping.is_set, closing, service.scene)
    return uvicorn.Config(
        application(house),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=200,
        timeout_graceful_shutdown=5,
    )


def _watch(service: Service, server: _Server, stopping: threading.Event) -> None:
    """Look after the service until it is to end; then end the scheduler and, after it, the server."""
    while not (server.started or stopping.is_set()):
        sleep(0.01)
    notify("READY=1")
    warden = _Warden(service)
    while True:
        try:
            warden.look()
        except Exception:  # noqa: BLE001 - a bug that is told, and that must not keep the server from being ended
            print(hide(traceback.format_exc()), file=sys.stderr)  # noqa: T201 - the operator's
        if stopping.wait(warden.pause):
            break
    notify("STOPPING=1")
    try:
        service.scheduler.stop(service.grace)
    finally:
        server.should_exit = True


class _Warden:
    """Tells those who want to know how the service is, and keeps its whereabouts written down."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._began = monotonic()
        self._role = ""
        self._signs = watchdog()
        self._signed = -inf

    @property
    def pause(self) -> float:
        """For how long (seconds) to look away."""
        pause = _LOOK if monotonic() - self._began > _LOOK else _FIRST_LOOKS
        return pause if self._signs is None else min(pause, self._signs)

    def look(self) -> None:
        """Look how everything is, and tell what has changed."""
        with suppress(OSError):
            whereabouts.announce(self._service.root, self._service.here)
        health = examine(self._service.scheduler)
        if self._signs is not None and monotonic() - self._signed > self._signs and _lives(health):
            self._signed = monotonic()
            notify("WATCHDOG=1")
        if health.role != self._role:
            self._role = health.role
            self._service.tell(health)


def _lives(health: Health) -> bool:
    """Whether it is worth going on; that the journal is away is not cured by another process."""
    return health.status is None or bool(health.status.journal_problem) or health.status.heartbeat_age < _DEAD
