"""Pages of documentation run as their readers would run them: files are written, commands are typed, output compared.

A fence that begins with three backticks and `console` holds commands (after `$ `, continued after `> `) with their
output; one with `LANGUAGE PATH` holds a file, within four backticks where the file has fences itself. Other fences are
only there to be read. A line `...` of expected output stands for any lines. Times, and the names of runs, are not
compared.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"^(?P<ticks>`{3,})(?P<language>\w*)(?: (?P<path>\S+))?\n(?P<text>.*?)^(?P=ticks)$", re.DOTALL | re.MULTILINE
)
_END = "@@@ end of output @@@"
_SECONDS = re.compile(r"\b\d+\.\d+s")
_MOMENT = re.compile(r"(?:\b\d{4}-\d\d-\d\d )?\b\d\d:\d\d:\d\d\b")
_RUN = re.compile(r"\b(?:\d{8}T\d+-)?[0-9a-f]{6}\b")
_BLANKS = re.compile(r"  +")


@dataclass(frozen=True)
class Fence:
    """One fence of a page; `start` and `end` are the offsets of the text inside."""

    language: str
    path: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Command:
    """A command of a page and the output that the page shows."""

    typed: str
    shown: str


def fences(page: str) -> Iterator[Fence]:
    """The fences of a page from top to bottom."""
    for found in _FENCE.finditer(page):
        yield Fence(found["language"], found["path"] or "", found["text"], *found.span("text"))


def commands(text: str) -> list[Command]:
    """The commands of a console."""
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ""))
        elif line.startswith("> ") and not found[-1].shown:
            found[-1] = Command(f"{found[-1].typed}\n{line[2:]}", "")
        else:
            found[-1] = Command(found[-1].typed, f"{found[-1].shown}{line}\n")
    return found


def run(page: str, folder: Path) -> Iterator[tuple[Fence, list[tuple[Command, str]]]]:
    """Do what a page says in a folder; the consoles of the page, each command with what it really wrote."""
    script, consoles = ["exec 2>&1"], []
    for fence in fences(page):
        if fence.path:
            script.append(f"mkdir -p \"$(dirname '{fence.path}')\"\ncat > '{fence.path}' <<'@@@'\n{fence.text}@@@")
        elif fence.language == "console":
            consoles.append((fence, commands(fence.text)))
            script += [f"(exit $__code)\n{each.typed}\n__code=$?\necho; echo '{_END}'" for each in consoles[-1][1]]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
    outputs = iter(done.stdout.split(f"\n{_END}\n"))
    for fence, typed in consoles:
        yield fence, [(each, next(outputs).replace(str(folder), "/home/you")) for each in typed]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SQLPIPE_", "FORCE_COLOR"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    plain = {"NO_COLOR": "1", "PYTHONUTF8": "1", "TZ": "UTC", "LOGNAME": "you"}
    return {**kept, **plain, "PATH": path, "HOME": str(folder)}


def alike(shown: str, real: str) -> bool:
    """Whether output is as shown, apart from times, names of runs, the order of lines (of nodes run at once), `...`."""
    expected, found = _lines(shown), _lines(real)
    if "..." in expected:
        return all(line in found for line in expected if line != "...")
    return expected == found


def _lines(text: str) -> list[str]:
    return sorted(_BLANKS.sub("  ", _masked(line.rstrip())) for line in text.splitlines() if line.strip())


def _masked(line: str) -> str:
    return _RUN.sub("(run)", _MOMENT.sub("(time)", _SECONDS.sub("0.0s", line)))


def rewritten(page: str, folder: Path) -> str:
    """The page with the output that its commands really have, where that is not alike."""
    pieces, at = [], 0
    for fence, typed in run(page, folder):
        assert not any("Traceback" in real for _, real in typed), typed
        text = "".join(_console(each, real) for each, real in typed)
        pieces += [page[at : fence.start], text]
        at = fence.end
    return "".join([*pieces, page[at:]])


def _console(command: Command, real: str) -> str:
    prompt = "$ " + command.typed.replace("\n", "\n> ") + "\n"
    if alike(command.shown, real):
        return prompt + command.shown
    lines = [line.rstrip() for line in real.strip("\n").split("\n")]
    return prompt + "".join(f"{line}\n" for line in lines if line or len(lines) > 1)
