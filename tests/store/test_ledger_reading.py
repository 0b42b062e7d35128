"""The ledger read as a whole tells the same as when it is read node by node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlpipe.domain.check import Check, CheckResult, NotNull
from sqlpipe.domain.diagnostic import Place, Severity
from sqlpipe.domain.held import Commit, Held
from sqlpipe.domain.history import NodeFinished, State
from sqlpipe.domain.interval import Interval, merge
from sqlpipe.engine.contract import Session
from sqlpipe.engine.door import open_engine
from sqlpipe.store import ledger, ledger_reading
from sqlpipe.store.ledger import Ledger
from tests.hand import at, days

_NOW = at("2024-01-02 03:04:05")
_HELD = Held("f1", "c1", 1, 1, complete=True, kind="table", rows=42, at=_NOW)


@pytest.fixture
def session() -> Iterator[Session]:
    engine = open_engine({"type": "duckdb", "path": ":memory:"})
    with engine.session() as opened:
        yield opened
    engine.close()


@pytest.fixture
def books(session: Session) -> Ledger:
    return Ledger.open(session, exists=False, now=_NOW)


def _result(name: str, offences: int, *sample: str, severity: Severity = Severity.ERROR) -> CheckResult:
    return CheckResult(Check(NotNull(("x",)), name, Place(1, 1), severity), offences, 10, sample, "a note")


def _commit(interval: Interval, version: int, fingerprint: str, **inputs: str) -> Commit:
    return Commit(interval, version, fingerprint, inputs)


def _everything(session: Session) -> list[object]:
    joined = ledger_reading.joined_intervals(session, {("m.t", 0): None})
    return [
        joined[("m.t", 0)],
        ledger_reading.last_checks(session),
        ledger_reading.days_of_checks(session, _NOW),
        ledger_reading.last_commits(session),
        ledger.versions(session),
        sorted(ledger.failed(session)),
    ]


def test_a_new_ledger_has_nothing_of_anything(session: Session, books: Ledger) -> None:
    assert _everything(session) == [[], [], [], [], {}, []]
    assert ledger_reading.joined_intervals(session, {}) == {}
    books.record_version(session, "m.t", _HELD, "r1")
    assert _everything(session)[0] == []


def test_a_ledger_of_the_format_before_can_be_read(session: Session, books: Ledger) -> None:
    books.record_version(session, "m.t", _HELD, "r1")
    session.execute("drop table _sqlpipe.fence")
    session.execute("update _sqlpipe.format set format = 1")
    assert ledger_reading.last_commits(session) == [("m.t", _NOW, 1, 42, "", "r1")]
    assert list(ledger.versions(session)) == ["m.t"]


_DAY = at("2024-01-01")
_INTERVALS = st.tuples(st.integers(0, 12), st.integers(1, 4)).map(
    lambda pair: Interval(_DAY + timedelta(days=pair[0]), _DAY + timedelta(days=sum(pair)))
)
_COMMITS = st.lists(
    st.builds(
        Commit,
        _INTERVALS,
        st.integers(1, 4),
        st.sampled_from(["f", ""]),
        st.sampled_from([{}, {"a": "1"}, {"a": "2", "b": ""}]),
    ),
    max_size=14,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(_COMMITS, st.integers(0, 4), st.sampled_from([None, {}, {"b": "", "a": "2"}]))
def test_joined_intervals_are_those_of_all_commits_put_together(
    session: Session, commits: list[Commit], since: int, inputs: Mapping[str, str] | None
) -> None:
    books = Ledger.open(session, exists=False, now=_NOW)
    session.execute("delete from _sqlpipe.touched")
    books.record_intervals(session, "m.t", commits)
    books.record_intervals(session, "m.other", [_commit(days("2024-01-01", "2024-03-01"), 9, "f")])
    wanted = {("m.t", since): inputs, ("m.other", 10): None}
    found = ledger_reading.joined_intervals(session, wanted)
    assert found["m.other", 10] == []
    assert {key: merge(each) for key, each in _by_meaning(found["m.t", since], inputs).items()} == {
        key: merge(each) for key, each in _by_meaning(ledger.intervals(session, "m.t", since), inputs).items()
    }
    of_one = _by_meaning(found["m.t", since], inputs).values()
    assert all(tuple(sorted(each)) == merge(each) for each in of_one)


def _by_meaning(commits: list[Commit], inputs: Mapping[str, str] | None) -> dict[tuple[str, bool], list[Interval]]:
    """The intervals by all that a decision looks at."""
    found: dict[tuple[str, bool], list[Interval]] = {}
    for each in commits:
        found.setdefault((each.fingerprint, inputs is not None and each.inputs == inputs), []).append(each.interval)
    return found


def test_inputs_that_were_not_asked_for_are_not_told_as_any(session: Session, books: Ledger) -> None:
    books.record_intervals(session, "m.t", [_commit(days("2024-01-01", "2024-01-02"), 1, "f", a="1")])
    found = ledger_reading.joined_intervals(session, {("m.t", 0): {}, ("m.t", 1): {"a": "1"}})
    assert [each.inputs == {} for each in found["m.t", 0]] == [False]
    assert [each.inputs for each in found["m.t", 1]] == [{"a": "1"}]


def test_the_last_result_of_every_check_counts(session: Session, books: Ledger) -> None:
    books.record_checks(session, "r1", "m.t", [_result("a", 3, '{"x": null}'), _result("b", 0)], _NOW)
    books.record_checks(session, "r2", "m.t", [_result("a", 1, severity=Severity.WARNING)], _NOW + timedelta(days=1))
    books.record_checks(session, "r2", "m.u", [_result("a", 0)], _NOW)
    assert ledger_reading.last_checks(session) == [
        ("m.t", "b", "error", True, 0, 10, "a note", [], "r1", _NOW),
        ("m.t", "a", "warn", False, 1, 10, "a note", [], "r2", _NOW + timedelta(days=1)),
        ("m.u", "a", "error", True, 0, 10, "a note", [], "r2", _NOW),
    ]


def test_days_of_checks_count_looks_and_failures(session: Session, books: Ledger) -> None:
    for hours, offences in ((-1, 5), (0, 4), (1, 0), (25, 7)):
        books.record_checks(session, "r", "m.t", [_result("a", offences)], _NOW + timedelta(hours=hours))
    ((node, name, numbers, looks, failures, offences_),) = ledger_reading.days_of_checks(session, _NOW)
    assert (node, name) == ("m.t", "a")
    assert [ledger_reading.day_of(each) for each in numbers] == [date(2024, 1, 2), date(2024, 1, 3)]
    assert (looks, failures, offences_) == ([2, 1], [1, 1], [0, 7])


def test_the_last_hundred_commits_of_each_node_are_told(session: Session, books: Ledger) -> None:
    for version in range(1, 104):
        books.record_version(session, "m.t", replace(_HELD, version=version, rows=None, position="p"), f"r{version}")
    books.record_version(session, "m.u", _HELD, "r1")
    found = ledger_reading.last_commits(session)
    assert [each[2] for each in found if each[0] == "m.t"] == list(range(4, 104))
    assert found[0] == ("m.t", _NOW, 4, None, "p", "r4")
    assert found[-1] == ("m.u", _NOW, 1, 42, "", "r1")
    assert ledger.versions(session)["m.t"].version == 103


@pytest.mark.parametrize("state", [State.FAILED, State.BLOCKED, State.CANCELLED])
def test_a_commit_behind_a_failure_mends_it_and_one_before_does_not(
    session: Session, books: Ledger, state: State
) -> None:
    ended = NodeFinished(run="r1", at=_NOW, node="m.t", kind="table", state=state)
    books.record_version(session, "m.t", _HELD, "r1")
    books.record_attempt(session, ended)
    assert ledger.failed(session) == {"m.t"}
    books.record_version(session, "m.t", _HELD, "r2")
    assert ledger.failed(session) == set()
    books.record_attempt(session, replace(ended, node="m.never"))
    assert ledger.failed(session) == {"m.never"}
    books.record_attempt(session, replace(ended, node="m.never", state=State.DONE))
    assert ledger.failed(session) == set()
