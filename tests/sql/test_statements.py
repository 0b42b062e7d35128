"""Scripts of SQL cut into statements."""

from __future__ import annotations

import duckdb
import pytest

from sqlpipe.sql.problem import SqlProblems
from sqlpipe.sql.statements import Single, statements


def test_statements_know_their_verb_and_line() -> None:
    text = "/* a; */ Delete from t -- all;\n where a = ';' ;;\n\n  insert into t values (1)\n; -- end"
    assert statements(text) == (
        Single("Delete from t -- all;\n where a = ';'", "delete", 1),
        Single("insert into t values (1)", "insert", 4),
    )


@pytest.mark.parametrize(
    "text",
    [
        "select 'it''s; ', e'a\\';', 1 as \"na;me\", $$ ; $$, $a$ ; $$ ; $a$",
        "select 1 /* ; /* ; */ ; */ ; select 2",
        "select 'a'''; select '\\'; select e'\\\\'",
        'select 1 as "a"";"; -- ;\nselect -1;',
        "create or replace macro f(a) as a || ';'; select f('x')",
    ],
)
def test_duckdb_cuts_the_same(text: str) -> None:
    cut = [each.query.strip().removesuffix(";").rstrip() for each in duckdb.extract_statements(text)]
    assert len(statements(text)) == len(cut)
    with duckdb.connect() as db:
        for each in statements(text):
            db.execute(each.text).fetchall()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("select 'a", "the string"),
        ("select 'it''", "the string"),
        ("select '", "the string"),
        ("select e'a\\'", "the string"),
        ('select "a', "the quoted name"),
        ("select /* /* */", "the comment"),
        ("select $a$ $$", "the dollar-quoted string"),
    ],
)
def test_what_is_not_closed_is_told(text: str, what: str) -> None:
    with pytest.raises(SqlProblems) as raised:
        statements(text)
    assert raised.value.problems[0].message == f"{what} is never closed"


@pytest.mark.parametrize("text", ["", " ;; ", "-- a", "/* a */;"])
def test_there_may_be_none(text: str) -> None:
    assert statements(text) == ()
