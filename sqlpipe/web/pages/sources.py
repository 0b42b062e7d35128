"""Sources: where rows come from, how far they have been read, and how late that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlpipe.app.node_past import last_well
from sqlpipe.app.node_states import NodeState, node_states
from sqlpipe.domain.check import Freshness
from sqlpipe.domain.project import ColumnCursor, Ingest, Node, Seed, Source
from sqlpipe.load.secret import hide
from sqlpipe.web.page import Page
from sqlpipe.web.pages.node_settings import cursor_of
from sqlpipe.web.pages.spark_drawing import Point, bars
from sqlpipe.web.scene import Scene
from sqlpipe.web.words import count, exact

if TYPE_CHECKING:
    from markupsafe import Markup

_LOADS = 40


@dataclass(frozen=True, slots=True)
class Wrote:
    """How many rows a load wrote."""

    at: datetime
    rows: int
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """Where the rows of a node come from.

    `position` is how far they have been read, `moment` the same if it is one. `loaded` is when rows were written last,
    `asked` when the source was.
    """

    key: str
    kind: str
    reads: str
    cursor: str
    schema: str
    state: NodeState
    position: str
    moment: datetime | None
    rows: int | None
    loaded: datetime | None
    asked: datetime | None
    promised: float | None
    loads: tuple[Wrote, ...]

    def bars(self) -> Markup:
        """A bar for each of the last loads."""
        points = [Point(each.rows, f"{exact(each.at)}: {count(each.rows, 'row')}") for each in self.loads]
        return bars(points, f"Rows of the last {len(points)} loads")


@dataclass(frozen=True, slots=True)
class Sources:
    """The nodes that bring rows in, by kind."""

    ingests: tuple[SourceView, ...]
    seeds: tuple[SourceView, ...]
    tables: tuple[SourceView, ...]


def _sources(scene: Scene, _words: Mapping[str, Any]) -> Sources:
    found = [each for each in scene.workspace.graph.nodes.values() if isinstance(each.kind, Ingest | Seed | Source)]
    found.sort(key=lambda node: node.key)
    keys = [each.key for each in found]
    states, asked = node_states(scene.workspace, scene.survey, keys), last_well(scene.workspace, keys)
    views = [_view(scene, each, states[each.key], asked.get(each.key)) for each in found]
    return Sources(
        *(tuple(each for each in views if each.kind == kind) for kind in ("ingest", "seed", "source")),
    )


def _view(scene: Scene, node: Node, state: NodeState, asked: datetime | None) -> SourceView:
    held = scene.survey.held.get(node.key)
    position = hide(held.position.partition(" ")[2]) if held else ""
    within = [each.rule.within for each in node.checks if isinstance(each.rule, Freshness)]
    kind = node.kind if isinstance(node.kind, Ingest) else None
    return SourceView(
        key=node.key,
        kind=node.kind_name,
        reads=hide(kind.source) if kind else "" if isinstance(node.kind, Source) else node.path,
        cursor=cursor_of(kind) if kind else "",
        schema=kind.schema if kind else "",
        state=state,
        position=position,
        moment=_moment(position) if kind and isinstance(kind.cursor, ColumnCursor) else None,
        rows=scene.survey.sizes.get(node.key),
        loaded=held.at if held else None,
        asked=asked,
        promised=min(within, default=None),
        loads=tuple(
            Wrote(each.at, each.rows, each.run)
            for each in scene.survey.loads.get(node.key, ())[-_LOADS:]
            if each.rows is not None
        ),
    )


def _moment(position: str) -> datetime | None:
    """The moment that a watermark is, in UTC; None where it is none."""
    if len(position) < len("2013-01-01"):
        return None
    try:
        found = datetime.fromisoformat(position)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


PAGES = (
    Page(
        name="sources",
        path="/sources",
        says="Where rows come from, how far they have been read, and how late that is.",
        view=_sources,
        place="Sources",
    ),
)
