"""Synthetic graphs of any size, the same for the same seed."""

from __future__ import annotations

import random


def layered(count: int, seed: int = 1) -> dict[str, list[str]]:
    """A graph like that of a project: nodes on a dozen levels that read 1.4 others, mostly of the level before."""
    chance = random.Random(seed)
    depth = min(12, 3 + count // 40)
    levels: list[list[str]] = [[] for _ in range(depth)]
    for number in range(count):
        levels[chance.randrange(depth)].append(f"level.t{number:05}")
    parents: dict[str, list[str]] = {}
    for at, level in enumerate(levels):
        for node in level:
            known = [each for each in levels[:at] if each]
            wanted = chance.choice((1, 1, 1, 1, 2, 2, 3)) if known else 0
            near = [known[-1] if chance.random() < 0.8 else chance.choice(known) for _ in range(wanted)]
            parents[node] = sorted({chance.choice(each) for each in near})
    return parents
