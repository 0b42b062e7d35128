"""What can be wrong in a dashboard: told in its file, with the very characters it points at, all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load import project as loading

Make = Callable[[Mapping[str, str | bytes]], Path]

PAGE = "dashboards/late.md"
FILES: dict[str, str | bytes] = {
    "models/marts/weekly.sql": "select 1 as week, 'AA' as carrier, 2.5 as delay",
    "checks/sound.sql": "select week from marts.weekly where week < 0",
    "tasks/download.yml": "bash: echo one\n",
    "dashboards/other.md": "Nothing.\n",
}
SQL = "```sql weekly\nselect week, carrier, delay from marts.weekly\n```\n"


def complaints(root: Path) -> list[Diagnostic]:
    with pytest.raises(SqlpipeError) as raised:
        loading.load(root, environ={})
    return list(raised.value.diagnostics)


def told(text: str, complaint: Diagnostic) -> tuple[str, int, str, str]:
    """The code, the line, the characters over the caret, the message."""
    assert complaint.span is not None
    assert complaint.span.file == PAGE
    place = complaint.span.place
    assert complaint.span.context[-1] == (place.line, text.split("\n")[place.line - 1])
    marked = text.split("\n")[place.line - 1][place.column - 1 : place.column - 1 + place.length]
    return complaint.code, place.line, marked, complaint.message


def chart(*lines: str) -> str:
    return "\n".join([f"{SQL}```chart", *lines, "```", ""])


def front(*filters: str, sql: str = SQL) -> str:
    return "\n".join(["---", "filters:", *(f"  {each}" for each in filters), "---", sql])


CASES: dict[str, tuple[str, tuple[str, int, str, str], str]] = {
    "front matter without an end": (
        "---\ntitle: Late\n",
        ("SP101", 1, "---", "the front matter has no end"),
        "close it with a line `---`",
    ),
    "front matter that is no YAML": (
        "---\ntitle: [a\n---\n",
        ("SP101", 2, "a", "broken YAML: did not find expected ',' or ']'"),
        "a bracket is never closed, or a comma is missing",
    ),
    "unknown key at the head": (
        "---\ntitel: Late\n---\n",
        ("SP102", 2, "titel", "unknown key `titel` in the front matter"),
        "did you mean `title`?",
    ),
    "title that is none": (
        "---\ntitle: [a]\n---\n",
        ("SP103", 2, "[a]", "expected a text, found a list"),
        "",
    ),
    "fence never closed": (
        "Text.\n\n```sql weekly\nselect 1 as x\n",
        ("SP701", 3, "```sql weekly", "the fence is never closed"),
        "close it with the same marks on a line of their own",
    ),
    "fence of prose never closed": (
        f"{SQL}~~~text\n```chart\ntable: all\n```\n",
        ("SP701", 4, "~~~text", "the fence is never closed"),
        "close it with the same marks on a line of their own",
    ),
    "fence within a fence": (
        "```sql weekly\nselect week from marts.weekly\n\n```chart\ntable: all\n```\n",
        ("SP701", 1, "```sql weekly", "the fence is never closed"),
        "the next one begins on line 4",
    ),
    "block without a name": (
        "```sql\nselect 1 as x\n```\n",
        ("SP702", 1, "sql", "a block of SQL needs a name"),
        "write ```sql NAME; to show SQL without running it, write ```text",
    ),
    "block with a bad name": (
        "```sql by-week\nselect 1 as x\n```\n",
        ("SP702", 1, "by-week", "`by-week` cannot be the name of a block"),
        "a name is one word of letters, digits and `_`",
    ),
    "two blocks of one name": (
        f"{SQL}```sql Weekly\nselect 1 as x\n```\n",
        ("SP702", 4, "Weekly", "there are two blocks `Weekly`"),
        "the first is on line 1",
    ),
    "syntax error": (
        "Text.\n```sql a\nselect week\nfrom marts.weekly were week > 1\n```\n",
        ("SP202", 4, "week", "`week` is not expected here"),
        "did you mean `where` where it says `were`?",
    ),
    "nothing in a block": (
        "```sql a\n-- later\n```\n",
        ("SP205", 2, "-- later", "there is no query here"),
        "a block holds one query",
    ),
    "two statements": (
        "```sql a\nselect 1 as x;\nselect 2 as x\n```\n",
        ("SP205", 3, "select", "there is more than one statement here"),
        "a block holds one query",
    ),
    "template": (
        "```sql a\nselect {{ var('x') }} as x\n```\n",
        ("SP110", 2, "{{", "the SQL of a dashboard has no templates"),
        "write the value itself, or make it a filter",
    ),
    "unknown table": (
        "```sql a\nselect week\n  from mart.weekly\n```\n",
        ("SP203", 3, "mart.weekly", "unknown table `mart.weekly`"),
        "did you mean `marts.weekly`?",
    ),
    "unknown column": (
        "```sql a\nselect week, delai from marts.weekly\n```\n",
        ("SP201", 2, "delai", "unknown column `delai`"),
        "did you mean `delay`?",
    ),
    "unknown column of a block": (
        f"{SQL}```sql a\nselect weekly.wek from weekly\n```\n",
        ("SP201", 5, "wek", "unknown column `wek`"),
        "did you mean `week`?",
    ),
    "page that reads itself": (
        "```sql a\nselect x from dashboards.late\n```\n",
        ("SP203", 2, "dashboards.late", "unknown table `dashboards.late`"),
        "",
    ),
    "page that reads another": (
        "```sql a\nselect x from dashboards.other\n```\n",
        ("SP203", 2, "dashboards.other", "unknown table `dashboards.other`"),
        "",
    ),
    "check as a table": (
        "```sql a\nselect x from checks.sound\n```\n",
        ("SP203", 2, "checks.sound", "unknown table `checks.sound`"),
        "",
    ),
    "task as a table": (
        "```sql a\nselect x from Tasks.Download\n```\n",
        ("SP203", 2, "Tasks.Download", "unknown table `Tasks.Download`"),
        "",
    ),
    "block further down": (
        "```sql a\nselect x from b\n```\n```sql b\nselect 1 as x\n```\n",
        ("SP203", 2, "b", "unknown table `b`"),
        "a block can read those above it: put this one below",
    ),
    "block that reads itself": (
        "```sql a\nselect x from a\n```\n",
        ("SP203", 2, "a", "unknown table `a`"),
        "a block can read those above it: put this one below",
    ),
    "unknown placeholder": (
        front(
            "carrier: {select: [AA]}",
            sql="```sql a\nselect 1 as x where :carrier = '' or :carier = ''\n```",
        ),
        ("SP206", 6, ":carier", "unknown placeholder `:carier`"),
        "did you mean `:carrier`?",
    ),
    "one end of a range": (
        front(
            "period: {dates: true}",
            sql="```sql a\nselect 1 as x where :period > '2013-01-01' and :period_start is null\n```",
        ),
        ("SP206", 6, ":period", "unknown placeholder `:period`"),
        "did you mean `:period_end` or `:period_start`?",
    ),
    "placeholder on a page without filters": (
        "```sql a\nselect week from marts.weekly where week >= :start\n```\n",
        ("SP206", 2, ":start", "unknown placeholder `:start`"),
        "placeholders are the filters of the page",
    ),
    "placeholder with a dollar": (
        front("carrier: {select: [AA], column: x}", sql="```sql a\nselect 1 as x where 'AA' = $carrier\n```"),
        ("SP206", 6, "$carrier", "unknown placeholder `$carrier`"),
        "did you mean `:carrier`?",
    ),
    "filters that are none": (
        "---\nfilters: [carrier]\n---\n",
        ("SP103", 2, "[carrier]", "expected a mapping of filters, found a list"),
        "such as `filters: {carrier: {select: carriers}}`",
    ),
    "name of a filter": (
        front("Our Carrier: {search: true}"),
        ("SP706", 3, "Our Carrier", "`Our Carrier` cannot be the name of a filter"),
        "write `our_carrier`, and what readers see as its `label`",
    ),
    "filter of nothing": (
        front("carrier: {label: Airline}"),
        ("SP706", 3, "carrier", "filter `carrier` does not say what is chosen"),
        "such as `carrier: {select: BLOCK}`, `{dates: true}` or `{search: true}`",
    ),
    "filter of two things": (
        front("carrier: {search: true, dates: true}"),
        ("SP706", 3, "carrier", "filter `carrier` has `search` and `dates`, and can be one of them"),
        "such as `carrier: {select: BLOCK}`, `{dates: true}` or `{search: true}`",
    ),
    "filter that changes nothing": (
        front("carrier: {search: true}"),
        ("SP706", 3, "carrier", "filter `carrier` changes nothing"),
        "give it a `column`, or use `:carrier` in the SQL of a block",
    ),
    "two filters of one placeholder": (
        front("period: {dates: true, column: week}", "period_start: {search: true, column: week}"),
        ("SP706", 4, "period_start", "`:period_start` would mean two filters"),
        "rename it: `period` is a filter too",
    ),
    "unknown key of a filter": (
        front("carrier: {search: true, colum: carrier, column: carrier}"),
        ("SP102", 3, "colum", "unknown key `colum` in filter `carrier`"),
        "did you mean `column`?",
    ),
    "default of a search": (
        front("carrier: {search: true, column: carrier, default: AA}"),
        ("SP102", 3, "default", "unknown key `default` in a filter that searches"),
        "a filter that searches takes `search`, `label` or `column`",
    ),
    "dates that are not": (
        front("period: {dates: week, column: week}"),
        ("SP103", 3, "week", "expected `true`, found `week`"),
        "",
    ),
    "default of one day": (
        front("period: {dates: true, column: week, default: 2013-01-01}"),
        ("SP103", 3, "2013-01-01", "expected two days, found `2013-01-01`"),
        "such as `[2013-01-01, 2013-03-31]`; `null` leaves an end open",
    ),
    "default that is no day": (
        front("period: {dates: true, column: week, default: [2013-02-30, null]}"),
        ("SP103", 3, "2013-02-30", "expected a day, found `2013-02-30`"),
        "such as `2013-01-31`",
    ),
    "days the wrong way round": (
        front("period: {dates: true, column: week, default: [2013-03-01, 2013-01-01]}"),
        ("SP103", 3, "[2013-03-01, 2013-01-01]", "the last day is before the first one"),
        "did you mean `[2013-01-01, 2013-03-01]`?",
    ),
    "default that is none of the values": (
        front("carrier: {select: [AA, UA], column: carrier, default: AB}"),
        ("SP103", 3, "AB", "`AB` is none of the values of filter `carrier`"),
        "the values are `AA` or `UA`",
    ),
    "no values": (
        front("carrier: {select: [], column: carrier}"),
        ("SP103", 3, "[]", "expected the name of a block, or values, found a list"),
        "",
    ),
    "unknown block of a filter": (
        front("carrier: {select: wekly, column: carrier}"),
        ("SP703", 3, "wekly", "there is no block `wekly`"),
        "did you mean `weekly`?",
    ),
    "unknown column of a filter": (
        front("carrier: {search: true, column: carier}"),
        ("SP201", 3, "carier", "unknown column `carier`"),
        "did you mean `carrier`?",
    ),
    "chart that is empty": (
        f"{SQL}```chart\n\n```\n",
        ("SP704", 4, "chart", "the chart is empty"),
        "a chart has one of `value`, `line`, `bar`, `area`, `point`, `heat`, `table`, `map` or `vega`",
    ),
    "chart that is no mapping": (
        chart("- line"),
        ("SP103", 5, "-", "expected a mapping, found a list"),
        "a chart takes one of `value`, `line`, `bar`, `area`, `point`, `heat`, `table`, `map` or `vega`",
    ),
    "chart with a name": (
        f"{SQL}```chart weekly\ntable: all\n```\n",
        ("SP704", 4, "weekly", "a chart has no name"),
        "write `data: weekly` below",
    ),
    "chart without a mark": (
        chart("title: Delay"),
        ("SP704", 4, "chart", "the chart has no mark"),
        "a chart has one of `value`, `line`, `bar`, `area`, `point`, `heat`, `table`, `map` or `vega`",
    ),
    "chart with two marks": (
        chart("table: all", "value: week"),
        ("SP704", 6, "value", "a chart has one mark, and this one has `table` already"),
        "write a chart for each",
    ),
    "unknown mark": (
        chart("lines: {x: week, y: delay}"),
        ("SP102", 5, "lines", "unknown key `lines` in a chart"),
        "did you mean `line`?",
    ),
    "unknown key of a chart": (
        chart("table: all", "widht: half"),
        ("SP102", 6, "widht", "unknown key `widht` in a chart"),
        "did you mean `width`?",
    ),
    "unknown key of a mark": (
        chart("line: {x: week, y: delay, stack: false}"),
        ("SP102", 5, "stack", "unknown key `stack` in `line`"),
        "`line` takes `x`, `y`, `color`, `sort`, `format` or `x_format`",
    ),
    "mark that lacks a field": (
        chart("bar: {x: week}"),
        ("SP106", 5, "bar", "`bar` needs `y`"),
        "",
    ),
    "unknown field": (
        chart("line:", "  x: week", "  y: [delay, dely]"),
        ("SP201", 7, "dely", "unknown column `dely`"),
        "did you mean `delay`?",
    ),
    "unknown field in a shorthand": (
        chart("value: dely"),
        ("SP201", 5, "dely", "unknown column `dely`"),
        "did you mean `delay`?",
    ),
    "unknown field to sort by": (
        chart("bar: {x: week, y: delay, sort: -dely}"),
        ("SP201", 5, "dely", "unknown column `dely`"),
        "did you mean `delay`?",
    ),
    "unknown column of a table": (
        chart("table: {columns: {carrier: Airline, dely: {label: Delay}}}"),
        ("SP201", 5, "dely", "unknown column `dely`"),
        "did you mean `delay`?",
    ),
    "table of a word": (
        chart("table: carrier"),
        ("SP103", 5, "carrier", "expected columns, or `all`, found `carrier`"),
        "such as `table: [carrier, flights]`",
    ),
    "limit of none": (
        chart("table: {limit: 0}"),
        ("SP103", 5, "0", "expected a whole number from 1 on, found `0`"),
        "",
    ),
    "unknown block of a chart": (
        chart("data: wekly", "table: all"),
        ("SP703", 5, "wekly", "there is no block `wekly`"),
        "did you mean `weekly`?",
    ),
    "chart with no block above": (
        f"```chart\ntable: all\n```\n{SQL}",
        ("SP703", 1, "chart", "there is no block above this chart"),
        "write a block of SQL above it, or name one: `data: NAME`",
    ),
    "width": (
        chart("table: all", "width: haf"),
        (
            "SP103",
            6,
            "haf",
            "expected `full`, `two thirds`, `half`, `third` or `quarter`, or a number of the 12 columns, found `haf`",
        ),
        "did you mean `half`?",
    ),
    "height": (
        chart("table: all", "height: 5000"),
        ("SP103", 6, "5000", "expected a number of pixels from 40 to 2,000, found `5000`"),
        "",
    ),
    "format without quotes": (
        chart("value: {field: delay, format: ,.1f}"),
        ("SP705", 5, ".1f", "`.1f` is half a format"),
        "put a format that holds a comma in quotes",
    ),
    "area of a map": (
        chart("map: {lat: week, lon: week, area: usa}"),
        ("SP103", 5, "usa", "expected `world` or `us`, found `usa`"),
        "did you mean `us`?",
    ),
    "data from elsewhere": (
        chart("vega:", "  mark: bar", "  layer:", "    - data: {url: https://example.org/a.json}"),
        ("SP707", 8, "url", "a chart fetches no data"),
        "its data are the rows of a block; query the file there",
    ),
    "specification that is none": (
        chart("vega: bar"),
        ("SP103", 5, "bar", "expected a specification in Vega-Lite, found `bar`"),
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_complaint(make: Make, case: str) -> None:
    text, expected, help_line = CASES[case]
    found = complaints(make({**FILES, PAGE: text}))
    assert [(told(text, each), each.help) for each in found] == [(expected, help_line)]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("dashboards.late", "dashboard"),
        ("dashboards.other", "dashboard"),
        ("checks.sound", "check"),
        ("tasks.download", "task"),
    ],
)
def test_what_has_no_rows_is_called_by_its_kind(make: Make, name: str, word: str) -> None:
    (found,) = complaints(make({**FILES, PAGE: f"```sql a\nselect x from {name}\n```\n"}))
    assert found.label == f"a {word}, and nothing that could be read"


@pytest.mark.parametrize("written", ["0.0", ".2d", ",,", ".21f", "s", "$,.2f", "%Q", "%%", "%Y-%", "%-d", "%k"])
def test_formats_that_only_one_side_knows_are_refused(make: Make, written: str) -> None:
    text = chart(f'value: {{field: delay, format: "{written}"}}')
    root = make({**FILES, PAGE: text})
    (found,) = complaints(root)
    assert told(text, found) == ("SP705", 5, f'"{written}"', f"`{written}` is not a format")


def test_everything_is_told_at_once(make: Make) -> None:
    text = (
        "---\ntitel: Late\nfilters:\n  carrier: {select: carriers, column: carrier}\n---\n"
        "```sql a\nselect wek from marts.weekly where carrier = :carier\n```\n"
        "```sql b\nselect 1 as x from nowhere\n```\n"
        "```chart\nvalue: y\n```\n```chart\nbr: {x: x}\nwidth: 99\n```\n"
    )
    found = complaints(make({**FILES, PAGE: text, "models/marts/b.sql": "select nope from marts.weekly"}))
    assert [(each.span.file, each.span.place.line, each.code) for each in found if each.span] == [
        (PAGE, 2, "SP102"),
        (PAGE, 4, "SP703"),
        (PAGE, 4, "SP201"),
        (PAGE, 7, "SP201"),
        (PAGE, 7, "SP206"),
        (PAGE, 10, "SP203"),
        (PAGE, 13, "SP201"),
        (PAGE, 16, "SP102"),
        (PAGE, 17, "SP103"),
        ("models/marts/b.sql", 1, "SP201"),
    ]


def test_a_mistake_in_a_block_is_told_once_however_many_read_it(make: Make) -> None:
    text = (
        "```sql a\nselect week, delai from marts.weekly where week > :x\n```\n"
        "```sql b\nselect week from a\n```\n```sql c\nselect week from b\n```\n```chart\nvalue: week\n```\n"
    )
    assert [each.code for each in complaints(make({**FILES, PAGE: text}))] == ["SP201", "SP206"]


def test_what_reads_a_block_that_cannot_be_read_is_let_be(make: Make) -> None:
    text = (
        "---\nfilters: {who: {select: a, column: x}, what: {serch: true}}\n---\n"
        "```sql a\nselect from\n```\n```sql b\nselect x from a where :what = ''\n```\n"
        "```chart\nline: {x: x, y: z}\n```\n"
    )
    found = complaints(make({**FILES, PAGE: text}))
    assert [told(text, each)[:3] for each in found] == [
        ("SP102", 2, "serch"),
        ("SP202", 5, "from"),
    ]


def test_a_page_with_mistakes_is_read_again(make: Make) -> None:
    root = make({**FILES, PAGE: chart("value: dely")})
    assert complaints(root) == complaints(root)
    (root / PAGE).write_text(chart("value: delay"))
    assert "dashboards.late" in loading.load(root, environ={}).nodes


def test_nothing_waits_for_a_dashboard_and_nothing_reads_one(make: Make) -> None:
    files = {
        **FILES,
        "tasks/after.yml": "bash: echo one\nafter: dashboards.other\n",
        "models/marts/b.sql": "select x from dashboards.other",
    }
    assert [(each.code, each.message) for each in complaints(make(files))] == [
        ("SP203", "unknown table `dashboards.other`"),
        ("SP614", "there is no node `dashboards.other`"),
    ]


def test_two_pages_of_one_name(make: Make) -> None:
    (found,) = complaints(make({**FILES, "dashboards/ops/other.md": "Text."}))
    assert (found.code, found.message) == (
        "SP112",
        "dashboards/ops/other.md and dashboards/other.md are both named `dashboards.other`",
    )
