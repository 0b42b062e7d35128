"""Where the server of a project is, written down for the other commands."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time

from sqlpipe.domain.journal import Owner
from sqlpipe.load.cache import FOLDER, own_folder
from sqlpipe.run.owner import SILENCE, born, is_alive

FILE = "serve.json"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The process that serves a project, and the address at which it does."""

    pid: int
    url: str
    started: datetime
    born: int = 0

    @classmethod
    def here(cls, url: str, now: datetime) -> Whereabouts:
        """Those of this process."""
        return cls(os.getpid(), url, now, born(os.getpid()))


def find(root: Path) -> Whereabouts | None:
    """Where a server of the project is, if one lives on this machine."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((root / FOLDER / FILE).read_text(encoding="utf-8"))
        began = datetime.fromisoformat(told["started"])
        found = Whereabouts(int(told["pid"]), str(told["url"]), began, int(told["born"]))
        owner = Owner("", socket.gethostname(), found.pid, found.born, found.started)
        # Where processes cannot be asked for, who lives has touched the file of late.
        silent = sys.platform == "win32" and time() - (root / FOLDER / FILE).stat().st_mtime > SILENCE
        return found if is_alive(owner, found.started) and not silent else None
    return None


def announce(root: Path, here: Whereabouts) -> bool:
    """Write it down, unless another server that lives is written there; whether it stands there now."""
    there, path = find(root), own_folder(root) / FILE
    if there is not None:
        if there.pid == here.pid:
            os.utime(path)
        return there.pid == here.pid
    beside = path.with_name(f"{FILE}.{here.pid}")
    told = {"pid": here.pid, "url": here.url, "started": here.started.isoformat(), "born": here.born}
    with suppress(FileNotFoundError):
        beside.unlink()
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(told, file)
    beside.replace(path)
    return True


def withdraw(root: Path, here: Whereabouts) -> None:
    """Remove what stands there, if it is ours."""
    there = find(root)
    if there is not None and there.pid == here.pid:
        with suppress(OSError):
            (root / FOLDER / FILE).unlink()
