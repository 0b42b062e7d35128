"""What always holds of decisions, with a ledger that believes every run went well."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipe.domain.interval import Grain, Interval, merge, widen
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import Embedded, Source, View
from sqlpipe.graph.dag import Graph
from sqlpipe.plan.build import build
from sqlpipe.plan.decide import Fill, Look, Nothing, Whole
from tests.hand import Books, at, graph, incremental, node, timed

_ORIGIN = at("2024-01-01")


@st.composite
def _graphs(draw: st.DrawFn) -> Graph:
    nodes = [timed(), node("raw.rates")]
    readable = ["raw.sales", "raw.rates"]
    for number in range(draw(st.integers(1, 7))):
        reads = draw(st.lists(st.sampled_from(readable), min_size=1, max_size=3, unique=True))
        sql = f"select t0.day from {', '.join(f'{name} as t{index}' for index, name in enumerate(reads))}"
        name = f"m.t{number}"
        readable.append(name)
        kind = draw(st.sampled_from(["table", "view", "embedded", "incremental", "bounded", "begun"]))
        grain = draw(st.sampled_from([Grain.DAY, Grain.MONTH]))
        match kind:
            case "table":
                nodes.append(node(name, sql))
            case "view" | "embedded":
                nodes.append(node(name, sql, View() if kind == "view" else Embedded()))
            case "incremental":
                nodes.append(incremental(name, sql, grain=grain, lookback=draw(st.integers(0, 2))))
            case "bounded":
                bound = " and ".join(f"t{i}.day >= :start and t{i}.day < :end" for i in range(len(reads)))
                nodes.append(incremental(name, f"{sql} where {bound}", grain=grain, batch=draw(st.integers(1, 3))))
            case "begun":
                nodes.append(incremental(name, sql, grain=grain, start=at("2024-02-01"), batch=draw(st.integers(1, 3))))
    return graph(*nodes)


_LOADS = st.lists(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 3)).map(
            lambda pair: Interval(_ORIGIN + timedelta(days=pair[0]), _ORIGIN + timedelta(days=pair[0] + pair[1]))
        ),
        min_size=1,
        max_size=3,
    ),
    max_size=4,
)


def _idle(books: Books) -> bool:
    return all(
        isinstance(books.decide(key).scope, Nothing | Look)
        for key, each in books.graph.nodes.items()
        if not isinstance(each.kind, Source)
    )


@settings(max_examples=60, deadline=None)
@given(_graphs(), _LOADS)
def test_planning_twice_plans_nothing_the_second_time(found: Graph, loads: list[list[Interval]]) -> None:
    books = Books(found)
    books.run()
    assert _idle(books)
    for load in loads:
        books.commit("raw.sales", *load)
        books.run()
        assert _idle(books)


@settings(max_examples=60, deadline=None)
@given(_graphs(), _LOADS, st.booleans())
def test_a_plan_foresees_whatever_a_run_then_does(found: Graph, loads: list[list[Interval]], edited: bool) -> None:
    books = Books(found)
    books.run()
    for load in loads:
        books.commit("raw.sales", *load)
    if edited:
        books.sources["raw.rates"] = "other"
    plan = build(found, books.identities, list(found.nodes), books.standing(), target="dev", database="x")
    idle = {step.node.key for step in plan.steps if step.change is Change.UNCHANGED}
    for key, decision in books.run().items():
        assert key not in idle or isinstance(decision.scope, Nothing), decision


@settings(max_examples=60, deadline=None)
@given(_LOADS, st.sampled_from(list(Grain)))
def test_loads_one_by_one_touch_what_all_at_once_do(loads: list[list[Interval]], grain: Grain) -> None:
    def books() -> Books:
        made = Books(graph(timed(), incremental("m.t", "select day from raw.sales", grain=grain)))
        made.commit("raw.sales", whole=True)
        made.run()
        return made

    apart, together = books(), books()
    filled: list[Interval] = []
    for load in loads:
        apart.commit("raw.sales", *load)
        scope = apart.decide("m.t").scope
        assert isinstance(scope, Fill)
        assert scope.intervals == merge(widen(each, grain) for each in load)
        apart.run()
        filled += scope.intervals
        together.commit("raw.sales", *load)
    scope = together.decide("m.t").scope
    assert (scope.intervals if isinstance(scope, Fill) else ()) == merge(filled)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 4))
def test_a_first_fill_takes_every_day_once_however_often_it_is_interrupted(stops: list[int], size: int) -> None:
    books = Books(graph(timed(), incremental("m.t", "select day from raw.sales", batch=size)))
    whole = Interval(_ORIGIN, _ORIGIN + timedelta(days=10))
    books.commit("raw.sales", whole, whole=True)
    done: list[Interval] = []
    for stop in [*stops, 99]:
        scope = books.decide("m.t").scope
        if not isinstance(scope, Fill):
            break
        days = [Interval(each.start, each.start + timedelta(days=1)) for each in _days(scope)]
        for index, day in enumerate(days[: stop + 1]):
            books.commit("m.t", day, complete=index == len(days) - 1)
            done.append(day)
    assert not isinstance(books.decide("m.t").scope, Whole)
    assert merge(done) == (whole,)
    assert len(done) == 10, "no day is done twice"


def _days(fill: Fill) -> list[Interval]:
    return [
        Interval(each.start + timedelta(days=number), each.start + timedelta(days=number + 1))
        for each in fill.intervals
        for number in range((each.end - each.start).days)
    ]
