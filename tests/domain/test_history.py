"""Events as JSON, and what they add up to."""

from __future__ import annotations

import json

import pytest

from sqlpipe.domain.check import Check, CheckResult, NotNull, Tolerance
from sqlpipe.domain.diagnostic import Diagnostic, Place, Severity
from sqlpipe.domain.history import NodeFinished, RunFinished, State, as_json
from tests.hand import at, days

_CHECK = Check(NotNull(("id",)), "not_null(id)", Place(3, 5))


def _finished(*results: CheckResult) -> NodeFinished:
    return NodeFinished(
        run="r", at=at("2024-01-01 10:00"), node="marts.a", kind="table", state=State.DONE, checks=results
    )


def test_an_event_is_told_with_its_name_and_plain_values() -> None:
    event = _finished(CheckResult(_CHECK, 2, 10, sample=('{"id":null}',)))
    told = json.loads(json.dumps(as_json(event)))
    assert told["event"] == "NodeFinished"
    assert told["at"] == "2024-01-01T10:00:00"
    assert told["state"] == "done"
    assert told["rows"] is None
    assert told["checks"][0]["check"]["rule"] == {"columns": ["id"]}
    assert told["checks"][0]["sample"] == ['{"id":null}']


def test_what_is_not_an_event_has_no_event_name() -> None:
    told = as_json(Diagnostic(code="SP101", message="x"))
    assert isinstance(told, dict)
    assert "event" not in told
    assert told["severity"] == "error"


def test_sets_come_in_an_order_and_intervals_as_text() -> None:
    assert as_json({"a": frozenset({"c", "a", "b"})}) == {"a": ["a", "b", "c"]}
    assert as_json(days("2024-01-01", "2024-01-02")) == {"start": "2024-01-01T00:00:00", "end": "2024-01-02T00:00:00"}


@pytest.mark.parametrize(
    ("counts", "interrupted", "well"),
    [
        ({"done": 3, "unchanged": 1}, False, True),
        ({}, False, True),
        ({"done": 3, "failed": 1}, False, False),
        ({"blocked": 1}, False, False),
        ({"cancelled": 1}, False, False),
        ({"done": 3, "failed": 0}, False, True),
        ({"done": 3}, True, False),
    ],
)
def test_a_run_went_well_if_nothing_went_wrong(counts: dict[str, int], interrupted: bool, well: bool) -> None:
    event = RunFinished(run="r", at=at("2024-01-01"), seconds=1, counts=counts, interrupted=interrupted)
    assert event.well is well


def test_warnings_are_checks_that_fail_and_do_not_block() -> None:
    warned = Check(NotNull(("id",)), "n", Place(1, 1), severity=Severity.WARNING)
    event = _finished(CheckResult(_CHECK, 0, 10), CheckResult(warned, 1, 10), CheckResult(_CHECK, 1, 10))
    assert event.warnings == 1


@pytest.mark.parametrize(
    ("tolerance", "offences", "total", "passes"),
    [
        (Tolerance(), 0, 10, True),
        (Tolerance(), 1, 10, False),
        (Tolerance(rows=3), 3, 10, True),
        (Tolerance(rows=3), 4, 10, False),
        (Tolerance(percent=10), 1, 10, True),
        (Tolerance(percent=10), 2, 10, False),
        (Tolerance(percent=0), 0, 0, True),
        (Tolerance(percent=0.5), 1, 199, False),
    ],
)
def test_tolerance(tolerance: Tolerance, offences: int, total: int, passes: bool) -> None:
    assert tolerance.allows(offences, total) is passes
    result = CheckResult(Check(NotNull(("id",)), "n", Place(1, 1), tolerance=tolerance), offences, total)
    assert result.passed is passes
    assert result.blocks is not passes
