"""The walk over a query that finds which relations each select reads, and which of them are tables.

This is a walk of our own over the tree because sqlglot's scopes let a CTE hide a table of the same name inside the CTE
itself and before it, where SQL still means the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from sqlpipe.domain.query import FileRead, Reference
from sqlpipe.sql.outputs import name_of, output_of
from sqlpipe.sql.scope import Relation, Scope, Source, name_columns

_SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog"})
_SYSTEM_VIEWS = frozenset(
    """
    duckdb_columns duckdb_constraints duckdb_databases duckdb_indexes duckdb_logs duckdb_schemas duckdb_tables
    duckdb_types duckdb_views pg_am pg_attrdef pg_attribute pg_class pg_collation pg_constraint pg_database pg_depend
    pg_description pg_enum pg_index pg_indexes pg_namespace pg_prepared_statements pg_proc pg_sequence pg_sequences
    pg_settings pg_tables pg_tablespace pg_type pg_views pragma_database_list sqlite_master sqlite_schema
    sqlite_temp_master sqlite_temp_schema
    """.split()  # noqa: SIM905  words read better without quotes
)
_LIMITING = ("limit", "offset", "sample", "pivots", "connect", "match", "laterals", "into", "locks", "fetch")
_FILE_ENDINGS = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".txt", ".xlsx", ".gz", ".zst")


# The nodes that mean something to the walk; all others are only passed through.
_SPECIAL = frozenset(
    {
        exp.Column,
        exp.Columns,
        exp.Comprehension,
        exp.Except,
        exp.Intersect,
        exp.Lambda,
        exp.Select,
        exp.Star,
        exp.Subquery,
        exp.Table,
        exp.Union,
        exp.Window,
    }
)

Visible = Mapping[str, Source]


class Walk:
    """One walk over a query: collects its references, files and scopes on the way."""

    def __init__(self, text: str, tree: exp.Expr) -> None:
        self.text = text
        self.references: list[Reference] = []
        self.files: list[FileRead] = []
        self.scopes: list[Scope] = []
        self.names: set[int] = set()
        self.placeholders: set[int] = set()
        self.whole = self._query(tree, {}, None)

    def _query(self, node: exp.Expr, visible: Visible, outer: Scope | None) -> Source:
        match node:
            case exp.Select():
                return self._select(node, visible, outer)
            case exp.SetOperation():
                return self._set_operation(node, visible, outer)
            case exp.Subquery():
                return self._brackets(node, visible, outer)
            case exp.Values():
                self._expressions(node.expressions, visible, Scope(node, outer))
                first = node.expressions[0] if node.expressions else None
                width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
                return Source(tuple(f"col{index}" for index in range(width)))
            case _:
                return self._other(node, visible, outer)

    def _select(self, node: exp.Select, visible: Visible, outer: Scope | None) -> Source:
        args = node.args
        visible = self._ctes(args.get("with_"), visible, outer)
        scope = Scope(node, outer)
        self.scopes.append(scope)
        if (from_ := args.get("from_")) is not None:
            self._from_item(from_.this, visible, scope)
        self._joins(args.get("joins"), visible, scope)
        for lateral in args.get("laterals") or ():
            self._from_item(lateral, visible, scope)
        for key, value in args.items():
            if key not in {"with_", "from_", "joins", "laterals"} and value:
                self._expressions(value if value.__class__ is list else [value], visible, scope)
        for item in node.expressions:
            if (name := name_of(item)) is not None:
                name = name.casefold()
                scope.items[name] = None if name in scope.items else item
                if isinstance(item, exp.Alias):
                    scope.aliases.add(name)
        distinct = args.get("distinct")
        scope.limited = any(map(args.get, _LIMITING)) or (distinct is not None and bool(distinct.args.get("on")))
        scope.output = output_of(node, scope)
        return Source(scope.output, scope)

    def _set_operation(self, node: exp.SetOperation, visible: Visible, outer: Scope | None) -> Source:
        # A long chain of unions leans to the left; going down by hand spares the stack.
        chain = [node]
        within = [self._ctes(node.args.get("with_"), visible, outer)]
        while isinstance(left := chain[-1].this, exp.SetOperation):
            chain.append(left)
            within.append(self._ctes(left.args.get("with_"), within[-1], outer))
        columns = self._query(left, within[-1], outer).columns
        while chain:
            node, visible = chain.pop(), within.pop()
            right = self._query(node.expression, visible, outer)
            columns = _united(columns, right.columns) if node.args.get("by_name") else columns
            rest = [v for k, v in node.args.items() if v and k not in {"with_", "this", "expression"}]
            self._expressions(rest, visible, Scope(node, outer))
        return Source(columns)

    def _brackets(self, node: exp.Subquery, visible: Visible, outer: Scope | None) -> Source:
        visible = self._ctes(node.args.get("with_"), visible, outer)
        inner = self._query(node.this, visible, outer)
        rest = [v for k, v in node.args.items() if v and k not in {"with_", "this", "alias"}]
        if not rest:
            return inner
        self._expressions(rest, visible, Scope(node, outer))
        return Source(None if node.args.get("pivots") else inner.columns)

    def _other(self, node: exp.Expr, visible: Visible, outer: Scope | None) -> Source:
        # PIVOT and UNPIVOT as statements, and whatever else may stand in brackets: DESCRIBE, SUMMARIZE, SHOW.
        visible = self._ctes(node.args.get("with_"), visible, outer)
        scope = Scope(node, outer)
        if isinstance(node, exp.Table):
            self._from_item(node, visible, scope)
        else:
            aliasable = isinstance(node, exp.Pivot)
            for key, value in node.args.items():
                if key == "this" and isinstance(value, (exp.Table, exp.Subquery)):
                    self._from_item(value, visible, scope, aliasable=aliasable)
                elif key != "with_" and value:
                    self._expressions(value if value.__class__ is list else [value], visible, scope)
        return Source()

    def _ctes(self, with_: exp.With | None, visible: Visible, outer: Scope | None) -> Visible:
        if with_ is None:
            return visible
        recursive = bool(with_.args.get("recursive"))
        seen = dict(visible)
        for cte in with_.expressions:
            name, renamed = cte.alias.casefold(), self._alias_columns(cte)
            body = cte.this
            if recursive and isinstance(body, exp.SetOperation):
                source = self._recursive(name, body, renamed, seen, outer)
            else:
                source = self._query(body, seen, outer)
                source = _renamed(source, renamed)
            for key, value in cte.args.items():
                if key not in {"this", "alias"} and isinstance(value, (list, exp.Expr)):
                    self._expressions(value if isinstance(value, list) else [value], seen, Scope(cte))
            seen = {**seen, name: source}
        return seen

    def _recursive(
        self, name: str, body: exp.SetOperation, renamed: tuple[str, ...], visible: Visible, outer: Scope | None
    ) -> Source:
        visible = self._ctes(body.args.get("with_"), visible, outer)
        # The first branch decides the names; for it the CTE itself is not there yet, and it does not read it.
        itself = Source(recursive=True)
        inner = {**visible, name: itself}
        columns = self._query(body.this, inner, outer).columns
        itself.columns = name_columns(columns, renamed)
        self._query(body.expression, inner, outer)
        rest = [v for k, v in body.args.items() if v and k not in {"with_", "this", "expression"}]
        self._expressions(rest, visible, Scope(body, outer))
        return itself

    def _joins(self, joins: list[exp.Join] | None, visible: Visible, scope: Scope) -> None:
        for join in joins or ():
            args = join.args
            method, side, kind = join.method, join.side, join.kind
            before, mark = list(scope.relations), len(scope.relations)
            self._from_item(join.this, visible, scope)
            added = scope.relations[mark:]
            for relation in added:
                relation.nullable |= side in {"LEFT", "FULL"}
                relation.hidden |= kind in {"SEMI", "ANTI"}
                relation.nearest |= method == "ASOF"
            for relation in before if side in {"RIGHT", "FULL"} else ():
                relation.nullable = True
            scope.unclear |= method in {"POSITIONAL", "NATURAL"}
            using = args.get("using") or ()
            scope.merged |= method == "NATURAL" or (bool(using) and kind not in {"SEMI", "ANTI"})
            for identifier in using:
                self._name(identifier)
            if (condition := args.get("on")) is not None:
                self._expressions([condition], visible, scope)
            self._joins(args.get("joins"), visible, scope)

    def _from_item(self, node: exp.Expr, visible: Visible, scope: Scope, *, aliasable: bool = True) -> None:
        alias = node.args.get("alias")
        name = alias.this if alias is not None else None
        renamed = self._alias_columns(node)
        self._name(name)
        relation = Relation(name.name.casefold() if name is not None else "", plain=not renamed)
        inner = node.this
        match node:
            case exp.Table() if isinstance(inner, exp.Identifier):
                self._named(node, relation, visible, aliasable=aliasable)
            case exp.Subquery() if isinstance(inner, exp.Table) and name is None and not node.args.get("pivots"):
                # `(t join u)`: its tables are named as if there were no brackets
                scope.unclear = True
                self._from_item(inner, visible, scope)
                return
            case exp.Subquery() | exp.Values():
                relation.source = self._query(node, visible, scope if scope.relations else scope.outer)
            case exp.Lateral() if isinstance(inner, exp.Subquery):
                relation.source = self._query(inner, visible, scope)
            case _:
                self._function(node, visible, scope)
        if relation.source is not None:
            relation.source.uses += 1
            relation.columns = relation.source.columns
        if renamed:
            relation.columns = name_columns(relation.columns, renamed)
        if isinstance(node, exp.Table):
            self._modifiers(node, relation, visible, scope)
        elif isinstance(node, exp.Subquery) and node.args.get("pivots"):
            relation.columns = None
        scope.relations.append(relation)
        if isinstance(node, exp.Table):
            self._joins(node.args.get("joins"), visible, scope)

    def _modifiers(self, node: exp.Table, relation: Relation, visible: Visible, scope: Scope) -> None:
        rest = [v for k in ("pivots", "sample", "when") if (v := node.args.get(k))]
        if rest:
            relation.plain = False
            scope.unclear = True
            relation.columns = None if node.args.get("pivots") else relation.columns
            self._expressions(rest, visible, Scope(node, scope))

    def _named(self, node: exp.Table, relation: Relation, visible: Visible, *, aliasable: bool) -> None:
        identifiers = node.parts
        for identifier in identifiers:
            self._name(identifier)
        parts = tuple(identifier.name for identifier in identifiers)
        folded = parts[-1].casefold()
        aliased = bool(relation.alias) or not aliasable
        relation.alias = relation.alias or folded
        cte = visible.get(folded)
        if cte is not None and (len(parts) == 1 or (cte.recursive and parts[0].casefold() == "recurring")):
            relation.source = cte
            return
        first, last = identifiers[0].meta, identifiers[-1].meta
        if "start" not in first or "end" not in last:
            return
        start, end = first["start"], last["end"] + 1
        quote = self.text[start]
        if len(parts) == 1 and (quote == "'" or (quote == '"' and folded.endswith(_FILE_ENDINGS))):
            self.files.append(FileRead("", parts, start, end))
        elif not _is_system(parts):
            bare = self.text[max(0, start - 40) : start].casefold().rstrip().endswith("table")
            relation.reference = Reference(parts, start, end, aliased or bare)
            self.references.append(relation.reference)

    def _function(self, node: exp.Expr, visible: Visible, scope: Scope) -> None:
        # Columns in the arguments of a table function are those of relations to its left; names without a
        # qualifier may as well be named arguments.
        mark = len(scope.columns)
        for key, value in node.args.items():
            if key not in {"alias", "joins", "pivots", "sample", "when"} and isinstance(value, (list, exp.Expr)):
                self._expressions(value if isinstance(value, list) else [value], visible, scope)
        scope.columns[mark:] = [column for column in scope.columns[mark:] if column.args.get("table")]

    def _expressions(self, nodes: Iterable[object], visible: Visible, scope: Scope) -> None:
        stack: list[object] = list(nodes)
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Expr):
                if isinstance(node, exp.Identifier):
                    self._name(node)
                elif node.__class__ not in _SPECIAL or self._goes_down(node, visible, scope):
                    stack += node.args.values()
            elif isinstance(node, list):
                stack += node

    def _goes_down(self, node: exp.Expr, visible: Visible, scope: Scope) -> bool:
        """Note what a node of an expression is; tells whether what is below it belongs to the same expression."""
        match node:
            case exp.Column():
                if node.name.startswith(":") and not node.this.args.get("quoted"):
                    self.placeholders.add(node.this.meta_get("start", -1))
                    node.replace(exp.Placeholder(this=node.name[1:]))
                    return False
                scope.columns.append(node)
            case exp.Select() | exp.SetOperation() | exp.Subquery():
                self._query(node, visible, scope)
                return False
            case exp.Table():
                self._from_item(node, visible, Scope(node, scope), aliasable=False)
                return False
            case exp.Star() if node.args:
                # Only what stands behind REPLACE is an expression; the rest names columns of the star.
                self._expressions([node.args.get("except_"), node.args.get("rename")], visible, Scope(node))
                self._expressions([node.args.get("replace")], visible, scope)
                return False
            case exp.Lambda():
                scope.locals.update(each.name.casefold() for each in node.expressions)
            case exp.Comprehension():
                scope.locals.add(node.expression.name.casefold())
            case exp.Columns():
                scope.starry = True
            case exp.Window() if node.arg_key != "windows":
                scope.windows.append(node)
        return True

    def _alias_columns(self, node: exp.Expr) -> tuple[str, ...]:
        alias = node.args.get("alias")
        columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
        for identifier in columns or ():
            self._name(identifier)
        return tuple(identifier.name for identifier in columns or ())

    def _name(self, identifier: exp.Expr | None) -> None:
        if identifier is not None and (start := identifier.meta_get("start")) is not None:
            self.names.add(start)


def _is_system(parts: tuple[str, ...]) -> bool:
    folded = [part.casefold() for part in parts]
    return folded[-1] in _SYSTEM_VIEWS if len(parts) == 1 else not _SYSTEM_SCHEMAS.isdisjoint(folded[:-1])


def _renamed(source: Source, names: tuple[str, ...]) -> Source:
    # New names for the columns cut the way back to the select they come from.
    return Source(name_columns(source.columns, names)) if names else source


def _united(left: tuple[str, ...] | None, right: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if left is None or right is None:
        return None
    known = {name.casefold() for name in left}
    return left + tuple(name for name in right if name.casefold() not in known)
