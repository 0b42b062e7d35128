"""Commands that need the journal, and what they say where it does not answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.store.book import JournalAway


def journaled(command: Callable[..., int]) -> Callable[..., int]:
    """Have a command complain (SP622) where the journal does not answer."""

    @functools.wraps(command)
    def complaining(**asked: Any) -> int:
        try:
            return command(**asked)
        except JournalAway as error:
            said = f"the journal does not answer: {error}"
            help = "try again; if it stays so, find out who keeps it locked, or start its server"
            raise SqlpipeError(Diagnostic(code="SP622", message=said, help=help)) from error

    return complaining
