"""The lease that makes one process the leader: taken, kept and lost on a thread of its own."""

from __future__ import annotations

import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from sqlpipe.domain.journal import Lease, Owner
from sqlpipe.run.owner import exists, is_alive, this_host
from sqlpipe.store import lease as leases
from sqlpipe.store import owners
from sqlpipe.store.book import Book, JournalAway

# The lease runs for so long (seconds); a leader that could not renew it stops leading a little earlier.
TTL = 15.0
_MARGIN = 3.0


class Leadership:
    """Whether this process leads; heavy work elsewhere does not keep it from renewing the lease.

    The lease goes by the true time, however quickly the clock of a rehearsal runs.
    """

    def __init__(self, book: Book, owner: Owner, *, ttl: float = TTL) -> None:
        self._book = book
        self._owner = owner
        self._ttl = ttl
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="sqlpipe-lease", daemon=True)
        self._lease: Lease | None = None
        self._renewed = monotonic()
        self.other: Lease | None = None

    def start(self) -> None:
        """Begin to try for the lease."""
        self._try()
        self._thread.start()

    def stop(self) -> None:
        """Give the lease back, so that another process can lead at once."""
        self._over.set()
        self._thread.join()
        held, self._lease = self._lease, None
        if held is not None:
            with suppress(JournalAway):
                leases.release(self._book, held)

    @property
    def lease(self) -> Lease | None:
        """The lease, if this process may act on it now."""
        fresh = monotonic() - self._renewed < self._ttl - min(_MARGIN, self._ttl / 4)
        return self._lease if fresh else None

    @property
    def age(self) -> float:
        """How long ago (seconds) the lease was last renewed."""
        return monotonic() - self._renewed

    def _keep(self) -> None:
        while not self._over.wait(self._ttl / 3):
            try:
                self._try()
            except Exception:  # noqa: BLE001 - a lease that nobody tries to keep would be lost for good
                traceback.print_exc()

    def _try(self) -> None:
        began, now = monotonic(), datetime.now(UTC)
        with suppress(JournalAway):
            held = self._lease
            # A lease that ran out but that nobody took goes on in the same epoch.
            found = leases.renew(self._book, held, now, self._ttl) if held is not None else None
            found = found or leases.acquire(self._book, self._owner, now, self._ttl)
            other = None if found is not None else leases.current(self._book)
            if other is not None and self._is_dead(other, now):
                found = leases.acquire(self._book, self._owner, now, self._ttl, dead=other)
            self._lease = found
            if found is not None:
                self._renewed = began
            self.other = None if found is not None else other

    def _is_dead(self, other: Lease, now: datetime) -> bool:
        """Whether the leader was a process of this host that is no more: nobody need wait for its lease to run out."""
        if other.host != this_host():
            return False
        holder = next((each for each in owners.owners(self._book) if each.id == other.holder), None)
        # Whoever recovered what it left has crossed it off already.
        return not exists(other.pid) if holder is None else not is_alive(holder, now)
