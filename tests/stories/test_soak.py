"""A month of flights comes out the same, however often the scheduler is killed, suspended and interfered with."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe import app
from sqlpipe.app import orchestrating
from sqlpipe.domain.schedule import TickState
from sqlpipe.run.clock import Clock
from sqlpipe.store import ticks
from tests.soak import inquest
from tests.soak.estate import ROOT, SETTINGS, Estate, copy_project
from tests.soak.timetable import BEGIN, LINES
from tests.soak.trouble import Month, answering

if sys.platform != "linux":
    pytest.skip("processes are looked up in /proc; run these tests on Linux", allow_module_level=True)

DAY = timedelta(days=1)
PATIENCE = 90.0
SKEW = 0.3


@contextmanager
def month(folder: Path, end: datetime, speed: float, seed: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Month]:
    """An estate under a quick clock; whatever still runs afterwards is killed."""
    server = answering()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    estate = Estate(folder / "estate", end)
    estate.lay_out(LINES, server.server_port)
    found = Month(estate, Clock(BEGIN, time.monotonic(), speed), random.Random(seed))
    monkeypatch.setattr(orchestrating, "now_of", lambda _book: found.clock.now())
    try:
        yield found
    finally:
        for each in found.present:
            each.process.kill()
            each.process.wait(10)
        server.shutdown()
        server.server_close()


def settle(found: Month) -> None:
    """Have everything that is due, or has begun, come to its end; then end the schedulers in good order."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found.tend()
        with found.book() as book:
            counted = ticks.counts(book)
            (left,) = book.query("select count(*) from run where finished is null")[0]
        if not left and not any(counted.get(each) for each in (TickState.OPEN, TickState.TAKEN)):
            break
        found.retry_what_is_left()
        time.sleep(0.3)
    found.end_all()


def reference(found: Month, folder: Path) -> Path:
    """The same project on the same sources, run once by one who is left alone."""
    folder.mkdir()
    copy_project(found.estate.folder, folder)
    (folder / "sqlpipe.yml").write_text(SETTINGS)
    shutil.copy(found.estate.folder / "profiles.yml", folder)
    shutil.copytree(found.estate.folder / "landing", folder / "landing")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SQLPIPE_")}
    environment |= {"PYTHONPATH": str(ROOT), "FLIGHTS_DB": str(folder / "flights.duckdb")}
    command = [sys.executable, "-m", "sqlpipe", "run", "--quiet"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "flights.duckdb"


def complaints(found: Month, folder: Path) -> dict[str, list[str]]:
    """What does not hold that has to."""
    with found.book() as book:
        record = inquest.Record.read(book)
    skew = timedelta(seconds=SKEW * found.clock.speed)
    rooms = {each.name: int(str(each.rest.get("max_active_runs", 1))) for each in found.lines}
    killed = {line["owner"] for each in found.watchmen if each.killed for line in each.told() if "owner" in line}
    told = {
        "tables": inquest.differences(found.estate.warehouse, reference(found, folder)),
        "unsettled": inquest.unsettled(record),
        "miscounted": inquest.miscounted(record, found.versions, found.estate.end),
        "crowded": inquest.crowded(record, rooms, skew),
        "overlapping": inquest.overlapping(record, skew),
        "unexplained": inquest.unexplained(record, killed),
        "unstamped": inquest.unstamped(record, found.estate.read("stamps.txt"), ("each", "kolkata")),
        "orphans": inquest.orphans(str(found.estate.folder)),
        "errors": [each.err.read_text() for each in found.watchmen if each.err.read_text()],
    }
    tell("\n".join(found.diary))
    tell(inquest.figures(record, found.estate.journal))
    return {about: each for about, each in told.items() if each}


def tell(text: str) -> None:
    """Say something to whoever runs this with `-s`, or reads why it failed."""
    sys.stdout.write(f"{text}\n")


def month_of_trouble(found: Month, days: float) -> list[tuple[datetime, Callable[[], None]]]:
    """What befalls whom and when; much of it, with nothing of the last two days."""
    one = found.dice.uniform
    often: list[tuple[Callable[[], None], float]] = [
        (found.kill, 0.3),
        (found.kill_at_a_point, 0.25),
        (found.kill_the_heir, 0.12),
        (found.suspend, 0.12),
        (found.kill_for_hours, 0.1),
        (found.break_a_file, 0.08),
        (found.change_a_source, 0.15),
        (found.let_a_file_arrive, 2.5),
        (found.trigger, 0.3),
        (found.announce, 0.2),
        (found.cancel, 0.25),
        (found.retry, 0.25),
        (found.pause, 0.2),
    ]
    plan = [(one(0.3, days - 2), deed) for deed, a_day in often for _ in range(max(1, round(a_day * (days - 2))))]
    plan += [(0.35 * days, found.edit_a_schedule), (0.2 * days, found.add_a_pipeline)]
    plan += [(0.55 * days, found.remove_a_pipeline), (0.5 * days, found.edit_a_model)]
    plan += [(0.7 * days, lambda: found.go_down(DAY))] if days > 7 else []
    return sorted(((BEGIN + DAY * at, deed) for at, deed in plan), key=lambda each: each[0])


def endure(found: Month, days: float) -> None:
    """Have the days pass with all that happens in them, then a calm day, then the end."""
    plan = month_of_trouble(found, days)

    def trouble() -> None:
        if plan and plan[0][0] <= found.clock.now():
            plan.pop(0)[1]()

    found.start()
    found.stand(found.estate.end - 2 * DAY, trouble)
    found.estate.write("calm", "")
    found.let_a_file_arrive()
    # Some ticks come a while after the end of their interval.
    found.stand(found.estate.end + DAY / 8, found.let_a_file_arrive)
    settle(found)


def test_some_days_of_trouble_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime(2013, 12, 5, 12, tzinfo=UTC)
    with month(tmp_path, end, 20_000, 2013, monkeypatch) as found:
        endure(found, 4.6)
        assert not complaints(found, tmp_path / "reference")


@pytest.mark.slow
def test_a_month_of_trouble_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime(2014, 1, 1, 12, tzinfo=UTC)
    with month(tmp_path, end, 12_000, 2014, monkeypatch) as found:
        endure(found, 31.6)
        assert not complaints(found, tmp_path / "reference")


@pytest.mark.slow
def test_a_scheduler_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = datetime(2014, 1, 1, 12, tzinfo=UTC)
    with month(tmp_path, end, 40_000, 2015, monkeypatch) as found:
        watchman = found.start()
        found.stand(end + DAY / 8, found.let_a_file_arrive)
        settle(found)
        assert not complaints(found, tmp_path / "reference")
    told = [each for each in watchman.told() if each.get("leading")]
    grown = {key: inquest.growth([float(each[key]) for each in told]) for key in ("rss", "threads", "files", "loop")}
    tell(f"{grown}\n{told[len(told) // 10]}\n{told[-1]}")
    assert len(told) > 50
    assert grown["rss"] < 0.25, grown
    assert grown["threads"] < 0.25, grown
    assert grown["files"] < 0.25, grown
    # A journal and a ledger of a month take no longer to read than those of one run.
    early, late = (idle_run(tmp_path / each, monkeypatch) for each in ("reference", "estate"))
    tell(f"a run with nothing to do: {early:.3f} s after one run, {late:.3f} s after a month")
    assert late < 2 * early + 0.1


def idle_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    """How long (seconds) a run takes that has nothing to do, at its best."""
    monkeypatch.setenv("FLIGHTS_DB", str(folder / "flights.duckdb"))
    found = []
    for _ in range(5):
        began = time.perf_counter()
        finished = app.run(
            app.open_workspace(folder),
            app.Selection(("raw.*", "staging.*", "marts.*")),
            on_event=lambda _event: None,
        )
        found.append(time.perf_counter() - began)
        assert finished.counts.get("done", 0) == 0
    return min(found)
