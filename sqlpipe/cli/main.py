"""The command line's door: commands by name, each in a module that is imported when it is called."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from sqlpipe import __version__


class Entry(NamedTuple):
    """Where a command is found, and what the overview says of it."""

    module: str
    section: str
    summary: str


# The overview is written here so that `sqlpipe --help` need not import what the commands need.
ENTRIES: Mapping[str, Entry] = {
    "init": Entry("make", "Make", "Begin a project that runs at once."),
    "check": Entry("understand", "Understand", "Find every mistake that can be found without a database."),
    "plan": Entry("understand", "Understand", "Show what a run would do, and why."),
    "list": Entry("understand", "Understand", "List the nodes of the project."),
    "lineage": Entry("understand", "Understand", "Show what a node reads and what reads it."),
    "render": Entry("understand", "Understand", "Print the SQL of a node as it runs."),
    "show": Entry("understand", "Understand", "Show rows of a node or of a query."),
    "ui": Entry("ui", "Understand", "Show the project in a browser; nothing is run or changed."),
    "run": Entry("do", "Do", "Bring everything up to date, checked before it is published."),
    "serve": Entry("serve", "Do", "Run pipelines when they are due, and tell of them over HTTP."),
    "site": Entry("site", "Do", "Write all pages and dashboards as files, for any web server."),
    "runs": Entry("past", "Orchestrate", "List runs, or show one with its nodes."),
    "logs": Entry("past", "Orchestrate", "Print what a node had to say in a run."),
    "why": Entry("foresee", "Orchestrate", "Tell what has to hold before a node runs, and how it is."),
    "schedule": Entry("foresee", "Orchestrate", "List pipelines, or preview when they are due."),
    "trigger": Entry("steer", "Orchestrate", "Have the scheduler run a pipeline now."),
    "event": Entry("steer", "Orchestrate", "Tell of an event that pipelines are started by."),
    "pause": Entry("steer", "Orchestrate", "Have a pipeline start nothing by itself."),
    "resume": Entry("steer", "Orchestrate", "Have a pipeline start by itself again."),
    "cancel": Entry("steer", "Orchestrate", "Stop a run."),
    "retry": Entry("steer", "Orchestrate", "Run again what went wrong in a run."),
    "mark": Entry("steer", "Orchestrate", "Have a node of a run count as done, or as failed."),
    "doctor": Entry("help", "Help", "Examine settings and connection, and tell where each came from."),
    "explain": Entry("help", "Help", "Explain the code of an error."),
    "completion": Entry("help", "Help", "Print a script that teaches your shell to complete."),
}


class Door(click.Group):
    """A group that imports a command when it is called, and turns every ending into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names in the order of the overview."""
        return list(ENTRIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported by its name."""
        entry = ENTRIES.get(cmd_name)
        if entry is None:
            return None
        gc.disable()  # what is imported now stays to the end; to look for garbage in it takes a tenth of the time
        try:
            command: click.Command = import_module(f"sqlpipe.cli.{entry.module}").COMMANDS[cmd_name]
        finally:
            gc.freeze()
            gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called, or near misses of its name."""
        if args and args[0] not in ENTRIES and not args[0].startswith("-"):
            near = get_close_matches(args[0], ENTRIES)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the overview in its sections."""
        widest = max(map(len, ENTRIES))
        for section in dict.fromkeys(entry.section for entry in ENTRIES.values()):
            rows = [(name.ljust(widest), each.summary) for name, each in ENTRIES.items() if each.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run one command and exit: 0 well, 1 errors in the pipeline, 2 wrong usage, 3 our bug, 130 interrupted."""
        try:
            code = super().main(*args, **{"prog_name": "sqlpipe", **options, "standalone_mode": False})
        except click.exceptions.Abort as error:
            # Click takes the end of a file for Ctrl-C; nothing here reads from the keyboard, so that is a bug.
            if isinstance(error.__cause__, EOFError):
                code = _report_bug()
            else:
                click.echo("interrupted", err=True)
                code = 130
        except click.ClickException as error:
            error.show()
            code = 2
        except Exception:  # noqa: BLE001 - whatever was not foreseen is our bug and is told as one
            code = _report_bug()
        sys.exit(code if isinstance(code, int) else 0)


def _report_bug() -> int:
    sys.excepthook(*sys.exc_info())
    python = ".".join(map(str, sys.version_info[:3]))
    click.echo(
        f"\nThis is a bug in sqlpipe {__version__} (Python {python}, {sys.platform}), not in your project.\n"
        "Please report it together with the lines above.",
        err=True,
    )
    return 3


@click.group(
    "sqlpipe",
    cls=Door,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command has its own --help. Most take -s to select nodes, -t for a target, --json for programs.",
)
@click.version_option(__version__, "-V", "--version", message="sqlpipe %(version)s")
def cli() -> None:
    """Write SELECTs: sqlpipe finds the order, what changed, and publishes only rows that passed their checks."""


def main() -> None:
    """Run the command that the process was started with."""
    cli()
