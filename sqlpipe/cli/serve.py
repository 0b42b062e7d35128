"""The command that stays: `serve`, which runs pipelines when they are due and tells of them over HTTP."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import click

from sqlpipe.cli.asked import Where, face, located
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.serve_text import Documents, Lines, Writer
from sqlpipe.cli.staying import TOKEN, VIEWER_TOKEN, read_token, stoppable
from sqlpipe.cli.terminal import Terminal
from sqlpipe.run.clock import Clock, time_lapse
from sqlpipe.web.door import open_server
from sqlpipe.web.terms import Terms


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
    help=f"The token of operators, who may do everything; or set {TOKEN}.",
)
@click.option(
    "--viewer-token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help=f"The token of viewers, who change nothing; or set {VIEWER_TOKEN}.",
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
def serve(  # noqa: PLR0913, PLR0917 - each is an option of the command
    terminal: Terminal,
    where: Where,
    token_file: Path | None,
    viewer_token_file: Path | None,
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
        token=read_token(token_file, TOKEN),
        viewer=read_token(viewer_token_file, VIEWER_TOKEN),
        hosts=frozenset(hosts),
        scheduling=not no_scheduler,
        clock=clock or Clock(),
        **how,  # type: ignore[arg-type]
    )
    workspace = open_asked(where)
    terms = replace(terms, clock=terms.clock.from_here())  # what loading the project took is no part of a rehearsal
    title = f"{workspace.project.name} · {workspace.profile.target if workspace.profile else ''}"
    stopping = threading.Event()
    with Writer(terminal) as writer, stoppable(stopping, f"what runs has {terms.grace:g} seconds to end"):
        listener = Documents(writer) if terminal.as_json else Lines(writer, title)
        server.serve_project(workspace, lambda: open_asked(where), terms, listener, stopping)
    return 0


COMMANDS = {"serve": serve}
