"""Templates rendered during a run: values stay values in scripts and in SQL."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.load.inlay import sql_literal
from sqlpipe.load.late import Quoting, evaluate, render, render_values

EVIL = [
    "; touch harm",
    "$(touch harm)",
    "`touch harm`",
    "' ; touch harm ; '",
    '" ; touch harm ; "',
    "\n touch harm",
    "'",
]
VALUES: Mapping[str, object] = {
    "facts": {
        "extract": {"rows": 3, "path": "in/a.csv", "items": [1, "b"], "none": None},
        "ops.load": {"n": 1},
    },
    "run": {"id": "r1", "start": datetime(2024, 1, 2, tzinfo=UTC)},
    "vars": {"limit": 5},
    "item": {"name": "x"},
    "changed": ["raw.orders"],
}


def complaint(text: str, quoting: Quoting = Quoting.PLAIN) -> tuple[str, str]:
    with pytest.raises(SqlpipeError) as raised:
        render(text, VALUES, quoting)
    assert raised.value.diagnostics[0].code == "SP610"
    return raised.value.diagnostics[0].message, raised.value.diagnostics[0].help


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("a {{ facts.extract.path }}\n", "a in/a.csv\n"),
        ("{{ facts['extract']['rows'] }}", "3"),
        ("{{ facts.ops.load.n }}{{ facts['ops.load'].n }}", "11"),
        ("{{ facts.extract.items }}", '[1, "b"]'),
        ("[{{ facts.extract.none }}]", "[]"),
        ("{{ item }}", '{"name": "x"}'),
        ("{{ run.start }} {{ run.start.date() }}", "2024-01-02T00:00:00+00:00 2024-01-02"),
        ("{{ run.start.strftime('%Y/%m') }}", "2024/01"),
        ("{{ var('limit') }}{{ var('other', 7) }}", "57"),
        ("{% if 'raw.orders' in changed %}yes{% endif %}", "yes"),
        ("{% for each in facts.extract['items'] %}{{ each }},{% endfor %}", "1,b,"),
        ("{{ facts.extract.path | upper }} {{ item | tojson }}", 'IN/A.CSV {"name": "x"}'),
        ("a {## gone ##}{{ 1 }}b", "a 1b"),
    ],
)
def test_plain_texts(text: str, rendered: str) -> None:
    assert render(text, VALUES, Quoting.PLAIN).text == rendered


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("{{ facts.extract.pth }}", "`facts.extract.pth` is not there", "did you mean `path`?"),
        ("{{ facts.extrct.path }}", "`facts.extrct` is not there", "did you mean `extract`?"),
        ("{{ fact.extract }}", "`fact` is not there", "did you mean `facts`?"),
        ("{{ run.strt }}", "`run.strt` is not there", "did you mean `start`?"),
        ("{{ facts.extract.path.name }}", "`name` is not there: a text has no such part", ""),
        ("{{ facts.extract.none.name }}", "`name` is not there: what is null has no such part", ""),
        ("{{ item.other }}", "`item.other` is not there", "there is `name`"),
        ("{{ var('limits') }}", "the variable `limits` is not set", "did you mean `limit`?"),
        ("{{ 1 / 0 }}", "template: division by zero", "in `{{ 1 / 0 }}`"),
        ("{{ [] | first }}", "template: No first item, sequence was empty", "in `{{ [] | first }}`"),
    ],
)
def test_what_is_not_there_is_told_with_a_guess(text: str, message: str, help: str) -> None:
    assert complaint(text) == (message, help)


def test_a_template_that_is_none_is_told() -> None:
    assert complaint("{{ facts.extract")[0].startswith("template: unexpected end of template")


def test_what_would_work_on_markers_is_refused() -> None:
    for text in ("{% set x %}{{ item }}{% endset %}{{ x }}", "{% filter upper %}{{ item }}{% endfilter %}"):
        assert "which cannot be rendered during a run" in complaint(text, Quoting.SHELL)[0]


def test_texts_without_templates_do_not_import_jinja() -> None:
    code = (
        "import sys; from sqlpipe.load.late import *;"
        "assert render('a $b {x}', {}, Quoting.SHELL).text == 'a $b {x}';"
        "assert render_values({'a': ['b']}, {}) == {'a': ['b']};"
        "sys.exit('jinja2' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def shell_output(script: str, values: Mapping[str, object], folder: Path) -> str:
    rendered = render(script, values, Quoting.SHELL)
    environ = {**os.environ, **rendered.environ}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", rendered.text], cwd=folder, env=environ, capture_output=True, check=True
    )
    return done.stdout.decode()


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize(
    "place",
    [
        'printf %s "{{ item }}"',
        "printf %s '{{ item }}'",
        "printf %s 'a'\"{{ item }}\" | sed 's/^a//'",
        "printf %s \"it's \"'{{ item }}' | sed \"s/^it's //\"",
        "printf %s \"$(printf %s '{{ item }}')\"",
        "true # don't\nprintf %s '{{ item }}'",
        "printf %s \"$(printf \"%s\" '(') \"'{{ item }}' | sed 's/^( //'",
    ],
)
def test_a_value_in_a_script_is_never_executed(value: str, place: str, tmp_path: Path) -> None:
    printed = shell_output(place, {"item": value}, tmp_path)
    assert printed.rstrip("\n") == value.rstrip("\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", EVIL)
def test_a_value_in_a_here_document(value: str, tmp_path: Path) -> None:
    script = "cat <<EOF | cat '-' # {{ item }}\nit's {{ item }}\nEOF\necho '{{ item }}' $((1 << 2))"
    assert shell_output(script, {"item": value}, tmp_path) == f"it's {value}\n{value} 4\n"
    assert list(tmp_path.iterdir()) == []


def test_a_quoted_here_document_can_have_no_values() -> None:
    message, _ = complaint("cat <<'EOF'\n{{ item }}\nEOF\n", Quoting.SHELL)
    assert message == "a value stands in the here-document `<<'EOF'`, in which nothing is expanded"


def test_raw_text_is_part_of_the_script(tmp_path: Path) -> None:
    assert shell_output("{{ item | raw }}; echo b", {"item": "echo a"}, tmp_path) == "a\nb\n"
    # What is made of raw text afterwards is a value again.
    assert shell_output("echo {{ item | raw | lower }}", {"item": "$(X)"}, tmp_path) == "$(x)\n"


def test_a_zero_character_reaches_no_script() -> None:
    with pytest.raises(SqlpipeError, match="zero character"):
        render("echo {{ item }}", {"item": "a\0b"}, Quoting.SHELL)
    with pytest.raises(SqlpipeError, match="zero character"):
        render("echo {{ item | raw }}", {"item": "\0000\0"}, Quoting.SHELL)


@pytest.mark.parametrize("value", ["x' or 1=1 --", "'; drop table t; --", 'a"b', "\\", "\\'", "a\nb", "*/ x", ""])
def test_a_value_in_sql_is_never_executed(value: str) -> None:
    sql = """
        select {{ item }} as "n{{ item }}", '{{ item }}', e'{{ item }}', 'it''s ' || {{ item }} -- {{ item }}
        /* a /* {{ item }} */ it's '{{ item }}' */
    """
    with duckdb.connect() as db:
        row = db.execute(render(sql, {"item": value}, Quoting.SQL).text).fetchone()
    assert row == (value, value, value, f"it's {value}")


def test_values_in_sql_keep_their_types() -> None:
    texts = [
        None,
        True,
        False,
        1,
        -2,
        1.5,
        float("inf"),
        date(2024, 1, 2),
        datetime(2024, 1, 2, 3),  # noqa: DTZ001 - a local time
        ["a'", 1],
        {"a": 1},
    ]
    assert [sql_literal(each) for each in texts] == [
        "null",
        "true",
        "false",
        "1",
        "(-2)",
        "1.5",
        "cast('inf' as double)",
        "date '2024-01-02'",
        "timestamp '2024-01-02 03:00:00'",
        "['a''', 1]",
        """'{"a": 1}'""",
    ]
    aware = datetime(2024, 1, 2, 3, tzinfo=UTC)
    sql = render("select 1-{{ n }}, {{ at }} = timestamptz '2024-01-02 03:00+00'", {"n": -1, "at": aware}, Quoting.SQL)
    with duckdb.connect() as db:
        assert db.execute(sql.text).fetchone() == (2, True)


@pytest.mark.parametrize("text", ["from t_{{ item.name }}", "{{ item.name }}{{ item.name }}", "'a'{{ item.name }}"])
def test_a_value_glued_to_something_in_sql_is_refused(text: str) -> None:
    assert complaint(text, Quoting.SQL)[0].startswith("a value is glued to a word")


def test_a_value_in_a_dollar_quoted_string_is_refused() -> None:
    assert complaint("select $a$ {{ item }} $a$", Quoting.SQL)[0].startswith("a value stands in a dollar-quoted")


def test_raw_text_makes_names_in_sql() -> None:
    assert render("from t_{{ item.name | raw }}", VALUES, Quoting.SQL).text == "from t_x"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("facts.extract.rows > 2", True),
        ("facts.extract.rows == 0 or not changed", False),
        ("facts.extract.items", [1, "b"]),
        ("nothing is defined", False),
        ("var('limit') + 1", 6),
    ],
)
def test_expressions(expression: str, value: object) -> None:
    assert evaluate(expression, VALUES) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("facts.extract.rws > 2", "`facts.extract.rws` is not there"),
        ("facts.extract.rws", "`facts.extract.rws` is not there"),
        ("facts.extract.rows >", "template: unexpected 'end of template'"),
        ("facts.extract.path > 2", "template: '>' not supported between instances of 'str' and 'int'"),
    ],
)
def test_expressions_that_fail(expression: str, message: str) -> None:
    with pytest.raises(SqlpipeError) as raised:
        evaluate(expression, VALUES)
    assert raised.value.diagnostics[0].message == message


def test_nested_values_keep_their_types_where_a_text_is_one_value() -> None:
    written = {"rows": "{{ facts.extract.rows }}", "all": ["{{ facts.extract.items }}", "n {{ item.name }}", 3, None]}
    assert render_values(written, VALUES) == {"rows": 3, "all": [[1, "b"], "n x", 3, None]}
