"""Measure how long graphs of some sizes take to lay out: `python -m benchmarks.layout`."""

from __future__ import annotations

import argparse
import random
from time import process_time

from sqlpipe.graph.layout import lay_out


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


def main() -> None:
    """Print the least CPU time of several drawings of each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layout", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=[100, 300, 1000, 5000])
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    print("  nodes   edges      ms")
    for size in arguments.sizes:
        graph = layered(size)
        taken = min(_seconds(graph) for _ in range(arguments.repeat))
        print(f"{size:7,} {sum(map(len, graph.values())):7,} {taken * 1000:7.0f}")


def _seconds(graph: dict[str, list[str]]) -> float:
    begun = process_time()
    lay_out(graph)
    return process_time() - begun


if __name__ == "__main__":
    main()
