"""The scheduler as one sees it who does not schedule: from the journal alone."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlpipe.app.recorded import leader, now_of
from sqlpipe.domain.schedule import TickState
from sqlpipe.run.hall import Lend
from sqlpipe.run.leadership import TTL
from sqlpipe.run.schedule import Status
from sqlpipe.store import attempts, messages, runs, ticks
from sqlpipe.store.book import Book


class Onlooker:
    """Stands where a scheduler would, and leaves the work to others."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._started = datetime.now(UTC)
        # It has no database open that could be lent.
        self.lend: Lend | None = None

    def start(self) -> None:
        """Nothing begins."""

    def stop(self, grace: float) -> None:
        """Nothing ends."""

    def rouse(self) -> None:
        """Nobody is asleep."""

    def status(self) -> Status:
        """How things stand by the journal. Raises JournalAway."""
        lease, counted = leader(self._book), ticks.counts(self._book)
        left = (lease.expires - now_of(self._book)).total_seconds() if lease else 0.0
        return Status(
            leading=False,
            epoch=lease.epoch if lease else 0,
            holder=lease.holder if lease else "",
            heartbeat_age=max(0.0, TTL - left) if lease else 0.0,
            last_tick=None,
            next_tick=None,
            due_intervals=counted.get(TickState.OPEN, 0) + counted.get(TickState.TAKEN, 0),
            loop_seconds=0.0,
            ticks={state.value: number for state, number in counted.items()},
            attempts=attempts.counts(self._book),
            active_runs=len(runs.live_runs(self._book)),
            queued_runs=len(runs.waiting_runs(self._book)),
            project_problem="",
            journal_problem="",
            outbox_stuck=messages.stuck(self._book),
            started=self._started,
        )
