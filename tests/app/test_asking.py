"""Queries of people: answered within bounds, as rows and as files, by several at once."""

from __future__ import annotations

import csv
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from sqlpipe.app import asking
from sqlpipe.app.asking import ask, save
from sqlpipe.app.running import equipped
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.secret import MASK, keep_secret
from sqlpipe.run.clock import Clock
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book
from tests.shop import Shop

FOREVER = "select count(*) from range(100000000) a(x), range(100000000) b(y) where x + y = -1"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    shop = Shop(tmp_path)
    shop.model(
        "marts.orders", "kind: table", "select * from (values (1, 'ann', 1.5), (2, null, 2.25)) t(id, name, sum)"
    )
    shop.well()
    return shop.open()


def refused(workspace: Workspace, sql: str, seconds: float = 10) -> Diagnostic:
    with pytest.raises(SqlpipeError) as caught:
        ask(workspace, sql, seconds=seconds)
    return caught.value.diagnostics[0]


def test_rows_come_with_their_columns(workspace: Workspace) -> None:
    found = ask(workspace, "select id, name from marts.orders order by id;", 1)
    assert (found.columns, found.types) == (("id", "name"), ("INTEGER", "VARCHAR"))
    assert (found.rows, found.more) == ([(1, "ann")], True)


def test_there_are_never_more_rows_than_may_be(workspace: Workspace) -> None:
    found = ask(workspace, "from range(5000)", 1_000_000)
    assert (len(found.rows), found.more) == (1000, True)


def test_files_are_not_read(workspace: Workspace) -> None:
    profile = workspace.root / "profiles.yml"
    assert refused(workspace, f"from read_text('{profile}')").code == "SP711"
    for format in asking.FORMATS:
        with pytest.raises(SqlpipeError):
            save(workspace, f"from read_text('{profile}')", format)


def test_where_nothing_has_been_built_that_is_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.orders", "", "select 1 as id")
    assert refused(shop.open(), "select 1").code == "SP501"


def test_a_query_that_takes_too_long_is_stopped(workspace: Workspace) -> None:
    began = time.monotonic()
    found = refused(workspace, FOREVER, seconds=0.3)
    assert time.monotonic() - began < 5
    assert (found.code, found.message) == ("SP712", "the query was stopped after 0.3 s")
    recursive = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    assert refused(workspace, recursive, seconds=0.3).code == "SP712"
    assert ask(workspace, "select 1").rows == [(1,)]


def test_only_so_many_are_answered_at_once(workspace: Workspace) -> None:
    with ThreadPoolExecutor(asking.MOST_AT_ONCE) as pool:
        going_on = [pool.submit(refused, workspace, FOREVER, 1.5) for _ in range(asking.MOST_AT_ONCE)]
        end = time.monotonic() + 5
        while asking._ROOM.acquire(blocking=False):
            asking._ROOM.release()
            assert time.monotonic() < end
            time.sleep(0.01)
        assert refused(workspace, "select 1").code == "SP713"
        assert {each.result().code for each in going_on} == {"SP712"}
    assert ask(workspace, "select 1").rows == [(1,)]


def test_what_is_wrong_gives_its_place_back(workspace: Workspace) -> None:
    for _ in range(3 * asking.MOST_AT_ONCE):
        assert refused(workspace, "select nope from marts.orders").code == "SP505"
    assert ask(workspace, "select 1").rows == [(1,)]


def test_many_threads_ask_after_one_another(workspace: Workspace) -> None:
    def asked(number: int) -> list[tuple[object, ...]]:
        codes: set[str] = set()
        while codes <= {"SP713"}:
            try:
                return ask(workspace, f"select {number} + id from marts.orders where id = 1").rows
            except SqlpipeError as error:
                codes |= {each.code for each in error.diagnostics}
            time.sleep(0.01)
        raise AssertionError(codes)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(asked, range(24))) == [[(number + 1,)] for number in range(24)]


def test_the_database_that_a_run_has_open_is_asked_through_it(workspace: Workspace) -> None:
    with equipped(workspace, journal := _journal(workspace), Clock()) as shop:
        assert shop.hall.enter(workspace.now)
        assert refused(workspace, "select 1").code == "SP502"
        lent = replace(workspace, lend=shop.hall.lend)
        assert ask(lent, "select count(*) from marts.orders").rows == [(2,)]
        # It may be written there, but not by who asks.
        assert refused(lent, "delete from marts.orders").code == "SP711"
    journal.close()


def _journal(workspace: Workspace) -> Book:
    return open_book(str(workspace.root / "journal.db"), "shop")


QUERY = """
select id, name, sum::decimal(4, 2) as sum, [1.5::decimal(2, 1), null] as list, {'a': 'x, "y"'} as struct,
    date '2024-02-29' as day, 'a'::blob as bytes, 'nan'::double as nothing, true as yes, id as id
from marts.orders order by id
"""


def test_json_is_a_list_of_objects(workspace: Workspace) -> None:
    saved = save(workspace, QUERY, "json")
    assert (saved.media, saved.name, saved.more) == ("application/json", "query.json", False)
    first, second = json.loads(saved.content)
    assert first == {
        "id": 1, "name": "ann", "sum": 1.5, "list": [1.5, None], "struct": {"a": 'x, "y"'}, "day": "2024-02-29",
        "bytes": "61", "nothing": None, "yes": True, "id_1": 1,
    }  # fmt: skip
    assert (second["name"], second["sum"]) == (None, 2.25)


def test_csv_has_a_head(workspace: Workspace) -> None:
    saved = save(workspace, QUERY, "csv")
    head, first, second = csv.reader(io.StringIO(saved.content.decode()))
    assert head[:3] == ["id", "name", "sum"]
    assert first == ["1", "ann", "1.50", "[1.5, null]", '{"a": "x, \\"y\\""}', "2024-02-29", "61", "nan", "true", "1"]
    assert second[1] == ""


def test_parquet_is_read_again(workspace: Workspace, tmp_path: Path) -> None:
    saved = save(workspace, QUERY, "parquet")
    path = tmp_path / "back.parquet"
    path.write_bytes(saved.content)
    with duckdb.connect() as db:
        found = db.execute(f"select id, name, sum, day::varchar from read_parquet('{path}')").fetchall()
    assert [row[:2] for row in found] == [(1, "ann"), (2, None)]
    assert list(workspace.root.glob("*.parquet")) == [path]


def test_a_file_is_cut_and_says_so(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MOST_SAVED", 10)
    saved = save(workspace, "from range(11)", "json")
    assert (len(json.loads(saved.content)), saved.more) == (10, True)
    monkeypatch.setattr(asking, "MOST_BYTES", 1000)
    with pytest.raises(SqlpipeError) as caught:
        save(workspace, "select repeat('x', 999) from range(9)", "csv")
    assert caught.value.diagnostics[0].code == "SP712"


def test_secrets_are_not_told(workspace: Workspace) -> None:
    keep_secret(["open-sesame-77"])
    for format in ("csv", "json"):
        text = save(workspace, "select 'the word is open-sesame-77' as said", format).content.decode()
        assert "open-sesame" not in text
        assert MASK in text
