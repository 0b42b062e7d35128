"""What dashboards show: choices as parameters, answers that are kept, and what is told when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sqlpipe.app import answering
from sqlpipe.app.answering import as_of, as_plain, pulse, why_stale
from sqlpipe.app.dashboards import Results, Shipment, results, shipment, variant
from sqlpipe.app.result_shelf import Kept, Shelf, shelf_of
from sqlpipe.app.surveying import Survey, survey
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from tests.shop import Shop

NOW = datetime(2024, 3, 10, 12, tzinfo=UTC)
SALES = (
    "select * from (values ('de', date '2024-01-01', 10, 'Ann''s'), ('de', date '2024-01-02', 20, '100%'),"
    " ('fr', date '2024-01-02', 40, 'annex'), ('fr', date '2024-01-03', 80, null), (null, null, 160, 'Bo'))"
    " as t (country, day, amount, customer)"
)
PAGE = """---
title: Sales
filters:
  country: {select: countries, column: country}
  days: {dates: true, column: day}
  who: {search: true, column: customer}
---
```sql countries
select distinct country, upper(country) as shown from marts.sales order by country
```
```chart
table: all
```
```sql total
select sum(amount) as amount from marts.sales where :country is null or country = :country
```
```chart
value: amount
```
```sql rows
select country, day, amount, customer from marts.sales order by amount desc
```
```chart
table: all
```
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    shop.model("marts.sales", "kind: table", SALES)
    shop.write("dashboards/sales.md", PAGE)
    shop.well()
    return shop


def shown(shop: Shop, now: datetime = NOW, page: str = "sales", **asked: str) -> Results:
    workspace = shop.open()
    node = workspace.graph.nodes[f"dashboards.{page}"]
    return results(workspace, survey(workspace), node, asked, now)


def shipped(shop: Shop, page: str = "sales") -> Shipment:
    workspace = shop.open()
    return shipment(workspace, survey(workspace), workspace.graph.nodes[f"dashboards.{page}"], NOW)


def amounts(found: Results, block: str = "rows") -> list[Any]:
    result = found.blocks[block]
    index = result.column("AMOUNT")
    assert index is not None
    return [row[index] for row in result.rows]


def taken(_workspace: object) -> AbstractContextManager[None]:
    raise SqlpipeError(Diagnostic(code="SP502", message="warehouse.duckdb is in use by another process"))


def messages(found: Results) -> list[str]:
    assert {each.code for each in found.complaints} <= {"SP708"}
    return [each.message for each in found.complaints]


# Choices


def test_a_page_shows_the_rows_of_its_blocks_in_their_order(shop: Shop) -> None:
    found = shown(shop)
    assert amounts(found) == [160, 80, 40, 20, 10]
    assert found.blocks["rows"].columns == ("country", "day", "amount", "customer")
    assert found.blocks["rows"].types == ("VARCHAR", "DATE", "INTEGER", "VARCHAR")
    assert found.blocks["rows"].rows[1] == ("fr", "2024-01-03", 80, None)
    assert not found.complaints
    assert all(each.problem is None and not each.stale for each in found.blocks.values())
    assert [(each.value, each.label) for each in found.options["country"]] == [("de", "DE"), ("fr", "FR")]


def test_choices_restrict_by_placeholder_or_else_by_column(shop: Shop) -> None:
    found = shown(shop, country="fr")
    assert amounts(found) == [80, 40], "the order is kept"
    assert amounts(found, "total") == [120], "its own SQL asks"
    assert len(found.blocks["countries"].rows) == 3, "what options come from is not filtered by them"


def test_both_ends_of_a_range_of_days_are_included(shop: Shop) -> None:
    assert amounts(shown(shop, days_start="2024-01-02", days_end="2024-01-02")) == [40, 20]
    assert amounts(shown(shop, days_start="2024-01-02")) == [80, 40, 20]
    assert amounts(shown(shop, days_end="2024-01-01")) == [10]
    assert amounts(shown(shop, days_end="9999-12-30")) == [80, 40, 20, 10]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ANN", [40, 10]),
        ("ann's", [10]),
        ("%", [20]),
        ("_", []),
        ("' or 1=1 --", []),
        ("\0", []),
        ("  bo ", [160]),
        ("", [160, 80, 40, 20, 10]),
        ('";drop table marts.sales;', []),
    ],
)
def test_a_text_is_looked_for_as_it_is(shop: Shop, text: str, expected: list[int]) -> None:
    assert amounts(shown(shop, who=text)) == expected
    assert shop.rows("select count(*) from marts.sales") == [(5,)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"country": "x' or '1'='1"}, "there is no Country `x' or '1'='1`"),
        ({"country": "DE"}, "there is no Country `DE`"),
        ({"days_start": "2024-02-31"}, "`2024-02-31` is no day for Days"),
        ({"days_start": "today", "days_end": "2024-01-01"}, "`today` is no day for Days"),
        ({"days_end": "9999-12-31"}, "`9999-12-31` is no day for Days"),
        (
            {"days_start": "2024-01-03", "days_end": "2024-01-01"},
            "Days ends before it begins: 2024-01-03 to 2024-01-01",
        ),
        ({"land": "de"}, "there is no filter `land`"),
        ({"who": "x" * 201}, "a text to look for has at most 200 characters"),
    ],
)
def test_bad_choices_are_told_and_change_nothing(shop: Shop, asked: Mapping[str, Any], message: str) -> None:
    found = shown(shop, **asked)
    assert messages(found) == [message]
    assert found.picks == {}
    assert amounts(found) == [160, 80, 40, 20, 10]


def test_defaults_are_chosen_unless_something_else_is_or_nothing(shop: Shop) -> None:
    page = PAGE.replace("select: countries, column: country", "select: countries, column: country, default: de")
    page = page.replace("dates: true, column: day", "dates: true, column: day, default: [2024-01-02, null]")
    shop.write("dashboards/sales.md", page)
    assert shown(shop).picks == {"country": "de", "days_start": "2024-01-02"}
    assert amounts(shown(shop)) == [20]
    assert amounts(shown(shop, country="")) == [80, 40, 20]
    assert amounts(shown(shop, country="", days_start="")) == [160, 80, 40, 20, 10]
    assert shown(shop, country="xx").picks["country"] == "de"
    assert shown(shop, days_end="never").picks["days_start"] == "2024-01-02"


def test_a_default_that_has_gone_is_told(shop: Shop) -> None:
    shop.write("dashboards/sales.md", PAGE.replace("select: countries,", "select: countries, default: it,"))
    found = shown(shop)
    assert messages(found) == ["`it`, the default of Country, is not there to choose"]
    assert found.picks == {}


def test_options_follow_the_filters_before_them(shop: Shop) -> None:
    page = PAGE.replace("filters:\n", "filters:\n  first: {select: [de, fr], column: country}\n")
    shop.write("dashboards/sales.md", page)
    found = shown(shop, first="fr", country="de")
    assert [each.value for each in found.options["country"]] == ["fr"]
    assert messages(found) == ["there is no Country `de`"]


def test_options_of_any_type_are_texts_that_find_their_rows(shop: Shop) -> None:
    shop.model(
        "marts.kinds",
        "kind: table",
        "select unnest([true, false]) as flag, unnest([timestamp '2024-01-01 10:00', null]) as moment,"
        " 1.50::decimal(9, 2) as n, 2.0::double as x",
    )
    shop.well()
    for column, value in (("flag", "false"), ("moment", "2024-01-01 10:00:00"), ("n", "1.50"), ("x", "2.0")):
        shop.write(
            "dashboards/kinds.md",
            f"---\nfilters: {{f: {{select: b, column: {column}}}}}\n---\n"
            f"```sql b\nselect {column} from marts.kinds\n```\n"
            f"```sql c\nselect {column}, 1 as amount from marts.kinds\n```\n```chart\ntable: all\n```\n",
        )
        options = [each.value for each in shown(shop, page="kinds").options["f"]]
        assert value in options, (column, options)
        assert amounts(shown(shop, page="kinds", f=value), "c"), column


# Keeping


def test_an_answer_is_kept_until_the_data_change(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = shown(shop)
    workspace = shop.open()
    before = survey(workspace)
    with monkeypatch.context() as patch:
        patch.setattr(answering, "reading", taken)
        node = workspace.graph.nodes["dashboards.sales"]
        again = results(workspace, before, node, {}, NOW)
    assert again == first
    assert first.blocks["rows"].at == as_of(workspace, before, [node.kind.blocks["rows"]])  # type: ignore[union-attr]
    shop.model("marts.sales", "kind: table", SALES.replace("160", "320"))
    shop.well()
    assert amounts(shown(shop))[0] == 320


def test_the_last_answer_is_given_while_the_database_is_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(shop)
    workspace = shop.open()
    shelf_of.cache_clear()
    monkeypatch.setattr(answering, "reading", taken)
    nothing_known = Survey(at=workspace.now)
    node = workspace.graph.nodes["dashboards.sales"]
    found = results(workspace, nothing_known, node, {}, NOW + timedelta(days=1))
    assert amounts(found) == [160, 80, 40, 20, 10], "read from the folder, as after a start"
    result = found.blocks["rows"]
    assert result.problem is not None
    assert result.problem.code == "SP502"
    assert result.stale == "the database could not be asked again"
    assert result.at is not None
    other = results(workspace, nothing_known, node, {"who": "bo"}, NOW).blocks["rows"]
    assert (other.rows, other.at) == ((), None)
    assert other.problem is not None
    assert other.problem.code == "SP502"


def test_what_has_no_data_version_is_asked_again_after_a_minute(shop: Shop) -> None:
    shop.land("landing/n.csv", "n\n1\n")
    page = "```sql n\nselect sum(n) as amount from read_csv('{}')\n```\n```chart\nvalue: amount\n```\n"
    shop.write("dashboards/file.md", page.format(shop.root / "landing/n.csv"))
    assert amounts(shown(shop, page="file"), "n") == [1]
    shop.land("landing/n.csv", "n\n2\n")
    assert amounts(shown(shop, page="file", now=NOW + timedelta(seconds=59)), "n") == [1]
    found = shown(shop, page="file", now=NOW + timedelta(seconds=60))
    assert amounts(found, "n") == [2]
    assert found.blocks["n"].at == NOW + timedelta(seconds=60)


def test_versions_are_seen_through_views_and_embedded_queries(shop: Shop) -> None:
    shop.model("staging.sales", "kind: view", "select * from marts.sales")
    shop.model("staging.total", "kind: embedded", "select sum(amount) as amount from staging.sales")
    shop.write("dashboards/deep.md", "```sql n\nselect amount from staging.total\n```\n```chart\nvalue: amount\n```\n")
    shop.well()
    assert amounts(shown(shop, page="deep"), "n") == [310]
    shop.model("marts.sales", "kind: table", SALES.replace("160", "320"))
    shop.well("marts.sales")
    assert amounts(shown(shop, page="deep"), "n") == [470]


def test_answers_on_the_shelf_survive_and_bad_files_do_not(tmp_path: Path) -> None:
    kept = Kept("v1", NOW, None, ("a",), ("DATE",), (("2024-01-01",), (None,)))
    Shelf(tmp_path).keep("k", kept)
    assert Shelf(tmp_path).find("k") == kept
    (file,) = (tmp_path / ".sqlpipe/results").iterdir()
    assert file.stat().st_mode & 0o077 == 0, "rows are for their owner"
    good = json.loads(file.read_text())
    for bad in ("", "{}", "[]", json.dumps({**good, "format": 0}), json.dumps({**good, "rows": [["a", "b"]]})):
        file.write_text(bad)
        assert Shelf(tmp_path).find("k") is None, bad


def test_the_shelf_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, in_memory=3000, on_disk=5000)
    kept = Kept("v1", NOW, NOW, ("a",), ("VARCHAR",), (("x" * 1000,),))
    for number in range(60):
        shelf.keep(f"k{number}", kept)
    files = list((tmp_path / ".sqlpipe/results").iterdir())
    assert len(files) < 15
    assert (tmp_path / ".sqlpipe/results/k59.json").exists()
    for file in files:
        file.unlink()
    assert shelf.find("k59") == kept
    assert shelf.find("k0") is None


def test_a_folder_that_cannot_be_written_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".sqlpipe").write_text("a file where the folder belongs")
    shelf = Shelf(tmp_path)
    kept = Kept("v1", NOW, NOW, ("a",), ("INTEGER",), ((1,),))
    shelf.keep("k", kept)
    assert shelf.find("k") == kept


# What is wrong


def test_a_block_that_fails_tells_where_and_the_others_are_shown(shop: Shop) -> None:
    shop.write(
        "dashboards/sales.md",
        PAGE.replace("select sum(amount) as amount", "select\n  sum(amount // customer::int) as amount"),
    )
    found = shown(shop)
    problem = found.blocks["total"].problem
    assert problem is not None
    assert problem.code == "SP505"
    assert problem.span is not None
    assert problem.span.file == "dashboards/sales.md"
    assert found.blocks["total"].rows == ()
    assert amounts(found) == [160, 80, 40, 20, 10]


def test_a_table_that_has_gone_is_told_at_its_line(shop: Shop) -> None:
    shop.execute("alter table marts.sales rename column amount to amounts")
    problem = shown(shop).blocks["total"].problem
    assert problem is not None
    assert problem.span is not None
    lines = PAGE.split("\n")
    assert "sum(amount)" in lines[problem.span.place.line - 1]


def test_nothing_built_is_told_in_each_panel(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.sales", "kind: table", SALES)
    shop.write("dashboards/sales.md", PAGE)
    found = shown(shop, country="de")
    assert {each.problem.code for each in found.blocks.values() if each.problem} == {"SP501"}
    assert found.picks == {"country": "de"}, "what cannot be looked up cannot be refused"


def test_rows_that_a_run_would_make_anew_are_stale(shop: Shop) -> None:
    shop.model("marts.sales", "kind: table", SALES.replace("160", "320"))
    found = shown(shop)
    assert amounts(found)[0] == 160
    assert found.blocks["rows"].stale.startswith("marts.sales is to be built: ")
    shop.model("marts.sales", "kind: table\nchecks:\n  - unique: country", SALES.replace("160", "320"))
    assert not shop.run().end.well
    assert shown(shop).blocks["rows"].stale == "marts.sales failed when it was run last"
    workspace = shop.open()
    assert why_stale(workspace, survey(workspace), ["no.such"]) == ""


def test_more_rows_than_are_shown_are_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "MOST_ROWS", 3)
    found = shown(shop)
    assert amounts(found) == [160, 80, 40]
    assert found.blocks["rows"].cut
    assert not found.blocks["countries"].cut


def test_a_query_that_takes_too_long_is_stopped_and_not_tried_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(
        "dashboards/slow.md",
        "```sql n\nselect count(*) as amount from range(100000) a, range(100000) b, marts.sales\n"
        "where a.range <> b.range\n```\n"
        "```chart\nvalue: amount\n```\n",
    )
    monkeypatch.setattr(answering, "MOST_SECONDS", 0.1)
    problem = shown(shop, page="slow").blocks["n"].problem
    assert problem is not None
    assert problem.code == "SP712"
    monkeypatch.setattr(answering, "reading", taken)
    assert shown(shop, page="slow").blocks["n"].problem == problem


def test_values_become_what_json_has(shop: Shop) -> None:
    zone = timezone(timedelta(hours=2))
    given = [None, True, 3, nan, inf, Decimal("1.50"), date(2024, 1, 2), datetime(2024, 1, 2, 3, tzinfo=zone), time(4)]
    assert [as_plain(each) for each in given] == [
        None, True, 3, None, None, 1.5, "2024-01-02", "2024-01-02T01:00:00", "04:00:00",
    ]  # fmt: skip
    assert as_plain([1, {"a": nan}]) == [1, {"a": None}]
    assert as_plain(b"\x01") == "01"
    assert as_plain(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert as_plain(timedelta(days=1)) == "1 day, 0:00:00"
    shop.model(
        "marts.odd",
        "kind: table",
        "select 'nan'::double as n, 1e400::double as i, interval 1 day as d, {'a': [1]} as s",
    )
    shop.write("dashboards/odd.md", "```sql n\nselect * from marts.odd\n```\n```chart\ntable: all\n```\n")
    shop.well()
    (row,) = shown(shop, page="odd").blocks["n"].rows
    json.dumps(row, allow_nan=False)


# Without a database


def test_everything_that_can_be_chosen_is_computed_beforehand(shop: Shop) -> None:
    found = shipped(shop)
    assert found.asks == {"countries": (), "total": ("country",), "rows": ()}
    assert found.fixed == {}
    assert {key: each.rows for key, each in found.blocks["total"].items()} == {
        variant([""]): ((310,),),
        variant(["de"]): ((30,),),
        variant(["fr"]): ((120,),),
    }
    assert len(found.blocks["rows"][variant([])].rows) == 5


def test_what_cannot_be_computed_beforehand_stays_as_it_is_at_first(shop: Shop) -> None:
    page = PAGE.replace("where :country is null", "where day >= :days_start and :country is null")
    page = page.replace("dates: true, column: day", "dates: true, column: day, default: [2024-01-02, null]")
    shop.write("dashboards/sales.md", page)
    found = shipped(shop)
    assert set(found.fixed) == {"days"}
    assert len(found.blocks["rows"][variant([])].rows) == 3, "it restricts by its column as well"


def test_too_many_choices_are_not_computed(shop: Shop) -> None:
    many = ", ".join(f"c{number}" for number in range(200))
    shop.write("dashboards/sales.md", PAGE.replace("select: countries", f"select: [{many}]"))
    found = shipped(shop)
    assert found.fixed == {"country": "a query asks for it, and there are more than 200 choices"}
    assert found.asks["total"] == ()


def test_the_pulse_changes_with_the_page_and_with_its_data(shop: Shop) -> None:
    def beat(now: datetime = NOW) -> str:
        workspace = shop.open()
        return pulse(workspace, survey(workspace), workspace.graph.nodes["dashboards.sales"], now)

    first = beat()
    assert beat(NOW + timedelta(hours=1)) == first
    shop.write("dashboards/sales.md", PAGE + "\nMore words.\n")
    second = beat()
    assert second != first
    shop.model("marts.sales", "kind: table", SALES.replace("160", "320"))
    assert beat() != second, "it is stale now"
