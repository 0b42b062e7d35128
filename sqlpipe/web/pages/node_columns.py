"""Columns of a node: their types as the database has them, and what its file says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlpipe.domain.check import AcceptedValues, Freshness, NotNull, Range, Relationships, Rule, Unique
from sqlpipe.domain.project import Node


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A column; without a type where the database does not have it. `checks` are the names of those that look at it."""

    name: str
    type: str
    description: str
    checks: tuple[str, ...]


def columns_of(node: Node, held: Sequence[tuple[str, str]]) -> tuple[ColumnView, ...]:
    """The columns that the database has, and behind them those that only the file knows; else those of the query."""
    written = {each.name.casefold(): each for each in node.columns}
    known = node.query.columns if node.query and node.query.columns else ()
    there = list(held) or [(name, "") for name in known]
    names = {name.casefold() for name, _ in there}
    there += [(each.name, "") for each in node.columns if each.name.casefold() not in names]
    checks = defaultdict(list)
    for check in node.checks:
        for column in _looked_at(check.rule):
            checks[column.casefold()].append(check.name)
    return tuple(
        ColumnView(
            name,
            type_,
            written[name.casefold()].description if name.casefold() in written else "",
            tuple(checks.get(name.casefold(), ())),
        )
        for name, type_ in there
    )


def _looked_at(rule: Rule) -> tuple[str, ...]:
    match rule:
        case NotNull(columns=columns) | Unique(columns=columns) | Relationships(columns=columns):
            return columns
        case AcceptedValues(column=column) | Range(column=column) | Freshness(column=column):
            return (column,)
        case _:
            return ()
