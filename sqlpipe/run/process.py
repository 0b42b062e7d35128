"""A child process with all its descendants: started, listened to, stopped."""

from __future__ import annotations

import codecs
import os
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlpipe.load.secret import hide
from sqlpipe.run.crash import crash_point
from sqlpipe.run.turn import Turn

Hear = Callable[[str, str], None]

GRACE = 5.0
# So long may others hold a pipe open after the process itself has ended.
_LINGER = 2.0
_LONGEST = 16 * 1024
# No secret is expected to be longer; so much is held back of a long line, lest a cut goes through a secret.
_HELD_BACK = 4 * 1024
_REMEMBERED = 5


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: the words, the folder and variables besides those of this process and the attempt."""

    words: Sequence[str]
    folder: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Exited:
    """How a process ended: with a code, or killed by a signal; `stopped` if that was asked for.

    `last` are its last lines, of stderr if there are any.
    """

    code: int
    signal: str = ""
    stopped: bool = False
    last: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether it has come to its end by itself, without an error."""
        return not self.code and not self.signal and not self.stopped

    @property
    def how(self) -> str:
        """How it ended, in words."""
        return f"killed by {self.signal}" if self.signal else f"exit code {self.code}"


def run_process(command: Command, turn: Turn, *, hear: Hear | None = None, grace: float = GRACE) -> Exited:
    """Run a command to its end and write its lines into the log of the attempt, or have `hear` hear them.

    When the attempt is stopped, SIGTERM goes to the whole group of processes, and SIGKILL after `grace` seconds.
    Raises OSError when it cannot be started.
    """
    if turn.stopper.asked:
        return Exited(0, stopped=True)
    last: Mapping[str, deque[str]] = {each: deque(maxlen=_REMEMBERED) for each in ("stdout", "stderr")}

    def remember(stream: str, text: str) -> None:
        if text.strip():
            last[stream].append(text[:500])
        (hear or turn.log.write)(stream, text)

    process = _start(command, turn)
    crash_point("spawned")
    group = _Group(process, grace)
    listeners = [
        _Listener(pipe, name, remember)
        for pipe, name in ((process.stdout, "stdout"), (process.stderr, "stderr"))
        if pipe is not None
    ]
    try:
        turn.note_process(f"{process.pid}:{born(process.pid)}")
        turn.stopper.on_stop(group.stop)
    except BaseException:
        group.stop()
        raise
    finally:
        code = group.wait()
        stopped = turn.stopper.asked
        errors = [each.finish(_LINGER / len(listeners)) for each in listeners]
    for error in filter(None, errors):
        raise error
    lines = tuple(map(hide, last["stderr"] or last["stdout"]))
    return Exited(max(code, 0), _signal_name(-code) if code < 0 else "", stopped, lines)


def _start(command: Command, turn: Turn) -> subprocess.Popen[bytes]:
    environ = {**os.environ, **command.environ, **turn.environ}
    windows = sys.platform == "win32"
    return subprocess.Popen(  # noqa: S603 - to run what the project says is the purpose
        list(command.words),
        cwd=command.folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=not windows,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if windows else 0,
    )


class _Group:
    """A process and those that it has started, unless they have left its group."""

    def __init__(self, process: subprocess.Popen[bytes], grace: float) -> None:
        self._process = process
        self._grace = grace
        self._guard = threading.Lock()
        self._over = False
        self._asked = False
        self._killer: threading.Timer | None = None

    def stop(self) -> None:
        """Ask it to end, and end it after the grace; does not wait for that."""
        with self._guard:
            if self._over or self._asked:
                return
            self._asked = True
            self._send("SIGTERM")
            self._killer = threading.Timer(self._grace, self._kill)
            self._killer.daemon = True
            self._killer.start()

    def wait(self) -> int:
        """Wait for the process itself, end what it has left behind if it was stopped, and return its code."""
        if sys.platform != "win32" and hasattr(os, "waitid"):
            # Until it is reaped, its number, which is that of the group, is given to nobody else.
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._guard:
            if self._asked:
                self._send("SIGKILL")
            self._over = True
            code = self._process.wait()
        if self._killer is not None:
            self._killer.cancel()
        return code

    def _kill(self) -> None:
        with self._guard:
            if not self._over:
                self._send("SIGKILL")

    def _send(self, name: str) -> None:
        if sys.platform == "win32":
            with suppress(OSError):
                if name == "SIGTERM":
                    self._process.send_signal(signal.CTRL_BREAK_EVENT)
                else:
                    self._process.kill()
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.Signals[name])


class _Listener:
    """Reads one stream in a thread of its own, line by line, until its end or until it is told to finish."""

    def __init__(self, pipe: IO[bytes], stream: str, hear: Hear) -> None:
        self._pipe = pipe
        self._lines = Lines(lambda text: hear(stream, text))
        self._error: Exception | None = None
        self._awake, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> Exception | None:
        """Give it this long to come to the end of the stream, then no longer; what went wrong in hearing it."""
        self._thread.join(seconds)
        os.write(self._wake, b".")
        # On Windows nothing wakes it: it stays behind until the last who holds the pipe has gone.
        self._thread.join(None if sys.platform != "win32" else _LINGER)
        os.close(self._wake)
        if not self._thread.is_alive():
            os.close(self._awake)
            self._pipe.close()
        return self._error

    def _listen(self) -> None:
        while self._readable() and (data := os.read(self._pipe.fileno(), 65536)):
            self._hear(self._lines.feed, data)
        self._hear(self._lines.end)

    def _hear(self, take: Callable[..., None], *data: bytes) -> None:
        """Go on reading even if nobody can listen: else the process would wait for room in its pipe for ever."""
        if self._error is None:
            try:
                take(*data)
            except Exception as error:  # noqa: BLE001 - handed on by `finish`
                self._error = error

    def _readable(self) -> bool:
        if sys.platform == "win32":
            return True
        poll = select.poll()
        poll.register(self._pipe.fileno(), select.POLLIN)
        poll.register(self._awake, select.POLLIN)
        return not any(number == self._awake for number, _ in poll.poll())


class Lines:
    """Cuts a stream of bytes into lines of text; a carriage return ends a line as well."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Take in what has been read."""
        self._take(self._decoder.decode(data))

    def end(self) -> None:
        """Tell what is left without an end of line."""
        self._take(self._decoder.decode(b"", final=True))
        if rest := self._rest.removesuffix("\r"):
            self._tell(rest)
        self._rest = ""

    def _take(self, text: str) -> None:
        text = self._rest + text
        # A carriage return at the very end may be the first half of an end of line.
        half = text.endswith("\r")
        *lines, rest = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = rest + "\r" * half
        for line in lines:
            self._tell(line)
        if len(self._rest) > _LONGEST + _HELD_BACK:
            hidden = hide(self._rest)
            while len(hidden) > _LONGEST + _HELD_BACK:
                self._hear(hidden[:_LONGEST])
                hidden = hidden[_LONGEST:]
            self._rest = hidden

    def _tell(self, line: str) -> None:
        if len(line) > _LONGEST:
            line = hide(line)
        for at in range(0, max(len(line), 1), _LONGEST):
            self._hear(line[at : at + _LONGEST])


def born(pid: int) -> int:
    """When a process was started, in ticks since the machine was; 0 where that cannot be told."""
    with suppress(OSError, ValueError, IndexError):
        # The name in brackets may hold blanks and brackets itself.
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return int(told.split()[19])
    return 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
