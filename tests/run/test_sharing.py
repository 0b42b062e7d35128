"""Runs beside each other: pools, one attempt at a node at a time, laying down and taking up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sqlpipe import app
from sqlpipe.app.running import code_of, equipped, journal_of
from sqlpipe.domain.history import Event, NodeFinished, NodeWaiting
from sqlpipe.domain.journal import AttemptState, RunState
from sqlpipe.graph.select import Selection
from sqlpipe.run.clock import Clock
from sqlpipe.run.floor import Floor
from sqlpipe.run.walk import Errand
from sqlpipe.store import runs
from tests.run.carrier import carry_out, errand_of
from tests.run.plant import all_runs, eventually, is_running, journal, last_run, nodes, pids, task, text_of, tries
from tests.run.stopping import meanwhile
from tests.shop import Shop
from tests.workplace import running

# Notes the beginning and the end of each; both in one line, so that they are not torn apart.
NOTED = 'bash: |\n  echo "1 $(date +%s%N)" >> moments\n  sleep 0.25\n  echo "-1 $(date +%s%N)" >> moments\n'


def most_at_once(root: Path) -> int:
    steps = sorted(
        (int(at), int(step)) for step, at in (line.split() for line in text_of(root / "moments").splitlines())
    )
    level, most = 0, 0
    for _, step in steps:
        level += step
        most = max(most, level)
    assert level == 0
    return most


@contextmanager
def floor_of(shop: Shop, *selections: tuple[str, ...]) -> Iterator[tuple[Floor, list[Event]]]:
    """A floor with a run over each selection."""
    workspace, events = app.open_workspace(shop.root), list[Event]()
    with journal_of(workspace) as book, equipped(workspace, book, Clock()) as equipment:
        floor = Floor(equipment)
        for number, select in enumerate(selections):
            record = running(equipment, f"run{number}")
            code = code_of(workspace)
            floor.add(
                Errand(record=record, code=code, now=shop.now, selection=Selection(select), on_event=events.append)
            )
        yield floor, events
        floor.close()
        assert equipment.scribe.flush()


def walk_to_the_end(floor: Floor, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while floor.busy:
        assert time.monotonic() < until, "it does not come to an end"
        floor.step()


@pytest.mark.catalogue("Z13", "F3")
def test_a_pool_is_never_overfull_in_two_runs_of_one_process(shop: Shop) -> None:
    shop.write("sqlpipe.yml", "name: shop\npools: {api: 2}\n")
    for number in range(8):
        task(shop, f"t{number}", NOTED + "pool: api\n")
    with floor_of(
        shop, tuple(f"tasks.t{each}" for each in range(4)), tuple(f"tasks.t{each}" for each in range(4, 8))
    ) as (floor, _):
        walk_to_the_end(floor)
    assert most_at_once(shop.root) == 2
    assert {each.state for each in all_runs(shop)} == {RunState.DONE}
    with journal(shop) as book:
        assert book.query("select count(*) from attempt where state = 'running'") == [(0,)]


@pytest.mark.catalogue("Z13", "F3")
def test_a_pool_is_never_overfull_in_two_processes(shop: Shop) -> None:
    shop.write("sqlpipe.yml", "name: shop\npools: {api: 2}\n")
    for number in range(6):
        task(shop, f"t{number}", NOTED + "pool: api\n")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "sqlpipe", "run", "-C", str(shop.root), *(f"-stasks.t{each}" for each in part)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for part in (range(3), range(3, 6))
    ]  # fmt: skip
    for each in processes:
        _, said = each.communicate(timeout=60)
        assert each.returncode == 0, said
    assert most_at_once(shop.root) == 2
    assert len(text_of(shop.root / "moments").splitlines()) == 12


def test_a_node_may_take_more_than_one_slot(shop: Shop) -> None:
    shop.write("sqlpipe.yml", "name: shop\npools: {api: 3}\n")
    for number in range(3):
        task(shop, f"t{number}", NOTED + "pool: {name: api, slots: 2}\n")
    assert shop.run().end.well
    assert most_at_once(shop.root) == 1


@pytest.mark.catalogue("Z13")
def test_what_fails_gives_its_slot_back(shop: Shop) -> None:
    shop.write("sqlpipe.yml", "name: shop\npools: {api: 1}\n")
    task(shop, "bad", "bash: exit 1\npool: api\nretries: {transient: 1, delay: 0.01s}\n")
    task(shop, "slow", "bash: sleep 60\npool: api\ntimeout: 0.3s\n")
    task(shop, "good", "bash: touch good\npool: api\nafter: [{node: bad, soft: true}, {node: slow, soft: true}]\n")
    ran = shop.run()
    assert ran.states == {"tasks.bad": "failed", "tasks.slow": "failed", "tasks.good": "done"}


@pytest.mark.catalogue("D1", "D10")
def test_a_node_that_another_run_has_in_hand_waits_and_runs_then(shop: Shop) -> None:
    task(shop, "t", NOTED)
    with floor_of(shop, (), ()) as (floor, events):
        walk_to_the_end(floor)
    assert most_at_once(shop.root) == 1
    assert [each.state for each in tries(shop, "tasks.t")] == [AttemptState.DONE] * 2
    assert [each.detail for each in events if isinstance(each, NodeWaiting)] == ["it is being run"]


@pytest.mark.catalogue("D10")
def test_a_table_that_another_run_has_built_is_not_built_again(shop: Shop) -> None:
    shop.model("a.one", "kind: table", "select 1 as id")
    shop.model("b.below", "kind: table", "select id from a.one")
    with floor_of(shop, (), ()) as (floor, events):
        walk_to_the_end(floor)
    states = sorted((each.node, each.state) for each in events if isinstance(each, NodeFinished))
    assert states == [("a.one", "done"), ("a.one", "unchanged"), ("b.below", "done"), ("b.below", "unchanged")]
    assert shop.version("a.one") == 1


def test_what_is_laid_down_is_taken_up_and_costs_no_try(shop: Shop) -> None:
    task(shop, "done", "bash: echo x >> done\n")
    task(shop, "slow", "bash: |\n  echo $$ >> pids\n  test -e go || sleep 600\nafter: [done]\n")
    task(shop, "unsafe", "bash: |\n  echo $$ >> pids\n  test -e go || sleep 600\neffects: unsafe\n")
    task(shop, "sensor", "sensor: {file: go}\ninterval: 0.1s\n")
    task(shop, "last", "bash: touch last\nafter: [slow, sensor]\n")
    workspace, events = app.open_workspace(shop.root), list[Event]()
    with journal_of(workspace) as book, equipped(workspace, book, Clock()) as equipment:
        floor = Floor(equipment)
        floor.add(errand_of(workspace, equipment, events))
        until = time.monotonic() + 10
        while len(pids(shop.root / "pids")) < 2:
            assert time.monotonic() < until
            floor.step()
        floor.drain()
        floor.step()
        floor.lay_down()
        walk_to_the_end(floor)
        floor.close()
        assert equipment.scribe.flush()
    assert not any(map(is_running, pids(shop.root / "pids")))
    run = last_run(shop)
    assert (run.state, run.owner) == (RunState.QUEUED, "")
    assert [each.state for each in tries(shop, "tasks.slow")] == [AttemptState.CANCELLED]
    held = nodes(shop, run.id)
    assert (held["tasks.slow", -1].state, held["tasks.slow", -1].tries) == ("waiting", {})
    (shop.root / "go").touch()
    events.clear()
    carry_out(shop.root, events)
    assert {each.node: each.state.value for each in events if isinstance(each, NodeFinished)} == {
        "tasks.slow": "done", "tasks.sensor": "done", "tasks.last": "done", "tasks.unsafe": "failed",
    }  # fmt: skip
    assert text_of(shop.root / "done") == "x\n"
    assert last_run(shop).id == run.id


def test_what_is_drained_begins_nothing_more_and_lets_end_what_runs(shop: Shop) -> None:
    task(shop, "slow", "bash: |\n  touch slow\n  sleep 0.4\n")
    task(shop, "after", "bash: touch after\nafter: [slow]\n")
    with floor_of(shop, ()) as (floor, events):
        until = time.monotonic() + 10
        while not (shop.root / "slow").exists():
            assert time.monotonic() < until
            floor.step()
        floor.drain()
        while floor.board.live:
            assert time.monotonic() < until
            floor.step()
        floor.lay_down()
        walk_to_the_end(floor)
    assert [(each.node, each.state) for each in events if isinstance(each, NodeFinished)] == [("tasks.slow", "done")]
    assert last_run(shop).state is RunState.QUEUED
    assert not (shop.root / "after").exists()


def test_a_run_that_has_not_begun_is_laid_down_as_well(shop: Shop) -> None:
    shop.write("sqlpipe.yml", "name: shop\npipelines: {inner: {select: tasks.t}}\n")
    task(shop, "t", "bash: sleep 600\n")
    task(shop, "go", "run: inner\n")
    with floor_of(shop, ("tasks.go",), ("tasks.t",)) as (floor, _):
        until = time.monotonic() + 10
        while not floor.board.arrivals:
            assert time.monotonic() < until
            floor.step()
        floor.lay_down()
        walk_to_the_end(floor)
    assert {each.state for each in all_runs(shop)} == {RunState.QUEUED}


# Takes the database as soon as nobody here has it any more.
HOLDER = """
import duckdb, sys, time
while True:
    try:
        held = duckdb.connect(sys.argv[1])
        break
    except duckdb.Error:
        time.sleep(0.05)
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def duckdb_elsewhere(shop: Shop) -> Iterator[None]:
    """Another program has the database open."""
    words = [sys.executable, "-c", HOLDER, str(shop.root / shop.database)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            yield
        finally:
            other.kill()


def test_a_database_that_another_program_has_holds_up_only_those_who_need_it(shop: Shop) -> None:
    shop.model("a.one", "kind: table", "select 1 as id")
    task(shop, "wait", "bash: |\n  touch waiting\n  until test -e go; do sleep 0.05; done\nbefore: [a.one, asks]\n")
    task(shop, "asks", "bash: touch asked\nif: {sql: select true}\n")
    task(shop, "looks", "sensor: {sql: select true}\nafter: [wait]\n")
    task(shop, "quick", "bash: echo x >> quick\nafter: [{node: wait, soft: true}]\nfor_each: [1, 2, 3]\n")
    with meanwhile(shop) as told:
        eventually((shop.root / "waiting").exists)
        with duckdb_elsewhere(shop):
            (shop.root / "go").touch()
            eventually(lambda: text_of(shop.root / "quick") == "x\n" * 3)
            time.sleep(0.5)
            assert not (shop.root / "asked").exists()
    assert told[0].end.well, told[0].states
    assert (shop.root / "asked").exists()


def test_runs_of_the_journal_are_cancelled_by_the_same_connection_too(shop: Shop) -> None:
    """As the scheduler does when a pipeline's next run cancels the one before."""
    task(shop, "slow", "bash: sleep 600\n")
    with floor_of(shop, ()) as (floor, _):
        for _ in range(5):
            floor.step()
        book = floor.board.shop.scribe.book
        assert runs.step_run(book, "run0", RunState.CANCELLING, floor.board.shop.clock.now())
        walk_to_the_end(floor, 4)
    assert last_run(shop).state is RunState.CANCELLED
