"""What always holds of runs on a true database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.history import Event, NodeFinished
from sqlpipe.domain.project import Embedded, FilesCursor, Ingest, Node, Project, Source, TimeColumn
from sqlpipe.engine.contract import Session
from sqlpipe.engine.door import open_engine
from sqlpipe.graph.fingerprint import identify
from sqlpipe.run.execute import execute
from sqlpipe.run.walk import Code, Errand
from tests.hand import at, graph, incremental, node
from tests.workplace import running, workplace

Rows = list[tuple[object, ...]]


@dataclass
class Shop:
    """A warehouse that is run again and again."""

    root: Path
    events: list[Event] = field(default_factory=list)

    def run(self, *nodes: Node, now: str = "2024-01-04 10:00") -> dict[str, NodeFinished]:
        """Run the nodes; how each of them ended."""
        made = graph(*nodes)
        project = Project("shop", str(self.root), made.nodes)
        events: list[Event] = []
        with workplace(self.root) as shop:
            errand = Errand(
                record=running(shop, f"{now}-{len(self.events)}"),
                code=Code(self.root, project, made, identify(made)),
                now=at(now),
                on_event=events.append,
            )
            execute(shop, errand)
        self.events += events
        return {each.node.casefold(): each for each in events if isinstance(each, NodeFinished)}

    @contextmanager
    def _session(self) -> Iterator[Session]:
        engine = open_engine({"type": "duckdb", "path": str(self.root / "shop.db")})
        try:
            with engine.session() as session:
                yield session
        finally:
            engine.close()

    def do(self, *statements: str) -> None:
        with self._session() as session:
            for statement in statements:
                session.execute(statement)

    def rows(self, query: str) -> Rows:
        with self._session() as session:
            return session.query(query)

    def land(self, name: str, rows: Sequence[tuple[str, int]]) -> None:
        """Put a file where the ingest looks for it."""
        lines = "".join(f"{day},{amount}\n" for day, amount in rows)
        (self.root / "landing").mkdir(exist_ok=True)
        (self.root / "landing" / name).write_text(f"day,amount\n{lines}", encoding="utf-8")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


_SALES = node("raw.sales", kind=Ingest("landing/*.csv", Place(1, 1), FilesCursor(), time=TimeColumn("day")))
_SOURCE = node("raw.sales", kind=Source())
_DAILY = incremental("m.daily", "select day, sum(amount) as total from raw.sales group by day")
_FULL = "select day, sum(amount) as total from raw.sales group by day order by day"


def _states(ended: dict[str, NodeFinished]) -> dict[str, str]:
    return {key: each.state.value for key, each in ended.items()}


def test_a_second_run_does_nothing(shop: Shop) -> None:
    shop.land("a.csv", [("2024-01-01", 1), ("2024-01-02", 2)])
    assert _states(shop.run(_SALES, _DAILY)) == {"raw.sales": "done", "m.daily": "done"}
    assert _states(shop.run(_SALES, _DAILY)) == {"raw.sales": "unchanged", "m.daily": "unchanged"}


def test_files_one_by_one_give_what_all_at_once_do(shop: Shop) -> None:
    files = {
        "a.csv": [("2024-01-01", 1), ("2024-01-02", 2)],
        "b.csv": [("2024-01-02", 4), ("2024-01-03", 8)],
        "c.csv": [("2024-01-01", 16), ("9999-12-31", 32)],
    }
    for name, rows in files.items():
        shop.land(name, rows)
        shop.run(_SALES, _DAILY)
        assert shop.rows("select * from m.daily order by day") == shop.rows(_FULL)
    assert shop.rows("select count(*) from m.daily") == [(4,)]


def test_a_file_that_is_delivered_again_replaces_its_rows_once(shop: Shop) -> None:
    for number in range(40):
        shop.land(f"{number:02}.csv", [("2024-01-01", number)])
    shop.run(_SALES, _DAILY)
    shop.land("39.csv", [("2024-01-02", 1000), ("2024-01-01", 1)])
    assert shop.run(_SALES, _DAILY)["raw.sales"].state.value == "done"
    assert shop.rows("select * from m.daily order by day") == shop.rows(_FULL)
    assert _states(shop.run(_SALES, _DAILY)) == {"raw.sales": "unchanged", "m.daily": "unchanged"}


def _begun(**settings: Any) -> Node:
    return replace(incremental("m.daily", _DAILY.body, start=at("2024-01-01"), **settings))


@pytest.mark.parametrize("batch", [None, 1, 2])
def test_a_day_that_is_not_over_is_computed_again_when_it_is(shop: Shop, batch: int | None) -> None:
    daily = _begun(batch=batch)
    shop.do("create schema raw", "create table raw.sales (day date, amount integer)")
    shop.do("insert into raw.sales values ('2024-01-01', 1), ('2024-01-02', 2)")
    shop.run(_SOURCE, daily, now="2024-01-02 10:00")
    shop.do("insert into raw.sales values ('2024-01-02', 40), ('2024-01-03', 100)")
    shop.run(_SOURCE, daily, now="2024-01-03 00:10")
    assert shop.rows("select * from m.daily where day < '2024-01-03' order by day") == [
        (at("2024-01-01").date(), 1),
        (at("2024-01-02").date(), 42),
    ]
    assert _states(shop.run(_SOURCE, daily, now="2024-01-03 09:00")) == {"m.daily": "unchanged"}
    shop.run(_SOURCE, daily, now="2024-01-04 00:10")
    assert shop.rows("select * from m.daily order by day") == shop.rows(_FULL)


@pytest.mark.parametrize("batch", [None, 1])
def test_rows_whose_times_only_one_half_of_a_union_has_are_there(shop: Shop, batch: int | None) -> None:
    shop.land("a.csv", [("2024-01-01", 1)])
    shop.do("create schema raw", "create table raw.more as select date '2024-02-01' as day, 2 as amount")
    sql = "select day from raw.sales where day >= :start and day < :end union all select day from raw.more"
    shop.run(_SALES, node("raw.more"), incremental("m.daily", sql, batch=batch))
    assert shop.rows("select count(*) from m.daily") == [(2,)]


def test_who_reads_such_a_table_sees_its_unfinished_day_too(shop: Shop) -> None:
    child = incremental("m.child", "select day, total from m.daily", batch=1)
    shop.do("create schema raw", "create table raw.sales as select date '2024-01-02' as day, 7 as amount")
    shop.run(_SOURCE, _begun(), child, now="2024-01-02 10:00")
    assert shop.rows("select total from m.child") == [(7,)]


@pytest.mark.parametrize("batch", [None, 1])
def test_a_table_that_is_not_ours_is_never_overwritten(shop: Shop, batch: int | None) -> None:
    shop.land("a.csv", [("2024-01-01", 1)])
    shop.do("create schema m", "create table m.daily as select 'precious' as thing")
    daily = incremental("m.daily", _DAILY.body, batch=batch)
    ended = shop.run(_SALES, daily)["m.daily"]
    assert ended.state.value == "failed"
    assert ended.diagnostics[0].code == "SP514"
    assert shop.rows("select * from m.daily") == [("precious",)]


def test_a_failure_blocks_what_reads_it_through_an_embedded_query(shop: Shop) -> None:
    ended = shop.run(
        node("m.a", "select cast('x' as integer) as a"),
        node("m.e", "select * from m.a", Embedded()),
        node("m.b", "select * from m.e"),
        node("m.other", "select 1 as a"),
    )
    assert _states(ended) == {"m.a": "failed", "m.b": "blocked", "m.other": "done"}
    assert ended["m.b"].detail == "waits for m.a"


def test_names_that_fold_to_others_are_not_built_twice(shop: Shop) -> None:
    street = node("m.Straße", "select 1 as a")
    assert [each.state.value for each in shop.run(street).values()] == ["done"]
    assert [each.state.value for each in shop.run(street).values()] == ["unchanged"]
