"""When pipelines are due: the coming ticks, and how each pipeline stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlpipe.app.recorded import now_of
from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace, pipeline_named
from sqlpipe.domain.journal import RunRecord
from sqlpipe.domain.schedule import Pipeline, Tick, TickState
from sqlpipe.plan import cadence
from sqlpipe.plan.cadence import PreviewRow, next_tick
from sqlpipe.store import runs, ticks
from sqlpipe.store.ticks import PipelineRow, TickRow

# So many ticks are gone through for those that were not run.
_RECENT = 500


@dataclass(frozen=True, slots=True)
class Previewed:
    """The coming ticks of a pipeline; none for one that is not started by a clock."""

    pipeline: Pipeline
    rows: tuple[PreviewRow, ...]


@dataclass(frozen=True, slots=True)
class Scheduled:
    """How a pipeline stands: when it is due next, its latest run, and what is remembered of it if it is known."""

    pipeline: Pipeline
    next: Tick | None = None
    last: RunRecord | None = None
    row: PipelineRow | None = None
    waiting: int = 0


def preview(
    workspace: Workspace,
    pipeline: str | None,
    around: date | datetime | None,
    count: int,
    now: datetime | None = None,
) -> tuple[Previewed, ...]:
    """So many ticks of one pipeline, or of each; needs neither a profile nor a journal."""
    moment = now or datetime.now(UTC)
    return tuple(Previewed(each, cadence.preview(each, around, moment, count)) for each in _chosen(workspace, pipeline))


def schedules(workspace: Workspace, pipeline: str | None = None, now: datetime | None = None) -> tuple[Scheduled, ...]:
    """How one pipeline, or each, stands."""
    chosen = _chosen(workspace, pipeline)
    with journal_of(workspace) as book:
        moment, rows = now or now_of(book), ticks.known(book)
        return tuple(
            Scheduled(
                each,
                next_tick(each, moment),
                next(iter(runs.runs(book, pipeline=each.name, limit=1)), None),
                rows.get(each.name),
                len(ticks.open_ticks(book, each.name)),
            )
            for each in chosen
        )


def unrun(workspace: Workspace, limit: int = 50) -> tuple[TickRow, ...]:
    """The latest ticks that no run has covered, newest first: those that wait, were skipped, superseded or expired."""
    covered = (TickState.COVERED, TickState.TAKEN)
    with journal_of(workspace) as book:
        found = ticks.ticks(book, limit=_RECENT)
    return tuple(each for each in found if each.state not in covered)[:limit]


def _chosen(workspace: Workspace, pipeline: str | None) -> tuple[Pipeline, ...]:
    return (pipeline_named(workspace, pipeline),) if pipeline else workspace.project.orchestration.pipelines
