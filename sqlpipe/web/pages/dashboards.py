"""The dashboards that there are, and how old what they show is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.app.answering import as_of, why_stale
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.diagnostic import Diagnostic, Span
from sqlpipe.web.page import Page
from sqlpipe.web.pages.run import frame
from sqlpipe.web.scene import Scene


@dataclass(frozen=True, slots=True)
class Listed:
    """A dashboard in the list; `at` is as of when its newest rows hold, `stale` why they may be old."""

    key: str
    title: str
    description: str
    tags: tuple[str, ...]
    at: datetime | None
    stale: str


@dataclass(frozen=True, slots=True)
class Dashboards:
    """All dashboards by title, and what is wrong with the project as it is written now."""

    dashboards: tuple[Listed, ...]
    problems: tuple[Diagnostic, ...]

    def frame(self, span: Span) -> tuple[tuple[int, str, str], ...]:
        """The lines of a frame."""
        return frame(span)


def _view(scene: Scene, _words: Mapping[str, Any]) -> Dashboards:
    workspace, survey = scene.workspace, scene.survey
    found = [
        Listed(
            key,
            node.kind.title,
            node.description,
            tuple(sorted(node.tags)),
            as_of(workspace, survey, node.kind.blocks.values()),
            why_stale(workspace, survey, workspace.graph.parents[key]),
        )
        for key, node in workspace.graph.nodes.items()
        if isinstance(node.kind, Dashboard)
    ]
    return Dashboards(tuple(sorted(found, key=lambda each: (each.title.casefold(), each.key))), scene.problems)


PAGES = (
    Page(
        name="dashboards",
        path="/dashboards",
        says="The dashboards and how old what they show is.",
        view=_view,
        place="Dashboards",
    ),
)
