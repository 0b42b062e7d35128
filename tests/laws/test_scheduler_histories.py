"""Two schedulers, people who pause, cancel and edit, crashes, leaders that sleep, clocks that jump: in any order, every
tick is dealt with once, and no more is run than may be.

The schedulers and the journal are real; only the nodes are not: a run goes on until the history says how it ends.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.journal import AttemptRecord, AttemptState, Claim, Owner, RunRecord, RunState
from sqlpipe.domain.project import Project
from sqlpipe.domain.schedule import CatchUp, Every, On, OnOverlap, Orchestration, Pipeline, Tick, TickState
from sqlpipe.graph import dag
from sqlpipe.plan.cadence import ticks as expected_ticks
from sqlpipe.run import recover, schedule, scribe
from sqlpipe.run.board import Shop
from sqlpipe.run.recover import RESUMABLE
from sqlpipe.run.schedule import Premises, Scheduler
from sqlpipe.run.scribe import Scribe
from sqlpipe.run.walk import Code, Errand
from sqlpipe.store import attempts, happenings, lease, owners, runs, ticks
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import NOTHING, Book, Pen
from sqlpipe.store.cells import micros
from sqlpipe.store.door import open_book
from tests.station import NOON, HandClock
from tests.store.journal import watch

FINAL = {TickState.COVERED, TickState.SUPERSEDED, TickState.SKIPPED, TickState.EXPIRED}
LIVE = {RunState.RUNNING, RunState.CANCELLING}
OVER = {RunState.DONE, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED}
_PROJECT = Project("shop", "", {})
_GRAPH = dag.build(_PROJECT)


class Killed(BaseException):
    """The process is gone, at once."""


@dataclass
class Seat:
    """One of several connections to a journal in memory, which sees whether others have written."""

    book: Book
    written: list[int]
    own: int = 0

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        return self.book.query(statement, values)

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Pen]:
        inner: AbstractContextManager[Pen] = self.book.writing(durable=durable)
        with inner as pen:
            yield pen
        self.written[0] += 1
        self.own += 1

    def stamp(self) -> int:
        return self.written[0] - self.own

    def now(self) -> datetime | None:
        return None

    def close(self) -> None:
        return


@dataclass
class Going:
    """A run that goes on."""

    run: RunRecord
    attempt: AttemptRecord


class Hands:
    """In the place of the floor: takes up runs, and ends them when it is told to."""

    def __init__(self, shop: Shop) -> None:
        self.book, self.clock, self.owner = shop.scribe.book, shop.clock, shop.scribe.owner
        self.board = SimpleNamespace(walks=[], concluded=[], moved=False, arrivals=[], live={})

    def rouse(self) -> None:
        return

    def is_at_work_on(self, _nodes: Iterable[str]) -> bool:
        return False

    def add(self, errand: Errand) -> None:
        claim = Claim(errand.record.id, f"job of {errand.record.id}")
        taken = attempts.claim(self.book, claim, self.owner, self.clock.now())
        assert isinstance(taken, AttemptRecord), taken
        self.board.walks.append(Going(errand.record, taken))

    def end(self, going: Going, state: RunState) -> None:
        self.board.walks.remove(going)
        now = self.clock.now()
        tried = AttemptState.DONE if state is RunState.DONE else AttemptState.FAILED
        attempts.finish(self.book, going.attempt.id, Ending(state=tried, at=now))
        runs.step_run(self.book, going.run.id, state, now, counts={"done": 1})
        self.board.concluded.append(going.run)

    def obey(self) -> None:
        """Stop what somebody wants stopped."""
        for going in list(self.board.walks):
            found = runs.get_run(self.book, going.run.id)
            assert found is not None
            if found.state is RunState.CANCELLING:
                self.end(going, RunState.CANCELLED)


@dataclass
class Process:
    """A scheduler in a process that may die."""

    owner: Owner
    scheduler: Scheduler
    hands: Hands
    news: list[Code]

    @property
    def leads(self) -> bool:
        return self.scheduler._leadership.lease is not None


@dataclass
class Glance:
    """What is looked at of a run at every step."""

    id: str
    state: str
    pipeline: str
    owner: str
    start: int
    end: int


@dataclass
class Era:
    """A time during which one version of a pipeline was in force; `since` is from when its ticks count."""

    pipeline: Pipeline
    since: datetime


@dataclass
class World:
    """A journal, the processes at it, and what a plain reading of the rules says of both."""

    seed: int
    dice: random.Random = field(init=False)
    clock: HandClock = field(default_factory=HandClock)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    alive: set[str] = field(default_factory=set)
    eras: dict[str, list[Era]] = field(default_factory=lambda: defaultdict(list))
    fates: dict[tuple[str, int], str] = field(default_factory=dict)
    pauses: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    events: list[tuple[datetime, set[str]]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    fuse: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.written = [0]
        self.names = count(1)
        self.below = open_book(":memory:", "")
        watch(self.below)
        self.book = Seat(self.below, self.written)
        for number in range(self.dice.randint(1, 3)):
            self.pipelines[f"p{number}"] = self.some_pipeline(f"p{number}")
        if self.dice.random() < 0.4:
            self.pipelines["on"] = replace(self.some_pipeline("on"), starter=On(events=("landed",)), digest="on")
        for _ in range(2):
            self.processes.append(self.process())

    def some_pipeline(self, name: str) -> Pipeline:
        dice = self.dice
        period = dice.choice([600, 900, 3600])
        return Pipeline(
            name,
            Place(1, 1),
            starter=Every(period),
            catch_up=dice.choice(list(CatchUp)),
            on_overlap=dice.choice(list(OnOverlap)),
            window=dice.choice([3600, 7200, 86400]),
            max_active_runs=dice.choice([1, 1, 2, 3]),
            count_paused=dice.random() < 0.5,
            digest=f"every {period}",
        )

    def code(self) -> Code:
        project = replace(_PROJECT, orchestration=Orchestration(pipelines=tuple(self.pipelines.values())))
        return Code(Path(), project, _GRAPH, {})

    def process(self) -> Process:
        """Somebody starts a scheduler."""
        owner = Owner(f"process {next(self.names)}", "somewhere", 1, 1, datetime.now(UTC))
        owners.register(self.book, owner)
        self.alive.add(owner.id)
        seat = Seat(self.below, self.written)
        shop = Shop(
            hall=cast("Any", None),
            scribe=Scribe(seat, owner.id, self.clock),
            clock=self.clock,
            root=Path(),
            threads=1,
            look_at=cast("Any", None),
            owner=owner,
        )
        news: list[Code] = []
        premises = Premises(
            shop=shop,
            owner=owner,
            code=self.code(),
            news=lambda: (news.pop() if news else None, ""),
            ttl=86400,
        )
        made = Scheduler(premises)
        return Process(owner, made, cast("Hands", made._floor), news)

    # What happens

    def crash_point(self, name: str) -> None:
        if self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise Killed(name)

    def step(self) -> None:
        """One thing, whichever it is."""
        whats: list[tuple[int, Callable[[], None]]] = [
            (30, self.attend), (12, self.go_on), (10, self.finish), (4, self.pause), (5, self.resume),
            (3, self.trigger), (3, self.cancel), (2, self.edit), (4, self.announce), (3, self.retry),
            (4, self.crash), (3, self.take_over), (1, self.set_back),
        ]  # fmt: skip
        (what,) = self.dice.choices([each for _, each in whats], [weight for weight, _ in whats])
        self.told.append(what.__name__)
        what()
        self.look()

    def attend(self, process: Process | None = None) -> None:
        """One pass of a scheduler, in which it may die."""
        process = process or self.dice.choice(self.processes)
        if not process.leads:
            self.expire_of_the_dead()
            process.scheduler._leadership._try()
        process.scheduler.rouse()
        if self.dice.random() < 0.3:
            process.scheduler._known.recovered = -schedule._RECOVER
        paused = self.paused()
        before = self.scheduled_runs(paused)
        try:
            process.hands.obey()
            process.scheduler._tend()
        except Killed as killed:
            self.told.append(f"killed at {killed}")
            self.bury(process)
        self.fuse = 0
        assert before == self.scheduled_runs(paused), f"started while paused: {sorted(paused)}"

    def go_on(self) -> None:
        self.clock.move(self.dice.choice([1, 5, 10, 10, 10, 20, 45, 180]))

    def set_back(self) -> None:
        self.clock.move(-self.dice.choice([1, 15, 60]))

    def finish(self) -> None:
        process = self.dice.choice(self.processes)
        if process.hands.board.walks:
            going = self.dice.choice(process.hands.board.walks)
            found = runs.get_run(self.book, going.run.id)
            if found is not None and found.state is RunState.RUNNING:
                process.hands.end(going, self.dice.choice([RunState.DONE] * 3 + [RunState.FAILED]))

    def pause(self) -> None:
        name, now = self.dice.choice(sorted(self.pipelines)), self.clock.now()
        if ticks.pause(self.book, name, "anna", now):
            self.pauses[name].append(now)

    def resume(self, names: Iterable[str] = ()) -> None:
        for name in names or [self.dice.choice(sorted(self.pipelines))]:
            ticks.resume(self.book, name, "anna", self.clock.now())

    def paused(self) -> set[str]:
        return {name for name, row in ticks.known(self.book).items() if row.paused_at is not None}

    def trigger(self) -> None:
        name, now = self.dice.choice(sorted(self.pipelines)), self.clock.now()
        runs.create_run(self.book, self.queued(f"manual {next(self.names)}", name, now, {}))

    def queued(self, id: str, pipeline: str, now: datetime, options: Mapping[str, object]) -> RunRecord:
        options = {RESUMABLE: True, **options}
        return RunRecord(id=id, state=RunState.QUEUED, created=now, pipeline=pipeline, options=options)

    def cancel(self) -> None:
        found = [each for each in self.all_runs() if each.state not in OVER]
        if found:
            with self.book.writing() as pen:
                runs.cancel_run(pen, self.dice.choice(found).id, self.clock.now())

    def edit(self) -> None:
        name = self.dice.choice(sorted(self.pipelines))
        if name == "on":
            return
        old, fresh = self.pipelines[name], self.some_pipeline(name)
        # As few may be active as before: a smaller number does not stop what runs.
        self.pipelines[name] = replace(fresh, max_active_runs=old.max_active_runs)
        for process in self.processes:
            process.news[:] = [self.code()]

    def announce(self) -> None:
        begun = {each.id for each in self.all_runs() if each.state is not RunState.QUEUED}
        self.events.append((self.clock.now(), begun))
        happenings.note(self.book, "event", "landed", self.events[-1][0])

    def retry(self) -> None:
        failed = [each for each in self.all_runs() if each.state is RunState.FAILED and each.start is not None]
        if failed:
            old = self.dice.choice(failed)
            again = self.queued(f"again {next(self.names)}", old.pipeline, self.clock.now(), {"repeat": old.id})
            again = replace(again, parent=old.id, start=old.start, end=old.end)
            runs.create_run(self.book, again)
            ticks.retake(self.book, old.id, again.id)

    def crash(self) -> None:
        """A process is to die at the so-manieth point that it comes to, or dies where it is."""
        if self.dice.random() < 0.7:
            self.fuse = self.dice.randint(1, 6)
            self.attend()
        else:
            self.bury(self.dice.choice(self.processes))

    def bury(self, process: Process) -> None:
        self.alive.discard(process.owner.id)
        self.processes.remove(process)
        self.processes.append(self.process())

    def take_over(self) -> None:
        """The lease runs out while its holder sleeps, and another process takes it."""
        with self.book.writing() as pen:
            pen.execute("update lease set expires = 1")
        self.dice.choice(self.processes).scheduler._leadership._try()

    def expire_of_the_dead(self) -> None:
        held = lease.current(self.book)
        if held is not None and held.holder not in self.alive:
            with self.book.writing() as pen:
                pen.execute("update lease set expires = 1")

    # What has to hold at any time

    def all_runs(self) -> list[RunRecord]:
        return runs.runs(self.book, limit=100_000)

    def scheduled_runs(self, names: Iterable[str]) -> list[str]:
        """The runs of some pipelines that nobody has asked for."""
        found = "select id from run where pipeline = :name and id not like 'manual%' and id not like 'again%'"
        return [row[0] for name in names for row in self.book.query(found, {"name": name})]

    def look(self) -> None:
        rows = self.book.query("select id, state, pipeline, owner, start_at, end_at from run")
        found = {row[0]: Glance(*row) for row in rows}
        active: dict[str, int] = defaultdict(int)
        for each in found.values():
            active[each.pipeline] += each.state in LIVE
        for name, number in active.items():
            assert number <= self.pipelines[name].max_active_runs, f"{number} runs of {name} are active"
        at_work = [going.run.id for process in self.processes for going in process.hands.board.walks]
        assert len(at_work) == len(set(at_work)), "a run is carried out twice"
        for process in self.processes:
            for going in process.hands.board.walks:
                assert found[going.run.id].owner == process.owner.id
        self.look_at_ticks(found)
        self.note_eras()

    def look_at_ticks(self, found: Mapping[str, Glance]) -> None:
        rows = self.book.query("select pipeline, at, start_at, end_at, state, reason, run from tick")
        for pipeline, at, start, end, state, reason, by in rows:
            key = pipeline, at
            was = self.fates.get(key)
            if was == state and was in FINAL:
                continue
            assert was not in FINAL, f"{key} was {was}, and is {state}"
            self.fates[key] = state
            run = found.get(by)
            match TickState(state):
                case TickState.COVERED:
                    assert run is not None
                    assert run.state == RunState.DONE
                    assert run.start <= start < end <= run.end
                case TickState.TAKEN:
                    assert run is not None
                    assert run.state not in OVER, f"{key} is in a run that is {run.state}"
                case TickState.SKIPPED | TickState.EXPIRED | TickState.SUPERSEDED:
                    assert reason
            if reason == "paused":
                assert any(micros(begun) < at for begun in self.pauses[pipeline]), f"{key} was not in a pause"

    def note_eras(self) -> None:
        """From when the schedule that is in force now has been, as the journal has it."""
        for name, row in ticks.known(self.book).items():
            known = self.eras[name]
            if not known or known[-1].pipeline.digest != row.digest:
                known.append(Era(replace(self.pipelines[name], starter=_starter(row.digest)), row.seen))

    # What has to hold in the end

    def bring_to_an_end(self) -> None:
        """Everybody is awake, nobody interferes: all that is left is done."""
        self.expire_of_the_dead()
        for process in self.processes:
            process.scheduler._leadership._try()
        self.clock.shown[0] = max(self.clock.shown[0], NOON, *self.moments())
        self.resume(list(self.pipelines))
        for number in range(400):
            # What failed waits for the next tick, and for room at that time.
            if number < 8 or number % 8 == 0:
                self.clock.move(10)
            elif not self.left():
                break
            self.attend_to_all()
        self.look()
        self.look_back()

    def moments(self) -> Iterator[datetime]:
        for row in ticks.known(self.book).values():
            yield row.seen
            yield row.paused_at or NOON

    def attend_to_all(self) -> None:
        for process in list(self.processes):
            self.attend(process)
            for going in list(process.hands.board.walks):
                process.hands.end(going, RunState.DONE)
        self.look()

    def left(self) -> bool:
        unfinished = any(state not in FINAL for state in self.fates.values())
        return unfinished or bool(runs.live_runs(self.book) or runs.waiting_runs(self.book))

    def look_back(self) -> None:
        assert not attempts.live_attempts(self.book)
        left = [each.id for each in self.all_runs() if each.state not in OVER]
        assert not left, f"never ended: {left}"
        rows = ticks.ticks(self.book, limit=100_000)
        open_still = [(each.pipeline, each.tick.at, each.state.value) for each in rows if each.state not in FINAL]
        assert not open_still, f"never dealt with: {open_still}"
        for name, eras in self.eras.items():
            recorded = sorted(each.tick for each in rows if each.pipeline == name)
            assert recorded == self.expected(name, eras), f"the ticks of {name} are others than those that were due"
        self.look_back_at_events()

    def expected(self, name: str, eras: list[Era]) -> list[Tick]:
        seen = ticks.known(self.book)[name].seen
        found: list[Tick] = []
        for era, following in zip(eras, [*eras[1:], None], strict=True):
            last = seen if following is None else following.since
            due = expected_ticks(era.pipeline, era.since, last, 100_000)
            if following is not None:
                # What had not been recorded when the schedule was edited is no more.
                due = tuple(each for each in due if (name, micros(each.at)) in self.fates)
            found += due
        return found

    def look_back_at_events(self) -> None:
        if "on" not in self.pipelines or not self.events:
            return
        last = happenings.since(self.book, 0, 100_000)[-1].seq
        assert ticks.known(self.book)["on"].cursor == last
        found = {each.id for each in self.all_runs() if each.pipeline == "on"}
        for at, begun in self.events:
            assert found - begun or at <= self.eras["on"][0].since, f"nobody heard of {at}"


def _starter(digest: str) -> Every | On:
    return On(events=("landed",)) if digest == "on" else Every(int(digest.split()[1]))


@contextmanager
def _in(world_of: Callable[[], World]) -> Iterator[World]:
    with patch.object(schedule, "Floor", Hands):
        world = world_of()
        with (
            patch.object(schedule, "crash_point", world.crash_point),
            patch.object(recover, "crash_point", world.crash_point),
            patch.object(scribe, "crash_point", world.crash_point),
            patch.object(recover, "is_alive", lambda owner, _now: owner.id in world.alive),
        ):
            yield world
        world.below.close()


def tell(seed: int, steps: int) -> None:
    """One history; where something does not hold, its number and what had happened are told."""
    with _in(lambda: World(seed)) as world:
        try:
            for process in list(world.processes):
                world.attend(process)
            world.look()
            for _ in range(steps):
                world.step()
            world.bring_to_an_end()
        except Exception as error:
            shown = [f"{each.name}: {each}" for each in world.pipelines.values()]
            raise AssertionError("\n".join([f"history {seed}: {error}", *shown, ", ".join(world.told)])) from error


@pytest.mark.catalogue("D1", "D3", "D8", "D9", "M2", "M5", "M6", "M7", "M9", "E1", "E4", "F3", "Z9")
def test_any_history_ends_well() -> None:
    for seed in range(30):
        tell(seed, 60)


@pytest.mark.slow
@pytest.mark.catalogue("D1", "D3", "D8", "D9", "M2", "M5", "M6", "M7", "M9", "E1", "E4", "F3", "Z9")
@pytest.mark.parametrize("part", range(8))
def test_two_thousand_histories_end_well(part: int) -> None:
    for seed in range(1000 + part * 250, 1000 + part * 250 + 250):
        tell(seed, 80)


def test_a_state_that_must_not_be_is_noticed() -> None:
    """Who watches the watchman: a tick that is recorded once more than it was due is found out."""
    with _in(lambda: World(3)) as world:
        for process in list(world.processes):
            world.attend(process)
        for _ in range(5):
            world.go_on()
            world.attend()
        with world.book.writing() as pen:
            pen.execute("delete from tick where at = (select min(at) from tick)")
        with pytest.raises(AssertionError, match="are others than those that were due"):
            world.bring_to_an_end()
