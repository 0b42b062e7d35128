"""SQLite as a source, through ADBC: rows stream as Arrow, and no extension has to be downloaded."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote as quote_url

from sqlpipe.domain.diagnostic import Diagnostic, Passing, SqlpipeError
from sqlpipe.domain.names import quote
from sqlpipe.source.contract import SPECIMEN

try:
    # The layer below the driver's DB-API: that one imports pyarrow, pandas and polars wherever they are installed.
    import adbc_driver_manager as adbc
    import adbc_driver_sqlite
except ImportError as error:  # the driver is an extra
    raise SqlpipeError(
        Diagnostic(
            code="SP512",
            message="reading from SQLite needs the ADBC driver, which is not installed",
            help='install it with `pip install "sqlpipe[sqlite]"`',
            notes=(str(error),),
        )
    ) from error


# A value of each type that SQLite can store, the types that take more values first.
_SPECIMENS = {"blob": "x'00'", "text": "'x'", "real": "0.5", "integer": "0"}

_PREFIX = re.compile(r"^([A-Z_]+: )?(\[SQLite\] )?(Failed to [a-z ]+: )?")


class SqliteReader:
    """A SQLite database opened for reading only."""

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._path = path
        # Opening for writing would make an empty database out of a mistyped path.
        self._uri = uri = f"file:{quote_url(path)}?mode=ro"
        try:
            self._database = adbc.AdbcDatabase(driver=adbc_driver_sqlite._driver_path(), uri=uri)  # noqa: SLF001
            self._connection = adbc.AdbcConnection(self._database)
        except adbc.Error as error:
            raise self._failed(str(error)) from error

    @contextmanager
    def read(self, query: str) -> Iterator[object]:
        """Run a query; a single statement sees one moment of the database.

        In SQLite every value has a type of its own, and the driver takes those of the first rows for those of all. So
        the types are looked up first, over all rows, and a specimen row is put in front that has them.
        """
        statement = adbc.AdbcStatement(self._connection)
        try:
            statement.set_sql_query(self._typed(query))
            rows, _count = statement.execute_query()
            yield rows
        except adbc.Error as error:
            raise self._failed(str(error)) from error
        finally:
            statement.close()

    def _typed(self, query: str) -> str:
        inner = f"(\n{query}\n)"
        try:
            with closing(sqlite3.connect(self._uri, uri=True)) as database:
                database.execute(query).close()  # a mistake in it is told best before it stands in brackets
                described = database.execute(f"select * from {inner} limit 0").description
                columns = [quote(str(column[0])) for column in described]
                has = [f"max(typeof({column}) = '{each}')" for column in columns for each in _SPECIMENS]
                found = database.execute(f"select {', '.join(has)} from {inner}").fetchone()
        except sqlite3.Error as error:
            raise self._failed(str(error)) from error
        specimens, values = [], []
        for index, column in enumerate(columns):
            flags = found[index * len(_SPECIMENS) : (index + 1) * len(_SPECIMENS)]
            type_ = next((each for each, flag in zip(_SPECIMENS, flags, strict=True) if flag), None)
            specimens.append(f"{_SPECIMENS[type_] if type_ else 'null'} as {column}")
            values.append(f"cast({column} as {type_})" if type_ else column)
        return f"select 1 as {SPECIMEN}, {', '.join(specimens)} union all select 0, {', '.join(values)} from {inner}"

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
        self._database.close()

    def _failed(self, text: str) -> SqlpipeError:
        reason = _PREFIX.sub("", text.split("\n", maxsplit=1)[0])
        busy = "locked" in reason or "busy" in reason
        found = Diagnostic(
            code="SP506",
            message=f"connection {self._name} ({self._path}): {reason}",
            notes=("nothing was loaded",),
            help="another program writes to it: run again when that has finished" if busy else "",
        )
        return Passing(found) if busy else SqlpipeError(found)


def open_reader(name: str, settings: Mapping[str, object]) -> SqliteReader:
    """Open the SQLite file of a connection; SP506 if it is not there."""
    path = str(settings["path"])
    if not Path(path).is_file():
        raise SqlpipeError(
            Diagnostic(
                code="SP506",
                message=f"connection {name}: there is no file {path}",
                help="mend `path:` of the connection in profiles.yml",
            )
        )
    return SqliteReader(name, path)
