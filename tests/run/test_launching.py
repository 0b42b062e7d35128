"""Tasks that start a pipeline of their own project."""

from __future__ import annotations

import time

import pytest

from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RunState
from tests.run.plant import all_runs, eventually, is_running, journal, last_run, nodes, pids, task, text_of
from tests.run.stopping import cancel, meanwhile
from tests.shop import Shop


@pytest.fixture
def nightly(shop: Shop) -> Shop:
    shop.write(
        "sqlpipe.yml",
        "name: shop\npipelines:\n  nightly: {select: [a.one, tasks.inner]}\n  outer: {select: tasks.go}\n",
    )
    shop.model("a.one", "kind: table", "select 1 as id")
    task(shop, "inner", "bash: echo $$ >> pids; echo x >> inner\n")
    task(shop, "go", "run: nightly\n")
    task(shop, "after", "bash: echo {{ facts.go.run }} {{ facts.go.state }} > after\nafter: [go]\n")
    return shop


def test_a_pipeline_becomes_a_run_of_its_own(nightly: Shop) -> None:
    ran = nightly.run("tasks.go", "tasks.after")
    assert ran.end.well
    outer, inner = all_runs(nightly)
    assert (inner.parent, inner.pipeline, inner.cause) == (outer.id, "nightly", "task tasks.go")
    assert (outer.state, inner.state) == (RunState.DONE, RunState.DONE)
    assert {key for key, _ in nodes(nightly, inner.id)} == {"a.one", "tasks.inner"}
    assert text_of(nightly.root / "after") == f"{inner.id} done\n"


def test_what_fails_there_fails_the_task(nightly: Shop) -> None:
    task(nightly, "inner", "bash: 'false'\n")
    ran = nightly.run("tasks.go", "tasks.after")
    assert ran.states["tasks.go"] == "failed"
    assert [each.code for each in ran.problems("tasks.go")] == ["SP617"]
    assert [each.state for each in all_runs(nightly)] == [RunState.FAILED, RunState.FAILED]


def test_a_condition_is_asked_first(nightly: Shop) -> None:
    task(nightly, "go", "run: nightly\nif: {sql: select false}\n")
    ran = nightly.run("tasks.go", "tasks.after")
    assert ran.states["tasks.go"] == "unchanged"
    assert len(all_runs(nightly)) == 1


def test_each_item_has_a_run(nightly: Shop) -> None:
    task(nightly, "go", "run: {select: [tasks.inner]}\nfor_each: [1, 2, 3]\nparallel: 2\n")
    task(nightly, "after", "bash: 'true'\nafter: [go]\n")
    ran = nightly.run("tasks.go", "tasks.after")
    assert ran.states["tasks.go"] == "done"
    assert text_of(nightly.root / "inner") == "x\n" * 3
    assert [each.state for each in all_runs(nightly)] == [RunState.DONE] * 4
    assert nodes(nightly, ran.end.run)["tasks.go", 2].state is State.DONE


def test_cancelling_a_run_cancels_those_that_it_has_started(nightly: Shop) -> None:
    task(nightly, "inner", "bash: echo $$ >> pids; sleep 600\n")
    with meanwhile(nightly, select=("tasks.go", "tasks.after")) as told:
        (pid,) = eventually(lambda: pids(nightly.root / "pids"))
        outer = all_runs(nightly)[0]
        asked = cancel(nightly, outer.id)
    assert time.monotonic() - asked < 2.5
    assert not is_running(pid)
    assert [each.state for each in all_runs(nightly)] == [RunState.CANCELLED, RunState.CANCELLED]
    assert told[0].states["tasks.go"] == "cancelled"
    with journal(nightly) as book:
        assert book.query("select count(*) from attempt where state = 'running'") == [(0,)]
    assert {each.state for each in nodes(nightly, last_run(nightly).id).values()} <= {State.CANCELLED, State.DONE}


def test_cancelling_the_run_that_was_started_fails_the_task(nightly: Shop) -> None:
    task(nightly, "inner", "bash: echo $$ >> pids; sleep 600\n")
    with meanwhile(nightly, select=("tasks.go", "tasks.after")) as told:
        (pid,) = eventually(lambda: pids(nightly.root / "pids"))
        cancel(nightly, all_runs(nightly)[1].id)
    assert not is_running(pid)
    assert told[0].states == {"tasks.go": "failed", "tasks.after": "blocked"} | {
        name: state for name, state in told[0].states.items() if name in ("a.one", "tasks.inner")
    }
