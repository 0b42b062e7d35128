"""Where the words of a command go: results to stdout, narration to stderr, live progress to a person's terminal."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import click

from sqlpipe.cli.frame import draw
from sqlpipe.cli.look import cut, duration, is_terminal, look_at, pad, tame
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.history import as_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_BAR = 24
_STOPPING = "stopping: running queries are cancelled"


class Terminal:
    """The two streams of one command, and how much is to be said on them."""

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False, no_color: bool = False
    ) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.out = look_at(sys.stdout, no_color=no_color)
        self.err = look_at(sys.stderr, no_color=no_color)

    def put(self, text: str = "") -> None:
        """Write a result to stdout; when the reader has gone away, go on in silence."""
        try:
            click.echo(_encodable(text, sys.stdout), color=self.out.colour)
        except BrokenPipeError:
            # What follows, and the flush when Python ends, goes nowhere; a run goes on without its reader.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def document(self, value: object) -> None:
        """Write a value as JSON on one line to stdout."""
        self.put(json.dumps(as_json(value), ensure_ascii=False, default=str))

    def say(self, text: str = "") -> None:
        """Write narration to stderr, unless quiet is asked for."""
        if not self.quiet:
            self._tell(text)

    def complain(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Write frames to stderr, an empty line between them."""
        for index, diagnostic in enumerate(diagnostics):
            self._tell(("\n" if index else "") + draw(diagnostic, self.err))

    def _tell(self, text: str) -> None:
        try:
            click.echo(_encodable(text, sys.stderr), err=True, color=self.err.colour)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


class Progress:
    """What is shown while a run goes on: here only the lines of what has finished."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def begin(self, total: int) -> None:
        """The run has this many nodes."""

    def line(self, text: str) -> None:
        """Write a line that stays."""
        self.terminal.put(text)

    def started(self, node: str, kind: str) -> None:
        """A worker has taken up a node."""

    def waiting(self, node: str, detail: str) -> bool:  # noqa: ARG002 - the live one needs them
        """A node has given its worker back and is looked at again later; whether that is shown without a line."""
        return self.terminal.quiet

    def finished(self, node: str) -> None:
        """A node has ended."""

    def stopping(self) -> None:
        """The run was asked to stop; called from a signal handler, so it must not touch a buffered stream."""
        _write_raw(f"\n{_STOPPING}\n")

    def leave(self) -> None:
        """Put the terminal in order before the process ends at once."""


class LiveProgress(Progress):
    """Lines that finish above one live line for each running node and a bar."""

    def __init__(self, terminal: Terminal, console: Console | None) -> None:
        """`console` is where lines that stay go; None when stdout leads elsewhere than to this screen."""
        super().__init__(terminal)
        self._console = console
        self._total = 0
        self._done = 0
        self._began = time.monotonic()
        self._running: dict[str, tuple[str, float]] = {}
        self._stopping = False

    def begin(self, total: int) -> None:
        """Set what a full bar means."""
        self._total = total

    def line(self, text: str) -> None:
        """Write a line above the live ones, or to where stdout leads when that is not this terminal."""
        from rich.text import Text  # noqa: PLC0415 - only a terminal pays for it

        if self._console is None:
            self.terminal.put(text)
        else:
            self._console.print(Text.from_ansi(text), soft_wrap=True)

    def started(self, node: str, kind: str) -> None:
        """Show a line for the node until it ends."""
        self._running[node] = (kind, time.monotonic())

    def waiting(self, node: str, detail: str) -> bool:
        """Show what the node waits for, since when it began to."""
        began = self._running.get(node, ("", time.monotonic()))[1]
        self._running[node] = (tame(detail), began)
        return True

    def finished(self, node: str) -> None:
        """Move the bar on."""
        self._running.pop(node, None)
        self._done += 1

    def stopping(self) -> None:
        """Say at the bar that the run stops; the next refresh draws it."""
        self._stopping = True

    def leave(self) -> None:
        """Show the cursor again."""
        _write_raw("\x1b[?25h\n")

    def picture(self) -> Text:
        """The live lines as they are now."""
        from rich.text import Text  # noqa: PLC0415 - only a terminal pays for it

        look, now = self.terminal.err, time.monotonic()
        spin = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if look.unicode else "-\\|/"
        sign, width = spin[int(now * 8) % len(spin)], (look.width or 80) - 1
        running = list(self._running.items())
        names = max((len(node) for node, _ in running), default=0)
        lines = [
            cut(f"  {sign}  {pad(node, names)}   {kind}   {duration(now - began)}", width, look.symbol("…"))
            for node, (kind, began) in running
        ]
        filled = _BAR * self._done // max(1, self._total)
        bar = look.symbol("━") * filled + look.symbol("─") * (_BAR - filled)
        tail = _STOPPING if self._stopping else duration(now - self._began)
        lines.append(cut(f"  {bar}  {self._done}/{self._total}   {tail}", width, look.symbol("…")))
        return Text("\n".join(lines), style="dim" if look.colour else "")


@contextmanager
def progress(terminal: Terminal) -> Iterator[Progress]:
    """Show a run's progress: live when stderr is a terminal that can move its cursor, else finished lines only."""
    if terminal.quiet or terminal.as_json or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield Progress(terminal)
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
    from rich.live import Live  # noqa: PLC0415 - only a terminal pays for it

    # When both streams lead to this screen, only one writer may move its cursor.
    shared = is_terminal(sys.stdout)
    stream = sys.stdout if shared else sys.stderr
    console = Console(file=stream, no_color=not terminal.err.colour, highlight=False)
    live = LiveProgress(terminal, console if shared else None)
    with Live(get_renderable=live.picture, console=console, transient=True, refresh_per_second=8):
        yield live


def _encodable(text: str, stream: IO[str]) -> str:
    """The text with what the stream's encoding lacks spelled out: a name must not end the program."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _write_raw(text: str) -> None:
    try:
        os.write(2, text.encode())
    except OSError:
        # There is nobody left to tell.
        return
