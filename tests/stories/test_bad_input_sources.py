"""Sources that cannot be read, or are not what they were: nothing of a load is kept, nothing that was held is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest

from tests.stories.bad_project import FILES, Shop

Golden = Callable[[str, str], None]

ORDERS = "models/raw/orders.sql"
PARQUET = "/* sqlpipe\nkind: ingest\nfrom: landing/o-*.parquet\nkey: id\n*/\nselect * from source\n"
PEOPLE = "/* sqlpipe\nkind: ingest\nfrom: crm\ncursor: full\nkey: id\ndeletes: hard\n*/\nselect * from people\n"


def parquet(rows: str) -> bytes:
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"copy ({rows}) to '{folder}/rows.parquet'")
        return Path(folder, "rows.parquet").read_bytes()


FIRST = parquet("select 1 as id, '2026-01-01' as day, 7 as person, 10 as amount")

FILE_CASES: Mapping[str, tuple[Mapping[str, str | bytes], Mapping[str, str | bytes]]] = {
    "parquet_corrupt": ({}, {"landing/o-2.parquet": b"PAR1 this is none PAR1"}),
    "parquet_other_columns": (
        {},
        {"landing/o-2.parquet": parquet("select 3 as id, '2026-01-02' as day, 'Ann' as person")},
    ),
    "csv_column_gone": ({}, {"landing/orders-2.csv": "id,day,person\n3,2026-01-02,9\n"}),
    "csv_other_type": ({}, {"landing/orders-2.csv": "id,day,person,amount\n3,2026-01-02,9,lots\n"}),
    "csv_not_text": ({}, {"landing/orders-2.csv": b"\x00\xff\xfe\x00\x01"}),
    "csv_frozen": (
        {ORDERS: "/* sqlpipe\nkind: ingest\nfrom: landing/orders-*.csv\nkey: id\nschema: freeze\n*/\nfrom source\n"},
        {"landing/orders-2.csv": "id,day,person,amount,colour\n3,2026-01-02,9,1,red\n"},
    ),
    "csv_keys": (
        {},
        {"landing/orders-2.csv": "id,day,person,amount\n3,2026-01-02,9,1\n3,2026-01-02,9,1\n,2026-01-02,9,1\n"},
    ),
}


@pytest.mark.parametrize("name", FILE_CASES)
def test_files_that_cannot_be_loaded(name: str, tmp_path: Path, golden: Golden) -> None:
    before, after = FILE_CASES[name]
    first: dict[str, str | bytes] = {ORDERS: PARQUET, "landing/o-1.parquet": FIRST}
    own = first if name.startswith("parquet") else {}
    shop = Shop.make(tmp_path / "shop", {**FILES, **own, **before}).built()
    shop.write(after)
    golden(f"bad_input/{name}.txt", shop.refuse().text)
    shop.remove(*after)
    assert "nothing to do" in shop.built().call("run").out


def test_no_file_at_all(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    shop.remove("landing/orders-1.csv")
    golden("bad_input/no_files.txt", shop.refuse().text)


def test_folders_and_broken_links_are_no_files(tmp_path: Path) -> None:
    shop = Shop.make(tmp_path / "shop").built()
    (shop.root / "landing" / "orders-2.csv").mkdir()
    (shop.root / "landing" / "orders-3.csv").symlink_to("/no/such/file.csv")
    assert "nothing to do" in shop.call("run").out


HOOK = """
import sqlpipe.source.files as files

{name} = files.{name}


def meddle(root, *arguments, **options):
    {deed}
    return {name}(root, *arguments, **options)


files.{name} = meddle
"""


def meddled(shop: Shop, name: str, deed: str) -> None:
    """Have something done to the files when the run comes to a function of `source.files`."""
    shop.write({"hooks/sitecustomize.py": HOOK.format(name=name, deed=deed)})
    shop.environ["PYTHONPATH"] = f"{shop.environment()['PYTHONPATH']}:{shop.root / 'hooks'}"


def test_a_file_that_changes_while_it_is_read(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop").built()
    shop.write({"landing/orders-2.csv": "id,day,person,amount\n3,2026-01-02,9,1\n"})
    meddled(shop, "refuse_changed", "(root / 'landing/orders-2.csv').open('a').write('4,2026-01-02,9,2\\n')")
    golden("bad_input/file_changed.txt", shop.refuse().text)
    del shop.environ["PYTHONPATH"]
    shop.built()
    assert shop.query("select id from raw.orders order by id") == [(1,), (2,), (3,), (4,)]


def test_a_file_that_vanishes_once_it_is_listed(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop").built()
    shop.write({"landing/orders-2.csv": "id,day,person,amount\n3,2026-01-02,9,1\n"})
    meddled(shop, "reader", "(root / 'landing/orders-2.csv').unlink()")
    golden("bad_input/file_vanished.txt", shop.refuse().text)


def crm(shop: Shop, *statements: str) -> None:
    with closing(sqlite3.connect(shop.root / "crm.db")) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()


TYPE_CHANGED = (
    "create table other (id integer, name text, age text)",
    "insert into other select id, name, 'about ' || age from people",
    "drop table people",
    "alter table other rename to people",
)
SQLITE_CASES: Mapping[str, tuple[str, ...]] = {
    "sqlite_too_many_deletions": ("delete from people where id > 1",),
    "sqlite_everything_gone": ("delete from people",),
    "sqlite_keys": ("insert into people values (1, 'Ann', 40), (null, 'Bob', 41)",),
    "sqlite_other_type": TYPE_CHANGED,
    "sqlite_column_gone": ("alter table people drop column name",),
    "sqlite_table_gone": ("drop table people",),
}


@pytest.fixture
def people(tmp_path: Path) -> Shop:
    """A project with an ingest from SQLite that has been built."""
    pytest.importorskip("adbc_driver_sqlite", reason="needs the extra `sqlite`")
    shop = Shop.make(tmp_path / "shop", {**FILES, "models/raw/people.sql": PEOPLE})
    crm(
        shop,
        "create table people (id integer, name text, age integer)",
        "insert into people values (1, 'Ann', 30), (2, 'Bob', 31), (3, 'Cy', 32), (4, 'Di', 33)",
    )
    return shop.built()


@pytest.mark.parametrize("name", SQLITE_CASES)
def test_databases_that_cannot_be_loaded(name: str, people: Shop, golden: Golden) -> None:
    crm(people, *SQLITE_CASES[name])
    golden(f"bad_input/{name}.txt", people.refuse().text)


def test_a_connection_without_its_file(people: Shop, golden: Golden) -> None:
    people.remove("crm.db")
    golden("bad_input/sqlite_missing.txt", people.refuse().text)
    assert not (people.root / "crm.db").exists()


def test_a_connection_that_is_no_database(people: Shop, golden: Golden) -> None:
    people.write({"crm.db": "id,name\n" * 500})
    golden("bad_input/sqlite_no_database.txt", people.refuse().text)


def test_a_source_that_another_program_writes_to(people: Shop, golden: Golden) -> None:
    with closing(sqlite3.connect(people.root / "crm.db")) as other:
        other.execute("begin exclusive")
        people.write({"models/raw/people.sql": PEOPLE.replace("deletes: hard", "deletes: hard\nretries: 0")})
        golden("bad_input/sqlite_locked.txt", people.refuse().text)
    assert "nothing to do" in people.built().call("run").out


def test_deletions_that_are_meant(people: Shop) -> None:
    crm(people, "delete from people where id > 1")
    people.refuse()
    people.write({"models/raw/people.sql": PEOPLE.replace("deletes: hard", "deletes: hard\nmax_deletes: 100%")})
    people.built()
    assert people.query("select id from raw.people") == [(1,)]


def test_a_driver_that_is_not_installed(people: Shop, golden: Golden) -> None:
    missing = "raise ImportError(\"No module named 'adbc_driver_manager'\")\n"
    people.write({"hooks/adbc_driver_manager/__init__.py": missing})
    people.environ["PYTHONPATH"] = f"{people.environment()['PYTHONPATH']}:{people.root / 'hooks'}"
    golden("bad_input/driver_missing.txt", people.refuse().text)
    assert 'pip install "sqlpipe[sqlite]"' in people.call("doctor").out
