"""Runs and pipelines as the commands see them, written by hand, with times that stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlpipe.app.explaining import Condition
from sqlpipe.app.foreseeing import Previewed, Scheduled
from sqlpipe.app.recorded import RunDetails
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.history import NodeFinished, NodeWaiting, RunFinished, RunStarted, State
from sqlpipe.domain.journal import AttemptRecord, AttemptState, Happening, Lease, NodeRecord, RunRecord, RunState
from sqlpipe.domain.schedule import Cron, Every, On, Pipeline, Tick, TickState
from sqlpipe.plan.cadence import PreviewRow
from sqlpipe.store.ticks import PipelineRow, TickRow

NOW = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def record(number: int, state: RunState = RunState.DONE, **more: Any) -> RunRecord:
    began = NOW - timedelta(hours=number)
    ended = None if state in (RunState.QUEUED, RunState.RUNNING, RunState.CANCELLING) else began + timedelta(seconds=75)
    values = {"started": None if state is RunState.QUEUED else began, "finished": ended, "cause": "schedule", **more}
    return RunRecord(id=f"20260303T060000{number:06d}-{number:06x}", state=state, created=began, **values)


NIGHTLY = Pipeline("nightly", Place(3, 3), ("+tag:mart",), starter=Cron("0 6 * * mon-fri", "Europe/Paris"))
STEADY = Pipeline("steady", Place(5, 3), starter=Every(900))
FOLLOW = Pipeline("follow", Place(7, 3), starter=On(("raw.orders",), ("landed",)))
BY_HAND = Pipeline("by hand", Place(9, 3))

RUNS = [
    record(1, RunState.QUEUED, pipeline="nightly", cause="triggered by ann"),
    record(2, RunState.RUNNING, pipeline="nightly"),
    record(3, RunState.DONE, pipeline="nightly", counts={"done": 12, "unchanged": 3}),
    record(4, RunState.FAILED, cause="command line", counts={"done": 2, "failed": 1, "blocked": 4, "skipped": 1}),
    record(5, RunState.CANCELLED, pipeline="steady", reason="its process is gone"),
    record(6, RunState.SKIPPED, pipeline="steady", reason="the pipeline was removed"),
    record(7, RunState.CANCELLING, pipeline="hourly\x1b[2J", cause="retry of 20260303T060000000004-000004 by bob"),
]
RUNS[6] = replace(RUNS[6], parent=RUNS[3].id, options={"repeat": RUNS[3].id})


def node(name: str, state: State, **more: Any) -> NodeRecord:
    return NodeRecord(run=RUNS[3].id, node=name, state=state, since=NOW, **more)


def attempt(name: str, number: int, state: AttemptState, item: int = -1) -> AttemptRecord:
    return AttemptRecord(
        id=number, run=RUNS[3].id, node=name, number=number, state=state, owner="o", started=NOW, item=item
    )


DETAILS = RunDetails(
    replace(RUNS[3], pipeline="nightly", start=NOW - DAY, end=NOW, deadline=NOW + DAY, select=("+tag:mart",)),
    [
        node("raw.orders", State.DONE, kind="ingest", action="delta", rows=1200, seconds=0.5, detail="2 new files"),
        node("tasks.fetch", State.DONE, kind="task", action="bash", seconds=61.2, facts={"rows": 3, "path": "a\nb"}),
        node("tasks.each", State.FAILED, kind="task", action="python", detail="1 of 2 items"),
        node("tasks.each", State.DONE, kind="task", action="python", item=0, seconds=1),
        node("tasks.each", State.FAILED, kind="task", action="python", item=1, seconds=1, detail="exit code 1"),
        node("tasks.wait", State.WAITING, kind="sensor", until=NOW + timedelta(seconds=30), detail="no file yet"),
        node("marts.revenue", State.BLOCKED, kind="table", detail="waits for tasks.each"),
    ],
    [
        attempt("tasks.fetch", 2, AttemptState.DONE),
        attempt("tasks.fetch", 1, AttemptState.LOST),
        attempt("tasks.each", 1, AttemptState.FAILED, 1),
    ],
    [
        TickRow("nightly", Tick(NOW, NOW - DAY, NOW), TickState.OPEN, "", RUNS[3].id),
        TickRow("nightly", Tick(NOW - DAY, NOW - 2 * DAY, NOW - DAY), TickState.OPEN, "", RUNS[3].id),
    ],
    [RUNS[6]],
)
LINES: list[dict[str, object]] = [
    {"offset": 1, "at": NOW.isoformat(), "stream": "stdout", "text": "fetching", "attempt": 1},
    {"offset": 2, "at": NOW.isoformat(), "stream": "stderr", "text": "slow \x1b[31m", "attempt": 1, "item": 3},
    {"offset": 3, "at": NOW.isoformat(), "stream": "sqlpipe", "text": "exit code 1", "attempt": 1},
]
CONDITIONS = (
    Condition("a pipeline selects it", met=True, value="nightly"),
    Condition("nightly is not paused", met=False, value="paused by ann since", at=NOW),
    Condition("nightly is due", met=False, value="next", at=NOW + DAY),
    Condition("its condition is true", met=None, value="facts.fetch.rows > 0"),
)
PARIS = ZoneInfo("Europe/Paris")
SPRING = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
PREVIEW = (
    Previewed(
        NIGHTLY,
        (
            PreviewRow(Tick(SPRING, SPRING - DAY, SPRING), SPRING.astimezone(PARIS), "clocks go forward"),
            PreviewRow(Tick(SPRING + DAY, SPRING, SPRING + DAY), (SPRING + DAY).astimezone(PARIS)),
        ),
    ),
    Previewed(FOLLOW, ()),
)
SCHEDULES = (
    Scheduled(NIGHTLY, Tick(NOW + DAY, NOW, NOW + DAY), RUNS[2], waiting=2),
    Scheduled(STEADY, Tick(NOW, NOW - DAY, NOW), row=PipelineRow("steady", "d", NOW, NOW, "ann", 0)),
    Scheduled(FOLLOW, row=PipelineRow("follow", "d", NOW, None, "bob", 0)),
    Scheduled(BY_HAND),
)


@dataclass
class FakeOrchestrating:
    """Answers as the app would, and remembers what it was asked."""

    asked: dict[str, Any] = field(default_factory=dict)
    lease: Lease | None = None
    coming: list[dict[str, object]] = field(default_factory=list)
    ends: Iterator[RunRecord] = field(default_factory=lambda: iter(()))

    def history(self, _workspace: object, **which: Any) -> list[RunRecord]:
        self.asked |= which
        return RUNS[: which["limit"]]

    def details(self, _workspace: object, run: str) -> RunDetails:
        self.asked["run"] = run
        ended = next(self.ends, None)
        return DETAILS if ended is None else replace(DETAILS, record=ended)

    def log_lines(self, _workspace: object, run: str, node: str, **which: Any) -> Iterator[dict[str, object]]:
        self.asked |= {"run": run, "node": node, **which}
        return iter(LINES)

    def follow_log(self, _workspace: object, run: str, node: str, **which: Any) -> Iterator[dict[str, object]]:
        self.asked |= {"followed": run, "node": node, **which}
        return iter(self.coming)

    def why(self, _workspace: object, node: str, *, run: str) -> tuple[Condition, ...]:
        self.asked |= {"node": node, "run": run}
        return CONDITIONS

    def preview(self, _workspace: object, pipeline: str | None, around: object, count: int) -> tuple[Previewed, ...]:
        self.asked |= {"pipeline": pipeline, "around": around, "count": count}
        return PREVIEW

    def schedules(self, _workspace: object, pipeline: str | None) -> tuple[Scheduled, ...]:
        self.asked["pipeline"] = pipeline
        return SCHEDULES

    def is_led(self, _workspace: object) -> Lease | None:
        return self.lease

    def cancel(self, _workspace: object, run: str, who: str) -> RunRecord:
        self.asked |= {"run": run, "who": who}
        return RUNS[6]

    def retry(self, _workspace: object, run: str, *, on_event: Callable[[Any], None], **how: Any) -> RunFinished:
        self.asked |= {"run": run, **how}
        told: dict[str, Any] = {"run": "20260303T060000-00000a", "at": NOW, "node": "tasks.each", "kind": "task"}
        on_event(RunStarted(run="r", at=NOW, target="dev", database="shop.duckdb", nodes=4, threads=2))
        on_event(NodeWaiting(**told, until=NOW + timedelta(seconds=4), detail="exit code 1; tries again in 4 s"))
        on_event(NodeWaiting(**told, until=NOW + timedelta(seconds=30), detail="no file yet"))
        on_event(NodeFinished(**told, state=State.DONE, action="python", seconds=1))
        on_event(NodeFinished(**told, state=State.FAILED, action="python", seconds=1, detail="exit code 1"))
        return RunFinished(run=told["run"], at=NOW, seconds=2, counts={"done": 3, "unchanged": 1, "failed": 1})

    def enqueue_retry(self, _workspace: object, run: str, who: str) -> RunRecord:
        self.asked |= {"run": run, "who": who}
        return replace(RUNS[0], parent=RUNS[3].id, options={"repeat": RUNS[3].id})

    def mark(self, _workspace: object, *words: str) -> NodeRecord:
        self.asked["mark"] = words
        return node("tasks.each", State.DONE)

    def pause(self, _workspace: object, pipeline: str, who: str, reason: str) -> PipelineRow:
        self.asked |= {"pipeline": pipeline, "who": who, "reason": reason}
        return PipelineRow(pipeline, "d", NOW, NOW, "ann", 0)

    def resume(self, _workspace: object, pipeline: str, who: str) -> PipelineRow:
        self.asked |= {"pipeline": pipeline, "who": who}
        return PipelineRow(pipeline, "d", NOW, None, "ann", 0)

    def trigger(self, _workspace: object, pipeline: str, who: str, *, facts: dict[str, object]) -> RunRecord:
        self.asked |= {"pipeline": pipeline, "who": who, "facts": facts}
        return RUNS[0]

    def announce(self, _workspace: object, event: str, who: str, facts: dict[str, object]) -> Happening:
        self.asked |= {"event": event, "who": who, "facts": facts}
        return Happening(0, "event", event, NOW, facts=facts)
