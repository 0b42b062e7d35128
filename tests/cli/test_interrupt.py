"""A run in a process of its own: on a terminal, and when it is told to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("signals and pseudo-terminals are POSIX; run these tests on Linux or macOS", allow_module_level=True)

import pty

SCRIPT = Path(__file__).parent / "slow_run.py"


def begin(*arguments: str, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "PYTHONUTF8": "1"}
    environment["PYTHONPATH"] = str(SCRIPT.parents[2])
    return subprocess.Popen([sys.executable, str(SCRIPT), *arguments], env=environment, stdout=stdout, stderr=stderr)


def wait_until_at_work(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    while (line := process.stderr.readline()) != b"at work\n":
        assert line, "the run ended before it began"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_run_and_says_so(number: signal.Signals) -> None:
    process = begin("obedient", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until_at_work(process)
    process.send_signal(number)
    out, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"stopping: running queries are cancelled\n" in told
    assert b"interrupted: 1 built, 1 cancelled in 0.6s." in out


def test_the_second_signal_ends_the_process_at_once() -> None:
    process = begin("stubborn", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until_at_work(process)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    while process.stderr.readline() != b"stopping: running queries are cancelled\n":
        continue
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - began < 10


def on_terminal(*arguments: str, stdout: int | None = None) -> str:
    """What a terminal is sent by a run that has its stderr, and its stdout unless that goes elsewhere."""
    ours, theirs = pty.openpty()
    with begin(*arguments, stdout=theirs if stdout is None else stdout, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_a_terminal_shows_what_is_running_and_keeps_what_is_finished() -> None:
    shown = on_terminal("short")
    assert re.search(r"marts\.orders   incremental   0\.\ds", shown)
    assert "1/2" in shown
    assert "━" in shown
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "").splitlines()
    assert last[-1].startswith("2 built in 0.6s")
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")


def test_lines_go_to_a_file_while_progress_stays_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with path.open("wb") as file:
        shown = on_terminal("short", stdout=file.fileno())
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "dev · shop.duckdb · 2 models · 4 threads"
    assert [line.split()[:2] for line in lines[2:4]] == [["✓", "staging.orders"], ["✓", "marts.orders"]]
    assert "\x1b" not in "".join(lines)
    assert "1/2" in shown
    assert "2 built" not in shown


@pytest.mark.parametrize("option", ["--json", "-q"])
def test_no_progress_where_none_is_wanted(option: str) -> None:
    assert "━" not in on_terminal("short", option)
