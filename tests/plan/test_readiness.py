"""Whether a node may run, over the whole table of how its parents can have ended."""

from __future__ import annotations

from itertools import chain, combinations, product

import pytest

from sqlpipe.domain.history import State
from sqlpipe.domain.task import Rule
from sqlpipe.plan.readiness import Blocked, NotYet, Ready, Skip, Verdict, verdict

_NAMES = ("a", "b", "c")
_STATES: tuple[State | None, ...] = (None, *State)
_SOFTS = tuple(
    frozenset(each) for each in chain.from_iterable(combinations(_NAMES, count) for count in range(len(_NAMES) + 1))
)
# One letter for each state: `.` not finished, `+` well, `!` not well, `-` passed over.
_LETTER = {
    None: ".",
    State.WAITING: ".",
    State.RUNNING: ".",
    State.DONE: "+",
    State.UNCHANGED: "+",
    State.FAILED: "!",
    State.BLOCKED: "!",
    State.CANCELLED: "!",
    State.SKIPPED: "-",
}


def _reference(rule: Rule, letters: dict[str, str], soft: frozenset[str]) -> str:
    """The same rules told as patterns over the letters, soft and hard parents apart."""
    hard = "".join(letter for name, letter in letters.items() if name not in soft)
    others = "".join(letter for name, letter in letters.items() if name in soft)
    together = hard + others
    if "." in together:
        return "not yet"
    ready = {
        Rule.ALL_DONE: True,
        Rule.ALL_OK: not hard.strip("+"),
        Rule.ANY_OK: "+" in together or not together,
    }
    if ready[rule]:
        return "ready"
    return "blocked" if "!" in hard else "skip"


def _told(decided: Verdict) -> str:
    match decided:
        case Ready():
            return "ready"
        case NotYet():
            return "not yet"
        case Blocked():
            return "blocked"
        case Skip():
            return "skip"


@pytest.mark.catalogue("E11")
@pytest.mark.parametrize("rule", Rule)
def test_every_combination_of_three_parents_hard_and_soft(rule: Rule) -> None:
    assert set(_LETTER) == set(_STATES)
    seen = set()
    for states, soft in product(product(_STATES, repeat=3), _SOFTS):
        parents = dict(zip(_NAMES, states, strict=True))
        decided = _told(verdict(rule, parents, soft))
        letters = {name: _LETTER[state] for name, state in parents.items()}
        assert decided == _reference(rule, letters, soft), (rule, parents, soft)
        seen.add(decided)
    assert seen == ({"ready", "not yet"} if rule is Rule.ALL_DONE else {"ready", "not yet", "blocked", "skip"})


@pytest.mark.catalogue("E11")
@pytest.mark.parametrize("rule", Rule)
def test_how_parents_ended_is_all_that_counts_not_their_order(rule: Rule) -> None:
    for states in product(_STATES, repeat=3):
        forth = verdict(rule, dict(zip(_NAMES, states, strict=True)))
        back = verdict(rule, dict(reversed(list(zip(_NAMES, states, strict=True)))))
        assert forth == back


@pytest.mark.parametrize("rule", Rule)
def test_a_node_without_parents_is_ready(rule: Rule) -> None:
    assert verdict(rule, {}) == Ready()


@pytest.mark.catalogue("E7")
@pytest.mark.parametrize("rule", Rule)
def test_nothing_is_decided_before_all_have_finished(rule: Rule) -> None:
    parents = {"c": State.FAILED, "b": State.RUNNING, "a": None, "d": State.DONE}
    assert verdict(rule, parents) == NotYet(("a", "b"))


@pytest.mark.parametrize("bad", [State.FAILED, State.BLOCKED, State.CANCELLED])
def test_the_first_by_name_is_to_blame(bad: State) -> None:
    parents = {"z": bad, "b": bad, "a": State.SKIPPED, "c": State.DONE}
    assert verdict(Rule.ALL_OK, parents) == Blocked("b")
    assert verdict(Rule.ALL_OK, parents, frozenset("b")) == Blocked("z")
    assert verdict(Rule.ALL_OK, parents, frozenset("bz")) == Skip("a")
    assert verdict(Rule.ALL_OK, parents, frozenset("abz")) == Ready()


@pytest.mark.catalogue("E11")
def test_a_parent_with_nothing_to_do_is_a_good_one() -> None:
    parents = {"a": State.UNCHANGED, "b": State.UNCHANGED}
    assert verdict(Rule.ALL_OK, parents) == Ready()
    assert verdict(Rule.ANY_OK, parents | {"c": State.FAILED}) == Ready()


def test_any_ok_with_none_that_is() -> None:
    assert verdict(Rule.ANY_OK, {"a": State.SKIPPED, "b": State.FAILED}) == Blocked("b")
    assert verdict(Rule.ANY_OK, {"a": State.SKIPPED, "b": State.FAILED}, frozenset("b")) == Skip("a")
    assert verdict(Rule.ANY_OK, {"a": State.SKIPPED, "b": State.FAILED}, frozenset("ab")) == Skip("a")
    assert verdict(Rule.ANY_OK, {"a": State.SKIPPED, "b": State.DONE}, frozenset("b")) == Ready()
