"""What happened is noted once, and read in an order in which nothing comes in late."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sqlpipe.domain.journal import Deed
from sqlpipe.store import deeds, happenings, messages
from sqlpipe.store.book import Book
from tests.store.journal import NOON, after, leading

Opener = Callable[[], Book]


def test_a_version_is_noted_once_and_an_event_once_a_moment(book: Book) -> None:
    assert happenings.note(book, "moved", "a", NOON, version="1", facts={"rows": 3})
    assert not happenings.note(book, "moved", "a", after(1), version="1")
    assert happenings.note(book, "moved", "a", NOON, version="2")
    assert happenings.note(book, "event", "a", NOON)
    assert not happenings.note(book, "event", "a", NOON)
    assert happenings.note(book, "event", "a", after(1))
    assert happenings.note(book, "event", "b", NOON)


@pytest.mark.catalogue("E2", "E6", "D2")
def test_only_what_has_a_number_is_read_and_all_of_it(book: Book, opened: Opener) -> None:
    mine, other = leading(book), opened()
    happenings.note(other, "moved", "late", after(9), version="1", facts={"rows": 3})
    assert happenings.since(book, 0) == []
    assert happenings.latest(book, "late") is None
    assert happenings.number(book, mine) == 1
    # What comes in later is read later, whatever time it bears.
    happenings.note(other, "event", "early", NOON)
    happenings.note(other, "event", "earlier", after(-5))
    assert happenings.number(book, mine) == 3
    assert happenings.number(book, mine) == 3
    assert [(each.seq, each.subject) for each in happenings.since(book, 0)] == [
        (1, "late"), (2, "earlier"), (3, "early"),
    ]  # fmt: skip
    assert [each.seq for each in happenings.since(book, 1, limit=1)] == [2]
    found = happenings.latest(book, "late")
    assert found == happenings.since(book, 0)[0]
    assert found is not None
    assert (found.kind, found.at, found.version, found.facts) == ("moved", after(9), "1", {"rows": 3})


def test_a_message_is_posted_once_for_each_episode(book: Book) -> None:
    assert messages.post(book, "failed", "daily", "r1", "daily failed", "x\0y", NOON)
    assert not messages.post(book, "failed", "daily", "r1", "again", "", after(1))
    assert messages.post(book, "failed", "weekly", "r1", "weekly failed", "", NOON)
    first, second = messages.due(book, NOON, 10)
    assert first.id != second.id
    assert (first.title, first.text, first.created, first.tries, first.sent) == (
        "daily failed", "x\ufffdy", NOON, 0, None,
    )  # fmt: skip
    assert len(messages.due(book, NOON, 1)) == 1


@pytest.mark.catalogue("A1", "A4")
def test_a_message_stays_until_it_is_sent(book: Book) -> None:
    messages.post(book, "failed", "daily", "r1", "t", "", NOON)
    (message,) = messages.due(book, NOON, 10)
    assert messages.stuck(book) == 0
    messages.put_off(book, message.id, after(60), "no route")
    messages.put_off(book, message.id, after(60), "no route")
    assert messages.stuck(book) == 1
    assert messages.due(book, after(59), 10) == []
    (again,) = messages.due(book, after(60), 10)
    assert (again.tries, again.problem, again.due) == (1, "no route", after(60))
    messages.sent(book, message.id, after(61))
    messages.put_off(book, message.id, after(90), "too late")
    assert messages.due(book, after(999), 10) == []
    assert messages.stuck(book) == 0


@pytest.mark.catalogue("A2", "Z4")
def test_an_episode_is_open_until_it_recovers(book: Book) -> None:
    assert messages.open_episode(book, "failed", "daily") == ""
    messages.post(book, "failed", "daily", "r1", "t", "", NOON)
    assert messages.open_episode(book, "failed", "daily") == "r1"
    assert messages.open_episode(book, "late", "daily") == ""
    assert messages.open_episode(book, "failed", "weekly") == ""
    assert messages.post(book, messages.RECOVERED, "daily", "r1", "t", "", after(1))
    assert not messages.post(book, messages.RECOVERED, "daily", "r1", "t", "", after(1))
    assert messages.open_episode(book, "failed", "daily") == ""
    messages.post(book, "failed", "daily", "r2", "t", "", after(1))
    assert messages.open_episode(book, "failed", "daily") == "r2"


def test_deeds_are_kept(book: Book) -> None:
    first, second = Deed(NOON, "anna", "pause", "daily", "for the move"), Deed(after(1), "ben", "mark", "raw.a")
    for each in (first, second, first):
        deeds.note(book, each)
    assert deeds.deeds(book, 10) == [second, first]
    assert deeds.deeds(book, 1) == [second]
