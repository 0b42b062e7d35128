"""Checks: which of them fail, and how each ended day by day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlpipe.app.health import checks_of
from sqlpipe.app.surveying import CheckDay, CheckState
from sqlpipe.app.workspace import keys_of
from sqlpipe.domain.check import Check
from sqlpipe.domain.diagnostic import Diagnostic, Severity, SqlpipeError
from sqlpipe.graph.select import Selection
from sqlpipe.web.page import Page
from sqlpipe.web.pages.matrix_drawing import drawn
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word

if TYPE_CHECKING:
    from markupsafe import Markup

_DAYS, _SIZE = 30, 100
# Those that fail come first.
_ORDER = ("failed", "warned", "unknown", "passed")


@dataclass(frozen=True, slots=True)
class CheckLine:
    """A check of a node, what it found last (None if it never looked), and its last days, oldest first."""

    node: str
    name: str
    state: str
    severity: str
    last: CheckState | None
    days: tuple[CheckDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """One page of the checks of a selection, those that fail first; `counts` are of all of them by state."""

    lines: tuple[CheckLine, ...]
    days: tuple[date, ...]
    counts: Mapping[str, int]
    total: int
    page: int
    pages: int
    selection: str
    only: str
    problems: tuple[Diagnostic, ...] = ()

    def drawing(self, scene: Scene) -> Markup:
        """The matrix of checks and days."""
        return drawn(scene, self.lines, self.days)


def _checks(scene: Scene, words: Mapping[str, Any]) -> Checks:
    keys, problems = _chosen(scene, words["s"].strip())
    found = sorted(_lines(scene, keys), key=lambda each: _ORDER.index(each[1]))
    counts = {state: sum(1 for each in found if each[1] == state) for state in _ORDER}
    if words["only"] == "failing":
        found = [each for each in found if each[1] in ("failed", "warned")]
    size = _SIZE if scene.live else max(1, len(found))
    pages = max(1, -(-len(found) // size))
    page = min(words["page"], pages)
    today = scene.now.date()
    return Checks(
        lines=tuple(_line(scene, *each) for each in found[(page - 1) * size : page * size]),
        days=tuple(today - timedelta(days=number) for number in reversed(range(_DAYS))),
        counts=counts,
        total=len(found),
        page=page,
        pages=pages,
        selection=words["s"],
        only=words["only"],
        problems=problems,
    )


def _chosen(scene: Scene, selected: str) -> tuple[Sequence[str], tuple[Diagnostic, ...]]:
    try:
        selection = Selection((selected,) if selected else ())
        return keys_of(scene.workspace, selection, set(scene.survey.failed)), ()
    except SqlpipeError as error:
        return (), error.diagnostics


Found = tuple[str, str, Check, CheckState | None]


def _lines(scene: Scene, keys: Sequence[str]) -> Iterator[Found]:
    """The checks of nodes: the node, the state, the check and what it found last."""
    for key in keys:
        last = {each.name: each for each in scene.survey.checks.get(key, ())}
        for check in checks_of(scene.workspace.graph.nodes[key]):
            state = last.get(check.name)
            yield key, check_word(check.severity, state), check, state


def check_word(severity: str, last: CheckState | None) -> str:
    """The word for how a check ended last."""
    if last is None:
        return "unknown"
    return "passed" if last.passed else "failed" if severity == Severity.ERROR else "warned"


def _line(scene: Scene, key: str, word: str, check: Check, last: CheckState | None) -> CheckLine:
    since = scene.now.date() - timedelta(days=_DAYS)
    days = (each for each in scene.survey.check_days.get(key, ()) if each.name == check.name and each.day > since)
    return CheckLine(key, check.name, word, check.severity, last, tuple(days))


PAGES = (
    Page(
        name="checks",
        path="/checks",
        says="Checks: which of them fail, and how each ended day by day.",
        view=_checks,
        place="Checks",
        query=(
            Word("s", "A selection of nodes, as `sqlpipe list` takes it.", default=""),
            Word("only", "`failing` for those that do not pass.", default="", among=("", "failing")),
            Word("page", "The page, from 1.", int, default=1, least=1, most=10**6),
        ),
    ),
)
