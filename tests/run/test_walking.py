"""A run over the graph: order, failures, cancelling, threads, and another run beside it."""

from __future__ import annotations

import threading
import time

import pytest  # noqa: TC002 - a fixture's type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.history import Event, NodeFinished, NodeStarted
from tests.shop import Shop


def diamond(shop: Shop, *, broken: str = "") -> None:
    """Two branches that meet, and one beside them."""
    queries = {
        "a.top": "select 1 as id",
        "b.left": "select id from a.top",
        "b.right": "select id from a.top",
        "c.end": "select l.id from b.left as l join b.right as r using (id)",
        "c.after": "select id from c.end",
        "d.alone": "select 5 as id",
    }
    for name, query in queries.items():
        shop.model(
            name, "kind: table", query.replace("select", "select error('broken'),", 1) if name == broken else query
        )


def test_a_failure_blocks_what_is_below_it_and_nothing_else(shop: Shop) -> None:
    diamond(shop, broken="b.left")
    ran = shop.run()
    states = {
        "a.top": "done",
        "b.left": "failed",
        "b.right": "done",
        "c.end": "blocked",
        "c.after": "blocked",
        "d.alone": "done",
    }
    assert ran.states == states
    assert not ran.end.well
    diamond(shop)
    assert shop.well() == {"b.left", "c.end", "c.after"}


def test_fail_fast_starts_nothing_more(shop: Shop) -> None:
    shop.model("a.one", "kind: table", "select error('broken') as id")
    for name in ("b", "c", "d"):
        shop.model(f"{name}.one", "kind: table", "select 1 as id")
    ran = shop.run(threads=1, fail_fast=True)
    assert ran.states == {"a.one": "failed", "b.one": "blocked", "c.one": "blocked", "d.one": "blocked"}


def test_a_selection_that_leaves_out_the_middle_keeps_the_order(shop: Shop) -> None:
    diamond(shop)
    shop.well()
    shop.model("a.top", "kind: table", "select 2 as id from range(300000) limit 1")
    order: list[str] = []
    shop.run("a.top", "c.after", threads=8, on_event=lambda event: order.append(_told(event)))
    assert [each for each in order if each] == ["start a.top", "end a.top", "end c.after"]
    assert shop.rows("c.after") == [(1,)]
    assert shop.well() == {"b.left", "b.right", "c.end", "c.after"}
    assert shop.rows("c.after") == [(2,)]


def _told(event: Event) -> str:
    match event:
        case NodeStarted():
            return f"start {event.node}"
        case NodeFinished():
            return f"end {event.node}"
        case _:
            return ""


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(st.lists(st.integers(0, 100), max_size=3), min_size=1, max_size=12))
def test_one_thread_and_eight_give_the_same_tables(
    tmp_path_factory: pytest.TempPathFactory, graph: list[list[int]]
) -> None:
    held = []
    for threads in (1, 8):
        shop = Shop(tmp_path_factory.mktemp("graph"))
        for index, parents in enumerate(graph):
            read = sorted({parent % index for parent in parents}) if index else []
            terms = " + ".join(["1", *(f"(select max(n) from m.n{each})" for each in read)])
            shop.model(f"m.n{index}", "kind: table", f"select {terms} as n")
        ran = shop.run(threads=threads)
        assert ran.end.well
        held.append([shop.rows(f"m.n{index}") for index in range(len(graph))])
    assert held[0] == held[1]


def test_a_wish_to_stop_ends_running_queries_soon_and_leaves_nothing_half_written(shop: Shop) -> None:
    shop.model("a.quick", "kind: table", "select 1 as id")
    shop.model("a.slow", "kind: table", "select 1 as id")
    shop.model("b.slow", "kind: table", "select 1 as id")
    shop.model("c.below", "kind: table", "select id from a.slow")
    shop.well()
    before = [shop.picture(name) for name in ("a.slow", "b.slow", "c.below")]
    endless = "select count(*) as id from range(10000000000) as a, range(1000000) as b where a.range % 7 = b.range % 11"
    for name in ("a.slow", "b.slow"):
        shop.model(name, "kind: table", endless)
    stop = threading.Event()
    asked: list[float] = []

    def ask() -> None:
        asked.append(time.monotonic())
        stop.set()

    timer = threading.Timer(0.7, ask)
    timer.start()
    ran = shop.run(threads=2, stop=stop)
    assert time.monotonic() - asked[0] < 2
    assert ran.end.interrupted
    assert [ran.states[name] for name in ("a.slow", "b.slow", "c.below")] == ["cancelled"] * 3
    assert [shop.picture(name) for name in ("a.slow", "b.slow", "c.below")] == before
    for name in ("a.slow", "b.slow"):
        shop.model(name, "kind: table", "select 2 as id")
    assert shop.well() == {"a.slow", "b.slow", "c.below"}


def test_two_runs_in_one_process_do_not_spoil_each_other(shop: Shop) -> None:
    for number in range(6):
        shop.model(f"m.n{number}", "kind: table", f"select {number} as n, random() as r")
    shop.well()
    errors: list[BaseException] = []

    def again() -> None:
        for _ in range(3):
            try:
                shop.run()
            except SqlpipeError as error:
                assert error.diagnostics[0].code == "SP502"  # noqa: PT017
            except BaseException as error:  # noqa: BLE001
                errors.append(error)

    workers = [threading.Thread(target=again) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    # Every entry has a number of its own, so that the newest is the highest.
    tables = ("version", "attempt", "check_result")
    every = " union all ".join(f"select seq from _sqlpipe.{table}" for table in tables)
    assert shop.rows(f"select seq from ({every}) group by seq having count(*) > 1") == []
    shop.well()
