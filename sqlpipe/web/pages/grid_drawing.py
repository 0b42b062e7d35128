"""The grid of nodes and runs: a symbol for how each node ended in each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from sqlpipe.domain.journal import RunRecord
from sqlpipe.load.secret import hide
from sqlpipe.store.lookback import Cell
from sqlpipe.web.element import element
from sqlpipe.web.scene import Scene
from sqlpipe.web.words import count, exact, glyph, lasting, sign


@dataclass(frozen=True, slots=True)
class Line:
    """How a node ended in each of the runs of its grid; None where it was not part of one."""

    node: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Nodes by runs, the oldest run first."""

    runs: tuple[RunRecord, ...]
    lines: tuple[Line, ...]


def grid_of(recent: Sequence[RunRecord], nodes: Sequence[str], found: Mapping[tuple[str, str], Cell]) -> Grid:
    """The grid of some nodes and runs (newest first); `found` tells how nodes ended by run and node."""
    runs = tuple(reversed(recent))
    return Grid(runs, tuple(Line(node, tuple(found.get((run.id, node)) for run in runs)) for node in nodes))


def drawn(scene: Scene, grid: Grid) -> Markup:
    """The grid as a table: runs across, with their days above them, and a node in each row."""
    said = "How each node ended in the last runs, the newest on the right"
    head = element("thead", {}, element("tr", {}, *_days(grid)), element("tr", {}, *_runs(scene, grid)))
    body = element("tbody", {}, *(_row(scene, line) for line in grid.lines))
    return element("table", {"class": "grid"}, element("caption", {"class": "hush"}, said), head, body)


def _days(grid: Grid) -> Iterator[Markup]:
    yield element("td", {})
    for day, runs in groupby(grid.runs, lambda run: run.created.date()):
        width = len(list(runs))
        # A date is wider than a column or two.
        said = f"{day:%d %b}" if width > 2 else f"{day:%d}" if width > 1 else ""  # noqa: PLR2004
        yield element("th", {"scope": "colgroup", "colspan": width, "title": day}, said)


def _runs(scene: Scene, grid: Grid) -> Iterator[Markup]:
    yield element("th", {"scope": "col"}, element("span", {"class": "hush"}, "Node"))
    for run in grid.runs:
        it = sign(run.state)
        said = f"run {run.id}, {it.word}, {exact(run.started or run.created)}"
        link = {"class": it.tone, "href": scene.links.page("run", run=run.id), "title": said, "aria-label": said}
        yield element("th", {"scope": "col"}, element("a", link, it.symbol))


def _row(scene: Scene, line: Line) -> Markup:
    node = scene.workspace.graph.nodes[line.node]
    symbol = element("span", {"class": "glyph", "aria-hidden": "true"}, glyph(node.kind_name))
    link = element("a", {"class": "node", "href": scene.links.page("node", node=node.key)}, symbol, " ", str(node.name))
    return element("tr", {}, element("th", {"scope": "row"}, link), _cells(line))


def _cells(line: Line) -> Markup:
    # There are thousands of them, so that they are no elements.
    return Markup("".join("<td></td>" if each is None else _cell(each) for each in line.cells))  # noqa: S704 - escaped


def _cell(cell: Cell) -> str:
    it = sign(cell.state)
    rows = "" if cell.rows is None else count(cell.rows, "row")
    told = ", ".join(each for each in (rows, lasting(cell.seconds or None), hide(cell.detail)) if each)
    word = escape(it.word)
    more = f", {escape(told)}" if told else ""
    return f'<td class="{it.tone}" aria-label="{word}" title="{word}{more}">{it.symbol}</td>'
