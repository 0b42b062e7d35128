"""The schedule: what will run when, what was not run, and who changed something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.app.foreseeing import Scheduled, preview, schedules, unrun
from sqlpipe.app.recorded import deeds
from sqlpipe.domain.journal import Deed
from sqlpipe.domain.schedule import Cron, Pipeline
from sqlpipe.plan.cadence import PreviewRow, deadline_of
from sqlpipe.plan.spoken import due, started
from sqlpipe.store.ticks import TickRow
from sqlpipe.web.page import Page
from sqlpipe.web.pages.runs import RunLine, line
from sqlpipe.web.scene import Scene

_TICKS, _DEEDS = 10, 30


@dataclass(frozen=True, slots=True)
class TickView:
    """A tick to come: in UTC, as the clocks of its zone show it, and what is odd about that."""

    at: datetime
    local: str
    offset: str
    note: str
    deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineView:
    """A pipeline: what starts it, how it stands, and when it is due next."""

    name: str
    description: str
    starter: str
    zone: str
    select: tuple[str, ...]
    exclude: tuple[str, ...]
    deadline: str
    state: str
    paused_by: str
    paused_at: datetime | None
    next: datetime | None
    waiting: int
    last: RunLine | None
    ticks: tuple[TickView, ...]

    @property
    def anchor(self) -> str:
        """By what the page is entered at it."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The pipelines, the latest ticks that were not run, and the latest deeds of people."""

    pipelines: tuple[PipelineView, ...]
    unrun: tuple[TickRow, ...]
    deeds: tuple[Deed, ...]


def _schedule(scene: Scene, _words: Mapping[str, Any]) -> Schedule:
    coming = {each.pipeline.name: each.rows for each in preview(scene.workspace, None, None, _TICKS, scene.now)}
    found = schedules(scene.workspace, now=scene.now)
    return Schedule(
        pipelines=tuple(_pipeline(each, coming[each.pipeline.name], scene.now) for each in found),
        unrun=unrun(scene.workspace),
        deeds=tuple(deeds(scene.workspace, _DEEDS)),
    )


def _pipeline(found: Scheduled, rows: Sequence[PreviewRow], now: datetime) -> PipelineView:
    pipeline, row = found.pipeline, found.row
    paused = row is not None and row.paused_at is not None
    return PipelineView(
        name=pipeline.name,
        description=pipeline.description,
        starter=started(pipeline),
        zone=pipeline.starter.zone if isinstance(pipeline.starter, Cron) else "UTC",
        select=pipeline.select,
        exclude=pipeline.exclude,
        deadline=due(pipeline.deadline) if pipeline.deadline else "",
        state="paused" if paused else "waiting" if found.waiting else "",
        paused_by=row.paused_by if row is not None and paused else "",
        paused_at=row.paused_at if row is not None else None,
        next=found.next.at if found.next else None,
        waiting=found.waiting,
        last=line(found.last, now) if found.last else None,
        ticks=tuple(_ticks(pipeline, rows)),
    )


def _ticks(pipeline: Pipeline, rows: Sequence[PreviewRow]) -> Iterator[TickView]:
    before: str | None = None
    for row in rows:
        offset = f"{row.local:%z}"[:3] + ":" + f"{row.local:%z}"[3:5]
        changed = before not in (None, offset)
        note = row.note or (f"clocks have changed: UTC{offset} from here on" if changed else "")
        before = offset
        yield TickView(
            at=row.tick.at,
            local=f"{row.local:%a %Y-%m-%d %H:%M}",
            offset=offset,
            note=note,
            deadline=deadline_of(pipeline.deadline, row.tick.at) if pipeline.deadline else None,
        )


PAGES = (
    Page(
        name="schedule",
        path="/schedule",
        says="What runs when, what was not run, and who changed something.",
        view=_schedule,
        place="Schedule",
    ),
)
