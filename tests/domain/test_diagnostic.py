"""Places, spans, near misses, and errors that carry them."""

from __future__ import annotations

import pickle

import pytest

from sqlpipe.domain.diagnostic import (
    Diagnostic,
    Place,
    Span,
    SqlpipeError,
    did_you_mean,
    near_misses,
    place_of,
    span_of,
)

_TEXT = "select a,\n  nmae\nfrom t"


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        (0, 6, Place(1, 1, 6)),
        (12, 16, Place(2, 3, 4)),
        (12, None, Place(2, 3, 1)),
        (17, 21, Place(3, 1, 4)),
        (7, 16, Place(1, 8, 2)),  # cut at the end of the line
        (9, 10, Place(1, 10, 1)),  # the line break itself
        (len(_TEXT), None, Place(3, 7, 1)),  # behind the end
    ],
)
def test_place_of(start: int, end: int | None, place: Place) -> None:
    assert place_of(_TEXT, start, end) == place


def test_place_of_an_empty_text() -> None:
    assert place_of("", 0) == Place(1, 1, 1)


def test_a_span_shows_the_lines_around_its_place() -> None:
    span = span_of("a.sql", _TEXT, Place(2, 3, 4), before=1, after=1)
    assert span == Span("a.sql", Place(2, 3, 4), ((1, "select a,"), (2, "  nmae"), (3, "from t")))


def test_a_span_at_the_edges_has_only_the_lines_there_are() -> None:
    assert span_of("a.sql", _TEXT, Place(1, 1), before=3).context == ((1, "select a,"),)
    assert span_of("a.sql", _TEXT, Place(3, 1), before=0, after=5).context == ((3, "from t"),)
    assert span_of("a.sql", "", Place(1, 1)).context == ((1, ""),)


def test_a_span_behind_the_text_has_no_lines_that_are_not_there() -> None:
    assert span_of("a.sql", "one", Place(9, 1)).context == ()


def test_carriage_returns_are_not_shown() -> None:
    assert span_of("a.sql", "a\r\nb\r\n", Place(2, 1)).context == ((1, "a"), (2, "b"))


def test_near_misses_are_best_first_and_spelled_as_given() -> None:
    assert near_misses("ORDRES", ["customers", "Order_Items", "Orders"])[0] == "Orders"


def test_nothing_is_near_to_something_else() -> None:
    assert near_misses("xyz", ["orders", "customers"]) == []
    assert did_you_mean("xyz", ["orders"]) == ""


def test_near_misses_are_at_most_three() -> None:
    assert len(near_misses("order", [f"order{number}" for number in range(9)])) == 3
    assert did_you_mean("order", ["orders", "border"]) == "did you mean `orders` or `border`?"


def test_an_error_tells_all_of_its_diagnostics() -> None:
    error = SqlpipeError(Diagnostic(code="SP101", message="one"), Diagnostic(code="SP102", message="two"), exit_code=2)
    assert str(error) == "SP101 one; SP102 two"
    assert error.exit_code == 2


def test_an_error_survives_the_way_between_processes() -> None:
    error = SqlpipeError(Diagnostic(code="SP101", message="one", span=span_of("a", _TEXT, Place(1, 1))), exit_code=2)
    copy = pickle.loads(pickle.dumps(error))
    assert copy.diagnostics == error.diagnostics
    assert copy.exit_code == 2
