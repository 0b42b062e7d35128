"""A process is killed in the midst of a run, and the next one takes up what it has left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlpipe.domain.history import Event, NodeFinished, NodeStarted, State
from sqlpipe.domain.journal import AttemptRecord, AttemptState, Claim, Owner, RunState
from sqlpipe.domain.task import Mishap
from sqlpipe.run.owner import born
from sqlpipe.run.recover import GONE, recover
from sqlpipe.store import attempts, owners
from tests.run.carrier import carry_out
from tests.run.plant import all_runs, eventually, is_running, journal, last_run, nodes, pids, task, text_of, tries
from tests.run.test_stopping import ENDLESS
from tests.shop import Shop

ROOT = Path(__file__).parents[2]
KILLED = -9


def start(shop: Shop, *, kill_at: str = "", resumable: bool = True) -> subprocess.Popen[bytes]:
    """Carry out a run in a process of its own."""
    words = ["-m", "tests.run.carrier", str(shop.root)] if resumable else ["-m", "sqlpipe", "run", "-C", str(shop.root)]
    environment = {**os.environ, "SQLPIPE_KILL_AT": kill_at, "PYTHONPATH": str(ROOT)}
    output = (shop.root / "output.txt").open("ab")
    with output:
        return subprocess.Popen([sys.executable, *words], cwd=shop.root, env=environment, stdout=output, stderr=output)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    assert process.wait(10) == KILLED


def resume(shop: Shop) -> dict[str, NodeFinished]:
    """Recover and carry on in this process; what ended now."""
    events: list[Event] = []
    carry_out(shop.root, events)
    return {each.node: each for each in events if isinstance(each, NodeFinished)}


@pytest.mark.catalogue("D12", "Z9")
def test_a_run_of_the_command_line_ends_as_failed_and_its_processes_are_ended(shop: Shop) -> None:
    task(shop, "first", "bash: 'true'\nbefore: [slow]\n")
    task(shop, "slow", "bash: |\n  echo $$ >> pids\n  sleep 600 & echo $! >> pids\n  wait\n")
    task(shop, "after", "bash: touch after\nafter: [slow]\n")
    process = start(shop, resumable=False)
    eventually(lambda: len(pids(shop.root / "pids")) == 2)
    eventually(lambda: tries(shop, "tasks.slow")[0].process)
    kill(process)
    assert all(map(is_running, pids(shop.root / "pids")))
    with journal(shop) as book:
        recovered = recover(book, datetime.now(UTC))
        assert (recovered.lost, recovered.queued, len(recovered.ended)) == (1, (), 1)
        again = recover(book, datetime.now(UTC))
        assert (again.lost, again.queued, again.ended) == (0, (), ())
    eventually(lambda: not any(map(is_running, pids(shop.root / "pids"))))
    run = last_run(shop)
    assert (run.state, run.reason) == (RunState.FAILED, GONE)
    assert [(each.state, each.mishap) for each in tries(shop, "tasks.slow")] == [(AttemptState.LOST, Mishap.LOST)]
    states = {key: each.state for (key, _), each in nodes(shop, run.id).items()}
    assert states == {"tasks.first": State.DONE, "tasks.slow": State.CANCELLED}
    task(shop, "slow", "bash: 'true'\n")
    assert shop.run().end.well


@pytest.mark.catalogue("Z2")
def test_a_run_goes_on_where_it_was_and_repeats_nothing_that_was_done(shop: Shop) -> None:
    shop.model("a.one", "kind: table", "select 1 as id")
    task(shop, "first", "bash: echo x >> first; echo n=7 >> $SQLPIPE_FACTS\n")
    task(
        shop,
        "slow",
        "bash: |\n  echo x >> slow\n  test -e go || sleep 600\n  echo {{ facts.first.n }} > told\n",
    )
    task(
        shop,
        "each",
        "bash: |\n  echo {{ item }} >> items\n  test {{ item }} = a -o -e go || sleep 600\n"
        "for_each: [a, b, c]\nparallel: 1\n",
    )
    task(shop, "last", "bash: touch last\nafter: [slow, each, a.one]\n")
    process = start(shop)
    eventually(lambda: text_of(shop.root / "items") == "a\nb\n" and text_of(shop.root / "slow"))
    eventually(lambda: tries(shop, "a.one")[0].state is AttemptState.DONE)
    eventually(lambda: all(each.process for each in tries(shop, "tasks.slow")))
    kill(process)
    (shop.root / "go").touch()
    ended = resume(shop)
    assert {name: each.state for name, each in ended.items()} == dict.fromkeys(
        ("tasks.slow", "tasks.each", "tasks.last"), State.DONE
    )
    assert text_of(shop.root / "first") == "x\n"
    assert text_of(shop.root / "slow") == "x\nx\n"
    assert text_of(shop.root / "told") == "7\n"
    assert text_of(shop.root / "items").split() == ["a", "b", "b", "c"]
    (run,) = all_runs(shop)
    assert run.state is RunState.DONE
    assert [(each.number, each.state) for each in tries(shop, "tasks.slow")] == [(1, "lost"), (2, "done")]
    # The loss took nothing from the budget for errors, of which there was none to take.
    assert nodes(shop, run.id)["tasks.slow", -1].tries == {"lost": 1}
    assert len(tries(shop, "a.one")) == 1


def test_effects_decide_what_is_done_once_more_after_a_crash(shop: Shop) -> None:
    for effects in ("none", "idempotent", "unsafe"):
        task(shop, effects, f"bash: |\n  echo x >> {effects}\n  test -e go || sleep 600\neffects: {effects}\n")
        task(shop, f"after_{effects}", f"bash: 'true'\nafter: [{effects}]\n")
    process = start(shop)
    eventually(lambda: all(text_of(shop.root / each) for each in ("none", "idempotent", "unsafe")))
    kill(process)
    (shop.root / "go").touch()
    ended = resume(shop)
    assert {name.partition(".")[2]: each.state for name, each in ended.items()} == {
        "none": "done", "idempotent": "done", "unsafe": "failed",
        "after_none": "done", "after_idempotent": "done", "after_unsafe": "blocked",
    }  # fmt: skip
    assert [text_of(shop.root / each) for each in ("none", "idempotent", "unsafe")] == ["x\nx\n", "x\nx\n", "x\n"]
    (problem,) = ended["tasks.unsafe"].diagnostics
    assert problem.code == "SP635"
    assert "may have happened or not" in problem.message
    assert [each.state for each in tries(shop, "tasks.unsafe")] == [AttemptState.LOST]
    run = last_run(shop)
    assert run.state is RunState.FAILED
    record = nodes(shop, run.id)["tasks.unsafe", -1]
    assert (record.state, record.tries) == (State.FAILED, {"lost": 1})


def test_a_node_that_is_lost_too_often_is_given_up(shop: Shop) -> None:
    task(shop, "deadly", "bash: |\n  echo x >> n\n  kill -9 $PPID\n  sleep 600\nretries: {lost: 1, transient: 5}\n")
    for _ in range(2):
        assert start(shop).wait(20) == KILLED
    ended = resume(shop)
    assert [each.code for each in ended["tasks.deadly"].diagnostics] == ["SP636"]
    assert text_of(shop.root / "n") == "x\nx\n"
    assert [(each.number, each.mishap) for each in tries(shop, "tasks.deadly")] == [(1, Mishap.LOST), (2, Mishap.LOST)]


@pytest.mark.catalogue("Z4", "Z10")
def test_what_was_committed_before_the_crash_is_adopted(shop: Shop) -> None:
    shop.model("a.one", "kind: table", "select 1 as id, random() as r")
    shop.model("b.below", "kind: table", "select id from a.one")
    assert start(shop, kill_at="published").wait(20) == KILLED
    assert [each.state for each in tries(shop, "a.one")] == [AttemptState.RUNNING]
    rows = shop.rows("a.one")
    ended = resume(shop)
    assert {name: each.state for name, each in ended.items()} == {"b.below": State.DONE}
    assert [(each.state, each.rows) for each in tries(shop, "a.one")] == [(AttemptState.DONE, 1)]
    assert shop.rows("a.one") == rows
    (run,) = all_runs(shop)
    assert run.state is RunState.DONE
    assert nodes(shop, run.id)["a.one", -1].detail == "committed before the crash"
    with journal(shop) as book:
        moved = book.query("select count(*) from happening where subject = 'a.one'")
    assert moved == [(1,)]


@pytest.mark.parametrize("point", ["written", "recorded"])
def test_what_was_not_committed_is_done_once_more(shop: Shop, point: str) -> None:
    shop.model("a.one", "kind: table", "select 1 as id")
    shop.model("b.below", "kind: table", "select id from a.one")
    assert start(shop, kill_at=point).wait(20) == KILLED
    ended = resume(shop)
    assert {name: each.state for name, each in ended.items()} == {"a.one": State.DONE, "b.below": State.DONE}
    assert [(each.number, each.state) for each in tries(shop, "a.one")] == [(1, "lost"), (2, "done")]
    assert shop.version("a.one") == 1


def test_a_query_in_the_midst_of_a_crash_leaves_the_table_as_it_was(shop: Shop) -> None:
    shop.model("a.slow", "kind: table", "select 1 as id")
    shop.well()
    before = shop.picture("a.slow")
    shop.model("a.slow", "kind: table", ENDLESS)
    process = start(shop)
    eventually(lambda: [each for each in tries(shop, "a.slow") if each.state is AttemptState.RUNNING])
    time.sleep(0.2)
    kill(process)
    assert shop.picture("a.slow") == before
    shop.model("a.slow", "kind: table", "select 2 as id")
    assert {name: each.state for name, each in resume(shop).items()} == {"a.slow": State.DONE}
    assert shop.rows("a.slow") == [(2,)]


@pytest.mark.catalogue("E10")
def test_how_long_a_sensor_waits_is_counted_on_after_a_crash(shop: Shop) -> None:
    task(shop, "s", "sensor: {file: x.csv}\ninterval: 0.1s\nbackoff: 1\ntimeout: 2.5s\non_timeout: skip\n")
    process = start(shop)
    eventually(lambda: ("tasks.s", -1) in nodes(shop, last_run(shop).id))
    time.sleep(1)
    kill(process)
    first = nodes(shop, last_run(shop).id)["tasks.s", -1].waited["first"]
    ended = resume(shop)
    assert ended["tasks.s"].state is State.SKIPPED
    record = nodes(shop, last_run(shop).id)["tasks.s", -1]
    assert record.waited["first"] == first
    assert (record.since - datetime.fromisoformat(str(first))).total_seconds() < 3.5


def test_a_crash_just_before_the_end_is_no_reason_to_do_anything_again(shop: Shop) -> None:
    task(shop, "each", "bash: echo {{ item }} >> items\nfor_each: [a, b]\n")
    task(shop, "bad", "bash: 'false'\n")
    task(shop, "below", "bash: 'true'\nafter: [bad]\n")
    assert start(shop, kill_at="walked").wait(20) == KILLED
    ended = resume(shop)
    # What was not yet written down is told once more, and not done.
    assert set(ended) <= {"tasks.each", "tasks.below"}
    assert len(text_of(shop.root / "items").split()) == 2
    (run,) = all_runs(shop)
    assert run.state is RunState.FAILED
    assert run.counts == {"done": 1, "failed": 1, "blocked": 1}


def test_items_that_were_all_done_before_the_crash_end_their_task(shop: Shop) -> None:
    task(shop, "each", "bash: echo {{ item }} >> items\nfor_each: [a, b]\n")
    task(shop, "after", "bash: 'true'\nafter: [each]\n")
    process = start(shop, kill_at="walked")
    assert process.wait(20) == KILLED
    with journal(shop) as book, book.writing() as pen:
        # As if it had died a moment earlier, between the last item and the end of the task.
        pen.execute("update node set state = 'running' where node = 'tasks.each' and item = -1")
        pen.execute("delete from node where node = 'tasks.after'")
    ended = resume(shop)
    assert {name: each.state for name, each in ended.items()} == {"tasks.each": "done", "tasks.after": "done"}
    assert len(text_of(shop.root / "items").split()) == 2


def test_the_attempt_of_a_process_on_another_machine_is_given_up_and_nothing_here_killed(shop: Shop) -> None:
    task(shop, "t", "bash: 'true'\n")
    shop.run()
    bystander = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        with journal(shop) as book:
            long_ago = datetime(2020, 1, 1, tzinfo=UTC)
            owners.register(book, Owner("other", "elsewhere", 1, 1, long_ago))
            claimed = attempts.claim(book, Claim("r", "tasks.t"), "other", long_ago)
            assert isinstance(claimed, AttemptRecord)
            attempts.note_process(book, claimed.id, f"{bystander.pid}:{born(bystander.pid)}")
            assert recover(book, datetime.now(UTC)).lost == 1
        time.sleep(0.1)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_started_is_told_again_only_of_what_is_done_again(shop: Shop) -> None:
    task(shop, "first", "bash: 'true'\n")
    task(shop, "slow", "bash: |\n  touch slow\n  test -e go || sleep 600\nafter: [first]\n")
    process = start(shop)
    eventually((shop.root / "slow").exists)
    kill(process)
    (shop.root / "go").touch()
    events: list[Event] = []
    carry_out(shop.root, events)
    assert [each.node for each in events if isinstance(each, NodeStarted)] == ["tasks.slow"]
