"""What every session must do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pyarrow as pa
import pytest

from sqlpipe.domain.diagnostic import Place, SqlpipeError
from sqlpipe.engine.contract import Engine, Interrupted, NoTable, QueryError, Session

_FOREVER = "select count(*) from range(100000000) a, range(100000000) b where a.range + b.range = -1"


def test_values_come_back_as_python_has_them(session: Session) -> None:
    assert session.query("select 1, 'a', null, true, 1.5::double") == [(1, "a", None, True, 1.5)]
    assert session.query("select 1 where false") == []


def test_parameters_are_values_and_never_sql(session: Session) -> None:
    assert session.query("select ?, ?", ("it's; drop table x", 7)) == [("it's; drop table x", 7)]


def test_writes_tell_how_many_rows(session: Session) -> None:
    assert session.execute("create table t as select * from range(5) as r(n)") == 5
    assert session.execute("insert into t values (7), (8)") == 2
    assert session.execute("update t set n = 0 where n > 6") == 2
    assert session.execute("delete from t where n = 0") == 3
    assert session.execute("delete from t where n = 99") == 0


def test_what_writes_no_rows_tells_minus_one(session: Session) -> None:
    assert session.execute("create schema s") <= 0
    assert session.execute("create view v as select 1 as a") <= 0
    assert session.execute("select 42") == -1


@pytest.mark.parametrize(
    "query",
    [
        "select 1::integer as a, 'x' as b",
        "-- first\nselect 1::integer as a, 'x' as b -- last",
        "with c as (select 1::integer as a, 'x' as b) select * from c",
        "(select 1::integer as a, 'x' as b)",
    ],
)
def test_a_query_is_described_without_running_it(session: Session, query: str) -> None:
    assert session.describe(query) == (("a", "INTEGER"), ("b", "VARCHAR"))


def test_describing_does_not_run(session: Session) -> None:
    began = time.monotonic()
    assert session.describe(_FOREVER)[0][1] == "BIGINT"
    assert time.monotonic() - began < 5


def test_a_transaction_is_kept_at_its_end(engine: Engine, session: Session) -> None:
    with session.transaction():
        session.execute("create table t as select 1 as a")
        session.execute("insert into t values (2)")
    with engine.session() as other:
        assert other.query("select sum(a) from t") == [(3,)]
    assert engine.relations() == {"main.t": "table"}


def test_nobody_sees_a_transaction_before_its_end(engine: Engine, session: Session) -> None:
    session.execute("create table t as select 1 as a")
    with session.transaction(), engine.session() as other:
        session.execute("insert into t values (2)")
        session.execute("create table u as select 1 as a")
        assert other.query("select count(*) from t") == [(1,)]
        assert "main.u" not in engine.relations()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_undoes_rows_tables_views_and_schemas(
    engine: Engine, session: Session, error: type[BaseException]
) -> None:
    session.execute("create table t as select 1 as a")
    session.execute("create view v as select * from t")

    def spoil() -> None:
        with session.transaction():
            session.execute("insert into t values (2)")
            session.execute("create schema s")
            session.execute("create table s.u as select 1 as a")
            session.execute("create or replace table t as select 'other' as b")
            session.execute("drop view v")
            raise error

    with pytest.raises(error):
        spoil()
    assert session.query("select * from t") == [(1,)]
    assert engine.relations() == {"main.t": "table", "main.v": "view"}


def test_a_failing_statement_undoes_the_transaction_and_the_session_goes_on(engine: Engine, session: Session) -> None:
    session.execute("create table t as select 1 as a")

    def spoil() -> None:
        with session.transaction():
            session.execute("insert into t values (2)")
            session.query("select cast('x' as integer)")

    with pytest.raises(QueryError):
        spoil()
    assert session.query("select * from t") == [(1,)]
    with session.transaction():
        session.execute("insert into t values (3)")
    assert session.query("select count(*) from t") == [(2,)]


def _stream(fail: bool = False) -> pa.RecordBatchReader:
    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, 30, 10):
            if fail and start:
                raise ValueError("the source is gone")
            yield pa.RecordBatch.from_pydict({"a": list(range(start, start + 10))})

    return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())


@pytest.mark.parametrize(
    "rows",
    [
        pa.table({"a": list(range(30))}),
        pd.DataFrame({"a": list(range(30))}),
        pl.DataFrame({"a": list(range(30))}),
        pl.LazyFrame({"a": list(range(30))}),
    ],
    ids=["arrow", "pandas", "polars", "lazy polars"],
)
def test_rows_are_staged_from_tables(session: Session, rows: object) -> None:
    session.stage("delta", rows)
    assert session.query("select count(*), sum(a) from delta") == [(30, 435)]


def test_rows_are_staged_from_a_stream(session: Session) -> None:
    session.stage("delta", _stream())
    assert session.query("select count(*), sum(a) from delta") == [(30, 435)]


def test_what_is_staged_replaces_what_was_staged_before(session: Session) -> None:
    session.stage("delta", pa.table({"a": [1]}))
    session.stage("delta", pa.table({"b": ["x"]}))
    assert session.query("from delta") == [("x",)]


def test_what_is_staged_is_seen_by_nobody_else_and_leaves_nothing_behind(engine: Engine, session: Session) -> None:
    session.execute("create table t as select * from range(5) as r(a)")
    session.stage('odd "name"', pa.table({"a": [1]}))
    session.stage("relation", session.relation("select * from t"))
    assert session.query('select * from "odd ""name"""') == [(1,)]
    assert engine.relations() == {"main.t": "table"}
    with engine.session() as other, pytest.raises(QueryError):
        other.query("select * from relation")


def test_a_relation_of_the_session_is_staged(session: Session) -> None:
    session.execute("create table t as select * from range(5) as r(a)")
    session.stage("delta", session.relation("select a + 1 as b from t"))
    assert session.query("select sum(b) from delta") == [(15,)]


def test_relations_and_tables_are_staged_by_turns(session: Session) -> None:
    for number in range(3):
        session.stage("delta", session.relation(f"select {number} as a"))
        assert session.query("from delta") == [(number,)]
        session.stage("delta", pa.table({"a": [number + 10]}))
        assert session.query("from delta") == [(number + 10,)]


def test_relations_are_staged_in_a_transaction_too(engine: Engine, session: Session) -> None:
    session.execute("create table t as select 1 as a")
    with session.transaction():
        session.execute("insert into t values (2)")
        session.stage("delta", session.relation("select * from t"))
        session.execute("insert into t select * from delta")
    assert session.query("select count(*) from t") == [(4,)]


def test_sessions_stage_at_the_same_time(engine: Engine) -> None:
    def work(number: int) -> int:
        with engine.session() as own:
            for _ in range(5):
                own.stage("delta", own.relation(f"select {number} as a from range(10)"))
                own.stage("arrow", pa.table({"a": [number]}))
            return int(own.query("select sum(d.a) + any_value(x.a) from delta as d, arrow as x")[0][0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [11 * number for number in range(4)]
    assert engine.relations() == {}


def test_a_stream_that_breaks_is_an_error_and_the_next_one_is_not(session: Session) -> None:
    with pytest.raises(SqlpipeError, match="the source is gone"):
        session.stage("delta", _stream(fail=True))
    session.stage("delta", _stream())
    assert session.query("select count(*) from delta") == [(30,)]


@pytest.mark.parametrize("rows", [[1, 2], {"a": 1}, 7, "text", object()])
def test_what_is_no_table_is_refused_and_the_session_goes_on(session: Session, rows: object) -> None:
    with pytest.raises(NoTable):
        session.stage("delta", rows)
    session.stage("delta", pa.table({"a": [1]}))
    assert session.query("from delta") == [(1,)]


def test_a_relation_that_cannot_be_is_an_error(session: Session) -> None:
    with pytest.raises(QueryError, match="nowhere"):
        session.relation("select * from nowhere")


def test_a_running_query_is_stopped_from_another_thread(engine: Engine, session: Session) -> None:
    done = threading.Event()

    def stop() -> None:
        while not done.wait(0.1):
            session.interrupt()

    stopper = threading.Thread(target=stop)
    stopper.start()
    began = time.monotonic()
    try:
        with pytest.raises(Interrupted), session.transaction():  # noqa: PT012
            session.execute("create table t as select 1 as a")
            session.query(_FOREVER)
    finally:
        done.set()
        stopper.join()
    assert time.monotonic() - began < 20
    assert session.query("select 1") == [(1,)]
    assert engine.relations() == {}


def test_stopping_what_does_not_run_does_no_harm(session: Session) -> None:
    session.interrupt()
    assert session.query("select 1") == [(1,)]


def test_stopping_one_session_leaves_the_others_alone(engine: Engine, session: Session) -> None:
    with engine.session() as other:
        found: list[object] = []
        reader = threading.Thread(target=lambda: found.append(other.query("select sum(range) from range(20000000)")))
        reader.start()
        while reader.is_alive():
            session.interrupt()
            time.sleep(0.005)
        reader.join()
    assert found == [[(199999990000000,)]]


def test_sessions_write_other_tables_at_the_same_time(engine: Engine) -> None:
    def work(number: int) -> int:
        with engine.session() as own:
            for _ in range(5):
                with own.transaction():
                    own.execute(f"create or replace table t{number} as select * from range({number + 1})")
            return int(own.query(f"select count(*) from t{number}")[0][0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == list(range(1, 9))


def test_two_that_write_the_same_row_are_told_that_another_was_first(engine: Engine, session: Session) -> None:
    session.execute("create table t as select 1 as a")
    with engine.session() as other, pytest.raises(SqlpipeError) as caught, other.transaction():  # noqa: PT012
        other.execute("update t set a = 2")
        with session.transaction():
            session.execute("update t set a = 3")
    assert caught.value.diagnostics[0].code == "SP513"


def test_every_session_tells_the_time_in_utc(engine: Engine) -> None:
    for _ in range(2):
        with engine.session() as own:
            assert own.query("select timestamptz '2024-01-01 00:00:00+00'::varchar") == [("2024-01-01 00:00:00+00",)]


def _failing(session: Session, sql: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        session.query(sql)
    assert caught.value.statement == sql
    return caught.value


@pytest.mark.parametrize(
    ("sql", "line", "word"),
    [
        ("select\n  nmae\nfrom t", 2, "nmae"),
        ("select 'äöü' as x, nmae from t", 1, "nmae"),
        ("select '日本語' as x, nmae from t", 1, "nmae"),
        ("select '😀 e\u0301' as x, nmae from t", 1, "nmae"),
        ("select\t\t1,\t nmae from t", 1, "nmae"),
        ("select 1,\r\n  nmae\r\nfrom t", 2, "nmae"),
        ("select 1\nfrom t\njoin nowhere using (a)", 3, "nowhere"),
        ("select nofunction(a) from t", 1, "nofunction"),
        ("select 1 frm frm t", 1, "frm"),
        ("select " + "a as some_column, " * 30 + "nmae, " + "a as other_column, " * 30 + "1 from t", 1, "nmae"),
        ("select " + "'äöü' as some_column, " * 30 + "nmae, " + "a as other_column, " * 30 + "1 from t", 1, "nmae"),
        ("select 1,\n" + "a as some_column, " * 30 + "nmae\nfrom t", 2, "nmae"),
    ],
)
def test_an_error_tells_the_place_in_the_statement(session: Session, sql: str, line: int, word: str) -> None:
    session.execute("create table t (a integer)")
    error = _failing(session, sql)
    assert error.place is not None
    assert error.place.line == line
    assert sql.split("\n")[line - 1][error.place.column - 1 :].startswith(word), error.place
    assert 1 <= error.place.length <= len("nofunction(a)")


def test_an_error_is_told_in_lower_case_without_the_engine_s_own_words(session: Session) -> None:
    session.execute("create table t (name integer)")
    diagnostic = _failing(session, "select nmae from t").diagnostics[0]
    assert diagnostic.code == "SP505"
    assert diagnostic.message == 'referenced column "nmae" not found in FROM clause'
    assert any('"name"' in note for note in diagnostic.notes)


def test_an_error_without_a_place_has_none(session: Session) -> None:
    error = _failing(session, "select cast(x as integer) from (values ('a'), ('b')) as v(x)")
    assert "could not convert string 'a'" in error.diagnostics[0].message
    assert error.place is None or error.place == Place(1, error.place.column, error.place.length)


def test_the_words_of_a_value_do_not_change_what_an_error_is(session: Session) -> None:
    for text in ("No space left on device", "attached read-only mode", "Permission denied", "Conflict"):
        assert _failing(session, f"select cast('{text}' as integer)").diagnostics[0].code == "SP505"
