"""Both databases behind the journal do the same, and say clearly when they cannot."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.journal import Claim, Refused, RunState
from sqlpipe.store import attempts, runs, sqlite_book
from sqlpipe.store.book import FORMAT, Book, JournalAway
from sqlpipe.store.cells import among, micros, moment, packed, plain, unpacked
from sqlpipe.store.door import open_book
from sqlpipe.store.postgres_book import schema_of
from tests.postgres import Server, running_server
from tests.store.journal import NOON, a_run, after, watch

Opener = Callable[[], Book]


def test_a_journal_is_made_once_and_found_again(opened: Opener) -> None:
    runs.create_run(opened(), a_run("r1"))
    assert [each.id for each in runs.runs(opened())] == ["r1"]


def test_everybody_may_open_a_new_journal_at_once(where: tuple[str, str]) -> None:
    barrier = threading.Barrier(6)
    found: list[object] = []

    def enter(number: int) -> None:
        barrier.wait()
        book = open_book(*where)
        runs.create_run(book, a_run(f"r{number}"))
        found.append(book.query("select value from meta where name = 'format'")[0][0])
        book.close()

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [FORMAT] * 6
    book = open_book(*where)
    assert len(runs.runs(book)) == 6
    book.close()


def test_a_journal_of_a_newer_format_is_not_touched(where: tuple[str, str]) -> None:
    book = open_book(*where)
    with book.writing() as pen:
        pen.execute("update meta set value = 99 where name = 'format'")
    book.close()
    with pytest.raises(SqlpipeError) as raised:
        open_book(*where)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "SP620"
    assert "99" in diagnostic.message
    assert "upgrade" in diagnostic.help


def test_what_goes_wrong_undoes_the_whole_transaction(book: Book) -> None:
    def half() -> None:
        with book.writing() as pen:
            pen.execute("insert into meta values ('x', 1)")
            raise LookupError

    with pytest.raises(LookupError):
        half()
    assert book.query("select 1 from meta where name = 'x'") == []
    with book.writing() as pen:
        assert pen.many("insert into meta values (:name, 1)", [{"name": "x"}, {"name": "y"}]) == 2
    assert len(book.query("select 1 from meta where name in ('x', 'y')")) == 2


def test_a_wrong_statement_is_our_fault_and_leaves_the_book_usable(book: Book) -> None:
    with pytest.raises((sqlite3.Error, psycopg.Error)), book.writing() as pen:
        pen.execute("insert into nowhere values (1)")
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        book.query("select * from nowhere")
    runs.create_run(book, a_run("r1"))
    assert runs.get_run(book, "r1") is not None


def test_a_write_within_a_write_is_refused(book: Book) -> None:
    with pytest.raises(AssertionError, match="within"), book.writing(), book.writing():
        pass
    with book.writing() as pen:
        assert pen.query("select 1") == [(1,)]


def test_the_stamp_changes_when_others_write_and_only_then(opened: Opener) -> None:
    mine, other = opened(), opened()
    before = mine.stamp()
    runs.create_run(mine, a_run("r1"))
    assert mine.stamp() == before
    runs.create_run(other, a_run("r2"))
    seen = mine.stamp()
    assert seen != before
    # What was refused has changed nothing.
    attempts.claim(other, Claim("r1", "n"), "o", NOON)
    seen = mine.stamp()
    assert isinstance(attempts.claim(other, Claim("r2", "n"), "o", after(1)), Refused)
    assert mine.stamp() == seen


def test_text_with_placeholders_and_percent_signs_is_text(book: Book) -> None:
    rows = book.query("select :x || ' 50% %s', ':x'", {"x": "a :y %(z)s"})
    assert rows == [("a :y %(z)s 50% %s", ":x")] or book.now() is not None
    assert book.query("select 'a%b' like 'a%'", {})[0][0] in (1, True)


def test_only_a_server_has_a_clock_of_its_own(book: Book) -> None:
    with book.writing() as pen:
        within = pen.now()
    found = book.now()
    if found is None:
        assert within is None
        return
    assert within is not None
    assert found.tzinfo is UTC
    assert timedelta(0) <= found - within < timedelta(minutes=1)


def test_threads_share_a_book(book: Book) -> None:
    def enter(worker: int) -> None:
        for number in range(20):
            runs.create_run(book, a_run(f"r{worker}-{number}"))
            runs.step_run(book, f"r{worker}-{number}", RunState.RUNNING, NOON, owner=str(worker))

    threads = [threading.Thread(target=enter, args=(worker,)) for worker in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(runs.live_runs(book)) == 80


def test_the_guard_of_these_tests_notices_an_illegal_step(tmp_path: Path) -> None:
    with closing(open_book(str(tmp_path / "journal.sqlite"))) as book:
        watch(book)
        runs.create_run(book, a_run("r1", RunState.DONE))
        with pytest.raises(sqlite3.IntegrityError, match="illegal"), book.writing() as pen:
            pen.execute("update run set state = 'queued'")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"these are not the bytes you are looking for" * 100)
    with pytest.raises(SqlpipeError, match="not a database") as raised:
        open_book(str(path))
    assert raised.value.diagnostics[0].code == "SP621"


@pytest.mark.parametrize("share", [0.02, 0.6])
def test_a_damaged_file(tmp_path: Path, share: float) -> None:
    path = tmp_path / "journal.sqlite"
    book = open_book(str(path))
    for number in range(500):
        runs.create_run(book, a_run(f"r{number}"))
    book.close()
    content = bytearray(path.read_bytes())
    sound = int(len(content) * share) // 4096 * 4096
    content[sound:] = b"\xff" * (len(content) - sound)
    path.write_bytes(content)
    with pytest.raises(SqlpipeError, match="SP621") as raised, closing(open_book(str(path))) as book:
        runs.runs(book, limit=1000)
    assert "malformed" in str(raised.value)


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    with pytest.raises(SqlpipeError, match="SP621"):
        open_book(str(tmp_path))


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(SqlpipeError, match="SP621"):
        open_book(str(tmp_path / "state" / "journal.sqlite"))


def test_a_file_that_is_locked_for_long_is_away_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_book, "BUSY_SECONDS", 0.05)
    path = str(tmp_path / "journal.sqlite")
    book = open_book(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(JournalAway, match="locked"):
        runs.create_run(book, a_run("r1"))
    other.execute("rollback")
    other.close()
    runs.create_run(book, a_run("r1"))
    assert runs.get_run(book, "r1") is not None
    book.close()


def test_nobody_listens() -> None:
    with pytest.raises(SqlpipeError) as raised:
        open_book("postgresql://anna:secret@127.0.0.1:9/x?connect_timeout=2", "s")
    assert raised.value.diagnostics[0].code == "SP622"
    assert "secret" not in str(raised.value) + str(raised.value.diagnostics)


def test_a_database_that_is_not_there(postgres_server: Server) -> None:
    with pytest.raises(SqlpipeError, match="SP622") as raised:
        open_book(postgres_server.address.replace("/postgres", "/nowhere"), "s")
    assert "nowhere" in str(raised.value.diagnostics[0].notes)


def test_scopes_do_not_see_each_other(postgres_server: Server) -> None:
    one, other = (
        open_book(postgres_server.address, 'a "quoted" x/dev'),
        open_book(postgres_server.address, "a quoted x.dev"),
    )
    runs.create_run(one, a_run("r1"))
    assert runs.runs(other) == []
    one.close()
    other.close()


def test_a_schema_can_be_prepared_for_a_user_who_may_not_make_one(postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.address, autocommit=True) as admin:
        admin.execute("create role modest login")
        admin.execute(f"create schema {schema_of('prepared')} authorization modest".encode())
    modest = postgres_server.address.replace("postgres@", "modest@")
    with pytest.raises(SqlpipeError, match="SP622") as raised:
        open_book(modest, "other")
    assert "permission denied" in str(raised.value.diagnostics[0].notes)
    book = open_book(modest, "prepared")
    runs.create_run(book, a_run("r1"))
    book.close()


@pytest.mark.catalogue("D11")
def test_a_server_that_goes_away_for_a_while() -> None:
    with running_server() as server:
        book = open_book(server.address, "s")
        claim = Claim("r1", "n", durable=True)
        runs.create_run(book, a_run("r1"))
        server.stop("immediate")
        for _ in range(3):
            with pytest.raises(JournalAway):
                attempts.claim(book, claim, "me", NOON)
            with pytest.raises(JournalAway):
                runs.runs(book)
            time.sleep(0.1)
        server.start()
        first = attempts.claim(book, claim, "me", NOON)
        assert not isinstance(first, Refused)
        # The connection is lost while a transaction is open: nothing of it stays.
        with pytest.raises(JournalAway):
            _lose_half(book, server)
        found = runs.get_run(book, "r1")
        assert found is not None
        assert (found.cause, found.reason) == ("", "")
        assert attempts.claim(book, claim, "me", NOON) == first
        book.close()


def _lose_half(book: Book, server: Server) -> None:
    with book.writing() as pen:
        pen.execute("update run set cause = 'half'")
        server.stop("immediate")
        server.start()
        pen.execute("update run set reason = 'half'")


def test_a_connection_that_the_server_ends_is_made_anew(postgres_server: Server) -> None:
    book = open_book(postgres_server.address, "ended by the server")
    runs.create_run(book, a_run("r1"))
    with psycopg.connect(postgres_server.address, autocommit=True) as admin:
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
    with pytest.raises(JournalAway):
        runs.runs(book)
    assert len(runs.runs(book)) == 1
    book.close()


def test_a_server_whose_journal_is_locked_for_long_is_away(postgres_server: Server) -> None:
    one, other = open_book(postgres_server.address, "locked"), open_book(postgres_server.address, "locked")
    other.query("select set_config('lock_timeout', '50ms', false)")
    with one.writing(), pytest.raises(JournalAway):
        runs.create_run(other, a_run("r1"))
    runs.create_run(other, a_run("r1"))
    assert len(runs.runs(one)) == 1
    one.close()
    other.close()


def test_the_driver_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sqlpipe.store.postgres_book", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SqlpipeError) as raised:
        open_book("postgresql://x", "s")
    assert raised.value.diagnostics[0].code == "SP512"


@pytest.mark.parametrize(
    "at",
    [
        NOON,
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, 0, 1, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_to_the_microsecond(at: datetime) -> None:
    assert moment(micros(at)) == at


def test_cells() -> None:
    assert (micros(None), moment(None), among(["a", "b"])) == (None, None, ",a,b,")
    odd = {"é": "\ud800\0", "n": [1, None, {"x": True}]}
    assert unpacked(packed(odd)) == odd
    assert plain("a\0b\ud800é") == "a\ufffdb?é"
