"""How nodes ended in runs, looked up for many runs or many nodes in one query."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlpipe.domain.journal import NodeRecord
from sqlpipe.store.attempts import node_record
from sqlpipe.store.book import Book
from sqlpipe.store.statements import statements

_SQL = statements("lookback")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Cell:
    """How far a node has come in a run, or how it ended in it."""

    state: str
    rows: int | None
    seconds: float
    detail: str


def cells(book: Book, runs: Collection[str], nodes: Collection[str]) -> dict[tuple[str, str], Cell]:
    """How far these nodes have come in these runs, by run and node."""
    if not runs or not nodes:
        return {}
    rows = book.query(*_spread("cells", runs=runs, nodes=nodes))
    return {(run, node): Cell(*rest) for run, node, *rest in rows}


def latest(book: Book, nodes: Collection[str]) -> list[NodeRecord]:
    """How far each of these nodes has come in the run in which it was seen last."""
    if not nodes:
        return []
    return [node_record(row) for row in book.query(*_spread("latest", nodes=nodes))]


def failed_in(book: Book, runs: Collection[str]) -> frozenset[str]:
    """The nodes that failed in any of these runs."""
    if not runs:
        return frozenset()
    return frozenset(row[0] for row in book.query(*_spread("failed in", runs=runs)))


def past_of(book: Book, node: str, limit: int) -> list[NodeRecord]:
    """How a node did in the runs that had it, latest first."""
    return [node_record(row) for row in book.query(_SQL["past of"], {"node": node, "limit": limit})]


def messages(book: Book, runs: Collection[str], nodes: Collection[str]) -> dict[tuple[str, str], str]:
    """The last error of these nodes in these runs, by run and node."""
    if not runs or not nodes:
        return {}
    rows = book.query(*_spread("messages", runs=runs, nodes=nodes))
    return {(run, node): message for run, node, message in rows}


def _spread(name: str, **lists: Collection[str]) -> tuple[str, Mapping[str, object]]:
    """A statement with a placeholder for each member of its lists, and the values of these."""
    statement, values = _SQL[name], dict[str, object]()
    for key, members in lists.items():
        named = {f"{key}_{_lettered(number)}": each for number, each in enumerate(members)}
        statement = statement.replace(f"(:{key})", f"({', '.join(f':{each}' for each in named)})")
        values |= named
    return statement, values


def _lettered(number: int) -> str:
    """A number in letters, for placeholders have no digits."""
    word = ""
    while number >= 0:
        number, letter = divmod(number, len(_LETTERS))
        word, number = _LETTERS[letter] + word, number - 1
    return word
