"""Of those who want the same thing at the same time one gets it, whatever the timing."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from sqlpipe.domain.journal import AttemptRecord, AttemptState, Claim, Lease, RunState
from sqlpipe.domain.schedule import Order, Ruling
from sqlpipe.store import attempts, happenings, lease, runs, ticks
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.store.contest import Place, at_once, in_processes
from tests.store.journal import DIGESTS, NOON, a_run, a_tick, after, an_owner, claimed, leading


@pytest.mark.catalogue("D10", "D1", "D9")
def test_one_of_many_claims_wins(where: Place, book: Book) -> None:
    def claim(mine: Book, index: int) -> list[bool]:
        return [
            isinstance(attempts.claim(mine, Claim(f"r{index}", f"n{node}"), str(index), NOON), AttemptRecord)
            for node in range(10)
        ]

    won = at_once(where, 6, claim)
    assert [sum(each[node] for each in won) for node in range(10)] == [1] * 10
    found = attempts.live_attempts(book)
    assert len({each.id for each in found}) == len(found) == 10


@pytest.mark.catalogue("D4", "F3", "D9")
def test_a_pool_is_never_exceeded(where: Place, book: Book) -> None:
    def work(mine: Book, index: int) -> tuple[int, int]:
        most, won = 0, 0
        for number in range(12):
            slots = 1 + index % 2
            claim = Claim("r1", f"n{index}-{number}", pool="db", slots=slots, room=3)
            attempt = attempts.claim(mine, claim, str(index), NOON)
            most = max(most, sum(each.slots for each in attempts.live_attempts(mine)))
            if isinstance(attempt, AttemptRecord):
                won += 1
                attempts.finish(mine, attempt.id, Ending(state=AttemptState.DONE, at=after(1)))
        return most, won

    found = at_once(where, 4, work)
    assert max(most for most, _ in found) in (2, 3)
    assert sum(won for _, won in found) >= 12
    assert attempts.live_attempts(book) == []


@pytest.mark.catalogue("D1", "F3", "Z1")
def test_a_run_is_begun_by_one(where: Place, book: Book) -> None:
    for number in range(10):
        runs.create_run(book, a_run(f"r{number}"))

    def begin(mine: Book, index: int) -> list[bool]:
        return [runs.step_run(mine, f"r{number}", RunState.RUNNING, NOON, owner=str(index)) for number in range(10)]

    won = at_once(where, 5, begin)
    owners = {each.id: each.owner for each in runs.live_runs(book)}
    for number in range(10):
        assert [str(index) for index in range(5) if won[index][number]] == [owners[f"r{number}"]]


@pytest.mark.catalogue("Z4", "Z10")
def test_an_attempt_ends_once(where: Place, book: Book) -> None:
    begun = [claimed(book, f"n{number}") for number in range(10)]
    ends = (AttemptState.DONE, AttemptState.CANCELLED, AttemptState.FAILED)

    def end(mine: Book, index: int) -> list[bool]:
        return [attempts.finish(mine, each.id, Ending(state=ends[index], at=after(1))) for each in begun]

    won = at_once(where, 3, end)
    states = {each.id: each.state for each in attempts.attempts(book)}
    for number, each in enumerate(begun):
        assert [ends[index] for index in range(3) if won[index][number]] == [states[each.id]]


@pytest.mark.catalogue("D1", "D11")
def test_one_of_two_gets_the_lease_and_epochs_grow(where: Place) -> None:
    rounds = 15
    barrier = threading.Barrier(2)

    def contend(mine: Book, index: int) -> list[Lease | None]:
        found = []
        for _ in range(rounds):
            barrier.wait(20)
            found.append(lease.acquire(mine, an_owner(str(index)), NOON, 86400))
            barrier.wait(20)
            if found[-1] is not None:
                lease.release(mine, found[-1])
        return found

    pairs = list(zip(*at_once(where, 2, contend), strict=True))
    winners = [[each for each in pair if each is not None] for pair in pairs]
    assert [len(each) for each in winners] == [1] * rounds
    assert [each.epoch for (each,) in winners] == list(range(1, rounds + 1))


@pytest.mark.catalogue("D3", "D8", "D13")
def test_a_tick_that_two_carry_out_makes_one_run(where: Place, book: Book) -> None:
    mine = leading(book)
    ticks.meet(book, mine, DIGESTS, NOON)

    def carry_out(other: Book, index: int) -> list[bool]:
        return [
            ticks.carry_out(
                other, mine, "daily", Ruling(seen=a_tick(hour).at, orders=(Order((a_tick(hour),), "clock"),)), NOON,
                runs=[a_run(f"{hour} by {index}")], cursor=None,
            )
            for hour in range(1, 9)
        ]  # fmt: skip

    assert at_once(where, 3, carry_out) == [[True] * 8] * 3
    found = runs.runs(book)
    assert sorted(each.id[0] for each in found) == list("12345678")
    assert {each.run for each in ticks.ticks(book)} == {each.id for each in found}


@pytest.mark.catalogue("D2", "E2", "E6", "E9")
def test_every_happening_is_read_once_while_more_come_in(where: Place, book: Book) -> None:
    mine, workers, each_notes = leading(book), 3, 25
    read: list[tuple[int, str]] = []
    done = threading.Event()

    def consume() -> None:
        with closing(open_book(*where)) as other:
            cursor, last_round = 0, False
            while not last_round:
                last_round = done.is_set()
                happenings.number(other, mine)
                for each in happenings.since(other, cursor, limit=7):
                    read.append((each.seq, each.subject))
                    cursor = each.seq
                last_round = last_round and not happenings.since(other, cursor)

    def tell(other: Book, index: int) -> int:
        return sum(happenings.note(other, "event", f"{index}-{number}", NOON) for number in range(each_notes))

    reader = threading.Thread(target=consume)
    reader.start()
    try:
        assert at_once(where, workers, tell) == [each_notes] * workers
    finally:
        done.set()
        reader.join(60)
    assert [seq for seq, _ in read] == list(range(1, workers * each_notes + 1))
    assert len({subject for _, subject in read}) == workers * each_notes


@pytest.mark.catalogue("D1", "D10", "D3", "D8")
def test_two_processes_share_one_journal(where: Place, book: Book) -> None:
    found = in_processes(where, ["a", "b"], nodes=30)
    assert sorted(leads for leads, _, _ in found) == [False, True]
    assert [leads for leads, _, _ in found] == [carried for _, _, carried in found]
    assert sorted(node for _, won, _ in found for node in won) == sorted(f"n{index}" for index in range(30))
    assert len(runs.runs(book)) == len(ticks.ticks(book)) == 1
