"""The processes that carry out runs: who this one is, and whether another one is still there."""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlpipe.domain.journal import Owner

# A process on another host gives a sign every so often (seconds), and is taken for dead after so long without one.
BEAT = 5.0
SILENCE = 30.0


def this_process(now: datetime, command: str) -> Owner:
    """This process, as an owner of runs."""
    pid = os.getpid()
    return Owner(uuid4().hex, this_host(), pid, born(pid), now, command)


def this_host() -> str:
    """The name of this machine."""
    return socket.gethostname()


def is_alive(owner: Owner, now: datetime) -> bool:
    """Whether a process is still there and gives signs; on this host it is known at once when one has died."""
    if owner.host == this_host() and sys.platform != "win32":
        if not exists(owner.pid) or (owner.born and born(owner.pid) != owner.born):
            return False
        if owner.born:
            # It may give no signs because it is suspended, as on a machine that sleeps: it will go on.
            return True
    return (now - owner.seen).total_seconds() < SILENCE


def born(pid: int) -> int:
    """When a process began, in ticks of its machine (0 if unknown): its number may have been given to another."""
    with suppress(OSError, ValueError, IndexError):
        # The command, in parentheses, may itself hold blanks and parentheses.
        after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # One that has died and whose end nobody has taken notice of does nothing more.
        return 0 if after[0] == "Z" else int(after[19])
    return 0


def put_down(process: str) -> None:
    """Kill what an attempt has left running: `pid:ticks` of the leader of its group, if that is still the same one."""
    pid, _, ticks = process.partition(":")
    if sys.platform == "win32" or not pid.isdigit() or not ticks.isdigit() or born(int(pid)) != int(ticks):
        return
    with suppress(OSError):
        os.killpg(int(pid), signal.SIGKILL)


def put_down_strays(run: str, node: str) -> None:
    """Kill what works for a node of a run by its environment: whoever started it died before it could note which it is.

    Nothing, where environments of processes cannot be read.
    """
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            environ = dict(line.partition("=")[::2] for line in path.read_text(errors="replace").split("\0"))
            if environ.get("SQLPIPE_RUN") == run and environ.get("SQLPIPE_NODE", "").casefold() == node.casefold():
                os.kill(int(path.parent.name), getattr(signal, "SIGKILL", signal.SIGTERM))


def exists(pid: int) -> bool:
    """Whether a process of this host is there and has not ended; True where that cannot be known."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return born(pid) > 0 or not Path("/proc/self/stat").exists()
