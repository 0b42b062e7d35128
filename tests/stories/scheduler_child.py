"""A scheduler in a process of its own, under a clock that all such processes of a project share, until it is told to
stop: `python scheduler_child.py FOLDER`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlpipe import app
from sqlpipe.app.serving import scheduler
from sqlpipe.run import floor, schedule
from sqlpipe.run.clock import Clock

BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)
SPEED = 2400.0
TTL = 1.2


def main(root: Path) -> None:
    """Lead, or wait to lead, until there is a file `stop`."""
    workspace = app.open_workspace(root)
    schedule.LOOK = 0.1
    schedule._RECOVER = 0.3
    floor._LOOK = 0.1
    with scheduler(workspace, clock=shared_clock(root), ttl=TTL) as made:
        made.start()
        while not (root / "stop").exists():
            time.sleep(0.02)
        made.stop(5)


def shared_clock(root: Path) -> Clock:
    """The clock that began to run in the first of the processes, from the same instant every time."""
    with suppress(FileExistsError):
        (root / f"clock.{os.getpid()}").write_text(str(time.monotonic()))
        os.link(root / f"clock.{os.getpid()}", root / "clock")
    return Clock(BEGAN, float((root / "clock").read_text()), SPEED)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
