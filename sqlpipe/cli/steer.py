"""The commands that steer runs and pipelines: `cancel`, `retry`, `mark`, `pause`, `resume`, `trigger`, `event`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import click

from sqlpipe import app
from sqlpipe.app import orchestrating
from sqlpipe.cli import run_text
from sqlpipe.cli.asked import NODE, Where, face, located
from sqlpipe.cli.do import told
from sqlpipe.cli.history_text import counted, moment
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.look import short, tame
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.person import who
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.history import Event, NodeFinished, RunFinished, State
from sqlpipe.domain.journal import RUN_STEPS, RunRecord, RunState
from sqlpipe.run.fact_file import parse_facts

_WELL = (State.DONE, State.UNCHANGED)
# So often (seconds) it is looked whether a triggered run has ended.
_LOOK = 0.5


class Fact(click.ParamType[tuple[str, object]]):
    """A name and a value; whole numbers are numbers."""

    name = "fact"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, object]:
        """The fact that a text says."""
        try:
            (found,) = parse_facts(str(value)).items()
        except ValueError:
            self.fail(f"{value!r} is not NAME=VALUE.", param, ctx)
        return found


_FACT = click.option("--fact", "facts", multiple=True, type=Fact(), metavar="NAME=VALUE", help="Something to pass on.")


@click.command("cancel", short_help="Stop a run.")
@click.argument("run")
@located
@face
@journaled
def cancel(terminal: Terminal, where: Where, run: str) -> int:
    """Stop a run: what is running is cancelled, what has not begun does not begin."""
    record = orchestrating.cancel(open_asked(where), run, who())
    stopping = "is being cancelled" if record.state is RunState.CANCELLING else "is cancelled"
    _conclude(terminal, record, f"{_named(record)} {stopping}")
    return 0


@click.command("retry", short_help="Run again what went wrong in a run.")
@click.argument("run")
@click.option("--queue", is_flag=True, help="Have the scheduler do it.")
@click.option(
    "--threads", type=click.IntRange(1), envvar="SQLPIPE_THREADS", metavar="N", help="How many nodes at once."
)
@located
@face
@journaled
def retry(terminal: Terminal, where: Where, run: str, *, queue: bool, threads: int | None) -> int:
    """Run again what went wrong in a run, in a new run of the same nodes and the same interval.

    What ended well there stays as it is, with its facts; what failed, was skipped or never began is run.

    \b
      sqlpipe retry last
    """  # noqa: D301 - click reads the backspace
    workspace = open_asked(where)
    if queue:
        record = orchestrating.enqueue_retry(workspace, run, who())
        _conclude(terminal, record, f"{_named(record)} is queued{_nobody_leads(workspace, record)}")
        return 0
    old = orchestrating.details(workspace, run)
    width = run_text.name_width(each.node for each in old.nodes if each.state not in _WELL)
    return told(terminal, where, partial(_retry, workspace, old.record.id, threads), width)


def _retry(workspace: app.Workspace, run: str, threads: int | None, **hearing: object) -> RunFinished:
    """Carry the run out; what was kept from the old one is told apart from what was done."""
    heard: Counter[str] = Counter()
    on_event: Callable[[Event], None] = hearing.pop("on_event")  # type: ignore[assignment]

    def hear(event: Event) -> None:
        if isinstance(event, NodeFinished):
            heard[event.state] += 1
        on_event(event)

    finished = orchestrating.retry(workspace, run, who=who(), threads=threads, on_event=hear, **hearing)  # type: ignore[arg-type]
    well = {state.value: heard[state] for state in _WELL}
    kept = sum(finished.counts.get(state, 0) - number for state, number in well.items())
    return replace(finished, counts={**finished.counts, **well, "kept": kept})


@click.command("mark", short_help="Have a node of a run count as done, or as failed.")
@click.argument("run")
@click.argument("node", type=NODE)
@click.argument("state", type=click.Choice(["done", "failed"]))
@click.option("--reason", default="", metavar="TEXT", help="Why, for the log of who did what.")
@located
@face
@journaled
def mark(terminal: Terminal, where: Where, run: str, **what: str) -> int:
    """Have a node of a run that failed, was skipped or was passed over count as done, or as failed.

    So a retry of the run leaves it out, or takes it up.
    """
    record = orchestrating.mark(open_asked(where), run, what["node"], what["state"], who(), what["reason"])
    if terminal.as_json:
        terminal.document(record)
    elif not terminal.quiet:
        run = short(record.run)
        terminal.put(f"{record.node} counts as {record.state} in run {run}; go on with `sqlpipe retry {run}`")
    return 0


@click.command("pause", short_help="Have a pipeline start nothing by itself.")
@click.argument("pipeline")
@click.option("--reason", default="", metavar="TEXT", help="Why, for the log of who did what.")
@located
@face
@journaled
def pause(terminal: Terminal, where: Where, pipeline: str, reason: str) -> int:
    """Have a pipeline start nothing by itself until it is resumed; what is running goes on."""
    row = orchestrating.pause(open_asked(where), pipeline, who(), reason)
    _conclude(terminal, row, f"{row.name} is paused by {tame(row.paused_by)} since {moment(row.paused_at)}")
    return 0


@click.command("resume", short_help="Have a pipeline start by itself again.")
@click.argument("pipeline")
@located
@face
@journaled
def resume(terminal: Terminal, where: Where, pipeline: str) -> int:
    """Have a pipeline that was paused start by itself again."""
    row = orchestrating.resume(open_asked(where), pipeline, who())
    _conclude(terminal, row, f"{row.name} is not paused")
    return 0


@click.command("trigger", short_help="Have the scheduler run a pipeline now.")
@click.argument("pipeline")
@_FACT
@click.option("--wait", is_flag=True, help="Wait until the run has ended; exit code 1 if not well.")
@located
@face
@journaled
def trigger(terminal: Terminal, where: Where, pipeline: str, facts: Sequence[tuple[str, object]], *, wait: bool) -> int:
    """Have the scheduler run a pipeline now, whether it is paused or not.

    \b
      sqlpipe trigger nightly
      sqlpipe trigger nightly --wait --fact day=2026-03-03
    """  # noqa: D301 - click reads the backspace
    workspace = open_asked(where)
    record = orchestrating.trigger(workspace, pipeline, who(), facts=dict(facts))
    said = f"{_named(record)} is queued{_nobody_leads(workspace, record)}"
    if not wait:
        _conclude(terminal, record, said)
        return 0
    terminal.say(said)
    while RUN_STEPS[record.state]:
        time.sleep(_LOOK)
        record = orchestrating.details(workspace, record.id).record
    ending = f": {counted(record.counts)}" if record.counts else ""
    _conclude(terminal, record, f"{_named(record)} is {record.state}{ending}")
    return 0 if record.state is RunState.DONE else 1


@click.command("event", short_help="Tell of an event that pipelines are started by.")
@click.argument("name")
@_FACT
@located
@face
@journaled
def event(terminal: Terminal, where: Where, name: str, facts: Sequence[tuple[str, object]]) -> int:
    """Tell of an event from outside, which starts the pipelines that have it under `on: {events: ...}`."""
    workspace = open_asked(where)
    happened = orchestrating.announce(workspace, name, who(), dict(facts))
    hint = "" if orchestrating.is_led(workspace) else "; no scheduler is running: `sqlpipe serve` will hear of it"
    _conclude(terminal, happened, f"event {happened.subject} at {moment(happened.at)}{hint}")
    return 0


def _named(record: RunRecord) -> str:
    return f"run {short(record.id)}{f' of {record.pipeline}' if record.pipeline else ''}"


def _nobody_leads(workspace: app.Workspace, record: RunRecord) -> str:
    if orchestrating.is_led(workspace) is not None:
        return ""
    if record.options.get("repeat"):
        now = f"`sqlpipe retry {short(record.parent)}`"
    else:
        now = f"`sqlpipe run -p {record.pipeline}`"
    return f"; no scheduler is running: `sqlpipe serve` will start it, or run it now with {now}"


def _conclude(terminal: Terminal, value: object, said: str) -> None:
    if terminal.as_json:
        terminal.document(value)
    elif not terminal.quiet:
        terminal.put(said)


COMMANDS: Mapping[str, click.Command] = {
    "cancel": cancel,
    "retry": retry,
    "mark": mark,
    "pause": pause,
    "resume": resume,
    "trigger": trigger,
    "event": event,
}
