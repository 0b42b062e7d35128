"""A dashboard: its text, what can be chosen, its charts with their data, and how old these are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from sqlpipe.app.answering import Result, pulse
from sqlpipe.app.dashboards import Results, Shipment, dashboard_of, results, shipment, variant
from sqlpipe.app.reading_matter import query_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.choices import Option, defaults, parameters, restricts
from sqlpipe.domain.dashboard import Dashboard, DateRange, Filter, Panel, Prose, Search, Select
from sqlpipe.domain.diagnostic import Diagnostic, Span, SqlpipeError, did_you_mean
from sqlpipe.domain.project import Node
from sqlpipe.graph.fingerprint import digest
from sqlpipe.web.page import Page
from sqlpipe.web.pages.code_drawing import code
from sqlpipe.web.pages.dashboard_panels import ShownPanel, shown_panel
from sqlpipe.web.pages.run import frame
from sqlpipe.web.prose import prose
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word


@dataclass(frozen=True, slots=True)
class Field:
    """A filter as it is chosen in: `sort` is `select`, `dates` or `search`; names and values of its parameters.

    `first` tells whether something is chosen at first, and `fixed` why nothing else can be chosen.
    """

    sort: str
    label: str
    values: Mapping[str, str]
    options: tuple[Option, ...] = ()
    first: bool = False
    fixed: str = ""


@dataclass(frozen=True, slots=True)
class Paragraphs:
    """Text between panels, in Markdown."""

    text: str

    def shown(self) -> Markup:
        """The text as HTML."""
        return prose(self.text)


@dataclass(frozen=True, slots=True)
class Shown:
    """A dashboard: what is on it from top to bottom, the rows by block, what was chosen, and how old it is.

    `at` is as of when the newest rows hold, `stale` why rows may be older than they could be. `problems` are those of
    the project as it is written now, `pulse` changes when the page does.
    """

    key: str
    title: str
    description: str
    path: str
    fields: tuple[Field, ...]
    complaints: tuple[Diagnostic, ...]
    at: datetime | None
    stale: tuple[str, ...]
    problems: tuple[Diagnostic, ...]
    tables: tuple[str, ...]
    pulse: str
    content: tuple[Paragraphs | ShownPanel, ...]
    blocks: Mapping[str, Result]
    shipment: Shipment | None = None
    restricted: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)

    def code(self, scene: Scene, sql: str) -> Markup:
        """The SQL of a block."""
        return code(scene, query_of(scene.workspace, scene.workspace.graph.nodes[self.key], sql))

    def frame(self, span: Span) -> tuple[tuple[int, str, str], ...]:
        """The lines of a frame."""
        return frame(span)

    @property
    def has_charts(self) -> bool:
        """Whether something has to be drawn."""
        return any(each.kind == "chart" for each in self.panels)

    @property
    def panels(self) -> tuple[ShownPanel, ...]:
        """The panels from top to bottom."""
        return tuple(each for each in self.content if isinstance(each, ShownPanel))

    @property
    def outlines(self) -> tuple[str, ...]:
        """The areas of which outlines are drawn."""
        found = (each.shape["spec"]["usermeta"].get("outline") for each in self.panels if each.kind == "chart")
        return tuple(sorted({each for each in found if each}))

    @property
    def is_chosen(self) -> bool:
        """Whether anything is chosen."""
        return any(value for each in self.fields for value in each.values.values())

    def data(self) -> Markup:
        """What the page is drawn from, as JSON that can stand within HTML."""
        told: dict[str, object] = {
            "panels": {each.number: {"block": each.block, **each.shape} for each in self.panels if each.shape},
            "blocks": {each.block: self._block(each) for each in self.blocks.values()},
            "choices": [
                {"sort": each.sort, "names": list(each.values), "first": each.first, "fixed": bool(each.fixed)}
                for each in self.fields
            ],
        }
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        for sign in "<>&":
            text = text.replace(sign, f"\\u{ord(sign):04x}")
        return Markup(text)  # noqa: S704 - nothing in it ends the element that it stands in

    def _block(self, result: Result) -> Mapping[str, object]:
        """The rows of a block by what is chosen in filters that it asks for, and which others restrict them."""
        shape = {"columns": result.columns, "types": result.types}
        if self.shipment is None:
            return {**shape, "asks": (), "variants": {variant(()): result.rows}, "restricted": ()}
        variants = {choice: each.rows for choice, each in self.shipment.blocks[result.block].items()}
        asks = self.shipment.asks[result.block]
        return {**shape, "asks": asks, "variants": variants, "restricted": self.restricted.get(result.block, ())}


def _view(scene: Scene, words: Mapping[str, Any]) -> Shown:
    page = dashboard_named(scene.workspace, words["dashboard"])
    dashboard = dashboard_of(page)
    found = results(scene.workspace, scene.survey, page, words.get("choices") or {}, scene.now)
    shipped = None if scene.live else shipment(scene.workspace, scene.survey, page, scene.now)
    moments = [each.at for each in found.blocks.values() if each.at is not None]
    return Shown(
        key=page.key,
        title=dashboard.title,
        description=page.description,
        path=page.path,
        fields=tuple(_field(each, found, shipped.fixed if shipped else {}) for each in dashboard.filters),
        complaints=found.complaints,
        at=max(moments, default=None),
        stale=tuple(dict.fromkeys(each.stale for each in found.blocks.values() if each.stale)),
        problems=scene.problems,
        tables=scene.workspace.graph.parents[page.key],
        pulse=_pulse_of(scene, page),
        content=tuple(_content(dashboard, found)),
        blocks=found.blocks,
        shipment=shipped,
        restricted=_restricted(dashboard, found) if shipped else {},
    )


def dashboard_named(workspace: Workspace, name: str) -> Node:
    """The dashboard of that name; raises SP302 with near misses where there is none."""
    node = workspace.graph.nodes.get(name.casefold())
    if node is not None and isinstance(node.kind, Dashboard):
        return node
    known = [key for key, each in workspace.graph.nodes.items() if isinstance(each.kind, Dashboard)]
    help = did_you_mean(name, known)
    raise SqlpipeError(Diagnostic(code="SP302", message=f"there is no dashboard `{name}`", help=help), exit_code=2)


def _field(filter: Filter, found: Results, fixed: Mapping[str, str]) -> Field:
    sort = {Select: "select", DateRange: "dates", Search: "search"}[type(filter)]
    values = {name: found.picks.get(name, "") for name in parameters(filter)}
    options = found.options.get(filter.name, ())
    return Field(sort, filter.label, values, options, bool(defaults(filter)), fixed.get(filter.name, ""))


def _content(dashboard: Dashboard, found: Results) -> Iterator[Paragraphs | ShownPanel]:
    blocks = {each.name.casefold(): each for each in dashboard.blocks.values()}
    number = 0
    for each in dashboard.content:
        match each:
            case Prose(text=text):
                yield Paragraphs(text)
            case Panel(data=name):
                number += 1
                block = blocks[name.casefold()]
                yield shown_panel(number, each, block, found.blocks[block.name])


def _restricted(dashboard: Dashboard, found: Results) -> Mapping[str, tuple[Mapping[str, object], ...]]:
    """By block, the filters that restrict its output, each with the column that it looks at."""
    return {
        name: tuple(
            {"names": parameters(filter), "index": index, "search": isinstance(filter, Search)}
            for filter in dashboard.filters
            if restricts(filter, dashboard.blocks[name]) and (index := result.column(filter.column)) is not None
        )
        for name, result in found.blocks.items()
    }


@dataclass(frozen=True, slots=True)
class Pulse:
    """A word that changes when a dashboard does."""

    pulse: str


def _pulse(scene: Scene, words: Mapping[str, Any]) -> Pulse:
    return Pulse(_pulse_of(scene, dashboard_named(scene.workspace, words["dashboard"])))


def _pulse_of(scene: Scene, page: Node) -> str:
    known = pulse(scene.workspace, scene.survey, page, scene.now)
    wrong = [f"{each.code} {each.message} {each.span}" for each in (*scene.problems, scene.survey.problem) if each]
    return digest(known, *wrong)


_NAME = Word("dashboard", "The name of a dashboard.")

PAGES = (
    Page(
        name="dashboard",
        path="/dashboards/{dashboard}",
        says="A dashboard: what it shows where this is chosen in its filters.",
        view=_view,
        place="Dashboards",
        within=(_NAME,),
        rest="choices",
    ),
    Page(
        name="dashboard_pulse",
        path="/dashboards/{dashboard}/pulse",
        says="A word that changes when a dashboard does.",
        view=_pulse,
        place="Dashboards",
        within=(_NAME,),
        only_live=True,
    ),
)
