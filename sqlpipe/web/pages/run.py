"""A run: what happened, what was slow, what went wrong and how it is repeated."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sqlpipe.app.run_story import Bar, LogTail, NodeLine, Story, Trouble, log_tail, story, troubles
from sqlpipe.domain.diagnostic import Span
from sqlpipe.domain.journal import RUN_STEPS, RunRecord, RunState
from sqlpipe.graph.timeline import Link
from sqlpipe.load.secret import hide
from sqlpipe.store.ticks import TickRow
from sqlpipe.web.page import Page
from sqlpipe.web.pages.run_drawing import drawn
from sqlpipe.web.pages.runs import RunLine, line
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word
from sqlpipe.web.words import short

if TYPE_CHECKING:
    from markupsafe import Markup

_SIZE, _BARS, _TICKS = 60, 5000, 20
_WELL = (RunState.DONE, RunState.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """A run; of its `total` nodes these are shown, those that went wrong first."""

    run: RunLine
    record: RunRecord
    nodes: tuple[NodeLine, ...]
    total: int
    bars: tuple[Bar, ...]
    troubles: tuple[Trouble, ...]
    log: LogTail | None
    path: tuple[Link, ...]
    ticks: tuple[TickRow, ...]
    more_ticks: int
    parent: RunLine | None
    children: tuple[RunLine, ...]
    command: str
    goes_on: bool
    may_retry: bool

    def drawing(self, scene: Scene) -> Markup | None:
        """The attempts side by side."""
        return drawn(scene, self.bars)

    def frame(self, span: Span) -> tuple[tuple[int, str, str], ...]:
        """The lines of a frame."""
        return frame(span)

    def stream(self) -> str:
        """Where more of the log is told as it comes."""
        assert self.log is not None
        node, run = quote(self.log.node, safe=""), quote(self.run.id, safe="")
        words: dict[str, int] = {"attempt": self.log.attempt, "after": self.log.after}
        words |= {"item": self.log.item} if self.log.item >= 0 else {}
        return f"/api/runs/{run}/log/{node}/stream?{urlencode(words)}"


def _run(scene: Scene, words: Mapping[str, Any]) -> RunPage:
    found = story(scene.workspace, words["run"], scene.now)
    record = found.record
    shown = len(found.lines) if words["all"] or not scene.live else _SIZE
    return RunPage(
        run=_with_counts(found, scene),
        record=record,
        nodes=found.lines[:shown],
        total=len(found.lines),
        troubles=troubles(scene.workspace, found),
        log=log_tail(scene.workspace, found, (words["node"] or "").casefold(), words["item"], words["attempt"]),
        path=found.path,
        ticks=found.ticks[-_TICKS:],
        more_ticks=max(0, len(found.ticks) - _TICKS),
        parent=line(found.parent, scene.now) if found.parent else None,
        children=tuple(line(each, scene.now) for each in found.children),
        command=command(record),
        goes_on=bool(RUN_STEPS[record.state]),
        may_retry=not RUN_STEPS[record.state] and record.state not in _WELL,
        bars=found.bars[-_BARS:],
    )


def _with_counts(found: Story, scene: Scene) -> RunLine:
    told = line(found.record, scene.now)
    return replace(told, counts=dict(found.counts))


def command(record: RunRecord) -> str:
    """What repeats a run on the command line."""
    if record.state in (RunState.FAILED, RunState.CANCELLED):
        return f"sqlpipe retry {short(record.id)}"
    words = [
        *(f"-s {shlex.quote(each)}" for each in record.select),
        *(f"-x {shlex.quote(each)}" for each in record.exclude),
        *(["--full-refresh"] if record.options.get("full_refresh") else []),
    ]
    return hide(" ".join(["sqlpipe run", *words]))


def frame(span: Span) -> tuple[tuple[int, str, str], ...]:
    """The lines of a place in a file: the number, the line, and what stands below it to point at the place."""
    return tuple(
        (number, text, _caret(span, text) if number == span.place.line else "") for number, text in span.context
    )


def _caret(span: Span, text: str) -> str:
    before = text[: span.place.column - 1]
    indent = "".join(each if each == "\t" else " " for each in before)
    return f"{indent}{'^' * max(1, min(span.place.length, len(text) - len(before)))}"


PAGES = (
    Page(
        name="run",
        path="/runs/{run}",
        says="A run: what happened in it, what was slow, and what went wrong.",
        view=_run,
        place="Runs",
        within=(Word("run", "The id of a run, or how it begins or ends."),),
        query=(
            Word("all", "Whether every node is listed.", among=("1",)),
            Word("node", "The node whose log is shown."),
            Word("item", "The item of the node, from 0.", int, default=-1),
            Word("attempt", "The number of the try; the latest unless given.", int, default=0),
        ),
    ),
)
