"""The neighbourhood of a node: what it reads on the left, what reads it on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sqlpipe.graph.kin import Kin
from sqlpipe.web.element import element
from sqlpipe.web.scene import Scene
from sqlpipe.web.words import glyph

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDE, _HIGH, _GAP, _BETWEEN, _MOST, _LONGEST = 208, 28, 8, 56, 8, 26


def drawn(scene: Scene, up: Kin, down: Kin) -> Markup:
    """The node in the middle, and up to eight nodes on each side."""
    left, right = [each.node for each in up.below[:_MOST]], [each.node for each in down.below[:_MOST]]
    more = (up.hidden + len(up.below) - len(left), down.hidden + len(down.below) - len(right))
    rows = max(1, len(left) + bool(more[0]), len(right) + bool(more[1]))
    height = rows * (_HIGH + _GAP) - _GAP
    middle = (height - _HIGH) / 2
    own_at = _WIDE + _BETWEEN if left else 0
    right_at = own_at + _WIDE + _BETWEEN
    inside = [
        *_side(scene, left, more[0], (0, height), (_WIDE, own_at), middle),
        *_side(scene, right, more[1], (right_at, height), (right_at, own_at + _WIDE), middle),
        _box(scene, up.node, own_at, middle, "own"),
    ]
    width = (right_at + _WIDE if right else own_at + _WIDE) + 2
    size = {"width": width, "height": height + 2, "viewBox": f"-1 -1 {width} {height + 2}"}
    return element("svg", {"class": "hood", **size, "role": "group", "aria-label": "Neighbourhood"}, *inside)


def _side(
    scene: Scene,
    keys: Sequence[str],
    more: int,
    place: tuple[float, float],
    line: tuple[float, float],
    middle: float,
) -> Iterator[Markup]:
    """A column of boxes at a place, each with a line from its edge to that of the box in the middle."""
    (x, height), (edge, own) = place, line
    rows = len(keys) + bool(more)
    top = (height - rows * (_HIGH + _GAP) + _GAP) / 2
    for number, key in enumerate(keys):
        y = top + number * (_HIGH + _GAP)
        yield _line(edge, y + _HIGH / 2, own, middle + _HIGH / 2)
        yield _box(scene, key, x, y)
    if more and keys:
        y = top + len(keys) * (_HIGH + _GAP) + _HIGH / 2 + 4
        yield element("text", {"x": x + 8, "y": y, "class": "faint"}, f"and {more:,} more")


def _line(x: float, y: float, to_x: float, to_y: float) -> Markup:
    bend = (x + to_x) / 2
    path = f"M{x},{y}C{bend},{y} {bend},{to_y} {to_x},{to_y}"
    return element("path", {"d": path, "class": "edge", "fill": "none", "stroke": "currentColor"})


def _box(scene: Scene, key: str, x: float, y: float, name: str = "") -> Markup:
    node = scene.workspace.graph.nodes[key]
    said = str(node.name)
    shown = said if len(said) <= _LONGEST else f"…{said[1 - _LONGEST :]}"
    box = element("rect", {"x": x, "y": y, "width": _WIDE, "height": _HIGH, "rx": 4, "class": f"box {name}".strip()})
    sign = element("text", {"x": x + 10, "y": y + 19, "class": "glyph", "aria-hidden": "true"}, glyph(node.kind_name))
    label = element("text", {"x": x + 28, "y": y + 19}, shown)
    title = element("title", {}, f"{said}, {node.kind_name}")
    if name:
        return element("g", {}, title, box, sign, label)
    return element("a", {"href": scene.links.page("node", node=key)}, title, box, sign, label)
