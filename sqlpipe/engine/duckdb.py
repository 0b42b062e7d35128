"""DuckDB as an engine: one process, one connection, a cursor for each worker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, cast
from unicodedata import category, east_asian_width
from uuid import uuid4

import duckdb

from sqlpipe.domain.diagnostic import Diagnostic, Passing, Place, SqlpipeError
from sqlpipe.domain.names import TableName, quote
from sqlpipe.engine import answer
from sqlpipe.engine.contract import Answer, Bounds, Interrupted, NoTable, QueryError, Row

# Every small table takes at least one block; with DuckDB's 256 KiB a thousand of them make a file four times as large
# and take twice the memory. Below 64 KiB large tables are no longer compressed well and load at a third of the speed.
_BLOCK_SIZE = 65536
_RELATION = "_sqlpipe_relation"  # DuckDB 1 leaves a temporary view of this name behind
_HOLDER = re.compile(r"held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")
_WRITES = re.compile(r"\s*(create|insert|update|delete|copy|merge)\b", re.IGNORECASE)


class DuckSession:
    """A cursor of the engine's connection: it has its own transactions and temporary tables."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement; the number of rows that it wrote, or -1."""
        rows = self.query(sql, parameters)
        return int(rows[0][0]) if _WRITES.match(sql) and rows and isinstance(rows[0][0], int) else -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Run a query and fetch all of it: DuckDB 2 streams, and an open result blocks the cursor."""
        try:
            result = self._cursor.execute(sql, list(parameters)) if parameters else self._cursor.execute(sql)
            rows: list[Row] = result.fetchall() if result.description else []
        except duckdb.Error as error:
            raise translate(error, sql) from error
        return rows

    def batches(self, sql: str, size: int) -> Iterator[list[Row]]:
        """Run a query and give its rows bit by bit; what is left of the result is let go of at the end."""
        try:
            self._cursor.execute(sql)
            while rows := self._cursor.fetchmany(size):
                yield rows
        except duckdb.Error as error:
            raise translate(error, sql) from error
        finally:
            with suppress(duckdb.Error):
                self._cursor.execute("select 1").fetchall()

    def answer(self, query: str, bounds: Bounds) -> Answer:
        """The rows of a query by somebody who may only look."""
        return answer.answer(self, query, bounds)

    def save(self, query: str, path: Path, bounds: Bounds) -> None:
        """Write the rows of such a query into a Parquet file."""
        answer.save(self, query, path, bounds)

    def describe(self, query: str) -> tuple[tuple[str, str], ...]:
        """Names and types of the columns of a query or a table in parentheses."""
        return tuple((str(row[0]), str(row[1])) for row in self.query(f"describe {query}"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end; roll back whatever goes wrong, interruption included."""
        self.query("begin transaction")
        try:
            yield
            self.query("commit")
        except BaseException:
            # After an error at commit DuckDB has already rolled back and says that no transaction is active.
            with suppress(SqlpipeError):
                self.query("rollback")
            raise

    def stage(self, name: str, rows: object) -> None:
        """Write rows from Arrow, a dataframe or a relation into a temporary table, batch by batch inside DuckDB.

        Raises NoTable for anything else.
        """
        target = f"create or replace temp table {quote(name)} as select * from "
        try:
            if isinstance(rows, duckdb.DuckDBPyRelation):
                if self._owns(rows):
                    rows.query(_RELATION, target + _RELATION)
                    return
                rows = rows.to_arrow_reader()
            self._cursor.register("_sqlpipe_rows", rows)
            try:
                self._cursor.execute(target + "_sqlpipe_rows").fetchall()
            finally:
                self._cursor.unregister("_sqlpipe_rows")
        except duckdb.Error as error:
            if "not suitable for replacement scans" in str(error):
                said = f"{type(rows).__name__} is not a table"
                raise NoTable(Diagnostic(code="SP511", message=said)) from error
            raise translate(error, "") from error

    def _owns(self, rows: duckdb.DuckDBPyRelation) -> bool:
        """Whether a relation belongs to this cursor, and not to one such as `duckdb.sql` uses."""
        mark = uuid4().hex
        self._cursor.execute(f"set variable _sqlpipe_session = '{mark}'").fetchall()
        found = rows.query(_RELATION, "select getvariable('_sqlpipe_session')")
        return found is not None and found.fetchall() == [(mark,)]

    def relation(self, query: str) -> object:
        """A DuckDB relation over a query."""
        try:
            return self._cursor.sql(query)
        except duckdb.Error as error:
            raise translate(error, query) from error

    def interrupt(self) -> None:
        """Stop the running statement."""
        self._cursor.interrupt()

    def close(self) -> None:
        """Close the cursor; its temporary tables go with it."""
        self._cursor.close()


class DuckEngine:
    """A DuckDB file, or memory, opened by this process."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, database: str) -> None:
        self._connection = connection
        self._database = database

    @property
    def database(self) -> str:
        """The file's path as the profile gives it."""
        return self._database

    def session(self) -> DuckSession:
        """A cursor; the time zone is set because it is a property of each cursor."""
        cursor = self._connection.cursor()
        cursor.execute("set timezone = 'UTC'").fetchall()
        return DuckSession(cursor)

    def relations(self) -> dict[str, str]:
        """The tables and views of the database, by the key of their names."""
        sql = """
            select schema_name, table_name, 'table' from duckdb_tables()
            where database_name = current_database() and not temporary
            union all
            select schema_name, view_name, 'view' from duckdb_views()
            where database_name = current_database() and not internal and not temporary
        """
        # SQL's `lower` leaves letters such as ß alone that a key does not.
        with self.session() as session:
            return {TableName(schema, name).key: kind for schema, name, kind in session.query(sql)}

    def columns(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """The columns of the tables and views in their order; those of a view are as they were when it was made."""
        sql = """
            select schema_name, table_name, column_name, data_type from duckdb_columns()
            where database_name = current_database() and not internal
            order by schema_name, table_name, column_index
        """
        with self.session() as session:
            relations = groupby(session.query(sql), itemgetter(0, 1))
            return {TableName(*name).key: tuple((row[2], row[3]) for row in rows) for name, rows in relations}

    def close(self) -> None:
        """Close the file, which writes a checkpoint."""
        self._connection.close()


def open_engine(settings: Mapping[str, object], *, read_only: bool = False) -> DuckEngine:
    """Open, or create, the DuckDB file of a target; what stands under `settings:` is passed on to the database.

    Raises SqlpipeError: SP501 it cannot be opened, SP502 another process holds it, SP503 it is not a DuckDB file
    or of a newer format, SP504 no right to write.
    """
    path = str(settings["path"])
    config: dict[str, Any] = dict(cast("Mapping[str, Any]", settings.get("settings") or {}))
    if settings.get("memory_limit"):
        config["memory_limit"] = settings["memory_limit"]
    new = path != ":memory:" and not Path(path).exists()
    if new:
        config.setdefault("default_block_size", str(settings.get("block_size") or _BLOCK_SIZE))
    try:
        connection = duckdb.connect(path, read_only=read_only, config=config)
    except duckdb.Error as error:
        failed = _opening_failed(error, path)
        if new and not read_only and failed.code == "SP504":
            # The beginning of a file that ran out of room would be taken for a damaged database.
            with suppress(OSError):
                Path(path).unlink()
        raise SqlpipeError(failed, exit_code=1) from error
    return DuckEngine(connection, path)


def _opening_failed(error: duckdb.Error, path: str) -> Diagnostic:
    text = str(error)
    found = _in_use(text, path) or _not_ours_to_read(text, path)
    if found is not None:
        return found
    if any(word in text for word in _FULL):
        return _full(text)
    if not Path(path).absolute().parent.is_dir():
        return Diagnostic(
            code="SP501",
            message=f"{path} cannot be created: its folder does not exist",
            help=f"create the folder {Path(path).parent}",
        )
    if "database does not exist" in text:
        return Diagnostic(code="SP501", message=f"there is no database {path}", help="build it with `sqlpipe run`")
    if any(word in text for word in ("Permission denied", "Read-only file system", "read-only")):
        return Diagnostic(
            code="SP504",
            message=f"{path} cannot be written: {_reason(text)}",
            help="give this user the right to write the file and its folder, or another `path:` in profiles.yml",
        )
    return Diagnostic(
        code="SP501",
        message=f"{path} cannot be opened: {_said(text)}",
        help="mend the target in profiles.yml; `sqlpipe doctor` shows what is set",
    )


def _in_use(text: str, path: str) -> Diagnostic | None:
    if "lock" in text and (holder := _HOLDER.search(text)):
        program = _command_of(holder["pid"]) or holder["program"]
        return Diagnostic(
            code="SP502",
            message=f"{path} is in use by another process: {program} (PID {holder['pid']})",
            help="wait until it has finished, or stop it; DuckDB lets one process write at a time",
        )
    if "different configuration than existing connections" in text:
        return Diagnostic(
            code="SP502",
            message=f"{path} is in use by this process",
            help="wait until its run has finished",
        )
    if "Could not set lock" in text or "being used by another process" in text:
        return Diagnostic(
            code="SP502",
            message=f"{path} is in use by another process",
            help="wait until it has finished; DuckDB lets one process write at a time",
        )
    return None


def _not_ours_to_read(text: str, path: str) -> Diagnostic | None:
    if "Corrupt database file" in text or "Could not read enough bytes" in text:
        return Diagnostic(
            code="SP503",
            message=f"{path} is damaged",
            notes=(_said(text),),
            help="restore it from a copy, or move it away and build everything anew",
        )
    if "not a valid DuckDB database" in text:
        return Diagnostic(
            code="SP503", message=f"{path} is not a DuckDB database file", help="give another `path:` in profiles.yml"
        )
    if "newer version" in text or "version number" in text or "storage version" in text.lower():
        return Diagnostic(
            code="SP503",
            message=f"{path} was written by a newer DuckDB than {duckdb.__version__}, which cannot read it",
            notes=(_said(text),),
            help='upgrade with `pip install --upgrade "duckdb>=2"`, or give another `path:` in profiles.yml',
        )
    return None


def _command_of(pid: str) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return " ".join(" ".join(words).split())[:120]
    return ""


def _reason(text: str) -> str:
    return "the file system is read-only" if "Read-only file system" in text else "permission denied"


_FULL = ("No space left", "disk is full", "File too large")
_KIND = re.compile(r"^(?!INTERNAL)[A-Z][A-Za-z ]* Error: ")
_WORD = re.compile(r'"(?:[^"]|"")*"|\w+')
_CSV = re.compile(r"CSV Error on Line: (?P<line>\d+)\n(?:Original Line: .*\n)?(?P<what>.*)")
_CSV_FILE = re.compile(r"^  file = (?P<file>.*)$", re.MULTILINE)
_ADVICE = ("Possible ", "The search space", "Delimiter Candidates", "LINE ")


def _said(text: str) -> str:
    """The first line of an error without its kind, begun in lower case unless it begins with an acronym."""
    said = _KIND.sub("", text.split("\n", maxsplit=1)[0]).rstrip().removesuffix("!").removesuffix(".")
    said = said.replace(" Function with name ", " function ", 1)
    return said if said[:2].isupper() else said[:1].lower() + said[1:]


def _tidy(line: str) -> str:
    return line.strip().replace("bindings: :", "bindings:")


def _full(text: str) -> Diagnostic:
    return Diagnostic(code="SP504", message=f"the disk is full: {_said(text)}", help="free some space and run again")


def _unreadable_row(text: str) -> Diagnostic | None:
    """What is wrong with a row of a CSV file, told with the file and the line in it."""
    found, file = _CSV.search(text), _CSV_FILE.search(text)
    if found is None or file is None:
        return None
    what = found["what"].rstrip(".")
    return Diagnostic(code="SP505", message=f"{file['file']}, line {found['line']}: {what[:1].lower()}{what[1:]}")


_AT = re.compile(r"\n\nLINE (?P<line>\d+): (?P<shown>.*)\n(?P<blank>\s*)(?P<carets>\^+)")


def translate(error: duckdb.Error, sql: str) -> SqlpipeError:
    """A DuckDB error as one of ours, with the place in the statement that DuckDB points at."""
    text = str(error)
    if isinstance(error, duckdb.InterruptException):
        return Interrupted(Diagnostic(code="SP505", message="the query was cancelled"))
    if isinstance(error, duckdb.IOException | duckdb.TransactionException) and any(word in text for word in _FULL):
        return SqlpipeError(_full(text))
    if "attached in read-only mode" in text or (isinstance(error, duckdb.IOException) and "Permission denied" in text):
        return SqlpipeError(
            Diagnostic(code="SP504", message=_said(text), help="give this user the right to write there")
        )
    if isinstance(error, duckdb.TransactionException) and "onflict" in text:
        return Passing(
            Diagnostic(
                code="SP513",
                message="another run has written here in the meantime",
                notes=(text.splitlines()[0],),
                help="run again: what is up to date by now is not done twice",
            )
        )
    place = _AT.search(text)
    candidates = (text[: place.start()] if place else text).split("\n")[1:]
    diagnostic = _unreadable_row(text) or Diagnostic(
        code="SP505",
        message=_said(text) or type(error).__name__,
        notes=tuple(_tidy(line) for line in candidates if line.strip() and not line.startswith(_ADVICE))[:3],
    )
    if place is None:
        return QueryError(diagnostic, sql, passing=isinstance(error, duckdb.HTTPException | duckdb.ConnectionException))
    line = int(place["line"])
    shown = place["shown"]
    column = _characters(shown, len(place["blank"]) - len(f"LINE {line}: ")) + 1
    if shown.startswith("..."):
        # DuckDB cuts long lines; find the shown piece in the statement's own line.
        source = sql.split("\n")[line - 1] if line <= sql.count("\n") + 1 else ""
        piece = shown[3:].removesuffix("...")
        column += source.find(piece) - 3 if piece in source else 0
    column = max(column, 1)
    return QueryError(diagnostic, sql, Place(line, column, _length(sql, line, column, len(place["carets"]))))


def _length(sql: str, line: int, column: int, carets: int) -> int:
    """How long the marked word is: DuckDB 1 puts a single caret under its beginning."""
    lines = sql.split("\n")
    word = _WORD.match(lines[line - 1], column - 1) if carets == 1 and line <= len(lines) else None
    return len(word[0]) if word else carets


def _characters(text: str, width: int) -> int:
    """How many characters stand before a column of the screen, in which DuckDB counts."""
    taken = 0
    for index, each in enumerate(text):
        own = _width(each)
        if taken >= width and own:
            return index
        taken += own
    return len(text)


def _width(character: str) -> int:
    if category(character) in {"Cc", "Cf", "Mn", "Me"}:
        return 0
    return 2 if east_asian_width(character) in {"W", "F"} else 1
