"""New rows applied to the table that holds the old ones; call these inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.names import TableName, quote
from sqlpipe.engine.contract import Session


@dataclass(frozen=True, slots=True)
class Applied:
    """How many rows were inserted, updated and deleted."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def rows(self) -> int:
        """Rows written in all."""
        return self.inserted + self.updated + self.deleted

    def __str__(self) -> str:
        words = [
            f"{count:,} {what}"
            for count, what in ((self.inserted, "new"), (self.updated, "changed"), (self.deleted, "deleted"))
            if count
        ]
        return ", ".join(words) or "no changes"


def listed(columns: Sequence[str]) -> str:
    """Columns quoted and separated by commas."""
    return ", ".join(quote(column) for column in columns)


def require_keys(session: Session, relation: str, key: Sequence[str], table: TableName) -> None:
    """Raise SP508 when a key is NULL or occurs twice among the rows; both are told."""
    problems: list[Diagnostic] = []
    counted = ", ".join(f"count({quote(column)})" for column in key)
    total, *present = session.query(f"select count(*), {counted} from {relation}")[0]
    if min(present) < total:
        problems.append(_null_keys(session, relation, key, table))
    if _distinct(session, relation, key, total) < total:
        problems += _doubled_keys(session, relation, key, table)
    if problems:
        raise SqlpipeError(*problems)


_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_MOST_BITS = 1_000_000_000


def _distinct(session: Session, relation: str, key: Sequence[str], total: int) -> int:
    """How many different keys there are.

    Whole numbers that lie close together are told apart by one bit each, which for ten million rows is fifteen times
    as fast as hashing them and takes a thousandth of the memory.
    """
    columns = listed(key)
    types = [type_ for _name, type_ in session.describe(f"select {columns} from {relation}")]
    if total and len(key) == 1 and types[0] in _INTEGERS:
        low, high = session.query(f"select min({columns}), max({columns}) from {relation}")[0]
        if low is not None and high - low < min(64 * total, _MOST_BITS):
            bits = f"bit_count(bitstring_agg({columns}, {low}, {high}))"
            nulls = f"max(case when {columns} is null then 1 else 0 end)"
            return int(session.query(f"select {bits} + {nulls} from {relation}")[0][0])
    return int(session.query(f"select count(*) from (select distinct {columns} from {relation})")[0][0])


def _null_keys(session: Session, relation: str, key: Sequence[str], table: TableName) -> Diagnostic:
    missing = " or ".join(f"{quote(column)} is null" for column in key)
    nulls = session.query(f"select count(*) from {relation} where {missing}")[0][0]
    return Diagnostic(
        code="SP508",
        message=f"{'1 new row' if nulls == 1 else f'{nulls:,} new rows'} of {table} "
        f"{'has' if nulls == 1 else 'have'} no value in the key ({', '.join(key)})",
        notes=("nothing was loaded",),
        help="leave such rows out in the query, or choose another key",
    )


def _doubled_keys(session: Session, relation: str, key: Sequence[str], table: TableName) -> list[Diagnostic]:
    columns = listed(key)
    present = " and ".join(f"{quote(column)} is not null" for column in key)
    twice = session.query(
        f"select count(*) over (), {columns}, number from (select {columns}, count(*) as number from {relation} "
        f"where {present} group by {columns} having count(*) > 1) order by all limit 3"
    )
    if not twice:
        return []
    shown = tuple(f"{', '.join(str(value) for value in row[1:-1])}: {row[-1]} rows" for row in twice)
    return [
        Diagnostic(
            code="SP508",
            message=f"{'1 key' if twice[0][0] == 1 else f'{twice[0][0]:,} keys'} ({', '.join(key)}) "
            f"{'occurs' if twice[0][0] == 1 else 'occur'} more than once among the new rows of {table}",
            notes=(*shown, "nothing was loaded"),
            help="choose one in the query, such as `qualify row_number() over "
            f"(partition by {', '.join(key)} order by ...) = 1`",
        )
    ]


def merge_by_key(session: Session, rows: str, table: TableName, key: Sequence[str], columns: Sequence[str]) -> Applied:
    """Replace the rows whose key is among the new ones, and add the rest.

    Deleting and inserting is three times as fast as MERGE in DuckDB, and as atomic.
    """
    same = " and ".join(f"t.{quote(column)} = n.{quote(column)}" for column in key)
    updated = session.execute(f"delete from {table.quoted} as t using {rows} as n where {same}")
    written = insert(session, rows, table, columns)
    return Applied(inserted=written - updated, updated=updated)


def insert(session: Session, rows: str, table: TableName, columns: Sequence[str]) -> int:
    """Add rows; columns of the table that are not listed become NULL."""
    return session.execute(f"insert into {table.quoted} ({listed(columns)}) select {listed(columns)} from {rows}")


def with_keys_of(rows: str, table: TableName, key: Sequence[str]) -> str:
    """The rows of a table whose key is among those of some rows, as SQL to read from."""
    same = " and ".join(f"t.{quote(column)} = n.{quote(column)}" for column in key)
    return f"(select t.* from {table.quoted} as t semi join {rows} as n on {same})"


def keep_changes(session: Session, staged: str, held: str, columns: Sequence[str], into: str) -> int:
    """Put the staged rows that are not held exactly so into a temporary table; NULLs are equal. Returns how many."""
    shared = listed(columns)
    return session.execute(
        f"create or replace temp table {into} as select {shared} from {staged} except select {shared} from {held}"
    )


def keep_vanished(session: Session, staged: str, held: str, key: Sequence[str], into: str) -> int:
    """Put the held keys that are no longer staged into a temporary table. Returns how many."""
    columns = listed(key)
    return session.execute(
        f"create or replace temp table {into} as select {columns} from {held} except select {columns} from {staged}"
    )


def delete_keys(session: Session, keys: str, table: TableName, key: Sequence[str]) -> int:
    """Delete the rows whose key is in a temporary table."""
    same = " and ".join(f"t.{quote(column)} = n.{quote(column)}" for column in key)
    return session.execute(f"delete from {table.quoted} as t using {keys} as n where {same}")
