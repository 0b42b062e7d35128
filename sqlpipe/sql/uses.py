"""The columns of named tables that a query reads, where the text leaves no doubt whose columns they are."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from sqlpipe.domain.query import ColumnUse, Qualifier, Reference
from sqlpipe.sql.scope import Relation, Scope

# Read like columns, but functions or pseudo-columns to the database.
_NOT_COLUMNS = frozenset(
    """
    all current_catalog current_date current_role current_schema current_time current_timestamp current_user default
    file_row_number filename localtime localtimestamp rowid session_user user
    """.split()  # noqa: SIM905  words read better without quotes
)


def column_uses(scopes: list[Scope]) -> tuple[ColumnUse, ...]:
    """Every column whose table is certain: named by its qualifier, or the only relation in sight."""
    found = [use for scope in scopes for column in scope.columns if (use := _use(column, scope)) is not None]
    return tuple(sorted(found, key=lambda use: use.start))


def schema_qualifiers(scopes: list[Scope]) -> tuple[Qualifier, ...]:
    """Where a column is written with the schema of its table (`raw.trips.id`), the part with the schema."""
    return tuple(each for scope in scopes for column in scope.columns for each in _qualifiers(column, scope))


def bare_column(node: exp.Expr, scope: Scope) -> tuple[Relation, str] | None:
    """The relation and name of a column that is nothing but a column of this scope, if that is certain."""
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier) or node.args.get("db"):
        return None
    name = node.name.casefold()
    if qualifier := node.table:
        relation = scope.find(qualifier.casefold())
        return (relation, name) if relation is not None and qualifier.casefold() not in scope.locals else None
    only = _only_relation(scope)
    if only is None or name in scope.locals or name == only.alias or name in _NOT_COLUMNS:
        return None
    return only, name


def _use(column: exp.Column, scope: Scope) -> ColumnUse | None:
    identifier, qualifier = column.this, column.args.get("table")
    if column.args.get("db") is not None:
        resolved = _of_qualified(column, scope)
        if resolved is None:
            return None
        reference, identifier = resolved
        return _made(reference, identifier, "")
    found = bare_column(column, scope)
    if found is None:
        return None
    relation, name = found
    if relation.reference is None or not relation.plain or (qualifier is None and name in scope.aliases):
        return None
    return _made(relation.reference, identifier, qualifier.name if qualifier is not None else "")


def _made(reference: Reference, identifier: exp.Expr, qualifier: str) -> ColumnUse | None:
    start, end = identifier.meta_get("start"), identifier.meta_get("end")
    if start is None or end is None:
        return None
    return ColumnUse(reference.text, identifier.name, start, end + 1, qualifier)


def _only_relation(scope: Scope) -> Relation | None:
    if len(scope.relations) != 1:
        return None
    outer = scope.outer
    while outer is not None:
        if outer.relations:
            return None
        outer = outer.outer
    return scope.relations[0]


def _of_qualified(column: exp.Column, scope: Scope) -> tuple[Reference, exp.Expr] | None:
    # `a.b.c`: column c of table a.b, or field c of column b of what is called a; only one of them can be meant.
    if column.args.get("catalog") is not None:
        return None
    first, second = column.db.casefold(), column.table.casefold()
    by_alias, by_table = scope.find(first), scope.find(second)
    reference = by_table.reference if by_table is not None else None
    if not isinstance(column.this, exp.Identifier):
        return None
    if by_alias is None and by_table is not None and reference is not None and not reference.aliased:
        fits = by_table.plain and len(reference.parts) > 1 and reference.parts[-2].casefold() == first
        return (reference, column.this) if fits else None
    if by_alias is not None and by_table is None and by_alias.reference is not None and by_alias.plain:
        return by_alias.reference, column.args["table"]
    return None


def _qualifiers(column: exp.Column, scope: Scope) -> Iterator[Qualifier]:
    parts = column.parts
    if len(parts) < 3:  # noqa: PLR2004  schema, table and column
        return
    while scope is not None:
        names = [part.name.casefold() for part in parts]
        if scope.find(names[0]) is not None:
            return
        for at in range(1, len(parts) - 1):
            relation = scope.find(names[at])
            reference = relation.reference if relation is not None else None
            if reference is not None and not reference.aliased and _ends_with(reference, names[:at]):
                start, end = parts[0].meta_get("start"), parts[at].meta_get("start")
                if start is not None and end is not None:
                    yield Qualifier(reference.text, start, end)
                return
        if scope.outer is None:
            return
        scope = scope.outer


def _ends_with(reference: Reference, written: list[str]) -> bool:
    schema = [part.casefold() for part in reference.parts[:-1]]
    shared = min(len(schema), len(written))
    return schema[len(schema) - shared :] == written[len(written) - shared :]
