"""The log of one attempt: a file with one JSON object a line, of bounded size, without secrets."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

MOST = 5 * 1024 * 1024
_TAIL = 512 * 1024
_LEAST = 512
_PAUSE = 0.2
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


class AttemptLog:
    """Writes what an attempt has to say; callable from any thread.

    Of more than `most` bytes the head and the tail are kept; the tail is written at the end. A file that is there is
    gone on with, as from one poke of a sensor to the next. A disk that is full costs lines of the log and not the
    attempt.
    """

    def __init__(
        self,
        path: Path,
        hide: Callable[[str], str],
        *,
        most: int = MOST,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._hide = hide
        self._now = now
        self._guard = threading.Lock()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._full = False
        self._left_out = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: int | None = os.open(path, _APPEND, 0o600)
        room = most - os.fstat(self._file).st_size
        # Too little for anything that could be understood.
        self._mute = room < _LEAST
        self._most_tail = min(_TAIL, room // 2)
        self._room = room - self._most_tail

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def write(self, stream: str, text: str, **fields: object) -> None:
        """Write one line: `stream` is `stdout`, `stderr` or `sqlpipe`; further fields are kept beside the text."""
        line = self._line(stream, text, fields)
        with self._guard:
            if self._file is None or self._mute:
                return
            if not self._full and len(line) <= self._room:
                self._room -= len(line)
                self._put(line)
                return
            if not self._full:
                self._full = True
                said = "the log is full: what comes now is kept back, and its last lines are written at the end"
                self._put(self._line("sqlpipe", said, {}))
            self._keep_back(line)

    def close(self) -> None:
        """Write the tail, after a line that says how many lines are missing before it, and close the file."""
        with self._guard:
            if self._file is None:
                return
            if self._left_out:
                said = f"{self._left_out:,} lines are left out here"
                self._put(self._line("sqlpipe", said, {"left_out": self._left_out}))
            self._put(b"".join(self._tail))
            self._tail.clear()
            with suppress(OSError):
                os.close(self._file)
            self._file = None

    def _line(self, stream: str, text: str, fields: Mapping[str, object]) -> bytes:
        return _encoded(self._now(), stream, text, fields, self._hide)

    def _keep_back(self, line: bytes) -> None:
        self._tail.append(line)
        self._tail_size += len(line)
        while self._tail_size > self._most_tail:
            self._tail_size -= len(self._tail.popleft())
            self._left_out += 1

    def _put(self, data: bytes) -> None:
        assert self._file is not None
        with suppress(OSError):
            while data:
                data = data[os.write(self._file, data) :]


def write_log(path: Path, hide: Callable[[str], str], lines: Iterable[tuple[str, Mapping[str, object]]]) -> None:
    """Write a short log in one go: each line of sqlpipe's own words with its fields.

    A disk that is full costs the log and nothing else.
    """
    at = datetime.now(UTC)
    data = b"".join(_encoded(at, "sqlpipe", text, fields, hide) for text, fields in lines)
    with suppress(OSError):
        try:
            file = os.open(path, _APPEND, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, _APPEND, 0o600)
        try:
            os.write(file, data)
        finally:
            os.close(file)


def _encoded(at: datetime, stream: str, text: str, fields: Mapping[str, object], hide: Callable[[str], str]) -> bytes:
    told: dict[str, object] = {"at": at.isoformat(), "stream": stream, "text": hide(text)}
    told |= {name: _hidden(each, hide) for name, each in fields.items()}
    return json.dumps(told, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n"


def _hidden(value: object, hide: Callable[[str], str]) -> object:
    match value:
        case str():
            return hide(value)
        case Mapping():
            return {hide(str(key)): _hidden(each, hide) for key, each in value.items()}
        case list() | tuple():
            return [_hidden(each, hide) for each in value]
        case _:
            return value if value is None or isinstance(value, bool | int | float) else hide(str(value))


def read_log(path: Path, after: int = 0) -> Iterator[tuple[int, dict[str, object]]]:
    """The lines behind an offset, each with the offset behind it; a line that is still being written is left."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        file.seek(after)
        for line in file:
            if not line.endswith(b"\n"):
                return
            after += len(line)
            # A torn line, where a machine went down, is no reason to withhold the others.
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield after, found


def follow(path: Path, after: int, ended: Callable[[], bool]) -> Iterator[tuple[int, dict[str, object]]]:
    """The lines behind an offset and those that come, until the attempt has ended and all have been read."""
    while True:
        last = ended()
        for after, line in read_log(path, after):  # noqa: B020, PLR1704 - where it goes on next time
            yield after, line
        if last:
            return
        time.sleep(_PAUSE)
