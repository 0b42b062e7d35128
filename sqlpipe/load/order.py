"""What comes after what without reading it: `after`, `before`, facts, and the tables of statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlpipe.domain.diagnostic import Span, did_you_mean, span_of
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Node
from sqlpipe.domain.schedule import On, Orchestration, Pipeline
from sqlpipe.domain.task import Sensor, TableMoved
from sqlpipe.load.complaints import TOP, Complaints, Named
from sqlpipe.load.facts import Wiring
from sqlpipe.load.resolve import Index


@dataclass(frozen=True, slots=True)
class Wired:
    """A node with what its file says of its running, and the complaints about that file."""

    name: TableName
    wiring: Wiring
    complaints: Complaints


@dataclass(slots=True)
class _Edges:
    """The edges that are only an order, by the node that waits."""

    found: dict[str, dict[str, tuple[TableName, Span]]] = field(default_factory=dict)
    soft: dict[str, set[str]] = field(default_factory=dict)

    def add(self, node: TableName, after: TableName, named: Named, complaints: Complaints) -> None:
        if node.key != after.key:
            span = span_of(complaints.file, complaints.text, named.place)
            self.found.setdefault(node.key, {}).setdefault(after.key, (after, span))


def put_in_order(
    nodes: Sequence[Node], wired: Iterable[Wired], everything: Index, tables: Index, running: Orchestration
) -> Iterator[Node]:
    """The nodes with the parents that they only come after; complains of names that mean nothing."""
    edges = _Edges()
    watched: dict[str, str] = {}
    for each in wired:
        _order(each, everything, edges)
        _follow_facts(each, everything, edges)
        _follow_tables(each, tables, edges)
        _complain_of_settings(each, running)
        if each.wiring.watched is not None:
            table = find(each.wiring.watched, each.name, everything, each.complaints)
            watched |= {each.name.key: str(table)} if table else {}
    for node in nodes:
        yield _watching(_after(node, edges), watched)


def find(named: Named, reader: TableName | None, index: Index, complaints: Complaints) -> TableName | None:
    """The node of a name; complains if there is none, or more than one."""
    parts = tuple(named.text.split("."))
    found = index.find(parts, reader or TableName("", ""))
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"`{each}`" for each in found)
        said = f"`{named.text}` can mean {len(found)} nodes"
        complaints.add("SP204", said, named.place, label="which one?", help=f"write one of {listed}")
        return None
    spelled = [each.name if len(parts) == 1 else str(each) for each in index.by_key.values()]
    help = did_you_mean(named.text, spelled) or "`sqlpipe list` shows what there is"
    said = f"there is no node `{named.text}`"
    complaints.add("SP614", said, named.place, label="not in this project", help=help)
    return None


def follow(
    pipelines: Sequence[Pipeline], followed: Sequence[tuple[Named, ...]], index: Index, complaints: Complaints
) -> tuple[Pipeline, ...]:
    """The pipelines with the nodes that they are `on` resolved."""
    return tuple(_on(each, names, index, complaints) for each, names in zip(pipelines, followed, strict=True))


def _on(pipeline: Pipeline, names: tuple[Named, ...], index: Index, complaints: Complaints) -> Pipeline:
    if not isinstance(pipeline.starter, On):
        return pipeline
    found = [find(each, None, index, complaints) for each in names]
    nodes = tuple(each.key for each in found if each)
    return replace(pipeline, starter=replace(pipeline.starter, nodes=nodes))


def _order(each: Wired, index: Index, edges: _Edges) -> None:
    soft = set(each.wiring.soft)
    for named in each.wiring.after:
        # What a folder says holds for all in it but for the node itself.
        inherited = named.place == TOP
        found = find(named, each.name, index, each.complaints)
        if found is not None and not (_is_itself(found, named, each) and not inherited):
            edges.add(each.name, found, named, each.complaints)
            if named.text in soft:
                edges.soft.setdefault(each.name.key, set()).add(found.key)
    for named in each.wiring.before:
        found = find(named, each.name, index, each.complaints)
        if found is not None and not _is_itself(found, named, each):
            edges.add(found, each.name, named, each.complaints)


def _is_itself(found: TableName, named: Named, each: Wired) -> bool:
    if found.key != each.name.key:
        return False
    if named.place != TOP:
        said = f"`{each.name}` cannot wait for itself"
        each.complaints.add("SP614", said, named.place, label="this is the node of this file")
    return True


def _follow_facts(each: Wired, index: Index, edges: _Edges) -> None:
    """A task whose facts are asked for comes before; `facts.raw.orders` are those of that node."""
    for named in each.wiring.facts:
        task, _, rest = named.text.partition(".")
        found = index.by_key.get(f"tasks.{task}".casefold())
        if found is None and rest:
            found = index.by_key.get(named.text.casefold())
        if found is None:
            known = [other.name for other in index.by_key.values() if other.schema == "tasks" and other != each.name]
            help = did_you_mean(task, known) or "`sqlpipe list -s kind:task` shows what there is"
            said = f"there is no task `{task}` to take facts from"
            each.complaints.add("SP613", said, named.place, label="not a task", help=help)
        elif found.key == each.name.key:
            said = f"`{task}` has no facts before it has run"
            each.complaints.add("SP613", said, named.place, label="this is the node of this file")
        else:
            edges.add(each.name, found, named, each.complaints)


def _follow_tables(each: Wired, tables: Index, edges: _Edges) -> None:
    """What a statement reads comes before, unless the task is to be done before that; it may read other tables too."""
    for named in each.wiring.tables:
        found = tables.find(tuple(named.text.split(".")), each.name)
        if len(found) == 1 and each.name.key not in _ahead(found[0], edges):
            edges.add(each.name, found[0], named, each.complaints)


def _ahead(table: TableName, edges: _Edges) -> Mapping[str, object]:
    return edges.found.get(table.key, {})


def _complain_of_settings(each: Wired, running: Orchestration) -> None:
    pool, pipeline = each.wiring.pool, each.wiring.pipeline
    if pool is not None and pool.text not in running.pools:
        help = did_you_mean(pool.text, running.pools) or f"add it to sqlpipe.yml: `pools: {{{pool.text}: 1}}`"
        said = f"there is no pool `{pool.text}`"
        each.complaints.add("SP602", said, pool.place, label="not in sqlpipe.yml", help=help)
    names = [other.name for other in running.pipelines]
    if pipeline is not None and pipeline.text not in names:
        help = did_you_mean(pipeline.text, names) or "add it under `pipelines:` in sqlpipe.yml"
        said = f"there is no pipeline `{pipeline.text}`"
        each.complaints.add("SP602", said, pipeline.place, label="not in sqlpipe.yml", help=help)


def _after(node: Node, edges: _Edges) -> Node:
    found = edges.found.get(node.key)
    if not found:
        return node
    read = {parent.key for parent in node.parents}
    added = {key: edge for key, edge in found.items() if key not in read}
    soft = frozenset(edges.soft.get(node.key, ()))
    return replace(
        node,
        parents=(*node.parents, *(name for name, _ in added.values())),
        after=frozenset(added),
        ordered={key: span for key, (_, span) in added.items()},
        running=replace(node.running, soft=soft) if soft else node.running,
    )


def _watching(node: Node, watched: Mapping[str, str]) -> Node:
    """The sensor with the table that it looks at as the project spells it."""
    if node.key in watched and isinstance(node.kind, Sensor) and isinstance(node.kind.condition, TableMoved):
        condition = replace(node.kind.condition, table=watched[node.key])
        return replace(node, kind=replace(node.kind, condition=condition))
    return node
