"""What a query does that somebody who may only look must not, found in the tree that DuckDB's own parser makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from sqlpipe.domain.diagnostic import did_you_mean

Tree = Mapping[str, Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Whatever is not known here is refused: what another DuckDB may add is looked at before it is let in.
_EXPRESSIONS = _words(
    """
    BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT DEFAULT FUNCTION LAMBDA LAMBDA_REF OPERATOR
    POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW
    """
)
_PARTS = _words(
    """
    SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE
    BASE_TABLE EMPTY EXPRESSION_LIST JOIN PIVOT SHOW_REF SUBQUERY TABLE_FUNCTION
    DISTINCT_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER ORDER_MODIFIER
    ASCENDING DESCENDING ORDER_ASCENDING ORDER_DESCENDING ORDER_DEFAULT
    """
)
_TYPE_INFO = "_TYPE_INFO"  # DuckDB 1 spells out the types that are cast to
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree"})
# These make of two words as much as the memory holds, in one go that nobody can interrupt: how much has to be written.
_SIZED = {"repeat": 1, "lpad": 1, "rpad": 1, "list_resize": 1, "array_resize": 1, "bar": 3}
_FORMATS = frozenset({"format", "printf"})
_WIDTH = re.compile(r"\d{4}|\*|\{[^}]*\{")
_MOST = 10_000
_SERIES = frozenset({"range", "generate_series"})
_CATALOGUE = frozenset({"tables", "columns", "schemata"})
_DESCRIBES = frozenset({"DESCRIBE", "SUMMARY"})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Known:
    """What a query may name: tables and views of the database, by key, and functions; `views` are DuckDB's own."""

    database: str
    relations: frozenset[str]
    functions: frozenset[str]
    views: frozenset[str]


@dataclass(frozen=True, slots=True)
class Objection:
    """Something that a query must not do; `at` is where, in bytes from its beginning, if that is known."""

    message: str
    at: int | None = None
    help: str = ""


def objections(tree: Tree, known: Known) -> tuple[Objection, ...]:
    """Everything that a query must not do; nothing for one that reads tables of the database and nothing else.

    `tree` is what `json_serialize_sql` tells of it.
    """
    if len(tree.get("statements", ())) != 1:
        return (Objection("there is to be one query", help="ask one after the other"),)
    ctes = frozenset(_ctes(tree))
    found = [each for part in _parts(tree) for each in _objections(part, known, ctes)]
    bad = sorted(name for name in ctes if not _PLAIN.fullmatch(name) or name in known.views)
    found += [Objection(f"a CTE may not be called `{name}`", help="take a plain word") for name in bad]
    return tuple(dict.fromkeys(found))


def _parts(tree: Tree) -> Iterator[Tree]:
    """Every part of a tree, but for the insides of constants."""
    stack: list[Any] = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        if not isinstance(part, dict):
            continue
        yield part
        match part:
            case {"class": "CONSTANT"}:
                pass
            case {"type": "TABLE_FUNCTION", "function": {"class": "FUNCTION", **inner}}:
                # What it is called is looked at as a function of tables.
                inner.pop("type", None)
                stack += [inner, *(each for name, each in part.items() if name != "function")]
            case _:
                stack += part.values()


def _ctes(tree: Tree) -> Iterator[str]:
    for part in _parts(tree):
        match part:
            case {"cte_map": {"map": list(entries)}}:
                yield from (str(each["key"]).casefold() for each in entries)


def _objections(part: Tree, known: Known, ctes: frozenset[str]) -> Iterator[Objection]:
    match part:
        case {"class": "FUNCTION" | "WINDOW", "function_name": str()}:
            yield from _function(part, known)
        case {"class": "PARAMETER"}:
            yield Objection("a query has no parameters", _at(part), "write the value itself")
        case {"class": str(name)} if name not in _EXPRESSIONS:
            yield Objection(f"an expression of the kind {name} is not known here", _at(part))
        case {"class": _}:
            return
        case {"type": "BASE_TABLE"}:
            yield from _table(part, known, ctes)
        case {"type": "TABLE_FUNCTION"}:
            yield from _table_function(part)
        case {"type": "SHOW_REF"}:
            yield from _show(part)
        case {"type": str(name)} if name not in _PARTS and not name.endswith(_TYPE_INFO):
            yield Objection(f"{name.removesuffix('_NODE').replace('_', ' ')} is not for those who look", _at(part))


def _path(part: Tree, *old: str) -> list[str]:
    """The name that something is called by, in pieces; DuckDB 1 has them one by one."""
    match part.get("qualified_name"):
        case {"path": list(pieces)}:
            return [str(each) for each in pieces]
        case _:
            return [str(part[name]) for name in old if part.get(name)]


def _table(part: Tree, known: Known, ctes: frozenset[str]) -> Iterator[Objection]:
    path = [each.casefold() for each in _path(part, "catalog_name", "schema_name", "table_name")]
    if len(path) == 1 and path[0] in ctes:
        return
    if len(path) == 2 and path[0] == "information_schema" and path[1] in _CATALOGUE:  # noqa: PLR2004 - schema, name
        return
    inside = path[1:] if path[:1] == [known.database.casefold()] and len(path) > 1 else path
    keys = {".".join(each) for each in (path, inside, ["main", *path], ["main", *inside]) if len(each) == 2}  # noqa: PLR2004
    if not keys & known.relations:
        name = ".".join(_path(part, "catalog_name", "schema_name", "table_name"))
        help = did_you_mean(name, known.relations) or "queries read tables and views that are in the database, no files"
        yield Objection(f"there is no table `{name}`", _at(part), help)


def _table_function(part: Tree) -> Iterator[Objection]:
    function = part.get("function")
    name = _called(function) if isinstance(function, dict) else "?"
    if name not in _TABLE_FUNCTIONS:
        yield Objection(f"`{name}` is not a function that queries may read from", _at(part), _ONLY_TABLES)


def _show(part: Tree) -> Iterator[Objection]:
    inner = part.get("query")
    if part.get("show_type") not in _DESCRIBES or not isinstance(inner, dict) or _path(part, "table_name"):
        yield Objection("SHOW is not for those who look", _at(part), "ask `information_schema.tables`")


def _function(part: Tree, known: Known) -> Iterator[Objection]:
    name, arguments = _called(part), _arguments(part)
    if name not in known.functions:
        help = did_you_mean(name, known.functions) if name not in _NEVER else _ONLY_TABLES
        yield Objection(f"`{name}` is not a function that queries may use", _at(part), help)
    elif name in _SERIES:
        yield Objection(f"`{name}` makes a list in memory", _at(part), f"write `from {name}(...)`, which makes rows")
    elif name in _SIZED and not _is_small(arguments[_SIZED[name] :][:1]):
        help = f"write a number up to {_MOST:,}"
        yield Objection(f"how much `{name}` makes is to be a number in the query", _at(part), help)
    elif name in _FORMATS and not _is_plain_format(arguments[:1]):
        help = "write the format itself, with widths of at most three digits"
        yield Objection(f"how much `{name}` makes is to be seen in the query", _at(part), help)


def _called(function: Tree) -> str:
    path = _path(function, "function_name")
    return path[-1].casefold() if path else "?"


def _arguments(function: Tree) -> list[Tree]:
    """What a function is called with; DuckDB 1 has the first of `a.f(b)` among its names."""
    found = function.get("arguments") or function.get("children") or []
    return [each.get("expression", each) for each in found if isinstance(each, dict)]


def _is_small(arguments: list[Tree]) -> bool:
    return any(text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= _MOST  # noqa: PLR2004
               for text in map(_constant, arguments))  # fmt: skip


def _is_plain_format(arguments: list[Tree]) -> bool:
    return any(each.get("class") == "CONSTANT" and not _WIDTH.search(_constant(each)) for each in arguments)


def _constant(part: Tree) -> str:
    """A number or a text as it is written; DuckDB 1 tells its type besides."""
    match part:
        case {"class": "CONSTANT", "literal": {"text": text}}:
            return str(text)
        case {"class": "CONSTANT", "value": {"value": value}}:
            return str(value)
        case _:
            return ""


def _at(part: Tree) -> int | None:
    location = part.get("query_location")
    return location if _is_offset(location) else None


def _is_offset(value: object) -> TypeGuard[int]:
    # What is nowhere in the text is at the last number that there is.
    return isinstance(value, int) and 0 <= value < 2**31


_ONLY_TABLES = "queries read tables and views that are in the database, no files"
# What reaches beyond the tables: files, settings, other statements, the process itself.
_NEVER = _words(
    """
    current_connection_id current_query current_query_id current_setting current_transaction_id currval getenv
    getvariable json_deserialize_sql json_execute_serialized_sql json_serialize_plan json_serialize_sql nextval
    parse_duckdb_log_message pg_sleep setseed setval sleep_ms stats txid_current vector_type write_log
    """
)


def functions_of(own: frozenset[str], pristine: frozenset[str]) -> frozenset[str]:
    """The functions that queries may use: those that come with DuckDB, but for those of which the database has own."""
    return frozenset(name for name in pristine | _SPECIAL if not name.startswith("__")) - _NEVER - own


# What DuckDB does not count among its functions.
_SPECIAL = _words(
    """
    unnest unlist row_number rank rank_dense dense_rank percent_rank cume_dist ntile lag lead first_value last_value
    nth_value fill
    """
)
