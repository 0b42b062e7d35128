"""Checks of tables that something else writes are run before anything reads their rows."""

from __future__ import annotations

import pytest

from tests.shop import Shop

SETTINGS = """
name: shop
sources:
  erp.orders:
    checks:
      - unique: id
      - range: {column: amount, min: 0}
"""


@pytest.fixture
def erp(shop: Shop) -> Shop:
    shop.write("sqlpipe.yml", SETTINGS)
    shop.model("marts.total", "kind: table", "select sum(amount) as total from erp.orders")
    shop.execute("create schema erp", "create table erp.orders as select i as id, i as amount from range(3) as t(i)")
    return shop


def test_are_run_once_for_the_same_rows(erp: Shop) -> None:
    assert erp.run().states == {"erp.orders": "unchanged", "marts.total": "done"}
    assert erp.run().done == set()


def test_block_what_reads_the_rows(erp: Shop) -> None:
    erp.run()
    erp.execute("insert into erp.orders values (1, -1)")
    ran = erp.run()
    assert ran.states == {"erp.orders": "failed", "marts.total": "blocked"}
    assert [each.code for each in ran.problems("erp.orders")] == ["SP402", "SP402"]
    erp.execute("delete from erp.orders where amount < 0", "insert into erp.orders values (7, 7)")
    assert erp.run().states == {"erp.orders": "unchanged", "marts.total": "done"}


def test_of_a_table_that_is_not_there_fail_and_leave_the_rest_to_run(erp: Shop) -> None:
    erp.execute("drop table erp.orders")
    erp.model("marts.other", "kind: table", "select 1 as one")
    assert erp.run().states == {"erp.orders": "failed", "marts.total": "blocked", "marts.other": "done"}
