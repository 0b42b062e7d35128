"""A scheduler that is led by hand, pass by pass, under a clock that stands still until it is told to move."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlpipe import app
from sqlpipe.app.running import code_of
from sqlpipe.app.serving import _Watcher, state_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.history import Event
from sqlpipe.domain.journal import Owner, RunRecord, RunState
from sqlpipe.domain.schedule import TickState
from sqlpipe.engine.door import open_engine
from sqlpipe.run import schedule
from sqlpipe.run.board import Shop
from sqlpipe.run.clock import Clock
from sqlpipe.run.execute import registered
from sqlpipe.run.hall import opened
from sqlpipe.run.outlook import Outlook
from sqlpipe.run.owner import this_process
from sqlpipe.run.schedule import Premises, Scheduler
from sqlpipe.run.scribe import Scribe
from sqlpipe.store import lease, runs, ticks
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from sqlpipe.store.ticks import TickRow

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
PROFILES = "shop:\n  outputs:\n    dev: {type: duckdb, path: shop.db, threads: 2}\n"
PATIENCE = 30.0


@dataclass(frozen=True)
class HandClock(Clock):
    """A clock that shows what it is told to."""

    shown: list[datetime] = field(default_factory=lambda: [NOON])

    def now(self) -> datetime:
        # It never stands quite still: nothing that is done later bears the same time.
        self.shown[0] += timedelta(microseconds=1)
        return self.shown[0]

    def pause(self, until: datetime) -> float:
        return 0.0 if until <= self.now() else 0.005

    def show(self, minutes: float) -> None:
        """So many minutes after noon."""
        self.shown[0] = NOON + timedelta(minutes=minutes)

    def move(self, minutes: float) -> None:
        self.shown[0] += timedelta(minutes=minutes)


@dataclass
class Station:
    """A project with pipelines, its journal and its clock."""

    root: Path
    clock: HandClock = field(default_factory=HandClock)
    journal: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        self.write("profiles.yml", PROFILES)
        self.journal = self.journal if self.journal[0] else (str(self.root / "journal.db"), "")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def pipelines(self, text: str) -> None:
        """The pipelines of the project, as they are written below `pipelines:`."""
        self.write("sqlpipe.yml", "name: shop\npipelines:\n" + re.sub("^", "  ", text.strip("\n"), flags=re.MULTILINE))

    def task(self, name: str, bash: str, more: str = "") -> None:
        script = re.sub("^", "  ", bash, flags=re.MULTILINE)
        self.write(f"tasks/{name}.yml", f"bash: |\n{script}\n{more}\n")

    def open(self) -> Workspace:
        return app.open_workspace(self.root)

    def lines(self, path: str) -> list[str]:
        file = self.root / path
        return file.read_text(encoding="utf-8").split() if file.exists() else []

    @contextmanager
    def book(self) -> Iterator[Book]:
        with closing(open_book(*self.journal)) as book:
            yield book

    @contextmanager
    def dispatcher(self, owner: Owner | None = None) -> Iterator[Dispatcher]:
        """A scheduler of this project, which leads if nobody else does; it ends as a process does that is killed."""
        owner = owner or this_process(datetime.now(UTC), "test")
        path = str(self.root / "shop.db")
        with (
            closing(open_book(*self.journal)) as book,
            registered(book, owner),
            opened(path, partial(open_engine, {"type": "duckdb", "path": path})) as hall,
        ):
            shop = Shop(
                hall=hall,
                scribe=Scribe(book, owner.id, self.clock),
                clock=self.clock,
                root=self.root,
                threads=2,
                pools={},
                target="dev",
                look=0.005,
                look_at=Outlook(self.root, "dev", book),
                owner=owner,
            )
            watcher = _Watcher(self.root, state_of(self.root))
            told: list[Event] = []
            premises = Premises(
                shop=shop,
                owner=owner,
                code=code_of(self.open()),
                news=watcher.news,
                on_event=told.append,
                ttl=86400,
            )
            found = Dispatcher(self, Scheduler(premises), book, watcher, told)
            try:
                found.seize()
                found.turn()
                yield found
            finally:
                found.leave()


@dataclass
class Dispatcher:
    """Leads a scheduler from one pass to the next, and reads in its journal."""

    station: Station
    scheduler: Scheduler
    book: Book
    watcher: _Watcher
    told: list[Event]

    def seize(self) -> bool:
        """Try for the lease; whether it is held."""
        self.scheduler._leadership._try()
        return self.scheduler._leadership.lease is not None

    def give_back(self) -> None:
        """Give the lease back."""
        held, self.scheduler._leadership._lease = self.scheduler._leadership._lease, None
        assert held is not None
        lease.release(self.book, held)

    def run_out(self) -> None:
        """Let the lease run out without this scheduler's noticing, as if it had been suspended."""
        with self.book.writing() as pen:
            pen.execute("update lease set expires = 1")

    def leave(self) -> None:
        """End, with what runs stopped."""
        self.scheduler._floor.lay_down()
        while self.scheduler._floor.busy:
            self.scheduler._floor.step(self.station.clock.now())
        self.scheduler._floor.close()

    def turn(self) -> None:
        """One pass, in which everything is looked at."""
        self.station.clock.move(1 / 3000)
        self.scheduler.rouse()
        self.scheduler._known.recovered = -schedule._RECOVER
        self.scheduler._floor._looked = 0.0
        self.scheduler._floor.step(self.scheduler._attend())

    def until(self, holds: Callable[[], object]) -> None:
        """Pass after pass until something holds."""
        latest = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < latest, [(each.id, each.state) for each in self.runs()]
            self.turn()

    def rest(self) -> None:
        """Until there is nothing more to do for now."""
        idle = 0

        def is_idle() -> bool:
            nonlocal idle
            idle = 0 if self.scheduler._floor.busy or runs.waiting_runs(self.book) else idle + 1
            return idle > 2

        self.turn()
        self.until(is_idle)

    def at(self, minutes: float) -> None:
        """Move the clock to so many minutes after noon, and do what is to be done then."""
        self.station.clock.show(minutes)
        self.rest()

    def reload(self) -> None:
        """See the project as it is written now."""
        self.watcher._seen = ""
        self.watcher.look()
        self.turn()

    def runs(self, pipeline: str | None = None) -> list[RunRecord]:
        """All runs, oldest first."""
        return runs.runs(self.book, pipeline=pipeline, limit=10_000)[::-1]

    def states(self, pipeline: str | None = None) -> list[str]:
        return [each.state.value for each in self.runs(pipeline)]

    def spans(self, pipeline: str | None = None) -> list[tuple[int, int]]:
        """The intervals of the runs, in minutes after noon."""
        return [
            (minutes(each.start), minutes(each.end))
            for each in self.runs(pipeline)
            if each.start is not None and each.end is not None
        ]

    def ticks(self, pipeline: str = "") -> list[TickRow]:
        return ticks.ticks(self.book, pipeline=pipeline, limit=10_000)[::-1]

    def fates(self, pipeline: str = "") -> dict[int, str]:
        """What became of the ticks, by their minutes after noon."""
        return {minutes(each.tick.at): each.state.value for each in self.ticks(pipeline)}

    def reasons(self, state: TickState) -> set[str]:
        return {each.reason for each in self.ticks() if each.state is state}

    def finished(self, state: RunState = RunState.DONE) -> int:
        return sum(each.state is state for each in self.runs())


def minutes(moment: datetime) -> int:
    return round((moment - NOON).total_seconds() / 60)


def elsewhere(name: str, seen: datetime) -> Owner:
    """A process on another host."""
    return replace(this_process(seen, "test"), id=name, host="elsewhere", seen=seen)
