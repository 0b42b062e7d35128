"""Heights of the vertices of each rank: in their order, far enough apart, and straight where they can be."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from sqlpipe.graph.crossings import Order
from sqlpipe.graph.layers import Layers, Neighbours

BOX = 32.0
STEP = 4.0
_BETWEEN_BOXES = BOX + 12
_BESIDE_BOX = BOX / 2 + 12
_BETWEEN_LINES = 8.0
_ROUNDS = 3
# How much a vertex insists on its place: lines bend least, what hangs on nothing there gives way.
_STRAIGHT = 64.0
_BOX = 1.0
_LOOSE = 0.05


def place(layers: Layers, order: Order) -> list[float]:
    """The middle of each vertex on a grid of STEP; the top of the highest is 0."""
    boxes = len(layers.keys)
    offsets = [_offsets(rank, boxes) for rank in order]
    heights = [0.0] * len(layers.rank)
    for rank, offset in zip(order, offsets, strict=True):
        for vertex, each in zip(rank, offset, strict=True):
            heights[vertex] = each - offset[-1] / 2
    chained = _chained(layers)
    weights = [_STRAIGHT if vertex >= boxes or chained[vertex] else _BOX for vertex in range(len(layers.rank))]
    both = [left + right for left, right in zip(layers.before, layers.after, strict=True)]
    straight = [alone or around for alone, around in zip(chained, both, strict=True)]
    rightwards, leftwards = range(len(order)), range(len(order) - 1, -1, -1)
    turns = [(leftwards, layers.after), (rightwards, layers.before)] * _ROUNDS
    for ranks, near in [*turns, (leftwards, straight), (rightwards, straight), (leftwards, straight)]:
        for index in ranks:
            _settle(order[index], offsets[index], near, weights, heights)
    return _on_grid(order, offsets, heights, boxes)


def _chained(layers: Layers) -> Neighbours:
    """For each vertex the neighbours with which it is alone: neither has another on that side."""
    found: Neighbours = [[] for _ in layers.rank]
    for vertex, after in enumerate(layers.after):
        if len(after) == 1 == len(layers.before[after[0]]):
            found[vertex].append(after[0])
            found[after[0]].append(vertex)
    return found


def _offsets(rank: Sequence[int], boxes: int) -> list[float]:
    """How far below the first of a rank the others stand if they stand as close as they may."""
    offsets = [0.0]
    for index in range(1, len(rank)):
        lines = (rank[index - 1] >= boxes) + (rank[index] >= boxes)
        offsets.append(offsets[-1] + (_BETWEEN_BOXES, _BESIDE_BOX, _BETWEEN_LINES)[lines])
    return offsets


def _settle(
    rank: Sequence[int], offsets: Sequence[float], near: Neighbours, weights: Sequence[float], heights: list[float]
) -> None:
    """Move each vertex of a rank as near to its neighbours as the others let it: isotonic regression."""
    blocks: list[tuple[float, float, int]] = []
    for vertex, offset in zip(rank, offsets, strict=True):
        around = near[vertex]
        wish = _median([heights[each] for each in around]) if around else heights[vertex]
        weight = weights[vertex] if around else _LOOSE
        mean, count = wish - offset, 1
        while blocks and blocks[-1][0] >= mean:
            above, heavy, many = blocks.pop()
            mean = (above * heavy + mean * weight) / (heavy + weight)
            weight += heavy
            count += many
        blocks.append((mean, weight, count))
    index = 0
    for mean, _, count in blocks:
        for _ in range(count):
            heights[rank[index]] = mean + offsets[index]
            index += 1


def _median(values: list[float]) -> float:
    if len(values) == 1:
        return values[0]
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _on_grid(order: Order, offsets: Sequence[Sequence[float]], heights: list[float], boxes: int) -> list[float]:
    placed = [0.0] * len(heights)
    for rank, offset in zip(order, offsets, strict=True):
        for vertex, each in zip(rank, offset, strict=True):
            # The difference never falls along a rank, so that rounding it brings nobody closer to anybody.
            placed[vertex] = each + STEP * floor(round((heights[vertex] - each) / STEP, 6) + 0.5)
    top = min(height - (BOX / 2 if vertex < boxes else STEP) for vertex, height in enumerate(placed))
    return [height - top for height in placed]
