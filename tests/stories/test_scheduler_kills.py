"""Killing or suspending the scheduler at named points: every tick is run once, and every effect comes as often as it
may."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from sqlpipe.domain.journal import AttemptState, RunRecord, RunState
from sqlpipe.domain.schedule import TickState
from sqlpipe.store import attempts, lease, runs, ticks
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.stories.scheduler_child import BEGAN, SPEED, TTL

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals; run it on Linux or macOS")

CHILD = Path(__file__).with_name("scheduler_child.py")
PATIENCE = 60.0
STEP = timedelta(minutes=10)

FILES = {
    "sqlpipe.yml": "name: shop\npipelines:\n  often:\n    select: '*'\n    every: 10m\n",
    "profiles.yml": "shop:\n  outputs:\n    dev: {type: duckdb, path: shop.db, threads: 2, journal: journal.db}\n",
    "models/raw/orders.sql": "/* sqlpipe\nkind: ingest\nfrom: landing/*.csv\ncursor: files\ntime: day\n*/\n",
    "models/marts/daily.sql": """/* sqlpipe
kind: incremental
time: {column: day, batch: 1}
*/
select day, count(*) as orders, sum(amount) as amount from raw.orders group by day
""",
    "models/marts/total.sql": "/* sqlpipe\nkind: table\n*/\nselect sum(amount) as amount from marts.daily\n",
    "tasks/notify.yml": """bash: |
  echo "$SQLPIPE_START $SQLPIPE_END $SQLPIPE_IDEMPOTENCY_KEY" >> noted
  sleep ${SLOW_NOTIFY:-0}
effects: idempotent
after: [marts.total]
""",
    "tasks/mail.yml": """bash: |
  echo "$SQLPIPE_START $SQLPIPE_END" >> sent
  sleep ${SLOW_MAIL:-0}
effects: unsafe
after: [notify]
""",
}

# What every process comes by, in the order in which it does; some only the first time, or after another crash.
AT_FIRST = ["met", "ruled", "carried-out", "run-claimed", "run-started", "inserted"]
ON_THE_WAY = ["claimed", "staged", "written", "recorded", "published", "attempt-ended", "spawned", "walked"]
AFTER_A_CRASH = ["given-up", "put-back", "recovered"]
# The point, and which time; the last of these hit the task that is unsafe.
POINTS = [
    *((each, 1) for each in AT_FIRST),
    *((each, 1) for each in ON_THE_WAY),
    *((each, 1) for each in AFTER_A_CRASH),
    ("claimed", 5),
    ("spawned", 2),
    ("attempt-ended", 5),
]
# What is killed while a task has only just begun leaves a process behind.
SLOW = {"spawned:1": {"SLOW_NOTIFY": "30"}, "spawned:2": {"SLOW_MAIL": "30"}}


@dataclass
class Story:
    """A project whose schedulers come and go."""

    root: Path
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    landed: int = 0
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path, text in FILES.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text)
        (self.root / "landing").mkdir()
        self.land()
        self.book().close()

    def book(self) -> Book:
        return open_book(str(self.root / "journal.db"), "")

    def land(self) -> None:
        self.landed += 1
        day = f"2026-04-{1 + self.landed % 28:02}"
        rows = "".join(f"{self.landed * 100 + row},{day},{self.dice.randint(1, 99)}\n" for row in range(5))
        (self.root / "landing" / ".new").write_text("id,day,amount\n" + rows)
        (self.root / "landing" / ".new").rename(self.root / "landing" / f"{self.landed:04}.csv")

    def start(self, kill_at: str = "") -> subprocess.Popen[bytes]:
        environ = {**os.environ, "SQLPIPE_KILL_AT": kill_at, **SLOW.get(kill_at, {})}
        with (self.root / "errors").open("ab") as errors:
            child = subprocess.Popen([sys.executable, str(CHILD), str(self.root)], env=environ, stderr=errors)
        self.children.append(child)
        return child

    def crash(self, point: str, number: int = 1) -> None:
        """Run a scheduler until it comes to a point and is killed there."""
        child = self.start(f"{point}:{number}")
        try:
            assert child.wait(PATIENCE) == -signal.SIGKILL
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it never came to {point} for the {number}. time") from None

    def suspend(self, point: str, number: int = 1) -> subprocess.Popen[bytes]:
        """Run a scheduler until it comes to a point and is suspended there."""
        child = self.start(f"{point}:{number}:STOP")
        self.wait(lambda: is_suspended(child) or child.poll() is not None, f"it never came to {point}")
        assert child.poll() is None, self.errors()
        while self.is_locked():
            # Another of its threads was in the midst of a write: until it goes on, nobody can write to a SQLite file.
            child.send_signal(signal.SIGCONT)
            time.sleep(0.001)
            child.send_signal(signal.SIGSTOP)
        return child

    def is_locked(self) -> bool:
        with closing(sqlite3.connect(self.root / "journal.db", timeout=0.1, isolation_level=None)) as journal:
            try:
                journal.execute("begin immediate")
            except sqlite3.OperationalError:
                return True
            journal.execute("rollback")
            return False

    def now(self) -> datetime:
        since = float((self.root / "clock").read_text()) if (self.root / "clock").exists() else time.monotonic()
        return BEGAN + timedelta(seconds=(time.monotonic() - since) * SPEED)

    def wait(self, holds: object, otherwise: str) -> None:
        assert callable(holds)
        latest = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < latest, f"{otherwise}\n{self.picture()}\n{self.errors()}"
            time.sleep(0.02)

    def settle(self, ticks_more: int = 1) -> None:
        """Have a scheduler go on until so many more ticks have come, and all up to them have been dealt with."""
        # What has landed last is taken in by the next run that begins.
        until = self.now() + (ticks_more + 1) * STEP
        with closing(self.book()) as book:
            self.wait(lambda: self.now() > until and not self.unsettled(book, until), f"not settled until {until}")

    def unsettled(self, book: Book, until: datetime) -> list[str]:
        """The ticks until then that are not covered, but for those that wait for a person."""
        rows = [each for each in ticks.ticks(book, limit=10_000) if each.tick.at <= until]
        known = max((each.tick.at for each in rows), default=BEGAN)
        left = [f"{each.tick.at}: {each.state}" for each in rows if each.state is not TickState.COVERED]
        asked = {each.tick.at for each in rows if each.run in self.asking(book)}
        left = [each for each in left if datetime.fromisoformat(each.partition(": ")[0]) not in asked]
        return left if known + STEP > until else [*left, f"nothing after {known}"]

    def asking(self, book: Book) -> set[str]:
        return {
            each.id
            for each in runs.runs(book, limit=10_000)
            if each.state is RunState.FAILED
            and any("may have happened or not" in node.detail for node in attempts.nodes(book, each.id))
        }

    def stop(self) -> None:
        """Have all schedulers end in good order."""
        (self.root / "stop").touch()
        for child in self.children:
            if child.poll() is None:
                assert child.wait(PATIENCE) == 0, self.errors()
        (self.root / "stop").unlink()

    def errors(self) -> str:
        return (self.root / "errors").read_text() if (self.root / "errors").exists() else ""

    def picture(self) -> str:
        with closing(self.book()) as book:
            return "\n".join(
                [
                    *(f"tick {each.tick.at:%H:%M} {each.state} {each.run}" for each in ticks.ticks(book)),
                    *(f"run {each.id} {each.state} {each.reason}" for each in runs.runs(book)),
                    *(f"{each.run} {each.node} {each.number} {each.state}" for each in attempts.attempts(book)),
                ]
            )

    # What has to hold in the end

    def check(self) -> None:
        with closing(self.book()) as book:
            self.check_ticks(book)
            self.check_runs(book)
            self.check_effects(book)
        self.check_tables()
        assert not self.strays()
        assert "Traceback" not in self.errors(), self.errors()

    def check_ticks(self, book: Book) -> None:
        rows = sorted(ticks.ticks(book, limit=10_000), key=lambda each: each.tick)
        assert len(rows) >= 2
        for one, other in pairwise(rows):
            assert other.tick.at - one.tick.at == STEP, "each instant once, and none left out"
            assert other.tick.start == one.tick.end
        taken = {TickState.COVERED, TickState.TAKEN, TickState.OPEN}
        assert {each.state for each in rows} <= taken, self.picture()
        assert all(each.run for each in rows if each.state is not TickState.OPEN)

    def check_runs(self, book: Book) -> None:
        assert not attempts.live_attempts(book)
        found = runs.runs(book, limit=10_000)
        assert not [each for each in found if each.state in (RunState.RUNNING, RunState.CANCELLING)]
        asking = self.asking(book)
        assert {each.id for each in found if each.state is RunState.FAILED} == asking, self.picture()
        spans = sorted(span(each) for each in found)
        assert all(one[1] == other[0] for one, other in pairwise(spans)), f"a run for each time, once\n{self.picture()}"
        for each in found:
            rows = ticks.ticks_of(book, each.id)
            assert span(each) == (rows[0].tick.start, rows[-1].tick.end)

    def check_effects(self, book: Book) -> None:
        done = {span(each): each for each in runs.runs(book, limit=10_000) if each.state is RunState.DONE}
        noted = [line.split() for line in self.lines("noted")]
        keys = {(start, key) for start, _end, key in noted}
        assert len(keys) == len({start for start, _ in keys}), "never two keys for one interval"
        assert len(keys) == len({key for _, key in keys}), "never one key for two intervals"
        sent = Counter(line.split()[0] for line in self.lines("sent"))
        assert not [each for each, number in sent.items() if number > 1], f"unsafe, and twice\n{self.picture()}"
        for start, _end in done:
            assert start.isoformat() in {each for each, _ in keys}
            assert sent[start.isoformat()] == 1

    def check_tables(self) -> None:
        with duckdb.connect(str(self.root / "shop.db"), read_only=True) as db:
            landed = f"read_csv('{self.root}/landing/*.csv')"
            for query, table in (
                (f"select id, day, amount from {landed}", "(select id, day, amount from raw.orders)"),
                (f"select day, count(*), sum(amount) from {landed} group by day", "marts.daily"),
                (f"select sum(amount) from {landed}", "marts.total"),
            ):
                differ = f"(from ({query}) except all from {table}) union all (from {table} except all from ({query}))"
                assert db.execute(differ).fetchall() == [], table

    def lines(self, name: str) -> list[str]:
        return (self.root / name).read_text().splitlines() if (self.root / name).exists() else []

    def strays(self) -> list[str]:
        """What still runs for a task of this project."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                ours = "SQLPIPE_RUN=" in path.read_text(errors="replace")
                if ours and (path.parent / "cwd").samefile(self.root):
                    found.append(path.parent.joinpath("cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


def span(run: RunRecord) -> tuple[datetime, datetime]:
    assert run.start is not None
    assert run.end is not None
    return run.start, run.end


def is_suspended(child: subprocess.Popen[bytes]) -> bool:
    stat = Path(f"/proc/{child.pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "T"


@pytest.fixture
def story(tmp_path: Path) -> object:
    made = Story(tmp_path)
    yield made
    for child in made.children:
        if child.poll() is None:
            child.kill()
            child.wait()


def prepare(story: Story, point: str) -> None:
    """Bring about what has to be so that a scheduler comes by a point."""
    if point in AFTER_A_CRASH:
        story.crash("claimed")
    elif point == "staged":
        story.crash("walked")
        story.land()


@pytest.mark.catalogue("D3", "D8", "D13", "M1", "Z6", "A1")
@pytest.mark.parametrize(("point", "number"), POINTS)
def test_a_scheduler_killed_at_a_named_point_is_followed_by_one_that_loses_and_doubles_nothing(
    story: Story, point: str, number: int
) -> None:
    prepare(story, point)
    story.crash(point, number)
    story.land()
    story.start()
    story.settle()
    story.stop()
    story.check()


@pytest.mark.catalogue("D1", "D11", "Z7")
@pytest.mark.parametrize("point", ["carried-out", "attempt-ended"])
def test_a_scheduler_suspended_for_longer_than_its_lease_does_no_harm_when_it_goes_on(story: Story, point: str) -> None:
    suspend_and_go_on(story, point, 1)


def suspend_and_go_on(story: Story, point: str, number: int) -> None:
    prepare(story, point)
    sleeper = story.suspend(point, number)
    story.start()
    try:
        with closing(story.book()) as book:
            held = lease.current(book)
            pid = held.pid if held else 0
            story.wait(lambda: (now := lease.current(book)) is not None and now.pid != pid, "nobody took over")
        time.sleep(TTL / 2)
        story.land()
    finally:
        sleeper.send_signal(signal.SIGCONT)
    story.settle()
    story.stop()
    story.check()


@pytest.mark.slow
@pytest.mark.catalogue("D3", "D8", "D11", "D13", "Z4")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("point", "number"), POINTS)
def test_any_point_suspended_or_killed_again_and_again(story: Story, point: str, number: int, seed: int) -> None:
    dice = random.Random(f"{point} {number} {seed}")
    for _ in range(dice.randint(1, 2)):
        story.crash(dice.choice([*AT_FIRST[:4], "claimed", "claimed"]))
        story.land()
    if point == "inserted" or dice.random() < 0.5:
        prepare(story, point)
        story.crash(point, number)
        story.land()
        story.start()
        story.settle()
        story.stop()
        story.check()
    else:
        suspend_and_go_on(story, point, number)


@pytest.mark.slow
@pytest.mark.catalogue("D1", "D3", "D8", "Z4", "Z6")
@pytest.mark.parametrize("seed", range(5))
def test_schedulers_that_are_killed_at_random_moments(story: Story, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(12):
        child = story.start()
        time.sleep(dice.uniform(0.3, 2.5))
        child.kill()
        child.wait()
        story.land()
    story.start()
    story.settle()
    story.stop()
    story.check()


@pytest.mark.catalogue("Z9")
def test_no_attempt_is_left_running_by_a_scheduler_that_stops_in_good_order(story: Story) -> None:
    story.start()
    story.settle()
    story.stop()
    story.check()
    with closing(story.book()) as book:
        assert AttemptState.LOST not in {each.state for each in attempts.attempts(book)}
