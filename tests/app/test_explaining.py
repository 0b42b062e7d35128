"""Why a node runs or does not: every condition, met and not met."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app import orchestrating
from sqlpipe.app.orchestrating import Condition
from sqlpipe.app.running import journal_of
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import Claim, NodeRecord, Owner, Refused, RunRecord, RunState
from sqlpipe.run.owner import this_process
from sqlpipe.store import attempts, lease, owners, runs
from tests.shop import Shop

NOW = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.catalogue("E8")


def told(shop: Shop, node: str, run: str = "", now: datetime | None = None) -> dict[str, Condition]:
    found = orchestrating.why(shop.open(), node, run=run, now=now)
    assert len({each.text for each in found}) == len(found)
    return {each.text: each for each in found}


def me() -> Owner:
    return this_process(datetime.now(UTC), "sqlpipe run")


@contextmanager
def a_run(
    shop: Shop, *records: NodeRecord, state: RunState = RunState.RUNNING, select: tuple[str, ...] = ()
) -> Iterator[Owner]:
    """A run that this process has begun, with nodes that have come so far."""
    owner = me()
    with journal_of(shop.open()) as book:
        owners.register(book, owner)
        started = None if state is RunState.QUEUED else NOW
        record = RunRecord(
            id="r1",
            state=state,
            created=NOW,
            started=started,
            owner=owner.id,
            select=select or ("+tasks.mail",),
            pipeline="nightly",
        )
        runs.create_run(book, record)
        attempts.put_nodes(book, records)
        yield owner


def a_node(node: str, state: State, **more: object) -> NodeRecord:
    return NodeRecord(run="r1", node=node, state=state, since=NOW, **more)  # type: ignore[arg-type]


# Between runs


def test_what_has_to_hold_before_a_run_begins(shop: Shop) -> None:
    found = told(shop, "marts.total", now=NOW)
    assert found["a pipeline selects it"] == Condition("a pipeline selects it", met=True, value="nightly")
    assert found["nightly is not paused"].met is True
    due = found["nightly is due"]
    assert (due.met, due.value, due.at) == (False, "next", datetime(2026, 3, 4, 5, 0, tzinfo=UTC))
    assert (found["nightly has room for a run"].met, found["nightly has room for a run"].value) == (
        True,
        "0 of 1 active",
    )
    assert found["a scheduler leads"].met is False
    assert (found["the database is free"].met, found["there is something to do"].value) == (True, "not built yet")


def test_a_pause_names_who_has_paused(shop: Shop) -> None:
    row = orchestrating.pause(shop.open(), "nightly", "ann")
    paused = told(shop, "marts.total")["nightly is not paused"]
    assert (paused.met, paused.value, paused.at) == (False, "paused by ann since", row.paused_at)


def test_a_node_of_no_pipeline_says_how_to_run_it(shop: Shop) -> None:
    found = told(shop, "tasks.arrive")
    assert found["a pipeline selects it"].value == "none does; run it with `sqlpipe run -s tasks.arrive`"
    assert "a scheduler leads" not in found
    # A sensor for files needs no database.
    assert "the database is free" not in found


def test_pipelines_without_a_clock_say_what_starts_them(shop: Shop) -> None:
    found = told(shop, "tasks.mail")
    assert found["a pipeline selects it"].value == "follow, by_hand"
    assert found["follow is due"].value == "on new rows in marts.total or the event landed"
    assert found["by_hand is due"].value == "only by hand: `sqlpipe trigger by_hand`"


def test_a_scheduler_that_leads_is_told_with_its_age(shop: Shop) -> None:
    owner = me()
    with journal_of(shop.open()) as book:
        owners.register(book, owner)
        assert lease.acquire(book, owner, datetime.now(UTC), 60) is not None
        leads = told(shop, "marts.total")["a scheduler leads"]
    assert leads.met is True
    assert leads.value.startswith(f"PID {owner.pid} on {owner.host}, last sign ")


def test_a_table_that_is_as_it_should_be_says_so(shop: Shop) -> None:
    shop.well("tasks.fetch marts.total")
    to_do = told(shop, "marts.total")["there is something to do"]
    assert (to_do.met, to_do.value) == (False, "nothing has changed")
    shop.model("marts.total", "kind: table", "select 2 as id")
    assert told(shop, "marts.total")["there is something to do"].met is True


def test_a_run_that_fills_the_pipeline_is_told_with_its_policy(shop: Shop) -> None:
    with a_run(shop, select=("tasks.fetch",)):
        room = told(shop, "marts.total")["nightly has room for a run"]
    assert (room.met, room.value) == (False, "1 of 1 active; on overlap: coalesce")


# In a run


def test_a_run_that_is_queued_has_yet_to_begin(shop: Shop) -> None:
    record = orchestrating.trigger(shop.open(), "nightly", "ann")
    found = told(shop, "marts.total")
    assert found["a run has it"].value == f"{record.id} of nightly, queued since"
    assert found["a run has it"].at == record.created
    assert (found["that run has begun"].met, found["a scheduler leads"].met) == (False, False)
    assert "nightly is due" not in found


def test_the_nodes_it_waits_for_are_told_one_by_one(shop: Shop) -> None:
    records = (
        a_node("tasks.fetch", State.WAITING, detail="exit code 1", until=NOW + SECOND),
        a_node("tasks.arrive", State.DONE),
    )
    shop.write("tasks/mail.yml", "bash: 'true'\nafter: [marts.total, tasks.arrive, tasks.fetch]\n")
    with a_run(shop, *records) as owner:
        found = told(shop, "tasks.mail")
    assert found["its process is alive"].value == f"sqlpipe run (PID {owner.pid} on {owner.host})"
    fetch = found["tasks.fetch has ended"]
    assert (fetch.met, fetch.value, fetch.at) == (False, "waiting: exit code 1; looked at again", NOW + SECOND)
    assert (found["marts.total has ended"].met, found["marts.total has ended"].value) == (False, "not begun")
    assert (found["tasks.arrive has ended"].met, found["tasks.arrive has ended"].value) == (True, "done")
    rule = found["how they ended lets it run (all_ok)"]
    assert (rule.met, rule.value) == (None, "waits for marts.total, tasks.fetch")
    assert found["no attempt is running"].met is True


@pytest.mark.parametrize(
    ("state", "met", "value"),
    [
        (State.DONE, True, ""),
        (State.FAILED, False, "marts.total did not end well"),
        (State.SKIPPED, False, "marts.total was skipped"),
    ],
)
def test_the_verdict_on_those_before_it(shop: Shop, state: State, met: bool, value: str) -> None:
    with a_run(shop, a_node("marts.total", state), a_node("tasks.fetch", State.DONE)):
        rule = told(shop, "tasks.mail")["how they ended lets it run (all_ok)"]
    assert (rule.met, rule.value) == (met, value)


def test_a_sensor_tells_its_last_look_and_the_next(shop: Shop) -> None:
    waits = a_node("tasks.arrive", State.WAITING, detail="no file matches", until=NOW + SECOND, waited={"pokes": 3})
    with a_run(shop, waits, select=("tasks.arrive",)):
        there = told(shop, "tasks.arrive")["file landing/*.csv is there"]
    assert (there.met, there.value, there.at) == (False, "no file matches; looked 3 times, again", NOW + SECOND)


def test_a_sensor_that_was_not_poked_yet(shop: Shop) -> None:
    with a_run(shop, select=("tasks.arrive",)):
        assert told(shop, "tasks.arrive")["file landing/*.csv is there"].value == "not looked for yet"


@pytest.mark.parametrize(("seconds", "over"), [(0.5, False), (1, True), (2, True)])
def test_a_pause_before_another_try(shop: Shop, seconds: float, over: bool) -> None:
    tries = {"transient": 1, "lost": 1}
    waits = a_node("tasks.fetch", State.WAITING, detail="exit code 1", until=NOW + SECOND, tries=tries)
    with a_run(shop, waits):
        pause = told(shop, "tasks.fetch", now=NOW + seconds * SECOND)["the pause after try 2 is over"]
    assert (pause.met, pause.value, pause.at) == (over, "exit code 1", NOW + SECOND)


def test_a_pool_without_room_names_who_is_in_it(shop: Shop) -> None:
    shop.write("tasks/mail.yml", "bash: 'true'\npool: api\n")
    shop.write("tasks/other.yml", "bash: 'true'\npool: api\n")
    with a_run(shop, select=("tasks.*",)) as owner, journal_of(shop.open()) as book:
        assert told(shop, "tasks.mail")["the pool api has room"].value == "0 of 1 taken"
        begun = attempts.claim(book, Claim("r1", "tasks.other", pool="api", room=1), owner.id, NOW)
        assert not isinstance(begun, Refused)
        pool = told(shop, "tasks.mail")["the pool api has room"]
    assert (pool.met, pool.value) == (False, "1 of 1 taken by tasks.other")


def test_an_attempt_in_another_run_keeps_it_away(shop: Shop) -> None:
    with a_run(shop) as owner, journal_of(shop.open()) as book:
        runs.create_run(book, RunRecord(id="r0", state=RunState.RUNNING, created=NOW - SECOND, owner=owner.id))
        assert not isinstance(attempts.claim(book, Claim("r0", "tasks.fetch"), owner.id, NOW), Refused)
        kept = told(shop, "tasks.fetch", run="r1")["no attempt is running"]
        own = told(shop, "tasks.fetch", run="r0")["no attempt is running"]
    who = f"by sqlpipe run (PID {owner.pid} on {owner.host}), since"
    assert (kept.met, kept.value, kept.at) == (False, f"attempt 1 in run r0 {who}", NOW)
    assert own.value == f"attempt 1 in this run {who}"


def test_a_run_that_is_cancelled_or_has_lost_its_process(shop: Shop) -> None:
    with a_run(shop, state=RunState.CANCELLING) as owner, journal_of(shop.open()) as book:
        assert told(shop, "tasks.fetch")["nobody has cancelled it"].met is False
        owners.retire(book, owner.id)
        assert told(shop, "tasks.fetch")["its process is alive"].met is False


def test_what_has_ended_in_the_run_is_told_and_then_what_comes_next(shop: Shop) -> None:
    with a_run(shop, a_node("marts.total", State.FAILED, detail="check failed")):
        found = told(shop, "marts.total")
    ended = found["run r1 has come to it"]
    assert (ended.met, ended.value, ended.at) == (True, "failed: check failed", NOW)
    assert "nightly is due" in found


def test_a_run_that_is_over_and_never_came_to_it(shop: Shop) -> None:
    with a_run(shop, state=RunState.FAILED, select=("tasks.fetch",)):
        assert told(shop, "tasks.mail", run="r1")["run r1 has come to it"].value == "the run does not select it"
        assert told(shop, "tasks.fetch", run="r1")["run r1 has come to it"].value == "the run is failed"


def test_a_condition_is_told_as_it_is_written(shop: Shop) -> None:
    shop.write("tasks/mail.yml", "bash: 'true'\nafter: [tasks.fetch]\nif: facts.fetch.rows > 0\n")
    with a_run(shop):
        condition = told(shop, "tasks.mail")["its condition is true"]
    assert (condition.met, condition.value) == (None, "facts.fetch.rows > 0")


def test_the_project_may_have_changed_since_the_run_began(shop: Shop) -> None:
    with a_run(shop, a_node("tasks.fetch", State.RUNNING), select=("tag:gone tasks.gone",)):
        assert "a run has it" in told(shop, "tasks.fetch")


# The database

_HOLD = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"


@contextmanager
def held(database: Path) -> Iterator[int]:
    """Another process has the database; its number."""
    words = [sys.executable, "-c", _HOLD, str(database)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
        holder.stdin.close()


def test_a_database_that_another_process_has_is_told_at_once(shop: Shop) -> None:
    shop.well("tasks.fetch marts.total")
    with held(shop.root / "warehouse.duckdb") as pid:
        began = time.monotonic()
        found = told(shop, "marts.total")
        assert time.monotonic() - began < 5
    free = found["the database is free"]
    assert free.met is False
    assert f"(PID {pid})" in free.value
    assert found["there is something to do"].met is None


def test_a_live_run_is_explained_while_it_goes_on(shop: Shop) -> None:
    shop.write("tasks/fetch.yml", "bash: sleep 60\n")
    thread = threading.Thread(target=lambda: shop.run("+tasks.mail"))
    thread.start()
    end = time.monotonic() + 20
    goes_on = Condition("tasks.fetch has ended", met=False, value="running")
    while goes_on not in (found := orchestrating.why(shop.open(), "tasks.mail")):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert any(each.text == "its process is alive" and each.met for each in found)
    orchestrating.cancel(shop.open(), "last", "ann")
    thread.join()
