"""Whether the server is fit to do its work, and what is wrong where it is not."""

from __future__ import annotations

from dataclasses import dataclass

from sqlpipe.run.schedule import Status
from sqlpipe.store.book import JournalAway
from sqlpipe.web.contract import Scheduling
from sqlpipe.web.onlooker import Onlooker

# A lease that was not kept for so long (seconds) is lost.
_OLD = 15.0


@dataclass(frozen=True, slots=True)
class Health:
    """`leader`, `standby`, `starting`, or `onlooker` for one that never schedules; and why it is not ready, if so."""

    role: str
    reasons: tuple[str, ...] = ()
    status: Status | None = None

    @property
    def ready(self) -> bool:
        """Whether it can do its work."""
        return not self.reasons


def examine(scheduler: Scheduling) -> Health:
    """How the scheduler is."""
    try:
        status = scheduler.status()
    except JournalAway as error:
        return Health("starting", (f"the journal cannot be reached: {error}",))
    reasons = []
    if status.journal_problem:
        reasons.append(f"the journal cannot be reached: {status.journal_problem}")
    if status.heartbeat_age > _OLD and status.leading:
        reasons.append(f"the lease was kept last {status.heartbeat_age:.0f} seconds ago")
    if status.project_problem:
        reasons.append(f"the project cannot be loaded: {status.project_problem}")
    if isinstance(scheduler, Onlooker):
        return Health("onlooker", tuple(reasons), status)
    if not (status.leading or status.holder):
        reasons.append("nobody leads")
    role = "leader" if status.leading else "standby" if status.holder else "starting"
    return Health(role, tuple(reasons), status)
