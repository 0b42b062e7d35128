"""Queries of people who may only look: inspected, bounded, answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import duckdb

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, SqlpipeError, place_of
from sqlpipe.domain.names import TableName, literal, quote
from sqlpipe.engine.contract import Answer, Bounds, QueryError, Row, Session
from sqlpipe.engine.inspect import Known, Objection, functions_of, objections

_FILE = "query"
_LONGEST = 20_000
_CHUNK = 100
# No value is larger than this (bytes): it has to be in memory at once.
_LARGEST = 1_000_000
# Values of these types are small, whatever they are.
_SMALL = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
          "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIME", "TIMESTAMP", "INTERVAL", "UUID",
          "ENUM")  # fmt: skip


def answer(session: Session, query: str, bounds: Bounds) -> Answer:
    """The first rows of a query, if it reads tables of the database and nothing else.

    Raises SP711 for one that does more, and SP712 for an answer that is too large.
    """
    admitted = _admitted(session, query, bounds.rows + 1)
    rows: list[Row] = []
    room = bounds.bytes
    with _placing(admitted):
        for batch in session.batches(admitted.statement, _CHUNK):
            room -= sum(map(_size, batch))
            if room < 0:
                raise _too_large(bounds)
            rows += batch
    return Answer(admitted.columns, tuple(rows[: bounds.rows]), len(rows) > bounds.rows)


def save(session: Session, query: str, path: Path, bounds: Bounds) -> None:
    """Write the first rows of such a query into a Parquet file."""
    admitted = _admitted(session, query, bounds.rows)
    with _placing(admitted):
        session.execute(f"copy (\n{admitted.statement}\n) to {literal(str(path))} (format parquet)")
    if path.stat().st_size > bounds.bytes:
        raise _too_large(bounds)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A query that was let in, the form of it that can stand within a statement, and the statement that asks it."""

    query: str
    body: str
    columns: tuple[tuple[str, str], ...] = ()
    statement: str = ""


def _admitted(session: Session, query: str, rows: int) -> _Admitted:
    """A query that was let in, and the statement, inspected as it will be run, that gives so many of its rows."""
    if len(query) > _LONGEST:
        raise SqlpipeError(Diagnostic(code="SP711", message=f"a query has at most {_LONGEST:,} characters"))
    known = _known(session)
    tree = _inspect(session, known, query)
    body = query.strip().rstrip(";").rstrip()
    if _serialized(session, _within(body)).get("error"):
        # Something stands behind its end: a semicolon, and a comment.
        body = str(session.query("select system.main.json_deserialize_sql(?::json)", (json.dumps(tree),))[0][0])
    _inspect(session, known, _within(body))
    with _placing(_Admitted(query, body)):
        columns = session.describe(_within(body))
    names = [f"c{number}" for number in range(len(columns))]
    shown = ", ".join(_guarded(name, type, column) for name, (column, type) in zip(names, columns, strict=True))
    statement = f"select {shown} from (\n{body}\n) as answer ({', '.join(names)}) limit {rows}"
    _inspect(session, known, statement)
    return _Admitted(query, body, columns, statement)


def _within(body: str) -> str:
    return f"select * from (\n{body}\n)"


def _inspect(session: Session, known: Known, query: str) -> dict[str, object]:
    tree = _serialized(session, query)
    if tree.get("error"):
        raise SqlpipeError(_unreadable(query, tree))
    found = objections(tree, known)
    if found:
        raise SqlpipeError(*(_told(query, each) for each in found))
    return tree


def _serialized(session: Session, query: str) -> dict[str, object]:
    # A zero would end the text for the parser, or not.
    if "\0" in query:
        return {"error": True, "error_message": "a query has no characters that are no text"}
    try:
        found = json.loads(session.query("select system.main.json_serialize_sql(?::varchar)", (query,))[0][0])
    except RecursionError:
        return {"error": True, "error_message": "the query is nested too deeply"}
    return found if isinstance(found, dict) else {"error": True, "error_message": "there is no query"}


def _known(session: Session) -> Known:
    # Nothing is done with the names here: the database may have a macro that is called `lower`.
    functions = session.query("select distinct function_name, internal from duckdb_functions()")
    own = frozenset(name.casefold() for name, internal in functions if not internal)
    views = session.query("select distinct view_name from duckdb_views() where internal")
    relations = session.query(
        """
        select schema_name, table_name from duckdb_tables() where database_name = current_database() and not temporary
        union all
        select schema_name, view_name from duckdb_views()
        where database_name = current_database() and not internal and not temporary
        """
    )
    return Known(
        database=session.query("select current_database()")[0][0],
        relations=frozenset(TableName(*each).key for each in relations),
        functions=functions_of(own, _pristine()),
        views=frozenset(each[0].casefold() for each in views),
    )


@cache
def _pristine() -> frozenset[str]:
    """The functions of DuckDB as it comes: what an extension or a project has added may do whatever it likes."""
    with duckdb.connect(config={"autoload_known_extensions": "false"}) as fresh:
        rows = fresh.execute(
            "select distinct lower(function_name) from duckdb_functions() "
            "where function_type in ('scalar', 'aggregate', 'window', 'macro')"
        ).fetchall()
    return frozenset(row[0] for row in rows)


def _guarded(name: str, type: str, column: str) -> str:
    """A column of the answer, of which no value is larger than may be."""
    called = quote(column)
    if type.startswith(_SMALL) and not type.endswith("]"):
        return f"{name} as {called}"
    size = f"octet_length({name})" if type == "BLOB" else f"strlen({name}::varchar)"
    said = literal(f"a value of the column {column} has more than {_LARGEST // 1_000_000} MB")
    return f"case when {size} > {_LARGEST} then error({said}) else {name} end as {called}"


def _size(row: Row) -> int:
    """About how many bytes a row takes."""
    return sum(len(each) if isinstance(each, str | bytes) else 16 if _is_flat(each) else len(str(each)) for each in row)


def _is_flat(value: object) -> bool:
    return not isinstance(value, list | tuple | dict)


def _too_large(bounds: Bounds) -> SqlpipeError:
    said = f"the answer is larger than {bounds.bytes // 1_000_000} MB"
    return SqlpipeError(Diagnostic(code="SP712", message=said, help="ask for fewer rows or columns"))


def _told(query: str, objection: Objection) -> Diagnostic:
    span = None if objection.at is None else _span(query, _characters(query, objection.at))
    return Diagnostic(code="SP711", message=objection.message, span=span, help=objection.help)


def _unreadable(query: str, tree: dict[str, object]) -> Diagnostic:
    said = str(tree.get("error_message", "")).removesuffix("!")
    if tree.get("error_type") == "not implemented":
        help = "write SELECT, FROM, VALUES, DESCRIBE or SUMMARIZE"
        return Diagnostic(code="SP711", message="only queries are answered", help=help)
    position = str(tree.get("position", ""))
    span = _span(query, _characters(query, int(position))) if position.isdecimal() else None
    return Diagnostic(code="SP505", message=said, span=span)


@contextmanager
def _placing(admitted: _Admitted) -> Iterator[None]:
    """What the database says of the statement around a query is told of the query."""
    try:
        yield
    except QueryError as error:
        found, place = error.diagnostics[0], error.place
        begin = admitted.query.find(admitted.body)
        # It begins in the second line of the statement; one that was written anew has other lines.
        if place is not None and place.line > 1 and begin >= 0:
            found = replace(found, span=_span_in(admitted.query, begin, place))
        raise SqlpipeError(found) from error


def _span_in(query: str, begin: int, place: Place) -> Span | None:
    """The span of a place in a statement, in whose second line the query is from `begin` on."""
    first = place_of(query, begin)
    line = first.line + place.line - 2
    column = place.column + (first.column - 1 if line == first.line else 0)
    lines = query.split("\n")
    return Span(_FILE, Place(line, column, place.length), _around(lines, line)) if line <= len(lines) else None


def _span(query: str, offset: int) -> Span:
    word = next(iter(query[offset:].split()), "")
    place = place_of(query, min(offset, len(query)), offset + max(1, len(word)))
    return Span(_FILE, place, _around(query.split("\n"), place.line))


def _around(lines: list[str], line: int) -> tuple[tuple[int, str], ...]:
    return tuple((number, lines[number - 1]) for number in range(max(1, line - 1), line + 1))


def _characters(query: str, offset: int) -> int:
    """How many characters so many bytes are."""
    return len(query.encode()[:offset].decode(errors="ignore"))
