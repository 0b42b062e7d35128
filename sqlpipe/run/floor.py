"""Carries out any number of runs at once: starts what is ready, collects what has ended, waits for what comes next."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty
from time import monotonic

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import RunFinished, State
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.domain.task import Mishap
from sqlpipe.plan.priority import Candidate, best, serve
from sqlpipe.run.begin import begin, settle_in
from sqlpipe.run.board import Board, Live, Planned, Report, Shop
from sqlpipe.run.crash import crash_point
from sqlpipe.run.labour import Ended
from sqlpipe.run.queue import Unit
from sqlpipe.run.settle import (
    cancel,
    give_up,
    lose,
    problem,
    put_back,
    receive,
    receive_bug,
    release,
    tell_dropped,
    told_bug,
)
from sqlpipe.run.start import take_up
from sqlpipe.run.turn import Stopper
from sqlpipe.run.walk import FINAL, Errand, Lane, Walk
from sqlpipe.store import runs, ticks
from sqlpipe.store.book import JournalAway

# So often (seconds) the journal is asked whether somebody wants a run stopped.
_LOOK = 0.5
# A worker that does not answer a wish to stop is given up after so long (seconds).
GRACE = 20.0
# So long (seconds) those are waited for that are still busy when the process is to end.
_FAREWELL = 5.0


class Floor:
    """The place where runs are carried out; all of it happens on the thread that calls `step`."""

    def __init__(self, shop: Shop) -> None:
        self.board = Board(shop)
        self._shop = shop
        self._looked = 0.0
        self.draining = False

    @property
    def busy(self) -> bool:
        """Whether there are runs that have not ended."""
        return bool(self.board.walks)

    def add(self, errand: Errand) -> Walk:
        """Take up a run."""
        walk = Walk(errand)
        self.board.walks.append(walk)
        return walk

    def is_at_work_on(self, nodes: Collection[str]) -> bool:
        """Whether a run that is not merely waiting has some of the nodes (by key) before it, or in hand."""
        for walk in self.board.walks:
            ahead = any((key, -1) in walk.going and walk.going[key, -1].state not in FINAL for key in nodes)
            if ahead and (any(self.board.of(walk)) or any(map(walk.queue.head, self.board.room))):
                return True
        return False

    def rouse(self) -> None:
        """Have `step` return, or look again, at once; callable from any thread."""
        self.board.reports.put(None)

    def step(self, until: datetime | None = None) -> None:
        """Do what can be done now; then wait for a worker, a timer, or `until`, whichever comes first."""
        self._advance()
        self._wait(until)
        self._advance()

    def _advance(self) -> None:
        now = self._shop.clock.now()
        self._hear_wishes()
        while self.board.arrivals:
            self.add(self.board.arrivals.pop(0))
        for walk in self.board.walks:
            if not walk.begun and not self.draining and not self._over(walk):
                begin(self.board, walk)
            walk.wake(now)
        self._watch_limits()
        if not self.draining:
            self._start(now)
        for walk in list(self.board.walks):
            if self._over(walk) and not any(self.board.of(walk)):
                self.board.walks.remove(walk)
                self._conclude(walk)
        self._shop.scribe.flush()
        idle = self._shop.hall.idle_until()
        if idle is not None and monotonic() >= idle and not self._wanted():
            self._shop.hall.leave()

    def _over(self, walk: Walk) -> bool:
        failed = walk.problem is not None or (walk.bug is not None and not walk.begun)
        return walk.ended or walk.released or failed or (walk.cancelled and not walk.begun)

    def _conclude(self, walk: Walk) -> None:
        """Write down how a run ended, and tell it."""
        scribe, now = self._shop.scribe, self._shop.clock.now()
        crash_point("walked")
        scribe.withdraw(walk.run.id)
        if walk.lost:
            return
        if walk.released and not walk.ended:
            scribe.write(lambda: runs.step_run(scribe.book, walk.run.id, RunState.QUEUED, now, reason="laid down"))
            return
        counts = dict(walk.counts)
        bad = any(counts.get(each) for each in (State.FAILED, State.BLOCKED)) or walk.problem or walk.bug
        state = RunState.CANCELLED if walk.cancelled and not walk.problem else RunState.DONE
        state = RunState.FAILED if bad and state is not RunState.CANCELLED else state
        reason = "; ".join(each.message for each in walk.problem.diagnostics) if walk.problem else ""
        if walk.bug is not None:
            reason = reason or told_bug(walk.bug)
        scribe.write(lambda: runs.step_run(scribe.book, walk.run.id, state, now, counts=counts, reason=reason))
        repeated = str(walk.run.options.get("repeat", ""))
        if repeated and state is RunState.DONE:
            scribe.write(lambda: ticks.cover(scribe.book, repeated, walk.run.id))
        walk.run = replace(walk.run, state=state, finished=now, counts=counts, reason=reason)
        finished = RunFinished(
            run=walk.run.id,
            at=datetime.now(UTC),
            seconds=monotonic() - walk.born,
            counts=counts,
            warned=walk.warned,
            interrupted=walk.cancelled and walk.problem is None,
        )
        walk.finished = finished
        self.board.concluded.append(walk.run)
        if walk.problem is None and (walk.begun or walk.bug is None):
            walk.errand.on_event(finished)

    def _wanted(self) -> bool:
        """Whether something ready needs the database."""
        return any(walk.queue.head(Lane.DATABASE) is not None or not walk.begun for walk in self.board.walks)

    def _start(self, now: datetime) -> None:
        """Give free workers what is most pressing, lane by lane."""
        for lane in (Lane.DATABASE, Lane.TASK, Lane.POKE):
            while self.board.free(lane) > 0 and (chosen := self._choose(lane, now)) is not None:
                walk, unit = chosen
                try:
                    taken = take_up(self.board, walk, unit, lane)
                except Exception as bug:  # noqa: BLE001 - a bug that one node shows must not end the others
                    taken = True
                    receive_bug(self.board, Live(walk, unit, lane, Stopper(), monotonic()), bug)
                if not taken:
                    walk.make_ready(unit, now)
                    break

    def _choose(self, lane: str, now: datetime) -> tuple[Walk, Unit] | None:
        heads = [
            (walk, unit)
            for walk in self.board.walks
            if walk.begun and not walk.released and (unit := walk.queue.head(lane)) is not None
        ]
        if len(heads) <= 1:
            return (heads[0][0], heads[0][0].queue.take(lane)) if heads else None
        candidates = {_candidate(walk, unit, now): walk for walk, unit in heads}
        chosen = best(candidates, now, self.board.served)
        self.board.served = serve(self.board.served, chosen)
        walk = candidates[chosen]
        return walk, walk.queue.take(lane)

    def _watch_limits(self) -> None:
        """Stop attempts that take too long, and give up those that do not stop."""
        clock, real = self._shop.clock, monotonic()
        for ticket, live in list(self.board.live.items()):
            if live.stopper.asked:
                live.stopped = live.stopped or real
                if live.desk is not None:
                    live.desk.session.interrupt()  # again, for the first may have come between two statements
                if real - live.stopped > GRACE:
                    del self.board.live[ticket]
                    give_up(self.board, live)
            elif live.limit is not None and clock.elapsed(live.began) > live.limit:
                live.stopper.stop(Mishap.TIMEOUT)

    def _hear_wishes(self) -> None:
        """Stop the runs that somebody wants stopped: the caller, or anybody by way of the journal."""
        for walk in self.board.walks:
            if walk.errand.stop.is_set():
                cancel(self.board, walk)
        if not self.board.walks or monotonic() - self._looked < _LOOK:
            return
        self._looked = monotonic()
        scribe = self._shop.scribe
        # What this process itself has yet to write would look like something that others have undone.
        if not scribe.flush():
            return
        found: list[RunRecord] | None = scribe.ask(lambda: runs.live_runs(scribe.book), None)
        if found is None:
            return
        live = {each.id: each for each in found}
        for walk in self.board.walks:
            record = live.get(walk.run.id)
            if record is None or record.owner != scribe.owner:
                lose(self.board, walk, _taken_away(walk))
            elif record.state is RunState.CANCELLING:
                cancel(self.board, walk)

    def _wait(self, until: datetime | None) -> None:
        """Sleep until a worker reports or a timer is due, then take everything that has come in."""
        pause = self._pause(until)
        try:
            report = self.board.reports.get(timeout=pause) if pause > 0 else self.board.reports.get_nowait()
            while True:
                if report is not None:
                    self._hear(report)
                report = self.board.reports.get_nowait()
        except Empty:
            return

    def _pause(self, until: datetime | None) -> float:
        """How long (seconds) nothing is going to happen unless a worker reports."""
        clock = self._shop.clock
        moments = [each for walk in self.board.walks if (each := walk.queue.next_due()) is not None]
        moments += [until] if until is not None else []
        pauses = [clock.pause(each) for each in moments]
        idle = self._shop.hall.idle_until()
        pauses += [max(0.0, idle - monotonic())] if idle is not None else []
        limits = [live for live in self.board.live.values() if live.limit is not None or live.stopper.asked]
        if limits:
            pauses.append(0.05 if any(each.stopper.asked for each in limits) else 0.1)
        if self.board.walks:
            pauses.append(0.1 if self._shop.hall.taken or self._shop.scribe.away else self._shop.look)
        if until is None and not self.board.walks:
            return 0.0  # nobody waits for anything
        if self.board.arrivals or (not self.board.live and any(map(self._over, self.board.walks))):
            return 0.0
        return min(pauses, default=60.0)

    def _hear(self, report: Report) -> None:
        live = self.board.live.pop(report.ticket, None)
        if live is None:
            return  # it had been given up
        if live.desk is not None:
            self._shop.hall.give_back(live.desk)
        match report.ended:
            case Planned() | SqlpipeError() | JournalAway() if live.lane == Lane.PLANNING and self._over(live.walk):
                live.walk.planning = False
            case JournalAway() as error:
                self._shop.scribe.away = str(error)
                put_back(self.board, live)
            case Planned() as planned:
                settle_in(self.board, live.walk, planned)
                tell_dropped(self.board, live.walk, self._shop.clock.now())
            case SqlpipeError() as error if live.lane == Lane.PLANNING:
                problem(self.board, live.walk, error)
            case BaseException() as bug:
                receive_bug(self.board, live, bug)
            case Ended() as ended:
                receive(self.board, live, ended)

    def drain(self) -> None:
        """Begin nothing more."""
        self.draining = True

    def lay_down(self) -> None:
        """Stop what runs, in such a way that the next process takes it up."""
        self.draining = True
        while self.board.arrivals:
            self.add(self.board.arrivals.pop(0))
        for walk in self.board.walks:
            release(self.board, walk)

    def close(self) -> None:
        """Stop what is still going on, and let the workers go home."""
        for live in self.board.live.values():
            live.stopper.stop()
        self.board.crew.close(_FAREWELL if self.board.live else 1.0)


def _taken_away(walk: Walk) -> SqlpipeError:
    said = f"the run {walk.run.id} is no longer this process's: it was taken for dead, or the run was ended by others"
    help = f"see `sqlpipe runs {walk.run.id}` for what has become of it"
    return SqlpipeError(Diagnostic(code="SP626", message=said, help=help))


def _candidate(walk: Walk, unit: Unit, now: datetime) -> Candidate:
    going = walk.going[unit]
    return Candidate(
        run=walk.run.id,
        pipeline=walk.run.pipeline,
        node=f"{unit[0]}:{unit[1]}",
        deadline=walk.run.deadline,
        path=walk.paths.get(unit[0], 0.0),
        since=going.since or now,
        backfill=bool(walk.run.options.get("backfill")),
    )
