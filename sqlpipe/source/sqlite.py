"""SQLite as a source, through ADBC: rows stream as Arrow, and no extension has to be downloaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote as quote_url

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError

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


_PREFIX = re.compile(r"^([A-Z_]+: )?(\[SQLite\] )?(Failed to [a-z ]+: )?")


class SqliteReader:
    """A SQLite database opened for reading only."""

    def __init__(self, name: str, path: str) -> None:
        self._name = name
        self._path = path
        # Opening for writing would make an empty database out of a mistyped path.
        uri = f"file:{quote_url(path)}?mode=ro"
        try:
            self._database = adbc.AdbcDatabase(driver=adbc_driver_sqlite._driver_path(), uri=uri)  # noqa: SLF001
            self._connection = adbc.AdbcConnection(self._database)
        except adbc.Error as error:
            raise SqlpipeError(self._failed(str(error))) from error

    @contextmanager
    def read(self, query: str) -> Iterator[object]:
        """Run a query; a single statement sees one moment of the database."""
        statement = adbc.AdbcStatement(self._connection)
        try:
            statement.set_sql_query(query)
            rows, _count = statement.execute_query()
            yield rows
        except adbc.Error as error:
            raise SqlpipeError(self._failed(str(error))) from error
        finally:
            statement.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()
        self._database.close()

    def _failed(self, text: str) -> Diagnostic:
        reason = _PREFIX.sub("", text.split("\n", maxsplit=1)[0])
        busy = "locked" in reason or "busy" in reason
        return Diagnostic(
            code="SP506",
            message=f"connection {self._name} ({self._path}): {reason}",
            notes=("nothing was loaded",),
            help="another program writes to it: run again when that has finished" if busy else "",
        )


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
