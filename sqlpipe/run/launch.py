"""A task that starts a pipeline of the same project: a run of its own, whose end it awaits without a worker."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.domain.task import Launch, Task
from sqlpipe.graph.select import Selection
from sqlpipe.run.board import Board, ending, record_of, told_waiting
from sqlpipe.run.queue import Unit
from sqlpipe.run.recover import RESUMABLE
from sqlpipe.run.settle import fail, settle_unit
from sqlpipe.run.walk import Walk
from sqlpipe.store import runs

# How often (seconds) it is looked whether a run that another process carries out has ended.
_AGAIN = 1.0


def launch(board: Board, walk: Walk, unit: Unit) -> None:
    """Start the run, or look how far it has come."""
    shop, going, now = board.shop, walk.going[unit], board.shop.clock.now()
    known = str(going.waited.get("run", ""))
    if not known:
        record = _record(board, walk, unit)
        shop.scribe.write(lambda: runs.create_run(shop.scribe.book, record))
        known = record.id
        going.waited = {"run": known}
        board.arrivals.append(replace(walk.errand, record=record, selection=_selection(record), resumed=()))
    found = shop.scribe.ask(lambda: runs.get_run(shop.scribe.book, known), None)
    state = found.state if found is not None else RunState.QUEUED
    match state:
        case RunState.DONE:
            going.facts = {"run": known, "state": "done"}
            finished = ending(walk, walk.node(unit[0]), State.DONE, detail=f"run {known}")
            settle_unit(board, walk, unit, finished, now)
        case RunState.FAILED | RunState.CANCELLED | RunState.SKIPPED:
            said = f"run {known} of {_pipeline(walk, unit)} ended as {state}"
            fail(board, walk, unit, Diagnostic(code="SP617", message=said, help=f"see `sqlpipe runs {known}`"))
        case _:
            walk.park(unit, now + timedelta(seconds=_AGAIN * shop.clock.speed), f"waits for run {known}")
            told_waiting(walk, unit, f"waits for run {known}", None)
            shop.scribe.note([record_of(walk, unit, State.WAITING, now)])


def _selection(record: RunRecord) -> Selection:
    return Selection(record.select, record.exclude)


def _operator(walk: Walk, unit: Unit) -> Launch:
    kind = walk.node(unit[0]).kind
    assert isinstance(kind, Task)
    assert isinstance(kind.operator, Launch)
    return kind.operator


def _pipeline(walk: Walk, unit: Unit) -> str:
    operator = _operator(walk, unit)
    return operator.pipeline or " ".join(operator.select)


def _record(board: Board, walk: Walk, unit: Unit) -> RunRecord:
    operator = _operator(walk, unit)
    pipelines = {each.name: each for each in walk.errand.code.project.orchestration.pipelines}
    pipeline, now = pipelines.get(operator.pipeline), board.shop.clock.now()
    return RunRecord(
        id=f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid4().hex[:6]}",
        state=RunState.RUNNING,
        created=now,
        started=now,
        owner=board.shop.scribe.owner,
        pipeline=operator.pipeline,
        cause=f"task {walk.node(unit[0]).name}",
        select=pipeline.select if pipeline else operator.select,
        exclude=pipeline.exclude if pipeline else (),
        start=walk.run.start,
        end=walk.run.end,
        # Whoever takes up this run after a crash finds that one where it left off.
        options={key: value for key, value in walk.run.options.items() if key == RESUMABLE},
        parent=walk.run.id,
    )
