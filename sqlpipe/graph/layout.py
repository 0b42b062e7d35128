"""A drawing of a graph: boxes in ranks from left to right, and edges that do not run behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt

from sqlpipe.graph.crossings import untangle
from sqlpipe.graph.layers import Layers, Route, part
from sqlpipe.graph.placement import BOX, STEP, place

Point = tuple[float, float]

_WIDTH = 160.0
_BETWEEN_PARTS = 32.0
_BETWEEN_LONELY = 12.0
# Between two ranks; wider where lines have far to go up or down.
_GAP, _WIDEST_GAP, _SLOPE = 48.0, 160.0, 0.15
# How far beside its boxes a line that goes back turns round.
_TURN = 16.0
# A drawing of many parts is to be this much wider than high.
_ASPECT = 1.8


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands: its left upper corner and its size in pixels; its rank counts from the left of its part."""

    key: str
    rank: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from the right side of the node that is read to the left side of the one that reads it."""

    start: str
    end: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes by key and edges, within `width` and `height`."""

    boxes: Mapping[str, Box]
    edges: tuple[Edge, ...]
    width: float
    height: float


def lay_out(
    parents: Mapping[str, Sequence[str]],
    widths: Mapping[str, float] | None = None,
    strengths: Mapping[tuple[str, str], float] | None = None,
) -> Drawing:
    """Draw a graph, the same whatever the order of its nodes; parents that are not among them are left out.

    All boxes of a rank are as wide as the widest of them has to be (`widths`). Parts that are not connected stand
    side by side or below each other, nodes without any edge in a block below the rest. On a cycle the weakest edges
    (`strengths`, by parent and child) are drawn from right to left, round the boxes at both their ends.
    """
    names = sorted(parents)
    number = {name: index for index, name in enumerate(names)}
    links = [
        (parent, child)
        for child, name in enumerate(names)
        for parent in sorted({number[each] for each in parents[name] if each in number} - {child})
    ]
    numbered = {
        (number[one], number[other]): strength
        for (one, other), strength in (strengths or {}).items()
        if one in number and other in number
    }
    parts, lonely = part(len(names), links, numbered)
    needs = widths or {}
    sizes = [STEP * ceil(needs.get(name, _WIDTH) / STEP) for name in names]
    tiles = [_draw(each, names, sizes) for each in parts]
    wide = max([_fitting(tiles), *[tile.width for tile in tiles]])
    if lonely:
        tiles.append(_block([names[each] for each in lonely], [sizes[each] for each in lonely], wide))
    return _shelve(tiles, wide)


def _draw(layers: Layers, names: Sequence[str], sizes: Sequence[float]) -> Drawing:
    """One connected part, with its left upper corner at 0."""
    heights = place(layers, untangle(layers))
    columns = _columns(layers, heights, sizes)
    boxes = {}
    for vertex, key in enumerate(layers.keys):
        left, right = columns[layers.rank[vertex]]
        boxes[names[key]] = Box(names[key], layers.rank[vertex], left, heights[vertex] - BOX / 2, right - left, BOX)
    edges = []
    for route in layers.routes:
        points = _back(route, layers, heights, columns) if route.back else _forth(route, layers, heights, columns)
        edges.append(Edge(names[layers.keys[route.start]], names[layers.keys[route.end]], points))
    edges.sort(key=lambda edge: (edge.start, edge.end))
    lowest = max(height + (BOX / 2 if vertex < len(layers.keys) else STEP) for vertex, height in enumerate(heights))
    return Drawing(boxes, tuple(edges), columns[-1][1] + columns[0][0], lowest)


def _columns(layers: Layers, heights: Sequence[float], sizes: Sequence[float]) -> list[tuple[float, float]]:
    """The left and the right side of each rank."""
    widest = [0.0] * layers.depth
    for vertex, key in enumerate(layers.keys):
        rank = layers.rank[vertex]
        widest[rank] = max(widest[rank], sizes[key])
    climbs = [0.0] * layers.depth
    for vertex, after in enumerate(layers.after):
        if after:
            climb = max([abs(heights[vertex] - heights[each]) for each in after])
            climbs[layers.rank[vertex]] = max(climbs[layers.rank[vertex]], climb)
    left = _TURN if any(route.back for route in layers.routes) else 0.0
    columns = []
    for width, climb in zip(widest, climbs, strict=True):
        columns.append((left, left + width))
        left += width + STEP * round(min(max(_GAP, _SLOPE * climb), _WIDEST_GAP) / STEP)
    return columns


def _forth(
    route: Route, layers: Layers, heights: Sequence[float], columns: Sequence[tuple[float, float]]
) -> tuple[Point, ...]:
    points = [(columns[layers.rank[route.start]][1], heights[route.start])]
    for each in route.via:
        left, right = columns[layers.rank[each]]
        points += [(left, heights[each]), (right, heights[each])]
    points.append((columns[layers.rank[route.end]][0], heights[route.end]))
    return tuple(points)


def _back(
    route: Route, layers: Layers, heights: Sequence[float], columns: Sequence[tuple[float, float]]
) -> tuple[Point, ...]:
    right = columns[layers.rank[route.start]][1]
    left = columns[layers.rank[route.end]][0]
    points = [(right, heights[route.start]), (right + _TURN, heights[route.start])]
    points.append((right + _TURN, heights[route.via[0]]))
    for each in route.via:
        start, end = columns[layers.rank[each]]
        points += [(end, heights[each]), (start, heights[each])]
    points += [(left - _TURN, heights[route.via[-1]]), (left - _TURN, heights[route.end]), (left, heights[route.end])]
    return tuple(points)


def _block(names: Sequence[str], sizes: Sequence[float], wide: float) -> Drawing:
    """Nodes without edges, in rows."""
    size = max(sizes)
    fitting = max(1, int((wide + _BETWEEN_LONELY) // (size + _BETWEEN_LONELY)))
    across = max(min(fitting, len(names)), ceil(sqrt(len(names) * _ASPECT * (BOX + _BETWEEN_LONELY) / size)))
    boxes = {}
    for index, name in enumerate(names):
        row, column = divmod(index, across)
        x, y = column * (size + _BETWEEN_LONELY), row * (BOX + _BETWEEN_LONELY)
        boxes[name] = Box(name, column, x, y, size, BOX)
    right = max(box.x + box.width for box in boxes.values())
    return Drawing(boxes, (), right, max(box.y + box.height for box in boxes.values()))


def _fitting(tiles: Iterable[Drawing]) -> float:
    """How wide a drawing of all parts should be."""
    return sqrt(_ASPECT * sum((tile.width + _BETWEEN_PARTS) * (tile.height + _BETWEEN_PARTS) for tile in tiles))


def _shelve(tiles: Sequence[Drawing], wide: float) -> Drawing:
    """Put parts on shelves: below each other where a higher one stands beside them, else side by side, else below."""
    boxes: dict[str, Box] = {}
    edges: list[Edge] = []
    right = top = bottom = width = 0.0
    piles: list[_Pile] = []
    for tile in tiles:
        pile = next((each for each in piles if each.takes(tile, bottom)), None)
        if pile is None and piles and right + tile.width > wide:
            right, top, piles = 0.0, bottom + _BETWEEN_PARTS, []
        if pile is None:
            pile = _Pile(right, tile.width, top)
            piles.append(pile)
            right += tile.width + _BETWEEN_PARTS
        moved = _moved(tile, pile.x, pile.y)
        boxes |= moved.boxes
        edges += moved.edges
        bottom, width = max(bottom, pile.y + tile.height), max(width, pile.x + tile.width)
        pile.y += tile.height + _BETWEEN_PARTS
    edges.sort(key=lambda edge: (edge.start, edge.end))
    return Drawing({key: boxes[key] for key in sorted(boxes)}, tuple(edges), width, bottom)


@dataclass(slots=True)
class _Pile:
    """Parts below each other on a shelf, none wider than the first; the next one stands at `y`."""

    x: float
    width: float
    y: float

    def takes(self, tile: Drawing, bottom: float) -> bool:
        """Whether there is room for another part on this shelf."""
        return tile.width <= self.width and self.y + tile.height <= bottom


def _moved(tile: Drawing, x: float, y: float) -> Drawing:
    if not x and not y:
        return tile
    boxes = {key: replace(box, x=box.x + x, y=box.y + y) for key, box in tile.boxes.items()}
    edges = [
        replace(edge, points=tuple([(across + x, down + y) for across, down in edge.points])) for edge in tile.edges
    ]
    return Drawing(boxes, tuple(edges), tile.width, tile.height)
