"""The commands that tell of runs: `runs`, `logs`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sqlpipe.app import orchestrating
from sqlpipe.cli import history_text
from sqlpipe.cli.asked import NODE, Where, face, located
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.journal import RunState


@click.command("runs", short_help="List runs, or show one with its nodes.")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("-p", "--pipeline", default="", metavar="NAME", help="Only those of this pipeline.")
@click.option(
    "--state",
    multiple=True,
    type=click.Choice([each.value for each in RunState]),
    metavar="STATE",
    help="Only those in it.",
)
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="How many.")
@click.option("--before", default="", metavar="RUN", help="Only those older than this one.")
@located
@face
@journaled
def runs(terminal: Terminal, where: Where, run: str | None, **which: object) -> int:
    """List runs, newest first, or show one with its nodes.

    A run is named by `last`, by its id, or by how that begins or ends. With -v a node tells its facts.

    \b
      sqlpipe runs
      sqlpipe runs last
      sqlpipe runs -p nightly --state failed
    """  # noqa: D301 - click reads the backspace
    workspace, now = open_asked(where), datetime.now(UTC)
    if run is not None:
        found = orchestrating.details(workspace, run)
        if terminal.as_json:
            terminal.document(found)
            return 0
        for line in history_text.detail_lines(found, now, terminal.out, verbose=terminal.verbose):
            terminal.put(line)
        return 0
    states = [RunState(each) for each in which.pop("state")]  # type: ignore[attr-defined]
    records = orchestrating.history(workspace, states=states, **which)  # type: ignore[arg-type]
    if terminal.as_json:
        terminal.document(records)
        return 0
    for line in history_text.run_lines(records, now, terminal.out):
        terminal.put(line)
    if not records:
        terminal.say("no runs")
    return 0


@click.command("logs", short_help="Print what a node had to say in a run.")
@click.argument("run")
@click.argument("node", type=NODE)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come, until the node has ended.")
@click.option("--attempt", type=click.IntRange(0), metavar="N", help="Which attempt; the latest without it.")
@click.option("--item", type=click.IntRange(0), metavar="N", help="Which item of a task that has fanned out.")
@located
@face
@journaled
def logs(terminal: Terminal, where: Where, run: str, node: str, **which: object) -> int:
    """Print what a node had to say in a run.

    What was written to stderr is marked with `!`, what sqlpipe itself says with a dot.

    \b
      sqlpipe logs last tasks.load
      sqlpipe logs -f 1a2b3c tasks.load
    """  # noqa: D301 - click reads the backspace
    read = orchestrating.follow_log if which["follow"] else orchestrating.log_lines
    item = -1 if which["item"] is None else which["item"]
    lines = read(open_asked(where), run, node, attempt=which["attempt"], item=item)  # type: ignore[arg-type]
    before = None
    for line in lines:
        if terminal.as_json:
            terminal.document(line)
        elif terminal.quiet:
            terminal.put(history_text.log_text(line))
        else:
            if before is not None and before["attempt"] != line["attempt"]:
                terminal.put(terminal.out.paint(f"attempt {line['attempt']}", "dim"))
            terminal.put(history_text.log_line(line, terminal.out))
        before = line
    if before is None:
        terminal.say("it has said nothing")
    return 0


COMMANDS = {"runs": runs, "logs": logs}
