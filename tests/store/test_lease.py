"""One process has the lease at a time, and the epoch tells which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sqlpipe.store import lease, owners
from sqlpipe.store.book import Book
from tests.store.journal import NOON, after, an_owner

Opener = Callable[[], Book]


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[Book, float], None]:
    """Let a lease run out, whosever clock it runs by."""

    def passed(book: Book, seconds: float) -> None:
        with book.writing() as pen:
            pen.execute("update lease set expires = expires - :n", {"n": int(seconds * 1_000_000)})

    return passed


def test_a_lease_is_taken_renewed_and_given_back(book: Book) -> None:
    assert lease.current(book) is None
    mine = lease.acquire(book, an_owner("me", 12), NOON, 15)
    assert mine is not None
    assert (mine.holder, mine.epoch, mine.host, mine.pid) == ("me", 1, "here", 12)
    assert mine.expires == (mine.expires if book.now() else after(15))
    assert lease.current(book) == mine
    assert lease.acquire(book, an_owner("you"), after(1), 15) is None
    longer = lease.renew(book, mine, after(5), 15)
    assert longer is not None
    assert longer.epoch == 1
    assert longer.expires > mine.expires
    lease.release(book, longer)
    assert lease.current(book) is None
    assert lease.renew(book, longer, after(6), 15) is None
    yours = lease.acquire(book, an_owner("you"), after(6), 15)
    assert yours is not None
    assert yours.epoch == 2


def test_the_lease_of_one_that_is_dead_is_taken_at_once_and_no_other(book: Book) -> None:
    mine = lease.acquire(book, an_owner("me"), NOON, 15)
    assert mine is not None
    assert lease.acquire(book, an_owner("you"), after(1), 15, dead=replace(mine, epoch=7)) is None
    yours = lease.acquire(book, an_owner("you"), after(1), 15, dead=mine)
    assert yours is not None
    assert (yours.holder, yours.epoch) == ("you", 2)
    assert lease.renew(book, mine, after(2), 15) is None
    assert lease.acquire(book, an_owner("third"), after(2), 15, dead=mine) is None


@pytest.mark.catalogue("D1", "D11")
def test_a_lease_that_has_run_out_changes_hands_once(book: Book, pass_time: Callable[[Book, float], None]) -> None:
    mine = lease.acquire(book, an_owner("me"), NOON, 15)
    assert mine is not None
    pass_time(book, 20)
    assert lease.current(book) is not None
    with book.writing() as pen:
        assert not lease.holds(pen, mine, NOON)
        assert lease.is_held_by(pen, mine)
    yours = lease.acquire(book, an_owner("you"), NOON, 15)
    assert yours is not None
    assert yours.epoch == 2
    assert lease.renew(book, mine, NOON, 15) is None
    assert lease.acquire(book, an_owner("me"), NOON, 15) is None
    lease.release(book, mine)
    assert lease.current(book) == yours
    with book.writing() as pen:
        assert lease.holds(pen, yours, NOON)
        assert not lease.is_held_by(pen, mine)


@pytest.mark.catalogue("Z7")
def test_a_lease_that_has_run_out_but_was_taken_by_nobody_goes_on(
    book: Book, pass_time: Callable[[Book, float], None]
) -> None:
    mine = lease.acquire(book, an_owner("me"), NOON, 15)
    assert mine is not None
    pass_time(book, 20)
    renewed = lease.renew(book, mine, NOON, 15)
    assert renewed is not None
    assert renewed.epoch == 1
    pass_time(book, 20)
    again = lease.acquire(book, an_owner("me"), NOON, 15)
    assert again is not None
    assert again.epoch == 1


def test_where_the_server_has_a_clock_ours_does_not_matter(book: Book) -> None:
    mine = lease.acquire(book, an_owner("me"), NOON, 15)
    assert mine is not None
    far_ahead = lease.acquire(book, an_owner("you"), NOON + timedelta(days=999), 15)
    assert (far_ahead is None) == (book.now() is not None)


def test_owners_come_give_signs_and_go(book: Book) -> None:
    owners.register(book, an_owner("me", 1))
    owners.register(book, an_owner("you", 2))
    owners.beat(book, "you", after(5))
    owners.beat(book, "you", after(3))
    owners.beat(book, "nobody", after(3))
    assert [(each.id, each.pid, each.seen) for each in owners.owners(book)] == [("you", 2, after(5)), ("me", 1, NOON)]
    owners.register(book, an_owner("me", 9))
    assert {each.id: each.pid for each in owners.owners(book)} == {"me": 9, "you": 2}
    owners.retire(book, "you")
    owners.retire(book, "you")
    assert [each.id for each in owners.owners(book)] == ["me"]
