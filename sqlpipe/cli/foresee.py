"""The commands that tell what is to come: `why`, `schedule`."""

from __future__ import annotations

from datetime import date, datetime

import click

from sqlpipe.app import orchestrating
from sqlpipe.cli import schedule_text
from sqlpipe.cli.asked import NODE, Where, face, located
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.terminal import Terminal
from sqlpipe.plan.spoken import started


class Day(click.ParamType[date]):
    """A day, or an instant."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day or instant that a text says."""
        if isinstance(value, date):
            return value
        text = str(value)
        try:
            return date.fromisoformat(text) if len(text) == len("2026-03-29") else datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no date such as 2026-03-29 or 2026-03-29T02:30.", param, ctx)


@click.command("why", short_help="Tell what has to hold before a node runs, and how it is.")
@click.argument("node", type=NODE)
@click.option("--run", default="", metavar="RUN", help="In this run; in the latest that is alive without it.")
@located
@face
@journaled
def why(terminal: Terminal, where: Where, node: str, run: str) -> int:
    """Tell everything that has to hold before a node runs next, and how it is.

    That is what starts a run (a schedule, a pause, a scheduler that leads), what a run waits for (other nodes, a
    sensor, a pool, the database), and whether there is anything to do.
    """
    conditions = orchestrating.why(open_asked(where), node, run=run)
    if terminal.as_json:
        terminal.document({"node": node, "conditions": conditions})
        return 0
    shown = [each for each in conditions if not (terminal.quiet and each.met)]
    for line in schedule_text.why_lines(shown, terminal.out):
        terminal.put(line)
    return 0


@click.command("schedule", short_help="List pipelines, or preview when they are due.")
@click.argument("what", type=click.Choice(["list", "preview"]), default="list")
@click.argument("pipeline", metavar="[PIPELINE]", required=False)
@click.option("--around", type=Day(), metavar="DATE", help="Preview around this day, not from now on.")
@click.option("-n", "--number", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="How many.")
@located
@face
@journaled
def schedule(terminal: Terminal, where: Where, what: str, pipeline: str | None, **how: object) -> int:
    """List the pipelines with what starts them, or preview when they are due.

    A preview needs no database and no journal, and tells what happens when clocks are changed.

    \b
      sqlpipe schedule
      sqlpipe schedule preview nightly --around 2026-03-29 -n 3
    """  # noqa: D301 - click reads the backspace
    if what == "preview":
        workspace = open_asked(where, with_profile=False)
        previewed = orchestrating.preview(workspace, pipeline, how["around"], how["number"])  # type: ignore[arg-type]
        document: object = [{"pipeline": each.pipeline.name, "ticks": each.rows} for each in previewed]
        lines = schedule_text.preview_lines(previewed, terminal.out)
    else:
        found = orchestrating.schedules(open_asked(where), pipeline)
        document = [_listed(each) for each in found]
        lines = schedule_text.schedule_lines(found, terminal.out)
    if terminal.as_json:
        terminal.document(document)
        return 0
    for line in lines:
        terminal.put(line)
    if not lines:
        terminal.say("no pipelines: sqlpipe.yml has none under `pipelines:`")
    return 0


def _listed(each: orchestrating.Scheduled) -> dict[str, object]:
    return {
        "pipeline": each.pipeline.name,
        "schedule": started(each.pipeline),
        "next": each.next,
        "waiting": each.waiting,
        "last": each.last,
        "paused_at": each.row.paused_at if each.row else None,
        "paused_by": each.row.paused_by if each.row and each.row.paused_at else "",
    }


COMMANDS = {"why": why, "schedule": schedule}
