"""The command that stays: `serve`, which runs pipelines when they are due and tells of them over HTTP."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from types import FrameType, TracebackType
from typing import Self

import click

from sqlpipe.app.foreseeing import Scheduled
from sqlpipe.cli import run_text
from sqlpipe.cli.asked import Where, face, located
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.look import align, count, tame
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import Event, NodeFinished, RunFinished, RunStarted, RunWaiting, State
from sqlpipe.domain.journal import Lease
from sqlpipe.domain.schedule import On
from sqlpipe.load.secret import Secret
from sqlpipe.run.clock import Clock, time_lapse
from sqlpipe.web.door import open_server
from sqlpipe.web.health import Health
from sqlpipe.web.terms import Terms

_MOST_WAITING = 10_000
_TOKEN = "SQLPIPE_TOKEN"  # noqa: S105 - the name of the variable


class _TimeLapse(click.ParamType[Clock]):
    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Clock:
        """The clock that the text describes."""
        try:
            return time_lapse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("serve", short_help="Run pipelines when they are due, and tell of them over HTTP.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port", default=8713, show_default=True, type=click.IntRange(0, 65535), metavar="N", help="0 is any free one."
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help=f"The token that writing needs; or set {_TOKEN}.",
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A further name of the server.")
@click.option("--allow-local-writes", "local_writes", is_flag=True, help="Programs here may write without a token.")
@click.option("--public-read", is_flag=True, help="Everybody in the network may read without a token.")
@click.option("--no-scheduler", is_flag=True, help="Only tell; leave the running to another process.")
@click.option(
    "--threads", type=click.IntRange(1), envvar="SQLPIPE_THREADS", metavar="N", help="How many nodes at once."
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="What runs has so long to end when the server is stopped.",
)
@click.option(
    "--time-lapse",
    "clock",
    type=_TimeLapse(),
    metavar="TIME",
    help='Rehearse: "2026-12-25 x3600" begins then, an hour a second.',
)
@located
@face
@journaled
def serve(
    terminal: Terminal,
    where: Where,
    token_file: Path | None,
    hosts: tuple[str, ...],
    no_scheduler: bool,  # noqa: FBT001 - an option of the command
    clock: Clock | None,
    **how: object,
) -> int:
    """Run pipelines when they are due, and tell of them over HTTP.

    Without a token nobody can change anything, and only programs on this machine can read. Of several servers of one
    project one leads, the others stand by. The first Ctrl-C or SIGTERM lets what runs come to its end, for as long as
    --grace says; the second ends at once.

    \b
      sqlpipe serve
      sqlpipe serve --host 0.0.0.0 --token-file /run/secrets/sqlpipe
      sqlpipe serve --time-lapse "2026-12-25 x3600"
    """  # noqa: D301 - click reads the backspace
    server = open_server()
    terms = Terms(
        token=_token(token_file),
        hosts=frozenset(hosts),
        scheduling=not no_scheduler,
        clock=clock or Clock(),
        **how,  # type: ignore[arg-type]
    )
    workspace = open_asked(where)
    terms = replace(terms, clock=terms.clock.from_here())  # what loading the project took is no part of a rehearsal
    title = f"{workspace.project.name} · {workspace.profile.target if workspace.profile else ''}"
    stopping = threading.Event()
    with _Writer(terminal) as writer, _stoppable(stopping, terms.grace):
        listener = _Documents(writer) if terminal.as_json else _Lines(writer, title)
        server.serve_project(workspace, lambda: open_asked(where), terms, listener, stopping)
    return 0


def _token(path: Path | None) -> Secret:
    """The token of the file or the environment; what is started from here does not inherit it."""
    given = os.environ.pop(_TOKEN, "")
    if path is None:
        return Secret(given.strip())
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        said = f"the token cannot be read from {path}: {getattr(error, 'strerror', None) or 'it is not a text'}"
        raise SqlpipeError(Diagnostic(code="SP641", message=said), exit_code=2) from error
    if not token:
        raise SqlpipeError(Diagnostic(code="SP641", message=f"there is no token in {path}"), exit_code=2)
    return Secret(token)


class _Writer:
    """Writes on a thread of its own: nobody who runs anything waits for one who does not read.

    What comes while too much is waiting to be written is left out.
    """

    def __init__(self, terminal: Terminal) -> None:
        self.verbose = terminal.verbose
        self.quiet = terminal.quiet
        self._terminal = terminal
        self._waiting: SimpleQueue[object] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="sqlpipe-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=2)

    def write(self, value: object) -> None:
        """Have a text written as it is, and anything else as JSON."""
        if self._waiting.qsize() < _MOST_WAITING:
            self._waiting.put(value)

    def _write(self) -> None:
        while (value := self._waiting.get()) is not None:
            if isinstance(value, str):
                self._terminal.put(value)
            else:
                self._terminal.document(value)


class _Documents:
    """Writes what happens as lines of JSON."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:
        """Write where the server is."""
        due = {each.pipeline.name: each.next.at if each.next else None for each in pipelines}
        self._writer.write({"event": "Serving", "url": url, "pid": os.getpid(), "pipelines": due})

    def role(self, health: Health, leader: Lease | None) -> None:
        """Write who leads."""
        self._writer.write({"event": "Role", "role": health.role, "leader": leader, "reasons": health.reasons})

    def hear(self, event: Event, pipeline: str) -> None:  # noqa: ARG002 - the run of an event is found in the journal
        """Write an event."""
        self._writer.write(event)


class _Lines:
    """Tells where the server is, who leads, and each run with a line at its beginning and one at its end."""

    def __init__(self, writer: _Writer, title: str) -> None:
        self._writer = writer
        self._title = title

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:
        """Say where the server is, and what it will do when."""
        self._writer.write(f"{tame(self._title)} · {url}")
        if pipelines:
            self._writer.write("")
            for line in align([(f"  {tame(each.pipeline.name)}", _due(each)) for each in pipelines]):
                self._writer.write(line)
        self._writer.write("")

    def role(self, health: Health, leader: Lease | None) -> None:
        """Say who leads."""
        self._line(datetime.now(UTC), _of_role(health, leader))

    def hear(self, event: Event, pipeline: str) -> None:
        """Tell the beginning and the end of a run; more where more is wanted."""
        name = tame(pipeline or "run")
        match event:
            case RunStarted():
                self._line(event.at, f"{name}  {event.run}  begins: {count(event.nodes, 'node')}")
            case RunWaiting():
                self._line(event.at, f"{name}  {event.run}  waits: {tame(event.detail)}")
            case RunFinished():
                told = run_text.summary(event, event.warned, f"sqlpipe retry {event.run}")
                self._line(event.at, f"{name}  {event.run}  {'ends' if event.well else 'FAILS'}: {told}")
            case NodeFinished(state=State.FAILED) if event.diagnostics:
                first = event.diagnostics[0]
                self._line(event.at, f"{name}  {event.run}  {tame(event.node)}: {first.code} {tame(first.message)}")
            case NodeFinished() if self._writer.verbose:
                self._line(event.at, f"{name}  {event.run}  {tame(event.node)} {event.state.value}")

    def _line(self, at: datetime, text: str) -> None:
        if not self._writer.quiet:
            self._writer.write(f"{at:%Y-%m-%d %H:%M:%S}  {text}")


def _due(scheduled: Scheduled) -> str:
    """When a pipeline runs next, in words."""
    starter = scheduled.pipeline.starter
    if scheduled.row is not None and scheduled.row.paused_at is not None:
        return f"paused by {tame(scheduled.row.paused_by)}"
    if scheduled.next is not None:
        return f"next {scheduled.next.at:%Y-%m-%d %H:%M} UTC"
    if isinstance(starter, On):
        return f"on {', '.join(map(tame, (*starter.nodes, *starter.events)))}"
    return "by hand" if starter is None else "not any more"


def _of_role(health: Health, leader: Lease | None) -> str:
    match health.role:
        case "leader":
            return "leading"
        case "onlooker" | "standby" if leader is not None:
            return f"{health.role}: process {leader.pid} on {tame(leader.host)} leads"
        case _:
            return f"{health.role}: {tame('; '.join(health.reasons)) or 'nobody leads'}"


@contextmanager
def _stoppable(stopping: threading.Event, grace: float) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask the server to stop, and the second end the process at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(130)
        stopping.set()
        try:
            os.write(2, f"\nstopping: what runs has {grace:g} seconds to end; once more ends it at once\n".encode())
        except OSError:
            # There is nobody left to tell.
            return

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = {"serve": serve}
