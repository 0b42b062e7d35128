"""A small project that stories break: made in a folder, run by the real command line, its answer as a golden text."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parents[2]

FILES = {
    "sqlpipe.yml": "name: shop\n",
    "profiles.yml": """shop:
  outputs:
    dev: {type: duckdb, path: shop.duckdb, threads: 1}
  connections:
    crm: {type: sqlite, path: crm.db}
""",
    "landing/orders-1.csv": "id,day,person,amount\n1,2026-01-01,7,10\n2,2026-01-01,8,20\n",
    "models/raw/orders.sql": """/* sqlpipe
kind: ingest
from: landing/orders-*.csv
key: id
*/
select id, day, person, amount from source
""",
    "models/staging/orders.sql": "select id, day, person, amount from raw.orders\n",
    "models/marts/daily.sql": """/* sqlpipe
kind: table
checks:
  - unique: day
*/
select day, count(*) as orders, sum(amount) as amount
from staging.orders
group by day
""",
}

# What a database says differs from one version to the next; golden texts have the words of this one.
GOLDEN_DUCKDB = "2."

_RELATIONS = """
select schema_name, table_name from duckdb_tables() where schema_name != '_sqlpipe'
union all
select schema_name, view_name from duckdb_views() where not internal
order by all
"""

_TIMES = (
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s)\b"), "0.1s"),
    (re.compile(r"\bPID \d+"), "PID 4711"),
    (re.compile(r"\b\d{8}T\d{12}-[0-9a-f]{6}\b"), "RUN"),
)


@dataclass(frozen=True)
class Told:
    """What one call of the command line wrote, and its exit code."""

    command: str
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything told, as one text."""
        parts = [f"$ {self.command}"]
        parts += [each.rstrip("\n") for each in (self.out, self.err) if each]
        return "\n".join([*parts, f"exit {self.code}", ""])


@dataclass(frozen=True)
class Shop:
    """The project in a folder."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(
        cls, root: Path, files: Mapping[str, str | bytes] = FILES, environ: Mapping[str, str] | None = None
    ) -> Shop:
        """Write the files of a project into a folder."""
        root.mkdir(parents=True, exist_ok=True)
        shop = cls(root, dict(environ or {}))
        shop.write(files)
        return shop

    def copy(self, root: Path) -> Shop:
        """The same project, and what it has built, in another folder."""
        shutil.copytree(self.root, root)
        return Shop(root, dict(self.environ))

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for path, content in files.items():
            there = self.root / path
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content if isinstance(content, bytes) else content.encode())

    def remove(self, *paths: str) -> None:
        for path in paths:
            (self.root / path).unlink()

    def environment(self) -> dict[str, str]:
        """The environment of a call: none of the caller's settings, and a home without profiles."""
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("SQLPIPE_", "COLUMNS", "PYTHON"))
        }
        own |= {"PYTHONPATH": str(ROOT), "HOME": "/nowhere", "NO_COLOR": "1"}
        return own | self.environ

    def start(
        self,
        *arguments: str,
        folder: Path | None = None,
        before: Sequence[str] = (),
        prepare: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        """Begin a call of the command line; `before` is the command that runs it, `prepare` is called before."""
        return subprocess.Popen(
            [*before, sys.executable, "-m", "sqlpipe", *arguments],
            cwd=folder or self.root,
            # A call whose files cannot grow must not leave half a .pyc file behind.
            env=self.environment() | ({"PYTHONDONTWRITEBYTECODE": "1"} if prepare else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            preexec_fn=prepare,  # noqa: PLW1509 - one thread calls this
        )

    def call(
        self,
        *arguments: str,
        folder: Path | None = None,
        before: Sequence[str] = (),
        prepare: Callable[[], None] | None = None,
    ) -> Told:
        """Run the command line to its end."""
        return self.told(self.start(*arguments, folder=folder, before=before, prepare=prepare), *arguments)

    def refuse(self, *arguments: str, code: int = 1) -> Told:
        """A call that must fail with this exit code and leave every table as it is."""
        before = self.tables()
        told = self.call(*(arguments or ("run",)))
        assert told.code == code, told.text
        assert self.tables() == before, told.text
        return told

    def told(self, process: subprocess.Popen[str], *arguments: str) -> Told:
        out, err = process.communicate(timeout=60)
        return Told(" ".join(["sqlpipe", *arguments]), process.returncode, self.normal(out), self.normal(err))

    def normal(self, text: str) -> str:
        """The text without what differs from one machine, or one run, to another."""
        for path, name in {str(self.root): "/shop", sys.executable: "python"}.items():
            text = text.replace(path, name)
        for pattern, instead in _TIMES:
            text = pattern.sub(instead, text)
        return text

    def built(self) -> Shop:
        """The same project after its first run."""
        told = self.call("run")
        assert told.code == 0, told.text
        return self

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(duckdb.connect(str(self.root / "shop.duckdb"), read_only=True)) as connection:
            return connection.execute(sql).fetchall()

    def change(self, *statements: str) -> None:
        with closing(duckdb.connect(str(self.root / "shop.duckdb"))) as connection:
            for each in statements:
                connection.execute(each)

    def tables(self) -> dict[str, object]:
        """Every table and view outside the ledger with its columns and rows; nothing without a database."""
        if not (self.root / "shop.duckdb").is_file():
            return {}
        with closing(duckdb.connect(str(self.root / "shop.duckdb"), read_only=True)) as connection:
            rows: dict[str, object] = {}
            for schema, name in connection.execute(_RELATIONS).fetchall():
                relation = connection.execute(f'from "{schema}"."{name}" order by all')
                rows[f"{schema}.{name}"] = [each[0] for each in relation.description or ()], relation.fetchall()
            return rows


def places(text: str) -> list[str]:
    """The files and lines that frames point at, and their codes."""
    return re.findall(r"(?<=^error\[)SP\d+|(?<= --> )[^:\n]+:\d+", text, re.MULTILINE)
