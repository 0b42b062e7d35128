"""Budgets of retries, the pauses between them, and what may not be repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.domain.task import Effects, Mishap, Retries
from sqlpipe.plan.retrying import may_repeat, next_try, question

_FEW = Retries(transient=2, timeout=1, lost=3, delay=5, max_delay=60)


@pytest.mark.parametrize(("mishap", "budget"), [(Mishap.TRANSIENT, 2), (Mishap.TIMEOUT, 1), (Mishap.LOST, 3)])
def test_each_class_has_its_budget(mishap: Mishap, budget: int) -> None:
    tries = [next_try(_FEW, mishap, {mishap: count}, 0.5) for count in range(1, 6)]
    assert [each is not None for each in tries] == [count <= budget for count in range(1, 6)]


@pytest.mark.catalogue("Z2", "Z1")
def test_a_process_that_died_takes_nothing_from_the_other_budgets() -> None:
    assert next_try(_FEW, Mishap.TRANSIENT, {"transient": 2, "lost": 3}, 0.5) is not None
    assert next_try(_FEW, Mishap.LOST, {"transient": 2, "timeout": 1, "lost": 3}, 0.5) is not None
    assert next_try(_FEW, Mishap.TRANSIENT, {"transient": 3}, 0.5) is None


@pytest.mark.parametrize("tries", [{}, {"permanent": 1}, {"permanent": 0, "transient": 1}])
def test_what_would_fail_again_is_not_tried_again(tries: dict[str, int]) -> None:
    assert next_try(Retries(transient=9, timeout=9, lost=9), Mishap.PERMANENT, tries, 0) is None


@pytest.mark.parametrize(
    ("tries", "most"),
    [
        ({"transient": 1}, 5),
        ({"transient": 2}, 10),
        ({"transient": 1, "timeout": 1}, 10),
        ({"transient": 1, "timeout": 1, "lost": 2}, 40),
        ({"transient": 2, "lost": 3}, 60),
    ],
)
def test_the_longest_pause_doubles_up_to_a_cap(tries: dict[str, int], most: float) -> None:
    assert next_try(_FEW, Mishap.TRANSIENT, tries, 0.0) == 0
    assert next_try(_FEW, Mishap.TRANSIENT, tries, 0.5) == most / 2


def test_after_the_first_loss_there_is_nothing_to_wait_for() -> None:
    assert next_try(_FEW, Mishap.LOST, {"lost": 1, "transient": 2}, 0.99) == 0
    assert next_try(_FEW, Mishap.LOST, {"lost": 2}, 0.5) == 5


def test_a_cap_below_the_delay_holds() -> None:
    assert next_try(Retries(transient=1, delay=100, max_delay=10), Mishap.TRANSIENT, {"transient": 1}, 0.5) == 5


@given(
    st.sampled_from(Mishap),
    st.dictionaries(st.sampled_from([str(each) for each in Mishap]), st.integers(0, 10**6)),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 10**6),
)
def test_a_pause_is_never_negative_and_never_beyond_the_cap(
    mishap: Mishap, tries: dict[str, int], draw: float, budget: int
) -> None:
    pause = next_try(Retries(budget, budget, budget, delay=3, max_delay=600), mishap, tries, draw)
    spent = mishap is Mishap.PERMANENT or tries.get(mishap, 0) > budget
    assert (pause is None) == spent
    assert pause is None or 0 <= pause < 600


@pytest.mark.parametrize("effects", [None, *Effects])
@pytest.mark.parametrize("mishap", Mishap)
def test_only_unsafe_effects_that_may_have_happened_are_left_to_a_person(
    effects: Effects | None, mishap: Mishap
) -> None:
    doubtful = effects is Effects.UNSAFE and mishap in {Mishap.LOST, Mishap.TIMEOUT}
    assert may_repeat(effects, mishap) is not doubtful


def test_the_question_says_what_happened() -> None:
    assert "t.mail was stopped because it took too long" in question("t.mail", Mishap.TIMEOUT)
    assert "the process that ran t.mail died" in question("t.mail", Mishap.LOST)
    assert question("t.mail", Mishap.TRANSIENT).startswith("t.mail failed, and ")
