"""The ledger: what goes in comes out, the newest row counts, and a newer format is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sqlpipe.domain.check import Check, CheckResult, NotNull
from sqlpipe.domain.diagnostic import Diagnostic, Passing, Place, Severity, SqlpipeError
from sqlpipe.domain.held import Commit, FileSeen, Held
from sqlpipe.domain.history import NodeFinished, State
from sqlpipe.engine.contract import Engine, Session
from sqlpipe.engine.door import open_engine
from sqlpipe.store import ledger
from sqlpipe.store.ledger import FORMAT, TABLE, Ledger
from tests.hand import at, days

_NOW = at("2024-01-02 03:04:05")
_HELD = Held(
    fingerprint="f1",
    checks="c1",
    version=1,
    rebuilt=1,
    complete=True,
    inputs={"raw.b": "2", "raw.a": "1"},
    position="BIGINT 17",
    kind="table",
    rows=42,
    at=_NOW,
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine({"type": "duckdb", "path": str(tmp_path / "shop.db")})
    yield opened
    opened.close()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with engine.session() as opened:
        yield opened


@pytest.fixture
def books(session: Session) -> Ledger:
    return Ledger.open(session, exists=False, now=_NOW)


def _again(session: Session) -> Ledger:
    return Ledger.open(session, exists=True, now=_NOW)


def _attempt(node: str, state: State, *messages: str) -> NodeFinished:
    return NodeFinished(
        run="r1",
        at=_NOW,
        node=node,
        kind="table",
        state=state,
        diagnostics=tuple(Diagnostic(code="SP505", message=each) for each in messages),
    )


def test_a_new_ledger_is_empty(engine: Engine, session: Session, books: Ledger) -> None:
    assert TABLE in engine.relations()
    assert ledger.versions(session) == {}
    assert ledger.intervals(session, "m.t") == []
    assert ledger.files_seen(session, "m.t") == {}
    assert ledger.failed(session) == set()
    assert ledger.last_offences(session, "m.t") == []
    ledger.require_format(session)


def test_the_table_that_tells_of_a_ledger_is_made_last(session: Session) -> None:
    """A process that is killed while it makes the ledger leaves none, and the next one makes it."""
    statements = [each for each in ledger._SQL["create"].split(";") if "create table" in each]
    assert TABLE in statements[-1]
    session.execute("create schema _sqlpipe")
    for statement in statements[:-1]:
        session.execute(statement)
    Ledger.open(session, exists=False, now=_NOW)
    assert ledger.versions(session) == {}


def test_what_is_held_comes_back_as_it_was(session: Session, books: Ledger) -> None:
    nothing = Held(fingerprint="", checks="", version=0, rebuilt=0, complete=False)
    books.record_version(session, "m.t", _HELD, "r1")
    books.record_version(session, "m.odd 'name'", nothing, "r1")
    assert ledger.versions(session) == {"m.t": _HELD, "m.odd 'name'": nothing}


def test_the_newest_row_counts_whatever_its_version(session: Session, books: Ledger) -> None:
    for version in (1, 5, 3):
        books.record_version(session, "m.t", replace(_HELD, version=version), "r1")
    assert ledger.versions(session)["m.t"].version == 3


def test_the_newest_row_counts_after_the_ledger_was_opened_again(session: Session, books: Ledger) -> None:
    for version in (1, 2):
        books.record_version(session, "m.t", replace(_HELD, version=version), "r1")
    _again(session).record_version(session, "m.t", replace(_HELD, version=3), "r2")
    assert ledger.versions(session)["m.t"].version == 3


def test_what_is_not_committed_is_not_in_the_ledger(session: Session, books: Ledger) -> None:
    def spoil() -> None:
        with session.transaction():
            books.record_version(session, "m.t", _HELD, "r1")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        spoil()
    assert ledger.versions(session) == {}


def test_sessions_write_down_at_the_same_time(engine: Engine, session: Session, books: Ledger) -> None:
    with engine.session() as other, session.transaction(), other.transaction():
        books.record_version(session, "m.a", _HELD, "r1")
        books.record_version(other, "m.b", _HELD, "r1")
        books.record_intervals(session, "m.a", [Commit(days("2024-01-01", "2024-01-02"), 1, "f1", {})])
        books.record_intervals(other, "m.b", [Commit(days("2024-01-01", "2024-01-02"), 1, "f1", {})])
    assert set(ledger.versions(session)) == {"m.a", "m.b"}


def test_intervals_come_back_in_order_from_a_version_on(session: Session, books: Ledger) -> None:
    commits = [
        Commit(days("2024-01-05", "2024-01-06"), 1, "f1", {"raw.a": "1"}),
        Commit(days("2024-01-01", "2024-01-02"), 2, "f1", {"raw.a": "2"}),
        Commit(days("2024-01-01", "2024-01-02"), 3, "f2", {}),
    ]
    books.record_intervals(session, "m.t", commits)
    books.record_intervals(session, "m.other", commits[:1])
    assert ledger.intervals(session, "m.t") == commits
    assert ledger.intervals(session, "m.t", 2) == commits[1:]
    assert ledger.intervals(session, "m.t", 4) == []


def test_intervals_reach_to_the_ends_of_time(session: Session, books: Ledger) -> None:
    commit = Commit(days("0001-01-01", "9999-12-31 23:59:59.999999"), 1, "f1", {})
    books.record_intervals(session, "m.t", [commit])
    assert ledger.intervals(session, "m.t") == [commit]


def _files(count: int, modified: int = 1) -> list[FileSeen]:
    return [FileSeen(f"landing/{number:04}.csv", number, modified) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1201])
def test_any_number_of_files_is_written_down(session: Session, books: Ledger, count: int) -> None:
    books.record_files(session, "raw.x", 1, _files(count))
    assert ledger.files_seen(session, "raw.x") == {each.path: each for each in _files(count)}


def test_a_file_that_changed_is_known_as_it_was_read_last(session: Session, books: Ledger) -> None:
    books.record_files(session, "raw.x", 1, _files(3))
    books.record_files(session, "raw.x", 2, _files(1, modified=2))
    seen = ledger.files_seen(session, "raw.x")
    assert {path: each.modified for path, each in seen.items()} == {
        "landing/0000.csv": 2,
        "landing/0001.csv": 1,
        "landing/0002.csv": 1,
    }


def test_a_file_that_changed_is_known_also_by_a_later_run(session: Session, books: Ledger) -> None:
    books.record_version(session, "raw.x", _HELD, "r1")
    books.record_files(session, "raw.x", 1, _files(300))
    later = _again(session)
    later.record_version(session, "raw.x", replace(_HELD, version=2), "r2")
    later.record_files(session, "raw.x", 2, [FileSeen("landing/0200.csv", 7, 99)])
    assert ledger.files_seen(session, "raw.x")["landing/0200.csv"] == FileSeen("landing/0200.csv", 7, 99)


def test_intervals_stay_in_order_over_runs(session: Session, books: Ledger) -> None:
    first = [Commit(days(f"2024-01-0{day}", f"2024-01-0{day + 1}"), 1, "f1", {}) for day in range(1, 8)]
    books.record_intervals(session, "m.t", first)
    last = Commit(days("2024-02-01", "2024-02-02"), 2, "f1", {})
    _again(session).record_intervals(session, "m.t", [last])
    assert ledger.intervals(session, "m.t")[-1] == last


def test_a_rebuild_forgets_the_files_from_before(session: Session, books: Ledger) -> None:
    books.record_files(session, "raw.x", 1, _files(3))
    books.record_files(session, "raw.x", 2, _files(1, modified=2))
    books.record_files(session, "raw.x", 3, _files(2, modified=3))
    assert set(ledger.files_seen(session, "raw.x", 3)) == {"landing/0000.csv", "landing/0001.csv"}
    assert ledger.files_seen(session, "raw.y") == {}


@pytest.mark.parametrize("state", [State.FAILED, State.BLOCKED, State.CANCELLED])
def test_what_did_not_end_well_is_failed_until_it_does(session: Session, books: Ledger, state: State) -> None:
    books.record_attempt(session, _attempt("m.a", state, "one", "two"))
    books.record_attempt(session, _attempt("m.b", state))
    books.record_attempt(session, _attempt("m.c", state))
    assert ledger.failed(session) == {"m.a", "m.b", "m.c"}
    books.record_attempt(session, _attempt("m.a", State.UNCHANGED))
    books.record_version(session, "m.b", _HELD, "r2")
    assert ledger.failed(session) == {"m.c"}


def test_a_failure_after_a_commit_counts(session: Session, books: Ledger) -> None:
    books.record_version(session, "m.a", _HELD, "r1")
    later = _again(session)
    later.record_attempt(session, _attempt("m.a", State.FAILED))
    assert ledger.failed(session) == {"m.a"}
    _again(session).record_version(session, "m.a", _HELD, "r3")
    assert ledger.failed(session) == set()


def _result(name: str, offences: int) -> CheckResult:
    check = Check(NotNull(("a",)), name, Place(1, 1), severity=Severity.WARNING)
    return CheckResult(check, offences, 10, sample=('{"a": null}', "ä'\""), note="a note")


def test_the_offences_of_the_last_run_are_kept_with_their_rows(session: Session, books: Ledger) -> None:
    books.record_checks(session, "20240101T000000-a", "m.t", [_result("old", 3)], _NOW)
    books.record_checks(session, "20240102T000000-a", "m.t", [_result("one", 1), _result("two", 0)], _NOW)
    books.record_checks(session, "20240103T000000-a", "m.other", [_result("other", 1)], _NOW)
    books.record_checks(session, "20240104T000000-a", "m.t", [], _NOW)
    assert ledger.last_offences(session, "m.t") == [
        ("one", "warn", 1, 10, "a note", ['{"a": null}', "ä'\""]),
        ("two", "warn", 0, 10, "a note", ['{"a": null}', "ä'\""]),
    ]


@pytest.mark.catalogue("D11", "Z9")
def test_an_attempt_that_was_given_up_cannot_commit_any_more(session: Session, books: Ledger) -> None:
    books.record_version(session, "m.t", _HELD, "r1", 7)
    books.raise_fence(session, "m.t", 9)
    with pytest.raises(SqlpipeError) as caught, session.transaction():
        books.record_version(session, "m.t", replace(_HELD, version=4), "r1", 8)
    assert [each.code for each in caught.value.diagnostics] == ["SP513"]
    assert ledger.versions(session)["m.t"] == _HELD
    books.record_version(session, "m.t", replace(_HELD, version=4), "r1", 9)
    books.record_version(session, "m.other", _HELD, "r1", 1)
    assert ledger.versions(session)["m.t"].version == 4


@pytest.mark.catalogue("D11")
def test_of_two_attempts_that_commit_at_once_the_database_refuses_one(
    engine: Engine, session: Session, books: Ledger
) -> None:
    books.raise_fence(session, "m.t", 1)
    with engine.session() as other, pytest.raises(Passing), other.transaction():  # noqa: PT012 - both are open at once
        books.record_version(other, "m.t", _HELD, "r1", 1)
        with session.transaction():
            books.raise_fence(session, "m.t", 2)
        other.query("select 1")
    assert ledger.versions(session) == {}


@pytest.mark.catalogue("D11")
def test_of_two_attempts_at_a_node_that_was_never_built_one_is_refused(
    engine: Engine, session: Session, books: Ledger
) -> None:
    books.set_fences(session, ["m.t", "m.u"])
    books.set_fences(session, ["m.t"])
    assert session.query("select node, attempt from _sqlpipe.fence order by node") == [("m.t", 0), ("m.u", 0)]
    with engine.session() as other, pytest.raises(Passing), other.transaction():  # noqa: PT012 - both are open at once
        books.record_version(other, "m.t", _HELD, "r1", 1)
        with session.transaction():
            books.raise_fence(session, "m.t", 2)
        other.query("select 1")
    assert ledger.versions(session) == {}


def test_a_ledger_of_the_format_before_gets_what_it_lacks(session: Session, books: Ledger) -> None:
    books.record_version(session, "m.t", _HELD, "r1")
    session.execute("drop table _sqlpipe.fence")
    session.execute("update _sqlpipe.format set format = 1")
    again = _again(session)
    again.record_version(session, "m.t", replace(_HELD, version=4), "r2", 5)
    assert ledger.versions(session)["m.t"].version == 4
    assert ledger.require_format(session) == FORMAT


def test_what_a_run_has_committed_can_be_asked(session: Session, books: Ledger) -> None:
    books.record_version(session, "m.t", _HELD, "r1", 1)
    assert ledger.committed(session, "r1", "m.t") == (_HELD.version, _HELD.rows)
    assert ledger.committed(session, "r2", "m.t") is None
    assert ledger.committed(session, "r1", "m.other") is None


def test_a_ledger_of_a_newer_format_is_left_alone(session: Session, books: Ledger) -> None:
    session.execute("insert into _sqlpipe.format values (?, '99.0', ?)", (FORMAT + 1, _NOW))
    for attempt in (lambda: ledger.require_format(session), lambda: _again(session)):
        with pytest.raises(SqlpipeError) as caught:
            attempt()
        assert caught.value.diagnostics[0].code == "SP510"
        assert f"has format {FORMAT + 1}" in caught.value.diagnostics[0].message
    assert session.query("select count(*) from _sqlpipe.format") == [(2,)]
