"""The page of a node: what it is, how it stands, what it is made from, and what has become of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlpipe.app.health import checks_of
from sqlpipe.app.node_past import Past, past_of, pipelines_with
from sqlpipe.app.node_states import NodeState, node_states
from sqlpipe.app.reading_matter import SourceText, rendered_of, source_of
from sqlpipe.app.surveying import CheckDay, CheckState, Load
from sqlpipe.app.workspace import Patience, Rows, node_named, show
from sqlpipe.domain.check import Check
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.held import Held
from sqlpipe.domain.project import Incremental, Node
from sqlpipe.graph.kin import Kin, kin
from sqlpipe.load.secret import hidden
from sqlpipe.run.hall import LINGER
from sqlpipe.web.page import Page
from sqlpipe.web.pages import hood_drawing, spark_drawing
from sqlpipe.web.pages.calendar_drawing import Calendar, calendar
from sqlpipe.web.pages.code_drawing import code
from sqlpipe.web.pages.node_columns import ColumnView, columns_of
from sqlpipe.web.pages.node_settings import Setting, settings_of
from sqlpipe.web.pages.spark_drawing import Point
from sqlpipe.web.pages.strip_drawing import strip
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word
from sqlpipe.web.words import count, exact, lasting

if TYPE_CHECKING:
    from markupsafe import Markup

_DEPTH, _KIN = 4, 60
_PREVIEW = 20
# So long (seconds) one waits for rows while a run has the database.
_PATIENCE = Patience(LINGER + 0.5)
_WITHOUT_ROWS = frozenset({"task", "sensor", "dashboard"})


@dataclass(frozen=True, slots=True)
class CheckView:
    """A check of a node: how strict it is, what it found last (None if it never looked), and its days, oldest first."""

    name: str
    severity: str
    line: int
    last: CheckState | None
    days: tuple[CheckDay, ...]

    def strip(self, scene: Scene) -> Markup:
        """How it ended in the last 90 days."""
        return strip(self.days, scene.now.date())


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeView:
    """Everything that is told of a node; what does not exist is empty."""

    key: str
    name: str
    kind: str
    description: str
    tags: tuple[str, ...]
    file: str
    state: NodeState
    held: Held | None
    size: int | None
    settings: tuple[Setting, ...]
    columns: tuple[ColumnView, ...]
    checks: tuple[CheckView, ...]
    source: SourceText
    rendered: SourceText | None
    upstream: Kin
    downstream: Kin
    past: Past
    intervals: Calendar | None
    loads: tuple[Load, ...]
    pipelines: tuple[str, ...]
    dashboards: tuple[str, ...]
    has_rows: bool
    command: str

    def body(self, before: str = "", *, full_refresh: bool = False) -> str:
        """What is sent to have the node run; `before` is what a selection has in front of its name."""
        return json.dumps({"select": [f"{before}{self.key}"], "full_refresh": full_refresh})

    def code(self, scene: Scene, text: SourceText) -> Markup:
        """A text in colours."""
        return code(scene, text)

    def hood(self, scene: Scene) -> Markup:
        """The node between those that it reads and those that read it."""
        return hood_drawing.drawn(scene, self.upstream, self.downstream)

    def durations(self) -> Markup:
        """How long the last attempts took."""
        points = [
            Point(each.seconds, f"{exact(each.at)}: {each.state}, {lasting(each.seconds)}", each.state != "done")
            for each in self.past.tries
        ]
        return spark_drawing.line(points, f"How long the last {count(len(points), 'attempt')} took")

    def calendar(self, now: datetime) -> Markup:
        """The intervals that are done and missing."""
        assert self.intervals is not None
        return calendar(self.intervals, now)


@dataclass(frozen=True, slots=True)
class NodeRows:
    """The first rows of a node, or why they cannot be told."""

    name: str
    command: str
    rows: Rows | None
    problem: Diagnostic | None


def _node(scene: Scene, words: Mapping[str, Any]) -> NodeView:
    workspace, survey = scene.workspace, scene.survey
    node = node_named(workspace, words["node"])
    graph, key = workspace.graph, node.key
    state = node_states(workspace, survey, (key,))[key]
    return NodeView(
        key=key,
        name=str(node.name),
        kind=node.kind_name,
        description=node.description,
        tags=tuple(sorted(node.tags)),
        file=node.path,
        state=state,
        held=survey.held.get(key),
        size=survey.sizes.get(key),
        settings=settings_of(node),
        columns=columns_of(node, survey.columns.get(key, ())),
        checks=_checks(scene, node),
        source=source_of(workspace, node),
        rendered=_rendered(scene, node),
        upstream=kin(graph.parents, key, depth=_DEPTH, most=_KIN),
        downstream=kin(graph.children, key, depth=_DEPTH, most=_KIN),
        past=past_of(workspace, key),
        intervals=_intervals(scene, node, state),
        loads=survey.loads.get(key, ()) if node.kind_name == "ingest" else (),
        pipelines=tuple(each.name for each in pipelines_with(workspace, key, survey.failed)),
        dashboards=tuple(each for each in graph.children[key] if graph.nodes[each].kind_name == "dashboard"),
        has_rows=scene.live and node.kind_name not in _WITHOUT_ROWS,
        command=f"sqlpipe run -s {shlex.quote(str(node.name))}",
    )


def _checks(scene: Scene, node: Node) -> tuple[CheckView, ...]:
    last = {each.name: each for each in scene.survey.checks.get(node.key, ())}
    days = scene.survey.check_days.get(node.key, ())

    def view(check: Check) -> CheckView:
        own = tuple(each for each in days if each.name == check.name)
        return CheckView(check.name, check.severity, check.place.line, last.get(check.name), own)

    return tuple(map(view, checks_of(node)))


def _rendered(scene: Scene, node: Node) -> SourceText | None:
    """The SQL as it runs, unless that is what its file says."""
    found = rendered_of(scene.workspace, node)
    return None if found is None or found.text.strip() == node.body.strip() else found


def _intervals(scene: Scene, node: Node, state: NodeState) -> Calendar | None:
    if not isinstance(node.kind, Incremental):
        return None
    step = scene.survey.steps.get(node.key)
    found = Calendar(
        node.kind.time.grain,
        scene.survey.intervals.get(node.key, ()),
        step.intervals if step else (),
        state.state == "failed",
    )
    return found if found.done or found.missing else None


def _rows(scene: Scene, words: Mapping[str, Any]) -> NodeRows:
    node = node_named(scene.workspace, words["node"])
    command = f"sqlpipe show {shlex.quote(str(node.name))} --limit 100"
    try:
        rows = show(replace(scene.workspace, patience=_PATIENCE), name=str(node.name), limit=_PREVIEW)
    except SqlpipeError as error:
        return NodeRows(str(node.name), command, None, hidden(error.diagnostics[0]))
    return NodeRows(str(node.name), command, rows, None)


_WHICH = (Word("node", "A node: its name, or what a selection would find."),)

PAGES = (
    Page(
        name="node",
        path="/nodes/{node}",
        says="What a node is, how it stands, and what has become of it.",
        view=_node,
        place="Catalog",
        within=_WHICH,
    ),
    Page(
        name="node_rows",
        path="/nodes/{node}/rows",
        says="The first rows of a node.",
        view=_rows,
        place="Catalog",
        within=_WHICH,
        only_live=True,
    ),
)
