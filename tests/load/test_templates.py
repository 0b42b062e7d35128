"""Jinja: what it renders, and the way back to the source."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sqlpipe.load.complaints import Complaints
from sqlpipe.load.positions import Body
from sqlpipe.load.template import Rendered, Templates

MACROS = {
    "macros/a.sql": "{% macro cents(x) %}({{ x }} / 100){% endmacro %}",
    "macros/b.sql": "{% macro price(x) -%}\n  round({{ cents(x) }}, 2)\n{%- endmacro %}",
}


def render(source: str, *, line: int = 1, environ: Mapping[str, str] | None = None) -> Rendered:
    complaints = Complaints("a.sql", source)
    variables = {"limit": 3, "codes": ["a", "b"]}
    rendered = Templates(MACROS, variables, environ or {}).render("a.sql", source, line, complaints)
    assert complaints.found == []
    assert rendered is not None
    return rendered


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("select {{ var('limit') }}, {{ var('other', 5) }}", "select 3, 5"),
        ("select {{ price('x') }}", "select round((x / 100), 2)"),
        ("from {{ ref('a') }}, {{ ref('p', 'b') }}, {{ source('s', 'odd name') }}", 'from a, b, s."odd name"'),
        ("{% for c in var('codes') %}{{ c }}{{ ',' if not loop.last }}{% endfor %}\n", "a,b\n"),
        ("a {#- gone -#} b {% raw %}{{ x }}{% endraw %}", "ab {{ x }}"),
        ("{{ '}}' }} and {% if '%}' %}x{% endif %}", "}} and x"),
        ("  {%- if true %}\n  x\n  {%- endif %}  y", "\n  x  y"),
    ],
)
def test_rendering(source: str, text: str) -> None:
    assert render(source).text == text


def places(source: str, word: str, *, line: int = 1) -> list[tuple[int, int, int]]:
    """Line, column and length in the source of each occurrence of a word in the output."""
    rendered = render(source, line=line)
    body, found, at = Body(rendered.text, line, rendered.marks), [], rendered.text.find(word)
    while at >= 0:
        place = body.place(at, at + len(word))
        found.append((place.line, place.column, place.length))
        at = rendered.text.find(word, at + 1)
    return found


def test_text_behind_an_expression_keeps_its_column() -> None:
    assert places("select {{ var('limit') }} as x, yy", "yy") == [(1, 33, 2)]
    assert places("select {{ var('limit') }}as yy", "yy") == [(1, 29, 2)]


def test_lines_are_those_of_the_file() -> None:
    source = "{% set a = 1 %}\n{% if a %}\n  select\n    yy\n{% endif %}\n  zz"
    assert places(source, "yy", line=10) == [(13, 5, 2)]
    assert places(source, "zz", line=10) == [(15, 3, 2)]


def test_the_output_of_an_expression_is_the_expression() -> None:
    assert places("select\n  {{ price('q') }} as x", "round") == [(2, 3, len("{{ price('q') }}"))]
    assert places("select\n  {{ price('q') }} as x", "q") == [(2, 3, len("{{ price('q') }}"))]


def test_loops_come_back_to_the_same_place() -> None:
    assert places("{% for c in ['a', 'b'] %}\n  word {{ c }},\n{% endfor %}", "word") == [(2, 3, 4), (2, 3, 4)]


def test_white_space_control() -> None:
    assert places("a\n  {%- if true -%}\n  word\n  {%- endif %} more", "word") == [(3, 3, 4)]
    assert places("a\n  {%- if true -%}\n  word\n  {%- endif %} more", "more") == [(4, 16, 4)]


def test_comments_and_raw_text() -> None:
    assert places("{# {{ x }} #} word {% raw %}{{ other }}{% endraw %}", "word") == [(1, 15, 4)]
    assert places("{# {{ x }} #} word {% raw %}{{ other }}{% endraw %}", "other") == [(1, 32, 5)]


def test_where_marks_would_change_the_output_the_line_is_told() -> None:
    source = "{% set q %}abc{% endset %}\nselect {{ q | length }} as n,\n  word"
    assert render(source).text == "\nselect 3 as n,\n  word"
    assert places(source, "word") == [(3, 3, 4)]
    assert places(source, "as n") == [(2, 1, len("select {{ q | length }} as n,"))]


def test_filters_leave_marks_alone() -> None:
    assert places("{% filter upper %}\n  word\n{% endfilter %}", "WORD") == [(2, 3, 4)]


def test_private_characters_of_the_source_are_kept() -> None:
    assert render("select '\ue000' as x, {{ 1 }}").text == "select '\ue000' as x, 1"
    assert places("select '\ue000' as x,\n  {{ 1 }} as yy", "yy") == [(2, 3, len("{{ 1 }} as yy"))]


def test_lines_of_the_body() -> None:
    rendered = render("{% for c in [1, 2] %}\nx {{ c }}\n{% endfor %}\ny", line=5)
    body = Body(rendered.text, 5, rendered.marks)
    assert rendered.text == "\nx 1\n\nx 2\n\ny"
    assert [number for text, number in zip(rendered.text.split("\n"), body.lines(), strict=True) if text] == [6, 6, 8]


def test_environment_variables_are_named() -> None:
    rendered = render("'{{ env_var('A') }}{{ env_var('B', 'b') }}'", environ={"A": "a"})
    assert (rendered.text, rendered.environment) == ("'ab'", ("A", "B"))


def test_settings_of_dbt_are_pointed_to_the_header() -> None:
    complaints = Complaints("a.sql", "{{ config(materialized='table') }}\nselect 1")
    assert Templates({}, {}, {}).render("a.sql", complaints.text, 1, complaints) is None
    assert [(each.code, each.message) for each in complaints.found] == [("SP110", "`config()` belongs to dbt")]
