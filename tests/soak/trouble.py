"""What befalls the schedulers of the soak: kills, suspensions, downtime, edits of the project, and people."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlpipe import app
from sqlpipe.app import orchestrating
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.journal import RunState
from sqlpipe.run.clock import Clock
from sqlpipe.store import runs
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.soak.estate import ROOT, Estate
from tests.soak.timetable import EDITED, LINES, VISITOR, Line

POINTS = (
    "ruled", "carried-out", "run-claimed", "run-started", "staged", "written", "recorded", "published", "walked",
)  # fmt: skip
# Those that are come to while the work of another one is taken up that was killed.
HEIRS = ("given-up", "put-back", "recovered", "met")
# What is suspended is suspended for longer than its lease runs (seconds).
LEASE = 2.0
SUSPENDED = 3.5
# A leader rules on what is due this much later (seconds) at the most, unless the machine is very busy.
SLACK = 1.0
PEOPLE = "soak"


class Answers(BaseHTTPRequestHandler):
    """A server that is overloaded one time in five."""

    dice = random.Random(503)

    def do_GET(self) -> None:
        self.send_response(503 if self.dice.randrange(5) == 0 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def answering() -> ThreadingHTTPServer:
    """The server, on a port that is free."""
    return ThreadingHTTPServer(("127.0.0.1", 0), Answers)


@dataclass
class Watchman:
    """A scheduler's process, and the file that it writes to."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path
    suspended_until: float = 0.0
    killed: bool = False

    @property
    def gone(self) -> bool:
        return self.process.poll() is not None

    def told(self) -> list[dict[str, Any]]:
        """What it has said so far, line by line."""
        lines = self.out.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines if line]


@dataclass(frozen=True)
class Version:
    """A pipeline as it was written for a while; `earliest` and `latest` bound the moment at which it took effect."""

    name: str
    line: Line | None
    earliest: datetime
    latest: datetime | None = None


@dataclass
class Month:
    """The estate, who watches over it, and what has been done to them."""

    estate: Estate
    clock: Clock
    dice: random.Random
    watchmen: list[Watchman] = field(default_factory=list)
    lines: tuple[Line, ...] = LINES
    versions: list[Version] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)
    later: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    down_until: datetime | None = None
    broken: bool = False

    def __post_init__(self) -> None:
        self.versions = [Version(each.name, each, self.clock.now()) for each in self.lines]

    def note(self, text: str) -> None:
        self.diary.append(f"{self.clock.now():%m-%d %H:%M}  {text}")

    def start(self, kill_at: str = "") -> Watchman:
        """Start one more scheduler."""
        assert self.clock.began is not None
        number = len(self.watchmen)
        out, err = (self.estate.folder.parent / f"watchman-{number}.{kind}" for kind in ("out", "err"))
        clock = [self.clock.began.isoformat(), repr(self.clock.at), repr(self.clock.speed), str(LEASE)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SQLPIPE_")}
        environment |= {"PYTHONPATH": str(ROOT), "SOAK": str(self.estate.folder), "SQLPIPE_KILL_AT": kill_at}
        environment["FLIGHTS_DB"] = str(self.estate.warehouse)
        with out.open("wb") as told, err.open("wb") as complained:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.watchman", str(self.estate.folder), *clock],
                cwd=ROOT, env=environment, stdout=told, stderr=complained,
            )  # fmt: skip
        self.watchmen.append(Watchman(process, out, err))
        return self.watchmen[-1]

    @property
    def present(self) -> list[Watchman]:
        return [each for each in self.watchmen if not each.gone]

    def leader(self) -> Watchman | None:
        """Who leads, as far as they have told."""
        told = [(each, each.told()) for each in self.present]
        return next((each for each, lines in told if lines and lines[-1].get("leading")), None)

    def stand(self, until: datetime, trouble: Callable[[], None]) -> None:
        """Have time pass, with trouble again and again."""
        while self.clock.now() < until:
            time.sleep(0.1)
            self.tend()
            trouble()

    def tend(self) -> None:
        """Do what is due: let the suspended go on, keep somebody on watch, see which edits have taken effect."""
        now = self.clock.now()
        for each in self.present:
            if each.suspended_until and time.monotonic() >= each.suspended_until:
                each.suspended_until = 0.0
                each.process.send_signal(signal.SIGCONT)
        for due in [each for each in self.later if each[0] <= now]:
            self.later.remove(due)
            due[1]()
        if self.down_until is not None and now >= self.down_until:
            self.down_until = None
        if self.down_until is None and not self.present and not self.broken:
            self.note("a scheduler starts")
            self.start()
        self._watch_versions()

    def _watch_versions(self) -> None:
        pending = [each for each in self.versions if each.latest is None]
        if not pending or not self.estate.journal.exists():
            return
        with self.book() as book:
            known = dict(book.query("select name, digest from pipeline where gone_at is null"))
        try:
            workspace = app.open_workspace(self.estate.folder)
        except SqlpipeError:  # a file is broken
            return
        digests = {each.name: each.digest for each in workspace.project.orchestration.pipelines}
        for each in pending:
            if known.get(each.name) == digests.get(each.name):
                done = Version(each.name, each.line, each.earliest, self.clock.now())
                self.versions[self.versions.index(each)] = done

    def book(self) -> closing[Book]:
        """Another connection to the journal."""
        return closing(open_book(str(self.estate.journal), "flights_dev"))

    # What may happen to a scheduler.

    def kill(self) -> None:
        """End whoever leads, with no chance to clean up."""
        found = self.leader() or next(iter(self.present), None)
        if found is not None:
            self.note(f"process {found.process.pid} is killed")
            found.killed = True
            found.process.send_signal(signal.SIGKILL)
            found.process.wait(10)

    def kill_for_hours(self) -> None:
        """Have nobody there for some hours."""
        self.go_down(timedelta(hours=self.dice.randint(3, 9)))

    def go_down(self, span: timedelta) -> None:
        """Kill all, and have nobody there for a while."""
        self.down_until = self.clock.now() + span
        while self.present:
            self.kill()

    def kill_at_a_point(self) -> None:
        """Replace whoever is there in good order by one who is going to be killed at a named point."""
        self.end_all()
        self._start_doomed(f"{self.dice.choice(POINTS)}:{self.dice.randint(1, 6)}")

    def kill_the_heir(self) -> None:
        """Kill all, and have the one who takes up what they left be killed while doing so."""
        while self.present:
            self.kill()
        self._start_doomed(f"{self.dice.choice(HEIRS)}:1")

    def _start_doomed(self, point: str) -> None:
        self.note(f"a scheduler starts that is killed at {point}")
        self.start(point).killed = True

    def suspend(self) -> None:
        """Have whoever leads stand still for longer than the lease runs, while another stands by."""
        found = self.leader()
        if found is None or len(self.present) < 2:
            if len(self.present) < 2:
                self.start()
            self._after(1.5, self.suspend)
            return
        if found.suspended_until:
            return
        self.note(f"process {found.process.pid} is suspended")
        found.suspended_until = time.monotonic() + SUSPENDED
        found.process.send_signal(signal.SIGSTOP)

    def end_all(self) -> None:
        """End all in good order."""
        for each in self.present:
            each.suspended_until = 0.0
            each.process.send_signal(signal.SIGCONT)
            each.process.send_signal(signal.SIGTERM)
        for each in self.present:
            each.process.wait(60)

    # What may happen to the project.

    def edit_a_schedule(self) -> None:
        """Have a pipeline go by another cron expression from now on."""
        self._rewrite(EDITED, *(each for each in self.lines if each.name != EDITED.name))

    def add_a_pipeline(self) -> None:
        self._rewrite(VISITOR, *self.lines)

    def remove_a_pipeline(self) -> None:
        self._rewrite(*(each for each in self.lines if each.name != VISITOR.name))

    def _rewrite(self, *lines: Line) -> None:
        before = {each.name: each for each in self.lines}
        # What passed while nobody was there is not made up for when the schedule is another one by then.
        told = [line["at"] for each in self.watchmen for line in each.told() if line.get("leading")]
        seen = max(map(datetime.fromisoformat, told), default=self.clock.began)
        assert seen is not None
        now = seen - timedelta(seconds=SLACK * self.clock.speed)
        after = {each.name: each for each in lines}
        self.note(f"the pipelines are edited: {', '.join(each.name for each in lines if each not in self.lines)}")
        for name in [*dict.fromkeys([*before, *after])]:
            if before.get(name) != after.get(name):
                self.versions.append(Version(name, after.get(name), now))
        self.lines = lines
        self.estate.schedule(lines)

    def break_a_file(self) -> None:
        """Have a model be nonsense for some hours."""
        path = "models/staging/planes.sql"
        good = self.estate.read(path)
        if "selecct" not in good:
            self.note("a model is broken")
            self.estate.write(path, good.replace("select", "selecct"))
            self.broken = True
            self._after(3.0, lambda: self._mend(path, good))

    def _mend(self, path: str, good: str) -> None:
        self.estate.write(path, good)
        self.broken = False

    def _after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something so many seconds of the true time later."""
        self.later.append((self.clock.now() + timedelta(seconds=seconds * self.clock.speed), action))

    def edit_a_model(self) -> None:
        """Have a mart tell something else."""
        path = "models/marts/routes.sql"
        self.note("a model is edited")
        text = self.estate.read(path)
        self.estate.write(path, text.replace("max(f.distance)", "min(f.distance) + 1"))

    def change_a_source(self) -> None:
        """Have a row of the database change, and a day be delivered again."""
        self.estate.retrofit(self.dice.choice(["N10156", "N102UW", "N103US", "N104UW"]))
        landed = sorted((self.estate.folder / "landing" / "flights").glob("2*.parquet"))
        day = datetime.fromisoformat(self.dice.choice(landed).stem).date()
        self.note(f"{day} is delivered again")
        self.estate.correct(day)

    def let_a_file_arrive(self) -> None:
        self.estate.write(f"arrivals/{self.dice.randint(1, 9)}.txt", "here\n")

    # What people do.

    def trigger(self) -> None:
        self._act(lambda here: orchestrating.trigger(here, self.dice.choice(self.lines).name, PEOPLE))

    def announce(self) -> None:
        self._act(lambda here: orchestrating.announce(here, "corrected", PEOPLE, {"number": self.dice.randint(1, 9)}))

    def cancel(self) -> None:
        """Cancel a run that has not ended."""
        with self.book() as book:
            found = [*runs.waiting_runs(book), *runs.live_runs(book)]
        if found:
            run = self.dice.choice(found)
            self.note(f"run {run.id} of {run.pipeline} is cancelled")
            self._act(lambda here: orchestrating.cancel(here, run.id, PEOPLE))

    def retry(self) -> None:
        """Have the last run that failed be done again."""
        with self.book() as book:
            found = runs.runs(book, states=(RunState.FAILED,), limit=1)
        if found:
            self._act(lambda here: orchestrating.enqueue_retry(here, found[0].id, PEOPLE))

    def retry_what_is_left(self) -> None:
        """Have those runs be done again that failed and whose ticks nothing more comes after."""
        with self.book() as book:
            left = book.query("select distinct run from tick where state = 'open' and run <> ''")
        for (run,) in left:
            self.note(f"{run} is done again")
            self._act(partial(orchestrating.enqueue_retry, run=run, who=PEOPLE))

    def pause(self) -> None:
        """Pause a pipeline for some hours."""
        name = self.dice.choice(["counting", "flaky", "each", "landing", "kathmandu"])
        self._act(lambda here: orchestrating.pause(here, name, PEOPLE))
        self.later.append((self.clock.now() + timedelta(hours=self.dice.randint(8, 30)), lambda: self._resume(name)))

    def _resume(self, name: str) -> None:
        if not self._act(lambda here: orchestrating.resume(here, name, PEOPLE)):
            self._after(0.5, lambda: self._resume(name))

    def _act(self, deed: Callable[[app.Workspace], object]) -> bool:
        """Do something; it may be refused, as where a run has ended meanwhile or a file is broken."""
        with suppress(SqlpipeError):
            deed(app.open_workspace(self.estate.folder))
            return True
        return False
