"""The journal is away for a while in the midst of a run."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from sqlpipe.app import running
from sqlpipe.domain.journal import AttemptState, RunState
from sqlpipe.run import begin, scribe
from sqlpipe.run.observe import observe
from sqlpipe.store.book import NOTHING, Book, JournalAway, Pen
from sqlpipe.store.door import open_book
from tests.postgres import running_server
from tests.run.plant import eventually, last_run, nodes, task, text_of, tries
from tests.run.stopping import meanwhile
from tests.shop import PROFILES, Shop


class Fickle:
    """A journal that cannot be reached at times, or whose answers are lost on the way."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.away = threading.Event()
        self.loses_answer: Callable[[bool], bool] = lambda _durable: False
        self.missed = 0

    def query(self, statement: str, values: Mapping[str, object] = NOTHING) -> list[tuple[Any, ...]]:
        self._reach()
        return self._book.query(statement, values)

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Pen]:
        self._reach()
        with self._book.writing(durable=durable) as pen:
            yield pen
        if self.loses_answer(durable):
            self.missed += 1
            raise JournalAway("nobody heard the answer")

    def stamp(self) -> int:
        self._reach()
        return self._book.stamp()

    def now(self) -> datetime | None:
        return None

    def close(self) -> None:
        self._book.close()

    def _reach(self) -> None:
        if self.away.is_set():
            self.missed += 1
            raise JournalAway("nobody answers")


@pytest.fixture
def journals(monkeypatch: pytest.MonkeyPatch) -> list[Fickle]:
    """The journals that runs open."""
    found: list[Fickle] = []

    def fickle(address: str, scope: str) -> Book:
        found.append(Fickle(open_book(address, scope)))
        return found[-1]

    monkeypatch.setattr(running, "open_book", fickle)
    return found


WAITS = "bash: |\n  touch begun\n  until test -e go; do sleep 0.05; done\n"


def chain(shop: Shop) -> None:
    task(shop, "first", f"{WAITS}  echo n=1 >> $SQLPIPE_FACTS\n")
    task(shop, "second", "bash: echo {{ facts.first.n }} >> second\n")
    task(
        shop,
        "flaky",
        "bash: echo x >> flaky; test $(wc -l < flaky) -ge 3\nafter: [first]\nretries: {transient: 2, delay: 0.05s}\n",
    )
    task(shop, "each", "bash: echo {{ item }} >> each\nfor_each: [1, 2, 3]\nafter: [first]\nparallel: 1\n")
    task(shop, "looks", "sensor: {table: a.one}\ninterval: 0.1s\nmax_errors: 1\ntimeout: 20s\n")
    shop.model("a.one", "kind: table", "select 1 as id")
    task(shop, "last", "bash: touch last\nafter: [second, flaky, each, a.one, looks]\n")


def all_is_well(shop: Shop) -> None:
    run = last_run(shop)
    assert run.state is RunState.DONE
    assert {key: each.state for (key, item), each in nodes(shop, run.id).items() if item < 0} == dict.fromkeys(
        ("tasks.first", "tasks.second", "tasks.flaky", "tasks.each", "tasks.looks", "a.one", "tasks.last"), "done"
    )
    assert text_of(shop.root / "second") == "1\n"
    assert text_of(shop.root / "flaky") == "x\n" * 3
    assert text_of(shop.root / "each") == "1\n2\n3\n"
    for node, states in {
        "tasks.first": ["done"], "tasks.second": ["done"], "tasks.flaky": ["failed", "failed", "done"],
        "a.one": ["done"], "tasks.each": ["done"] * 3, "tasks.last": ["done"],
    }.items():  # fmt: skip
        assert [each.state.value for each in tries(shop, node)] == states, node


@pytest.mark.catalogue("Z7")
def test_a_journal_that_is_away_fails_nothing_that_runs(shop: Shop, journals: list[Fickle]) -> None:
    chain(shop)
    with meanwhile(shop) as told:
        eventually((shop.root / "begun").exists)
        journals[-1].away.set()
        (shop.root / "go").touch()
        time.sleep(2)
        assert not (shop.root / "second").exists(), "nothing begins that could be forgotten"
        journals[-1].away.clear()
    assert told[0].end.well, told[0].states
    assert journals[-1].missed
    all_is_well(shop)


@pytest.mark.catalogue("Z12")
def test_answers_of_the_journal_that_are_lost_double_nothing(
    shop: Shop, journals: list[Fickle], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribe, "_AGAIN", 0.05)
    chain(shop)
    with meanwhile(shop) as told:
        eventually((shop.root / "begun").exists)
        book, turns = journals[-1], itertools.cycle((True, False))
        book.loses_answer = lambda _durable: next(turns)
        (shop.root / "go").touch()
    assert told[0].end.well, told[0].states
    assert book.missed > 10
    all_is_well(shop)


@pytest.mark.catalogue("Z13")
def test_a_claim_whose_answer_was_lost_holds_nothing_after_the_run(shop: Shop, journals: list[Fickle]) -> None:
    shop.write("sqlpipe.yml", "name: shop\npools: {api: 1}\n")
    task(shop, "first", WAITS)
    task(shop, "second", "bash: touch second\npool: api\nafter: [first]\n")
    stop = threading.Event()
    with meanwhile(shop, stop=stop):
        eventually((shop.root / "begun").exists)
        journals[-1].loses_answer = lambda durable: durable  # as claims of tasks are
        (shop.root / "go").touch()
        eventually(lambda: tries(shop, "tasks.second"))
        stop.set()
        time.sleep(0.3)
        journals[-1].loses_answer = lambda _durable: False
    assert [each.state for each in tries(shop, "tasks.second")] == [AttemptState.CANCELLED]
    assert shop.run().end.well


def test_a_journal_that_is_away_while_a_run_is_planned_is_waited_for(
    shop: Shop, journals: list[Fickle], monkeypatch: pytest.MonkeyPatch
) -> None:
    planning = threading.Event()

    def watched(*given: Any, **more: Any) -> Any:
        if not planning.is_set():
            journals[-1].away.set()
            planning.set()
        return observe(*given, **more)

    monkeypatch.setattr(begin, "observe", watched)
    shop.model("a.one", "kind: table", "select 1 as id")
    with meanwhile(shop) as told:
        planning.wait(10)
        time.sleep(1)
        journals[-1].away.clear()
    assert told[0].states == {"a.one": "done"}


@pytest.mark.catalogue("Z7")
def test_a_server_that_is_stopped_and_started_again_costs_only_time(shop: Shop) -> None:
    with running_server() as server:
        shop.write("profiles.yml", PROFILES.replace("threads: 2", f"threads: 2, journal: '{server.address}'"))
        chain(shop)
        with meanwhile(shop) as told:
            eventually((shop.root / "begun").exists)
            server.stop("immediate")
            (shop.root / "go").touch()
            time.sleep(1.5)
            assert not (shop.root / "second").exists()
            server.start()
        assert told[0].end.well, told[0].states
        book = open_book(server.address, "shop_dev")
        try:
            found = book.query("select node, state, count(*) from attempt group by 1, 2 order by 1, 2")
            assert found == [
                ("a.one", "done", 1), ("tasks.each", "done", 3), ("tasks.first", "done", 1),
                ("tasks.flaky", "done", 1), ("tasks.flaky", "failed", 2), ("tasks.last", "done", 1),
                ("tasks.second", "done", 1),
            ]  # fmt: skip
            assert book.query("select state from run") == [("done",)]
        finally:
            book.close()
