"""Runs: what happened, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlpipe.app.recorded import history
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.load.secret import hide
from sqlpipe.web.page import Page
from sqlpipe.web.pages.run_drawing import small_bar
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word
from sqlpipe.web.words import short, sign

if TYPE_CHECKING:
    from markupsafe import Markup

_SIZE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """A run in a list; `seconds` is how long it has taken so far, `counts` are of its nodes by state."""

    id: str
    state: str
    pipeline: str
    cause: str
    created: datetime
    started: datetime | None
    seconds: float | None
    counts: Mapping[str, int]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Some runs; `older` is the id behind which the list goes on, where it does."""

    runs: tuple[RunLine, ...]
    pipeline: str
    state: str
    before: str
    older: str
    pipelines: tuple[str, ...]
    states: tuple[str, ...]

    def bar(self, run: RunLine) -> Markup:
        """How long a run took, beside the longest one here."""
        longest = max((each.seconds or 0 for each in self.runs), default=0)
        return small_bar(run.seconds, longest, sign(run.state).tone)


def _runs(scene: Scene, words: Mapping[str, Any]) -> Runs:
    pipeline, state, before = (words[each] or "" for each in ("pipeline", "state", "before"))
    states = [RunState(state)] if state else []
    found = history(scene.workspace, pipeline=pipeline, states=states, limit=_SIZE + 1, before=before)
    return Runs(
        runs=tuple(line(each, scene.now) for each in found[:_SIZE]),
        pipeline=pipeline,
        state=state,
        before=before,
        older=found[_SIZE - 1].id if len(found) > _SIZE else "",
        pipelines=tuple(each.name for each in scene.workspace.project.orchestration.pipelines),
        states=tuple(each.value for each in RunState),
    )


def line(record: RunRecord, now: datetime) -> RunLine:
    """A run as a line of a list."""
    return RunLine(
        id=record.id,
        state=record.state.value,
        pipeline=record.pipeline,
        cause=hide(record.cause.replace(record.parent, short(record.parent)) if record.parent else record.cause),
        created=record.created,
        started=record.started,
        seconds=((record.finished or now) - record.started).total_seconds() if record.started else None,
        counts=record.counts,
        reason=hide(record.reason),
    )


PAGES = (
    Page(
        name="runs",
        path="/runs",
        says="Runs, newest first.",
        view=_runs,
        place="Runs",
        query=(
            Word("pipeline", "Only those of this pipeline."),
            Word("state", "Only those in this state.", among=tuple(each.value for each in RunState)),
            Word("before", "Only those older than the run with this id."),
        ),
    ),
)
