"""A project with tasks: how it is written, and what its journal says of what was run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.journal import AttemptRecord, NodeRecord, RunRecord
from sqlpipe.run.log import read_log
from sqlpipe.run.start import log_path
from sqlpipe.store import attempts, runs
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.shop import Shop

T = TypeVar("T")


def task(shop: Shop, name: str, text: str) -> None:
    """Write `tasks/NAME.yml`."""
    shop.write(f"tasks/{name}.yml", text)


@contextmanager
def journal(shop: Shop) -> Iterator[Book]:
    """Another connection to the journal of the project."""
    with closing(open_book(str(shop.root / ".sqlpipe/journal-dev.db"), "shop_dev")) as book:
        yield book


def last_run(shop: Shop) -> RunRecord:
    with journal(shop) as book:
        return runs.runs(book, limit=1)[0]


def all_runs(shop: Shop) -> list[RunRecord]:
    """Oldest first."""
    with journal(shop) as book:
        return runs.runs(book)[::-1]


def tries(shop: Shop, node: str, run: str = "") -> list[AttemptRecord]:
    """The attempts at a node, oldest first."""
    with journal(shop) as book:
        return attempts.attempts(book, node=node, run=run)[::-1]


def nodes(shop: Shop, run: str) -> dict[tuple[str, int], NodeRecord]:
    with journal(shop) as book:
        return {(each.node, each.item): each for each in attempts.nodes(book, run)}


def log_of(shop: Shop, node: str, number: int = 1, item: int = -1) -> list[str]:
    """The texts of the log of an attempt in the last run."""
    path = log_path(shop.root, last_run(shop).id, (node, item), number)
    return [str(line["text"]) for _, line in read_log(path)]


def eventually(found: Callable[[], T | None], seconds: float = 8) -> T:
    """Wait for something to be there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if value := found():
                return value
        except (SqlpipeError, IndexError):
            pass  # there is no journal yet, or nothing in it
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def pids(path: Path) -> list[int]:
    return [int(word) for word in text_of(path).split()]


def is_running(pid: int) -> bool:
    """Whether a process is there and is no corpse that nobody has buried yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
