"""The story of a run: what waited for what, what went wrong and what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app.run_story import MOST_LINES, log_tail, story, troubles
from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptRecord, AttemptState, Claim, NodeRecord, RunRecord, RunState
from sqlpipe.run.start import log_path
from sqlpipe.store import attempts, runs
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from tests.shop import Shop

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
RUN = "20260303T1200-abcdef"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """One table, two that read it, one that reads both."""
    made = Shop(tmp_path)
    made.model("marts.first", "kind: table", "select 1 as id")
    made.model("marts.left", "kind: table", "select id from marts.first")
    made.model("marts.right", "kind: table", "select id from marts.first")
    made.model("marts.last", "kind: table", "select * from marts.left join marts.right using (id)")
    return made


@pytest.fixture
def book(shop: Shop) -> Iterator[Book]:
    with journal_of(shop.open()) as book:
        record = RunRecord(id=RUN, state=RunState.RUNNING, created=NOON, started=NOON, cause="command line", owner="me")
        runs.create_run(book, record)
        yield book


def tried(book: Book, node: str, start: float, end: float | None, *, number: int = 1, message: str = "") -> None:
    """An attempt that went well, or with a message badly; without an end it still goes on."""
    begun = attempts.claim(book, Claim(RUN, node, number=number), "me", after(start))
    assert isinstance(begun, AttemptRecord)
    if end is None:
        return
    state = State.FAILED if message else State.DONE
    record = NodeRecord(run=RUN, node=node, state=state, since=after(end), kind="table", seconds=end - start)
    how = AttemptState.FAILED if message else AttemptState.DONE
    attempts.finish(book, begun.id, Ending(state=how, at=after(end), node=record, message=message))


def write_log(workspace: Workspace, node: str, *lines: dict[str, object], number: int = 1) -> None:
    path = log_path(workspace.root, RUN, (node, -1), number)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")


def test_the_end_waited_for_the_slower_of_two(shop: Shop, book: Book) -> None:
    for node, start, end in (("first", 0, 2), ("left", 2, 9), ("right", 2, 4), ("last", 9.5, 10)):
        tried(book, f"marts.{node}", start, end)
    found = story(shop.open(), "abcdef", after(60))
    assert [(each.key, each.wait) for each in found.path] == [
        ("marts.first", 0),
        ("marts.left", 0),
        ("marts.last", 0.5),
    ]
    assert [each.lane for each in found.bars] == [0, 1, 0, 0]
    assert {each.node: each.critical for each in found.lines}["marts.right"] is False
    assert (found.seconds, found.counts) == (60, {"done": 4})


def test_of_a_node_that_is_tried_again_each_attempt_is_a_bar(shop: Shop, book: Book) -> None:
    tried(book, "marts.first", 0, 1)
    begun = attempts.claim(book, Claim(RUN, "marts.left"), "me", after(1))
    assert isinstance(begun, AttemptRecord)
    waits = NodeRecord(run=RUN, node="marts.left", state=State.WAITING, since=after(2), until=after(8), detail="again")
    attempts.finish(book, begun.id, Ending(state=AttemptState.FAILED, at=after(2), node=waits, message="a network"))
    tried(book, "marts.left", 8, None, number=2)
    found = story(shop.open(), RUN, after(10))
    assert [(each.node, each.number, each.state, each.time.start, each.time.end) for each in found.bars] == [
        ("marts.first", 1, "done", 0, 1),
        ("marts.left", 1, "failed", 1, 2),
        ("marts.left", 2, "running", 8, 10),
    ]
    assert found.lines[0].tries == 2


def test_what_went_wrong_comes_first_with_its_whole_message(shop: Shop, book: Book) -> None:
    tried(book, "marts.first", 0, 1)
    tried(book, "marts.left", 1, 2, message="first this; then that")
    blocked = NodeRecord(run=RUN, node="marts.last", state=State.BLOCKED, since=after(2), detail="waits for marts.left")
    attempts.put_nodes(book, [blocked])
    found = story(shop.open(), RUN, after(3))
    assert [(each.node, each.state, each.detail) for each in found.lines] == [
        ("marts.left", "failed", "first this; then that"),
        ("marts.last", "blocked", "waits for marts.left"),
        ("marts.first", "done", ""),
    ]
    [trouble] = troubles(shop.open(), found)
    # Its log is gone: what the journal has is told.
    assert [each.message for each in trouble.diagnostics] == ["first this; then that"]


def test_the_frame_of_a_failure_is_kept_in_its_log(shop: Shop) -> None:
    shop.model("marts.left", "kind: table", "select id,\n  'x' || id::varchar::date as day from marts.first")
    shop.run()
    workspace = shop.open()
    found = story(workspace, "last", datetime.now(UTC))
    [trouble] = troubles(workspace, found)
    [diagnostic] = trouble.diagnostics
    assert (trouble.node, diagnostic.code) == ("marts.left", "SP505")
    assert diagnostic.message.startswith("marts.left: ")
    failed = story(workspace, "last", datetime.now(UTC)).lines[0]
    assert (failed.node, failed.tries) == ("marts.left", 1)


def test_a_failing_check_is_told_at_its_line(shop: Shop) -> None:
    shop.model("marts.left", "kind: table\nchecks:\n  - range: {column: id, min: 5}", "select id from marts.first")
    shop.run()
    workspace = shop.open()
    [trouble] = troubles(workspace, story(workspace, "last", datetime.now(UTC)))
    span = trouble.diagnostics[0].span
    assert span is not None
    assert (span.file, span.place.line) == ("models/marts/left.sql", 4)
    assert any("range" in text for _, text in span.context)


@pytest.mark.parametrize(
    "written",
    [
        {"code": "SP505"},
        {"code": "SP505", "message": "x", "span": {"file": "a.sql"}},
        {"code": "SP505", "message": "x", "span": {"file": "a", "place": {"line": "?"}, "context": []}},
        {"code": "SP505", "message": "x", "severity": "grave"},
        "SP505",
        None,
    ],
)
def test_a_log_that_was_written_otherwise_is_passed_over(shop: Shop, book: Book, written: object) -> None:
    tried(book, "marts.left", 0, 1, message="what the journal has")
    write_log(shop.open(), "marts.left", {"text": "SP505 x", "diagnostic": written})
    [trouble] = troubles(shop.open(), story(shop.open(), RUN, after(1)))
    assert [each.message for each in trouble.diagnostics] == ["what the journal has"]


def test_the_log_that_asks_to_be_read_is_shown(shop: Shop, book: Book) -> None:
    workspace = shop.open()
    assert log_tail(workspace, story(workspace, RUN, after(0))) is None
    tried(book, "marts.first", 0, 1)
    # Of a table that went well there is nothing to read, unless it is asked for.
    assert log_tail(workspace, story(workspace, RUN, after(1))) is None
    asked = log_tail(workspace, story(workspace, RUN, after(1)), "marts.first")
    assert asked is not None
    assert [each["text"] for each in asked.lines] == ["attempt 1 done"]
    tried(book, "marts.left", 1, 2, message="broken")
    failed = log_tail(workspace, story(workspace, RUN, after(2)))
    assert failed is not None
    assert (failed.node, failed.lines[0]["text"]) == ("marts.left", "attempt 1 failed: broken")
    tried(book, "marts.right", 2, None)
    running = log_tail(workspace, story(workspace, RUN, after(3)))
    assert running is not None
    assert (running.node, running.lines, running.after, running.goes_on) == ("marts.right", (), 0, True)


def test_of_a_long_log_the_end_is_shown(shop: Shop, book: Book) -> None:
    workspace = shop.open()
    tried(book, "marts.first", 0, None)
    lines: list[dict[str, object]] = [
        {"at": "", "stream": "stdout", "text": f"line {number}"} for number in range(MOST_LINES + 50)
    ]
    write_log(workspace, "marts.first", *lines)
    found = log_tail(workspace, story(workspace, RUN, after(1)))
    assert found is not None
    assert (len(found.lines), found.left_out) == (MOST_LINES, True)
    assert [found.lines[0]["text"], found.lines[-1]["text"]] == ["line 50", f"line {MOST_LINES + 49}"]
    # It is followed from there on.
    assert found.after == log_path(workspace.root, RUN, ("marts.first", -1), 1).stat().st_size
