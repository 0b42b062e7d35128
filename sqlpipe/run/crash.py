"""Named points at which a test may have the process killed, so that recovery is proved and not hoped for."""

from __future__ import annotations

import os
import signal
from itertools import count

# `SQLPIPE_KILL_AT=published:3` kills the process when it comes to the point `published` for the third time, and
# `published:3:STOP` suspends it there until somebody has it go on.
_POINT, _TIMES, _SIGNAL = [*os.environ.get("SQLPIPE_KILL_AT", "").split(":"), "", ""][:3]
_passed = count(1)


def crash_point(name: str) -> None:
    """Kill this process, with no chance to clean up, if the environment names this point."""
    if name == _POINT and next(_passed) == int(_TIMES or 1):
        os.kill(os.getpid(), getattr(signal, f"SIG{_SIGNAL or 'KILL'}", signal.SIGTERM))
