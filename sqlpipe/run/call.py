"""Functions of the project, called in a process of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, did_you_mean, span_of
from sqlpipe.domain.task import Call, Mishap
from sqlpipe.load.inlay import as_text
from sqlpipe.load.late import render_values
from sqlpipe.load.secret import hide
from sqlpipe.run import shell
from sqlpipe.run.blame import source_text
from sqlpipe.run.fact_file import MOST
from sqlpipe.run.process import Command, Exited
from sqlpipe.run.turn import Mischance, Result, Turn

_CALLEE = Path(__file__).with_name("callee.py")


def call(called: Call, turn: Turn) -> object:
    """Call a function and return what it returns, which has to be JSON.

    Raises Mischance (SP632) with the line of the project that failed; permanent where to try again mends nothing, or
    where the exception says so with `sqlpipe_permanent = True`.
    """
    arguments = {**_given(called, turn), **_mapping(render_values(called.arguments, turn.values))}
    if called.module.endswith(".py") and not (turn.root / called.module).is_file():
        raise _failed(turn, Mishap.PERMANENT, f"there is no file {called.module}")
    environ = {"PYTHONUNBUFFERED": "1", **shell.rendered_environ(called.env, turn)}
    folder = shell.folder_of(called.cwd, turn)
    with TemporaryDirectory(prefix="sqlpipe-") as scratch:
        asked, answer = Path(scratch, "asked.json"), Path(scratch, "answer.json")
        written = {
            "root": str(turn.root.resolve()),
            "module": called.module,
            "function": called.function,
            "arguments": arguments,
            "answer": str(answer),
        }
        asked.write_text(json.dumps(written, default=as_text), encoding="utf-8")
        # With `-P` its own folder is not searched for modules: those there are not what a project means.
        exited = shell.started(Command([sys.executable, "-P", str(_CALLEE), str(asked)], folder, environ), turn)
        answered = answer.read_text(encoding="utf-8") if answer.exists() else ""
    return _value(called, turn, exited, answered)


def run_function(called: Call, turn: Turn) -> Result:
    """Call a function; its facts are the mapping that it returns, or any other value under the name `value`."""
    match call(called, turn):
        case None:
            return Result()
        case dict() as facts:
            return Result(facts)
        case value:
            return Result({"value": value})


def _given(called: Call, turn: Turn) -> dict[str, object]:
    """The facts of the tasks that parameters name."""
    facts = _mapping(turn.values.get("facts"))
    known = {name.casefold(): each for name, each in facts.items()}
    given: dict[str, object] = {}
    for parameter, key in called.takes:
        # The schema may be left out where a task is named.
        found = next((each for each in (key.casefold(), key.casefold().rpartition(".")[2]) if each in known), None)
        if found is None:
            message = f"`{parameter}` is to get the facts of {key}, which has none yet"
            raise _failed(turn, Mishap.PERMANENT, message, help=did_you_mean(key, facts))
        given[parameter] = known[found]
    return given


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _value(called: Call, turn: Turn, exited: Exited, answered: str) -> object:
    if exited.stopped:
        raise shell.stopped(turn)
    if not answered:
        message = f"`{called.function}` has not returned: its process ended with {exited.how}"
        if exited.signal:
            message = f"`{called.function}` has not returned: its process was {exited.how}"
        raise _failed(turn, Mishap.TRANSIENT, message, notes=exited.last)
    match json.loads(answered):
        case {"error": dict() as error}:
            raise _raised(called, turn, error)
        case {"missing": list() as known}:
            message = f"{called.module} has no function `{called.function}`"
            raise _failed(turn, Mishap.PERMANENT, message, help=did_you_mean(called.function, known))
        case {"odd": {"type": kind, "said": said}}:
            message = f"`{called.function}` returned something that is not JSON ({kind}): {said}"
            help = "return None, or a dictionary of texts, numbers, lists and dictionaries"
            raise _failed(turn, Mishap.PERMANENT, message, help=help)
        case {"value": value} if len(answered) > MOST:
            message = f"`{called.function}` returned more than {MOST // 1024} KiB ({type(value).__name__})"
            help = "write the rows to a file or a table, and return its name"
            raise _failed(turn, Mishap.PERMANENT, message, help=help)
        case {"value": value}:
            return value
        case _:
            raise AssertionError(answered)


def _raised(called: Call, turn: Turn, error: Mapping[str, Any]) -> Mischance:
    mishap = Mishap.PERMANENT if error["permanent"] else Mishap.TRANSIENT
    return _failed(turn, mishap, f"`{called.function}` failed: {error['said']}", span=_span(turn, error))


def _span(turn: Turn, error: Mapping[str, Any]) -> Span | None:
    file, line = str(error["file"]), int(error["line"])
    text = source_text(turn.root / file) if file else ""
    lines = text.split("\n")
    if not text or not 0 < line <= len(lines):
        return None
    source = lines[line - 1]
    return span_of(file, text, Place(line, len(source) - len(source.lstrip()) + 1, max(1, len(source.strip()))))


def _failed(
    turn: Turn, mishap: Mishap, said: str, *, help: str = "", notes: tuple[str, ...] = (), span: Span | None = None
) -> Mischance:
    message = hide(f"{turn.node.name}: {said}")
    return Mischance(mishap, Diagnostic(code="SP632", message=message, help=help, notes=notes, span=span))
