"""What becomes of the ticks of a pipeline, and which runs they start: nothing is ever dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlpipe.domain.schedule import (
    CatchUp,
    On,
    OnOverlap,
    Order,
    Pipeline,
    Ruling,
    Settled,
    Standing,
    Tick,
    TickState,
)
from sqlpipe.plan.cadence import deadline_of, next_tick

# So many runs a ruling orders at most where each tick has one of its own, and so many may wait for their turn.
MOST_ORDERS = 10


def rule(pipeline: Pipeline, standing: Standing, fresh: Sequence[Tick], *, grace: float = 60) -> Ruling:
    """What to do with a pipeline now, given the ticks that have passed after `standing.seen`, or the oldest of them.

    Each tick given, fresh or waiting, is among `settled` exactly once. One rule holds for downtime, pauses and full
    pipelines alike: first what passed during a pause is set aside and what is older than the window expires, then
    `catch_up` decides what the rest is worth, then `on_overlap` where that goes. `grace` is how many seconds late a
    tick may be and still count as on time.

    A pipeline has to be ruled on once more before it is resumed, so that the ticks of the pause are known as such.
    Where a schedule has been edited, `standing.seen` is the moment of that: the new one takes effect from then on.
    Every tick that waits is run as soon as there is room: one whose run failed should only be opened again to that end.
    """
    docket = _Docket(pipeline, standing, frozenset(fresh), timedelta(seconds=grace))
    due = docket.worth(docket.live(sorted({*standing.waiting, *fresh})))
    if pipeline.catch_up is CatchUp.EACH:
        docket.give_each_a_run(due)
    elif due:
        docket.give_all_a_run(due)
    heard = docket.listen()
    return Ruling(
        seen=max([standing.seen, *(each.at for each in fresh)]),
        settled=tuple(sorted(docket.settled, key=lambda each: each.tick)),
        orders=tuple(docket.orders),
        extend=tuple(docket.extend),
        cancel=standing.active if docket.cancels else (),
        heard=heard,
    )


@dataclass(slots=True)
class _Docket:
    """A ruling in the making."""

    pipeline: Pipeline
    standing: Standing
    fresh: frozenset[Tick]
    grace: timedelta
    settled: list[Settled] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    extend: list[tuple[str, tuple[Tick, ...]]] = field(default_factory=list)
    cancels: bool = False

    @property
    def free(self) -> int:
        """How many more runs may be active."""
        return self.pipeline.max_active_runs - len(self.standing.active) - len(self.standing.queued)

    def live(self, ticks: Iterable[Tick]) -> list[Tick]:
        """The ticks that are to be looked at now; the others passed in a pause, have expired, or have to wait."""
        now, paused_at = self.standing.now, self.standing.paused_at
        window = max(timedelta(seconds=self.pipeline.window), self.grace)
        kept = []
        for tick in ticks:
            in_pause = paused_at is not None and tick in self.fresh and tick.at > paused_at
            if in_pause and not self.pipeline.count_paused:
                self.settle([tick], TickState.SKIPPED, "paused")
            elif now - tick.at > window:
                self.settle([tick], TickState.EXPIRED, f"not started within {_spell(window)}")
            elif paused_at is not None or tick.at > now:
                self.settle([tick], TickState.OPEN)
            else:
                kept.append(tick)
        return kept

    def worth(self, ticks: list[Tick]) -> list[Tick]:
        """The ticks that are to be run, late as they may be."""
        match self.pipeline.catch_up:
            case CatchUp.LATEST if ticks:
                newest = [] if self._has_newer(ticks[-1]) else ticks[-1:]
                words = f"the tick of {_clock(newest[0].at)} is newer" if newest else "a newer tick has passed"
                self.settle(ticks[: len(ticks) - len(newest)], TickState.SUPERSEDED, words)
                return newest
            case CatchUp.NONE:
                late = [each for each in ticks if self.standing.now - each.at > self.grace]
                for each in late:
                    missed = _spell(self.standing.now - each.at)
                    self.settle([each], TickState.SKIPPED, f"missed by {missed}, and catch_up is none")
                return ticks[len(late) :]
            case _:
                return ticks

    def give_all_a_run(self, ticks: list[Tick]) -> None:
        """Put all ticks into one run: a new one, or one that waits."""
        overlap = None if self.free > 0 else self.pipeline.on_overlap
        if overlap is OnOverlap.SKIP:
            self._skip(ticks)
            return
        self._make_room(ticks)
        if overlap in {OnOverlap.COALESCE, OnOverlap.CANCEL_RUNNING} and self.standing.queued:
            self.extend.append((self.standing.queued[0], tuple(ticks)))
        else:
            self.order(ticks)
        self.settle(ticks, TickState.TAKEN)

    def give_each_a_run(self, ticks: list[Tick]) -> None:
        """Order a run for each tick, oldest first, as far as there is room; the rest stays open until there is."""
        match self.pipeline.on_overlap:
            case OnOverlap.SKIP if self.free <= 0:
                self._skip(ticks)
                return
            case OnOverlap.SKIP:
                room = self.free
            case OnOverlap.QUEUE:
                room = MOST_ORDERS - len(self.standing.queued)
            case OnOverlap.COALESCE | OnOverlap.CANCEL_RUNNING:
                room = self.free + 1
        room = max(0, min(room, MOST_ORDERS))
        self._make_room(ticks)
        for each in ticks[:room]:
            self.order([each])
        self.settle(ticks[:room], TickState.TAKEN)
        self.settle(ticks[room:], TickState.OPEN)

    def listen(self) -> bool:
        """See to it that a run which has yet to begin sees what has stirred the pipeline; whether one will.

        Events are never skipped, whatever `on_overlap` says: with a tick the next one makes up for it, but after the
        last change of a table there may be none.
        """
        if not self.standing.stirred or self.standing.paused_at or not isinstance(self.pipeline.starter, On):
            return False
        if not self.orders and not self.standing.queued:
            self.order([])
            self.cancels = self.free <= 0 and self.pipeline.on_overlap is OnOverlap.CANCEL_RUNNING
        return True

    def order(self, ticks: list[Tick]) -> None:
        """Order a run for ticks, or one that an event starts."""
        deadline, since = self.pipeline.deadline, ticks[-1].at if ticks else self.standing.now
        due = None if deadline is None else deadline_of(deadline, since)
        self.orders.append(Order(tuple(ticks), _cause(ticks, self.standing.stirred), due))

    def settle(self, ticks: Iterable[Tick], state: TickState, reason: str = "") -> None:
        """Say what becomes of ticks."""
        self.settled += [Settled(each, state, reason) for each in ticks]

    def _skip(self, ticks: list[Tick]) -> None:
        # Only what passes while the pipeline is full: what waits already has been found worth a run.
        busy = ", ".join(self.standing.active or self.standing.queued)
        for each in ticks:
            if each in self.fresh:
                self.settle([each], TickState.SKIPPED, f"{busy} had not finished, and on_overlap is skip")
            else:
                self.settle([each], TickState.OPEN)

    def _make_room(self, ticks: list[Tick]) -> None:
        # A tick that waits cancels nothing, or no run would ever finish while there is one.
        if self.pipeline.on_overlap is OnOverlap.CANCEL_RUNNING and self.free <= 0:
            self.cancels = self.cancels or any(each in self.fresh for each in ticks)

    def _has_newer(self, tick: Tick) -> bool:
        newer = next_tick(self.pipeline, tick.at)
        return newer is not None and newer.at <= self.standing.now


def _spell(span: timedelta) -> str:
    """A length of time in its two largest units.

    >>> _spell(timedelta(seconds=11_100)), _spell(timedelta(days=7)), _spell(timedelta(seconds=0.2))
    ('3h 5m', '7d', '0s')
    """
    seconds = int(span.total_seconds())
    sizes = {"d": seconds // 86400, "h": seconds // 3600 % 24, "m": seconds // 60 % 60, "s": seconds % 60}
    units = [f"{size}{unit}" for unit, size in sizes.items() if size]
    return " ".join(units[:2]) or "0s"


def _cause(ticks: list[Tick], stirred: tuple[str, ...]) -> str:
    match ticks:
        case []:
            return f"stirred by {', '.join(stirred)}"
        case [tick]:
            return f"due {_clock(tick.at)}"
        case _:
            return f"{len(ticks)} ticks due from {ticks[0].at:%Y-%m-%d %H:%M} to {_clock(ticks[-1].at)}"


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
