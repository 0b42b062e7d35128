"""The graph: the project or a selection of it, drawn; groups are folded where there would be too much to see."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from sqlpipe.app.node_states import NodeState, node_states
from sqlpipe.app.workspace import keys_of, node_named
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.project import Node
from sqlpipe.graph.fold import fold
from sqlpipe.graph.layout import Box, Drawing, Edge, Point, lay_out
from sqlpipe.graph.select import Selection
from sqlpipe.web.drawing import Face, svg, width_of
from sqlpipe.web.page import Page
from sqlpipe.web.pages.graph_marks import COLOURS, Legend, Mark, legend, marks, of_group, summed_up
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word
from sqlpipe.web.words import count, glyph

if TYPE_CHECKING:
    from markupsafe import Markup

# Nobody reads more boxes at once.
_MOST = 150
# The static site has a drawing for each of so many groups.
_MOST_EDITIONS = 40
_PLAIN = re.compile(r"[\w.]+")
_FOLDS = ("all", "none")
# Room for what stands at the right side of a box.
_LETTERS: Mapping[str, int] = {"state": 3, "kind": 0, "age": 7, "duration": 11, "group": 11}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxView:
    """A box: a node, or a group of `nodes` nodes, for which kind and state are empty; its place in pixels."""

    key: str
    name: str
    group: str
    kind: str
    state: str
    nodes: int
    mark: Mark
    place: Box


@dataclass(frozen=True, slots=True)
class EdgeView:
    """A line from a box to one that reads it; `edges` is how many edges between nodes it stands for."""

    start: str
    end: str
    edges: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphView:
    """The graph as it is drawn, boxes from left to right.

    `total` is how many nodes it shows, as boxes or in them, `of` how many there are.
    """

    boxes: tuple[BoxView, ...]
    edges: tuple[EdgeView, ...]
    width: float
    height: float
    total: int
    of: int
    selection: str
    colour: str
    fold: str
    groups: Mapping[str, int]
    open: tuple[str, ...]
    legend: tuple[Legend, ...]
    problems: tuple[Diagnostic, ...] = ()

    @property
    def many(self) -> bool:
        """Whether groups are folded unless one asks for all."""
        return self.total > _MOST

    @property
    def folded(self) -> bool:
        """Whether there are groups that could be opened."""
        return any(each.nodes > 1 for each in self.boxes)

    def words(self, **changed: object) -> dict[str, object]:
        """The words of the address of this page, some of them changed; what goes without saying is left out."""
        said = {"s": self.selection, "colour": self.colour, "fold": self.fold, "open": _listed(self.open)} | changed
        return {**said, "colour": "" if said["colour"] == COLOURS[0] else said["colour"]}

    def with_open(self, group: str) -> dict[str, object]:
        """The words of the address at which a group is open, too."""
        return self.words(open=_listed(sorted({*self.open, group})))

    def without_open(self, group: str) -> dict[str, object]:
        """The words of the address at which a group is folded again."""
        return self.words(open=_listed(each for each in self.open if each != group))

    def drawn(self, scene: Scene) -> Markup:
        """The drawing."""
        faces = {each.key: self._face(scene, each) for each in self.boxes}
        edges = tuple(Edge(each.start, each.end, each.points) for each in self.edges)
        drawing = Drawing({each.key: each.place for each in self.boxes}, edges, self.width, self.height)
        counts = {(each.start, each.end): each.edges for each in self.edges}
        says = f"{count(len(self.boxes), 'box', 'boxes')}, {count(len(self.edges), 'edge')}, from left to right"
        return svg(drawing, faces, counts, says)

    def _face(self, scene: Scene, box: BoxView) -> Face:
        """A box as it looks."""
        if box.nodes > 1:
            return Face(
                key=box.key,
                address=scene.links.page("graph", **self.with_open(box.group)),
                says=f"{box.group}: {count(box.nodes, 'node')}, {box.mark.says}".rstrip(", "),
                glyph="▸",
                prefix="",
                label=f"{box.group} · {box.nodes:,}",
                mark=box.mark.text,
                tone=box.mark.tone,
                count=box.nodes,
            )
        prefix = f"{box.group}." if box.group else ""
        return Face(
            key=box.key,
            address=scene.links.page("node", node=box.key),
            says=", ".join(filter(None, (box.name, box.kind, box.state, box.mark.says))),
            glyph=glyph(box.kind),
            prefix=prefix,
            label=box.name.removeprefix(prefix),
            mark=box.mark.text,
            tone=box.mark.tone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerView:
    """A node beside the graph: what it is, how it stands, and what is one hop away."""

    key: str
    name: str
    kind: str
    description: str
    tags: tuple[str, ...]
    file: str
    state: NodeState
    upstream: tuple[str, ...]
    downstream: tuple[str, ...]
    around: str


def _graph(scene: Scene, words: Mapping[str, Any]) -> GraphView:
    nodes, selected, colour = scene.workspace.graph.nodes, words["s"].strip(), words["colour"]
    keys, problems = _chosen(scene, selected)
    schemas = {key: nodes[key].name.schema for key in keys}
    folds = len(keys) > {"none": inf, "all": 0}.get(words["fold"], _MOST)
    opened = tuple(sorted(set(_unlisted(words["open"])) & set(schemas.values()))) if folds else ()
    folded = fold({key: scene.workspace.graph.parents[key] for key in keys}, schemas if folds else {}, opened)
    states = node_states(scene.workspace, scene.survey, keys)
    told = marks(scene, states, colour)
    names = {box: str(nodes[box].name) for box in folded.parents if box not in folded.groups}
    names |= {box: f"{schemas[each[0]]} · {len(each):,}" for box, each in folded.groups.items()}
    drawing = _laid_out(
        tuple(folded.parents.items()),
        tuple(width_of(names[box], _LETTERS["group" if box in folded.groups else colour]) for box in folded.parents),
        tuple(folded.counts.items()),
    )
    return GraphView(
        boxes=tuple(
            _group(schemas[folded.groups[box][0]], [told[each] for each in folded.groups[box]], colour, place)
            if box in folded.groups
            else _node(nodes[box], states[box], told[box], place)
            for box, place in sorted(drawing.boxes.items(), key=lambda each: (each[1].x, each[1].y))
        ),
        edges=tuple(
            EdgeView(each.start, each.end, folded.counts[each.start, each.end], each.points) for each in drawing.edges
        ),
        width=drawing.width,
        height=drawing.height,
        total=len(keys),
        of=len(nodes),
        selection=selected,
        colour=colour,
        fold=words["fold"],
        groups=dict(sorted(Counter(schemas.values()).items())),
        open=opened,
        legend=legend(told.values(), colour),
        problems=problems,
    )


def _chosen(scene: Scene, selected: str) -> tuple[Sequence[str], tuple[Diagnostic, ...]]:
    """The nodes of a selection; none, and why, where it cannot be understood."""
    try:
        return keys_of(scene.workspace, Selection((selected,) if selected else ()), set(scene.survey.failed)), ()
    except SqlpipeError as error:
        return (), error.diagnostics


@lru_cache(maxsize=32)
def _laid_out(
    parents: tuple[tuple[str, tuple[str, ...]], ...],
    widths: tuple[float, ...],
    strengths: tuple[tuple[tuple[str, str], int], ...],
) -> Drawing:
    """The drawing of a graph, kept for the next who looks; everything that it depends on is in its name."""
    keys = [key for key, _ in parents]
    return lay_out(dict(parents), dict(zip(keys, widths, strict=True)), dict(strengths))


def _group(schema: str, members: Sequence[Mark], colour: str, place: Box) -> BoxView:
    return BoxView(
        key=place.key, name=schema, group=schema, kind="", state=summed_up(members) if colour == "state" else "",
        nodes=len(members), mark=of_group(members, colour), place=place,
    )  # fmt: skip


def _node(node: Node, state: NodeState, mark: Mark, place: Box) -> BoxView:
    return BoxView(
        key=node.key, name=str(node.name), group=node.name.schema, kind=node.kind_name, state=state.state,
        nodes=1, mark=mark, place=place,
    )  # fmt: skip


def _drawer(scene: Scene, words: Mapping[str, Any]) -> DrawerView:
    graph = scene.workspace.graph
    node = node_named(scene.workspace, words["node"])
    return DrawerView(
        key=node.key,
        name=str(node.name),
        kind=node.kind_name,
        description=node.description,
        tags=tuple(sorted(node.tags)),
        file=node.path,
        state=node_states(scene.workspace, scene.survey, (node.key,))[node.key],
        upstream=graph.parents[node.key],
        downstream=graph.children[node.key],
        around=f"+{node.name}+" if _PLAIN.fullmatch(str(node.name)) else "",
    )


def _listed(groups: Iterable[str]) -> str:
    """Names of groups as one word of an address; commas in them are not taken for what stands between them."""
    return ",".join(quote(each, safe=" ") for each in groups)


def _unlisted(word: str) -> list[str]:
    return [unquote(each) for each in word.split(",") if each]


def _editions(scene: Scene) -> Sequence[Mapping[str, Any]]:
    """The drawings of a static site: in every colour, with everything, and with each group open."""
    schemas = [node.name.schema for node in scene.workspace.graph.nodes.values()]
    groups = [each for each, number in Counter(schemas).most_common(_MOST_EDITIONS) if number > 1]
    folds = [{"fold": "none"}, *({"open": _listed([each])} for each in groups)] if len(schemas) > _MOST else []
    return [*({"colour": each} for each in COLOURS[1:]), *folds]


PAGES = (
    Page(
        name="graph",
        path="/graph",
        says="What hangs together: the graph of all nodes, or of a selection.",
        view=_graph,
        place="Graph",
        query=(
            Word("s", "A selection, as `sqlpipe list` takes it.", default=""),
            Word("colour", "What colours tell.", default="state", among=COLOURS),
            Word(
                "fold", "Fold schemas to one box: all, none, or where there are many nodes.", default="", among=_FOLDS
            ),
            Word("open", "Schemas that are not folded, with commas between them.", default=""),
        ),
        editions=_editions,
    ),
    Page(
        name="drawer",
        path="/graph/drawer",
        says="A node beside the graph: what it is, how it stands, and what is one hop away.",
        view=_drawer,
        place="Graph",
        query=(Word("node", "A node: its name, or what a selection would find.", required=True),),
        only_live=True,
    ),
)
