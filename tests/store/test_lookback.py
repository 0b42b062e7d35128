"""How nodes ended, asked for many runs and nodes at once."""

from __future__ import annotations

from itertools import product

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptState, NodeRecord
from sqlpipe.store import attempts, lookback
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from tests.store.journal import NOON, after, claimed

ODD = 'marts.it\'s 100% "odd", a_b:c'


def put(book: Book, run: str, node: str, state: State, seconds: float = 0, *, item: int = -1) -> NodeRecord:
    record = NodeRecord(run=run, node=node, state=state, since=after(seconds), item=item, kind="table", detail="said")
    attempts.put_nodes(book, [record])
    return record


def test_cells_are_those_of_the_runs_and_nodes_asked_for(book: Book) -> None:
    for run in ("r1", "r2"):
        for node in ("a.x", ODD):
            put(book, run, node, State.DONE)
    put(book, "r3", "a.x", State.DONE)
    put(book, "r1", "a.y", State.DONE)
    put(book, "r1", "a.x", State.FAILED, item=0)
    found = lookback.cells(book, ["r1", "r2"], ["a.x", ODD])
    assert found == dict.fromkeys(product(("r1", "r2"), ("a.x", ODD)), lookback.Cell("done", None, 0.0, "said"))
    assert lookback.cells(book, [], ["a.x"]) == {}
    assert lookback.cells(book, ["r1"], []) == {}


def test_many_nodes_are_asked_for_in_one_query(book: Book) -> None:
    names = [f"marts.m{number}" for number in range(800)]
    attempts.put_nodes(book, [NodeRecord(run="r", node=each, state=State.DONE, since=NOON) for each in names])
    assert {node for _, node in lookback.cells(book, ["r"], names)} == set(names)


def test_the_latest_is_that_of_the_run_in_which_a_node_was_seen_last(book: Book) -> None:
    put(book, "r1", "a.x", State.FAILED, 1)
    last = put(book, "r2", "a.x", State.DONE, 2)
    put(book, "r3", "a.x", State.FAILED, 3, item=4)
    other = put(book, "r1", ODD, State.BLOCKED, 1)
    assert sorted(lookback.latest(book, ["a.x", ODD, "a.gone"]), key=str) == sorted([last, other], key=str)
    assert lookback.latest(book, []) == []


def test_nodes_that_failed_in_runs(book: Book) -> None:
    put(book, "r1", "a.x", State.FAILED)
    put(book, "r2", "a.y", State.FAILED)
    put(book, "r2", "a.z", State.DONE)
    put(book, "r2", "a.item", State.FAILED, item=0)
    assert lookback.failed_in(book, ["r1", "r2"]) == {"a.x", "a.y"}
    assert lookback.failed_in(book, ["r2"]) == {"a.y"}
    assert lookback.failed_in(book, []) == frozenset()


def test_the_past_of_a_node_begins_with_the_latest(book: Book) -> None:
    past = [put(book, f"r{number}", "a.x", State.DONE, number) for number in range(5)]
    assert lookback.past_of(book, "a.x", 3) == past[:1:-1]
    assert lookback.past_of(book, "a.y", 3) == []


def test_the_message_is_that_of_the_last_attempt_that_left_one(book: Book) -> None:
    for seconds, message in ((1, "first"), (2, "second\nline"), (3, "")):
        begun = claimed(book, "a.x", at=after(seconds))
        ending = Ending(state=AttemptState.FAILED, at=after(seconds + 0.5), message=message)
        assert attempts.finish(book, begun.id, ending)
    assert lookback.messages(book, ["r1"], ["a.x", "a.y"]) == {("r1", "a.x"): "second\nline"}
    assert lookback.messages(book, ["r2"], ["a.x"]) == {}
    assert lookback.messages(book, ["r1"], []) == {}
