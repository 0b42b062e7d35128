"""A small project in a folder, run in this process again and again while its files and its source change."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from sqlpipe import app
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.history import Event, NodeFinished, RunFinished
from sqlpipe.domain.plan import Plan

PROFILES = """
shop:
  outputs:
    dev: {type: duckdb, path: warehouse.duckdb, threads: 2}
  connections:
    crm: {type: sqlite, path: crm.db}
"""

Rows = list[tuple[Any, ...]]


@dataclass
class Ran:
    """What one run told."""

    events: list[Event]
    end: RunFinished

    @property
    def nodes(self) -> dict[str, NodeFinished]:
        return {event.node: event for event in self.events if isinstance(event, NodeFinished)}

    @property
    def states(self) -> dict[str, str]:
        return {name: event.state.value for name, event in self.nodes.items()}

    @property
    def done(self) -> set[str]:
        return {name for name, state in self.states.items() if state == "done"}

    def problems(self, node: str) -> tuple[Diagnostic, ...]:
        return self.nodes[node].diagnostics


@dataclass
class Shop:
    """The project, its database and its source."""

    root: Path
    database: str = "warehouse.duckdb"
    now: datetime = datetime(2024, 3, 10, 12, tzinfo=UTC)
    landed: int = field(default=0)

    def __post_init__(self) -> None:
        self.write("sqlpipe.yml", "name: shop\n")
        self.write("profiles.yml", PROFILES.replace("warehouse.duckdb", self.database))

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def model(self, name: str, header: str, body: str) -> None:
        """Write a model; the header is YAML, empty for a view without one."""
        schema, _, table = name.partition(".")
        self.write(f"models/{schema}/{table}.sql", (f"/* sqlpipe\n{header}\n*/\n" if header else "") + body + "\n")

    def land(self, path: str, text: str) -> None:
        """Deliver a file; one that is delivered again always has another time of modification."""
        file = self.write(path, text)
        self.landed += 1
        stamp = 1_700_000_000_000_000_000 + self.landed * 1_000_000_000
        os.utime(file, ns=(stamp, stamp))

    def crm(self, *statements: str) -> None:
        """Change the source."""
        with closing(sqlite3.connect(self.root / "crm.db")) as crm:
            for statement in statements:
                crm.execute(statement)
            crm.commit()

    def open(self) -> app.Workspace:
        return app.open_workspace(self.root, now=self.now)

    def plan(self, *words: str) -> Plan:
        return app.plan(self.open(), app.Selection(words))

    def run(
        self,
        *words: str,
        threads: int = 2,
        full_refresh: bool = False,
        fail_fast: bool = False,
        stop: threading.Event | None = None,
        on_event: Callable[[Event], None] = lambda _event: None,
    ) -> Ran:
        events: list[Event] = []

        def hear(event: Event) -> None:
            events.append(event)
            on_event(event)

        end = app.run(
            self.open(),
            app.Selection(words),
            on_event=hear,
            threads=threads,
            full_refresh=full_refresh,
            fail_fast=fail_fast,
            stop=stop,
        )
        return Ran(events, end)

    def well(self, *words: str, full_refresh: bool = False) -> set[str]:
        """Run, and expect nothing to go wrong; the nodes that were written."""
        ran = self.run(*words, full_refresh=full_refresh)
        problems = [str(problem) for each in ran.nodes.values() for problem in each.diagnostics]
        assert ran.end.well, (ran.states, problems)
        return ran.done

    def rows(self, sql: str) -> Rows:
        """The rows of a query, or of a table, in order."""
        query = sql if " " in sql.strip() else f"select * from {sql}"
        with duckdb.connect(str(self.root / self.database), read_only=True) as db:
            db.execute("set timezone = 'UTC'")
            return db.execute(f"select * from ({query}) order by all").fetchall()

    def columns(self, table: str) -> Rows:
        with duckdb.connect(str(self.root / self.database), read_only=True) as db:
            return [row[:2] for row in db.execute(f"describe {table}").fetchall()]

    def execute(self, *statements: str) -> None:
        """Change the database behind the back of the program."""
        with duckdb.connect(str(self.root / self.database)) as db:
            for statement in statements:
                db.execute(statement)

    def version(self, node: str) -> int:
        """The data version of a node, as its ledger has it."""
        sql = f"select version, seq from _sqlpipe.version where node = '{node}'"
        return int(max(self.rows(sql), key=lambda row: row[1])[0])

    def picture(self, table: str) -> tuple[Rows, Rows, Rows]:
        """All that must stay as it was when a node fails: columns, rows, and what the ledger says of it."""
        kept = f"select version, fingerprint, inputs, position from _sqlpipe.version where node = '{table}'"
        intervals = f"select version, start_at, end_at, inputs from _sqlpipe.touched where node = '{table}'"
        files = f"select path, size from _sqlpipe.file where node = '{table}'"
        return self.columns(table), self.rows(table), [*self.rows(kept), *self.rows(intervals), *self.rows(files)]
