"""SQL in pieces: each is what it seems to be, and nothing is lost, however broken the text."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.sql.highlight import highlight

_BITS = [
    "select", " ", "\n", "from", "raw.orders", "'", "''", '"', "$$", "$x$", "/*", "*/", "--", "{{", "}}", "{%", "%}",
    "{#", "#}", ":", ":start", "?", "$1", "(", ")", "[", "]", ",", ";", "é", "日本", "1.5e3", "0x", "\\", "\x00", "\r",
    "e'", "x'", "::", "->", "@", "#", "group by", "/", "*", ".", "\u2028", "\ud83d", "😀", "_", "`",
]  # fmt: skip


def told(text: str, dialect: str = "duckdb") -> list[tuple[str, str]]:
    """The kinds and texts of the pieces but for blanks."""
    pieces = [(each.kind, text[each.start : each.end]) for each in highlight(text, dialect=dialect)]
    return [(kind, said) for kind, said in pieces if said.strip()]


def kind_of(text: str, word: str) -> str:
    found = {kind for kind, said in told(text) if said == word}
    assert len(found) == 1, told(text)
    return found.pop()


@given(st.lists(st.sampled_from(_BITS), max_size=14).map("".join) | st.text(max_size=40), st.booleans())
def test_the_pieces_follow_each_other_without_gaps_and_none_is_empty(text: str, foreign: bool) -> None:
    pieces = highlight(text, dialect="sqlite" if foreign else "duckdb")
    assert "".join(text[each.start : each.end] for each in pieces) == text
    assert all(each.start < each.end for each in pieces)
    assert all(before.end == after.start for before, after in pairwise(pieces))


def test_each_piece_is_what_it_seems_to_be() -> None:
    assert told(
        "select count(*) as \"n o\", 'it''s', 1.5e3 -- so\nfrom raw.t /* a /* nested */ b */ where x >= :start"
    ) == [
        ("keyword", "select"),
        ("function", "count"),
        ("operator", "("),
        ("operator", "*"),
        ("operator", ")"),
        ("keyword", "as"),
        ("name", '"n o"'),
        ("operator", ","),
        ("string", "'it''s'"),
        ("operator", ","),
        ("number", "1.5e3"),
        ("comment", "-- so"),
        ("keyword", "from"),
        ("name", "raw"),
        ("operator", "."),
        ("name", "t"),
        ("comment", "/* a /* nested */ b */"),
        ("keyword", "where"),
        ("name", "x"),
        ("operator", ">="),
        ("placeholder", ":start"),
    ]


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("select date from t", "date", "name"),
        ("select t.left from t", "left", "name"),
        ("select left('abc', 1)", "left", "function"),
        ("from a left join b", "left", "keyword"),
        ("select date '2024-01-01'", "date", "keyword"),
        ("select x::date", "date", "keyword"),
        ("select sum(x) filter (where y)", "filter", "keyword"),
        ("select 1 where x in (1)", "in", "keyword"),
        ("from range(3)", "range", "function"),
        ("select 1 group   by 1", "group   by", "keyword"),
        ("select $$a 'b' c$$", "$$a 'b' c$$", "string"),
        ("select ?", "?", "placeholder"),
        ("select $1", "$1", "placeholder"),
        ("select $name", "$name", "placeholder"),
        ("select {'a': b}", "b", "name"),
        ("select x[1:y]", "y", "name"),
        ("select main.f(1)", "f", "function"),
        ("SELECT 1", "SELECT", "keyword"),
    ],
)
def test_words_are_told_by_where_they_stand(text: str, word: str, kind: str) -> None:
    assert kind_of(text, word) == kind


@pytest.mark.parametrize(
    ("tail", "kind"), [("'abc from t", "string"), ('"abc from', "name"), ("/* abc", "comment"), ("$$ abc '", "string")]
)
def test_what_is_never_closed_goes_to_the_end(tail: str, kind: str) -> None:
    assert told(f"select 1, {tail}") == [
        ("keyword", "select"), ("number", "1"), ("operator", ","), (kind, tail)
    ]  # fmt: skip


def test_templates_are_pieces_wherever_they_stand() -> None:
    text = "select '{{ a }} b' {% if x %}, 1{% endif %} {# note #} from {{ ref('orders') }}"
    assert told(text) == [
        ("keyword", "select"),
        ("string", "'"),
        ("template", "{{ a }}"),
        ("string", " b'"),
        ("template", "{% if x %}"),
        ("operator", ","),
        ("number", "1"),
        ("template", "{% endif %}"),
        ("template", "{# note #}"),
        ("keyword", "from"),
        ("template", "{{ ref('orders') }}"),
    ]


def test_a_quote_inside_a_template_opens_nothing() -> None:
    assert told("select {{ 'it' if x else \"'\" }}, 1")[-1] == ("number", "1")


def test_a_query_of_fifty_lines_takes_about_a_millisecond() -> None:
    text = "select a.b, count(*) as n, date_trunc('day', t) -- note\nfrom raw.orders as a where t >= :start\n" * 25
    highlight(text)

    def once() -> float:
        began = perf_counter()
        highlight(text)
        return perf_counter() - began

    # Ten times what it takes, for the machine may be busy.
    assert min(once() for _ in range(20)) < 0.015


def test_there_may_be_nothing() -> None:
    assert highlight("") == ()
