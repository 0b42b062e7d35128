"""What a table or a query holds: its contents in short, and the times that its rows are from."""

from __future__ import annotations

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.interval import Interval, merge, step
from sqlpipe.domain.names import quote
from sqlpipe.domain.project import Node, TimeColumn
from sqlpipe.engine.contract import Session


def contents(session: Session, relation: str) -> tuple[object, ...]:
    """Columns, row count and an order-free hash of the rows: equal contents, equal rows."""
    columns = session.describe(f"select * from {relation}")
    # A column by the name of the alias would be hashed in place of the row.
    rows = session.query(f"select count(*), sum(hash(_sqlpipe_row)) from {relation} as _sqlpipe_row")
    return columns, rows[0]


def covered(session: Session, relation: str, time: TimeColumn) -> tuple[Interval, ...]:
    """The units of time in which a relation has rows, joined where they touch."""
    column = f"date_trunc('{time.grain.value}', {quote(time.column)}::timestamp)"
    moments = session.query(f"select distinct {column} from {relation} where {quote(time.column)} is not null")
    return merge(Interval(row[0], step(row[0], time.grain)) for row in moments)


def holds_rows(session: Session, relation: str) -> bool:
    """Whether there is any row."""
    return bool(session.query(f"select 1 from {relation} limit 1"))


def require_time(session: Session, relation: str, node: Node, time: TimeColumn) -> None:
    """Raise SP103 if the time column is no date or timestamp: intervals of it would mean nothing."""
    type_ = session.describe(f"select {quote(time.column)} from {relation}")[0][1]
    # Without rows the type has only been guessed.
    if not type_.startswith(("DATE", "TIMESTAMP")) and holds_rows(session, relation):
        raise SqlpipeError(
            Diagnostic(
                code="SP103",
                message=f"`{time.column}` of {node.name} is {type_}: a time column has to be a date or a timestamp",
                help=f"cast it in the query, such as `{time.column}::date as {time.column}`",
            )
        )


def timeless(session: Session, relation: str, node: Node, time: TimeColumn | None) -> str:
    """What is told of new rows that are in no interval, so that no incremental table ever sees them."""
    if time is None:
        return ""
    require_time(session, relation, node, time)
    rows = int(session.query(f"select count(*) from {relation} where {quote(time.column)} is null")[0][0])
    return without_time(rows, time)


def without_time(rows: int, time: TimeColumn) -> str:
    """How many rows are in no interval, in words; empty if all are in one."""
    return f"{rows:,} row{'' if rows == 1 else 's'} without `{time.column}`" if rows else ""
