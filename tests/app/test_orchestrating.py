"""Runs and pipelines of a real project: looked up, followed, cancelled, retried, marked, paused, triggered."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sqlpipe.app import orchestrating
from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import Event, RunFinished, State
from sqlpipe.domain.journal import Owner, RunRecord, RunState
from sqlpipe.domain.schedule import Order, Ruling, Tick, TickState
from sqlpipe.run.owner import this_process
from sqlpipe.store import lease, owners, runs, ticks
from tests.shop import Ran, Shop

NOW = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STARTED = "tasks.fetch marts.total tasks.mail"


def complaint(act: Callable[[], object], *, exit_code: int = 1) -> Diagnostic:
    with pytest.raises(SqlpipeError) as caught:
        act()
    assert caught.value.exit_code == exit_code
    return caught.value.diagnostics[0]


def enter(workspace: Workspace, *ids: str, state: RunState = RunState.DONE) -> None:
    with journal_of(workspace) as book:
        for number, each in enumerate(ids):
            runs.create_run(book, RunRecord(id=each, state=state, created=NOW + number * HOUR))


def retried(workspace: Workspace, run: str = "last") -> tuple[RunFinished, Ran]:
    events: list[Event] = []
    end = orchestrating.retry(workspace, run, who="ann", on_event=events.append)
    return end, Ran(events, end)


def in_background(shop: Shop, *words: str) -> tuple[threading.Thread, list[Ran]]:
    ended: list[Ran] = []
    thread = threading.Thread(target=lambda: ended.append(shop.run(*words)))
    thread.start()
    return thread, ended


def eventually(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


# Looking up


def test_a_run_is_named_by_its_id_its_beginning_its_end_or_last(shop: Shop) -> None:
    workspace = shop.open()
    assert complaint(lambda: orchestrating.details(workspace, "last"), exit_code=2).code == "SP623"
    enter(workspace, "20260303T0600-aaaaaa", "20260303T0700-bbbbbb", "20260304T0600-cccccc")
    for word, found in (
        ("last", "c"),
        ("LAST", "c"),
        ("bbbbbb", "b"),
        ("20260304", "c"),
        ("20260303T0600-aaaaaa", "a"),
    ):
        assert orchestrating.details(workspace, word).record.id[-1] == found
    many = complaint(lambda: orchestrating.details(workspace, "20260303"), exit_code=2)
    assert (many.code, many.message) == ("SP623", "`20260303` means 2 runs")
    assert "20260303T0700-bbbbbb" in many.help
    near = complaint(lambda: orchestrating.details(workspace, "bbbbba"), exit_code=2)
    assert near.help == "did you mean `bbbbbb`? See `sqlpipe runs`"
    assert complaint(lambda: orchestrating.details(workspace, ""), exit_code=2).code == "SP623"
    # A wildcard of SQL is a character as any other.
    assert complaint(lambda: orchestrating.details(workspace, "%"), exit_code=2).code == "SP623"


def test_history_goes_back_from_a_run(shop: Shop) -> None:
    workspace = shop.open()
    enter(workspace, "r-1", "r-2", "r-3")
    enter(workspace, "r-4", state=RunState.QUEUED)
    ids = [each.id for each in orchestrating.history(workspace, before="3")]
    assert [each for each in ids if each != "r-4"] == ["r-2", "r-1"]
    assert [each.id for each in orchestrating.history(workspace, states=[RunState.QUEUED])] == ["r-4"]
    assert orchestrating.history(workspace, pipeline="nightly") == []
    assert len(orchestrating.history(workspace, limit=2)) == 2


def test_details_tell_nodes_attempts_and_children(shop: Shop) -> None:
    shop.run(STARTED)
    retried(shop.open())
    newest, oldest = (orchestrating.details(shop.open(), each.id) for each in orchestrating.history(shop.open()))
    assert [each.id for each in oldest.children] == [newest.record.id]
    assert newest.record.parent == oldest.record.id
    assert {each.node: each.state for each in oldest.nodes}["tasks.mail"] is State.FAILED
    assert {each.node for each in oldest.attempts} == {"tasks.fetch", "marts.total", "tasks.mail"}
    assert {each.node for each in newest.attempts} == {"tasks.mail"}


# Logs


def test_lines_of_a_log(shop: Shop) -> None:
    shop.write("tasks/fetch.yml", "bash: echo one; echo two >&2; test -f ready\nretries: {transient: 1, delay: 0s}\n")
    shop.run(STARTED)
    workspace = shop.open()
    last = list(orchestrating.log_lines(workspace, "last", "fetch"))
    said = {(each["stream"], each["text"]) for each in last}
    assert said >= {("stdout", "one"), ("stderr", "two")}
    assert {each["attempt"] for each in last} == {2}
    first = list(orchestrating.log_lines(workspace, "last", "tasks.fetch", attempt=1))
    assert {each["attempt"] for each in first} == {1}
    offset = int(str(first[0]["offset"]))
    assert list(orchestrating.log_lines(workspace, "last", "tasks.fetch", attempt=1, after=offset)) == first[1:]
    missing = complaint(lambda: orchestrating.log_lines(workspace, "last", "tasks.fetch", attempt=7))
    assert (missing.code, missing.message) == (
        "SP624",
        "tasks.fetch has no attempt 7 in this run: it has had 1, 2",
    )


def test_where_a_log_is_gone_it_is_told_how_the_attempt_ended(shop: Shop) -> None:
    shop.run(STARTED)
    shutil.rmtree(shop.root / ".sqlpipe" / "logs")
    (line,) = orchestrating.log_lines(shop.open(), "last", "marts.total")
    assert (line["stream"], line["text"]) == ("sqlpipe", "attempt 1 done, 1 row")


def test_a_node_that_was_not_run_has_no_log(shop: Shop) -> None:
    shop.write("tasks/fetch.yml", "bash: 'false'\n")
    shop.run(STARTED)
    workspace = shop.open()
    blocked = complaint(lambda: orchestrating.log_lines(workspace, "last", "tasks.mail"))
    assert blocked.message == "tasks.mail was not run: it is blocked, waits for marts.total"
    other = complaint(lambda: orchestrating.log_lines(workspace, "last", "tasks.arrive"))
    assert other.message.startswith("tasks.arrive was not reached in run ")
    assert complaint(lambda: orchestrating.log_lines(workspace, "last", "tasks.nope"), exit_code=2).code == "SP302"


def test_the_log_of_a_task_that_fanned_out_is_that_of_its_items(shop: Shop) -> None:
    shop.write("tasks/each.yml", 'bash: echo item {{ item }}\nfor_each: \'["a", "b"]\'\n')
    shop.run("tasks.each")
    lines = list(orchestrating.log_lines(shop.open(), "last", "tasks.each"))
    assert [(each["item"], each["text"]) for each in lines] == [(0, "item a"), (1, "item b")]
    only = list(orchestrating.log_lines(shop.open(), "last", "tasks.each", item=1))
    assert [each["text"] for each in only] == ["item b"]


def test_a_log_is_followed_from_before_it_begins_through_all_attempts(shop: Shop) -> None:
    again = "retries: {transient: 1, delay: 0s}"
    shop.write(
        "tasks/fetch.yml", f"bash: echo begin; sleep 0.5; echo end; test -f ready || (touch ready; false)\n{again}\n"
    )
    thread, _ = in_background(shop, STARTED)
    workspace = shop.open()
    eventually(lambda: bool(orchestrating.history(workspace)))
    lines = list(orchestrating.follow_log(workspace, "last", "tasks.fetch"))
    thread.join()
    told = [(each["attempt"], each["text"]) for each in lines if each["stream"] == "stdout"]
    assert told == [(1, "begin"), (1, "end"), (2, "begin"), (2, "end")]


def test_a_log_that_is_followed_ends_when_it_is_stopped(shop: Shop) -> None:
    thread, _ = in_background(shop, "tasks.arrive")
    workspace = shop.open()
    eventually(lambda: any(each.nodes for each in [_last(workspace)] if each is not None))
    waiting = complaint(lambda: orchestrating.log_lines(workspace, "last", "tasks.mail"), exit_code=1)
    assert waiting.message.startswith("tasks.mail has not begun in run ")
    stopped = threading.Event()
    threading.Timer(0.3, stopped.set).start()
    list(orchestrating.follow_log(workspace, "last", "tasks.arrive", stop=stopped.is_set))
    assert stopped.is_set()
    orchestrating.cancel(workspace, "last", "ann")
    thread.join()


def _last(workspace: Workspace) -> orchestrating.RunDetails | None:
    with suppress(SqlpipeError):
        return orchestrating.details(workspace, "last")
    return None


# Cancelling


def test_a_run_that_goes_on_is_cancelled_by_another_process(shop: Shop) -> None:
    shop.write("tasks/fetch.yml", "bash: sleep 60\n")
    thread, ended = in_background(shop, STARTED)
    workspace = shop.open()
    eventually(lambda: any(each.attempts for each in [_last(workspace)] if each is not None))
    began = time.monotonic()
    assert orchestrating.cancel(workspace, "last", "ann").state is RunState.CANCELLING
    assert orchestrating.cancel(workspace, "last", "bob").state in (RunState.CANCELLING, RunState.CANCELLED)
    thread.join()
    assert time.monotonic() - began < 5
    assert ended[0].end.interrupted
    assert ended[0].states == {"tasks.fetch": "cancelled", "marts.total": "cancelled", "tasks.mail": "cancelled"}
    assert [(each.who, each.what) for each in orchestrating.deeds(workspace, 5)] == [("ann", "cancel")]


def test_what_is_queued_is_cancelled_at_once_and_what_has_ended_is_not(shop: Shop) -> None:
    workspace = shop.open()
    queued = orchestrating.trigger(workspace, "nightly", "ann")
    assert orchestrating.cancel(workspace, queued.id, "ann").state is RunState.CANCELLED
    assert orchestrating.cancel(workspace, queued.id, "ann").state is RunState.CANCELLED
    enter(workspace, "done")
    refused = complaint(lambda: orchestrating.cancel(workspace, "done", "ann"))
    assert (refused.code, refused.message) == ("SP624", "run done has ended already: it is done")


def test_a_run_whose_process_is_gone_is_not_waited_for(shop: Shop) -> None:
    workspace = shop.open()
    with journal_of(workspace) as book:
        owners.register(book, Owner("gone", "elsewhere", 1, 1, NOW))
        runs.create_run(book, RunRecord(id="r", state=RunState.RUNNING, created=NOW, started=NOW, owner="gone"))
    refused = complaint(lambda: orchestrating.cancel(workspace, "r", "ann"))
    assert refused.message == "run r has ended already: it is failed, its process is gone"


# Retrying


def test_a_retry_runs_what_went_wrong_and_keeps_the_rest(shop: Shop) -> None:
    assert shop.run(STARTED).states["tasks.mail"] == "failed"
    shop.write("ready", "")
    # Were it run again its facts would be others.
    shop.write("tasks/fetch.yml", 'bash: echo rows=4 >> "$SQLPIPE_FACTS"\n')
    end, ran = retried(shop.open())
    assert (end.well, ran.states) == (True, {"tasks.mail": "done"})
    found = orchestrating.details(shop.open(), end.run)
    assert found.record.state is RunState.DONE
    assert found.record.select == (STARTED,)
    assert {each.node: each.state.value for each in found.nodes} == {
        "tasks.fetch": "done",
        "marts.total": "done",
        "tasks.mail": "done",
    }


def test_a_retry_of_a_retry_keeps_what_both_have_done(shop: Shop) -> None:
    shop.run(STARTED)
    assert retried(shop.open())[1].states == {"tasks.mail": "failed"}
    shop.write("ready", "")
    assert retried(shop.open())[1].states == {"tasks.mail": "done"}
    assert orchestrating.history(shop.open())[0].cause.startswith("retry of ")


def test_a_retry_runs_only_the_items_that_failed(shop: Shop) -> None:
    shop.write(
        "tasks/each.yml",
        'bash: echo {{ item }} >> seen; test {{ item }} = a || test -f ready\nfor_each: \'["a", "b"]\'\n',
    )
    assert shop.run("tasks.each").states == {"tasks.each": "failed"}
    shop.write("ready", "")
    assert retried(shop.open())[1].states == {"tasks.each": "done"}
    assert sorted((shop.root / "seen").read_text().split()) == ["a", "b", "b"]


def test_only_what_ended_badly_is_retried(shop: Shop) -> None:
    workspace = shop.open()
    enter(workspace, "done")
    assert complaint(lambda: retried(workspace)).message == "run done ended well: there is nothing to retry"
    queued = orchestrating.trigger(workspace, "nightly", "ann")
    going = complaint(lambda: retried(workspace, queued.id))
    assert (going.code, going.message) == ("SP624", f"run {queued.id} is queued: it has not ended yet")
    assert complaint(lambda: orchestrating.enqueue_retry(workspace, queued.id, "ann")).code == "SP624"


def test_a_retry_takes_the_ticks_that_were_left_open_and_covers_them(shop: Shop) -> None:
    workspace = shop.open()
    tick = Tick(NOW, NOW - HOUR, NOW)
    with journal_of(workspace) as book:
        me = Owner("me", "here", 1, 1, NOW)
        held = lease.acquire(book, me, NOW, 60)
        assert held is not None
        ticks.meet(book, held, {"nightly": "d"}, NOW - HOUR)
        record = RunRecord(
            id="r",
            state=RunState.QUEUED,
            created=NOW,
            pipeline="nightly",
            select=("+marts.total",),
            start=tick.start,
            end=tick.end,
        )
        ruling = Ruling(seen=NOW, orders=(Order((tick,), "schedule"),))
        ticks.carry_out(book, held, "nightly", ruling, NOW, runs=[record], cursor=None)
        runs.step_run(book, "r", RunState.RUNNING, NOW)
        runs.step_run(book, "r", RunState.FAILED, NOW)
    queued = orchestrating.enqueue_retry(workspace, "r", "ann")
    assert (queued.start, queued.end, queued.pipeline) == (tick.start, tick.end, "nightly")
    assert queued.options == {"repeat": "r", "resumable": True}
    assert [each.state for each in orchestrating.details(workspace, queued.id).ticks] == [TickState.TAKEN]
    orchestrating.cancel(workspace, queued.id, "ann")
    end, _ = retried(workspace, queued.id)
    assert end.well
    (row,) = orchestrating.details(workspace, end.run).ticks
    assert (row.tick, row.state) == (tick, TickState.COVERED)


def test_what_a_queued_retry_keeps_is_there_before_it_begins(shop: Shop) -> None:
    shop.run(STARTED)
    workspace = shop.open()
    record = orchestrating.enqueue_retry(workspace, "last", "ann")
    found = orchestrating.details(workspace, record.id)
    assert {each.node: each.facts for each in found.nodes} == {"tasks.fetch": {"rows": 3}, "marts.total": {}}
    assert found.record.state is RunState.QUEUED


# Marking


def test_what_is_marked_as_done_is_left_out_of_a_retry(shop: Shop) -> None:
    shop.run(STARTED)
    workspace = shop.open()
    marked = orchestrating.mark(workspace, "last", "mail", "done", "ann", "sent by hand")
    assert (marked.node, marked.state) == ("tasks.mail", State.DONE)
    # Once more changes nothing, and is no deed.
    orchestrating.mark(workspace, "last", "tasks.mail", "done", "ann")
    (deed,) = orchestrating.deeds(workspace, 5)
    assert (deed.what, deed.detail) == ("mark", "done: sent by hand")
    assert retried(workspace)[1].states == {}


def test_only_what_ended_badly_is_marked(shop: Shop) -> None:
    shop.run(STARTED)
    workspace = shop.open()
    refused = complaint(lambda: orchestrating.mark(workspace, "last", "tasks.fetch", "failed", "ann"))
    assert (refused.code, refused.help) == (
        "SP624",
        "only what failed, was blocked, skipped or cancelled can be marked",
    )
    assert complaint(lambda: orchestrating.mark(workspace, "last", "tasks.arrive", "done", "ann")).code == "SP624"


def test_a_node_that_is_gone_from_the_project_can_be_marked(shop: Shop) -> None:
    shop.run(STARTED)
    (shop.root / "tasks/mail.yml").unlink()
    shop.write("sqlpipe.yml", "name: shop\n")
    assert orchestrating.mark(shop.open(), "last", "mail", "done", "ann").state is State.DONE


# Pipelines


def test_a_pipeline_is_paused_before_anybody_has_scheduled_it(shop: Shop) -> None:
    workspace = shop.open()
    row = orchestrating.pause(workspace, "nightly", "ann", "moving")
    assert (row.paused_by, row.paused_at is not None) == ("ann", True)
    assert orchestrating.pause(workspace, "Nightly", "bob").paused_by == "ann"
    with journal_of(workspace) as book:
        held = lease.acquire(book, Owner("me", "here", 1, 1, NOW), datetime.now(UTC), 60)
        assert held is not None
        known = ticks.meet(book, held, {"nightly": "d"}, datetime.now(UTC))
    assert known["nightly"].paused_at == row.paused_at
    assert orchestrating.resume(workspace, "nightly", "bob").paused_at is None
    orchestrating.resume(workspace, "nightly", "cid")
    assert [(each.who, each.what, each.subject, each.detail) for each in orchestrating.deeds(workspace, 5)] == [
        ("bob", "resume", "nightly", ""),
        ("ann", "pause", "nightly", "moving"),
    ]
    unknown = complaint(lambda: orchestrating.pause(workspace, "nightl", "ann"), exit_code=2)
    assert (unknown.code, unknown.help) == ("SP602", "did you mean `nightly`?")


def test_a_trigger_queues_a_run_of_what_the_pipeline_selects(shop: Shop) -> None:
    workspace = shop.open()
    record = orchestrating.trigger(workspace, "nightly", "ann", facts={"day": "2026-03-03"})
    assert orchestrating.details(workspace, record.id).record == record
    assert (record.state, record.select, record.cause) == (RunState.QUEUED, ("+marts.total",), "triggered by ann")
    assert record.options == {"resumable": True, "facts": {"day": "2026-03-03"}}
    assert record.deadline is not None
    assert (record.deadline - record.created) <= timedelta(days=1)
    assert orchestrating.trigger(workspace, "by_hand", "ann").deadline is None


def test_an_event_is_noted_for_those_that_wait_for_it(shop: Shop) -> None:
    workspace = shop.open()
    told = orchestrating.announce(workspace, "landed", "ann", {"path": "a.csv"})
    assert (told.kind, told.subject, told.facts) == ("event", "landed", {"path": "a.csv"})
    with journal_of(workspace) as book:
        assert book.query("select subject, facts from happening") == [("landed", '{"path":"a.csv"}')]
    unknown = complaint(lambda: orchestrating.announce(workspace, "landd", "ann"), exit_code=2)
    assert (unknown.code, unknown.help) == ("SP625", "did you mean `landed`?")


def test_who_leads(shop: Shop) -> None:
    workspace = shop.open()
    assert orchestrating.is_led(workspace) is None
    now = datetime.now(UTC)
    me = this_process(now, "serve")
    with journal_of(workspace) as book:
        owners.register(book, me)
        held = lease.acquire(book, me, now, 60)
        assert held is not None
        assert orchestrating.is_led(workspace) == held
        # Its process died without giving the lease back.
        owners.register(book, replace(me, pid=2**22 + 1, born=1, id="dead"))
        lease.release(book, held)
        assert lease.acquire(book, replace(me, id="dead"), now, 60) is not None
        assert orchestrating.is_led(workspace) is None
        owners.retire(book, "dead")
        ran_out = lease.current(book)
        assert ran_out is not None
        lease.renew(book, ran_out, now - HOUR, 60)
        assert orchestrating.is_led(workspace) is None
