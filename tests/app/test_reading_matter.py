"""What a page shows of a node's text: all of it, and the tables that it names lead to their nodes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from sqlpipe.app.reading_matter import SourceText, rendered_of, source_of
from sqlpipe.load.secret import keep_secret
from tests.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.model("raw.orders", "kind: ingest\nfrom: data/*/x*.csv", "")
    made.model("raw.lines", "kind: ingest\nfrom: data/*.csv", "select * from source where quantity > 0")
    made.model("staging.orders", "", "select * from raw.orders")
    return made


def read(shop: Shop, name: str) -> SourceText:
    workspace = shop.open()
    return whole(source_of(workspace, workspace.graph.nodes[name]))


def rendered(shop: Shop, name: str) -> SourceText | None:
    workspace = shop.open()
    found = rendered_of(workspace, workspace.graph.nodes[name])
    return whole(found) if found else None


def whole(found: SourceText) -> SourceText:
    """The text, of which nothing is missing in its words."""
    assert "".join(found.text[each.start : each.end] for each in found.words) == found.text
    assert all(before.end == after.start for before, after in pairwise(found.words))
    return found


def links(found: SourceText | None) -> list[tuple[str, str]]:
    assert found is not None
    return [(found.text[each.start : each.end], each.link) for each in found.words if each.link]


def test_names_of_tables_lead_to_their_nodes(shop: Shop) -> None:
    shop.model(
        "marts.sales",
        "kind: table\ndescription: from raw.lines",
        "-- from raw.lines\nwith lines as (select * from raw . lines)\n"
        "select orders.id, 'raw.lines' from \"Staging\".orders join lines using (id), raw.orders as o where o.lines",
    )
    found = read(shop, "marts.sales")
    assert (found.path, found.language) == ("models/marts/sales.sql", "sql")
    assert found.text == (shop.root / found.path).read_text(encoding="utf-8")
    assert links(found) == [
        ("raw . lines", "raw.lines"),
        ('"Staging".orders', "staging.orders"),
        ("raw.orders", "raw.orders"),
    ]
    assert found.words[0].kind == "comment"
    assert found.text[: found.words[0].end].endswith("*/\n")


def test_a_header_that_ends_in_the_line_of_the_query_moves_nothing(shop: Shop) -> None:
    shop.write("models/marts/one.sql", "/* sqlpipe\nkind: table */ select *\nfrom raw.orders, lines\n")
    found = read(shop, "marts.one")
    assert links(found) == [("raw.orders", "raw.orders"), ("lines", "raw.lines")]
    assert found.text[: found.words[0].end].endswith("*/")


def test_a_pattern_in_the_header_does_not_end_it(shop: Shop) -> None:
    found = read(shop, "raw.orders")
    assert [each.kind for each in found.words if found.text[each.start : each.end].strip()] == ["comment"]
    assert links(read(shop, "raw.lines")) == []


def test_where_a_template_moves_the_query_names_are_enough(shop: Shop) -> None:
    shop.model(
        "marts.sales",
        "",
        "{% set a = 1 %}with raw_lines as (select 1), orders as (select * from {{ ref('lines') }})\n"
        "select orders.id, {{ a }} from raw.orders join orders on true join raw_lines on true "
        "join {{ source('staging', 'orders') }} as s on true",
    )
    assert links(read(shop, "marts.sales")) == [
        ("{{ ref('lines') }}", "raw.lines"),
        ("raw.orders", "raw.orders"),
        ("{{ source('staging', 'orders') }}", "staging.orders"),
    ]


def test_a_name_on_its_own_is_a_table_only_where_tables_stand(shop: Shop) -> None:
    shop.model("marts.sales", "", "{% if true %}select lines.id, lines from lines{% endif %} as l")
    assert links(read(shop, "marts.sales")) == [("lines", "raw.lines")]


def test_a_file_that_was_edited_since_is_shown_as_it_is(shop: Shop) -> None:
    shop.model("marts.sales", "", "select * from raw.lines")
    workspace = shop.open()
    shop.model("marts.sales", "", "-- new\nselect 'not closed from raw.lines")
    found = whole(source_of(workspace, workspace.graph.nodes["marts.sales"]))
    assert "not closed" in found.text
    assert links(found) == []
    shop.model("marts.sales", "", "select  1 as x from raw.lines")
    assert links(source_of(workspace, workspace.graph.nodes["marts.sales"])) == [("raw.lines", "raw.lines")]
    (shop.root / "models/marts/sales.sql").unlink()
    assert whole(source_of(workspace, workspace.graph.nodes["marts.sales"])).text == ""


def test_secrets_are_hidden_and_links_stay(shop: Shop) -> None:
    shop.model("marts.sales", "", "select 'q9-reading-secret' as x from raw.lines")
    keep_secret(["q9-reading-secret"])
    for found in (read(shop, "marts.sales"), rendered(shop, "marts.sales")):
        assert found is not None
        assert "q9-reading-secret" not in found.text
        assert "'•••' as x" in found.text
        assert links(found) == [("raw.lines", "raw.lines")]


def test_lines_may_end_as_on_windows(shop: Shop) -> None:
    file = shop.root / "models/marts/sales.sql"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\xef\xbb\xbf/* sqlpipe\r\nkind: table\r\n*/\r\nselect *\r\nfrom lines\r\n")
    found = read(shop, "marts.sales")
    assert links(found) == [("lines", "raw.lines")]
    assert "\r" not in found.text


def test_rendered_sql_names_the_tables_of_what_is_embedded(shop: Shop) -> None:
    shop.model("parts.clean", "kind: embedded", "select * from lines")
    shop.model("marts.sales", "", "select * from parts.clean join staging.orders using (id)")
    found = rendered(shop, "marts.sales")
    assert found is not None
    assert (found.path, found.language) == ("", "sql")
    assert links(found) == [('"raw"."lines"', "raw.lines"), ("staging.orders", "staging.orders")]


def test_the_sql_of_a_page_has_links_and_what_it_calls_its_own_blocks_has_none(shop: Shop) -> None:
    text = (
        "# From raw.lines\n\n```sql orders\nselect * from staging.orders\n```\n\n"
        "```sql top\nselect * from orders join lines using (id)\n```\n\n```chart\ndata: top\ntable: {}\n```\n"
    )
    shop.write("dashboards/sales.md", text)
    found = read(shop, "dashboards.sales")
    assert (found.language, found.text) == ("markdown", text)
    assert links(found) == [("staging.orders", "staging.orders"), ("lines", "raw.lines")]
    assert rendered(shop, "dashboards.sales") is None


def test_of_two_tables_of_one_name_the_one_beside_the_reader_is_meant(shop: Shop) -> None:
    shop.model("staging.both", "", "{% if true %}select * from orders, raw.orders as r{% endif %}")
    assert links(read(shop, "staging.both")) == [("orders", "staging.orders"), ("raw.orders", "raw.orders")]


def test_what_has_no_sql_has_no_rendered_sql(shop: Shop) -> None:
    shop.write("seeds/countries.csv", "code\nNL\n")
    shop.write("seeds/regions.csv", "code\nEU\n")
    shop.write("seeds/regions.yml", "description: regions\n")
    shop.write("tasks/mail.yml", "bash: echo hello\n")
    shop.write("tasks/tidy.yml", "sql: delete from staging.log where old\n")
    shop.write("models/marts/py.py", "def model(raw__orders):\n    return raw__orders\n")
    assert (read(shop, "seeds.countries").language, read(shop, "seeds.countries").text) == ("text", "")
    regions = read(shop, "seeds.regions")
    assert (regions.path, regions.language, regions.text) == ("seeds/regions.yml", "yaml", "description: regions\n")
    assert read(shop, "tasks.mail").text == "bash: echo hello\n"
    assert read(shop, "marts.py").language == "python"
    for name in ("seeds.countries", "tasks.mail", "marts.py"):
        assert rendered(shop, name) is None
    tidy = rendered(shop, "tasks.tidy")
    assert tidy is not None
    assert tidy.text == "delete from staging.log where old"
