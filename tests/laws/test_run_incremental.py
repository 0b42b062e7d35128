"""Incremental tables hold, after any history, what a full refresh would give."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shop import Rows, Shop

FIRST = datetime(2024, 1, 30)  # noqa: DTZ001 - the clock of the rows
BAD = -1

# Each model with its settings (`{}` takes those of its time column) and its query.
MODELS = {
    "staging.sales": ("", "select id, ts, shop, amount from raw.sales where amount <> 3"),
    "staging.large": ("kind: embedded", "select * from staging.sales where amount > 4"),
    "marts.sums": (
        "kind: incremental\ntime: {}\nchecks: [{{expression: least >= 0}}]",
        "select ts, shop, sum(amount) as total, min(amount) as least from staging.sales group by ts, shop",
    ),
    "marts.ranked": (
        "kind: incremental\ntime: {}",
        """with cut as (select * from raw.sales where ts >= :start and ts < :end)
        select ts, id, row_number() over (partition by ts order by id, amount) as place from cut""",
    ),
    "marts.large": ("kind: incremental\ntime: {}", "select ts, count(*) as n from staging.large group by all"),
    "marts.named": (
        "kind: incremental\ntime: {}",
        "select s.ts, s.id, n.name from staging.sales as s left join seeds.names as n on n.shop = s.shop",
    ),
    "marts.double": ("kind: incremental\ntime: {}", "select ts, shop, total * 2 as twice from marts.sums"),
    "marts.triple": (
        "kind: incremental\ntime: {}",
        "select ts, sum(twice) as total from marts.double where ts >= :start and ts < :end group by ts",
    ),
    "marts.all": ("kind: table", "select count(*) as n, sum(total) as total from marts.triple"),
}
EDITS = {
    "marts.sums": ("sum(amount) as total", "sum(amount + 0) as total", "sum(amount + 1) as total"),
    "marts.double": ("total * 2", "total + total", "total * 3"),
    "staging.sales": ("amount <> 3", "amount <> 4", "not amount = 3"),
}

rows = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.integers(0, 9)), max_size=4)
deliver = st.tuples(st.just("deliver"), st.integers(1, 4), rows)
edit = st.tuples(st.just("edit"), st.sampled_from(sorted(EDITS)), st.integers(0, 2))
name = st.tuples(st.just("name"), st.integers(0, 2), st.sampled_from("abc"))
batch = st.tuples(st.just("batch"), st.sampled_from([None, 1, 2]), st.just(0))
lookback = st.tuples(st.just("lookback"), st.integers(0, 3), st.just(0))
spoil = st.tuples(st.just("spoil"), st.integers(1, 4), st.integers(0, 60))
drop = st.tuples(st.just("drop"), st.sampled_from(["marts.sums", "marts.double", "raw.sales"]), st.just(0))
rounds = st.lists(
    st.lists(st.one_of(deliver, deliver, deliver, edit, name, batch, lookback, spoil, drop), min_size=1, max_size=3),
    min_size=2,
    max_size=5,
)


@dataclass
class History:
    """The project, and what has happened to it."""

    shop: Shop
    grain: str
    key: bool
    files: dict[int, list[tuple[datetime, int, int]]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=lambda: {0: "a", 1: "b"})
    variants: dict[str, int] = field(default_factory=dict)
    batch: int | None = None
    lookback: int = 0
    spoiled: set[int] = field(default_factory=set)
    dropped: list[str] = field(default_factory=list)

    def happen(self, what: str, which: object, value: object) -> None:
        match what, which, value:
            case "deliver", int(number), list(rows):
                moments = [(self.moment(at), shop, amount) for at, shop, amount in rows]
                self.files[number] = moments
                self.spoiled.discard(number)
                self.land(number)
            case "spoil", int(number), int(at):
                self.files.setdefault(number, []).append((self.moment(at), 0, BAD))
                self.spoiled.add(number)
                self.land(number)
            case "edit", str(model), int(variant):
                self.variants[model] = variant
            case "name", int(shop), str(word):
                self.names[shop] = word
            case "batch", _, _:
                self.batch = which if isinstance(which, int) else None
            case "lookback", int(count), _:
                self.lookback = count
            case "drop", str(table), _:
                self.dropped.append(table)

    def moment(self, at: int) -> datetime:
        """Times that lie close together in the grain, and cross the end of a month."""
        return (
            FIRST
            + {"hour": timedelta(hours=at), "day": timedelta(hours=6 * at), "month": timedelta(days=4 * at)}[self.grain]
        )

    def land(self, number: int) -> None:
        lines = [
            f"{number * 100 + place},{at},{shop},{amount}"
            for place, (at, shop, amount) in enumerate(self.files[number])
        ]
        self.shop.land(f"in/{number}.csv", "\n".join(["id,ts,shop,amount", *lines]) + "\n")

    def write(self) -> None:
        key = "key: id\n" if self.key else ""
        self.shop.model(
            "raw.sales", f"kind: ingest\nfrom: in/*.csv\n{key}time: {{column: ts, grain: {self.grain}}}", ""
        )
        self.shop.write(
            "seeds/names.csv", "shop,name\n" + "".join(f"{shop},{word}\n" for shop, word in self.names.items())
        )
        time = f"{{column: ts, grain: {self.grain}, lookback: {self.lookback}"
        time += f", batch: {self.batch}}}" if self.batch else "}"
        for model, (header, _) in MODELS.items():
            self.shop.model(model, header.format(time), self.body(model))

    def body(self, model: str) -> str:
        if model not in EDITS:
            return MODELS[model][1]
        first, *others = EDITS[model]
        return MODELS[model][1].replace(first, [first, *others][self.variants.get(model, 0)])

    def run(self) -> None:
        self.write()
        there = {
            str(name) for (name,) in self.shop.rows("select schema_name || '.' || table_name from duckdb_tables()")
        }
        self.shop.execute(*(f"drop table {table}" for table in dict.fromkeys(self.dropped) if table in there))
        self.dropped.clear()
        if self.spoiled:
            # A failed check stops in the middle of the batches; then the file is mended.
            self.shop.run()
            for number in self.spoiled:
                self.files[number] = [(at, shop, abs(amount)) for at, shop, amount in self.files[number]]
                self.land(number)
            self.spoiled.clear()
        self.shop.well()

    def differences(self) -> dict[str, tuple[Rows, Rows]]:
        """What the tables hold and what their queries give, where the two are not the same."""
        database = f"attach '{self.shop.root / self.shop.database}' as held (read_only)"
        with duckdb.connect() as db:
            db.execute(database)
            db.execute("create schema raw; create schema staging; create schema marts; create schema seeds")
            for table in ("raw.sales", "seeds.names"):
                db.execute(f"create view {table} as select * from held.{table}")
            found = {}
            for model in MODELS:
                body = (
                    self.body(model).replace(":start", "timestamp '-infinity'").replace(":end", "timestamp 'infinity'")
                )
                db.execute(f"create view {model} as {body}")
                if model.startswith("marts"):
                    held = db.execute(f"select * from held.{model} order by all").fetchall()
                    wanted = db.execute(f"select * from {model} order by all").fetchall()
                    if held != wanted:
                        found[model] = (held, wanted)
            count = db.execute("select count(*) from held.raw.sales").fetchall()[0][0]
            if not self.key and count != sum(map(len, self.files.values())):
                found["raw.sales"] = ([(count,)], [])
        return found


@contextmanager
def history(grain: str, *, key: bool) -> Iterator[History]:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Shop(Path(folder)), grain, key)
        history.happen("deliver", 1, [(0, 0, 5), (30, 1, 6)])
        history.write()
        history.shop.well()
        yield history


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(["hour", "day", "month"]), st.booleans(), rounds)
def test_incremental_tables_equal_a_full_refresh_after_any_history(
    grain: str, key: bool, rounds: list[list[tuple[str, object, object]]]
) -> None:
    with history(grain, key=key) as past:
        for events in rounds:
            for event in events:
                past.happen(*event)
            past.run()
            assert not past.differences()
        assert past.shop.well() == set()
