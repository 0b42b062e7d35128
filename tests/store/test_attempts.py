"""Attempts are claimed by one, within the room of their pool, and end once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import (
    ATTEMPT_STEPS,
    NODE_STEPS,
    AttemptRecord,
    AttemptState,
    Claim,
    NodeRecord,
    Refused,
    RunState,
)
from sqlpipe.domain.task import Mishap
from sqlpipe.store import attempts, happenings, runs
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.store.journal import NOON, a_node, a_run, after, claimed, ended, leading

Opener = Callable[[], Book]

_FULL = NodeRecord(
    run="r1", node="raw.orders", state=State.WAITING, since=NOON, item=3, kind="task", until=after(5),
    tries={"transient": 2}, facts={"path": "é\0", "n": [1, 2.5, None]}, waited={"size": 4}, action="table",
    detail="two\0lines", rows=7, seconds=1.25,
)  # fmt: skip


@pytest.mark.parametrize("durable", [False, True])
def test_an_attempt_comes_back_as_it_went(book: Book, durable: bool) -> None:
    claim = Claim("r1", "raw.orders", item=2, number=3, pool="db", slots=2, room=4, durable=durable)
    begun = attempts.claim(book, claim, "me", NOON)
    assert begun == AttemptRecord(
        id=begun.id if isinstance(begun, AttemptRecord) else 0, run="r1", node="raw.orders", item=2, number=3,
        state=AttemptState.RUNNING, owner="me", started=NOON, pool="db", slots=2,
    )  # fmt: skip
    attempts.note_process(book, begun.id, "pid 7")
    attempts.note_log(book, begun.id, "logs/1.jsonl")
    noted = replace(begun, process="pid 7", log="logs/1.jsonl")
    assert attempts.live_attempts(book) == [noted]
    ending = Ending(
        state=AttemptState.FAILED, at=after(2), mishap=Mishap.TIMEOUT, message="too\0long", rows=9, seconds=2.0
    )
    assert attempts.finish(book, begun.id, ending)
    assert attempts.live_attempts(book) == []
    assert attempts.attempts(book) == [
        replace(
            noted, state=AttemptState.FAILED, finished=after(2), mishap=Mishap.TIMEOUT, message="too\ufffdlong", rows=9,
            seconds=2.0,
        )
    ]  # fmt: skip


def test_numbers_of_attempts_grow_even_when_the_clock_goes_back(book: Book) -> None:
    numbers = [claimed(book, f"n{index}", at=after(-100 * index)).id for index in range(4)]
    assert numbers == sorted(set(numbers))
    assert claimed(book, "later", at=after(1)).id > numbers[-1]


@pytest.mark.catalogue("D10", "D9")
def test_a_node_is_tried_by_one_at_a_time_whatever_the_run(book: Book) -> None:
    first = claimed(book, "n")
    for run, owner, at in (("r1", "me", after(1)), ("r1", "you", NOON), ("r2", "me", NOON)):
        assert attempts.claim(book, Claim(run, "n"), owner, at) == Refused("it is being run", first.id)
    assert isinstance(attempts.claim(book, Claim("r1", "n", item=0), "me", NOON), AttemptRecord)
    assert ended(book, first)
    assert isinstance(attempts.claim(book, Claim("r2", "n"), "you", after(3)), AttemptRecord)


def test_the_same_claim_again_is_the_same_attempt(book: Book) -> None:
    assert claimed(book, "n") == claimed(book, "n")
    assert len(attempts.attempts(book)) == 1


@pytest.mark.catalogue("Z13", "Z14", "D4")
def test_a_pool_has_room_for_so_many_slots(book: Book) -> None:
    def wish(node: str, slots: int, room: int = 3, pool: str = "db") -> AttemptRecord | Refused:
        return attempts.claim(book, Claim("r1", node, pool=pool, slots=slots, room=room), "me", NOON)

    two = wish("a", 2)
    assert isinstance(two, AttemptRecord)
    assert wish("b", 2) == Refused("the pool db has no room")
    assert isinstance(wish("c", 1), AttemptRecord)
    assert wish("d", 1) == Refused("the pool db has no room")
    assert isinstance(wish("e", 1, pool="other"), AttemptRecord)
    assert isinstance(wish("f", 9, pool=""), AttemptRecord), "without a pool there is no limit"
    assert ended(book, two, AttemptState.LOST)
    assert isinstance(wish("b", 2), AttemptRecord)
    assert [each.node for each in attempts.nodes(book, "r1")] == ["a", "b", "c", "e", "f"]


def test_a_refused_claim_leaves_no_trace(book: Book) -> None:
    attempts.claim(book, Claim("r1", "n", pool="db", slots=2, room=1), "me", NOON)
    assert (attempts.nodes(book, "r1"), attempts.attempts(book)) == ([], [])


@pytest.mark.catalogue("D12", "Z9")
@pytest.mark.parametrize("state", [RunState.CANCELLING, RunState.CANCELLED, RunState.DONE, RunState.FAILED])
def test_nothing_begins_in_a_run_that_is_over(book: Book, state: RunState) -> None:
    runs.create_run(book, a_run("r1"))
    runs.step_run(book, "r1", RunState.RUNNING, NOON, owner="me")
    runs.step_run(book, "r1", state, after(1))
    assert attempts.claim(book, Claim("r1", "n"), "me", after(2)) == Refused(f"the run is {state.value}")


@pytest.mark.catalogue("D11")
def test_nothing_begins_by_one_who_has_lost_the_run(book: Book) -> None:
    runs.create_run(book, a_run("r1"))
    runs.step_run(book, "r1", RunState.RUNNING, NOON, owner="frozen")
    runs.step_run(book, "r1", RunState.QUEUED, after(1))
    runs.step_run(book, "r1", RunState.RUNNING, after(2), owner="new")
    assert attempts.claim(book, Claim("r1", "n"), "frozen", after(3)) == Refused("another process carries out the run")
    assert isinstance(attempts.claim(book, Claim("r1", "n"), "new", after(3)), AttemptRecord)


def test_a_claim_keeps_what_is_known_of_the_node(book: Book) -> None:
    attempts.put_nodes(book, [replace(_FULL, item=-1)])
    claimed(book, "raw.orders", at=after(9))
    (found,) = attempts.nodes(book, "r1")
    assert (found.state, found.since, found.until) == (State.RUNNING, after(9), None)
    assert (found.tries, found.waited, found.kind) == (_FULL.tries, _FULL.waited, "task")


def test_a_node_that_has_ended_is_not_claimed_again(book: Book) -> None:
    attempts.put_nodes(book, [a_node("n", State.BLOCKED)])
    assert attempts.claim(book, Claim("r1", "n"), "me", NOON) == Refused("it is blocked in this run")


def test_an_ending_says_what_becomes_of_the_node_and_that_rows_moved(book: Book) -> None:
    begun = claimed(book, "raw.orders")
    node = replace(_FULL, item=-1, state=State.DONE, detail="")
    ending = Ending(state=AttemptState.DONE, at=after(2), node=node, moved="41")
    assert attempts.finish(book, begun.id, ending)
    assert attempts.finish(book, begun.id, ending), "the same call once more"
    assert attempts.nodes(book, "r1") == [node]
    assert happenings.number(book, leading(book)) == 1
    (moved,) = happenings.since(book, 0)
    assert (moved.kind, moved.subject, moved.version, moved.at) == ("moved", "raw.orders", "41", after(2))


@pytest.mark.catalogue("Z4", "Z10", "D11")
@pytest.mark.parametrize("first", [AttemptState.CANCELLED, AttemptState.FAILED])
def test_late_success_is_refused_with_everything_it_brings(book: Book, first: AttemptState) -> None:
    begun = claimed(book, "n")
    assert attempts.finish(book, begun.id, Ending(state=first, at=after(1), node=a_node("n", State.CANCELLED)))
    late = Ending(state=AttemptState.DONE, at=after(2), node=a_node("n", State.DONE), rows=5, moved="2")
    assert not attempts.finish(book, begun.id, late)
    assert [each.state for each in attempts.nodes(book, "r1")] == [State.CANCELLED]
    assert [(each.state, each.rows) for each in attempts.attempts(book)] == [(first, None)]
    assert happenings.number(book, leading(book)) == 0


@pytest.mark.catalogue("Z4", "Z6")
def test_what_was_lost_may_be_found_done_but_not_the_other_way(book: Book) -> None:
    begun = claimed(book, "n")
    waiting = replace(a_node("n"), until=after(60))
    assert attempts.finish(book, begun.id, Ending(state=AttemptState.LOST, at=after(1), node=waiting))
    assert attempts.finish(
        book, begun.id, Ending(state=AttemptState.DONE, at=after(2), node=a_node("n", State.DONE), moved="2")
    )
    assert not attempts.finish(book, begun.id, Ending(state=AttemptState.LOST, at=after(3), node=waiting))
    assert [each.state for each in attempts.nodes(book, "r1")] == [State.DONE]


@pytest.mark.parametrize(("was", "to"), list(product(AttemptState, AttemptState)))
def test_only_legal_endings(book: Book, was: AttemptState, to: AttemptState) -> None:
    begun = claimed(book, "n")
    if was is not AttemptState.RUNNING:
        assert ended(book, begun, was, 1)
    assert ended(book, begun, to, 2) == (to in ATTEMPT_STEPS[was])


def test_an_attempt_that_nobody_knows_does_not_end(book: Book) -> None:
    assert not attempts.finish(book, 7, Ending(state=AttemptState.DONE, at=NOON))


def test_nodes_come_back_as_they_were_put(book: Book) -> None:
    bare = a_node("raw.orders")
    assert attempts.put_nodes(book, [_FULL, bare]) == 2
    assert attempts.nodes(book, "r1") == [bare, replace(_FULL, detail="two\ufffdlines")]
    assert attempts.nodes(book, "r2") == []
    assert attempts.put_nodes(book, []) == 0


@pytest.mark.parametrize(("was", "to"), list(product(State, State)))
def test_nodes_move_along_legal_steps_only(book: Book, was: State, to: State) -> None:
    assert attempts.put_nodes(book, [a_node("n", was)]) == 1
    legal = to in NODE_STEPS[was]
    assert attempts.put_nodes(book, [a_node("n", to, since=after(1)), a_node("m")]) == 1 + legal
    found = {each.node: each for each in attempts.nodes(book, "r1")}
    assert found["n"] == (a_node("n", to, since=after(1)) if legal else a_node("n", was))


def test_attempts_are_listed_newest_first(book: Book) -> None:
    one = claimed(book, "a", run="r1")
    ended(book, one)
    two = claimed(book, "a", run="r2", at=after(9))
    three = claimed(book, "b", run="r2", at=after(8))
    assert [each.id for each in attempts.attempts(book)] == [three.id, two.id, one.id]
    assert [each.id for each in attempts.attempts(book, run="r2", limit=1)] == [three.id]
    assert [each.id for each in attempts.attempts(book, node="a")] == [two.id, one.id]
    assert [each.id for each in attempts.attempts(book, run="r2", node="a")] == [two.id]
    assert [each.id for each in attempts.live_attempts(book)] == [two.id, three.id]


def test_how_long_a_node_takes_is_how_long_it_last_took(book: Book) -> None:
    for seconds, state in ((3.5, AttemptState.DONE), (4.5, AttemptState.DONE), (9.0, AttemptState.FAILED)):
        ended(book, claimed(book, "a", at=after(seconds * 10)), state, seconds)
    ended(book, claimed(book, "b"), AttemptState.FAILED)
    claimed(book, "c")
    assert attempts.last_seconds(book) == {"a": 4.5}


def test_last_states_are_those_of_finished_runs(book: Book) -> None:
    for number, state in enumerate((State.FAILED, State.DONE, State.RUNNING)):
        run = f"r{number}"
        runs.create_run(book, a_run(run, created=after(number)))
        runs.step_run(book, run, RunState.RUNNING, after(number))
        nodes = [a_node("n", state, run=run, since=after(number)), a_node(f"only{number}", State.SKIPPED, run=run)]
        nodes += [replace(a_node("n", State.FAILED, run=run, since=after(number)), item=0)]
        attempts.put_nodes(book, [replace(each, kind="task" if each.node == "n" else "sensor") for each in nodes])
        if state is not State.RUNNING:
            runs.step_run(book, run, RunState.DONE, after(number + 1))
    expected = {"n": State.DONE, "only0": State.SKIPPED, "only1": State.SKIPPED}
    assert attempts.last_states(book, ()) == expected
    assert attempts.last_states(book, {"task", "table"}) == {"n": State.DONE}
    assert attempts.last_states(book, ["view"]) == {}


def test_a_person_may_mark_what_did_not_go_well(where: tuple[str, str]) -> None:
    book = open_book(*where)  # without the guard: this is a step that nobody else may take
    attempts.put_nodes(book, [a_node(each.value, each) for each in State])
    marked = [each for each in State if attempts.mark(book, "r1", each.value, State.DONE, after(1))]
    assert marked == [State.FAILED, State.BLOCKED, State.SKIPPED, State.CANCELLED]
    assert {each.state for each in attempts.nodes(book, "r1") if each.node in marked} == {State.DONE}
    assert not attempts.mark(book, "r1", "nobody", State.FAILED, after(1))
    with pytest.raises(ValueError, match="waiting"):
        attempts.mark(book, "r1", "failed", State.WAITING, after(1))
    book.close()


def test_a_thousand_nodes_are_put_at_once(book: Book) -> None:
    records = [a_node(f"n{number}") for number in range(1000)]
    begun = time.perf_counter()
    assert attempts.put_nodes(book, records) == 1000
    assert time.perf_counter() - begun < 1
