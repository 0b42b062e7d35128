"""Tasks that are a script for the shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.task import Bash, Mishap
from sqlpipe.engine.contract import Interrupted
from sqlpipe.load.late import Quoting, render
from sqlpipe.load.secret import hide
from sqlpipe.run.fact_file import read_facts
from sqlpipe.run.process import Command, Exited, run_process
from sqlpipe.run.turn import Mischance, Result, Turn

_SHELLS = (("bash", "-euo", "pipefail", "-c"), ("sh", "-eu", "-c"))


def run_script(bash: Bash, turn: Turn) -> Result:
    """Run a script; its facts are what it writes into the file that `SQLPIPE_FACTS` names.

    Raises Mischance: SP610 for its templates, SP630 when it fails, SP631 for its facts.
    """
    script = render(bash.script, turn.values, Quoting.SHELL)
    environ = {**rendered_environ(bash.env, turn), **script.environ}
    with TemporaryDirectory(prefix="sqlpipe-") as scratch:
        facts = Path(turn.environ.get("SQLPIPE_FACTS") or Path(scratch, "facts"))
        facts.parent.mkdir(parents=True, exist_ok=True)
        # What an earlier attempt has left is not what this one says.
        facts.write_bytes(b"")
        turn = replace(turn, environ={**turn.environ, "SQLPIPE_FACTS": str(facts)})
        command = Command([*_shell(turn, environ), script.text], folder_of(bash.cwd, turn), environ)
        exited = started(command, turn)
        if not exited.well:
            raise failed(exited, turn)
        return Result(read_facts(facts, str(turn.node.name)))


def rendered_environ(env: Mapping[str, str], turn: Turn) -> dict[str, str]:
    """The variables that a task sets, rendered."""
    return {name: render(str(each), turn.values, Quoting.PLAIN).text for name, each in env.items()}


def folder_of(cwd: str, turn: Turn) -> Path:
    """The folder in which a task runs, relative to the project; raises Mischance (SP630) if it is not there."""
    written = render(cwd, turn.values, Quoting.PLAIN).text
    folder = turn.root / written
    if not folder.is_dir():
        help = "`cwd` is relative to the folder of the project"
        raise mischance(Mishap.PERMANENT, f"{turn.node.name}: there is no folder {hide(written)}", help=help)
    return folder


def started(command: Command, turn: Turn) -> Exited:
    """Run a command to its end; raises Mischance (SP630) if it cannot be started."""
    try:
        return run_process(command, turn)
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"{turn.node.name}: {command.words[0]} cannot be started: {said[:1].lower()}{said[1:]}"
        raise mischance(Mishap.PERMANENT, message) from error


def failed(exited: Exited, turn: Turn) -> Mischance | Interrupted:
    """What to raise for a command that did not end well."""
    if exited.stopped:
        return stopped(turn)
    message = f"{turn.node.name}: {exited.how}" + (f": {exited.last[-1]}" if exited.last else "")
    return mischance(Mishap.TRANSIENT, message, notes=exited.last)


def stopped(turn: Turn) -> Mischance | Interrupted:
    """What to raise for an attempt that was stopped."""
    if turn.stopper.mishap is not None:
        limit = f" of {turn.node.running.timeout:g} s" if turn.node.running.timeout else ""
        help = "give it more time with `timeout:`, or look in its log for what took so long"
        message = f"{turn.node.name} took longer than its timeout{limit} and was stopped"
        return Mischance(turn.stopper.mishap, Diagnostic(code="SP616", message=message, help=help))
    return Interrupted(Diagnostic(code="SP616", message=f"{turn.node.name} was cancelled"))


def mischance(mishap: Mishap, message: str, *, help: str = "", notes: tuple[str, ...] = ()) -> Mischance:
    """A failure of a command."""
    return Mischance(mishap, Diagnostic(code="SP630", message=message, help=help, notes=notes))


def _shell(turn: Turn, environ: Mapping[str, str]) -> tuple[str, ...]:
    path = environ.get("PATH", os.environ.get("PATH"))
    for name, *flags in _SHELLS:
        if found := shutil.which(name, path=path):
            return (found, *flags)
    help = "install bash, or make the task a Python function"
    raise mischance(Mishap.PERMANENT, f"{turn.node.name}: there is no bash and no sh on this machine", help=help)
