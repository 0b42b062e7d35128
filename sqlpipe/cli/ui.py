"""The command that shows: `ui`, the pages of a project for who sits at this machine."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import click

from sqlpipe.app.foreseeing import Scheduled
from sqlpipe.cli.asked import Where, face, located
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.serve_text import Documents, Writer
from sqlpipe.cli.staying import VIEWER_TOKEN, read_token, stoppable
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.history import Event
from sqlpipe.domain.journal import Lease
from sqlpipe.web.door import open_server
from sqlpipe.web.health import Health
from sqlpipe.web.terms import Listener, Terms


@click.command("ui", short_help="Show the project in a browser; nothing is run or changed.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen.")
@click.option(
    "--port", default=8714, show_default=True, type=click.IntRange(0, 65535), metavar="N", help="0 is any free one."
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help=f"The token that others need to read; or set {VIEWER_TOKEN}.",
)
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A further name of the server.")
@click.option("--open", "opens", is_flag=True, help="Have the browser open it.")
@located
@face
@journaled
def ui(
    terminal: Terminal,
    where: Where,
    token_file: Path | None,
    hosts: tuple[str, ...],
    opens: bool,  # noqa: FBT001 - an option of the command
    **how: object,
) -> int:
    """Show the project in a browser; nothing is run or changed.

    The same pages as those of `sqlpipe serve`, which runs pipelines besides. On this machine everybody may look; to
    listen elsewhere takes a token. Ctrl-C ends it.

    \b
      sqlpipe ui --open
      sqlpipe ui --host 0.0.0.0 --token-file /run/secrets/viewers
    """  # noqa: D301 - click reads the backspace
    server = open_server()
    terms = Terms(
        viewer=read_token(token_file, VIEWER_TOKEN),
        hosts=frozenset(hosts),
        scheduling=False,
        grace=0,
        **how,  # type: ignore[arg-type]
    )
    workspace = open_asked(where)
    stopping = threading.Event()
    with Writer(terminal) as writer, stoppable(stopping, "the pages go away"):
        listener = Documents(writer) if terminal.as_json else _Address(writer)
        server.serve_project(
            workspace, lambda: open_asked(where), terms, _Opener(listener) if opens else listener, stopping
        )
    return 0


class _Address:
    """Says where the pages are, and no more."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:  # noqa: ARG002 - the pages tell of pipelines
        """Say where they are."""
        self._writer.write(url)

    def role(self, health: Health, leader: Lease | None) -> None:
        """Say nothing: the pages tell who leads."""

    def hear(self, event: Event, pipeline: str) -> None:
        """Say nothing: nothing is run here."""


class _Opener:
    """Has the browser open the pages, and tells another one everything."""

    def __init__(self, other: Listener) -> None:
        self._other = other
        self.role = other.role
        self.hear = other.hear

    def serving(self, url: str, pipelines: Sequence[Scheduled]) -> None:
        """Have the browser open them; that may take as long as it likes."""
        self._other.serving(url, pipelines)
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


COMMANDS = {"ui": ui}
