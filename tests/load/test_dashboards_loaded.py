"""Dashboards: what their pages become, and what survives in the cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pytest

from sqlpipe.domain.dashboard import (
    Dashboard,
    DateRange,
    Figure,
    Filter,
    Heat,
    Map,
    Mark,
    Panel,
    Prose,
    Rows,
    Search,
    Select,
    Series,
    TableColumn,
    Vega,
)
from sqlpipe.domain.project import Node
from sqlpipe.graph.dag import build
from sqlpipe.load import project as loading
from sqlpipe.plan.compile import compile_block

Make = Callable[[Mapping[str, str | bytes]], Path]

MODELS: dict[str, str | bytes] = {
    "models/marts/weekly.sql": "select 1 as week, 'AA' as carrier, 2.5 as delay, date '2013-01-01' as day",
    "models/marts/places.sql": "/* sqlpipe\nkind: embedded\n*/\nselect 'JFK' as name, 40.6 as lat, -73.8 as lon",
}
BLOCK = "```sql weekly\nselect week, carrier, delay, day from marts.weekly\n```\n"


def page(make: Make, text: str, **more: str | bytes) -> Node:
    """The node of a page, loaded twice: from its text, and from the cache."""
    root = make({**MODELS, "dashboards/ops/late_flights.md": text, **more})
    first = loading.load(root, environ={})
    again = loading.load(root, environ={})
    assert again == first
    return again.nodes["dashboards.late_flights"]


def kind(node: Node) -> Dashboard:
    assert isinstance(node.kind, Dashboard)
    return node.kind


def mark(make: Make, written: str) -> Mark:
    (panel,) = kind(page(make, f"{BLOCK}```chart\n{written}\n```")).content
    assert isinstance(panel, Panel)
    return panel.mark


def filters(make: Make, written: str) -> tuple[Filter, ...]:
    sql = "```sql carriers\nselect carrier, week from marts.weekly where :a is null or :a_start < :a_end\n```\n"
    asked = sql.replace(":a_start < :a_end", "true") if "dates" not in written else sql.replace(":a is null or ", "")
    return kind(page(make, f"---\nfilters:\n  a: {written}\n---\n{asked}")).filters


def test_a_page_from_top_to_bottom(make: Make) -> None:
    text = (
        "---\ntitle: Delays\ndescription: how late\ntags: [ops, daily]\n---\n\n# Late\n\nSome *text*.\n\n"
        f"{BLOCK}```chart\ntitle: By week\nline: {{x: week, y: delay}}\n"
        "width: two thirds\nheight: 300\nnote: own\n```\n"
        "More.\n\n```python\nprint('```sql')\n```\n"
    )
    node = page(make, text)
    found = kind(node)
    assert (found.title, node.description, node.tags) == ("Delays", "how late", frozenset({"ops", "daily"}))
    assert found.content == (
        Prose("# Late\n\nSome *text*."),
        Panel("weekly", Series("line", "week", ("delay",)), "By week", "own", 8, 300),
        Prose("More.\n\n```python\nprint('```sql')\n```"),
    )
    block = found.blocks["weekly"]
    assert (block.line, block.parents, block.lines) == (12, ("marts.weekly",), ())
    assert text.split("\n")[block.line - 1] == block.sql
    assert (node.kind_name, node.path, node.query) == ("dashboard", "dashboards/ops/late_flights.md", None)
    assert [each.key for each in node.parents] == ["marts.weekly"]


def test_everything_may_be_left_out(make: Make) -> None:
    node = page(make, "Only text.\n")
    assert kind(node) == Dashboard("Late flights", (Prose("Only text."),))
    assert node.parents == ()
    assert kind(page(make, "")) == Dashboard("Late flights")
    assert kind(page(make, "---\n---\n")) == Dashboard("Late flights")


def test_folders_give_tags_and_a_description(make: Make) -> None:
    settings = "name: shop\ndefaults:\n  dashboards: {tags: all, description: a page}\n  dashboards/ops: {tags: ops}\n"
    node = page(make, "---\ntags: own\n---\n", **{"sqlpipe.yml": settings})
    assert (node.tags, node.description) == (frozenset({"all", "ops", "own"}), "a page")


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("~~~sql a\nselect 1 as x\n~~~", [("a", "select 1 as x")]),
        ("````sql a\nselect '```' as x\n````", [("a", "select '```' as x")]),
        ("  ```SQL  a  \n  select 1 as x\n   ```  ", [("a", "  select 1 as x")]),
        ("    ```sql a\n    select 1 as x\n    ```", []),
        ("````markdown\n```sql a\nselect 1 as x\n```\n````", []),
        ("```sql `a`\n", []),
        ("> ```sql a\n> select 1\n> ```", []),
        ("```sql a\r\nselect 1 as x\r\n```\r\n", [("a", "select 1 as x")]),
        ("\ufeff```sql a\nselect 1 as x;\n```", [("a", "select 1 as x;")]),
        ("```sql Größe\nselect 1 as x\n```", [("Größe", "select 1 as x")]),
    ],
)
def test_fences_are_those_of_markdown(make: Make, text: str, contents: list[tuple[str, str]]) -> None:
    found = kind(page(make, text)).blocks
    assert [(name, block.sql) for name, block in found.items()] == contents


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("value: DELAY", Figure("delay")),
        (
            'value: {field: delay, format: ".1%", unit: min, compare: week}',
            Figure("delay", ".1%", "min", "week"),
        ),
        (
            'line: {x: day, y: [delay, week], color: carrier, format: ",.1f", x_format: "%b %d", sort: -delay}',
            Series("line", "day", ("delay", "week"), "carrier", format=",.1f", x_format="%b %d", sort="-delay"),
        ),
        (
            "bar: {x: carrier, y: delay, stack: false, horizontal: true}",
            Series("bar", "carrier", ("delay",), stack=False, horizontal=True),
        ),
        ("area: {x: day, y: delay, stack: true}", Series("area", "day", ("delay",))),
        ("point: {x: day, y: delay, size: week}", Series("point", "day", ("delay",), size="week")),
        ("heat: {x: week, y: carrier, color: delay, format: .2e}", Heat("week", "carrier", "delay", ".2e")),
        ("table: all", Rows()),
        ("table:", Rows()),
        ("table: {}", Rows()),
        ("table: [carrier, delay]", Rows((TableColumn("carrier"), TableColumn("delay")))),
        (
            "table:\n  limit: 5\n  columns: {carrier: Airline, week: , delay: {label: Late, format: d, bar: true}}",
            Rows(
                (
                    TableColumn("carrier", "Airline"),
                    TableColumn("week"),
                    TableColumn("delay", "Late", "d", bar=True),
                ),
                limit=5,
            ),
        ),
        (
            "map: {lat: delay, lon: week, size: week, color: carrier, label: carrier, area: us}",
            Map("delay", "week", "week", "carrier", "carrier", "us"),
        ),
        (
            "vega: {mark: {type: bar, color: '#fff'}, layer: [{opacity: 0.5}], data: {name: rows}}",
            Vega({"mark": {"type": "bar", "color": "#fff"}, "layer": [{"opacity": 0.5}], "data": {"name": "rows"}}),
        ),
    ],
)
def test_marks(make: Make, written: str, expected: Mark) -> None:
    assert mark(make, written) == expected


@pytest.mark.parametrize(
    ("width", "columns"), [("full", 12), ("two thirds", 8), ("half", 6), ("third", 4), ("quarter", 3), ("5", 5)]
)
def test_widths(make: Make, width: str, columns: int) -> None:
    (panel,) = kind(page(make, f"{BLOCK}```chart\ntable: all\nwidth: {width}\n```")).content
    assert panel == Panel("weekly", Rows(), width=columns)


@pytest.mark.parametrize(
    "written", [",", ",d", "d", "f", ".0f", ",.20f", "%", ".1%", ".3g", "e", "%Y-%m-%d", "%H:%M", "100%% in %Y"]
)
def test_formats_that_are_known(make: Make, written: str) -> None:
    found = mark(make, f'value: {{field: delay, format: "{written}"}}')
    assert isinstance(found, Figure)
    assert found.format == written
    if "%" in written.removesuffix("%"):
        assert date(2013, 1, 31).strftime(written)
    else:
        assert format(12, written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{select: carriers, column: carrier}", Select("a", "A", options="carriers", column="carrier")),
        ("{select: CARRIERS, default: AA, label: b}", Select("a", "b", options="carriers", default="AA")),
        ("{select: [AA, 7], default: 7}", Select("a", "A", values=("AA", "7"), default="7")),
        ("{dates: true}", DateRange("a", "A")),
        (
            "{dates: true, default: [2013-01-01, 2013-03-31]}",
            DateRange("a", "A", first=date(2013, 1, 1), last=date(2013, 3, 31)),
        ),
        ("{dates: true, default: [null, 2013-03-31]}", DateRange("a", "A", last=date(2013, 3, 31))),
        ("{search: true, column: Carrier}", Search("a", "A", "Carrier")),
    ],
)
def test_filters(make: Make, written: str, expected: Filter) -> None:
    assert filters(make, written) == (expected,)


def test_a_chart_shows_the_block_above_it_or_the_one_it_names(make: Make) -> None:
    chart, named = "```chart\ntable: all\n```\n", "```chart\ndata: OTHER\ntable: all\n```\n"
    other = "```sql other\nselect day from marts.weekly\n```\n"
    found = kind(page(make, f"{BLOCK}{chart}{chart}{named}{other}{chart}")).content
    assert [each.data for each in found if isinstance(each, Panel)] == ["weekly", "weekly", "other", "other"]


def test_a_block_reads_those_above_it(make: Make) -> None:
    text = (
        "---\nfilters: {carrier: {search: true}}\n---\n"
        "```sql weekly\nselect week, delay\nfrom marts.weekly where :carrier is null -- all\n```\n"
        "```sql twice\nwith own as (select * from Weekly)\nselect week, weekly.delay\n"
        "from own join weekly using (week)\n```\n"
        "```sql thrice\nselect *\nfrom twice\n```\n"
    )
    node = page(make, text)
    blocks = kind(node).blocks
    assert blocks["thrice"].query.columns == ("week", "delay")
    assert [blocks[each].parents for each in blocks] == [("marts.weekly",)] * 3
    assert {each.name for each in blocks["thrice"].query.placeholders} == {"carrier"}
    assert [each.lines for each in blocks.values()] == [
        (),
        (9, 5, 6, 9, 10, 11),
        (14, 9, 5, 6, 9, 10, 11, 14, 15),
    ]
    assert [each.sql.count("\n") + 1 for each in blocks.values()] == [2, 6, 9]


def test_blocks_win_over_tables_of_their_name(make: Make) -> None:
    text = (
        "```sql weekly\nselect week as number from weekly\n```\n"
        "```sql sum\nselect number from weekly\n```\n"
        "```sql whole\nselect week from marts.weekly\n```\n"
    )
    blocks = kind(page(make, text)).blocks
    assert blocks["weekly"].sql == "select week as number from weekly"
    assert "__weekly" in blocks["sum"].sql
    assert blocks["whole"].sql == "select week from marts.weekly"
    assert [each.parents for each in blocks.values()] == [("marts.weekly",)] * 3


def test_the_sql_of_a_block_as_it_runs(make: Make) -> None:
    text = (
        "---\nfilters: {who: {search: true}}\n---\n"
        "```sql places\nselect name, lat from marts.places where name = :who;\n```\n"
        "```sql high\nselect name from places where lat > 0 or :who is null\n```\n"
    )
    root = make({**MODELS, "dashboards/late_flights.md": text})
    project = loading.load(root, environ={})
    node = project.nodes["dashboards.late_flights"]
    graph = build(project)
    high = kind(node).blocks["high"]
    kept = compile_block(graph, node, high)
    assert kept.count(":who") == 2
    assert '"__marts__places" as (' in kept
    bound = compile_block(graph, node, high, {"who": "'JFK'"})
    assert bound == kept.replace(":who", "'JFK'")
    with duckdb.connect() as connection:
        assert connection.execute(bound).fetchall() == [("JFK",)]


def test_the_digest_is_that_of_the_meaning(make: Make) -> None:
    text = f"---\ntitle: A\n---\n{BLOCK}```chart\ntable: all\n```\n"
    before = page(make, text).digest
    assert page(make, text.replace("select week", "SELECT\n  week").replace("title: A", "title:  A")).digest == before
    for old, new in (("title: A", "title: B"), ("delay, day", "day, delay"), ("table: all", "table: [day]")):
        assert page(make, text.replace(old, new)).digest != before
