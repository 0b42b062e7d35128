"""What the options that many commands share ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from sqlpipe.cli.look import tame
from sqlpipe.cli.names import NodeName, SelectionText
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError

Command = Callable[..., int]

NODE = NodeName()


@dataclass(frozen=True, slots=True)
class Where:
    """The project and the target a command is about, as far as the command line and the environment say.

    `wait` is how long (seconds) a database is waited for that another process has, and `tell` is told of that.
    """

    project: Path
    target: str | None
    profiles: str | None
    wait: float = 0
    tell: Callable[[Diagnostic], None] = field(default=lambda _taken: None)


def face(command: Command) -> Command:
    """Give a command `--json`, `-q`, `-v` and `--no-color`, and print what it raises for the author as frames."""

    @click.option("--json", "as_json", is_flag=True, help="Write JSON to stdout.")
    @click.option("-q", "--quiet", is_flag=True, help="Say only what matters.")
    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @click.option("--no-color", is_flag=True, help="No colours (as with NO_COLOR).")
    @functools.wraps(command)
    def faced(*, as_json: bool, quiet: bool, verbose: bool, no_color: bool, **rest: Any) -> int:
        terminal = Terminal(as_json=as_json, quiet=quiet, verbose=verbose, no_color=no_color)
        try:
            return command(terminal=terminal, **rest)
        except SqlpipeError as error:
            terminal.complain(error.diagnostics)
            if as_json:
                terminal.document({"diagnostics": error.diagnostics})
            return error.exit_code

    return faced


def located(command: Command) -> Command:
    """Give a command `-C`, `-t` and `--profiles`, which it gets as one `where`."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)

    @click.option("-C", "--project", type=folder, envvar="SQLPIPE_PROJECT", metavar="DIR", help="The project's folder.")
    @click.option("-t", "--target", envvar="SQLPIPE_TARGET", metavar="NAME", help="The target in profiles.yml.")
    @click.option("--profiles", envvar="SQLPIPE_PROFILES", metavar="PATH", help="The profiles.yml to take.")
    @functools.wraps(command)
    def placed(*, project: Path | None, target: str | None, profiles: str | None, **rest: Any) -> int:
        return command(where=Where(project or Path.cwd(), target or None, profiles or None), **rest)

    return placed


def patient(command: Command) -> Command:
    """Give a command that reads the database `--wait`: how long it waits while another process has it."""

    @click.option(
        "--wait",
        type=click.FloatRange(0),
        default=30,
        show_default=True,
        envvar="SQLPIPE_WAIT",
        metavar="SECONDS",
        help="How long to wait for a database that is in use.",
    )
    @functools.wraps(command)
    def waiting(*, wait: float, where: Where, terminal: Terminal, **rest: Any) -> int:
        return command(where=patiently(where, wait, terminal), terminal=terminal, **rest)

    return waiting


def patiently(where: Where, wait: float, terminal: Terminal) -> Where:
    """The same place, where a database is waited for that another process has, and it is told who that is."""
    return replace(
        where, wait=wait, tell=lambda taken: terminal.say(terminal.err.paint(f"waiting: {tame(taken.message)}", "dim"))
    )


def selecting(command: Command) -> Command:
    """Give a command `-s` and `-x`."""
    words = SelectionText()
    command = click.option(
        "-x", "--exclude", multiple=True, type=words, metavar="NODES", help="Leave these out; as with --select."
    )(command)
    return click.option(
        "-s",
        "--select",
        multiple=True,
        type=words,
        metavar="NODES",
        help="Only these: name, marts.*, tag:x, +x, x+; a space joins, a comma intersects.",
    )(command)


def running(command: Command) -> Command:
    """Give a command what `run` and `plan` both take."""
    for option in (
        click.option("--fail-fast", is_flag=True, help="Begin nothing more once something has failed."),
        click.option("--full-refresh", is_flag=True, help="Build the selected nodes from nothing."),
        click.option(
            "--threads", type=click.IntRange(1), envvar="SQLPIPE_THREADS", metavar="N", help="How many nodes at once."
        ),
    ):
        command = option(command)
    return command
