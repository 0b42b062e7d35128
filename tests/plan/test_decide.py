"""Whether a node has to be run, how much of it, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sqlpipe.domain.check import Check, Freshness, NotNull
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.interval import Grain, Interval
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import CheckQuery, Embedded, Node, View
from sqlpipe.graph.dag import Graph
from sqlpipe.plan.decide import Decision, Fill, Look, Nothing, Recheck, Whole
from tests.hand import Books, at, days, graph, incremental, node, timed

_PLACE = Place(1, 1)
_SQL = "select day, amount from raw.sales"


def _graph(*nodes: Node) -> Graph:
    return graph(timed(), *nodes)


def _told(decision: Decision) -> tuple[object, Change]:
    return decision.scope, decision.change


def _filled(target: Node, *others: Node, now: str = "2024-03-10 12:00") -> Books:
    """Everything has run once; the ingest brought in ten days."""
    books = Books(_graph(*others, target), now=at(now))
    books.commit("raw.sales", days("2024-01-01", "2024-01-11"), whole=True)
    for each in others:
        if each.key in books.graph.nodes and not isinstance(each.kind, View | Embedded) and each.query:
            books.commit(each.key, whole=True)
    first = books.decide(target.key)
    books.obey(target.key, first, covers=[days("2024-01-01", "2024-01-11")])
    assert isinstance(books.decide(target.key).scope, Nothing), books.decide(target.key)
    return books


# Every kind.


def test_what_was_never_built_is_built() -> None:
    books = Books(_graph(node("m.t", _SQL)))
    assert _told(books.decide("m.t")) == (Whole(), Change.NEW)
    assert books.decide("m.t").reason == "not built yet"


def test_what_stands_well_is_left_alone() -> None:
    assert _told(_filled(node("m.t", _SQL)).decide("m.t")) == (Nothing(), Change.UNCHANGED)


def test_what_was_edited_is_built_again() -> None:
    books = _filled(node("m.t", _SQL))
    books.graph = _graph(node("m.t", _SQL + " where amount > 0"))
    assert books.decide("m.t").reason == "definition changed"
    assert _told(books.decide("m.t")) == (Whole(), Change.EDITED)


def test_another_kind_is_told_as_such() -> None:
    books = _filled(node("m.t", _SQL))
    books.graph = _graph(node("m.t", _SQL, View()))
    assert books.decide("m.t").reason == "kind changed"


def test_a_table_that_somebody_dropped_is_built_again() -> None:
    books = _filled(node("m.t", _SQL))
    del books.relations["m.t"]
    assert _told(books.decide("m.t")) == (Whole(), Change.NEW)
    assert books.decide("m.t").reason == "missing in the database"


def test_a_check_query_leaves_nothing_behind_that_could_be_missing() -> None:
    check = Check(NotNull(()), "c", _PLACE)
    books = _filled(node("checks.c", _SQL, CheckQuery(check)))
    del books.relations["checks.c"]
    assert _told(books.decide("checks.c")) == (Nothing(), Change.UNCHANGED)


def test_new_rows_in_an_input_are_a_reason() -> None:
    books = _filled(node("m.t", _SQL))
    books.commit("raw.sales", days("2024-01-11", "2024-01-12"))
    assert _told(books.decide("m.t")) == (Whole(), Change.DATA)
    assert books.decide("m.t").reason == "new rows in raw.sales"


def test_a_commit_that_changed_no_rows_is_none() -> None:
    books = _filled(node("m.t", _SQL))
    books.commit("raw.sales", changed=False)
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_many_inputs_are_not_all_named() -> None:
    names = [f"raw.t{number}" for number in range(5)]
    books = Books(graph(*(node(each) for each in names), node("m.t", f"select * from {', '.join(names)}")))
    books.run()
    books.sources = dict.fromkeys(names, "1:7")
    assert books.decide("m.t").reason == "new rows in raw.t0, raw.t1, raw.t2 and 2 more"


def test_a_source_is_told_by_its_state() -> None:
    books = Books(graph(node("raw.x"), node("m.t", "select * from raw.x")), sources={"raw.x": "3:99"})
    books.run()
    assert isinstance(books.decide("m.t").scope, Nothing)
    books.sources["raw.x"] = "3:98"
    assert _told(books.decide("m.t")) == (Whole(), Change.DATA)


def test_a_file_is_told_by_its_state() -> None:
    books = Books(graph(node("m.t", "select * from 'rates.csv'")), sources={"file:rates.csv": "aa"})
    books.run()
    assert isinstance(books.decide("m.t").scope, Nothing)
    books.sources["file:rates.csv"] = "bb"
    assert books.decide("m.t").reason == "new rows in file:rates.csv"


def test_an_input_that_nothing_is_known_of_does_not_move() -> None:
    books = Books(graph(node("raw.x"), node("m.t", "select * from raw.x")))
    books.run()
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_a_lookup_is_no_reason_but_other_inputs_are() -> None:
    target = node("m.t", "select * from raw.sales, raw.rates", lookups=["raw.rates"])
    books = _filled(target, node("raw.rates"))
    books.sources = {"raw.rates": "other"}
    assert isinstance(books.decide("m.t").scope, Nothing)
    books.commit("raw.sales", days("2024-01-11", "2024-01-12"))
    assert books.decide("m.t").reason == "new rows in raw.sales"


def test_what_reads_the_clock_is_built_every_time() -> None:
    books = Books(graph(node("m.t", "select now() as at")))
    books.run()
    assert _told(books.decide("m.t")) == (Whole(), Change.DATA)


def test_a_full_refresh_takes_no_excuse() -> None:
    books = _filled(node("m.t", _SQL))
    assert _told(books.decide("m.t", full_refresh=True)) == (Whole(), Change.FORCED)
    assert _told(books.decide("raw.sales", full_refresh=True)) == (Whole(), Change.FORCED)


@pytest.mark.parametrize("kind", [None, Embedded()])
def test_what_keeps_nothing_is_never_run(kind: Embedded | None) -> None:
    books = Books(graph(node("raw.x"), node("m.e", "select * from raw.x", kind) if kind else node("m.e")))
    assert _told(books.decide("m.e", full_refresh=True)) == (Nothing(), Change.UNCHANGED)


def test_an_ingest_always_asks_its_source() -> None:
    books = Books(_graph())
    assert _told(books.decide("raw.sales")) == (Whole(), Change.NEW)
    books.commit("raw.sales", whole=True)
    assert _told(books.decide("raw.sales")) == (Look(), Change.DUE)


# Checks.


def test_checks_that_were_edited_are_looked_at_without_building() -> None:
    books = _filled(node("m.t", _SQL))
    books.graph = _graph(node("m.t", _SQL, checks=(Check(NotNull(("day",)), "n", _PLACE),)))
    assert _told(books.decide("m.t")) == (Recheck(), Change.EDITED)
    books.obey("m.t", books.decide("m.t"))
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_freshness_is_looked_at_in_every_run() -> None:
    fresh = Check(Freshness("day", 3600), "f", _PLACE)
    books = Books(_graph(node("m.t", _SQL, checks=(fresh,))))
    books.run()
    assert _told(books.decide("m.t")) == (Recheck(), Change.DUE)
    books.commit("raw.sales")
    assert isinstance(books.decide("m.t").scope, Whole)


# Incremental.


def test_only_the_days_that_a_load_touched_are_filled() -> None:
    books = _filled(incremental("m.t", _SQL))
    books.commit("raw.sales", days("2024-01-03", "2024-01-04"), days("2024-01-11", "2024-01-13"))
    decision = books.decide("m.t")
    assert decision.scope == Fill((days("2024-01-03", "2024-01-04"), days("2024-01-11", "2024-01-13")))
    assert decision.reason == "new rows in raw.sales"
    books.obey("m.t", decision)
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_loads_since_the_last_fill_add_up() -> None:
    books = _filled(incremental("m.t", _SQL))
    for day in ("2024-01-11", "2024-01-12", "2024-01-03"):
        books.commit("raw.sales", Interval(at(day), at(day).replace(day=at(day).day + 1)))
    assert books.decide("m.t").scope == Fill((days("2024-01-03", "2024-01-04"), days("2024-01-11", "2024-01-13")))


def test_touched_hours_are_widened_to_the_grain() -> None:
    books = _filled(incremental("m.t", _SQL, grain=Grain.MONTH))
    books.commit("raw.sales", Interval(at("2024-02-29 23:00"), at("2024-03-01 00:00")))
    assert books.decide("m.t").scope == Fill((days("2024-02-01", "2024-03-01"),))


def test_an_aligned_parent_that_was_rebuilt_may_have_touched_anything() -> None:
    books = _filled(incremental("m.t", _SQL))
    books.commit("raw.sales", days("2024-01-01", "2024-01-02"), whole=True)
    decision = books.decide("m.t")
    assert decision.scope == Whole()
    assert decision.reason == "raw.sales changed, which may touch any interval"


def test_a_rebuild_that_was_read_already_does_not_count_again() -> None:
    books = _filled(incremental("m.t", _SQL))
    books.commit("raw.sales", days("2024-01-01", "2024-01-02"), whole=True)
    books.obey("m.t", books.decide("m.t"), covers=[days("2024-01-01", "2024-01-02")])
    books.commit("raw.sales", days("2024-01-05", "2024-01-06"))
    assert books.decide("m.t").scope == Fill((days("2024-01-05", "2024-01-06"),))


_JOINED = "select s.day, s.amount * r.rate as amount from raw.sales as s join raw.rates as r using (currency)"


def test_an_input_that_is_not_aligned_may_touch_any_interval() -> None:
    books = _filled(incremental("m.t", _JOINED), node("raw.rates"))
    books.sources = {"raw.rates": "other"}
    assert _told(books.decide("m.t")) == (Whole(), Change.DATA)


def test_a_lookup_of_an_incremental_table_touches_none() -> None:
    target = replace(incremental("m.t", _JOINED), lookups=frozenset({"raw.rates"}))
    books = _filled(target, node("raw.rates"))
    books.sources = {"raw.rates": "other"}
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_with_a_start_the_intervals_that_are_over_are_filled_one_after_the_other() -> None:
    target = incremental("m.t", "select day from raw.x", start=at("2024-01-01"))
    books = Books(graph(node("raw.x"), target), now=at("2024-01-05 00:30"))
    assert books.decide("m.t").scope == Whole()
    books.obey("m.t", books.decide("m.t"), covers=[days("2024-01-01", "2024-01-05")])
    assert isinstance(books.decide("m.t").scope, Nothing)
    books.now = at("2024-01-07 23:59")
    assert books.decide("m.t").scope == Fill((days("2024-01-05", "2024-01-07"),))
    assert books.decide("m.t").reason == "intervals are missing"


def test_with_a_start_an_input_that_is_not_aligned_touches_nothing_that_is_done() -> None:
    target = incremental("m.t", "select day from raw.x", start=at("2024-01-01"))
    books = Books(graph(node("raw.x"), target), now=at("2024-01-05"), sources={"raw.x": "1"})
    books.obey("m.t", books.decide("m.t"), covers=[days("2024-01-01", "2024-01-05")])
    books.sources["raw.x"] = "2"
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_a_start_that_is_not_on_the_grain_or_in_the_future_is_no_trouble() -> None:
    target = incremental("m.t", "select day from raw.x", start=at("2024-01-15 08:00"), grain=Grain.MONTH, batch=1)
    books = Books(graph(node("raw.x"), target), now=at("2024-03-10"))
    assert books.decide("m.t").scope == Fill((days("2024-01-01", "2024-03-01"),))
    books.now = at("2023-01-01")
    assert books.decide("m.t").scope == Whole()


@pytest.mark.parametrize(
    ("lookback", "start"), [(0, "2024-01-11"), (1, "2024-01-10"), (2, "2024-01-09"), (30, "2023-12-12")]
)
def test_lookback_counts_the_units_before_the_newest(lookback: int, start: str) -> None:
    books = _filled(incremental("m.t", _SQL, lookback=lookback))
    books.commit("raw.sales", days("2024-01-11", "2024-01-12"))
    assert books.decide("m.t").scope == Fill((days(start, "2024-01-12"),))


def test_lookback_by_months() -> None:
    books = _filled(incremental("m.t", _SQL, lookback=1, grain=Grain.MONTH))
    books.commit("raw.sales", days("2024-03-05", "2024-03-06"))
    assert books.decide("m.t").scope == Fill((days("2024-02-01", "2024-04-01"),))


def test_lookback_does_not_go_before_the_start() -> None:
    target = incremental("m.t", "select day from raw.x", start=at("2024-01-01"), lookback=30)
    books = Books(graph(node("raw.x"), target), now=at("2024-01-03"))
    books.commit("m.t", days("2024-01-01", "2024-01-02"))
    assert books.decide("m.t").scope == Fill((days("2024-01-01", "2024-01-03"),))


def test_lookback_alone_is_no_reason() -> None:
    assert isinstance(_filled(incremental("m.t", _SQL, lookback=3)).decide("m.t").scope, Nothing)


# The first fill, batch by batch.


def _first(**settings: Any) -> Books:
    books = Books(_graph(incremental("m.t", _SQL, batch=2, **settings)))
    books.commit("raw.sales", days("2024-01-01", "2024-01-07"), whole=True)
    return books


def test_a_first_fill_in_batches_takes_what_the_input_has() -> None:
    assert _told(_first().decide("m.t")) == (Fill((days("2024-01-01", "2024-01-07"),)), Change.NEW)


def test_a_first_fill_without_batches_is_whole() -> None:
    books = Books(_graph(incremental("m.t", _SQL)))
    books.commit("raw.sales", days("2024-01-01", "2024-01-07"), whole=True)
    assert books.decide("m.t").scope == Whole()


def test_a_first_fill_of_an_empty_input_is_whole() -> None:
    books = Books(_graph(incremental("m.t", _SQL, batch=2)))
    books.commit("raw.sales", whole=True)
    assert books.decide("m.t").scope == Whole()


_HALVES = (
    "select day, amount from raw.sales where day >= :start and day < :end "
    "union all select day, amount from raw.more where day >= :start and day < :end"
)


@pytest.mark.parametrize(
    ("sql", "batches"),
    [
        ("select s.day, r.rate from raw.sales as s join raw.rates as r using (currency)", True),
        ("select s.*, r.rate from raw.sales as s join raw.rates as r using (currency)", True),
        (_HALVES, False),
        ("select day from raw.sales where day >= :start and day < :end union all select day from 'more.csv'", False),
    ],
)
def test_a_first_fill_in_batches_needs_an_input_that_has_all_the_times(sql: str, batches: bool) -> None:
    books = Books(_graph(node("raw.rates"), node("raw.more"), incremental("m.t", sql, batch=2)))
    books.commit("raw.sales", days("2024-01-01", "2024-01-07"), whole=True)
    assert books.identities["m.t"].aligned == {"raw.sales"}
    assert books.decide("m.t").scope == (Fill((days("2024-01-01", "2024-01-07"),)) if batches else Whole())


def test_an_interrupted_first_fill_goes_on_where_it_was() -> None:
    books = _first()
    books.commit("m.t", days("2024-01-01", "2024-01-03"), complete=False)
    decision = books.decide("m.t")
    assert decision.scope == Fill((days("2024-01-03", "2024-01-07"),))
    assert decision.reason == "intervals are missing"
    books.obey("m.t", decision)
    assert isinstance(books.decide("m.t").scope, Nothing)


def test_rows_that_came_in_the_meantime_are_filled_too() -> None:
    books = _first()
    books.commit("m.t", days("2024-01-01", "2024-01-03"), complete=False)
    books.commit("raw.sales", days("2024-01-02", "2024-01-03"), days("2024-02-01", "2024-02-02"))
    expected = Fill((days("2024-01-01", "2024-01-07"), days("2024-02-01", "2024-02-02")))
    assert books.decide("m.t").scope == expected, "the batch that is done was made from other rows"


def test_an_interrupted_fill_of_an_edited_table_is_built_anew() -> None:
    books = _first()
    books.commit("m.t", days("2024-01-01", "2024-01-03"), complete=False)
    books.graph = _graph(incremental("m.t", _SQL + " where amount > 0", batch=2))
    assert _told(books.decide("m.t")) == (Whole(), Change.EDITED)


def test_a_later_fill_that_was_interrupted_goes_on_where_it_was() -> None:
    books = _first()
    books.obey("m.t", books.decide("m.t"))
    books.commit("raw.sales", days("2024-01-07", "2024-01-11"))
    books.commit("m.t", days("2024-01-07", "2024-01-09"), complete=False)
    assert books.decide("m.t").scope == Fill((days("2024-01-09", "2024-01-11"),))


def test_a_fill_with_every_batch_done_that_did_not_finish_is_built_anew() -> None:
    books = _first()
    books.commit("m.t", days("2024-01-01", "2024-01-07"), complete=False)
    assert books.decide("m.t").scope == Whole()
