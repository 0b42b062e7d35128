"""Which node is started next: whoever is short of time, then fairly, and nobody starves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.plan.priority import Candidate, best, critical_path, serve

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _ready(node: str, pipeline: str = "p", path: float = 1, age: float = 0, left: float | None = None) -> Candidate:
    deadline = None if left is None else _NOW + timedelta(seconds=left)
    return Candidate(f"run of {pipeline}", pipeline, node, deadline, path, _NOW - timedelta(seconds=age))


def _past(node: str, path: float = 1, age: float = 0, pipeline: str = "p") -> Candidate:
    return Candidate("backfill", pipeline, node, None, path, _NOW - timedelta(seconds=age), backfill=True)


def _choose(*candidates: Candidate, **served: int) -> str:
    return best(candidates, _NOW, served).node


def test_the_longest_path_goes_first() -> None:
    assert _choose(_ready("short", path=3), _ready("long", path=9), _ready("middle", path=5)) == "long"


def test_of_paths_of_one_length_the_oldest_and_then_the_first_by_name() -> None:
    assert _choose(_ready("a"), _ready("b", age=5), _ready("c")) == "b"
    assert _choose(_ready("b"), _ready("a"), _ready("c")) == "a"


def test_pipelines_take_turns() -> None:
    both = _ready("x", "p", path=99), _ready("y", "q")
    assert _choose(*both, p=6, q=5) == "y"
    assert _choose(*both, p=5, q=6) == "x"
    assert _choose(*both, p=5) == "y"


def test_who_is_short_of_time_goes_before_fairness() -> None:
    assert _choose(_ready("x", "p", left=1000, path=200), _ready("y", "q", path=99), p=6, q=5) == "x"
    assert _choose(_ready("x", "p", left=1000, path=1), _ready("y", "q", path=99), p=6, q=5) == "y"


def test_the_path_counts_against_the_deadline() -> None:
    assert _choose(_ready("early", "p", left=500, path=10), _ready("far", "q", left=900, path=700), q=9) == "far"


def test_who_is_late_is_still_in_a_hurry() -> None:
    assert _choose(_ready("late", "p", left=-60), _ready("y", "q"), p=6, q=5) == "late"


def test_a_backfill_yields() -> None:
    assert _choose(_past("old", path=99, age=500), _ready("new"), p=8) == "new"
    assert _choose(_past("old")) == "old"


def test_a_backfill_has_no_deadline_to_meet() -> None:
    hurried = Candidate("b", "q", "old", _NOW, 1, _NOW, backfill=True)
    assert _choose(hurried, _ready("new")) == "new"


@pytest.mark.catalogue("F1")
def test_every_fourth_start_is_for_who_has_waited_for_long() -> None:
    old, new = _past("old", age=601), _ready("new", left=10)
    assert [_choose(old, new, p=turn) for turn in range(3, 12)].count("old") == 3
    assert _choose(old, new, p=7) == "old"
    assert _choose(_past("old", age=599), new, p=7) == "new"


def test_starts_are_numbered() -> None:
    served = serve(serve(serve({}, _ready("x", "p")), _ready("y", "q")), _ready("x", "p"))
    assert served == {"p": 3, "q": 2}
    assert sorted(serve(served, _past("x")).values()) == [2, 3, 4]


def _simulate(
    ready: list[Candidate], starts: int, arrivals: Callable[[int, datetime], list[Candidate]], seconds: float
) -> list[tuple[str, str]]:
    """One worker takes one node after the other, each of which lasts so many seconds; the order of starts."""
    now, served, order = _NOW, dict[str, int](), list[tuple[str, str]]()
    for number in range(starts):
        ready = [*ready, *arrivals(number, now)]
        if not ready:
            break
        chosen = best(ready, now, served)
        ready = [each for each in ready if each is not chosen]
        served = serve(served, chosen)
        order.append((chosen.pipeline, chosen.node))
        now += timedelta(seconds=seconds)
    return order


def _nobody(_number: int, _now: datetime) -> list[Candidate]:
    return []


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("age", [0, 100_000])
def test_a_backlog_of_one_pipeline_does_not_hold_up_another(age: float) -> None:
    large = [_ready(f"n{number}", "large", path=100, age=age) for number in range(1000)]
    small = [_ready(f"n{number}", "small", path=1) for number in range(5)]
    order = _simulate(large + small, 40, _nobody, seconds=1)
    places = [place for place, (pipeline, _) in enumerate(order) if pipeline == "small"]
    assert len(places) == 5
    assert places[-1] < 20


@pytest.mark.catalogue("F1")
def test_a_backfill_goes_on_while_there_is_always_something_else_to_do() -> None:
    past = [_past(f"b{number}") for number in range(1000)]
    numbers = count()

    def arrive(_number: int, now: datetime) -> list[Candidate]:
        name = f"n{next(numbers)}"
        return [Candidate("r", "p", name, now, 1, now), Candidate("r", "q", name, None, 50, now)]

    order = _simulate(past, 400, arrive, seconds=10)
    places = [place for place, (_, node) in enumerate(order) if node.startswith("b")]
    assert 40 < len(places) < 400 / 4 + 1
    assert places[0] >= 60


@pytest.mark.catalogue("F1")
def test_a_short_path_does_not_starve_behind_longer_ones() -> None:
    def arrive(_number: int, now: datetime) -> list[Candidate]:
        return [Candidate("r", "p", f"n{now}", None, 100, now)]

    order = _simulate([_ready("short", path=0.1)], 100, arrive, seconds=10)
    assert 60 <= order.index(("p", "short")) <= 64


@given(st.data())
def test_the_best_is_one_of_them_whatever_their_order(data: st.DataObject) -> None:
    deadlines = st.none() | st.floats(-1e5, 1e5).map(lambda left: _NOW + timedelta(seconds=left))
    one = st.builds(
        Candidate,
        run=st.just("r"),
        pipeline=st.sampled_from("pq"),
        node=st.uuids().map(str),
        deadline=deadlines,
        path=st.floats(0, 1e6),
        since=st.floats(0, 1e5).map(lambda age: _NOW - timedelta(seconds=age)),
        backfill=st.booleans(),
    )
    candidates = data.draw(st.lists(one, min_size=1, max_size=8, unique_by=lambda each: each.node))
    served = data.draw(st.dictionaries(st.sampled_from("pq"), st.integers(1, 9)))
    shuffled = data.draw(st.permutations(candidates))
    assert best(shuffled, _NOW, served) == best(candidates, _NOW, served)
    assert best(candidates, _NOW, served) in candidates


# The critical path.


def test_the_longest_way_down_counts() -> None:
    waits = {
        "top": frozenset[str](),
        "left": frozenset({"top"}),
        "right": frozenset({"top"}),
        "bottom": frozenset({"left", "right"}),
    }
    paths = critical_path(waits, {"top": 1, "left": 10, "right": 2, "bottom": 4})
    assert paths == {"bottom": 4, "left": 14, "right": 6, "top": 15}


def test_what_was_never_run_takes_a_second_and_what_is_not_in_the_run_nothing() -> None:
    waits = {"a": frozenset({"elsewhere"}), "b": frozenset({"a", "elsewhere"})}
    assert critical_path(waits, {"elsewhere": 99, "gone": 7}) == {"a": 2, "b": 1}
    assert critical_path({}, {}) == {}


def test_ten_thousand_nodes_in_a_row_or_all_before_one() -> None:
    chain = {f"n{number}": frozenset({f"n{number - 1}"} if number else ()) for number in range(10_000)}
    fan = {f"n{number}": frozenset[str]() for number in range(10_000)} | {"last": frozenset(chain)}
    begun = time.monotonic()
    assert critical_path(chain, {})["n0"] == 10_000
    assert set(critical_path(fan, {"last": 5}).values()) == {6, 5}
    assert time.monotonic() - begun < 2
