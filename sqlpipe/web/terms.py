"""What the command line asks a server for, and whom it tells what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlpipe.app.foreseeing import Scheduled
from sqlpipe.domain.history import Event
from sqlpipe.domain.journal import Lease
from sqlpipe.load.secret import Secret
from sqlpipe.run.clock import Clock
from sqlpipe.web.health import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a project is to be served; `grace` is in seconds, `hosts` are further names of the server."""

    host: str = "127.0.0.1"
    port: int = 0
    token: Secret = Secret()  # noqa: RUF009 - a text is immutable
    viewer: Secret = Secret()  # noqa: RUF009 - a text is immutable
    hosts: frozenset[str] = frozenset()
    local_writes: bool = False
    public_read: bool = False
    scheduling: bool = True
    threads: int | None = None
    grace: float = 60.0
    clock: Clock = field(default_factory=Clock)


class Listener(Protocol):
    """One who is told what happens, from several threads."""

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:
        """The server listens."""
        ...

    def role(self, health: Health, leader: Lease | None) -> None:
        """The process leads, or does no longer; `leader` is who does."""
        ...

    def hear(self, event: Event, pipeline: str) -> None:
        """Something happens in a run of a pipeline."""
        ...
