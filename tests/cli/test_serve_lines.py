"""What `sqlpipe serve` says, and that nobody waits for one who does not listen."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from sqlpipe.app.foreseeing import Scheduled
from sqlpipe.cli import serve_text as serve
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.diagnostic import Diagnostic, Place
from sqlpipe.domain.history import NodeFinished, RunFinished, RunStarted, RunWaiting, State
from sqlpipe.domain.journal import Lease
from sqlpipe.domain.schedule import On, Pipeline, Tick
from sqlpipe.store.ticks import PipelineRow
from sqlpipe.web.health import Health

NOW = datetime(2026, 3, 3, 7, tzinfo=UTC)
LEASE = Lease("me", 3, NOW, "ops-1", 4711)


def told(monkeypatch: pytest.MonkeyPatch, tell: Any, **how: bool) -> list[str]:
    """The lines that are written while somebody is told."""
    lines: list[str] = []
    terminal = Terminal(**how)
    monkeypatch.setattr(terminal, "put", lambda text="": lines.append(text))
    with serve.Writer(terminal) as writer:
        tell(serve.Lines(writer, "shop · dev"))
    return lines


def pipeline(name: str, **more: Any) -> Pipeline:
    return Pipeline(name, Place(1, 1), **more)


def test_the_beginning_says_where_it_is_and_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    paused = PipelineRow("weekly", "", NOW, NOW, "ann", 0)
    pipelines = [
        Scheduled(pipeline("nightly"), next=Tick(NOW, NOW, NOW)),
        Scheduled(pipeline("follow", starter=On(("raw.orders",), ("landed",)))),
        Scheduled(pipeline("weekly"), next=Tick(NOW, NOW, NOW), row=paused),
        Scheduled(pipeline("by_hand")),
    ]
    assert told(monkeypatch, lambda lines: lines.serving("http://127.0.0.1:8713", pipelines)) == [
        "shop · dev · http://127.0.0.1:8713",
        "",
        "  nightly   next 2026-03-03 07:00 UTC",
        "  follow    on raw.orders, landed",
        "  weekly    paused by ann",
        "  by_hand   by hand",
        "",
    ]


@pytest.mark.parametrize(
    ("health", "leader", "said"),
    [
        (Health("leader"), LEASE, "leading"),
        (Health("standby"), LEASE, "standby: process 4711 on ops-1 leads"),
        (Health("onlooker"), LEASE, "onlooker: process 4711 on ops-1 leads"),
        (Health("onlooker"), None, "onlooker: nobody leads"),
        (Health("starting", ("the journal cannot be reached: x",)), None, "starting: the journal cannot be reached: x"),
    ],
)
def test_who_leads_is_said(monkeypatch: pytest.MonkeyPatch, health: Health, leader: Lease | None, said: str) -> None:
    assert told(monkeypatch, lambda lines: lines.role(health, leader))[0].split("  ", 1)[1] == said


def test_a_run_has_a_line_at_each_end_and_one_for_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = (Diagnostic(code="SP402", message="rows\x1b[2J differ"),)

    def node(name: str, state: State, **more: Any) -> NodeFinished:
        return NodeFinished(run="r1", at=NOW, node=name, kind="table", state=state, **more)

    happened = (
        RunStarted(run="r1", at=NOW, target="dev", database="x", nodes=2, threads=1),
        RunWaiting(run="r1", at=NOW, detail="another program has x"),
        node("a", State.DONE),
        node("b", State.FAILED, diagnostics=wrong),
        RunFinished(run="r1", at=NOW, seconds=1.0, counts={"done": 1, "failed": 1}),
    )

    def tell(lines: Any) -> None:
        for event in happened:
            lines.hear(event, "nightly")

    lines = [each.removeprefix("2026-03-03 07:00:00  nightly  r1  ") for each in told(monkeypatch, tell)]
    assert lines == [
        "begins: 2 nodes",
        "waits: another program has x",
        "b: SP402 rows\\x1b[2J differ",
        "FAILS: 1 built, 1 failed in 1.0s.  Again from here: sqlpipe retry r1",
    ]
    assert "a done" in " ".join(told(monkeypatch, tell, verbose=True))
    assert told(monkeypatch, tell, quiet=True) == []


def test_nobody_waits_for_one_who_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, lines = threading.Event(), []

    def put(text: str = "") -> None:
        assert reads.wait(20)
        lines.append(text)

    terminal = Terminal()
    monkeypatch.setattr(terminal, "put", put)
    monkeypatch.setattr(serve, "_MOST_WAITING", 10)
    with serve.Writer(terminal) as writer:
        for number in range(1000):
            writer.write(str(number))
        reads.set()
    assert lines[0] == "0"
    assert 10 <= len(lines) <= 12
