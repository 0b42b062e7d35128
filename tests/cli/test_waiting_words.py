"""What waits is told: by a line that stays, or live where there is a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sqlpipe.cli.look import Look
from sqlpipe.cli.run_text import run_waiting_line, waiting_aside, waiting_line
from sqlpipe.cli.terminal import LiveProgress, Progress, Terminal
from sqlpipe.domain.history import NodeWaiting, RunWaiting

AT = datetime(2026, 1, 1, 6, 0, 30, tzinfo=UTC)


def waiting(detail: str, until: datetime | None = AT) -> NodeWaiting:
    return NodeWaiting(run="r", at=AT, node="tasks.x", kind="sensor", until=until, detail=detail)


@pytest.mark.parametrize(
    ("detail", "until", "said"),
    [
        ("no file matches", AT, f"no file matches; again at {AT.astimezone():%H:%M:%S}"),
        ("exit code 1; tries again in 4 s", AT, "exit code 1; tries again in 4 s"),
        ("the pool api has no room", None, "the pool api has no room"),
        ("", None, "waits"),
        ("two\nlines", None, "two\\nlines"),
    ],
)
def test_what_a_node_waits_for(detail: str, until: datetime | None, said: str) -> None:
    assert waiting_aside(waiting(detail, until)) == said


def test_lines() -> None:
    line = waiting_line(waiting("no room", None), 10, Look())
    assert line == "  …  tasks.x      sensor      no room"
    assert waiting_line(waiting("no room", None), 10, Look(unicode=False)).startswith("  ...   tasks.x")
    assert waiting_line(waiting("x" * 99, None), 7, Look(width=40)).endswith("x…")
    taken = RunWaiting(run="r", at=AT, detail="shop.duckdb is in use by another process: sqlpipe serve (PID 12)")
    assert run_waiting_line(taken, Look(colour=True)) == f"\x1b[2mwaiting: {taken.detail}\x1b[0m"


def test_only_a_live_screen_needs_no_line() -> None:
    live = LiveProgress(Terminal(), None)
    live.begin(1)
    live.started("tasks.x", "sensor")
    assert live.waiting("tasks.x", "no file yet")
    assert "tasks.x   no file yet" in live.picture().plain
    assert not Progress(Terminal()).waiting("tasks.x", "no file yet")
    assert Progress(Terminal(quiet=True)).waiting("tasks.x", "no file yet")
