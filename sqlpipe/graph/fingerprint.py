"""What a node is, and what its rows depend on, seen through views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from sqlpipe.domain.check import Check
from sqlpipe.domain.project import CheckQuery, Embedded, Incremental, Ingest, Node, Source, TimeColumn, View
from sqlpipe.graph.dag import Graph


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of one node.

    `fingerprint` decides its rows together with the rows of `inputs`, the tables it reads, directly or through
    views and embedded queries, by key; and with `files`, the patterns of the files it reads, as `file:PATTERN`.
    `compared` are tables that only its checks read.
    `aligned` are the inputs whose rows at a time decide its own rows at that same time, and nothing else.
    """

    fingerprint: str
    inputs: tuple[str, ...]
    aligned: frozenset[str]
    files: tuple[str, ...]
    compared: tuple[str, ...]
    volatile: bool
    checks: str


def identify(graph: Graph) -> Mapping[str, Identity]:
    """The identity of every node of a graph."""
    identities: dict[str, Identity] = {}
    for key, node in graph.nodes.items():
        parents = [each for each in graph.parents[key] if each not in node.compared | node.after]
        through = [each for each in parents if isinstance(graph.nodes[each].kind, View | Embedded)]
        tables = {each for each in parents if each not in through}
        tables |= {table for each in through for table in identities[each].inputs}
        own = _strictness(node.kind.check) if isinstance(node.kind, CheckQuery) else ""
        parts = [node.digest + own, *sorted(tables), *(identities[each].fingerprint for each in sorted(through))]
        inputs = tuple(sorted(tables))
        reads = node.query.files if node.query is not None and not isinstance(node.kind, Ingest) else ()
        files = {f"file:{pattern}" for read in reads for pattern in read.patterns}
        files |= {file for each in through for file in identities[each].files}
        identities[key] = Identity(
            fingerprint=digest(*parts),
            inputs=inputs,
            aligned=_aligned(graph, node, inputs) if isinstance(node.kind, Incremental) else frozenset(),
            files=tuple(sorted(files)),
            compared=_compared(graph, node),
            volatile=(node.query is not None and node.query.volatile)
            or not all(read.patterns for read in reads)
            or any(identities[each].volatile for each in through),
            checks=digest(*(_strictness(check) for check in node.checks)),
        )
    return identities


def _compared(graph: Graph, node: Node) -> tuple[str, ...]:
    """What the checks read besides the rows that a run of the node writes: of a source, its own rows."""
    own = {node.key} if isinstance(node.kind, Source) and node.checks else set()
    return tuple(sorted((node.compared & graph.nodes.keys()) | own))


def _strictness(check: Check) -> str:
    return repr((check.rule, check.severity, check.where, check.tolerance))


def digest(*parts: str) -> str:
    """A short hash of some texts, each kept apart from the next."""
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def time_of(node: Node) -> TimeColumn | None:
    """The column that tells when a row of the node happened, for kinds that record which times a change touched."""
    match node.kind:
        case Incremental(time=time) | Ingest(time=time):
            return time
        case _:
            return None


def _aligned(graph: Graph, node: Node, inputs: tuple[str, ...]) -> frozenset[str]:
    assert isinstance(node.kind, Incremental)
    verdicts: dict[str, bool] = dict.fromkeys(inputs, True)
    seen: set[tuple[str, str, str | None]] = set()
    for parent in set(graph.parents[node.key]) - node.compared - node.after:
        _follow(graph, node, parent, node.kind.time.column, verdicts, seen)
    return frozenset(key for key, aligned in verdicts.items() if aligned)


def _follow(
    graph: Graph,
    reader: Node,
    parent: str,
    column: str | None,
    verdicts: dict[str, bool],
    seen: set[tuple[str, str, str | None]],
) -> None:
    """Note for each table reached through `parent` whether the reader's time column leads to that table's own.

    `column` is the column of the reader that tells the time, or None once the thread is lost. A table
    reached on two ways is aligned only if it is on both. `seen` are the steps already taken: views that read views
    have far more ways than steps.
    """
    if (reader.key, parent, column) in seen:
        return
    seen.add((reader.key, parent, column))
    child = graph.nodes[parent]
    followed = None if column is None else _parent_column(reader, child, column)
    if isinstance(child.kind, View | Embedded):
        for grandparent in set(graph.parents[parent]) - child.after:
            _follow(graph, child, grandparent, followed, verdicts, seen)
        return
    time = time_of(child)
    same = time is not None and followed is not None and time.column.casefold() == followed.casefold()
    if isinstance(child.kind, Source) or not same:
        verdicts[parent] = False


def _parent_column(reader: Node, parent: Node, column: str) -> str | None:
    if reader.query is None:
        return None
    for promise in reader.query.slices:
        named = promise.table.casefold() in {
            parent.key,
            parent.name.name.casefold(),
        } or promise.table.casefold().endswith("." + parent.key)
        if named and promise.output == "*" and column.casefold() not in promise.but:
            return column
        if named and (promise.output == "" or promise.output.casefold() == column.casefold()):
            return promise.column
    return None
