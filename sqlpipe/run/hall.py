"""The target's database, open only while somebody works in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
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


class Hall:
    """Opens the database for the first who needs it, and closes it when nobody has for a while.

    What the ledger says is read at the opening and then kept up by those who work here, so that several runs see the
    same. Only the thread that runs the floor calls it; the desks go to its workers.
    """

    def __init__(self, database: str, opener: Callable[[], Engine]) -> None:
        self._database = database
        self._opener = opener
        self._stack: ExitStack | None = None
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
        self._last = monotonic()
        if self._stack is not None:
            return True
        if monotonic() < self._retry:
            return False
        try:
            with ExitStack() as stack:
                stack.enter_context(alone(self._database))
                self._open(stack, now)
                self._stack = stack.pop_all()
        except SqlpipeError as error:
            if error.diagnostics[0].code != _TAKEN:
                raise
            self._retry = monotonic() + LOOK_AGAIN
            self.taken = error
            return False
        self.taken = None
        return True

    def _open(self, stack: ExitStack, now: datetime) -> None:
        engine = self._opener()
        stack.callback(engine.close)
        session = engine.session()
        stack.callback(session.close)
        # The same dictionaries as before: runs that began earlier go on with them.
        self.relations.clear()
        self.relations.update(engine.relations())
        self._ledger = Ledger.open(session, exists=ledger.TABLE in self.relations, now=now)
        self.held.clear()
        self.held.update(ledger.versions(session))
        self._engine, self._reading = engine, session

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
        return None if self._stack is None or self._busy or in_memory else self._last + LINGER

    def leave(self) -> None:
        """Close it, unless somebody is at work."""
        if self._stack is None or self._busy:
            return
        for session in self._sessions:
            session.close()
        self._sessions, self._free = [], []
        stack, self._stack = self._stack, None
        self._engine = self._reading = self._ledger = None
        stack.close()


@contextmanager
def opened(database: str, opener: Callable[[], Engine]) -> Iterator[Hall]:
    """A hall that is closed at the end, whatever happens."""
    hall = Hall(database, opener)
    try:
        yield hall
    finally:
        hall.leave()
