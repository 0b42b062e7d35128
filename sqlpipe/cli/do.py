"""The command that changes something: `run`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from math import inf
from types import FrameType

import click

from sqlpipe import app
from sqlpipe.cli import run_text
from sqlpipe.cli.asked import Where, face, located, patiently, running, selecting
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.look import short
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.terminal import Progress, Terminal, progress
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.history import (
    Event,
    NodeFinished,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunWaiting,
    State,
)


@click.command("run", short_help="Bring everything up to date, checked before it is published.")
@click.option("-p", "--pipeline", metavar="NAME", help="What this pipeline of sqlpipe.yml selects.")
@click.option(
    "--wait",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long to wait for a database that is in use; without it until it is free.",
)
@selecting
@running
@located
@face
@journaled
def run(
    terminal: Terminal,
    where: Where,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    pipeline: str | None,
    wait: float | None,
    **how: object,
) -> int:
    """Bring everything up to date, checked before it is published.

    Only what has changed, or reads what has changed, is built. Rows that fail a check are not published: the table
    stays as it was and whatever waits for it is skipped. The first Ctrl-C cancels what is running and records it;
    the second ends at once.

    \b
      sqlpipe run
      sqlpipe run -s +marts.revenue
      sqlpipe run -s +failed+ --threads 8
      sqlpipe run -p nightly
    """  # noqa: D301 - click reads the backspace
    if pipeline is not None and (select or exclude):
        raise click.UsageError("--pipeline says what to select: leave --select and --exclude out.")
    patience = inf if wait is None else wait
    workspace = open_asked(patiently(where, patience, terminal))
    selection = app.Selection(select, exclude)
    if pipeline is not None:
        found = app.pipeline_named(workspace, pipeline)
        selection, how["pipeline"] = app.Selection(found.select, found.exclude), found.name
    names = [str(node.name) for node in app.select(workspace, selection)]
    carry_out = partial(app.run, workspace, selection, wait=patience, **how)  # type: ignore[arg-type]
    return told(terminal, where, carry_out, run_text.name_width(names))


def told(terminal: Terminal, where: Where, carry_out: Callable[..., RunFinished], width: int) -> int:
    """Carry out a run and tell it as it goes on; `width` is that of the names of nodes."""
    stop = threading.Event()
    with ExitStack() as stack:
        screen = stack.enter_context(progress(terminal))
        stack.enter_context(interruptible(stop, screen))
        teller = _Documents(terminal) if terminal.as_json else _Lines(screen, width)
        finished = carry_out(on_event=teller.hear, stop=stop)
        if not teller.ended:
            teller.hear(finished)
    if isinstance(teller, _Lines):
        teller.conclude(finished, _again(where, finished))
    if finished.interrupted:
        return 130
    return 0 if finished.well else 1


def _again(where: Where, finished: RunFinished) -> str:
    """The command that takes up what failed, in the same place."""
    context = click.get_current_context()
    place = context.get_parameter_source
    # What `run` has failed to do is known to the database as well; a run of a pipeline has an interval, too.
    of_journal = context.info_name == "retry" or context.params.get("pipeline")
    words = [f"sqlpipe retry {short(finished.run)}" if of_journal else "sqlpipe run -s +failed+"]
    if where.target and place("target") is click.core.ParameterSource.COMMANDLINE:
        words.append(f"-t {where.target}")
    if place("project") is click.core.ParameterSource.COMMANDLINE:
        words.append(f"-C {where.project}")
    return " ".join(words)


class _Documents:
    """Writes each event as one line of JSON."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.ended = False

    def hear(self, event: Event) -> None:
        """Write one event."""
        self.ended = self.ended or isinstance(event, RunFinished)
        self._terminal.document(event)
        if isinstance(event, NodeFinished):
            self._terminal.complain(run_text.worth_a_frame(event.diagnostics, verbose=self._terminal.verbose))


class _Lines:
    """Tells a run as it goes on, and keeps what is told at its end."""

    def __init__(self, screen: Progress, width: int) -> None:
        self._screen = screen
        self._terminal = screen.terminal
        self._width = width
        self._lines = 0
        self._warned = 0
        self._diagnostics: list[Diagnostic] = []
        self.ended = False

    def hear(self, event: Event) -> None:
        """Tell one event."""
        match event:
            case RunStarted():
                self._screen.begin(event.nodes)
                if not self._terminal.quiet:
                    self._screen.line(run_text.head(event, self._terminal.out))
            case NodeStarted():
                self._screen.started(event.node, event.kind)
            case NodeFinished():
                self._screen.finished(event.node)
                self._finished(event)
            case NodeWaiting():
                if not self._screen.waiting(event.node, run_text.waiting_aside(event)):
                    self._put(run_text.waiting_line(event, self._width, self._terminal.out))
            case RunWaiting():
                self._screen.line(run_text.run_waiting_line(event, self._terminal.out))
            case RunFinished():
                self.ended = True

    def _finished(self, event: NodeFinished) -> None:
        verbose, look = self._terminal.verbose, self._terminal.out
        self._warned += event.state is State.DONE and event.warnings > 0
        # A cut-off node that ran into the same error as its parent would tell it twice.
        self._diagnostics += [each for each in event.diagnostics if each not in self._diagnostics]
        told = run_text.check_lines(event, look, verbose=verbose)
        if event.state is State.UNCHANGED and not verbose and not told:
            return
        if self._terminal.quiet and event.state is State.DONE and not event.warnings:
            return
        self._put(run_text.node_line(event, self._width, look), *told)

    def _put(self, *lines: str) -> None:
        if not self._lines and not self._terminal.quiet:
            self._screen.line("")
        for line in lines:
            self._screen.line(line)
            self._lines += 1

    def conclude(self, finished: RunFinished, again: str) -> None:
        """Draw the frames and sum up."""
        frames = run_text.worth_a_frame(self._diagnostics, verbose=self._terminal.verbose)
        if frames:
            self._terminal.say()
            self._terminal.complain(frames)
        if self._terminal.quiet and finished.well:
            return
        self._terminal.put()
        self._terminal.put(run_text.summary(finished, self._warned, again))


@contextmanager
def interruptible(stop: threading.Event, screen: Progress) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask the run to stop, and the second end the process at once."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            screen.leave()
            # Worker threads may sit in a query; a tidy exit would wait for them.
            os._exit(130)
        stop.set()
        screen.stopping()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


COMMANDS = {"run": run}
