"""Several threads or processes that want the same thing of a journal at the same time."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from sqlpipe.domain.journal import AttemptRecord, Claim
from sqlpipe.domain.schedule import Order, Ruling
from sqlpipe.store import attempts, lease, ticks
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.store.journal import DIGESTS, NOON, a_run, a_tick, after, an_owner

T = TypeVar("T")
Place = tuple[str, str]


def at_once(where: Place, number: int, work: Callable[[Book, int], T]) -> list[T]:
    """What `work` brings in so many threads, each with a connection of its own."""
    results: dict[int, T] = {}
    barrier = threading.Barrier(number)

    def part(index: int) -> None:
        with closing(open_book(*where)) as book:
            barrier.wait(20)
            results[index] = work(book, index)

    threads = [threading.Thread(target=part, args=(index,)) for index in range(number)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    return [results[index] for index in range(number)]


def claim_all(where: Place, owner: str, nodes: int) -> tuple[bool, list[str], bool]:
    """What a process gets of a journal that others want as well: the lease, nodes, the right to carry out a ruling."""
    with closing(open_book(*where)) as book:
        mine = lease.acquire(book, an_owner(owner), NOON, 86400)
        claims = {f"n{index}": Claim("r1", f"n{index}") for index in range(nodes)}
        won = [
            node
            for index, (node, claim) in enumerate(claims.items())
            if isinstance(attempts.claim(book, claim, owner, after(index)), AttemptRecord)
        ]
        if mine is None:
            return False, won, False
        ticks.meet(book, mine, DIGESTS, NOON)
        ruling = Ruling(seen=a_tick(1).at, orders=(Order((a_tick(1),), "clock"),))
        return True, won, ticks.carry_out(book, mine, "daily", ruling, NOON, runs=[a_run(owner)], cursor=None)


def in_processes(where: Place, owners: list[str], nodes: int) -> list[tuple[bool, list[str], bool]]:
    """What each of several processes gets."""
    with multiprocessing.get_context("spawn").Pool(len(owners)) as pool:
        return pool.starmap(claim_all, [(where, each, nodes) for each in owners], chunksize=1)
