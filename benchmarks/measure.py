"""One process at a time: how long it takes, how much it computes, and how much memory it holds at its peak.

The kernel counts the memory of the process that starts another one towards the peak of the new one, so this
module and those that use it stay small: standard library only.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# ru_maxrss is in KiB on Linux and in bytes on macOS.
RSS_UNITS_PER_MIB = 1024 * 1024 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured process: seconds on the clock, seconds of user and system CPU, and MiB at the peak.

    CPU is that of the process and all that it waited for; the peak is that of the largest of them.
    """

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A command to measure, where it runs, and what to do before each time without measuring it."""

    name: str
    command: Sequence[str]
    folder: Path
    prepare: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sample with what the process wrote."""

    sample: Sample
    stdout: str
    stderr: str


class CommandFailed(Exception):
    """A measured command ended with another code than 0."""


def measure(command: Sequence[str], folder: Path) -> Outcome:
    """Run a command to its end; raises `CommandFailed` with the end of what it wrote if it did not go well."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        written = []
        for stream in (stdout, stderr):
            stream.seek(0)
            written.append(stream.read().decode(errors="replace"))
    if process.returncode:
        tail = "\n".join((written[0] + written[1]).splitlines()[-30:])
        raise CommandFailed(f"`{' '.join(command)}` in {folder} ended with {process.returncode}\n{tail}")
    sample = Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / RSS_UNITS_PER_MIB)
    return Outcome(sample, *written)


def _environment() -> dict[str, str]:
    """The environment of a user, whose Python keeps the modules that it has compiled."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def in_turn(trials: Sequence[Trial], repeat: int) -> dict[str, list[Outcome]]:
    """Measure the trials one after the other, and all of them again, so that a busy minute falls on each alike."""
    outcomes: dict[str, list[Outcome]] = {trial.name: [] for trial in trials}
    for _ in range(repeat):
        for trial in trials:
            trial.prepare()
            outcomes[trial.name].append(measure(trial.command, trial.folder))
    return outcomes


def medians(outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, Sample]:
    """The median of each figure of each trial."""
    return {
        name: Sample(
            statistics.median(each.sample.wall for each in several),
            statistics.median(each.sample.cpu for each in several),
            statistics.median(each.sample.peak for each in several),
        )
        for name, several in outcomes.items()
    }
