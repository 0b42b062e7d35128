"""Columns of new rows fitted to the columns of the table that takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.names import TableName, quote
from sqlpipe.engine.contract import Session

# Each type can hold every value of the types to its left without loss.
_LADDERS = (
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    ("TINYINT", "SMALLINT", "INTEGER", "DOUBLE"),
    ("FLOAT", "DOUBLE"),
    ("DATE", "TIMESTAMP"),
)


_NUMBERS = frozenset(type_ for ladder in _LADDERS[:4] for type_ in ladder)


@dataclass(frozen=True, slots=True)
class Fit:
    """The columns that new rows and the table share, in the table's order, and what had to be changed."""

    columns: tuple[str, ...]
    added: tuple[str, ...] = ()
    widened: tuple[str, ...] = ()


def fit(
    session: Session, staged: str, table: TableName, mode: str, *, own: frozenset[str] = frozenset(), text: bool = False
) -> Fit:
    """Make the table take the staged rows, as `mode` (`evolve`, `freeze`, `discard`) allows.

    New columns are added and numbers widened where no value can be lost; a column that is gone or has another type
    is an error (SP507), all of them told at once. `own` are columns of the table that the rows need not have.
    A column of nothing but NULLs fits any type, and so do numbers that another type can say exactly. Rows from
    `text` files have types only as far as they were guessed from these very rows, so there a column fits if each
    of its values can be read as the type that is held.
    """
    held = dict(session.describe(f"select * from {table.quoted}"))
    coming = dict(session.describe(f"select * from {staged}"))
    spelled = {name.casefold(): name for name in held}
    added = [name for name in coming if name.casefold() not in spelled]
    widened: list[str] = []
    problems: list[Diagnostic] = []
    for name, type_ in coming.items():
        held_type = held.get(spelled.get(name.casefold(), ""))
        if held_type is None or _holds(held_type, type_):
            continue
        if mode != "freeze" and not text and _can_widen(session, staged, table, name, held_type, type_):
            widened.append(name)
            continue
        misfits = _misfits(session, staged, name, type_, held_type if text or _numbers(held_type, type_) else None)
        if misfits:
            problems.append(_clash(table, name, held_type, type_, misfits))
    here = {name.casefold() for name in coming}
    problems += [_gone(table, name) for name in held if name.casefold() not in here and name not in own]
    problems += [_unwelcome(table, name) for name in added if mode == "freeze"]
    if problems:
        raise SqlpipeError(*problems)
    return _fitted(session, staged, table, Fit(tuple(held), () if mode == "discard" else tuple(added), tuple(widened)))


def _fitted(session: Session, staged: str, table: TableName, found: Fit) -> Fit:
    """Change the table, and the types of the staged rows, to what was found."""
    coming = dict(session.describe(f"select * from {staged}"))
    for name in found.added:
        session.execute(f"alter table {table.quoted} add column {quote(name)} {coming[name]}")
    for name in found.widened:
        session.execute(f"alter table {table.quoted} alter column {quote(name)} type {coming[name]}")
    here = {name.casefold() for name in coming}
    shared = tuple(name for name in found.columns if name.casefold() in here)
    types = dict(session.describe(f"select * from {table.quoted}"))
    _cast(session, staged, {name: types[name] for name in shared})
    return Fit((*shared, *found.added), found.added, found.widened)


def _can_widen(session: Session, staged: str, table: TableName, column: str, held: str, coming: str) -> bool:
    """Whether the column of the table may get the type of the new rows: every value that it holds stays the same.

    Whole numbers become floating point only if that is needed, and only while each of them can be said exactly.
    """
    if _holds(coming, held):
        return True
    if not _numbers(held, coming) or not _misfits(session, staged, column, coming, held):
        return False
    return not _misfits(session, table.quoted, column, held, coming)


def _numbers(*types: str) -> bool:
    return _NUMBERS.issuperset(types)


def _cast(session: Session, staged: str, types: Mapping[str, str]) -> None:
    """Values that fit other types get them, since they are compared with those that have them."""
    wanted = {name.casefold(): type_ for name, type_ in types.items()}
    for name, type_ in session.describe(f"select * from {staged}"):
        if wanted.get(name.casefold(), type_) != type_:
            session.execute(f"alter table {staged} alter column {quote(name)} type {wanted[name.casefold()]}")


def _holds(wide: str, narrow: str) -> bool:
    """Whether a column of one type can take every value of another."""
    if wide == narrow:
        return True
    return any(
        wide in ladder and narrow in ladder and ladder.index(narrow) <= ladder.index(wide) for ladder in _LADDERS
    )


def _misfits(session: Session, staged: str, column: str, coming: str, held: str | None) -> tuple[int, str] | None:
    """How many values do not fit the type that is held, and one of them; without such a type none does."""
    name = quote(column)
    wrong = f"{name} is not null"
    if held is not None:
        # 1.5 can be cast to an integer and a time to a date, but something is lost on the way.
        through = coming if coming != "VARCHAR" else _exact(held)
        wrong += (
            f" and try_cast({name} as {through}) is distinct from try_cast(try_cast({name} as {held}) as {through})"
        )
        wrong += f" or {name} is not null and try_cast({name} as {held}) is null"
    count, example = session.query(f"select count(*), any_value({name})::varchar from {staged} where {wrong}")[0]
    return (int(count), str(example)) if count else None


def _exact(held: str) -> str:
    """The type in which a text shows all of what a cast to the type that is held may lose."""
    if held == "DATE":
        return "TIMESTAMP"
    return "DOUBLE" if any(held in ladder for ladder in _LADDERS) and held != "TIMESTAMP" else held


def _clash(table: TableName, column: str, held: str, coming: str, misfits: tuple[int, str]) -> Diagnostic:
    return Diagnostic(
        code="SP507",
        message=f"the source of {table} has changed the type of `{column}`: it was {held}, now it is {coming}",
        notes=(f"{_values(misfits[0])} not fit, such as {misfits[1]!r}", "nothing was loaded"),
        help=f"cast it in the query (`cast({column} as {held.lower()}) as {column}`), "
        "or load all again with `--full-refresh`",
    )


def _values(number: int) -> str:
    return "1 value does" if number == 1 else f"{number:,} values do"


def _gone(table: TableName, column: str) -> Diagnostic:
    return Diagnostic(
        code="SP507",
        message=f"the source of {table} has no column `{column}` any more",
        notes=("nothing was loaded",),
        help=f"select it in the query (`null as {column}`), or load everything again with `--full-refresh`",
    )


def _unwelcome(table: TableName, column: str) -> Diagnostic:
    return Diagnostic(
        code="SP507",
        message=f"the source of {table} has a new column `{column}`, and `schema: freeze` lets none in",
        notes=("nothing was loaded",),
        help="set `schema: evolve` to add it or `schema: discard` to leave it out",
    )
