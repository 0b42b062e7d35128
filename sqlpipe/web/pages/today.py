"""Today: whether it is well, what is to be looked at, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlpipe.app.health import (
    RUNS_SHOWN,
    Complaint,
    Due,
    Failure,
    Health,
    Missed,
    Stale,
    grid,
    health,
    rows_of_interest,
)
from sqlpipe.app.surveying import Survey
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.web.page import Page
from sqlpipe.web.pages.grid_drawing import Grid, drawn, grid_of
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word
from sqlpipe.web.words import count

if TYPE_CHECKING:
    from markupsafe import Markup

_NOTHING_BUILT = "SP501"
# So many nodes of each sort are told; the grid has fewer rows unless all are asked for.
_LISTED, _ROWS, _ALL_ROWS = 50, 40, 300


@dataclass(frozen=True, slots=True)
class Today:
    """How it stands: `state` is the word of a sign, `verdict` a sentence; lists may be cut, totals are not."""

    state: str
    verdict: str
    last: RunRecord | None
    active: tuple[RunRecord, ...]
    due: tuple[Due, ...]
    checks: tuple[Complaint, ...]
    promises: tuple[Complaint, ...]
    failures: tuple[Failure, ...]
    stale: tuple[Stale, ...]
    missed: tuple[Missed, ...]
    totals: Mapping[str, int]
    nodes: int
    every: bool
    grid: Grid

    def drawing(self, scene: Scene) -> Markup:
        """The grid of nodes and runs."""
        return drawn(scene, self.grid)


def _today(scene: Scene, words: Mapping[str, Any]) -> Today:
    found = health(scene.workspace, scene.survey, scene.now)
    most = _ALL_ROWS if words["all"] else _ROWS
    keys = rows_of_interest(scene.workspace, scene.survey, found, len(scene.workspace.graph.nodes))
    recent = tuple(each for each in found.recent if each.started is not None)[:RUNS_SHOWN]
    state, verdict = _verdict(scene.survey, found)
    promises = tuple(each for each in found.complaints if each.is_freshness)
    checks = tuple(each for each in found.complaints if not each.is_freshness)
    return Today(
        state=state,
        verdict=verdict,
        last=found.last,
        active=found.active,
        due=found.due,
        checks=_listed(checks),
        promises=_listed(promises),
        failures=found.failures[:_LISTED],
        stale=found.stale[:_LISTED] if scene.survey.held else (),
        missed=found.missed,
        totals={
            "checks": len(checks),
            "promises": len(promises),
            "failures": len(found.failures),
            "stale": len(found.stale),
        },
        nodes=len(keys),
        every=bool(words["all"]),
        grid=grid_of(recent, keys[:most], grid(scene.workspace, recent, keys[:most])),
    )


def _listed(found: Sequence[Complaint]) -> tuple[Complaint, ...]:
    """The first of them, without the rows that were kept: these are on the pages of their nodes."""
    return tuple(replace(each, state=replace(each.state, sample=())) for each in found[:_LISTED])


def _verdict(survey: Survey, found: Health) -> tuple[str, str]:
    """The word of a sign, and a sentence."""
    if not found.recent and not survey.held:
        return "unknown", "Nothing has been run yet."
    bad, odd = list(_bad(found)), list(_odd(survey, found))
    if not bad and not odd:
        return "done", "All is well."
    said = [*bad, *odd]
    sentence = " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)
    return "failed" if bad else "stale", f"{sentence[:1].upper()}{sentence[1:]}."


def _bad(found: Health) -> Iterator[str]:
    failed = sum(1 for each in found.failures if each.ending.state == State.FAILED)
    broken = sum(1 for each in found.complaints if each.blocks)
    if failed:
        yield f"{count(failed, 'node')} failed"
    if len(found.failures) > failed:
        yield f"{count(len(found.failures) - failed, 'node')} could not run"
    if broken:
        yield f"{count(broken, 'check')} {'fails' if broken == 1 else 'fail'}"
    if found.missed:
        yield f"{count(len(found.missed), 'run')} missed {'its deadline' if len(found.missed) == 1 else 'deadlines'}"
    if found.last and found.last.state is RunState.FAILED and not failed and not broken:
        yield "the last run failed"


def _odd(survey: Survey, found: Health) -> Iterator[str]:
    warned = sum(1 for each in found.complaints if not each.blocks)
    if warned:
        yield f"{count(warned, 'check')} {'warns' if warned == 1 else 'warn'}"
    if found.stale and survey.held:
        yield f"{count(len(found.stale), 'node')} {'is' if len(found.stale) == 1 else 'are'} stale"
    if survey.problem and survey.problem.code != _NOTHING_BUILT:
        yield "the database cannot be looked at"


PAGES = (
    Page(
        name="today",
        path="/",
        says="Whether it is well: the last and the next run, what fails, and what is stale.",
        view=_today,
        place="Today",
        query=(Word("all", "1 to have the grid show all nodes, up to 300.", int, default=0, most=1),),
    ),
)
