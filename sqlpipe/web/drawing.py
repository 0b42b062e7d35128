"""A drawing of a graph as SVG: boxes are links, lines are curves between their ranks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from sqlpipe.graph.layout import Box, Drawing, Edge, Point

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST = 40
# Pixels: of a letter, of a wide one (such as of Chinese), beside the label on both sides, and at least.
_LETTER, _WIDE_LETTER, _ASIDE, _NARROWEST = 6.6, 12.5, 48.0, 112.0
_LAST_NARROW = "\u2e7f"
# An edge that stands for so many is as wide as the place of the first figure that is not reached.
_WIDTHS = (2, 10, 50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What a box shows and where it leads: `says` in full, `label` behind `prefix`, `mark` at its right side.

    `count` is how many nodes it stands for; `tone` is the class of its colour.
    """

    key: str
    address: str
    says: str
    glyph: str
    prefix: str
    label: str
    mark: str
    tone: str
    count: int = 1


def width_of(text: str, letters: int = 0) -> float:
    """How wide a box has to be for a text and a mark of so many letters.

    >>> width_of("raw.orders") < width_of("staging.orders_of_customers") < width_of("staging.orders_of_customers", 9)
    True
    """
    shown = shortened(text)
    wide = 0 if shown.isascii() else sum(each > _LAST_NARROW for each in shown)
    return max(_NARROWEST, ceil(_ASIDE + _WIDE_LETTER * wide + _LETTER * (len(shown) - wide + letters)))


def shortened(text: str) -> str:
    """A text that is not too long for a box; of long ones the end tells more.

    >>> shortened("x" * 50) == "…" + "x" * 39
    True
    """
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"


def svg(drawing: Drawing, faces: Mapping[str, Face], counts: Mapping[tuple[str, str], int], says: str) -> Markup:
    """The drawing; lines carry the numbers of the boxes at their ends, which stand in the order of `faces`."""
    number = {key: place for place, key in enumerate(faces)}
    lines = (_line(each, number, counts.get((each.start, each.end), 1)) for each in drawing.edges)
    boxes = (_box(drawing.boxes[key], face) for key, face in faces.items())
    return Markup(  # noqa: S704 - texts in it have been escaped
        f'<svg class="graph" width="{drawing.width + 2:g}" height="{drawing.height + 8:g}" '
        f'viewBox="-1 -1 {drawing.width + 2:g} {drawing.height + 8:g}" role="group" aria-label="{escape(says)}">'
        f'<g class="edges" aria-hidden="true">{_joined(lines)}</g><g class="nodes">{_joined(boxes)}</g></svg>'
    )


def _joined(pieces: Iterable[str]) -> str:
    return "".join(pieces)


def _line(edge: Edge, number: Mapping[str, int], count: int) -> str:
    width = sum(count >= each for each in _WIDTHS)
    told = f' class="w{width}"' if width else ""
    return f'<path{told} data-e="{number[edge.start]} {number[edge.end]}" d="{curve(edge.points)}"/>'


def curve(points: tuple[Point, ...]) -> str:
    """The way along points: straight where it is level or upright, else leaving and coming in level.

    >>> curve(((0.0, 0.0), (48.0, 20.0), (90.0, 20.0), (90.0, 10.0)))
    'M0 0c24 0 24 20 48 20h42v-10'
    """
    told = [f"M{points[0][0]:g} {points[0][1]:g}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        across, down = to_x - x, to_y - y
        if not down:
            told.append(f"h{across:g}")
        elif not across:
            told.append(f"v{down:g}")
        else:
            told.append(f"c{across / 2:g} 0 {across / 2:g} {down:g} {across:g} {down:g}")
    return "".join(told)


def _box(box: Box, face: Face) -> str:
    """A link: the box, the sign of its kind, its name, and a mark; what stands for several looks like several."""
    label = shortened(face.prefix + face.label)
    prefix = escape(label[: -len(face.label)]) if len(label) > len(face.label) else ""
    name = escape(label[len(label) - len(face.label) :] if prefix else label)
    told = f'<tspan class="faint">{prefix}</tspan>{name}' if prefix else f"{name}"
    behind = f'<path d="M4 {box.height + 3:g}h{box.width - 8:g}"/>' if face.count > 1 else ""
    mark = f'<text class="m" x="{box.width - 10:g}" y="20">{escape(face.mark)}</text>' if face.mark else ""
    what = "group" if face.count > 1 else "key"
    return (
        f'<a class="{face.tone}" href="{escape(face.address)}" data-{what}="{escape(face.key)}" '
        f'transform="translate({box.x:g} {box.y:g})"><title>{escape(face.says)}</title>'
        f'<rect width="{box.width:g}" height="{box.height:g}" rx="4"/>{behind}'
        f'<text class="g" x="10" y="20">{face.glyph}</text><text x="28" y="20">{told}</text>{mark}</a>'
    )
