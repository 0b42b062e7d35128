"""Query: look at whatever is in the database, without changing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from sqlpipe.app.asking import FORMATS, MOST_SAVED, MOST_SECONDS, MOST_SHOWN, ask
from sqlpipe.app.workspace import Patience, Rows
from sqlpipe.domain.diagnostic import Diagnostic, Span, SqlpipeError
from sqlpipe.domain.names import quote
from sqlpipe.run.hall import LINGER
from sqlpipe.web.access import Access
from sqlpipe.web.page import Page
from sqlpipe.web.pages.run import frame
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word

_MOST_WITH_COLUMNS, _MOST_TABLES, _MOST_COLUMNS = 100, 1000, 100
_OWN = "_sqlpipe."


@dataclass(frozen=True, slots=True)
class TableView:
    """A table or view that can be asked: its name as it is written in SQL, and its columns with their types."""

    name: str
    sql: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, its first rows or what is wrong with it, and what else can be asked."""

    sql: str
    limit: int
    found: Rows | None
    seconds: float
    problems: tuple[Diagnostic, ...]
    tables: tuple[TableView, ...]
    total: int

    def frame(self, span: Span) -> tuple[tuple[int, str, str], ...]:
        """The lines of a frame."""
        return frame(span)

    @property
    def formats(self) -> tuple[str, ...]:
        """As what the answer can be taken along."""
        return FORMATS

    @property
    def bounds(self) -> str:
        """What an answer may be."""
        return f"up to {MOST_SHOWN:,} rows here and {MOST_SAVED:,} in a file, {MOST_SECONDS:g} s"


def _query(scene: Scene, words: Mapping[str, Any]) -> Query:
    sql = words["sql"] or ""
    began = monotonic()
    found: Rows | None = None
    problems: tuple[Diagnostic, ...] = ()
    if sql.strip():
        # A run of this process keeps the database open a little longer than it works in it.
        workspace = replace(scene.workspace, patience=Patience(LINGER + 0.5))
        try:
            found = ask(workspace, sql, words["limit"])
        except SqlpipeError as error:
            problems = error.diagnostics
    columns = {key: each for key, each in scene.survey.columns.items() if not key.startswith(_OWN)}
    most = _MOST_COLUMNS if len(columns) <= _MOST_WITH_COLUMNS else 0
    return Query(
        sql=sql,
        limit=words["limit"],
        found=found,
        seconds=monotonic() - began,
        problems=problems,
        tables=tuple(_table(scene, key, columns[key][:most]) for key in sorted(columns)[:_MOST_TABLES]),
        total=len(columns),
    )


def _table(scene: Scene, key: str, columns: tuple[tuple[str, str], ...]) -> TableView:
    known = scene.workspace.graph.nodes.get(key)
    schema, _, name = str(known.name if known else key).partition(".")
    return TableView(f"{schema}.{name}", f"{_spelled(schema)}.{_spelled(name)}", columns)


def _spelled(name: str) -> str:
    """A name as it is written in SQL; in quotes where it is no plain word."""
    return name if name.isascii() and name.isidentifier() else quote(name)


PAGES = (
    Page(
        name="query",
        path="/query",
        says="The answer to a query that reads tables, and the tables that there are.",
        view=_query,
        place="Query",
        query=(
            Word("sql", "The query."),
            Word("limit", "How many rows at most.", int, default=200, least=1, most=MOST_SHOWN),
        ),
        only_live=True,
        access=Access.ASK,
    ),
)
