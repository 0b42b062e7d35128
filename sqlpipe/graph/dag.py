"""The graph of nodes: who reads whom, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, SqlpipeError, place_of
from sqlpipe.domain.project import Node, Project


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by key in an order in which every parent stands before its children."""

    nodes: Mapping[str, Node]
    parents: Mapping[str, tuple[str, ...]]
    children: Mapping[str, tuple[str, ...]]


def build(project: Project) -> Graph:
    """Put the nodes of a project in order; a cycle is an error that tells its path."""
    parents = {
        key: tuple(parent.key for parent in node.parents if parent.key in project.nodes)
        for key, node in sorted(project.nodes.items())
    }
    try:
        order = tuple(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise SqlpipeError(_describe_cycle(project, error.args[1])) from None
    children: dict[str, list[str]] = {key: [] for key in order}
    for key in order:
        for parent in parents[key]:
            children[parent].append(key)
    return Graph(
        nodes={key: project.nodes[key] for key in order},
        parents=parents,
        children={key: tuple(each) for key, each in children.items()},
    )


def _describe_cycle(project: Project, cycle: list[str]) -> Diagnostic:
    # graphlib lists each node before the one that reads it; an author thinks "a reads b".
    path = list(reversed(cycle))
    smallest = min(range(len(path) - 1), key=lambda index: path[index])
    path = [*path[smallest:-1], *path[:smallest], path[smallest]]
    nodes = [project.nodes[key] for key in path]
    spans = [node.ordered.get(after.key) or _where_read(node, after) for node, after in pairwise(nodes)]
    words = [_relation(node, after) for node, after in pairwise(nodes)]
    return Diagnostic(
        code="SP301",
        message="cycle: " + " → ".join(str(node.name) for node in nodes),
        span=spans[0],
        label=words[0],
        notes=tuple(
            f"{span.file}:{span.place.line}: {node.name} {word}"
            for span, word, node in zip(spans, words, nodes[:-1], strict=True)
        ),
        help=_remedy(nodes),
    )


def _relation(node: Node, after: Node) -> str:
    return f"{'waits for' if after.key in node.after else 'reads'} {after.name}"


def _remedy(nodes: list[Node]) -> str:
    """How the cycle can be cut: what only waits is easier to let go than what reads."""
    if any(after.key in node.after for node, after in pairwise(nodes)):
        return "take one of these names out of `after` or `before`, or the reference that stands for it"
    return "take one of these references out, or name it under `depends_on: {ignore: [...]}`"


def _where_read(node: Node, table: Node) -> Span:
    """Where a node names a table that it reads; the top of its file if that cannot be told."""
    for each in node.query.references if node.query else ():
        if each.text.casefold() in (table.key, table.name.name.casefold()):
            place = place_of(node.body, each.start, each.end)
            if not node.lines:
                said = node.body.split("\n")[place.line - 1]
                line = node.body_line + place.line - 1
                return Span(node.path, replace(place, line=line), ((line, said),))
            return Span(node.path, Place(node.lines[place.line - 1], 1))
    return Span(node.path, Place(1, 1))


def reach(start: Iterable[str], edges: Mapping[str, tuple[str, ...]], depth: int | None = None) -> set[str]:
    """Everything that can be reached from `start` along `edges` in at most `depth` hops, `start` included."""
    found = set(start)
    frontier = found
    while frontier and (depth is None or depth > 0):
        frontier = {after for key in frontier for after in edges[key]} - found
        found = found | frontier
        depth = None if depth is None else depth - 1
    return found
