"""The digest of a query: white space, comments and the letter case of keywords do not count, anything else does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.sql.parse import analyse

# Keywords are written in upper case here, and everything else in lower case.
QUERIES = [
    "SELECT a , b AS c FROM t WHERE a > 1 AND b IS NOT NULL ORDER BY c DESC NULLS LAST LIMIT 3",
    "WITH RECURSIVE x AS ( SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 9 ) SELECT * EXCLUDE ( n ) FROM x",
    "SELECT sum ( a ) FILTER ( WHERE b ) OVER ( PARTITION BY c ORDER BY d ROWS UNBOUNDED PRECEDING ) FROM t",
    "SELECT sum ( a ) OVER ( ORDER BY d RANGE BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES ) FROM t",
    "SELECT day , rows , over , filter , \"Order\" , 'Ab' || 'FROM' FROM \"From\" . limits",
    "SELECT CASE WHEN a THEN 1 ELSE 2 END , CAST ( b AS INTEGER ) , EXTRACT ( YEAR FROM d ) , INTERVAL 3 DAY FROM t",
    "FROM a LEFT JOIN b USING ( k ) ASOF JOIN c ON a . t >= c . t SELECT DISTINCT ON ( k ) k , x . year , t . first",
    "SELECT a FROM t GROUP BY GROUPING SETS ( ( a ) , ( b ) ) HAVING count ( * ) > 1",
    "SELECT a FROM t QUALIFY row_number ( ) OVER w = 1 WINDOW w AS ( PARTITION BY a )",
    "SELECT a AS last , b AS key , { 'Key' : 1 } . key AS k FROM t AS range ( first , last )",
    "SELECT a FROM t WHERE EXISTS ( FROM u ) AND a LIKE 'x%'",
    "SELECT t . Day , Rows AS Over FROM Days AS Rows WHERE Name = 'N' AND ts >= :start AND ts < :end",
]
SPACES = [" ", "\n", "\t ", "  \n\n", " /* a comment */ ", " -- SELECT\n", "\r\n"]


def words(query: str) -> list[str]:
    return re.findall(r"'[^']*'|\"[^\"]*\"|:\w+|\w+%?|[<>|]=?\|?|\S", query)


def is_keyword(word: str) -> bool:
    return word.isalpha() and word.isupper()


def digest(query: str) -> str:
    return analyse(query).digest


@given(st.sampled_from(QUERIES), st.data())
def test_what_does_not_count(query: str, data: st.DataObject) -> None:
    parts = words(query)
    text = data.draw(st.sampled_from(["", "-- first\n", "\n  "]))
    for word, following in zip(parts, [*parts[1:], ""], strict=True):
        spelled = data.draw(st.sampled_from([word.upper(), word.lower(), word.title()])) if is_keyword(word) else word
        # `group /* so */ by` is more than the parser takes
        spaces = SPACES[:4] if following in {"BY", "SETS", "ALL", "RECURSIVE"} or word in {"ASOF", "IS"} else SPACES
        text += spelled + data.draw(st.sampled_from(spaces))
    assert digest(text) == digest(query)


@pytest.mark.parametrize("query", QUERIES)
def test_everything_else_counts(query: str) -> None:
    expected = digest(query)
    parts = words(query)
    for at, word in enumerate(parts):
        changed = swapped(word)
        if changed is not None:
            text = " ".join([*parts[:at], changed, *parts[at + 1 :]])
            assert digest(text) != expected, text


def swapped(word: str) -> str | None:
    """Another word in its place that the grammar takes as well."""
    if is_keyword(word) or word.startswith(":"):
        return None
    if word.swapcase() != word:
        return word.swapcase()
    return {"1": "2", ">": "<", ">=": "<=", "<": ">", "+": "-", "||": "+"}.get(word)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select a from t", "select b from t"),
        ("select a from t", 'select "a" from t'),
        ("select a from t", "select a from t limit 1"),
        ("select 'a  b'", "select 'a b'"),
        ("select 'a--b'", "select 'a'"),
        ("select a b", "select ab"),
        ("select 1.0", "select 1.00"),
        ("select a, b from t", "select b, a from t"),
        ("select a from t where x and (y or z)", "select a from t where (x and y) or z"),
        ('select "a"" b"', 'select "a "" b"'),
        ("select $$a$$", "select $b$a$b$"),
        ("select 1 as day", "select 1 as DAY"),
        ("select (s).day from t", "select (s).DAY from t"),
        ("select f(day := 1)", "select f(DAY := 1)"),
        ("select 1 day", "select 1 DAY"),
        ("select day: 1", "select DAY: 1"),
        ("select * from t as x(rows)", "select * from t as x(ROWS)"),
        ("select * from a join b using (day)", "select * from a join b using (DAY)"),
        ("select {year: 1}", "select {YEAR: 1}"),
        ("select * exclude (day) from t", "select * exclude (DAY) from t"),
        ("select * rename (a as day) from t", "select * rename (a as DAY) from t"),
        ("from t unpivot (v for day in (a, b))", "from t unpivot (v for DAY in (a, b))"),
        ("unpivot t on a, b into name day value v", "unpivot t on a, b into name DAY value v"),
        ("with day as (select 1 as x) select x from day", "with day as (select 1 as x) select x from DAY"),
        ("select list_transform(l, lambda day: 1) from t", "select list_transform(l, lambda DAY: 1) from t"),
        ("select [1 for day in l] from t", "select [1 for DAY in l] from t"),
        ("select sum(x) over rows from t window rows as ()", "select sum(x) over ROWS from t window rows as ()"),
        ("from t pivot (sum(x) as day for y in (1))", "from t pivot (sum(x) as DAY for y in (1))"),
        ("pivot t on y using sum(x) as day", "pivot t on y using sum(x) as DAY"),
        ("from generate_series(1, 2) as g(day)", "from generate_series(1, 2) as g(DAY)"),
        ("from t select day.x", "from t select DAY.x"),
        ("from day.t", "from DAY.t"),
        ("select columns(day -> day = 'x') from t", "select columns(DAY -> day = 'x') from t"),
    ],
)
def test_other_queries_have_other_digests(one: str, other: str) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select a from t", "SELECT a\nFROM t -- all\n;"),
        ("select a from t group by a", "select a from t GROUP   BY a"),
        ("select interval 1 day", "select INTERVAL 1 DAY"),
        ("select a/b", "select a / b"),
        ("select a from t", "/* new */ select /* old */ a from t"),
        ("select a is not distinct from b", "select a IS NOT DISTINCT FROM b"),
    ],
)
def test_same_queries_have_the_same_digest(one: str, other: str) -> None:
    assert digest(one) == digest(other)
