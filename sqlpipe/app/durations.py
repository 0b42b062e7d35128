"""How long nodes took when they were last built."""

from __future__ import annotations

from collections.abc import Mapping

from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.store import attempts


def durations(workspace: Workspace) -> Mapping[str, float]:
    """The seconds of the latest attempt that went well, by node; nodes that did not run lately are missing."""
    with journal_of(workspace) as book:
        return attempts.last_seconds(book)
