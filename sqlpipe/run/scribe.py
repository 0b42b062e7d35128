"""Writes the journal for one process, patiently: what cannot be written now is written later, in the same order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from time import monotonic, sleep
from typing import TypeVar

from sqlpipe.domain.journal import AttemptRecord, AttemptState, Claim, NodeRecord, Refused
from sqlpipe.run.clock import Clock
from sqlpipe.run.crash import crash_point
from sqlpipe.store import attempts
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book, JournalAway

T = TypeVar("T")

# While the journal is away it is tried again so often (seconds).
_AGAIN = 0.5


class Scribe:
    """Keeps the order of what is to be written: nothing is claimed before everything earlier stands in the journal.

    A journal that is away for a while holds up what would begin, and never what runs.
    """

    def __init__(self, book: Book, owner: str, clock: Clock) -> None:
        self.book = book
        self.owner = owner
        self._clock = clock
        self._backlog: deque[Callable[[], object]] = deque()
        self._records: list[NodeRecord] = []
        self._claiming: dict[Claim, datetime] = {}
        self._retry = 0.0
        self.away = ""

    def note(self, records: Iterable[NodeRecord]) -> None:
        """Note how far nodes have come; written together with the next flush."""
        self._records += records

    def finish(self, attempt: int, ending: Ending) -> None:
        """Note how an attempt ended."""
        self.write(lambda: attempts.finish(self.book, attempt, ending))
        crash_point("attempt-ended")

    def write(self, action: Callable[[], object]) -> None:
        """Write something, after everything that was to be written before; it may be done twice."""
        self._take_up_records()
        self._backlog.append(action)
        self.flush()

    def flush(self) -> bool:
        """Write what is due; whether everything is written."""
        self._take_up_records()
        if self._backlog and monotonic() < self._retry:
            return False
        while self._backlog:
            try:
                self._backlog[0]()
            except JournalAway as error:
                self._missed(error)
                return False
            self._backlog.popleft()
        self.away = ""
        return True

    def wait(self) -> None:
        """Sleep until the journal is worth another try."""
        sleep(max(0.0, self._retry - monotonic()))

    def claim(self, claim: Claim) -> AttemptRecord | Refused | None:
        """Claim a node for an attempt; None while the journal is away."""
        if not self.flush():
            return None
        # A claim whose answer was lost is made again as of the same time, so that it is known again.
        at = self._claiming.setdefault(claim, self._clock.now())
        try:
            claimed = attempts.claim(self.book, claim, self.owner, at)
        except JournalAway as error:
            self._missed(error)
            return None
        del self._claiming[claim]
        crash_point("claimed")
        return claimed

    def withdraw(self, run: str) -> None:
        """End the attempts of a run that were claimed, perhaps, and that nobody is going to make."""
        unclear = [each for each in self._claiming if each.run == run]
        if not unclear:
            return
        for each in unclear:
            del self._claiming[each]
        ending = Ending(state=AttemptState.CANCELLED, at=self._clock.now(), message="the journal was away")
        self.write(lambda: self._end_all(run, ending))

    def _end_all(self, run: str, ending: Ending) -> None:
        for each in attempts.live_attempts(self.book):
            if (each.run, each.owner) == (run, self.owner):
                attempts.finish(self.book, each.id, ending)

    def ask(self, question: Callable[[], T], otherwise: T) -> T:
        """Read something, or get `otherwise` while the journal is away."""
        try:
            return question()
        except JournalAway as error:
            self._missed(error)
            return otherwise

    def _missed(self, error: JournalAway) -> None:
        self.away = str(error)
        self._retry = monotonic() + _AGAIN

    def _take_up_records(self) -> None:
        if self._records:
            records, self._records = self._records, []
            self._backlog.append(lambda: attempts.put_nodes(self.book, records))
