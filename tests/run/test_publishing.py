"""A check that blocks leaves everything as it was, for every kind; a mended project then goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.shop import Shop

CHECK = "checks: [{not_null: id}]"


@dataclass(frozen=True)
class Case:
    """A node `raw.it` that is well at first, how it is broken, and how it is mended."""

    set_up: Callable[[Shop], None]
    spoil: Callable[[Shop], None]
    mend: Callable[[Shop], None]
    expected: list[object]


def _model(header: str, body: str) -> Callable[[Shop], None]:
    return lambda shop: shop.model("raw.it", f"{header}\n{CHECK}", body)


def _file(text: str, name: str = "in/1.csv") -> Callable[[Shop], None]:
    return lambda shop: shop.land(name, text)


def _both(*steps: Callable[[Shop], None]) -> Callable[[Shop], None]:
    def do(shop: Shop) -> None:
        for step in steps:
            step(shop)

    return do


def _crm(*statements: str) -> Callable[[Shop], None]:
    return lambda shop: shop.crm(*statements)


def _seed(rows: str) -> Callable[[Shop], None]:
    def do(shop: Shop) -> None:
        shop.write("seeds/it.csv", rows)

    return do


def _python(code: str) -> Callable[[Shop], None]:
    def do(shop: Shop) -> None:
        shop.write(
            "models/raw/it.py", f'"""sqlpipe\n{CHECK}\n"""\nimport pyarrow as pa\n\n\ndef model():\n    {code}\n'
        )

    return do


def _seed_header(shop: Shop) -> None:
    shop.write("seeds/it.yml", CHECK + "\n")


_INGEST = "kind: ingest\nfrom: in/*.csv"
_FROM_CRM = "kind: ingest\nfrom: crm"

CASES = {
    "view": Case(
        _model("kind: view", "select 1 as id"),
        _model("kind: view", "select null::varchar as id, 1 as more"),
        _model("kind: view", "select 2 as id"),
        [(2,)],
    ),
    "table": Case(
        _model("kind: table", "select 1 as id"),
        _model("kind: table", "select null::varchar as id, 1 as more"),
        _model("kind: table", "select 2 as id"),
        [(2,)],
    ),
    "table to view": Case(
        _model("kind: table", "select 1 as id"),
        _model("kind: view", "select null as id"),
        _model("kind: view", "select 2 as id"),
        [(2,)],
    ),
    "incremental rebuilt": Case(
        _model("kind: incremental\ntime: day", "select 1 as id, date '2024-01-01' as day"),
        _model("kind: incremental\ntime: day", "select null as id, date '2024-01-01' as day"),
        _model("kind: incremental\ntime: day", "select 2 as id, date '2024-01-01' as day"),
        [(2,)],
    ),
    "seed": Case(
        _both(_seed_header, _seed("id,name\n1,a\n")),
        _seed("id,name,more\n,a,1\n"),
        _seed("id,name\n2,a\n"),
        [(2,)],
    ),
    "append": Case(
        _both(_file("id,n\n1,a\n"), _model(_INGEST, "select * from source")),
        _file("id,n,more\n,a,1\n"),
        _file("id,n\n2,a\n"),
        [(2,)],
    ),
    "merge": Case(
        _both(_file("k,id\n1,1\n"), _model(f"{_INGEST}\nkey: k", "select * from source")),
        _file("k,id,more\n1,,5\n2,2,5\n", "in/2.csv"),
        _file("k,id\n1,3\n2,2\n", "in/2.csv"),
        [(2,), (3,)],
    ),
    "replace": Case(
        _both(_file("id,n\n1,a\n"), _model(f"{_INGEST}\nwrite: replace", "select * from source")),
        _file("id,n,more\n,a,1\n2,b,1\n"),
        _file("id,n\n2,a\n"),
        [(2,)],
    ),
    "compare": Case(
        _both(
            _crm("create table t (k integer, id integer)", "insert into t values (1, 1), (2, 2)"),
            _model(f"{_FROM_CRM}\nkey: k\nmax_deletes: 100%", "select * from t"),
        ),
        _crm("alter table t add column more text", "update t set id = null where k = 1", "delete from t where k = 2"),
        _crm("update t set id = 7"),
        [(7,)],
    ),
    "everything, without a key": Case(
        _both(
            _crm("create table t (k integer, id integer)", "insert into t values (1, 1), (2, 2)"),
            _model(_FROM_CRM, "select * from t"),
        ),
        _crm("alter table t add column more text", "update t set id = null where k = 1"),
        _crm("update t set id = 7"),
        [(7,), (7,)],
    ),
    "cursor": Case(
        _both(
            _crm("create table t (k integer, id integer)", "insert into t values (1, 1), (2, 2)"),
            _model(f"{_FROM_CRM}\ncursor: {{column: k}}\nkey: k", "select * from t"),
        ),
        _crm("alter table t add column more text", "insert into t values (3, null, 'x')"),
        _crm("update t set id = 3 where k = 3"),
        [(1,), (2,), (3,)],
    ),
    "cursor without a key": Case(
        _both(
            _crm("create table t (k integer, id integer)", "insert into t values (1, 1), (2, 2)"),
            _model(f"{_FROM_CRM}\ncursor: {{column: k}}", "select * from t"),
        ),
        _crm("insert into t values (2, null), (3, 3)"),
        _crm("update t set id = 9 where id is null"),
        [(1,), (2,), (3,), (9,)],
    ),
    "python": Case(
        _python("return pa.table({'id': [1]})"),
        _python("return pa.table({'id': [None], 'more': ['x']})"),
        _python("return pa.table({'id': [2]})"),
        [(2,)],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_fails_its_check_is_not_published_and_is_run_again(
    shop: Shop, case: Case, request: pytest.FixtureRequest
) -> None:
    name = "seeds.it" if request.node.callspec.id == "seed" else "raw.it"
    case.set_up(shop)
    shop.model("marts.below", "kind: table", f"select * from {name}")
    shop.model("marts.beside", "kind: table", "select 1 as one")
    shop.well()
    before, below = shop.picture(name), shop.picture("marts.below")
    case.spoil(shop)
    shop.model("marts.beside", "kind: table", "select 2 as one")
    for _ in range(2):
        ran = shop.run()
        assert ran.states[name] == "failed"
        assert [each.code for each in ran.problems(name)] == ["SP402"]
        assert ran.states["marts.below"] == "blocked"
        assert ran.states["marts.beside"] in {"done", "unchanged"}
        assert shop.picture(name) == before
        assert shop.picture("marts.below") == below
    assert shop.rows("marts.beside") == [(2,)]
    case.mend(shop)
    assert name in shop.well()
    assert shop.rows(f"select id from {name}") == case.expected
    assert shop.rows("select id from marts.below") == case.expected
    ran = shop.run()
    assert ran.done == set()


def test_a_failed_check_of_an_interval_leaves_those_committed_before_it(shop: Shop) -> None:
    shop.land("in/1.csv", "day,id\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "select * from source")
    body = "select day, id from raw.it"
    shop.model("marts.it", f"kind: incremental\ntime: {{column: day, batch: 1}}\n{CHECK}", body)
    shop.model("marts.below", "kind: table", "select sum(id) as total from marts.it")
    shop.well()
    shop.land("in/1.csv", "day,id\n2024-01-01,10\n2024-01-02,\n2024-01-03,30\n")
    ran = shop.run()
    assert ran.states == {"raw.it": "done", "marts.it": "failed", "marts.below": "blocked"}
    assert shop.rows("select id from marts.it") == [(2,), (3,), (10,)]
    assert shop.rows("marts.below") == [(6,)]
    shop.land("in/1.csv", "day,id\n2024-01-01,10\n2024-01-02,20\n2024-01-03,30\n")
    assert shop.well() == {"raw.it", "marts.it", "marts.below"}
    assert shop.rows("select id from marts.it") == [(10,), (20,), (30,)]
    assert shop.rows("marts.below") == [(60,)]
    assert shop.well() == set()


def test_a_first_fill_that_fails_in_the_middle_goes_on_where_it_stopped(shop: Shop) -> None:
    shop.land("in/1.csv", "day,id\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    shop.land("in/2.csv", "day,id\n2024-01-02,\n")
    shop.model("raw.it", "kind: ingest\nfrom: in/*.csv\ntime: day", "select * from source")
    shop.model("marts.it", f"kind: incremental\ntime: {{column: day, batch: 1}}\n{CHECK}", "select day, id from raw.it")
    assert shop.run().states["marts.it"] == "failed"
    assert shop.rows("select id from marts.it") == [(1,)]
    shop.model("marts.it", "kind: incremental\ntime: {column: day, batch: 1}", "select day, id from raw.it")
    ran = shop.run()
    assert ran.nodes["marts.it"].detail == "2 days"
    assert shop.rows("select count(*) from marts.it") == [(4,)]
    assert shop.well() == set()
