"""One scheduler of the soak in a process of its own: it leads or stands by, and tells how it fares."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path

from sqlpipe import app
from sqlpipe.app.serving import scheduler
from sqlpipe.run.clock import Clock
from sqlpipe.run.schedule import Scheduler
from sqlpipe.store.book import JournalAway

# So often (seconds) it tells how it fares.
PAUSE = 0.5
GRACE = 3.0


def main() -> None:
    """Run until SIGTERM: `folder`, when the clock began, at which monotonic instant, its speed, the lease's seconds."""
    folder, began, at, speed, ttl = sys.argv[1:]
    clock = Clock(datetime.fromisoformat(began), float(at), float(speed))
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: over.set())
    with scheduler(app.open_workspace(Path(folder)), clock=clock, ttl=float(ttl)) as running:
        say({"owner": running._premises.owner.id})
        running.start()
        try:
            while not over.wait(PAUSE):
                tell(running, clock)
        finally:
            running.stop(GRACE)
    say({"ended": True})


def tell(running: Scheduler, clock: Clock) -> None:
    """Write a line about this process to stdout."""
    try:
        status = running.status()
    except JournalAway as error:
        say({"away": str(error)})
        return
    told: dict[str, object] = {
        "at": clock.now().isoformat(),
        "real": time.monotonic(),
        "leading": status.leading,
        "owner": running._premises.owner.id,
        "loop": status.loop_seconds,
        "problem": status.project_problem,
        "rss": _rss(),
        "threads": threading.active_count(),
        "files": len(list(Path("/proc/self/fd").iterdir())),
    }
    say(told)


def say(told: dict[str, object]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _rss() -> int:
    """Memory in KiB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main()
