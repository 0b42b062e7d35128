"""The scheduler: leads or waits to lead, rules on pipelines, starts their runs, and has the floor carry them out."""

from __future__ import annotations

import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from uuid import uuid4

from sqlpipe.domain.history import Event
from sqlpipe.domain.journal import Happening, Lease, NodeRecord, Owner, RunRecord, RunState
from sqlpipe.domain.schedule import On, Order, Pipeline, Ruling, Standing, Tick, TickState
from sqlpipe.domain.task import Effects, Mishap, Task
from sqlpipe.graph.select import Selection
from sqlpipe.plan.cadence import Agenda, next_tick, ticks
from sqlpipe.plan.catch_up import rule
from sqlpipe.run.board import Shop
from sqlpipe.run.crash import crash_point
from sqlpipe.run.floor import Floor
from sqlpipe.run.hall import Lend
from sqlpipe.run.leadership import Leadership
from sqlpipe.run.recover import RESUMABLE, Recovered, recover
from sqlpipe.run.walk import FINAL, Code, Errand
from sqlpipe.store import attempts, happenings, messages, runs
from sqlpipe.store import ticks as books
from sqlpipe.store.book import JournalAway
from sqlpipe.store.ticks import PipelineRow

# So often (seconds) it is looked whether another program has written to the journal.
LOOK = 0.5
# So many ticks are ruled on at once; after a long time away there may be many more, which come next.
_MOST = 1000
# So often (seconds) processes that have died are looked for.
_RECOVER = 10.0
# A scheduler that is to end waits so long (seconds) for a journal that is away.
_PATIENCE = 30.0
# A pipeline that cannot be ruled on because of a bug is tried again after so long.
_AFTER_FAULT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Status:
    """How the scheduler is, for those who watch it; times of waiting in seconds."""

    leading: bool
    epoch: int
    holder: str
    heartbeat_age: float
    last_tick: datetime | None
    next_tick: datetime | None
    due_intervals: int
    loop_seconds: float
    ticks: Mapping[str, int]
    attempts: Mapping[str, int]
    active_runs: int
    queued_runs: int
    project_problem: str
    journal_problem: str
    outbox_stuck: int
    started: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a scheduler works with: what its runs share, who it is, and how it gets to know of the project.

    `news` gives the project when it has changed since it was last asked, and what is wrong with it when it cannot be
    loaded. `on_event` is told everything that happens in runs.
    """

    shop: Shop
    owner: Owner
    code: Code
    news: Callable[[], tuple[Code | None, str]]
    on_event: Callable[[Event], None] = field(default=lambda _event: None)
    lead: bool = True
    ttl: float = 15.0


@dataclass(slots=True)
class _Known:
    """What the scheduler has found out of the pipelines, and which of them have to be ruled on.

    Those that are `held_up` have ticks that wait for room, which any write of another process may make. Those that are
    `patient` have been stirred, and wait until more of what they follow has come to its end.
    """

    rows: dict[str, PipelineRow] = field(default_factory=dict)
    agenda: Agenda = field(default_factory=Agenda)
    dirty: set[str] = field(default_factory=set)
    held_up: set[str] = field(default_factory=set)
    patient: set[str] = field(default_factory=set)
    stamp: int = -1
    looked: float = 0.0
    recovered: float = 0.0


class Scheduler:
    """Runs on a thread of its own from `start` to `stop`; never ends because of an error."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._shop = premises.shop
        self._book = premises.shop.scribe.book
        self._code = premises.code
        self._problem = ""
        self._faults: dict[str, str] = {}
        self._floor = Floor(premises.shop)
        self._leadership = Leadership(self._book, premises.owner, ttl=premises.ttl)
        self._known = _Known()
        self._epoch = 0
        self._stopping = threading.Event()
        self._grace = 0.0
        self._loop_seconds = 0.0
        self._last_tick: datetime | None = None
        self._next_tick: datetime | None = None
        self._started = datetime.now(UTC)
        self._thread = threading.Thread(target=self._live, name="sqlpipe-scheduler")

    @property
    def lend(self) -> Lend:
        """Gives a session in the database to those who only read, on any thread, beside what runs."""
        return self._shop.hall.lend

    def start(self) -> None:
        """Begin."""
        if self._premises.lead:
            self._leadership.start()
        self._thread.start()

    def stop(self, grace: float) -> None:
        """Begin nothing more, give what runs `grace` seconds to end, lay down the rest; returns when that is done."""
        self._grace = grace
        self._stopping.set()
        self._floor.rouse()
        self._thread.join()
        if self._premises.lead:
            self._leadership.stop()

    @property
    def code(self) -> Code:
        """The project as it is in force."""
        return self._code

    @property
    def leads(self) -> bool:
        """Whether this process schedules."""
        return self._premises.lead and self._leadership.lease is not None

    def rouse(self) -> None:
        """Look at once: something has been written to the journal."""
        self._known.looked = 0.0
        self._floor.rouse()

    def status(self) -> Status:
        """How things stand; callable from any thread. Raises JournalAway."""
        held, other = self._leadership.lease, self._leadership.other
        counted = books.counts(self._book)
        return Status(
            leading=held is not None,
            epoch=held.epoch if held else other.epoch if other else 0,
            holder=held.holder if held else other.holder if other else "",
            heartbeat_age=self._leadership.age,
            last_tick=self._last_tick,
            next_tick=self._next_tick,
            due_intervals=counted.get(TickState.OPEN, 0) + counted.get(TickState.TAKEN, 0),
            loop_seconds=self._loop_seconds,
            ticks={state.value: number for state, number in counted.items()},
            attempts=attempts.counts(self._book),
            active_runs=len(self._floor.board.walks),
            queued_runs=len(runs.waiting_runs(self._book)),
            project_problem=self._problem or "; ".join(self._faults.values()),
            journal_problem=self._shop.scribe.away,
            outbox_stuck=messages.stuck(self._book),
            started=self._started,
        )

    def _live(self) -> None:
        while not self._stopping.is_set():
            try:
                self._floor.step(self._attend())
            except Exception:  # noqa: BLE001 - a bug in one pass must not end the scheduler: it is told, and tried again
                traceback.print_exc()
                sleep(1)
        self._wind_up()

    def _attend(self) -> datetime:
        """One pass, whatever goes wrong in it: what runs goes on even while nothing can be decided."""
        began = monotonic()
        try:
            return self._tend()
        except JournalAway as error:
            self._shop.scribe.away = str(error)
        except Exception:  # noqa: BLE001 - see above
            traceback.print_exc()
        finally:
            self._loop_seconds = monotonic() - began
        return self._later(LOOK)

    def _wind_up(self) -> None:
        """Let what runs come to its end, as long as there is grace; lay down the rest for the next process."""
        self._floor.drain()
        until = monotonic() + self._grace
        while self._floor.board.live and monotonic() < until:
            self._floor.step(self._later(0.1))
        self._floor.lay_down()
        until = monotonic() + _PATIENCE
        while self._floor.busy and (monotonic() < until or not self._shop.scribe.away):
            self._floor.step(self._later(0.1))
        self._floor.close()
        # What cannot be written even then, the next process finds out by itself.
        while not self._shop.scribe.flush() and monotonic() < until:
            self._shop.scribe.wait()

    def _later(self, seconds: float) -> datetime:
        return self._shop.clock.now() + timedelta(seconds=seconds * self._shop.clock.speed)

    def _tend(self) -> datetime:
        """One pass over everything that is to be decided; when the next one is due at the latest."""
        now = self._shop.clock.now()
        lease = self._leadership.lease if self._premises.lead else None
        self._hear_news()
        if lease is not None and lease.epoch != self._epoch:
            self._take_office(lease, now)
        look = self._later(LOOK)
        if lease is None or lease.epoch != self._epoch:
            self._next_tick = None
            return look
        self._look_around(lease, now)
        self._rule(lease, now)
        self._start_runs(lease, now)
        following = self._next_tick = self._known.agenda.next()
        return min(look, following) if following is not None and lease.epoch == self._epoch else look

    def _hear_news(self) -> None:
        """Take up the project as it is written now; a broken one leaves the last good one in force."""
        code, self._problem = self._premises.news()
        if code is not None:
            self._code = code
            self._epoch = 0  # the pipelines may be others: take office anew

    def _take_office(self, lease: Lease, now: datetime) -> None:
        """Begin to lead: take up what others have left, and get to know the pipelines."""
        recover(self._book, now)
        crash_point("recovered")
        digests = {name: each.digest for name, each in self._pipelines().items()}
        rows = books.meet(self._book, lease, digests, now, true=datetime.now(UTC))
        crash_point("met")
        if digests.keys() <= rows.keys():  # otherwise the lease has run out meanwhile
            self._known = _Known(rows=rows, dirty=set(rows), recovered=monotonic())
            self._faults = {}
            self._epoch = lease.epoch

    def _pipelines(self) -> dict[str, Pipeline]:
        return {each.name: each for each in self._code.project.orchestration.pipelines}

    def _look_around(self, lease: Lease, now: datetime) -> None:
        """Find out what others have written: pauses, events, runs; and whether a process has died."""
        known, real = self._known, monotonic()
        if real - known.recovered > _RECOVER:
            known.recovered = real
            if recover(self._book, now) != Recovered():
                known.dirty |= set(known.rows)
            self._take_back(now)
        if real - known.looked < LOOK and not self._floor.board.concluded:
            return
        known.looked = real
        while self._floor.board.concluded:
            ended = self._floor.board.concluded.pop()
            known.dirty.add(ended.pipeline)
        known.dirty |= known.patient
        stamp = self._book.stamp()
        if stamp == known.stamp and not self._floor.board.moved:
            return
        self._floor.board.moved = False
        try:
            happenings.number(self._book, lease)
            rows = books.known(self._book)
        except JournalAway:
            self._floor.board.moved = True  # to be looked at again
            raise
        known.dirty |= {name for name, row in rows.items() if row != known.rows.get(name)} | known.held_up
        known.dirty |= {name for name, each in self._pipelines().items() if isinstance(each.starter, On)}
        known.rows, known.stamp = rows, stamp

    def _take_back(self, now: datetime) -> None:
        """Carry out what is ours by the journal and that nobody here knows of: the answer to a claim got lost."""
        if not self._shop.scribe.flush():
            return
        board, own = self._floor.board, self._premises.owner.id
        carried = {each.run.id for each in board.walks} | {each.record.id for each in board.arrivals}
        for record in runs.live_runs(self._book):
            if record.owner == own and record.id not in carried:
                stopped = record.state is RunState.CANCELLING
                runs.step_run(self._book, record.id, RunState.CANCELLED if stopped else RunState.QUEUED, now)

    def _rule(self, lease: Lease, now: datetime) -> None:
        """Rule on every pipeline that is due, or of which something has changed."""
        known, pipelines = self._known, self._pipelines()
        names = [*known.agenda.due(now), *sorted(known.dirty)]
        if not names:
            return
        waiting = runs.waiting_runs(self._book)
        # A run that was interrupted, or that repeats another one, has nodes that are done: it takes nothing more along.
        live = _by_pipeline([*runs.live_runs(self._book), *filter(_is_under_way, waiting)])
        queued = _by_pipeline(each for each in waiting if not _is_under_way(each))
        for name in dict.fromkeys(names):
            row = known.rows.get(name)
            if row is None or name not in pipelines:
                known.dirty.discard(name)
                known.agenda.drop(name)
                continue
            known.dirty.add(name)  # until it has been ruled on, whatever comes between
            try:
                if self._rule_one(lease, pipelines[name], row, now, (live[name], queued[name])):
                    known.dirty.discard(name)
                self._faults.pop(name, None)
            except JournalAway:
                raise
            except Exception as error:  # noqa: BLE001 - one pipeline that cannot be ruled on does not stop the others
                traceback.print_exc()
                known.dirty.discard(name)
                known.agenda.plan(name, now + _AFTER_FAULT)
                self._faults[name] = f"pipeline {name} cannot be ruled on: {type(error).__name__}: {error}"

    def _rule_one(
        self, lease: Lease, pipeline: Pipeline, row: PipelineRow, now: datetime, held: tuple[list[str], list[str]]
    ) -> bool:
        """Rule on a pipeline and have that carried out; False where there is more to rule on."""
        known, name = self._known, pipeline.name
        fresh = ticks(pipeline, row.seen, now, _MOST)
        oldest, left = now - timedelta(seconds=pipeline.window), self._left(name, fresh)
        waiting = tuple(each for each in books.open_ticks(self._book, name) if each not in left or each.at < oldest)
        stirred, cursor, more = self._stirred(pipeline, row)
        standing = Standing(
            now=now,
            seen=row.seen,
            waiting=waiting,
            active=tuple(held[0]),
            queued=tuple(held[1]),
            paused_at=row.paused_at,
            stirred=tuple(dict.fromkeys(each.subject for each in stirred)),
        )
        ruling = rule(pipeline, standing, fresh)
        heard = cursor if ruling.heard or not stirred else None
        known.held_up -= {name}
        if any(each.state is TickState.OPEN for each in ruling.settled) and row.paused_at is None:
            known.held_up.add(name)
        if fresh or _settles(ruling) or heard not in (None, row.cursor):
            records = [
                # Each a little later than the one before: the oldest interval is to be run first.
                self._record(pipeline, order, stirred, now + timedelta(microseconds=place))
                for place, order in enumerate(ruling.orders)
            ]
            crash_point("ruled")
            true = datetime.now(UTC)
            if not books.carry_out(self._book, lease, name, ruling, now, runs=records, cursor=heard, true=true):
                self._epoch = 0  # the lease is lost, or has run out
                return False
            crash_point("carried-out")
            known.rows[name] = replace(row, seen=ruling.seen, cursor=max(row.cursor, heard or 0))
        if fresh:
            self._last_tick = fresh[-1].at
        known.agenda.plan(name, _at(next_tick(pipeline, max(ruling.seen, row.seen))))
        return len(fresh) < _MOST and (heard is None or not more)

    def _left(self, name: str, fresh: Collection[Tick]) -> set[Tick]:
        """What runs failed to do and is not to be done now: it waits for the next tick, or for a person's word."""
        left = set(books.left_ticks(self._book, name))
        if not left or not fresh:
            return left
        asking = filter(self._asks, books.left_runs(self._book, name))
        return {each.tick for run in asking for each in books.ticks_of(self._book, run)}

    def _asks(self, run: str) -> bool:
        """Whether something in a run may have had an effect that must not come twice."""
        for each in attempts.nodes(self._book, run):
            node = self._code.graph.nodes.get(each.node)
            unsafe = node is not None and isinstance(node.kind, Task) and node.kind.effects is Effects.UNSAFE
            if unsafe and (each.tries.get(Mishap.LOST) or each.tries.get(Mishap.TIMEOUT)):
                return True
        return False

    def _stirred(self, pipeline: Pipeline, row: PipelineRow) -> tuple[list[Happening], int, bool]:
        """The events that start the pipeline and that it has not taken notice of, the last number, whether more came.

        There may be more than can be looked at at once.
        """
        if not isinstance(pipeline.starter, On):
            return [], row.cursor, False
        found = happenings.since(self._book, row.cursor, _MOST)
        wanted = {("moved", each) for each in pipeline.starter.nodes}
        wanted |= {("event", each) for each in pipeline.starter.events}
        stirred = [each for each in found if (each.kind, each.subject) in wanted]
        self._known.patient.discard(pipeline.name)
        if stirred and self._is_in_flight(pipeline.starter.nodes):
            self._known.patient.add(pipeline.name)
            return [], row.cursor, False
        cursor = max((each.seq for each in found), default=row.cursor)
        return stirred, cursor, len(found) == _MOST

    def _is_in_flight(self, nodes: Collection[str]) -> bool:
        """Whether more of the nodes that a pipeline follows are about to move: then it waits for them."""
        if self._floor.is_at_work_on(nodes):
            return True
        return any(each.node in nodes for each in attempts.live_attempts(self._book))

    def _record(self, pipeline: Pipeline, order: Order, stirred: Iterable[Happening], now: datetime) -> RunRecord:
        facts = {each.subject: dict(each.facts) for each in stirred if each.facts}
        return RunRecord(
            id=f"{now:%Y%m%dT%H%M%S%f}-{uuid4().hex[:6]}",
            state=RunState.QUEUED,
            created=now,
            pipeline=pipeline.name,
            cause=order.cause,
            select=pipeline.select,
            exclude=pipeline.exclude,
            options={RESUMABLE: True, **({"events": facts} if facts else {})},
            start=order.start,
            end=order.end,
            deadline=order.deadline,
        )

    def _start_runs(self, lease: Lease, now: datetime) -> None:
        """Start queued runs, oldest first, as many of each pipeline as may be active."""
        waiting = runs.waiting_runs(self._book)
        if not waiting or not self._shop.scribe.flush():
            return
        active, pipelines = _by_pipeline(runs.live_runs(self._book)), self._pipelines()
        for record in waiting:
            pipeline = pipelines.get(record.pipeline)
            room = pipeline.max_active_runs if pipeline is not None else None
            if room is not None and len(active[record.pipeline]) >= room:
                continue
            errand = self._errand(record, now)
            if runs.begin_run(self._book, lease, record, self._premises.owner.id, now, room=room):
                crash_point("run-claimed")
                active[record.pipeline].append(record.id)
                self._floor.add(errand)

    def _errand(self, record: RunRecord, now: datetime) -> Errand:
        started = record.started or now
        return Errand(
            record=replace(record, state=RunState.RUNNING, started=started, owner=self._premises.owner.id),
            code=self._code,
            now=started.astimezone(UTC).replace(tzinfo=None),
            selection=Selection(record.select, record.exclude),
            full_refresh=bool(record.options.get("full_refresh")),
            fail_fast=bool(record.options.get("fail_fast")),
            on_event=self._premises.on_event,
            resumed=self._resumed(record),
        )

    def _resumed(self, record: RunRecord) -> tuple[NodeRecord, ...]:
        """How far a run had come before the process that carried it out was gone, or the run that it repeats."""
        repeated = str(record.options.get("repeat", ""))
        if record.started is None and repeated:
            before = attempts.nodes(self._book, repeated)
            return tuple(replace(each, run=record.id) for each in before if each.state in _WELL)
        return tuple(attempts.nodes(self._book, record.id))


_WELL = frozenset({each for each in FINAL if each.value in {"done", "unchanged"}})


def _is_under_way(record: RunRecord) -> bool:
    return record.started is not None or "repeat" in record.options


def _settles(ruling: Ruling) -> bool:
    """Whether a ruling says more than that what waits goes on waiting."""
    settled = any(each.state is not TickState.OPEN for each in ruling.settled)
    return bool(settled or ruling.orders or ruling.extend or ruling.cancel)


def _at(tick: Tick | None) -> datetime | None:
    return tick.at if tick is not None else None


def _by_pipeline(records: Iterable[RunRecord]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in records:
        found[each.pipeline].append(each.id)
    return found
