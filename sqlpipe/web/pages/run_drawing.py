"""A run as it went: a lane for each worker, a bar for each attempt, the critical path outlined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlpipe.app.run_story import Bar
from sqlpipe.web.element import element
from sqlpipe.web.scene import Scene
from sqlpipe.web.words import count, lasting, sign

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDE, _LANE, _HIGH, _TOP, _FOOT = 1120, 26, 20, 4, 24
_SIDE = 64
_MOST_BARS = 400
_LETTER = 7.0
_NAMED = 8
_STEPS = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is drawn as one bar, in pixels: an attempt, or several that are too short to be seen by themselves."""

    x: float
    end: float
    bars: tuple[Bar, ...]

    @property
    def width(self) -> float:
        """How wide it is drawn, at least so that it is seen."""
        return max(2.0, self.end - self.x)


def drawn(scene: Scene, bars: Sequence[Bar]) -> Markup | None:
    """The drawing of a run; nothing for one in which nothing was tried."""
    if not bars:
        return None
    start = min(each.time.start for each in bars)
    whole = max(max(each.time.end for each in bars) - start, 0.001)
    scale = (_WIDE - _SIDE - 8) / whole
    pieces = _pieces(bars, start, scale)
    count_of_lanes = 1 + max(each.lane for each in bars)
    height = _TOP + count_of_lanes * _LANE + _FOOT
    inside = [
        *_axis(whole, scale, height - _FOOT),
        *_lanes(count_of_lanes),
        *_pauses(bars, start, scale),
        *(_piece(scene, each) for each in pieces),
    ]
    size = {"width": _WIDE, "height": height, "viewBox": f"0 0 {_WIDE} {height}"}
    says = f"{count(len(bars), 'attempt')} in {count(count_of_lanes, 'lane')}, {lasting(whole)}"
    return element("svg", {"class": "gantt", **size, "role": "group", "aria-label": says}, *inside)


def _pieces(bars: Sequence[Bar], start: float, scale: float) -> list[_Piece]:
    """The bars, those beside each other that are too short put together until there are few enough."""
    single = [
        _Piece(_SIDE + (each.time.start - start) * scale, _SIDE + (each.time.end - start) * scale, (each,))
        for each in sorted(bars, key=lambda each: (each.lane, each.time.start))
    ]
    shortest, found = 1.5, single
    while True:
        found = list(_joined(single, shortest))
        if len(found) <= _MOST_BARS or shortest > _WIDE:
            return found
        shortest *= 2


def _joined(pieces: Sequence[_Piece], shortest: float) -> Iterator[_Piece]:
    held: _Piece | None = None
    for each in pieces:
        if held is not None and _together(held, each, shortest):
            held = replace(held, end=max(held.end, each.end), bars=(*held.bars, *each.bars))
            continue
        if held is not None:
            yield held
        held = each
    if held is not None:
        yield held


def _together(one: _Piece, other: _Piece, shortest: float) -> bool:
    a, b = one.bars[-1], other.bars[0]
    close = other.x - one.end < shortest and other.end - other.x < shortest and one.end - one.x < 40 * shortest
    return close and (a.lane, a.state, a.critical) == (b.lane, b.state, b.critical)


def _axis(whole: float, scale: float, bottom: float) -> Iterator[Markup]:
    """Lines at round times since the beginning."""
    step = next((each for each in _STEPS if whole / each <= 8), whole / 5)  # noqa: PLR2004 - so many labels fit
    number = 0
    while number * step <= whole:
        x = _SIDE + number * step * scale
        yield element("path", {"class": "rule", "d": f"M{x:.1f},{_TOP}V{bottom}"})
        if x < _WIDE - 40:
            yield element("text", {"class": "faint", "x": f"{x + 3:.1f}", "y": bottom + 16}, _spoken(number * step))
        number += 1


def _spoken(seconds: float) -> str:
    if not seconds:
        return "0 s"
    return f"{seconds:g} s" if 1 <= seconds < 60 else lasting(seconds).removesuffix(" 0 s").removesuffix(" 0 min")  # noqa: PLR2004


def _lanes(number: int) -> Iterator[Markup]:
    for lane in range(number):
        y = _TOP + lane * _LANE
        yield element("path", {"class": "rule", "d": f"M0,{y + _LANE - 2.5}H{_WIDE}"})
        if number <= 40:  # noqa: PLR2004 - below that nobody reads them
            yield element("text", {"class": "faint", "x": 0, "y": y + 15}, f"lane {lane + 1}")


def _pauses(bars: Sequence[Bar], start: float, scale: float) -> Iterator[Markup]:
    """A dashed line from an attempt to the one that tried again."""
    last: dict[tuple[str, int], Bar] = {}
    for each in bars:
        before, last[each.node, each.item] = last.get((each.node, each.item)), each
        if before is None:
            continue
        x, end = (_SIDE + (at - start) * scale for at in (before.time.end, each.time.start))
        if end - x > _LETTER:
            y = _TOP + each.lane * _LANE + _LANE / 2 - 2
            yield element("path", {"class": "pause", "d": f"M{x:.1f},{y}H{end:.1f}"})


def _piece(scene: Scene, piece: _Piece) -> Markup:
    first = piece.bars[0]
    y = _TOP + first.lane * _LANE + 1
    shape = {"x": f"{piece.x:.1f}", "y": y, "width": f"{piece.width:.1f}", "height": _HIGH, "rx": 2}
    it = sign(first.state)
    mark = "critical " if first.critical else ""
    inside = [
        element("title", {}, _title(scene, piece)),
        element("rect", {**shape, "class": f"{mark}bar {it.tone}"}),
        *_label(scene, piece, y),
    ]
    if len(piece.bars) > 1:
        return element("g", {}, *inside)
    return element("a", {"href": scene.links.page("node", node=first.node)}, *inside)


def _label(scene: Scene, piece: _Piece, y: float) -> Iterator[Markup]:
    """What stands on a bar, as far as there is room: whether it is critical, its state unless that is well, a name."""
    first = piece.bars[0]
    it = sign(first.state)
    room = int((piece.width - 8) / _LETTER)
    signs = f"{'◆ ' if first.critical else ''}{f'{it.symbol} ' if it.tone != 'well' else ''}"
    name = f"{len(piece.bars)} nodes" if len(piece.bars) > 1 else _name(scene, first)
    text = f"{signs}{name}"
    if len(text) > room:
        text = f"{text[: room - 1]}…" if room > len(signs) + 3 else signs.strip()
    if text and len(text) <= max(room, 0):
        yield element("text", {"x": f"{piece.x + 5:.1f}", "y": y + 14}, text)


def _title(scene: Scene, piece: _Piece) -> str:
    if len(piece.bars) > 1:
        names = [_name(scene, each) for each in piece.bars[:_NAMED]]
        more = f" and {len(piece.bars) - _NAMED} more" if len(piece.bars) > _NAMED else ""
        return f"{count(len(piece.bars), 'attempt')} ({piece.bars[0].state}): {', '.join(names)}{more}"
    bar = piece.bars[0]
    parts = [
        f"{_name(scene, bar)}: {bar.state}, {lasting(bar.time.end - bar.time.start)}",
        f"attempt {bar.number}" if bar.number > 1 else "",
        "on the critical path" if bar.critical else "",
        bar.message[:300],
    ]
    return "; ".join(each for each in parts if each)


def _name(scene: Scene, bar: Bar) -> str:
    known = scene.workspace.graph.nodes.get(bar.node)
    name = str(known.name) if known else bar.node
    return f"{name}[{bar.item}]" if bar.item >= 0 else name


def small_bar(seconds: float | None, longest: float, tone: str) -> Markup:
    """A bar as long as a share of the longest."""
    wide = 96
    length = max(1.0, wide * (seconds or 0) / longest) if seconds and longest else 0
    size: Mapping[str, object] = {"width": wide, "height": 8, "viewBox": f"0 0 {wide} 8", "aria-hidden": "true"}
    return element(
        "svg", {"class": "share", **size}, element("rect", {"width": f"{length:.1f}", "height": 8, "class": tone})
    )
