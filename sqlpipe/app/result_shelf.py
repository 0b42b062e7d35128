"""Results of queries kept in memory, and in the project's own folder for other processes and the next start."""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.load.cache import own_folder

FOLDER = "results"
_FORMAT = 1
_MOST_IN_MEMORY = 64_000_000
_MOST_ON_DISK = 256_000_000
# So often (in results written) it is looked how large the folder has become.
_LOOK = 50
# What went wrong goes wrong again: for so long (seconds) it is not tried anew.
_REFUSED = 10.0
_MOST_REFUSED = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer: its rows, as JSON has them, the versions of the data that it was made from, and when that was.

    `at` is when the newest of these data was committed; `cut` tells that there were more rows.
    """

    stamp: str
    looked: datetime
    at: datetime | None
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool = False


class Shelf:
    """The answers of a project by the keys of their questions; the last answer to each."""

    def __init__(self, root: Path, in_memory: int = _MOST_IN_MEMORY, on_disk: int = _MOST_ON_DISK) -> None:
        self._root = root
        self._in_memory = in_memory
        self._on_disk = on_disk
        self._guard = threading.Lock()
        self._held: OrderedDict[str, tuple[Kept, int]] = OrderedDict()
        self._size = 0
        self._written = 0
        self._refused: OrderedDict[str, tuple[str, float, Diagnostic]] = OrderedDict()

    def find(self, key: str) -> Kept | None:
        """The last answer to a question, however old."""
        with self._guard:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key][0]
        try:
            text = (self._root / ".sqlpipe" / FOLDER / f"{key}.json").read_bytes()
            kept = _read(json.loads(text))
        except (OSError, ValueError, LookupError, TypeError):
            return None
        self._hold(key, kept, len(text))
        return kept

    def keep(self, key: str, kept: Kept) -> None:
        """Keep an answer in place of the one before; without a folder to write to only in memory."""
        text = json.dumps(_written(kept), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        self._hold(key, kept, len(text))
        with suppress(OSError):
            self._write(key, text)

    def refuse(self, key: str, stamp: str, problem: Diagnostic) -> None:
        """Note that with these data a question has no answer."""
        with self._guard:
            self._refused[key] = stamp, monotonic(), problem
            while len(self._refused) > _MOST_REFUSED:
                self._refused.popitem(last=False)

    def refusal(self, key: str, stamp: str) -> Diagnostic | None:
        """Why a question has had no answer just now, with the same data."""
        with self._guard:
            known, at, problem = self._refused.get(key, ("", 0.0, None))
        return problem if known == stamp and monotonic() - at < _REFUSED else None

    def _hold(self, key: str, kept: Kept, size: int) -> None:
        with self._guard:
            self._size += size - self._held.pop(key, (kept, 0))[1]
            self._held[key] = kept, size
            while self._size > self._in_memory and len(self._held) > 1:
                self._size -= self._held.popitem(last=False)[1][1]

    def _write(self, key: str, text: bytes) -> None:
        folder = own_folder(self._root) / FOLDER
        folder.mkdir(exist_ok=True)
        beside = folder / f"{key}.{os.getpid()}.{monotonic()}"
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(text)
            beside.replace(folder / f"{key}.json")
        finally:
            beside.unlink(missing_ok=True)
        self._written += 1
        if self._written % _LOOK == 1:
            self._prune(folder)

    def _prune(self, folder: Path) -> None:
        """Throw away what was written first, until the rest is small enough."""
        found = sorted(((each.stat(), each.path) for each in os.scandir(folder)), key=lambda each: each[0].st_mtime_ns)
        size = sum(stat.st_size for stat, _ in found)
        for stat, path in found:
            if size <= self._on_disk:
                return
            Path(path).unlink(missing_ok=True)
            size -= stat.st_size


@cache
def shelf_of(root: Path) -> Shelf:
    """The shelf of a project, the same for everybody in this process."""
    return Shelf(root)


def _written(kept: Kept) -> Mapping[str, object]:
    return {
        "format": _FORMAT,
        "stamp": kept.stamp,
        "looked": kept.looked.isoformat(),
        "at": kept.at.isoformat() if kept.at else None,
        "columns": kept.columns,
        "types": kept.types,
        "cut": kept.cut,
        "rows": kept.rows,
    }


def _read(found: Mapping[str, Any]) -> Kept:
    if found["format"] != _FORMAT:
        raise ValueError(found["format"])
    columns, types = tuple(found["columns"]), tuple(found["types"])
    rows = tuple(tuple(each) for each in found["rows"])
    if len(columns) != len(types) or any(len(each) != len(columns) for each in rows):
        raise ValueError(columns)
    return Kept(
        str(found["stamp"]),
        datetime.fromisoformat(found["looked"]),
        datetime.fromisoformat(found["at"]) if found["at"] else None,
        columns,
        types,
        rows,
        bool(found["cut"]),
    )
