"""The workshop where files that have changed are read; whoever imports it imports YAML and the SQL parser."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from sqlpipe.load.complaints import Complaints
from sqlpipe.load.facts import SourceFile
from sqlpipe.load.reading import Context, Outcome, Reader
from sqlpipe.load.settings import Written, read_settings

# Fewer files are read before other processes would have started.
_MANY = 150

_reader: Reader | None = None


def read_files(files: Sequence[SourceFile], context: Context, *, many: int = _MANY) -> Iterable[Outcome]:
    """What each of the files says, in their order; in several processes when there are more than `many`."""
    workers = min(_processors(), len(files) // max(1, many // 2))
    if len(files) > many and workers > 1 and _may_start_processes():
        try:
            return _in_processes(files, context, workers)
        except (BrokenProcessPool, OSError):
            pass  # no processes here (a sandbox, a script without a main guard): one is enough
    reader = Reader(context)
    return [reader.read(file) for file in files]


def _in_processes(files: Sequence[SourceFile], context: Context, workers: int) -> list[Outcome]:
    with ProcessPoolExecutor(workers, initializer=_begin, initargs=(context,)) as pool:
        return list(pool.map(_read, files, chunksize=max(1, len(files) // (workers * 4))))


def _begin(context: Context) -> None:
    global _reader  # noqa: PLW0603  a worker process has one context for its whole life
    _reader = Reader(context)


def _read(file: SourceFile) -> Outcome:
    assert _reader is not None
    return _reader.read(file)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _may_start_processes() -> bool:
    """A fork copies only the thread that asks for it, and locks that others hold stay closed for ever."""
    return multiprocessing.get_start_method() != "fork" or threading.active_count() == 1


@dataclass(frozen=True, slots=True)
class Workshop:
    """What reading takes, under one name, so that it can be opened by name and keep its types."""

    read_settings: Callable[[str, str, Complaints], Written] = read_settings
    read_files: Callable[[Sequence[SourceFile], Context], Iterable[Outcome]] = read_files
    context: type[Context] = Context


WORKSHOP = Workshop()
