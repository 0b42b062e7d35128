"""The open database is lent to those who only read: nobody waits for the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb
import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.engine.door import open_engine
from sqlpipe.run.alone import alone, among_readers
from sqlpipe.run.hall import Hall, opened
from sqlpipe.store import ledger

NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - as the ledger has it


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "lent.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select 1 as a")
    return path


@pytest.fixture
def hall(database: Path) -> Iterator[Hall]:
    with opened(str(database), partial(open_engine, {"type": "duckdb", "path": str(database)})) as found:
        yield found


def rows(hall: Hall) -> list[tuple[int]]:
    with hall.lend() as lent:
        assert lent is not None
        return [(row[0],) for row in lent[1].query("select a from t order by a")]


def is_closed(database: Path) -> bool:
    try:
        with alone(str(database)):
            return True
    except SqlpipeError:
        return False


def test_a_reader_opens_it_and_closes_it(hall: Hall, database: Path) -> None:
    assert rows(hall) == [(1,)]
    assert is_closed(database)


def test_a_reader_leaves_no_ledger_where_there_is_none(hall: Hall, database: Path) -> None:
    rows(hall)
    with hall.lend() as lent:
        assert lent is not None
        assert ledger.TABLE not in lent[0].relations()


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.duckdb"
    with opened(str(path), partial(open_engine, {"type": "duckdb", "path": str(path)})) as hall, hall.lend() as lent:
        assert lent is None
    assert not path.exists()


def test_work_begins_while_somebody_reads(hall: Hall, database: Path) -> None:
    with hall.lend() as lent:
        assert lent is not None
        assert hall.enter(NOW)
        desk = hall.desk()
        desk.session.execute("insert into t values (2)")
        assert lent[1].query("select count(*) from t") == [(2,)]
        hall.give_back(desk)
        hall.leave()
        # Whoever reads is not cut off.
        assert lent[1].query("select count(*) from t") == [(2,)]
        assert not is_closed(database)
    assert is_closed(database)


def test_who_reads_sees_what_was_committed(hall: Hall) -> None:
    assert hall.enter(NOW)
    desk = hall.desk()
    with desk.session.transaction():
        desk.session.execute("insert into t values (2)")
        assert rows(hall) == [(1,)]
    assert rows(hall) == [(1,), (2,)]
    hall.give_back(desk)


def test_it_stays_open_for_those_who_work(hall: Hall, database: Path) -> None:
    assert hall.enter(NOW)
    rows(hall)
    assert not is_closed(database)
    assert hall.idle_until() is not None
    hall.leave()
    assert is_closed(database)
    assert hall.idle_until() is None


def test_what_the_ledger_says_is_read_when_work_begins(hall: Hall) -> None:
    with hall.lend():
        assert hall.relations == {}
        hall.enter(NOW)
        assert hall.relations == {"main.t": "table"}


def test_another_who_has_it_is_named(hall: Hall, database: Path) -> None:
    with alone(str(database)):
        with pytest.raises(SqlpipeError, match="SP502"), hall.lend():
            pass
        assert not hall.enter(NOW)
        assert hall.taken is not None
    assert rows(hall) == [(1,)]


def test_many_read_while_it_is_opened_and_closed(hall: Hall, database: Path) -> None:
    problems: list[BaseException] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                assert rows(hall)
        except BaseException as error:  # noqa: BLE001 - told by the test
            problems.append(error)

    readers = [threading.Thread(target=read) for _ in range(6)]
    for each in readers:
        each.start()
    for value in range(2, 32):
        assert hall.enter(NOW)
        desk = hall.desk()
        desk.session.execute("insert into t values (?)", [value])
        hall.give_back(desk)
        hall.leave()
    over.set()
    for each in readers:
        each.join()
    assert problems == []
    assert len(rows(hall)) == 31
    assert is_closed(database)


def test_readers_are_together_and_a_run_is_alone(database: Path) -> None:
    with among_readers(str(database)), among_readers(str(database)), pytest.raises(SqlpipeError), alone(str(database)):
        pass
    with alone(str(database)), pytest.raises(SqlpipeError) as caught, among_readers(str(database)):
        pass
    assert caught.value.diagnostics[0].code == "SP502"
    with among_readers(str(database)):
        assert not is_closed(database)
    assert is_closed(database)
