"""Which tables a query can be cut to a slice of time, without changing its rows of that time.

The rule behind all of this: an output row whose `output` lies in an interval must depend only on rows of the table
whose `column` lies in it. Joins, filters and projections work row by row and keep that; what looks at several rows
of the table at once (groups, windows, limits) keeps it only if the column is among what holds those rows together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sqlglot import exp

from sqlpipe.domain.query import Reference, Slice
from sqlpipe.sql.outputs import name_of
from sqlpipe.sql.scope import Relation, Scope, Source
from sqlpipe.sql.uses import bare_column

_Origin = tuple[Reference, str]
_ANY = "*"
_EXACT = frozenset(
    {
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPTZ,
        exp.DType.TIMESTAMP_NS,
        exp.DType.TIMESTAMPNTZ,
        exp.DType.DATETIME,
    }
)


def slices(whole: Source, scopes: list[Scope], references: list[Reference], *, bounded: bool) -> tuple[Slice, ...]:
    """All the promises that hold; `bounded` tells whether the query has placeholders."""
    found = list(_passed(whole, references))
    if bounded:
        found += _cut(scopes, references)
    return tuple(sorted(set(found), key=lambda each: (each.table, each.column, each.output)))


def _passed(whole: Source, references: list[Reference]) -> Iterator[Slice]:
    if whole.scope is None or not isinstance(whole.scope.select, exp.Select):
        return
    # `trips` and `raw.trips` may be the same table
    read = Counter(reference.parts[-1].casefold() for reference in references)
    scope = whole.scope
    names = {*scope.items, *(name.casefold() for name in whole.columns or ())}
    for name in (*names, _ANY):
        origin = _origin_of_output(scope, name)
        if origin is not None and read[origin[0].parts[-1].casefold()] == 1:
            yield Slice(origin[0].text, origin[1], name, tuple(sorted(scope.items)) if name == _ANY else ())


def _cut(scopes: list[Scope], references: list[Reference]) -> Iterator[Slice]:
    cuts = {origin for scope in scopes for origin in _cut_here(scope)}
    tables: dict[str, list[Reference]] = {}
    for reference in references:
        tables.setdefault(reference.parts[-1].casefold(), []).append(reference)
    for uses in tables.values():
        columns = {column for reference, column in cuts if reference is uses[0]}
        for column in columns:
            if all((reference, column) in cuts for reference in uses):
                yield from {Slice(reference.text, column) for reference in uses}


def _cut_here(scope: Scope) -> Iterator[_Origin]:
    """The tables that the WHERE of this scope cuts to `column >= :start and column < :end`."""
    where = scope.select.args.get("where")
    if where is None or scope.unclear:
        return
    lower: list[tuple[Relation, str]] = []
    upper: list[tuple[Relation, str]] = []
    for term in _terms(where.this):
        match term:
            case exp.GTE(this=column, expression=bound) | exp.LTE(expression=column, this=bound) if _is(bound, "start"):
                lower += _column(column, scope)
            case exp.LT(this=column, expression=bound) | exp.GT(expression=column, this=bound) if _is(bound, "end"):
                upper += _column(column, scope)
            case _:
                pass
    for relation, name in lower:
        if (relation, name) in upper and not relation.nearest:
            origin = _origin(relation, name)
            if origin is not None:
                yield origin


def _terms(condition: exp.Expr) -> Iterator[exp.Expr]:
    stack = [condition]
    while stack:
        node = stack.pop()
        match node:
            case exp.And():
                stack += [node.this, node.expression]
            case exp.Paren():
                stack.append(node.this)
            case _:
                yield node


def _is(bound: exp.Expr, name: str) -> bool:
    # A cast to a timestamp keeps the bound as it is; one to a date would move it.
    if isinstance(bound, exp.Cast) and bound.to.this in _EXACT:
        bound = bound.this
    return isinstance(bound, exp.Placeholder) and bound.name.casefold() == name


def _column(node: exp.Expr, scope: Scope) -> list[tuple[Relation, str]]:
    found = bare_column(node, scope)
    return [found] if found is not None and _same(node, scope, found) else []


def _origin(relation: Relation, name: str) -> _Origin | None:
    """The table and column that a column of a relation is, if the relation keeps the rule."""
    if not relation.plain:
        return None
    if relation.reference is not None:
        return relation.reference, name
    source = relation.source
    if source is None or source.scope is None or source.recursive or source.uses != 1:
        return None
    if name == _ANY and source.scope.items:
        return None  # one of the other outputs may have the name that is asked for in the end
    return _origin_of_output(source.scope, name)


def _origin_of_output(scope: Scope, output: str) -> _Origin | None:
    if scope.unclear or scope.limited:
        return None
    carrier = _carrier(scope, output)
    if carrier is None or carrier[0].nullable or carrier[0].nearest or carrier[0].hidden:
        return None
    if not all(_partitioned(window, scope, carrier) for window in scope.windows):
        return None
    return _origin(*carrier) if _groups_by(scope, carrier, output) else None


def _carrier(scope: Scope, output: str) -> tuple[Relation, str] | None:
    """The relation and column that an output column is without any change."""
    if output in scope.items:
        item = scope.items[output]
        column = item.this if isinstance(item, exp.Alias) else item
        if column is None:
            return None
        found = bare_column(column, scope)
        if found is not None and not column.args.get("table") and _is_other_alias(found[1], column, scope):
            return None
        return found
    return _starred(scope, output)


def _is_other_alias(name: str, column: exp.Expr, scope: Scope) -> bool:
    # `ts::date as day, day as d`: the second may mean the first; `day as day` cannot.
    return name in scope.aliases and any(
        isinstance(item, exp.Alias) and item.alias.casefold() == name and item.this is not column
        for item in scope.select.expressions
    )


def _starred(scope: Scope, name: str) -> tuple[Relation, str] | None:
    stars = [item for item in scope.select.expressions if item.is_star]
    if len(stars) != 1 or scope.starry:
        return None
    star = stars[0]
    only = star.this if isinstance(star, exp.Column) else star
    if not isinstance(only, exp.Star) or any(only.args.values()):
        return None
    # something without a name may get the name that a column of the star has
    if any(item is not star and name_of(item) is None for item in scope.select.expressions):
        return None
    if isinstance(star, exp.Column):
        relation = None if star.args.get("db") else scope.find(star.table.casefold())
    else:
        relation = scope.relations[0] if len(scope.relations) == 1 else None
    return None if relation is None else (relation, name)


def _groups_by(scope: Scope, carrier: tuple[Relation, str], output: str) -> bool:
    # Without GROUP BY a bare column in the output means that nothing is aggregated: the database would refuse it.
    group = scope.select.args.get("group")
    if group is None:
        return True
    if any(value for key, value in group.args.items() if key not in {"expressions", "all"}):
        return False
    if group.args.get("all"):
        return output != _ANY
    items = scope.select.expressions
    for key in group.expressions:
        if isinstance(key, (exp.Rollup, exp.Cube, exp.GroupingSets)):
            return False
    return any(_is_key(key, scope, carrier, output, items) for key in group.expressions)


def _is_key(key: exp.Expr, scope: Scope, carrier: tuple[Relation, str], output: str, items: list[exp.Expr]) -> bool:
    if isinstance(key, exp.Literal) and not key.is_string:
        at = int(key.name) - 1 if key.name.isdigit() else -1
        starred = any(item.is_star for item in items)
        return not starred and 0 <= at < len(items) and (name_of(items[at]) or "").casefold() == output
    if isinstance(key, exp.Column) and not key.args.get("table") and key.name.casefold() == output:
        return True
    return _same(key, scope, carrier)


def _same(node: exp.Expr, scope: Scope, carrier: tuple[Relation, str]) -> bool:
    found = bare_column(node, scope)
    if found is None or found[0] is not carrier[0] or found[1] != carrier[1]:
        return False
    return bool(node.args.get("table")) or not _is_other_alias_of(found[1], scope, carrier)


def _is_other_alias_of(name: str, scope: Scope, carrier: tuple[Relation, str]) -> bool:
    for item in scope.select.expressions:
        if isinstance(item, exp.Alias) and item.alias.casefold() == name:
            meant = bare_column(item.this, scope)
            if meant is None or meant[0] is not carrier[0] or meant[1] != carrier[1]:
                return True
    return False


def _partitioned(window: exp.Expr, scope: Scope, carrier: tuple[Relation, str]) -> bool:
    keys: Iterable[exp.Expr] = window.args.get("partition_by") or ()
    if any(_same(key, scope, carrier) for key in keys):
        return True
    name = window.args.get("alias")
    for named in scope.select.args.get("windows") or ():
        if name is not None and named.this.name.casefold() == name.name.casefold():
            return any(_same(key, scope, carrier) for key in named.args.get("partition_by") or ())
    return False
