"""Tasks that run another project, in a process of its own."""

from __future__ import annotations

import json
import sys
from typing import Any

from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.task import Launch, Mishap
from sqlpipe.load.late import Quoting, render
from sqlpipe.load.secret import hide
from sqlpipe.run import shell
from sqlpipe.run.process import Command, Exited, run_process
from sqlpipe.run.turn import Mischance, Result, Turn

# Another process has the database: it will be done at some time.
_TAKEN = "SP502"
_INTERRUPTED = 130


class _Told:
    """What a run tells as JSON, one event a line: kept as far as it is needed, and written into the log."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self.run = ""
        self.counts: dict[str, object] = {}
        self.complaints: list[tuple[str, str]] = []

    def hear(self, stream: str, text: str) -> None:
        """Take in one line."""
        self._turn.log.write(stream, text)
        if stream != "stdout" or not text.startswith("{"):
            return
        try:
            event: dict[str, Any] = json.loads(text)
        except ValueError:
            return
        self.run = str(event.get("run") or self.run)
        if event.get("event") == "RunFinished":
            self.counts = dict(event.get("counts") or {})
        for each in event.get("diagnostics") or ():
            if each.get("severity") != "warn":
                self.complaints.append((str(each.get("code")), str(each.get("message"))))


def run_elsewhere(launch: Launch, turn: Turn) -> Result:
    """Run a pipeline or a selection of another project; the facts are `run` and the counts of nodes by state.

    Raises Mischance (SP617): transient where the other project's database is in use, or its run was interrupted.
    """

    def text(value: str) -> str:
        return render(value, turn.values, Quoting.PLAIN).text

    folder = shell.folder_of(launch.project, turn)
    words = [sys.executable, "-m", "sqlpipe", "run", "-C", str(folder), "--json"]
    words += ["-p", text(launch.pipeline)] if launch.pipeline else []
    words += [word for each in launch.select for word in ("-s", text(each))]
    words += ["-t", text(launch.target)] if launch.target else []
    told = _Told(turn)
    try:
        exited = run_process(Command(words, folder, {}), turn, hear=told.hear)
    except OSError as error:
        said = f"{turn.node.name}: sqlpipe cannot be started: {error.strerror or error}"
        raise shell.mischance(Mishap.PERMANENT, said) from error
    if exited.stopped:
        raise shell.stopped(turn)
    if not exited.well:
        raise _failed(launch, told, exited, turn)
    facts: dict[str, object] = {"run": told.run, **told.counts}
    return Result(facts, detail=", ".join(f"{count} {state}" for state, count in told.counts.items()))


def _failed(launch: Launch, told: _Told, exited: Exited, turn: Turn) -> Mischance:
    passing = exited.signal or exited.code == _INTERRUPTED or any(code == _TAKEN for code, _ in told.complaints)
    said = f"{turn.node.name}: the run of {launch.project} failed ({exited.how})"
    notes = tuple(hide(f"{code} {message}") for code, message in dict.fromkeys(told.complaints))[:5] or exited.last
    diagnostic = Diagnostic(code="SP617", message=hide(said), notes=notes)
    return Mischance(Mishap.TRANSIENT if passing else Mishap.PERMANENT, diagnostic)
