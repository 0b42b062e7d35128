"""The target's database, open only while somebody works in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.held import Commit, Held
from sqlpipe.engine.contract import Engine, Session
from sqlpipe.run.alone import alone
from sqlpipe.run.job import Desk
from sqlpipe.store import ledger
from sqlpipe.store.ledger import Ledger

# One process at a time may write a DuckDB file: who finds it taken looks again so often (seconds).
LOOK_AGAIN = 0.2
# So long is it kept open with nobody at work, for the next node mostly comes at once.
LINGER = 1.0
_TAKEN = "SP502"

# What is lent is the open database and a session in it, or None where there is none yet.
Lend = Callable[[], AbstractContextManager[tuple[Engine, Session] | None]]


class Hall:
    """Opens the database for the first who needs it, and closes it when nobody has for a while.

    What the ledger says is read when the floor enters and then kept up by those who work here, so that several runs see
    the same. Only the thread that runs the floor calls it; the desks go to its workers. But `lend` may be called by any
    thread: one process opens a DuckDB file once, so that those who only read look over the shoulders of who writes.
    """

    def __init__(self, database: str, opener: Callable[[], Engine]) -> None:
        self._database = database
        self._opener = opener
        self._door = threading.Lock()
        self._stack: ExitStack | None = None
        self._lent = 0
        self._engine: Engine | None = None
        self._reading: Session | None = None
        self._free: list[Desk] = []
        self._sessions: list[Session] = []
        self._busy = 0
        self._last = monotonic()
        self._retry = 0.0
        self._ledger: Ledger | None = None
        self.held: dict[str, Held] = {}
        self.relations: dict[str, str] = {}
        self.taken: SqlpipeError | None = None

    @property
    def engine(self) -> Engine:
        """The open database."""
        assert self._engine is not None, "the database is not open"
        return self._engine

    @property
    def reading(self) -> Session:
        """A session for those who plan."""
        assert self._reading is not None, "the database is not open"
        return self._reading

    @property
    def ledger(self) -> Ledger:
        """The ledger of the open database."""
        assert self._ledger is not None, "the database is not open"
        return self._ledger

    def enter(self, now: datetime) -> bool:
        """Open the database if it is not; False while another process has it, which `taken` then tells.

        Raises SqlpipeError when it cannot be opened for any other reason.
        """
        with self._door:
            return self._enter(now)

    def _enter(self, now: datetime) -> bool:
        self._last = monotonic()
        if self._ledger is not None:
            return True
        if monotonic() < self._retry:
            return False
        try:
            self._unlock()
            self._settle_in(now)
        except SqlpipeError as error:
            self._lock_up()
            if error.diagnostics[0].code != _TAKEN:
                raise
            self._retry = monotonic() + LOOK_AGAIN
            self.taken = error
            return False
        self.taken = None
        return True

    def _unlock(self) -> Engine:
        """Open the database, unless it is."""
        if self._engine is None:
            with ExitStack() as stack:
                stack.enter_context(alone(self._database))
                engine = self._opener()
                stack.callback(engine.close)
                self._engine, self._stack = engine, stack.pop_all()
        return self._engine

    def _settle_in(self, now: datetime) -> None:
        """Read what those who work here keep up."""
        session = self.engine.session()
        try:
            # The same dictionaries as before: runs that began earlier go on with them.
            self.relations.clear()
            self.relations.update(self.engine.relations())
            self._ledger = Ledger.open(session, exists=ledger.TABLE in self.relations, now=now)
            self.held.clear()
            self.held.update(ledger.versions(session))
        except BaseException:
            self._ledger = None
            session.close()
            raise
        self._reading = session

    @contextmanager
    def lend(self) -> Iterator[tuple[Engine, Session] | None]:
        """A session for one who only reads, on any thread; None where the database has not been made yet.

        Raises SP502 while another process has the database.
        """
        with self._door:
            lent = self._engine is not None or Path(self._database).exists()
            session = self._unlock().session() if lent else None
            engine = self._engine
            self._lent += lent
        if session is None or engine is None:
            yield None
            return
        try:
            yield engine, session
        finally:
            session.close()
            with self._door:
                self._lent -= 1
                if self._ledger is None:
                    self._lock_up()

    def commits(self, node: str, since: int) -> list[Commit]:
        """The intervals that commits of a node wrote, as the ledger has them."""
        return ledger.intervals(self.reading, node, since)

    def desk(self) -> Desk:
        """A session for one worker."""
        self._busy += 1
        if self._free:
            return self._free.pop()
        session = self.engine.session()
        self._sessions.append(session)
        return Desk(session, self.ledger)

    def give_back(self, desk: Desk) -> None:
        """Take a desk back for the next worker."""
        self._busy -= 1
        self._last = monotonic()
        self._free.append(desk)

    def abandon(self, desk: Desk) -> None:
        """Count a desk as lost: its worker does not answer."""
        desk.session.interrupt()
        self._busy -= 1

    def idle_until(self) -> float | None:
        """When (monotonic) it may be closed for want of work, or None if it is not open or in use."""
        in_memory = self._database == ":memory:"
        return None if self._ledger is None or self._busy or in_memory else self._last + LINGER

    def leave(self) -> None:
        """Leave it, unless somebody is at work; it is closed as soon as nobody reads in it either."""
        with self._door:
            if self._ledger is None or self._busy:
                return
            for session in (*self._sessions, self.reading):
                session.close()
            self._sessions, self._free = [], []
            self._reading = self._ledger = None
            self._lock_up()

    def _lock_up(self) -> None:
        """Close the database, unless somebody is still in it."""
        if self._stack is None or self._lent or self._ledger is not None:
            return
        stack, self._stack = self._stack, None
        self._engine = None
        stack.close()


@contextmanager
def opened(database: str, opener: Callable[[], Engine]) -> Iterator[Hall]:
    """A hall that is closed at the end, whatever happens."""
    hall = Hall(database, opener)
    try:
        yield hall
    finally:
        hall.leave()
