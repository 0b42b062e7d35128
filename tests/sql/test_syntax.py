"""What is said of SQL that cannot be read, and where."""

from __future__ import annotations

import pytest

from sqlpipe.sql.parse import SqlProblem, SqlProblems, analyse, check_condition


def problem(text: str) -> SqlProblem:
    with pytest.raises(SqlProblems) as caught:
        analyse(text)
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize(
    ("text", "pointed_at", "message"),
    [
        ("select a b c from t", "c", "`c` is not expected here"),
        ("select a,, b from t", ",", "`,` is not expected here"),
        ("select (1", "(", "`(` is never closed"),
        ("select a from (select b from (t)", "(", "`(` is never closed"),
        ("select 1)", ")", "`)` closes nothing"),
        ("select [1, 2", "[", "`[` is never closed"),
        ("select (1]", "]", "`]` closes nothing"),
        ("select 'abc", "'", "the string is never closed"),
        ("select 'it''s' || 'b", "'", "the string is never closed"),
        ('select "a from t', '"', "the quoted name is never closed"),
        ("select /* a", "/*", "the comment is never closed"),
        ("select 1 /* b */ /* reads data/*.csv */", "/*", "the comment is never closed"),
        ("/* 'a /* \" */ */ select 'b", "'", "the string is never closed"),
        ("select $q$ a", "$q$", "the dollar-quoted string is never closed"),
        ("select a from t where", "where", "something is missing after `where`"),
        ("select 1 +", "+", "something is missing after `+`"),
        ("select a from t join", "join", "the name of a table is missing after `join`"),
        ("select a from where b", "where", "expected a table name, found `where`"),
        ("with a as select 1 select 2", "select", "expected `(` at `select`"),
        ("select case when a then 2 from t", "2", "`case` is never closed by `end`"),
        ("select count(* from t", "(", "`(` is never closed"),
    ],
)
def test_syntax_errors(text: str, pointed_at: str, message: str) -> None:
    found = problem(text)
    assert (found.code, text[found.start : found.end], found.message) == ("SP202", pointed_at, message)


def test_the_offset_is_exact_in_a_text_of_many_lines() -> None:
    text = "-- how many\nselect\n  a,\r\n  'ü' as b c\nfrom t"
    found = problem(text)
    assert found.start == text.index(" c\n") + 1
    assert found.end == found.start + 1


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("selct a from t", "did you mean `select`?"),
        ("select * form t", "did you mean `from` where it says `form`?"),
        ("select a from t wehre b = 1", "did you mean `where` where it says `wehre`?"),
        ("nonsense", "a query begins with `select`, `with` or `from`"),
    ],
)
def test_slips_are_recognised(text: str, help: str) -> None:
    assert problem(text).help == help


@pytest.mark.parametrize(
    "text",
    [
        "create table x as select 1",
        "insert into t select 1",
        "DESCRIBE t",
        "summarize t",
        "explain select 1",
        "set x = 1",
        "copy t to 'x.csv'",
        "attach 'x.db'",
        "show tables",
        "vacuum",
    ],
)
def test_other_statements_are_refused(text: str) -> None:
    found = problem(text)
    assert found.code == "SP205"
    assert text[found.start : found.end] == text.split(maxsplit=1)[0]


@pytest.mark.parametrize("text", ["", "  \n", "-- nothing\n", ";", " ; ; -- nothing"])
def test_nothing_is_not_a_query(text: str) -> None:
    assert problem(text).code == "SP205"


def test_a_second_statement_is_refused() -> None:
    text = "select 1; /* and */ select 2"
    found = problem(text)
    assert (found.code, found.start, found.end) == ("SP205", text.rindex("select"), text.rindex("select") + 6)


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "with a as (select 1 as x) select x from a",
        "from t",
        "values (1)",
        "(select 1) union (select 2)",
        "pivot t on a using sum(b)",
        "unpivot t on a, b",
        "table t",
    ],
)
def test_every_query_is_taken_and_its_end_is_known(text: str) -> None:
    for behind in ("", ";", " ;\n", "\n-- the end", " ; -- the end\n/* really */ ;"):
        query = analyse(f"-- before\n{text}{behind}")
        assert f"-- before\n{text}{behind}"[: query.end] == f"-- before\n{text}"


def test_unknown_placeholders_are_all_told() -> None:
    text = "select :since from t where ts >= :start and n = ? and m = $1"
    with pytest.raises(SqlProblems) as caught:
        analyse(text)
    assert [text[each.start : each.end] for each in caught.value.problems] == [":since", "?", "$1"]
    assert {each.code for each in caught.value.problems} == {"SP206"}


def test_what_is_nested_too_deeply_is_told() -> None:
    text = f"select {'(' * 20_000}1{')' * 20_000}"
    assert problem(text).message == "the query is nested too deeply"


def test_long_chains_are_not_too_deep() -> None:
    sum_ = " + ".join(["n"] * 800)
    unions = " union all ".join(f"select {sum_} as n from t{at}" for at in range(3))
    many = " union all ".join(f"select n from t{at}" for at in range(400))
    assert len(analyse(unions).references) == 3
    assert len(analyse(many).references) == 400


@pytest.mark.parametrize(
    "text",
    [
        "a > 1",
        "a is not null -- must be there",
        "a in (select b from t) and not c",
        "(a > 1) or (b < 2)",
        "x between 1 and 2\n  and y",
        "'(' || a <> ';'",
    ],
)
def test_conditions(text: str) -> None:
    assert check_condition(text) is None


@pytest.mark.parametrize(
    ("text", "pointed_at"),
    [
        ("a >", ">"),
        ("a > 1 b", "b"),
        ("(a > 1", "("),
        ("a > 1)", ")"),
        ("a = 'x", "'"),
        ("a > 1; drop table t", ";"),
        ("a > :start", ":start"),
        ("1) or (1", ")"),
        ("1) union select (1", ")"),
        ("a > 1) order by (b", ")"),
    ],
)
def test_conditions_that_are_not(text: str, pointed_at: str) -> None:
    found = check_condition(text)
    assert found is not None
    assert text[found.start : found.end] == pointed_at


@pytest.mark.parametrize("text", ["", "  ", "-- a"])
def test_an_empty_condition_is_told(text: str) -> None:
    assert check_condition(text) is not None
