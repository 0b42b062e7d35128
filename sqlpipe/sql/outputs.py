"""The names of the columns that a select puts out, as far as its text tells."""

from __future__ import annotations

from sqlglot import exp

from sqlpipe.sql.scope import Relation, Scope


def name_of(item: exp.Expr) -> str | None:
    """The name of an expression of a select if it has one of its own: an alias, or that of a bare column."""
    if isinstance(item, exp.Alias):
        return item.alias
    return item.name if isinstance(item, exp.Column) and isinstance(item.this, exp.Identifier) else None


def output_of(select: exp.Select, scope: Scope) -> tuple[str, ...] | None:
    """The output columns, or None if one of them cannot be told, or two have the same name."""
    if scope.starry:
        return None
    names: list[str] = []
    for item in select.expressions:
        found = _item(item, scope)
        if found is None:
            return None
        names += found
    distinct = {name.casefold() for name in names}
    return tuple(names) if names and len(distinct) == len(names) else None


def _item(item: exp.Expr, scope: Scope) -> tuple[str, ...] | None:
    match item:
        case exp.Alias():
            # what `unnest` makes of a struct is as many columns as it has fields
            return None if _may_spread(item.this) else (item.alias,)
        case exp.Column(this=exp.Star()):
            relation = scope.find(item.table.casefold()) if not item.args.get("db") else None
            return None if relation is None else _starred(relation.columns, item.this)
        case exp.Column(this=exp.Identifier()):
            return (item.name,)
        case exp.Star():
            return _starred(_all(scope), item)
        case _:
            return None


def _may_spread(node: exp.Expr) -> bool:
    if not isinstance(node, (exp.Explode, exp.Unnest)):
        return False
    inner = node.this if isinstance(node, exp.Explode) and not node.expressions else None
    return not isinstance(inner, (exp.Array, exp.GenerateSeries))


def _all(scope: Scope) -> tuple[str, ...] | None:
    if scope.merged or not scope.relations:
        return None
    names: tuple[str, ...] = ()
    for relation in scope.relations:
        columns = _visible(relation)
        if columns is None:
            return None
        names += columns
    return names


def _visible(relation: Relation) -> tuple[str, ...] | None:
    return () if relation.hidden else relation.columns


def _starred(columns: tuple[str, ...] | None, star: exp.Expr) -> tuple[str, ...] | None:
    if columns is None:
        return None
    excluded = {column.name.casefold() for column in star.args.get("except_") or ()}
    renamed = {each.this.name.casefold(): each.alias for each in star.args.get("rename") or ()}
    kept = (name for name in columns if name.casefold() not in excluded)
    return tuple(renamed.get(name.casefold(), name) for name in kept)
