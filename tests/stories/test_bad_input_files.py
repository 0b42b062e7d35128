"""Mistakes that are found by reading the project: each is a frame, all are told at once, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.stories.bad_project import FILES, Shop

Golden = Callable[[str, str], None]

WIDE = ", ".join(f"id + {number} as c{number}" for number in range(3000))
DAILY = "models/marts/daily.sql"
PEOPLE = "/* sqlpipe\nkind: ingest\nfrom: {connection}\ncursor: full\nkey: id\n*/\nselect * from people\n"

# What is wrong: the files that say it, and the exit code.
CASES: Mapping[str, tuple[Mapping[str, str | bytes], int]] = {
    "yaml_in_a_header": (
        {DAILY: "/* sqlpipe\nkind: table\nchecks:\n  - expression: amount: > 0\n*/\nselect 1 as a\n"},
        1,
    ),
    "yaml_with_a_tab": ({DAILY: "/* sqlpipe\nkind: table\nchecks:\n\t- unique: day\n*/\nselect 1 as day\n"}, 1),
    "yaml_of_the_project": ({"sqlpipe.yml": "name: shop\nvars: {a: 1\n"}, 1),
    "yaml_of_the_profiles": ({"profiles.yml": "shop:\n  outputs:\n  dev: {type: duckdb\n"}, 2),
    "everything_at_once": (
        {
            "sqlpipe.yml": "name: shop\nvarz: {}\n",
            DAILY: "/* sqlpipe\nkind: table\ndescripton: sums\ntags: {a: b}\n*/\nselect 1 as day\n",
            "models/marts/b.sql": "select id, from staging.orders where\n",
            "models/marts/c.sql": "select id from staging.ordrs\n",
            "models/marts/d.sql": "select o.amuont,\n  o.day\nfrom staging.orders as o\n",
        },
        1,
    ),
    "header_not_at_the_top": ({DAILY: "select 1 as id\n/* sqlpipe\nkind: table\n*/\n"}, 1),
    "header_without_end": ({DAILY: "/* sqlpipe\nkind: table\nselect 1 as id\n"}, 1),
    "unknown_kind": ({DAILY: "/* sqlpipe\nkind: tabel\n*/\nselect 1 as id\n"}, 1),
    "ambiguous_name": ({DAILY: "select * from orders\n"}, 1),
    "two_files_with_one_name": ({"models/marts/finance/Daily.sql": "select 1 as a\n"}, 1),
    "cycle": (
        {
            "models/marts/a.sql": "select b.id\nfrom marts.b\n",
            "models/marts/b.sql": "/* sqlpipe\nkind: table\n*/\nselect *\nfrom c\n",
            "models/marts/c.sql": "{% if true %}\nselect * from marts.a\n{% endif %}\n",
        },
        1,
    ),
    "reads_itself": ({DAILY: "select * from marts.daily\n"}, 1),
    "no_such_target": ({"profiles.yml": "shop:\n  target: prd\n  outputs:\n    dev: {type: duckdb, path: x.db}\n"}, 2),
    "no_such_profile": ({"sqlpipe.yml": "name: sohp\n"}, 2),
    "variables_missing_in_profiles": (
        {
            "profiles.yml": "shop:\n  outputs:\n    dev:\n      type: duckdb\n      path: ${SHOP_DB}\n"
            "      settings: {custom_user_agent: '${SHOP_AGENT}'}\n"
        },
        2,
    ),
    "variable_missing_in_a_model": ({DAILY: "select 1 as a,\n  '{{ env_var(\"SHOP_NAME\") }}' as shop\n"}, 1),
    "unknown_connections": (
        {
            "models/raw/people.sql": PEOPLE.format(connection="cmr"),
            "models/raw/visits.sql": PEOPLE.format(connection="web"),
        },
        1,
    ),
    "missing_column_in_checks": (
        {
            DAILY: "/* sqlpipe\nkind: table\nchecks:\n  - unique: dya\n  - not_null: [day, amuont]\n*/\n"
            "select day, sum(amount) as amount from staging.orders group by day\n"
        },
        1,
    ),
    "checks_that_cannot_be": (
        {
            DAILY: "/* sqlpipe\nkind: table\nchecks:\n  - range: {column: amount, max: 15}\n    tolerance: lots\n"
            "  - uniqe: day\n  - unique\n  - severity: warn\n  - expression: amount <\n*/\nselect 1 as day\n"
        },
        1,
    ),
    "empty_file": ({DAILY: ""}, 1),
    "comments_only": ({DAILY: "-- nothing here\n/* nor here */\n"}, 1),
    "two_statements": ({DAILY: "select 1 as a;\nselect 2 as b;\n"}, 1),
    "no_query": ({DAILY: "create table x as select 1 as a;\n"}, 1),
    "python_syntax": ({"models/marts/py.py": "def model(daily):\n    return (\n"}, 1),
    "unusual_texts": (
        {
            "models/marts/crlf.sql": "/* sqlpipe\r\nkind: table\r\n*/\r\nselect o.day,\r\n  o.nmae\r\n"
            "from staging.orders as o\r\n",
            "models/marts/bom.sql": b"\xef\xbb\xbfselect o.nmae from staging.orders as o\n",
            "models/marts/tabs.sql": "select\n\to.id,\t\to.nmae\nfrom staging.orders as o\n",
            "models/marts/wide.sql": "select '日本語' as a, o.nmae as ü from staging.orders as o\n",
            "models/marts/long.sql": f"select {WIDE}, nmae from staging.orders\n",
            "models/marts/latin.sql": "select 'ü' as a\n".encode("latin-1"),
            "models/marts/utf16.sql": "select 1 as a\n".encode("utf-16-le"),
            "models/marts/nul.sql": b"select 1\x00 as a\n",
        },
        1,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mistake_is_told_and_nothing_is_written(name: str, tmp_path: Path, golden: Golden) -> None:
    files, code = CASES[name]
    shop = Shop.make(tmp_path / "shop", {**FILES, **files})
    told = shop.call("run")
    golden(f"bad_input/{name}.txt", told.text)
    assert told.code == code
    assert {each.name for each in shop.root.iterdir()} <= {*(path.split("/")[0] for path in FILES), ".sqlpipe"}


def test_no_project_tells_where_it_looked(tmp_path: Path, golden: Golden) -> None:
    told = Shop(tmp_path).call("run")
    lines = [line for line in told.text.splitlines() if "looked" not in line or "/shop" in line]
    golden("bad_input/no_project.txt", "\n".join(lines) + "\n")
    assert told.code == 2
    assert "looked for /sqlpipe.yml" in told.err


def test_an_empty_project(tmp_path: Path, golden: Golden) -> None:
    golden("bad_input/empty_project.txt", Shop.make(tmp_path, {"sqlpipe.yml": "name: shop\n"}).call("run").text)


def test_a_missing_profile_tells_every_place_that_was_looked_in(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    shop.remove("profiles.yml")
    golden("bad_input/no_profiles.txt", shop.call("run", "--target", "prd").text)
    golden("bad_input/no_profiles_there.txt", shop.call("run", "--profiles", "/no/such/profiles.yml").text)


def test_an_error_spares_what_was_built_before(tmp_path: Path) -> None:
    shop = Shop.make(tmp_path / "shop").built()
    shop.write({DAILY: "select o.amuont from staging.orders as o\n"})
    assert "unknown column `amuont`" in shop.refuse().err


def test_texts_of_all_kinds_run(tmp_path: Path) -> None:
    description = "".join(f"  line {number} of a long story\n" for number in range(20_000))
    shop = Shop.make(tmp_path / "shop")
    shop.write(
        {
            "models/marts/crlf.sql": "/* sqlpipe\r\nkind: table\r\n*/\r\nselect day\r\nfrom staging.orders\r\n",
            "models/marts/bom.sql": b"\xef\xbb\xbf/* sqlpipe\nkind: table\n*/\nselect 1 as a\n",
            "models/marts/ending.sql": "select 1 as a;  -- the end\n/* indeed */ ;\n",
            "models/marts/huge.sql": f"/* sqlpipe\nkind: table\ndescription: |\n{description}*/\nselect 1 as a\n",
            "models/marts/wide.sql": f"select {WIDE} from staging.orders\n",
            "sqlpipe.yml": b"\xef\xbb\xbfname: shop\r\n",
        }
    )
    told = shop.built().call("run")
    assert "nothing to do: 8 models are up to date" in told.out
