"""A run that takes its time, as a program of its own: `slow_run.py short|obedient|stubborn [OPTIONS]`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlpipe import app
from sqlpipe.cli import do, opening
from sqlpipe.cli.main import cli
from sqlpipe.domain.history import Event, NodeStarted, RunFinished, State
from tests.cli.fake_app import NOW, FakeApp, begun, ended, finished


class SlowApp(FakeApp):
    """Works on one node for a while, or until it is stopped, or for ever."""

    def run(
        self,
        _workspace: app.Workspace,
        selection: app.Selection,
        *,
        on_event: Callable[[Event], None],
        stop: threading.Event,
        **how: Any,
    ) -> RunFinished:
        self.asked |= {"selection": selection, "how": how}
        on_event(begun(2))
        on_event(NodeStarted(run="r1", at=NOW, node="staging.orders", kind="view"))
        on_event(finished("staging.orders", action="view"))
        on_event(NodeStarted(run="r1", at=NOW, node="marts.orders", kind="incremental"))
        sys.stderr.write("at work\n")
        sys.stderr.flush()
        match sys.argv[1]:
            case "short":
                time.sleep(0.6)
            case "obedient":
                stop.wait(30)
            case _:
                time.sleep(30)
        state = State.CANCELLED if stop.is_set() else State.DONE
        on_event(finished("marts.orders", state, action="3 days"))
        counts = {"done": 1, "cancelled": 1} if stop.is_set() else {"done": 2}
        last = ended(0.6, interrupted=stop.is_set(), **counts)
        on_event(last)
        return last


if __name__ == "__main__":
    do.app = opening.app = SlowApp()  # type: ignore[attr-defined, assignment]
    cli(["run", *sys.argv[2:]])
