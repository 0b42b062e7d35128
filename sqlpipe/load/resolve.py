"""Names in queries and settings, bound to the nodes they mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlpipe.domain.check import Check, Relationships
from sqlpipe.domain.dashboard import Block, Dashboard
from sqlpipe.domain.diagnostic import Place, did_you_mean
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import (
    KIND_NAMES,
    CheckQuery,
    Embedded,
    Incremental,
    Ingest,
    Kind,
    Node,
    Python,
    Source,
)
from sqlpipe.domain.query import Query, Reference
from sqlpipe.domain.task import Running, Sensor, Task
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.facts import OF_TABLES, Facts, FoundFile, SourceTable
from sqlpipe.load.positions import Body

# Tables that every database has by itself.
_OF_THE_DATABASE = {"information_schema", "pg_catalog", "sqlite_master", "duckdb_schema"}
_BY_ITSELF = {"rowid"}
_AS_A_TABLE = Running(retries=OF_TABLES)


@dataclass(frozen=True, slots=True)
class Index:
    """The tables of a project as names in SQL find them: by key, and by what stands after the last dot."""

    by_key: Mapping[str, TableName]
    by_name: Mapping[str, tuple[TableName, ...]]

    def find(self, parts: tuple[str, ...], reader: TableName) -> tuple[TableName, ...]:
        """The tables that a name of one to three parts can mean in the query of `reader`: one, none, or too many."""
        if len(parts) > 1:
            found = self.by_key.get(f"{parts[-2]}.{parts[-1]}".casefold())
            return (found,) if found else ()
        candidates = self.by_name.get(parts[0].casefold(), ())
        if len(candidates) > 1:
            candidates = tuple(each for each in candidates if each.key != reader.key)
        beside = tuple(each for each in candidates if each.schema.casefold() == reader.schema.casefold())
        return beside if len(beside) == 1 else candidates


def index_of(names: Iterable[TableName]) -> Index:
    """The index of these tables."""
    by_key: dict[str, TableName] = {}
    by_name: dict[str, tuple[TableName, ...]] = {}
    for name in names:
        if name.key not in by_key:
            by_key[name.key] = name
            by_name[name.name.casefold()] = (*by_name.get(name.name.casefold(), ()), name)
    return Index(by_key, by_name)


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that a name can be bound to, and what is known of it; not of files that are beyond reading.

    `kinds` and `queries` are also those of nodes that are no tables.
    """

    index: Index
    kinds: Mapping[str, Kind]
    queries: Mapping[str, Query | None]


@dataclass(slots=True)
class _Binding:
    """Binds the names of one node; `below` are names of a page that mean nothing yet where they are used."""

    reader: TableName
    tables: Tables
    complaints: Complaints
    ignored: frozenset[str] = frozenset()
    below: Collection[str] = ()
    parents: dict[str, TableName] = field(default_factory=dict)

    def table(self, text: str, parts: tuple[str, ...], place: Place) -> TableName | None:
        """The table of a name; complains if there is none or more than one."""
        found = self.tables.index.find(parts, self.reader)
        if len(found) == 1:
            return found[0]
        index = self.tables.index
        if found:
            listed = ", ".join(f"`{each}`" for each in found)
            said = f"`{text}` can mean {len(found)} tables"
            self.complaints.add("SP204", said, place, label="which one?", help=f"write one of {listed}")
        elif (word := self._no_table(parts)) is not None:
            label = f"a {word}, and nothing that could be read"
            self.complaints.add("SP203", f"unknown table `{text}`", place, label=label)
        elif text.casefold() in self.below:
            help = "a block can read those above it: put this one below"
            self.complaints.add("SP203", f"unknown table `{text}`", place, label="further down this page", help=help)
        else:
            others = [each for each in index.by_key.values() if each.key != self.reader.key]
            spelled = [each.name if len(parts) == 1 else str(each) for each in others]
            help = did_you_mean(text, spelled) or "if something else writes it, name it in `sources` of sqlpipe.yml"
            self.complaints.add("SP203", f"unknown table `{text}`", place, label="not in this project", help=help)
        return None

    def _no_table(self, parts: tuple[str, ...]) -> str | None:
        """The word for the kind of a node that has no rows, if a name means one."""
        kind = self.tables.kinds.get(".".join(parts[-2:]).casefold())
        return KIND_NAMES[type(kind)] if isinstance(kind, CheckQuery | Task | Sensor | Dashboard) else None

    def named(self, named: Named) -> TableName | None:
        return self.table(named.text, tuple(named.text.split(".")), named.place)

    def add(self, table: TableName) -> None:
        if table.key != self.reader.key and table.key not in self.ignored:
            self.parents.setdefault(table.key, table)


def resolve(file: FoundFile, text: str, facts: Facts, tables: Tables, complaints: Complaints) -> Node:
    """The node of a file with every name in it bound; complains of those that cannot be."""
    ignored = frozenset(each.text.casefold() for each in facts.ignores)
    binding = _Binding(file.name, tables, complaints, ignored)
    kind = facts.kind
    body = facts.body(text) if facts.query is not None else None
    if facts.query is not None and body is not None and not isinstance(kind, Ingest):
        _bind_query(facts.query, body, binding)
    lookups = [binding.named(each) for each in facts.lookups]
    for each in facts.adds:
        added = binding.named(each)
        if added:
            binding.add(added)
    if isinstance(kind, Python):
        kind = replace(kind, inputs=_bind_inputs(kind, facts.inputs, binding))
    if isinstance(kind, Dashboard):
        kind = replace(kind, blocks=_bind_blocks(kind, facts.blocks, binding))
    read = frozenset(binding.parents)
    checks = _bind_targets(facts.checks, facts.targets, binding)
    return Node(
        name=file.name,
        path=file.path,
        kind=kind,
        digest=facts.digest,
        body=body.text if body else "",
        body_line=facts.body_line,
        query=facts.query,
        parents=tuple(binding.parents.values()),
        description=facts.description,
        tags=facts.tags,
        columns=facts.columns,
        checks=checks,
        lookups=frozenset(each.key for each in lookups if each),
        compared=frozenset(binding.parents) - read,
        lines=body.lines() if body else (),
        running=facts.wiring.running if facts.wiring else _AS_A_TABLE,
    )


def resolve_source(source: SourceTable, path: str, tables: Tables, complaints: Complaints) -> Node:
    """The node of a table that something else writes."""
    checks = _bind_targets(source.checks, source.targets, _Binding(source.name, tables, complaints))
    return Node(
        name=source.name,
        path=path,
        kind=Source(),
        digest=source.name.key,
        description=source.description,
        tags=source.tags,
        columns=source.columns,
        checks=checks,
        running=_AS_A_TABLE,
    )


def _bind_blocks(kind: Dashboard, written: Mapping[str, Block], binding: _Binding) -> dict[str, Block]:
    """The blocks of a page with what each reads; the ones that are `written` without those put in front of them."""
    bound: dict[str, Block] = {}
    above: dict[str, tuple[str, ...]] = {}
    for name, block in kind.blocks.items():
        own = written.get(name, block)
        binding.below = {each.casefold() for each in kind.blocks} - above.keys()
        tables = _bind_query(own.query, Body(own.sql, own.line), binding, above)
        keys = [each.key for each in tables]
        keys += [key for each in own.query.references for key in above.get(each.text.casefold(), ())]
        above[name.casefold()] = tuple(dict.fromkeys(keys))
        bound[name] = replace(block, parents=above[name.casefold()])
    return bound


def _bind_query(query: Query, body: Body, binding: _Binding, inner: Collection[str] = ()) -> Iterable[TableName]:
    """The tables that a query reads, which are parents from now on; `inner` are names that mean something else."""
    bound: dict[str, TableName] = {}
    for reference in query.references:
        if reference.text.casefold() in inner:
            continue
        table = _bind_reference(reference, body, binding)
        if table is not None:
            bound[reference.text.casefold()] = table
            binding.add(table)
    _complain_of_columns(query, body, bound, binding)
    return bound.values()


def _bind_reference(reference: Reference, body: Body, binding: _Binding) -> TableName | None:
    if reference.text.casefold() in binding.ignored or _is_of_the_database(reference.parts):
        return None
    found = binding.tables.index.find(reference.parts, binding.reader)
    if len(found) == 1 and found[0].key != binding.reader.key:
        return found[0]
    place = body.place(reference.start, reference.end)
    if not found or len(found) > 1:
        return binding.table(reference.text, reference.parts, place)
    if not isinstance(binding.tables.kinds.get(binding.reader.key), Incremental):
        help = "only a node of kind `incremental` can read the rows it already has"
        said = f"`{binding.reader}` reads itself"
        binding.complaints.add("SP203", said, place, label="this is the node of this file", help=help)
    return None


def _is_of_the_database(parts: tuple[str, ...]) -> bool:
    place = parts[-2] if len(parts) > 1 else parts[0]
    return place.casefold() in _OF_THE_DATABASE or (len(parts) == 1 and place.casefold().startswith("duckdb_"))


def _complain_of_columns(query: Query, body: Body, bound: Mapping[str, TableName], binding: _Binding) -> None:
    known: dict[str, frozenset[str] | None] = {}
    for use in query.uses:
        if use.table not in known:
            known[use.table] = _columns_of(bound.get(use.table.casefold()), binding.tables)
        columns = known[use.table]
        if columns is None or use.column.casefold() in columns or use.qualifier.casefold() in columns:
            continue  # `a.b` may be field `b` of a column `a` that holds structs
        table = bound[use.table.casefold()]
        theirs = binding.tables.queries[table.key]
        names = theirs.columns or () if theirs else ()
        place = body.place(use.start, use.end)
        help = did_you_mean(use.column, names)
        notes = (f"{table} has {', '.join(names)}",)
        said = f"unknown column `{use.column}`"
        binding.complaints.add("SP201", said, place, label=f"not in {table}", help=help, notes=notes)


def _columns_of(table: TableName | None, tables: Tables) -> frozenset[str] | None:
    """The columns of a table in lower case, or None if they are not all known."""
    query = tables.queries.get(table.key) if table else None
    if table is None or query is None or query.columns is None:
        return None
    if isinstance(tables.kinds[table.key], Ingest):
        return None  # what is held may have columns of earlier loads
    return frozenset(each.casefold() for each in query.columns) | _BY_ITSELF


def _bind_targets(checks: tuple[Check, ...], targets: tuple[Named, ...], binding: _Binding) -> tuple[Check, ...]:
    """The checks with the tables they refer to spelled as the project spells them; these are parents too."""
    waiting = iter(targets)
    bound = []
    for each in checks:
        check, rule = each, each.rule
        if isinstance(rule, Relationships):
            written = next(waiting)
            table = binding.named(written)
            if table is not None and _exists(table, written, binding):
                binding.add(table)
                _complain_of_fields(rule, table, written, binding)
                check = replace(each, rule=replace(rule, to=str(table)))
        bound.append(check)
    return tuple(bound)


def _exists(table: TableName, written: Named, binding: _Binding) -> bool:
    """Whether there is something in the database under the name; complains if not."""
    if isinstance(binding.tables.kinds.get(table.key), Embedded):
        said = f"`{table}` is embedded, and no table that could be read on its own"
        help = "make it a view or a table"
        binding.complaints.add("SP203", said, written.place, label="not in the database", help=help)
        return False
    return True


def _complain_of_fields(rule: Relationships, table: TableName, written: Named, binding: _Binding) -> None:
    columns = _columns_of(table, binding.tables)
    query = binding.tables.queries.get(table.key)
    if columns is None or query is None or query.columns is None:
        return
    for each in rule.fields:
        if each.casefold() not in columns:
            help = did_you_mean(each, query.columns)
            notes = (f"{table} has {', '.join(query.columns)}",)
            said = f"unknown column `{each}`"
            binding.complaints.add("SP201", said, written.place, label=f"not in {table}", help=help, notes=notes)


def _bind_inputs(kind: Python, inputs: tuple[Named, ...], binding: _Binding) -> tuple[tuple[str, str], ...]:
    found = []
    for (parameter, _), written in zip(kind.inputs, inputs, strict=True):
        table = binding.named(written)
        if table is not None and table.key == binding.reader.key:
            binding.complaints.add(
                "SP203", f"`{table}` reads itself", written.place, label="this is the node of this file"
            )
        elif table is not None and _exists(table, written, binding):
            binding.add(table)
            found.append((parameter, table.key))
    return tuple(found)
