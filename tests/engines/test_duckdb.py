"""What is DuckDB's own."""

from __future__ import annotations

import duckdb
import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.engine.contract import Engine
from sqlpipe.engine.duckdb import open_engine, translate


def test_a_relation_of_another_connection_is_staged_as_a_stream() -> None:
    engine = open_engine({"path": ":memory:"})
    with engine.session() as session, duckdb.connect() as elsewhere:
        session.stage("delta", elsewhere.sql("select 42 as a"))
        assert session.query("from delta") == [(42,)]
    engine.close()


def test_a_relation_over_a_dataframe_is_staged() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2]})
    engine = open_engine({"path": ":memory:"})
    with engine.session() as session:
        session.stage("delta", duckdb.sql("select sum(a) as total from frame"))
        assert session.query("from delta") == [(3,)]
    assert engine.relations() == {}
    assert frame.shape == (2, 1)
    engine.close()


def test_memory_is_no_file() -> None:
    engine: Engine = open_engine({"path": ":memory:"})
    assert engine.database == ":memory:"
    engine.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (duckdb.IOException("IO Error: Could not write all bytes: No space left on device"), "SP504"),
        (duckdb.IOException("IO Error: Could not write file: File too large"), "SP504"),
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), "SP505"),
        (duckdb.TransactionException("TransactionContext Error: Conflict on update!"), "SP513"),
        (duckdb.OutOfMemoryException("Out of Memory Error: could not allocate"), "SP505"),
        (duckdb.InternalException("INTERNAL Error: assertion failed"), "SP505"),
        (duckdb.Error(""), "SP505"),
    ],
)
def test_errors_have_codes(error: duckdb.Error, code: str) -> None:
    found = translate(error, "select 1")
    assert isinstance(found, SqlpipeError)
    assert found.diagnostics[0].code == code
    assert found.diagnostics[0].message
