"""Spans side by side, and the path that decided how long it took."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.graph.timeline import Link, Span, critical_path, lanes

_SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda it: Span(it[0], it[0] + it[1])))


@given(_SPANS)
def test_no_two_in_a_lane_overlap_and_no_lane_is_wasted(spans: list[Span]) -> None:
    found = lanes(spans)
    for one, first in enumerate(spans):
        for other, second in enumerate(spans[:one]):
            if found[one] == found[other]:
                assert first.end <= second.start or second.end <= first.start
    most = max((sum(each.start <= at < each.end for each in spans) for at in range(61)), default=0)
    assert len(set(found)) <= max(most, 1)


def test_what_took_no_time_has_its_place_as_well() -> None:
    assert lanes([Span(1, 1), Span(0, 5), Span(1, 1)]) == (1, 0, 1)


def test_lanes_are_stable() -> None:
    spans = [Span(0, 5), Span(0, 5), Span(5, 6), Span(5, 6)]
    assert lanes(spans) == (0, 1, 0, 1)


def test_the_path_goes_back_through_who_ended_last() -> None:
    spans = {"a": Span(0, 2), "b": Span(0, 5), "c": Span(6, 9), "d": Span(2, 3)}
    parents = {"c": ("a", "b"), "d": ("a",), "b": ("gone",)}
    assert critical_path(spans, parents) == (Link("b", 0.0), Link("c", 1.0))


def test_waits_before_the_first_are_told_from_the_beginning() -> None:
    assert critical_path({"a": Span(3, 4), "z": Span(0, 1)}, {}) == (Link("a", 3.0),)


def test_nothing_has_no_path() -> None:
    assert critical_path({}, {"a": ("b",)}) == ()


def test_a_cycle_ends() -> None:
    assert [each.key for each in critical_path({"a": Span(0, 1), "b": Span(1, 2)}, {"a": ("b",), "b": ("a",)})] == [
        "a",
        "b",
    ]
