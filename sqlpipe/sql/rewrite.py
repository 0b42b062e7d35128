"""A query put together for a run: other tables, embedded queries and bounds are spliced into the author's text.

Nothing is printed anew from a tree, so that what runs is what the author wrote, line for line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlpipe.domain.names import quote
from sqlpipe.domain.query import Query, Reference

_Splice = tuple[int, int, str]


def compose(
    body: str,
    query: Query,
    *,
    names: Mapping[str, str],
    embedded: Mapping[str, str] = {},
    values: Mapping[str, str] | None = None,
) -> str:
    """The query as it is to run; it ends with its last token, so that it can be put in brackets.

    `names` gives the SQL to read instead of a reference, by the reference's text in lower case (`casefold`). `embedded`
    gives queries that are put in front as CTEs, in this order, by names that `names` leads to. `values` is the SQL
    for each placeholder by name; without it they stay. Lines stay where they are but for those that CTEs add: see
    `origin`.
    """
    splices = [*_tables(query, names), *_values(query, values)]
    text = body[: query.end]
    before, after = _preamble(body, query, embedded)
    if before:
        splices.append((query.with_at, query.with_at, before))
    for start, end, instead in sorted(splices, reverse=True):
        text = f"{text[:start]}{instead}{text[end:]}"
    return f"{text}{after}"


def origin(line: int, body: str, query: Query, *, embedded: Mapping[str, str] = {}) -> tuple[str, int]:
    """Where a line of a composed query comes from: the embedded query, or "" for the body, and the line there.

    Lines count from 1.
    """
    first = body.count("\n", 0, query.with_at) + 1
    if line < first:
        return "", line
    at = first
    for name, sql in embedded.items():
        # each CTE is `name as (`, a line break, its SQL, a line break and `), `
        height = sql.count("\n") + 2
        if at < line < at + height:
            return name, line - at
        at += height
    return "", max(first, line - at + first)


def _tables(query: Query, names: Mapping[str, str]) -> Iterator[_Splice]:
    for reference in query.references:
        instead = names.get(reference.text.casefold())
        if instead is not None:
            yield reference.start, reference.end, f"{instead}{_alias(reference, instead)}"
    for qualifier in query.qualifiers:
        if qualifier.table.casefold() in names:
            yield qualifier.start, qualifier.end, ""


def _alias(reference: Reference, instead: str) -> str:
    # Columns may be qualified by the name of the table, so it has to go on being called so.
    name = quote(reference.parts[-1])
    same = instead.casefold().endswith((name.casefold(), f".{reference.parts[-1]}".casefold()))
    return "" if reference.aliased or same else f" as {name}"


def _values(query: Query, values: Mapping[str, str] | None) -> Iterator[_Splice]:
    if values is not None:
        for placeholder in query.placeholders:
            yield placeholder.start, placeholder.end, values[placeholder.name]


def _preamble(body: str, query: Query, embedded: Mapping[str, str]) -> tuple[str, str]:
    """What goes in at `with_at`, and what goes behind the query."""
    if not embedded:
        return "", ""
    # The line breaks keep a comment at the end of an embedded query from swallowing what follows.
    ctes = ", ".join(f"{quote(name)} as (\n{sql}\n)" for name, sql in embedded.items())
    if query.has_with:
        return f"{ctes}, ", ""
    if body.startswith("(", query.with_at):
        # DuckDB forgets the CTEs inside `(with ... select ...)` when another WITH stands in front of the brackets.
        return f"with {ctes} from (", ")"
    return f"with {ctes} ", ""
