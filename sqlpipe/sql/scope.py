"""The scopes of a query: for each SELECT the relations it reads and the names that mean something in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlpipe.domain.query import Reference

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(slots=True, eq=False)
class Source:
    """A query as something to read from: a CTE or a derived table; `uses` counts how often it is read."""

    columns: tuple[str, ...] | None = None
    scope: Scope | None = None
    recursive: bool = False
    uses: int = 0


@dataclass(slots=True, eq=False)
class Relation:
    """Something in a FROM clause; `reference` is set for a named table and `source` for a CTE or a derived table.

    `plain` tells that its columns have the names they have in what it stands for.
    """

    alias: str = ""
    reference: Reference | None = None
    source: Source | None = None
    columns: tuple[str, ...] | None = None
    plain: bool = True
    nullable: bool = False
    hidden: bool = False
    nearest: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """One SELECT: what it reads from, the columns it names itself, and what else it calls by a name.

    `items` are its expressions by the name they put out in lower case; None stands for several of one name.
    `limited` tells that it takes some of the rows and leaves others, by more than a condition on each;
    `unclear` tells that relations are put together in a way that is not looked into.
    """

    select: exp.Expr
    outer: Scope | None = None
    relations: list[Relation] = field(default_factory=list)
    columns: list[exp.Column] = field(default_factory=list)
    windows: list[exp.Window] = field(default_factory=list)
    items: dict[str, exp.Expr | None] = field(default_factory=dict)
    aliases: set[str] = field(default_factory=set)
    locals: set[str] = field(default_factory=set)
    output: tuple[str, ...] | None = None
    merged: bool = False
    starry: bool = False
    unclear: bool = False
    limited: bool = False

    def find(self, alias: str) -> Relation | None:
        """The one relation of this scope that is called so."""
        found = [relation for relation in self.relations if relation.alias == alias]
        return found[0] if len(found) == 1 else None


def name_columns(columns: tuple[str, ...] | None, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The columns once an alias such as `t(a, b)` has given the first of them new names."""
    return None if columns is None else names + columns[len(names) :]
