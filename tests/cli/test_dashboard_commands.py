"""What the commands say of dashboards, which a run passes over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result  # noqa: TC002 - as everywhere in the tests

from sqlpipe.app.serving import state_of
from tests.cli.fake_app import invoke
from tests.shop import Shop

PAGE = """---
description: where they are
tags: [ops]
filters: {who: {search: true}}
---
```sql all
select name, id from marts.total, raw.people
```
```sql one
select id from all where :who is null
```
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write("sqlpipe.yml", "name: shop\nsources: {raw.people: those we know}\n")
    made.model("staging.one", "kind: embedded", "select 1 as id")
    made.model("marts.total", "kind: table", "select id from staging.one")
    made.write("dashboards/people.md", PAGE.replace("all", "whole"))
    made.write("dashboards/ops/empty.md", "Nothing yet.\n")
    return made


def called(shop: Shop, *words: str, code: int = 0) -> Result:
    result = invoke(*words, "-C", str(shop.root))
    assert result.exit_code == code, result.output
    return result


def lines(shop: Shop, *words: str) -> list[str]:
    return called(shop, *words).stdout.splitlines()


def test_check_counts_them(shop: Shop) -> None:
    assert lines(shop, "check") == ["2 models, 1 source, 2 dashboards: no errors"]
    found = json.loads(called(shop, "check", "--json").stdout)
    assert (found["models"], found["dashboards"]) == (2, 2)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("kind:dashboard", ["dashboards.empty", "dashboards.people"]),
        ("path:dashboards/ops", ["dashboards.empty"]),
        ("tag:ops", ["dashboards.people"]),
        ("+dashboards.people", ["raw.people", "staging.one", "marts.total", "dashboards.people"]),
        ("marts.total+", ["marts.total", "dashboards.people"]),
    ],
)
def test_they_are_selected_like_all_nodes(shop: Shop, words: str, names: list[str]) -> None:
    assert sorted(lines(shop, "list", "-q", "-s", words)) == sorted(names)


def test_lists_and_lineage_show_them(shop: Shop) -> None:
    assert "dashboards.people   dashboard   #ops  where they are" in lines(shop, "list")
    (found,) = json.loads(called(shop, "list", "-s", "people", "-x", "raw.people", "--json").stdout)
    assert (found["kind"], found["parents"]) == ("dashboard", ["marts.total", "raw.people"])
    assert "└─ dashboards.people   dashboard" in lines(shop, "lineage", "staging.one")[-1]


def test_a_run_has_no_step_for_them(shop: Shop) -> None:
    planned = json.loads(called(shop, "plan", "--json").stdout)
    assert [each["name"] for each in planned["steps"]] == ["marts.total"]
    told = called(shop, "run", "-s", "+dashboards.people").stdout
    assert "1 model " in told
    assert "dashboards." not in told
    assert "nothing to do" in called(shop, "run", "-s", "kind:dashboard").stdout
    assert "nothing to do" in called(shop, "run").stdout


def test_why_is_answered_plainly(shop: Shop) -> None:
    told = called(shop, "plan", "--why", "dashboards.people", code=2).stderr
    assert "a run has nothing to do for dashboards.people, which is of kind `dashboard`" in told
    (line,) = lines(shop, "why", "dashboards.people")
    assert line.endswith("never: its page reads its tables when it is looked at")


def test_render_prints_the_blocks_and_show_has_no_rows(shop: Shop) -> None:
    called(shop, "run")
    assert called(shop, "render", "dashboards.people").stdout == (
        "-- whole\nselect name, id from marts.total, raw.people;\n\n"
        '-- one\nwith "__whole" as (\nselect name, id from marts.total, raw.people\n'
        ') select id from "__whole" as "whole" where :who is null;\n'
    )
    assert called(shop, "render", "dashboards.empty").stdout == "\n"
    told = called(shop, "show", "dashboards.people", code=2).stderr
    assert "dashboards.people is a dashboard: it has no rows of its own" in told
    assert "`sqlpipe render dashboards.people` prints its queries" in told


def test_a_service_notices_a_new_page(shop: Shop) -> None:
    before = state_of(shop.root)
    shop.write("dashboards/new.md", "Text.")
    assert state_of(shop.root) != before
