"""What people do with runs and pipelines beside running: cancel, retry, mark, pause, trigger; and what they ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlpipe.app.explaining import Condition, why
from sqlpipe.app.foreseeing import Previewed, Scheduled, preview, schedules
from sqlpipe.app.logged import Line, follow_log, log_lines
from sqlpipe.app.recorded import RunDetails, deeds, details, find_run, history, is_led, key_in, leader, now_of
from sqlpipe.app.running import code_of, complain_early, equipped, journal_of, new_run
from sqlpipe.app.workspace import Workspace, pipeline_named
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, did_you_mean
from sqlpipe.domain.history import Event, RunFinished, State
from sqlpipe.domain.journal import RUN_STEPS, Deed, Facts, Happening, NodeRecord, RunRecord, RunState
from sqlpipe.domain.schedule import On
from sqlpipe.graph.select import Selection
from sqlpipe.plan.cadence import deadline_of
from sqlpipe.run.clock import Clock
from sqlpipe.run.execute import execute
from sqlpipe.run.recover import RESUMABLE, recover
from sqlpipe.run.walk import Errand
from sqlpipe.store import attempts, happenings, runs, ticks
from sqlpipe.store import deeds as deed_log
from sqlpipe.store.book import Book
from sqlpipe.store.ticks import PipelineRow

__all__ = [
    "Condition",
    "Line",
    "Previewed",
    "RunDetails",
    "Scheduled",
    "announce",
    "cancel",
    "deeds",
    "details",
    "enqueue",
    "enqueue_retry",
    "follow_log",
    "history",
    "is_led",
    "log_lines",
    "mark",
    "pause",
    "preview",
    "resume",
    "retry",
    "schedules",
    "trigger",
    "why",
]

_WELL = frozenset({State.DONE, State.UNCHANGED})


def cancel(workspace: Workspace, run: str, who: str) -> RunRecord:
    """Have a run stop: one that is queued at once, one that is running as soon as its process sees it.

    Raises SP624 for one that has ended already.
    """
    with journal_of(workspace) as book:
        found, now = find_run(book, run), now_of(book)
        # The process of a run that seems to go on may be gone.
        recover(book, now)
        with book.writing() as pen:
            moved = runs.cancel_run(pen, found.id, now)
        record = find_run(book, found.id)
        if moved:
            _note(book, now, who, "cancel", record.id)
        elif record.state not in (RunState.CANCELLING, RunState.CANCELLED):
            said = f"run {record.id} has ended already: it is {record.state}"
            raise _refused(f"{said}, {record.reason}" if record.reason else said, f"see `sqlpipe runs {record.id}`")
        return record


def retry(
    workspace: Workspace,
    run: str,
    *,
    who: str,
    on_event: Callable[[Event], None],
    stop: threading.Event | None = None,
    threads: int | None = None,
) -> RunFinished:
    """Carry out a run again, here: what ended well stays, the rest is run in a new run."""
    with journal_of(workspace) as book, equipped(workspace, book, Clock(), threads=threads) as shop:
        now = shop.clock.now()
        old = _repeatable(book, run)
        complain_early(workspace, Selection(old.select, old.exclude))
        options = {key: value for key, value in old.options.items() if key not in {RESUMABLE, "repeat"}}
        record = replace(
            _repeated(old, who, now),
            state=RunState.RUNNING,
            started=now,
            owner=shop.scribe.owner,
            options={**options, "repeat": old.id},
        )
        errand = Errand(
            record=record,
            code=code_of(workspace),
            now=workspace.now,
            selection=Selection(record.select, record.exclude),
            full_refresh=bool(options.get("full_refresh")),
            fail_fast=bool(options.get("fail_fast")),
            on_event=on_event,
            stop=stop or threading.Event(),
            resumed=_enter_again(book, old, record, who),
        )
        return execute(shop, errand)


def enqueue_retry(workspace: Workspace, run: str, who: str) -> RunRecord:
    """Have the scheduler carry out a run again: what ended well stays, the rest is run in a new run."""
    with journal_of(workspace) as book:
        now = now_of(book)
        recover(book, now)
        old = _repeatable(book, run)
        again = _repeated(old, who, now)
        record = replace(again, options={**old.options, RESUMABLE: True, "repeat": old.id})
        _enter_again(book, old, record, who)
        return record


def _repeatable(book: Book, run: str) -> RunRecord:
    """The run that is meant, if it has ended and left something to do."""
    old = find_run(book, run)
    if RUN_STEPS[old.state]:
        raise _refused(f"run {old.id} is {old.state}: it has not ended yet", f"stop it with `sqlpipe cancel {old.id}`")
    if old.state is RunState.DONE:
        raise _refused(f"run {old.id} ended well: there is nothing to retry", "run anew with `sqlpipe run`")
    return old


def _repeated(old: RunRecord, who: str, now: datetime) -> RunRecord:
    return RunRecord(
        id=new_run(),
        state=RunState.QUEUED,
        created=now,
        pipeline=old.pipeline,
        cause=f"retry of {old.id} by {who}",
        select=old.select,
        exclude=old.exclude,
        start=old.start,
        end=old.end,
        parent=old.id,
    )


def _enter_again(book: Book, old: RunRecord, record: RunRecord, who: str) -> tuple[NodeRecord, ...]:
    """Enter a run that repeats another one, with what ended well in that and the ticks that it left open.

    What is kept is written before anybody can begin the run: whoever takes it up, even after a crash, finds it there.
    """
    before = [each for each in attempts.nodes(book, old.id) if each.state in _WELL]
    kept = tuple(replace(each, run=record.id) for each in before)
    attempts.put_nodes(book, kept)
    runs.create_run(book, record)
    ticks.retake(book, old.id, record.id)
    _note(book, record.created, who, "retry", old.id, f"as {record.id}")
    return kept


def mark(workspace: Workspace, run: str, node: str, state: str, who: str, reason: str = "") -> NodeRecord:
    """Have a node of a run that did not end well count as `done`, or as `failed`."""
    wanted = State(state)
    with journal_of(workspace) as book:
        record, now = find_run(book, run), now_of(book)
        key = key_in(workspace, attempts.nodes(book, record.id), node)
        marked = attempts.mark(book, record.id, key, wanted, now)
        found = next((each for each in attempts.nodes(book, record.id) if (each.node, each.item) == (key, -1)), None)
        if found is None:
            raise _refused(f"{key} was not in run {record.id}", f"see `sqlpipe runs {record.id}`")
        if marked:
            _note(book, now, who, "mark", f"{key} in {record.id}", f"{wanted}{f': {reason}' if reason else ''}")
        elif found.state is not wanted:
            said = f"{key} is {found.state} in run {record.id}"
            raise _refused(said, "only what failed, was blocked, skipped or cancelled can be marked")
        return found


def pause(workspace: Workspace, pipeline: str, who: str, reason: str = "") -> PipelineRow:
    """Have a pipeline start nothing by itself; one that is paused stays so."""
    name = pipeline_named(workspace, pipeline).name
    with journal_of(workspace) as book:
        now = now_of(book)
        ticks.introduce(book, name, now)
        if ticks.pause(book, name, who, now):
            _note(book, now, who, "pause", name, reason)
        return ticks.known(book)[name]


def resume(workspace: Workspace, pipeline: str, who: str) -> PipelineRow:
    """Have a pipeline start by itself again; one that is not paused goes on as it does."""
    name = pipeline_named(workspace, pipeline).name
    with journal_of(workspace) as book:
        now = now_of(book)
        ticks.introduce(book, name, now)
        if ticks.resume(book, name, who, now):
            _note(book, now, who, "resume", name)
        return ticks.known(book)[name]


def trigger(workspace: Workspace, pipeline: str, who: str, *, facts: Facts | None = None) -> RunRecord:
    """Queue a run of a pipeline, which the scheduler starts as soon as there is room for it."""
    found = pipeline_named(workspace, pipeline)
    with journal_of(workspace) as book:
        now = now_of(book)
        options: Mapping[str, object] = {RESUMABLE: True, **({"facts": dict(facts)} if facts else {})}
        record = RunRecord(
            id=new_run(),
            state=RunState.QUEUED,
            created=now,
            pipeline=found.name,
            cause=f"triggered by {who}",
            select=found.select,
            exclude=found.exclude,
            options=options,
            deadline=deadline_of(found.deadline, now) if found.deadline else None,
        )
        runs.create_run(book, record)
        _note(book, now, who, "trigger", found.name, f"as {record.id}")
        return record


def enqueue(workspace: Workspace, selection: Selection, who: str, *, full_refresh: bool = False) -> RunRecord:
    """Queue a run of a selection, which the scheduler starts at once; raises SP627 where nobody schedules.

    What it selects is looked up before: a word that means nothing, or a connection that there is not, is told at once.
    """
    complain_early(workspace, selection)
    with journal_of(workspace) as book:
        if leader(book) is None:
            help = "start a scheduler with `sqlpipe serve`, or run it yourself with `sqlpipe run`"
            raise SqlpipeError(Diagnostic(code="SP627", message="nobody would start the run", help=help))
        now = now_of(book)
        record = RunRecord(
            id=new_run(),
            state=RunState.QUEUED,
            created=now,
            cause=f"asked for by {who}",
            select=selection.select,
            exclude=selection.exclude,
            options={RESUMABLE: True, "full_refresh": full_refresh},
        )
        runs.create_run(book, record)
        words = " ".join([*selection.select, *(f"-x {each}" for each in selection.exclude)]) or "everything"
        _note(book, now, who, "run", words, f"as {record.id}{', full refresh' if full_refresh else ''}")
        return record


def announce(workspace: Workspace, event: str, who: str, facts: Facts | None = None) -> Happening:
    """Tell of an event from outside; raises SP625 (exit 2) for one that no pipeline is started by."""
    starters = [each.starter for each in workspace.project.orchestration.pipelines]
    events = sorted({name for each in starters if isinstance(each, On) for name in each.events})
    if event not in events:
        help = did_you_mean(event, events) or (f"there are {', '.join(events)}" if events else "")
        said = f"no pipeline is started by the event `{event}`"
        raise SqlpipeError(Diagnostic(code="SP625", message=said, help=help), exit_code=2)
    with journal_of(workspace) as book:
        now = now_of(book)
        happenings.note(book, "event", event, now, facts=facts)
        _note(book, now, who, "event", event)
        return Happening(0, "event", event, now, facts=facts or {})


def _note(book: Book, at: datetime, who: str, what: str, subject: str, detail: str = "") -> None:
    deed_log.note(book, Deed(at, who, what, subject, detail))


def _refused(message: str, help: str) -> SqlpipeError:
    return SqlpipeError(Diagnostic(code="SP624", message=message, help=help))
