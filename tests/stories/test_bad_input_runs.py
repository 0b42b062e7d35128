"""Mistakes that only a run finds: told at the line they come from, tables left as they were, the others built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from tests.stories.bad_project import FILES, GOLDEN_DUCKDB, ROOT, Shop, places

Golden = Callable[[str, str], None]

DAILY = "models/marts/daily.sql"
EMBEDDED = "models/marts/sums.sql"
PYTHON = "models/marts/py.py"


def table(body: str, settings: str = "") -> str:
    return f"/* sqlpipe\nkind: table\n{settings}*/\n{body}"


CASES: Mapping[str, Mapping[str, str | bytes]] = {
    "query_cast": {DAILY: table("select day,\n  cast('12,5' as integer) as amount\nfrom staging.orders\n")},
    "query_function": {DAILY: table("select day,\n\tno_such(amount) as amount\nfrom staging.orders\n")},
    "query_on_one_line": {DAILY: "select day, no_such(amount) as amount from raw.orders\n"},
    "query_in_jinja": {
        DAILY: table(
            "{% set columns = ['amount', 'person'] %}\nselect\n  {% for each in columns %}\n"
            "  cast({{ each }} || 'x' as integer) as {{ each }},\n  {% endfor %}\n  day\nfrom staging.orders\n"
        )
    },
    "query_below_embedded": {
        EMBEDDED: "/* sqlpipe\nkind: embedded\n*/\nselect day,\n  amount\nfrom staging.orders\n",
        DAILY: table("select day,\n  cast(day || 'x' as integer) as amount\nfrom sums\n"),
    },
    "query_in_embedded": {
        EMBEDDED: "/* sqlpipe\nkind: embedded\n*/\nselect day,\n  no_such(amount) as amount\nfrom staging.orders\n",
        DAILY: table("select day,\n  amount\nfrom sums\n"),
    },
    "query_after_a_bom": {DAILY: b"\xef\xbb\xbfselect day,\n  no_such(amount) as amount from raw.orders\n"},
    "python_raises": {
        PYTHON: "import math\n\n\ndef half(number):\n    return number / 0\n\n\ndef model(daily):\n    return half(1)\n"
    },
    "python_import": {PYTHON: "import no_such_module\n\n\ndef model(daily):\n    return daily\n"},
    "python_no_table": {PYTHON: "def model(daily):\n    return 42\n"},
    "python_nothing": {PYTHON: "def model(daily):\n    pass\n"},
    "python_exits": {PYTHON: "import sys\n\n\ndef model(daily):\n    sys.exit(4)\n"},
    "python_lazy": {PYTHON: "def model(daily):\n    return daily.project(\"cast(day || 'x' as integer) as a\")\n"},
    "check_unknown_column": {DAILY: table("select * from staging.orders\n", "checks:\n  - unique: dya\n")},
    "check_where": {
        DAILY: table(
            "select day from staging.orders\n", "checks:\n  - not_null: day\n  - not_null: day\n    where: dya > 1\n"
        )
    },
    "check_function": {
        DAILY: table("select day from staging.orders\n", "checks:\n  - not_null: day\n  - expression: no_such(day)\n")
    },
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop.make(
        tmp_path_factory.mktemp("built") / "shop", {**FILES, "models/other.sql": "select 1 as a\n"}
    ).built()


@pytest.mark.parametrize("name", CASES)
def test_the_mistake_is_told_at_its_line(name: str, built: Shop, tmp_path: Path, golden: Golden) -> None:
    shop = built.copy(tmp_path / "shop")
    shop.write(CASES[name])
    compare(golden, f"bad_input/{name}.txt", shop.refuse().text)


def compare(golden: Golden, name: str, text: str) -> None:
    """Compare with a golden text; with another DuckDB than the one it is of, codes and lines only."""
    if duckdb.__version__.startswith(GOLDEN_DUCKDB):
        golden(name, text)
    else:
        expected = ROOT / "tests" / "golden" / name
        assert places(text) == places(expected.read_text(encoding="utf-8"))


CHECKED = {
    DAILY: table(
        "select * from staging.orders\n",
        "checks:\n  - range: {column: amount, max: 15}\n  - unique: day\n    tolerance: 1\n",
    ),
    "models/marts/below.sql": table("select * from marts.daily\n"),
    "models/marts/beside.sql": table("select count(*) as orders from staging.orders\n"),
}


def test_a_failed_check_blocks_what_reads_the_table_and_nothing_else(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop", {**FILES, **CHECKED})
    shop.write({"landing/orders-1.csv": "id,day,person,amount\n1,2026-01-01,7,10\n"})
    shop.built()
    shop.write({"landing/orders-2.csv": "id,day,person,amount\n2,2026-01-01,8,20\n"})
    told = shop.call("run")
    golden("bad_input/check_fails.txt", told.text)
    assert told.code == 1
    assert shop.query("select id from marts.daily") == shop.query("select id from marts.below") == [(1,)]
    assert shop.query("select orders from marts.beside") == [(2,)]
    golden("bad_input/check_fails_rows.txt", shop.call("show", "marts.daily", "--failed").text)
    shop.refuse("run", "-s", "failed+")
    shop.write({DAILY: CHECKED[DAILY].replace("15", "25")})
    assert shop.call("run", "-s", "failed+").code == 0
    assert shop.query("select count(*) from marts.below") == [(2,)]
    assert "nothing to do" in shop.call("run").out


def test_a_check_that_fails_at_once_leaves_no_table(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop", {**FILES, **CHECKED})
    golden("bad_input/check_fails_at_once.txt", shop.call("run").text)
    assert "marts.daily" not in shop.tables()


def test_tolerance_and_where(tmp_path: Path, golden: Golden) -> None:
    checks = """checks:
  - range: {column: amount, max: 15}
    tolerance: 50%
  - range: {column: amount, max: 5}
    tolerance: 1
    where: id > 1
  - range: {column: amount, max: 5}
    tolerance: 1
  - expression: amount < 15
    severity: warn
  - accepted_values: {column: person, values: [7]}
  - row_count: {min: 10}
"""
    shop = Shop.make(tmp_path / "shop", {**FILES, DAILY: table("select * from staging.orders\n", checks)})
    golden("bad_input/check_tolerance.txt", shop.call("run").text)


def test_a_table_that_is_not_ours_is_spared(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    shop.change("create schema marts", "create table marts.daily as select 'mine' as a")
    told = shop.call("run")
    golden("bad_input/not_ours.txt", told.text)
    assert told.code == 1
    assert shop.query("from marts.daily") == [("mine",)]


NAMES: Mapping[str, str | bytes] = {
    "models/marts/order.sql": "select * from staging.orders\n",
    "models/select/from.sql": table(
        'select amount as "select" from marts."order"\n', "checks:\n  - not_null: select\n"
    ),
    "models/marts/my table.sql": table('select * from "select"."from"\n'),
    'models/marts/Über "q" it\'s.sql': "/* sqlpipe\nkind: incremental\ntime: day\n*/\nselect * from staging.orders\n",
    "models/my schema/a.b.sql": table('select * from marts."my table"\n'),
}


def test_names_of_all_kinds(tmp_path: Path) -> None:
    shop = Shop.make(tmp_path / "mein Projekt ä 'x' \"y\" [z]*", {**FILES, **NAMES}).built()
    assert "nothing to do: 8 models are up to date" in shop.call("run").out
    for name in ("marts.order", "select.from", "marts.my table", "my schema.a.b", 'marts.Über "q" it\'s'):
        assert shop.call("show", name).code == 0
        assert shop.call("lineage", name).code == 0
        told = shop.call("run", "--full-refresh", "-s", name)
        assert "1 built" in told.out, told.text
    assert shop.query('select "select" from "my schema"."a.b" order by 1') == [(10,), (20,)]


CANARY = "canary-4711-xyzzy"
SECRETS: Mapping[str, str | bytes] = {
    "profiles.yml": """shop:
  outputs:
    dev: {type: duckdb, path: shop.duckdb, threads: 1, settings: {custom_user_agent: '${SHOP_SECRET}'}}
""",
    DAILY: table(
        "select '{{ env_var(\"SHOP_SECRET\") }}' as token, day\nfrom staging.orders\n", "checks: [unique: token]\n"
    ),
    "models/marts/cast.sql": table("select cast('{{ env_var(\"SHOP_SECRET\") }}' as integer) as a\n"),
    "models/marts/name.sql": table(
        "select \"{{ env_var('SHOP_SECRET') }}\" as a\nfrom staging.orders as o, raw.orders\n"
    ),
}


def test_no_secret_is_told_or_kept(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop", {**FILES, **SECRETS}, environ={"SHOP_SECRET": CANARY})
    broken = [shop.call(*each.split()) for each in ("check", "run --json")]
    shop.write({"models/marts/name.sql": "select \"{{ env_var('SHOP_SECRET') }}\" as a from raw.orders as o\n"})
    broken.append(shop.call("run"))
    shop.remove("models/marts/name.sql")
    calls = ("run", "run --json", "plan", "plan --json", "plan -v", "check", "doctor", "doctor --json", "list --json",
             "render marts.daily", "render marts.cast", "show marts.daily --failed", "lineage marts.daily")  # fmt: skip
    told = {each: shop.call(*each.split()) for each in calls}
    assert not [each.text for each in (*broken, *told.values()) if CANARY in each.text]
    compare(golden, "bad_input/secret.txt", told["run"].text + told["render marts.daily"].text)
    assert CANARY not in (shop.root / ".sqlpipe" / "cache.json").read_text()
    for (name,) in shop.query("select table_name from duckdb_tables() where schema_name = '_sqlpipe'"):
        assert CANARY not in str(shop.query(f"from _sqlpipe.{name}"))


def test_a_secret_survives_the_cache(tmp_path: Path) -> None:
    model = "select '{{ env_var(\"SHOP_SECRET\") }}' as token\n"
    shop = Shop.make(tmp_path / "shop", {**FILES, DAILY: table(model)}, environ={"SHOP_SECRET": CANARY})
    shop.call("check")
    shop.built()
    assert shop.query("select token from marts.daily") == [(CANARY,)]
