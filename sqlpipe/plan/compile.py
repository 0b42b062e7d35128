"""The SQL of a node as the database runs it: embedded queries put in, names made whole, bounds bound."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlpipe.domain.dashboard import Block
from sqlpipe.domain.interval import END_OF_TIME, Grain, Interval
from sqlpipe.domain.names import quote
from sqlpipe.domain.project import Embedded, Incremental, Node
from sqlpipe.domain.query import Query, Reference
from sqlpipe.graph.dag import Graph
from sqlpipe.sql.rewrite import compose


def compile_query(graph: Graph, node: Node, interval: Interval | None = None) -> str:
    """The query of a node, runnable by hand.

    With an interval the output is cut to it whether or not the query holds `:start` and `:end`; without one they are
    bound to the beginning and the end of time.
    """
    sql = _composed(graph, node, _bounds(node, interval))
    return sql if interval is None else bounded(node, sql, interval)


def compile_block(graph: Graph, page: Node, block: Block, values: Mapping[str, str] | None = None) -> str:
    """The query of a block of a dashboard; `values` is the SQL for each of its placeholders by name.

    Without values the placeholders stay where they are.
    """
    return _put_together(graph, page, block.sql, block.query, values)


def bounded(node: Node, sql: str, interval: Interval) -> str:
    """A query cut to an interval of the node's time column; the query keeps its line numbers but for one."""
    assert isinstance(node.kind, Incremental)
    time = node.kind.time
    column = quote(time.column)
    start, end = (moment_literal(each, time.grain) for each in (interval.start, interval.end))
    return f"select * from (\n{sql}\n) where {column} >= {start} and {column} < {end}"


def moment_literal(moment: datetime, grain: Grain) -> str:
    """A moment on a grain as SQL: a date unless the grain is finer than a day.

    >>> moment_literal(datetime(2013, 1, 2), Grain.DAY)
    "date '2013-01-02'"
    """
    if moment == END_OF_TIME:
        return "timestamp 'infinity'"
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'" if grain is Grain.HOUR else f"date '{moment:%Y-%m-%d}'"


def _bounds(node: Node, interval: Interval | None) -> Mapping[str, str] | None:
    if not isinstance(node.kind, Incremental):
        return None
    if interval is None:
        return {"start": "timestamp '-infinity'", "end": "timestamp 'infinity'"}
    grain = node.kind.time.grain
    return {"start": moment_literal(interval.start, grain), "end": moment_literal(interval.end, grain)}


def _composed(graph: Graph, node: Node, values: Mapping[str, str] | None) -> str:
    assert node.query is not None
    return _put_together(graph, node, node.body, node.query, values)


def _put_together(graph: Graph, node: Node, body: str, query: Query, values: Mapping[str, str] | None) -> str:
    names: dict[str, str] = {}
    embedded: dict[str, str] = {}
    for reference in query.references:
        parent = _parent(graph, node, reference)
        if parent is None:
            continue
        if isinstance(parent.kind, Embedded):
            alias = f"__{parent.name.schema}__{parent.name.name}"
            names[reference.text.casefold()] = quote(alias)
            embedded[alias] = _composed(graph, parent, None)
        elif reference.text.casefold() != parent.key:
            names[reference.text.casefold()] = parent.name.quoted
    return compose(body, query, names=names, embedded=embedded, values=values)


def _parent(graph: Graph, node: Node, reference: Reference) -> Node | None:
    """The node that a reference means; load has made sure that there is at most one."""
    written = tuple(part.casefold() for part in reference.parts)
    candidates = [*(each for each in graph.parents[node.key] if each not in node.after), node.key]
    for key in candidates:
        name = graph.nodes[key].name
        if written[-2:] == (name.schema.casefold(), name.name.casefold()):
            return graph.nodes[key]
    if len(written) == 1:
        for key in candidates:
            if graph.nodes[key].name.name.casefold() == written[0]:
                return graph.nodes[key]
    return None
