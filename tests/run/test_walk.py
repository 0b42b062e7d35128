"""The bookkeeping of one run: what is ready, what waits, what is at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import NodeRecord, RunRecord, RunState
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Embedded, Node, Project
from sqlpipe.domain.task import Bash, Rule, Running, Task
from sqlpipe.graph import dag
from sqlpipe.plan.decide import Standing
from sqlpipe.run.queue import Queue
from sqlpipe.run.walk import FINAL, Code, Errand, Lane, Walk
from tests.hand import node

NOW = datetime(2024, 3, 10, 12, tzinfo=UTC)


def chore(name: str, *after: str, rule: Rule = Rule.ALL_OK, for_each: str = "") -> Node:
    return Node(
        TableName.parse(name),
        f"tasks/{name}.yml",
        Task(Bash("true"), for_each=for_each),
        digest=name,
        parents=tuple(map(TableName.parse, after)),
        running=Running(rule=rule),
    )


def walk_over(
    *nodes: Node,
    seconds: Mapping[str, float] | None = None,
    resumed: Iterable[NodeRecord] = (),
) -> Walk:
    project = Project("shop", "/shop", {each.key: each for each in nodes})
    graph = dag.build(project)
    record = RunRecord(id="r", state=RunState.RUNNING, created=NOW)
    errand = Errand(record=record, code=Code(Path("/shop"), project, graph, {}), now=NOW, resumed=tuple(resumed))
    walk = Walk(errand)
    standing = Standing({}, {}, lambda _node, _since: [], {}, NOW)
    walk.begin(list(graph.nodes), standing, seconds or {}, NOW)
    return walk


def ready(walk: Walk, lane: str = Lane.TASK) -> list[str]:
    """What can be taken up, in its order; it is taken."""
    found = []
    while walk.queue.head(lane) is not None:
        found.append(walk.queue.take(lane)[0])
    return found


def record(name: str, state: State, item: int = -1, **more: object) -> NodeRecord:
    return NodeRecord(run="r", node=name, state=state, since=NOW, item=item, **more)  # type: ignore[arg-type]


def states(walk: Walk) -> dict[str, str]:
    return {key: going.state.value if going.state else "" for (key, item), going in walk.going.items() if item < 0}


def test_what_comes_after_is_ready_once_all_before_it_are_done() -> None:
    walk = walk_over(chore("m.a"), chore("m.b"), chore("m.c", "m.a", "m.b"))
    assert ready(walk) == ["m.a", "m.b"]
    walk.settle("m.a", State.DONE, NOW)
    assert ready(walk) == []
    walk.settle("m.b", State.UNCHANGED, NOW)
    assert ready(walk) == ["m.c"]
    walk.settle("m.c", State.DONE, NOW)
    assert walk.ended
    assert walk.counts == {"done": 2, "unchanged": 1}


def test_those_with_the_longest_way_to_go_come_first() -> None:
    nodes = [chore("m.a"), chore("m.b"), chore("m.c", "m.b"), chore("m.d")]
    assert ready(walk_over(*nodes)) == ["m.b", "m.a", "m.d"]
    assert ready(walk_over(*nodes, seconds={"m.d": 9.0, "m.a": 4.0})) == ["m.d", "m.a", "m.b"]


def test_a_failure_blocks_all_that_is_below_and_is_told_once() -> None:
    walk = walk_over(
        chore("m.a"), chore("m.b", "m.a"), chore("m.c", "m.b"), chore("m.d", "m.a", "m.c", rule=Rule.ALL_DONE)
    )
    ready(walk)
    walk.settle("m.a", State.FAILED, NOW)
    assert walk.dropped == ["m.b", "m.c"]
    assert [walk.going[key, -1].detail for key in walk.dropped] == ["waits for m.a", "waits for m.b"]
    assert ready(walk) == ["m.d"]
    walk.settle("m.d", State.DONE, NOW)
    assert walk.ended
    assert walk.counts == {"failed": 1, "blocked": 2, "done": 1}


def test_what_is_only_looked_through_is_passed_and_what_is_below_is_ready_once() -> None:
    inlined = node("m.b", "select 1 as id", Embedded())
    walk = walk_over(inlined, chore("m.c", "m.b"))
    assert ready(walk) == ["m.c"]
    walk.settle("m.c", State.DONE, NOW)
    assert walk.ended
    assert walk.counts == {"done": 1}


def test_an_end_is_final() -> None:
    walk = walk_over(chore("m.a"), chore("m.b", "m.a"), chore("m.c", "m.a", "m.b"))
    ready(walk)
    for state in (State.DONE, State.FAILED):
        walk.settle("m.a", state, NOW)
    assert states(walk) == {"m.a": "done", "m.b": "", "m.c": ""}
    assert ready(walk) == ["m.b"]
    assert not walk.ended


def test_what_is_put_aside_is_ready_at_its_moment_and_not_before() -> None:
    walk = walk_over(chore("m.a"))
    ready(walk)
    walk.park(("m.a", -1), NOW + timedelta(seconds=5), "later")
    assert walk.queue.next_due() == NOW + timedelta(seconds=5)
    walk.wake(NOW + timedelta(seconds=4.9))
    assert ready(walk) == []
    walk.wake(NOW + timedelta(seconds=5))
    walk.wake(NOW + timedelta(seconds=6))
    assert ready(walk) == ["m.a"]
    assert walk.queue.next_due() is None


def test_what_was_put_aside_twice_wakes_at_the_later_moment() -> None:
    walk = walk_over(chore("m.a"))
    ready(walk)
    for seconds in (5, 9):
        walk.park(("m.a", -1), NOW + timedelta(seconds=seconds), "later")
    walk.wake(NOW + timedelta(seconds=6))
    assert ready(walk) == []
    walk.wake(NOW + timedelta(seconds=9))
    assert ready(walk) == ["m.a"]


def test_items_come_one_after_the_other_as_far_as_they_may_run_at_once() -> None:
    walk = walk_over(chore("m.a", for_each="x"))
    ready(walk)
    walk.fan_out("m.a", "abcd", 2, NOW)
    assert [walk.queue.take(Lane.TASK) for _ in range(2)] == [("m.a", 0), ("m.a", 1)]
    assert walk.queue.head(Lane.TASK) is None
    walk.going["m.a", 1].state = State.FAILED
    walk.next_item("m.a", NOW)
    assert walk.queue.take(Lane.TASK) == ("m.a", 2)
    # One that waits to be tried again keeps its place.
    walk.park(("m.a", 0), NOW + timedelta(seconds=1), "")
    assert walk.queue.head(Lane.TASK) is None
    walk.wake(NOW + timedelta(seconds=1))
    assert walk.queue.take(Lane.TASK) == ("m.a", 0)


def test_a_resumed_run_goes_on_where_it_was() -> None:
    before = [
        record("m.a", State.DONE, facts={"n": 1}),
        record("m.b", State.FAILED),
        record("m.d", State.WAITING, tries={"transient": 2, "lost": 1}, waited={"first": "x"}),
        record("gone.away", State.DONE),
    ]
    walk = walk_over(
        chore("m.a"), chore("m.b"), chore("m.c", "m.b"), chore("m.d", "m.a"), chore("m.e", "m.d"), resumed=before
    )
    assert states(walk) == {"m.a": "done", "m.b": "failed", "m.c": "blocked", "m.d": "", "m.e": ""}
    assert walk.dropped == ["m.c"]
    assert ready(walk) == ["m.d"]
    going = walk.going["m.d", -1]
    assert (going.tries, going.attempts, going.waited) == ({"transient": 2, "lost": 1}, 3, {"first": "x"})
    assert walk.going["m.a", -1].facts == {"n": 1}


def test_a_resumed_run_in_which_all_had_ended_is_at_its_end() -> None:
    walk = walk_over(
        chore("m.a"), chore("m.b", "m.a"), resumed=[record("m.a", State.FAILED), record("m.b", State.BLOCKED)]
    )
    assert walk.ended
    assert walk.dropped == []
    assert walk.counts == {"failed": 1, "blocked": 1}


def test_items_that_were_done_before_are_not_done_again() -> None:
    before = [
        record("m.a", State.RUNNING),
        record("m.a", State.DONE, 0),
        record("m.a", State.WAITING, 1, tries={"lost": 1}),
        record("m.a", State.FAILED, 2),
    ]
    walk = walk_over(chore("m.a", for_each="x"), resumed=before)
    assert ready(walk) == ["m.a"]
    walk.fan_out("m.a", "abcd", 8, NOW)
    assert [walk.queue.take(Lane.TASK) for _ in range(2)] == [("m.a", 1), ("m.a", 3)]
    assert walk.queue.head(Lane.TASK) is None


def test_all_that_has_not_begun_can_be_cleared_away() -> None:
    walk = walk_over(
        chore("m.a"), chore("m.b"), chore("m.c", "m.a"), chore("m.d", "m.c", rule=Rule.ALL_DONE), chore("m.e")
    )
    assert walk.queue.take(Lane.TASK) == ("m.a", -1)
    walk.going["m.a", -1].state = State.RUNNING
    walk.park(("m.b", -1), NOW + timedelta(hours=1), "later")
    walk.cancelled = True
    assert {key for key, _ in walk.clear()} == {"m.b", "m.c", "m.d", "m.e"}
    for key in ("m.b", "m.e", "m.c"):
        walk.settle(key, State.CANCELLED, NOW)
    assert walk.dropped == ["m.d"]
    walk.settle("m.a", State.CANCELLED, NOW)
    assert walk.ended
    assert set(states(walk).values()) == {"cancelled"}
    assert ready(walk) == []


graphs = st.lists(
    st.tuples(st.lists(st.integers(0, 30), max_size=3), st.sampled_from(list(Rule)), st.sampled_from("DFUSX")),
    min_size=1,
    max_size=14,
)
ENDS = {"D": State.DONE, "F": State.FAILED, "U": State.UNCHANGED, "S": State.SKIPPED}


@given(graphs, st.data())
def test_every_node_comes_to_one_end_whatever_becomes_of_the_others(
    drawn: list[tuple[list[int], Rule, str]], data: st.DataObject
) -> None:
    """Also when the run is interrupted anywhere and taken up again."""
    nodes = []
    for number, (parents, rule, end) in enumerate(drawn):
        after = sorted({f"m.n{each % number}" for each in parents}) if number else []
        made = chore(f"m.n{number}", *after, rule=rule)
        nodes.append(replace(made, kind=Embedded()) if end == "X" else made)
    ends = {f"m.n{number}": ENDS.get(end, State.DONE) for number, (_, _, end) in enumerate(drawn)}
    taken: list[str] = []

    def go_on(walk: Walk, most: int) -> None:
        waiting: list[str] = []
        for _ in range(most):
            fresh = ready(walk)
            taken.extend(fresh)
            waiting += fresh
            if not waiting:
                break
            key = waiting.pop(data.draw(st.integers(0, len(waiting) - 1)))
            walk.settle(key, ends[key], NOW)
        for key in waiting:
            taken.remove(key)  # it had begun, and begins anew

    first = walk_over(*nodes)
    go_on(first, data.draw(st.integers(0, len(nodes))))
    held = [record(key, going.state) for (key, _), going in first.going.items() if going.state in FINAL and going.state]
    kept = [each for each in held if each.node in taken or data.draw(st.booleans())]
    second = walk_over(*nodes, resumed=kept)
    go_on(second, len(nodes) + 1)
    assert second.ended
    assert len(taken) == len(set(taken)), "something ran twice"
    whole = walk_over(*nodes)
    taken.clear()
    go_on(whole, len(nodes) + 1)
    assert states(second) == states(whole)


def test_the_queue_keeps_its_lanes_apart_and_its_order() -> None:
    queue = Queue()
    for lane, rank, name in (("a", 2.0, "late"), ("a", 1.0, "early"), ("b", 0.0, "other")):
        queue.push(lane, (rank, 0), (name, -1))
    assert (queue.head("a"), queue.head("b"), queue.head("c")) == (("early", -1), ("other", -1), None)
    assert queue.take("a") == ("early", -1)
    assert queue.take("a") == ("late", -1)
    queue.clear()
    assert queue.head("b") is None


@pytest.mark.parametrize("seconds", [0, 1, 2])
def test_the_queue_gives_back_what_is_due(seconds: int) -> None:
    queue = Queue()
    for number in (2, 0, 1):
        queue.park(NOW + timedelta(seconds=number), (f"m.n{number}", -1))
    assert [unit[0] for _, unit in queue.due(NOW + timedelta(seconds=seconds))] == [
        f"m.n{n}" for n in range(seconds + 1)
    ]
    assert queue.due(NOW + timedelta(seconds=seconds)) == []
