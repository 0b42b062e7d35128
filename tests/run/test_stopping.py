"""What is stopped stops: timeouts, cancelling, and workers that do not answer."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.history import Event, NodeFinished
from sqlpipe.domain.journal import AttemptState, RunState
from sqlpipe.domain.task import Mishap
from sqlpipe.run import begin, floor, labour
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.observe import observe
from sqlpipe.run.work import work
from sqlpipe.store import runs
from tests.run.plant import eventually, is_running, journal, last_run, nodes, pids, task, text_of, tries
from tests.run.stopping import cancel, meanwhile
from tests.shop import Shop

ENDLESS = "select count(*) as id from range(10000000000) as a, range(1000000) as b where a.range % 7 = b.range % 11"
# A shell, its child, and one that ignores the first signal.
FAMILY = """bash: |
  echo $$ >> pids
  (trap '' TERM; echo $BASHPID >> pids; sleep 600) &
  sleep 600 & echo $! >> pids
  wait
"""
STUCK = """\"\"\"sqlpipe
timeout: 0.3s
\"\"\"
import pathlib
import time
import duckdb


def model():
    while not pathlib.Path('ROOT/go').exists():
        time.sleep(0.01)
    pathlib.Path('ROOT/going').touch()
    return duckdb.sql('select 2 as id')
"""


@pytest.mark.catalogue("C1")
def test_a_timeout_ends_all_processes_and_takes_from_its_own_budget(shop: Shop) -> None:
    task(shop, "slow", f"{FAMILY}timeout: 0.5s\nretries: {{timeout: 1, transient: 5, delay: 0.05s}}\n")
    ran = shop.run()
    assert ran.states == {"tasks.slow": "failed"}
    assert [each.code for each in ran.problems("tasks.slow")] == ["SP616"]
    assert "timeout of 0.5 s" in ran.problems("tasks.slow")[0].message
    assert [each.mishap for each in tries(shop, "tasks.slow")] == [Mishap.TIMEOUT] * 2
    assert len(pids(shop.root / "pids")) == 6
    assert not any(map(is_running, pids(shop.root / "pids")))


def test_unsafe_effects_are_not_repeated_after_a_timeout_but_after_an_error(shop: Shop) -> None:
    task(
        shop,
        "slow",
        "bash: |\n  echo x >> n\n  sleep 60\ntimeout: 0.4s\neffects: unsafe\nretries: {timeout: 3, delay: 0.01s}\n",
    )
    task(shop, "bad", "bash: exit 1\neffects: unsafe\nretries: {transient: 1, delay: 0.01s}\n")
    ran = shop.run()
    assert text_of(shop.root / "n") == "x\n"
    assert "may have happened or not" in ran.problems("tasks.slow")[0].help
    assert len(tries(shop, "tasks.bad")) == 2


@pytest.mark.catalogue("C1")
def test_a_query_that_takes_too_long_is_interrupted_and_the_table_stays(shop: Shop) -> None:
    shop.model("a.slow", "kind: table", "select 1 as id")
    shop.model("b.below", "kind: table", "select id from a.slow")
    shop.well()
    before = shop.picture("a.slow")
    shop.model("a.slow", "kind: table\ntimeout: 0.4s\nretries: {timeout: 1, delay: 0.01s}", ENDLESS)
    began = time.monotonic()
    ran = shop.run()
    assert time.monotonic() - began < 5
    assert ran.states == {"a.slow": "failed", "b.below": "blocked"}
    assert [each.code for each in ran.problems("a.slow")] == ["SP616"]
    assert shop.picture("a.slow") == before
    assert [each.mishap for each in tries(shop, "a.slow", ran.end.run)] == [Mishap.TIMEOUT] * 2


@pytest.mark.catalogue("Z9", "D11")
def test_a_model_that_does_not_answer_is_given_up_and_cannot_commit_any_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "GRACE", 0.3)
    shop.write(
        "models/a/stuck.py",
        '"""sqlpipe\n"""\nimport duckdb\n\n\ndef model():\n    return duckdb.sql("select 1 as id")\n',
    )
    shop.well()
    shop.write("models/a/stuck.py", STUCK.replace("ROOT", str(shop.root)))
    # Something else keeps the database open, so that the late commit has somewhere to go.
    task(shop, "last", "bash: touch go; sleep 0.7\nafter: [{node: a.stuck, soft: true}]\n")
    task(shop, "look", "sql: select 1\nafter: [last]\n")
    ran = shop.run()
    assert ran.states == {"a.stuck": "failed", "tasks.last": "done", "tasks.look": "done"}
    assert "given up" in ran.problems("a.stuck")[0].message
    assert (shop.root / "going").exists(), "it did come back"
    assert shop.rows("a.stuck") == [(1,)]
    assert shop.version("a.stuck") == 1
    assert [each.state for each in tries(shop, "a.stuck", ran.end.run)] == [AttemptState.FAILED]


def test_one_that_never_comes_back_does_not_keep_the_process(shop: Shop) -> None:
    shop.write(
        "models/a/stuck.py", '"""sqlpipe\ntimeout: 0.3s\n"""\nimport time\n\n\ndef model():\n    time.sleep(600)\n'
    )
    program = "from sqlpipe.run import floor; floor.GRACE = 0.3; from sqlpipe.cli.main import cli; cli(['run'])"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=shop.root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "given up" in done.stderr
    assert time.monotonic() - began < 15


@pytest.mark.catalogue("C1")
def test_a_run_cancelled_by_way_of_the_journal_is_over_within_two_seconds(shop: Shop) -> None:
    task(shop, "family", FAMILY.replace("(trap '' TERM;", "("))
    shop.model("a.slow", "kind: table", ENDLESS)
    shop.model("b.below", "kind: table", "select id from a.slow")
    task(shop, "each", "bash: |\n  echo $$ >> pids\n  sleep 600\nfor_each: [1, 2, 3, 4, 5]\nparallel: 2\n")
    task(shop, "flaky", "bash: 'false'\nretries: {transient: 99, delay: 60s}\n")
    task(shop, "sensor", "sensor: {file: x.csv}\n")
    task(shop, "after", "bash: touch after\nafter: [flaky]\n")
    with meanwhile(shop) as told:
        eventually(lambda: len(pids(shop.root / "pids")) == 5)
        eventually(lambda: len(tries(shop, "a.slow")) == 1)
        asked = cancel(shop)
    assert time.monotonic() - asked < 2.5
    assert set(told[0].states.values()) == {"cancelled"}
    assert told[0].end.interrupted
    assert not any(map(is_running, pids(shop.root / "pids")))
    run = last_run(shop)
    assert run.state is RunState.CANCELLED
    assert run.counts == {"cancelled": 7}
    left = nodes(shop, run.id)
    assert {each.state for each in left.values()} == {"cancelled"}
    with journal(shop) as book:
        assert book.query("select count(*) from attempt where state = 'running'") == [(0,)]


def test_a_run_is_cancelled_while_it_is_planned(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.model("a.one", "kind: table", "select 1 as id")
    planning, asked = threading.Event(), threading.Event()

    def slowly(*given: Any, **more: Any) -> object:
        planning.set()
        asked.wait(10)
        return observe(*given, **more)

    monkeypatch.setattr(begin, "observe", slowly)
    with meanwhile(shop) as told:
        planning.wait(10)
        cancel(shop)
        time.sleep(0.8)
        asked.set()
    assert told[0].states == {}
    assert told[0].end.interrupted
    assert last_run(shop).state is RunState.CANCELLED


def test_planning_that_does_not_answer_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor, "GRACE", 0.3)
    shop.model("a.one", "kind: table", "select 1 as id")
    planning, over = threading.Event(), threading.Event()

    def stuck(*_given: object, **_more: object) -> object:
        planning.set()
        over.wait(20)
        return {}

    monkeypatch.setattr(begin, "observe", stuck)
    with meanwhile(shop) as told:
        planning.wait(10)
        asked = cancel(shop)
        eventually(lambda: last_run(shop).state is RunState.CANCELLED)
        assert time.monotonic() - asked < 3
        over.set()
    assert told[0].end.interrupted


def test_the_first_wish_of_the_caller_stops_everything(shop: Shop) -> None:
    task(shop, "family", FAMILY.replace("(trap '' TERM;", "("))
    stop = threading.Event()
    with meanwhile(shop, stop=stop) as told:
        eventually(lambda: len(pids(shop.root / "pids")) == 3)
        began = time.monotonic()
        stop.set()
    assert time.monotonic() - began < 2
    assert told[0].states == {"tasks.family": "cancelled"}
    assert not any(map(is_running, pids(shop.root / "pids")))
    assert last_run(shop).state is RunState.CANCELLED


@pytest.mark.catalogue("D11", "D12")
def test_a_run_that_others_have_ended_stops_and_writes_nothing_more(shop: Shop) -> None:
    task(shop, "family", FAMILY.replace("(trap '' TERM;", "("))
    task(shop, "after", "bash: touch after\nafter: [family]\n")

    def take_away() -> None:
        eventually(lambda: len(pids(shop.root / "pids")) == 3)
        with journal(shop) as book:
            run = last_run(shop).id
            assert runs.step_run(book, run, RunState.FAILED, datetime.now(UTC), reason="its process is gone")

    thread = threading.Thread(target=take_away)
    thread.start()
    with pytest.raises(SqlpipeError) as raised:
        shop.run()
    thread.join()
    assert raised.value.diagnostics[0].code == "SP626"
    assert not any(map(is_running, pids(shop.root / "pids")))
    assert not (shop.root / "after").exists()
    found = last_run(shop)
    assert (found.state, found.reason) == (RunState.FAILED, "its process is gone")
    assert [each.state for each in tries(shop, "tasks.family")] == [AttemptState.CANCELLED]


def test_two_hundred_tasks_leave_no_thread_and_no_open_file_behind(shop: Shop) -> None:
    for number in range(100):
        task(shop, f"t{number}", "sql: select 1\n")
    task(shop, "each", "bash: 'true'\nfor_each: range(100)\nparallel: 16\n")
    shop.run("tasks.t0")
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    assert shop.run().end.well
    eventually(lambda: threading.active_count() <= threads)
    assert len(list(Path("/proc/self/fd").iterdir())) <= files


def test_a_bug_of_ours_fails_its_node_and_comes_out_at_the_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(job: Job, desk: Desk) -> tuple[NodeFinished, Outcome | None, SqlpipeError | None]:
        if job.node.key == "a.one":
            raise KeyError("oops")
        return work(job, desk)

    monkeypatch.setattr(labour, "work", broken)
    shop.model("a.one", "kind: table", "select 1 as id")
    shop.model("b.below", "kind: table", "select id from a.one")
    shop.model("c.else", "kind: table", "select 1 as id")
    told: dict[str, str] = {}

    def hear(event: Event) -> None:
        if isinstance(event, NodeFinished):
            told[event.node] = event.state

    with pytest.raises(KeyError, match="oops"):
        shop.run(on_event=hear)
    assert told == {"a.one": "failed", "b.below": "blocked", "c.else": "done"}
    run = last_run(shop)
    assert run.state is RunState.FAILED
    assert "KeyError" in run.reason
    assert tries(shop, "a.one")[0].state is AttemptState.FAILED


def test_a_bug_in_planning_ends_the_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object, **_more: object) -> object:
        raise KeyError("oops")

    monkeypatch.setattr(begin, "observe", broken)
    shop.model("a.one", "kind: table", "select 1 as id")
    with pytest.raises(KeyError, match="oops"):
        shop.run()
    assert last_run(shop).state is RunState.FAILED


def test_a_bug_of_ours_is_told_as_one(shop: Shop) -> None:
    shop.model("a.one", "kind: table", "select 1 as id")
    shop.model("b.one", "kind: table", "select 1 as id")
    program = (
        "from sqlpipe.run import labour; work = labour.work\n"
        "labour.work = lambda job, desk: 1 / 0 if job.node.key == 'a.one' else work(job, desk)\n"
        "from sqlpipe.cli.main import cli; cli(['run'])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=shop.root, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "ZeroDivisionError" in done.stderr
    assert shop.rows("b.one") == [(1,)]
