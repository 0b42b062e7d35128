"""Every complaint about a project's files, with the very characters it points at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.project import find_root, load

Make = Callable[[Mapping[str, str | bytes]], Path]


def complaints(root: Path, environ: Mapping[str, str] | None = None) -> list[Diagnostic]:
    with pytest.raises(SqlpipeError) as raised:
        load(root, environ=environ or {})
    return list(raised.value.diagnostics)


def told(root: Path, complaint: Diagnostic) -> tuple[str, str, str, str]:
    """The code, the place, the characters over the caret, the message."""
    assert complaint.span is not None
    file, place = complaint.span.file, complaint.span.place
    lines = (root / file).read_text(encoding="utf-8", errors="replace").split("\n")
    marked = lines[place.line - 1][place.column - 1 : place.column - 1 + place.length]
    return complaint.code, f"{file}:{place.line}:{place.column}", marked, complaint.message


A = "models/m/a.sql"
B = {"models/m/b.sql": "select 1 as id, 2 as amount"}


def head(*lines: str, body: str = "select 1 as id, current_date as day") -> dict[str, str | bytes]:
    return {A: "\n".join(["/* sqlpipe", *lines, "*/", body])}


CASES: dict[str, tuple[dict[str, str | bytes], tuple[str, str, str, str], str]] = {
    "broken yaml": (
        head("kind: table", "tags: [a, b"),
        ("SP101", f"{A}:3:11", "b", "broken YAML: did not find expected ',' or ']'"),
        "",
    ),
    "colon in a value": (
        head("checks:", "  - expression: id: > 0"),
        ("SP101", f"{A}:3:19", ":", "broken YAML: mapping values are not allowed in this context"),
        "",
    ),
    "key twice": (
        head("kind: table", "kind: view"),
        ("SP101", f"{A}:3:1", "kind", "`kind` is given twice"),
        "first on line 2",
    ),
    "header without end": (
        {A: "/* sqlpipe\nkind: table\nselect 1"},
        ("SP101", f"{A}:1:1", "/* sqlpipe", "the header has no end"),
        "close it with `*/`",
    ),
    "header is no mapping": (
        head("- kind: table"),
        ("SP103", f"{A}:2:1", "-", "expected a mapping, found a list"),
        "the header takes",
    ),
    "unknown key": (
        head("kind: table", "descripton: x"),
        ("SP102", f"{A}:3:1", "descripton", "unknown key `descripton` in the header"),
        "did you mean `description`?",
    ),
    "key of another kind": (
        head("kind: view", "write: merge"),
        ("SP102", f"{A}:3:1", "write", "a node of kind `view` has no `write`"),
        "",
    ),
    "checks of an embedded query": (
        head("kind: embedded", "checks: [unique: id]"),
        ("SP102", f"{A}:3:1", "checks", "a node of kind `embedded` has no `checks`"),
        "",
    ),
    "wrong type": (
        head("kind: incremental", "time: {column: day, lookback: two}"),
        ("SP103", f"{A}:3:31", "two", "expected a whole number from 0 on, found `two`"),
        "",
    ),
    "wrong grain": (
        head("kind: incremental", "time: {column: day, grain: dya}"),
        ("SP103", f"{A}:3:28", "dya", "expected `hour`, `day`, `month` or `year`, found `dya`"),
        "did you mean `day`?",
    ),
    "time with a zone": (
        head("kind: incremental", "time: {column: day, start: 2024-01-01T00:00+02:00}"),
        (
            "SP103",
            f"{A}:3:28",
            "2024-01-01T00:00+02:00",
            "expected a time without a zone, found `2024-01-01T00:00+02:00`",
        ),
        "times are in the clock of the table",
    ),
    "header further down": (
        {A: "select 1 as id\n/* sqlpipe\nkind: table\n*/"},
        ("SP104", f"{A}:2:1", "/* sqlpipe", "the header is not at the top of the file"),
        "put it at the top",
    ),
    "second header": (
        {A: "/* sqlpipe\nkind: table\n*/\nselect 1 as id\n  /* sqlpipe\nkind: view */"},
        ("SP104", f"{A}:5:3", "/* sqlpipe", "the header is not at the top of the file"),
        "",
    ),
    "unknown kind": (
        head("kind: tabel"),
        ("SP105", f"{A}:2:7", "tabel", "unknown kind `tabel`"),
        "did you mean `table`?",
    ),
    "kind of another file": (
        head("kind: seed"),
        ("SP105", f"{A}:2:7", "seed", "a file like this cannot be of kind `seed`"),
        "here it can be `view`, `table`, `embedded`, `incremental` or `ingest`",
    ),
    "incremental without time": (
        head("kind: incremental"),
        ("SP106", f"{A}:2:7", "incremental", "a node of kind `incremental` needs `time`"),
        "such as `time: created_at`",
    ),
    "ingest without from": (
        head("kind: ingest"),
        ("SP106", f"{A}:2:7", "ingest", "a node of kind `ingest` needs `from`"),
        "",
    ),
    "ingest of a connection without query": (
        head("kind: ingest", "from: crm", body="-- nothing\n"),
        ("SP106", f"{A}:3:7", "crm", "an ingest from a connection needs a query"),
        "write the query to run in `crm` below the header",
    ),
    "merge without key": (
        head("kind: ingest", "from: d/*.csv", "write: merge"),
        ("SP106", f"{A}:4:1", "write", "`write: merge` needs `key`"),
        "",
    ),
    "files of a connection": (
        head("kind: ingest", "from: crm", "cursor: files"),
        ("SP103", f"{A}:4:1", "cursor", "`cursor: files` needs files, and `crm` is a connection"),
        "",
    ),
    "deletes by a column": (
        head("kind: ingest", "from: crm", "cursor: {column: day}", "key: id", "deletes: hard"),
        ("SP103", f"{A}:6:1", "deletes", "rows deleted in the source cannot be found by a column"),
        "",
    ),
    "check without rule": (
        head("checks:", "  - uniqe: id"),
        ("SP102", f"{A}:3:5", "uniqe", "unknown key `uniqe` in a check"),
        "did you mean `unique`?",
    ),
    "options but no rule": (
        head("checks:", "  - severity: warn"),
        ("SP106", f"{A}:3:5", "severity", "a check needs a rule"),
        "",
    ),
    "two rules": (
        head("checks:", "  - unique: id", "    not_null: id"),
        ("SP103", f"{A}:4:5", "not_null", "an item of `checks` holds one rule"),
        "",
    ),
    "severity": (
        head("checks:", "  - unique: id", "    severity: warning"),
        ("SP103", f"{A}:4:15", "warning", "expected `error` or `warn`, found `warning`"),
        "did you mean `warn`?",
    ),
    "tolerance": (
        head("checks:", "  - unique: id", "    tolerance: 500%"),
        ("SP103", f"{A}:4:16", "500%", "expected a percentage, found `500%`"),
        "",
    ),
    "null elsewhere": (
        head("checks:", "  - unique: id", "    null: pass"),
        ("SP102", f"{A}:4:5", "null", "`null` is an option of `expression` only"),
        "",
    ),
    "range without bounds": (
        head("checks:", "  - range: {column: id}"),
        ("SP106", f"{A}:3:5", "range", "`range` needs `min` or `max`"),
        "",
    ),
    "range upside down": (
        head("checks:", "  - range: {column: id, min: 5, max: 1}"),
        ("SP103", f"{A}:3:30", "5", "`min` is greater than `max`"),
        "",
    ),
    "freshness": (
        head("checks:", "  - freshness: {column: day, within: soon}"),
        ("SP103", f"{A}:3:38", "soon", "expected a duration, found `soon`"),
        "such as `30m`",
    ),
    "relation without a column": (
        head("checks:", "  - relationships: {column: id, to: b}"),
        ("SP103", f"{A}:3:37", "b", "`to` names no column"),
        "",
    ),
    "relation to nowhere": (
        {**B, **head("checks:", "  - relationships: {column: id, to: m.bb.id}")},
        ("SP203", f"{A}:3:37", "m.bb", "unknown table `m.bb`"),
        "did you mean `m.b`?",
    ),
    "relation to an unknown column": (
        {**B, **head("checks:", "  - relationships: {column: id, to: m.b.idd}")},
        ("SP201", f"{A}:3:37", "m.b", "unknown column `idd`"),
        "did you mean `id`?",
    ),
    "unknown column in a check": (
        head("checks:", "  - not_null: [id, dya]"),
        ("SP201", f"{A}:3:20", "dya", "unknown column `dya`"),
        "did you mean `day`?",
    ),
    "unknown time column": (
        head("kind: incremental", "time: days"),
        ("SP201", f"{A}:3:7", "days", "unknown column `days`"),
        "did you mean `day`?",
    ),
    "unknown described column": (
        head("columns:", "  idd: the id"),
        ("SP201", f"{A}:3:3", "idd", "unknown column `idd`"),
        "did you mean `id`?",
    ),
    "syntax of a condition": (
        head("checks:", "  - expression: id >"),
        ("SP202", f"{A}:3:20", ">", ""),
        "",
    ),
    "unknown table": (
        {**B, A: "select x.id\nfrom m.bs as x"},
        ("SP203", f"{A}:2:6", "m.bs", "unknown table `m.bs`"),
        "did you mean `m.b`?",
    ),
    "unknown bare table": (
        {**B, A: "/* sqlpipe\nkind: table\n*/ select id from bb"},
        ("SP203", f"{A}:3:19", "bb", "unknown table `bb`"),
        "did you mean `b`?",
    ),
    "reads itself": (
        {A: "select * from m.a"},
        ("SP203", f"{A}:1:15", "m.a", "`m.a` reads itself"),
        "only a node of kind `incremental`",
    ),
    "ambiguous": (
        {"models/x/b.sql": "select 1 as id", "models/y/b.sql": "select 1 as id", A: "select * from b"},
        ("SP204", f"{A}:1:15", "b", "`b` can mean 2 tables"),
        "write one of `x.b`, `y.b`",
    ),
    "unknown column": (
        {**B, A: "select\n  b.amuont\nfrom m.b as b"},
        ("SP201", f"{A}:2:5", "amuont", "unknown column `amuont`"),
        "did you mean `amount`?",
    ),
    "unknown added name": (
        {**B, **head("depends_on: {add: [m.c]}")},
        ("SP203", f"{A}:2:20", "m.c", "unknown table `m.c`"),
        "",
    ),
    "unknown lookup": (
        {**B, **head("kind: incremental", "time: day", "lookups: [m.bee]")},
        ("SP203", f"{A}:4:11", "m.bee", "unknown table `m.bee`"),
        "",
    ),
    "a check is no table": (
        {"checks/c.sql": "select 1 as id where false", A: "select * from checks.c"},
        ("SP203", f"{A}:1:15", "checks.c", "unknown table `checks.c`"),
        "",
    ),
    "placeholder without time": (
        {A: "select 1 as id where current_date >= :start"},
        ("SP206", f"{A}:1:38", ":start", "`:start` has no meaning here, for the node has no time column"),
        "",
    ),
    "template syntax": (
        {A: "select 1 as id\n{% for x in [1, 2] %}\nwhere"},
        (
            "SP110",
            f"{A}:2:1",
            "{% for x in [1, 2] %}",
            "template: Unexpected end of template. Jinja was looking for the following tags:",
        ),
        "",
    ),
    "template name": (
        {A: "/* sqlpipe\nkind: table\n*/\nselect 1 as id,\n  {{ nmae }} as x"},
        ("SP110", f"{A}:5:3", "{{ nmae }} as x", "template: 'nmae' is undefined"),
        "",
    ),
    "template variable": (
        {"sqlpipe.yml": "vars: {limit: 3}", A: "select 1 as id\nlimit {{ var('limt') }}"},
        ("SP110", f"{A}:2:1", "limit {{ var('limt') }}", "the variable `limt` is not set"),
        "did you mean `limit`?",
    ),
    "template environment": (
        {A: "select '{{ env_var('NOT_THERE') }}' as id"},
        (
            "SP109",
            f"{A}:1:1",
            "select '{{ env_var('NOT_THERE') }}' as id",
            "the environment variable `NOT_THERE` is not set",
        ),
        "",
    ),
    "error in a macro": (
        {"macros/x.sql": "{% macro one() %}\n{{ 1 / 0 }}\n{% endmacro %}", A: "select {{ one() }} as id"},
        ("SP110", "macros/x.sql:2:1", "{{ 1 / 0 }}", "template: division by zero"),
        "",
    ),
    "unknown table in a template": (
        {**B, A: "{% set t = 'b' %}\nselect id,\n  {{ '1' }} as x from {{ ref('c') }} where id > 0"},
        ("SP203", f"{A}:3:23", "{{ ref('c') }}", "unknown table `c`"),
        "",
    ),
    "unknown column in a template": (
        {**B, A: "{% for x in [1] %}\nselect {{ x }} as one, b.idd\n{% endfor %}from m.b as b"},
        ("SP201", f"{A}:2:26", "idd", "unknown column `idd`"),
        "did you mean `id`?",
    ),
    "one name": (
        {"models/m/A.sql": "select 1 as id", "models/m/deep/a.sql": "select 1 as id"},
        ("SP112", "models/m/deep/a.sql:1:1", "s", "models/m/A.sql and models/m/deep/a.sql are both named `m.a`"),
        "",
    ),
    "source named like a model": (
        {**B, "sqlpipe.yml": "sources:\n  m.B: written by others\n"},
        ("SP112", "sqlpipe.yml:2:3", "m.B", "models/m/b.sql and sqlpipe.yml are both named `m.B`"),
        "",
    ),
    "not utf-8": (
        {A: b"select 1 as id,\n 'caf\xe9' as x"},
        ("SP113", f"{A}:2:6", "\ufffd", "the file is not UTF-8"),
        "",
    ),
    "empty seed": (
        {"seeds/s.csv": ""},
        ("SP113", "seeds/s.csv:1:1", "", "the seed is empty"),
        "",
    ),
    "settings of no seed": (
        {**B, "seeds/s.yml": "types: {a: int}"},
        ("SP113", "seeds/s.yml:1:1", "t", "no seed stands beside these settings"),
        "expected seeds/s.csv, .json or .parquet",
    ),
    "side-car": (
        {"seeds/s.csv": "a\n1\n", "seeds/s.yml": "typs: {a: int}"},
        ("SP102", "seeds/s.yml:1:1", "typs", "unknown key `typs` in the header"),
        "did you mean `types`?",
    ),
    "not python": (
        {"models/m/p.py": "def model(:\n"},
        ("SP113", "models/m/p.py:1:11", ":", "not Python: invalid syntax"),
        "",
    ),
    "no function": (
        {"models/m/p.py": "x = 1\n"},
        ("SP106", "models/m/p.py:1:1", "x", "no function here that makes the table"),
        "",
    ),
    "two functions": (
        {"models/m/p.py": "def one(): ...\n\ndef two(): ...\n"},
        ("SP103", "models/m/p.py:3:1", "def two", "which function makes the table: `one`, `two`?"),
        "",
    ),
    "python input": (
        {**B, "models/m/p.py": "def model(m__b, m__c): ...\n"},
        ("SP203", "models/m/p.py:1:17", "m__c", "unknown table `m.c`"),
        "did you mean `m.b`?",
    ),
    "python header": (
        {"models/m/p.py": '"""sqlpipe\nkind: python\ntgas: [x]\n"""\ndef model(): ...\n'},
        ("SP102", "models/m/p.py:3:1", "tgas", "unknown key `tgas` in the header"),
        "did you mean `tags`?",
    ),
    "unknown setting": (
        {**B, "sqlpipe.yml": "nmae: shop\n"},
        ("SP102", "sqlpipe.yml:1:1", "nmae", "unknown key `nmae` in sqlpipe.yml"),
        "did you mean `name`?",
    ),
    "unknown default": (
        {**B, "sqlpipe.yml": "defaults:\n  models/m: {tgs: [a]}\n"},
        ("SP102", "sqlpipe.yml:2:14", "tgs", "unknown key `tgs` in the defaults of `models/m`"),
        "did you mean `tags`?",
    ),
    "default kind": (
        {**B, "sqlpipe.yml": "defaults:\n  models/m: {kind: tabel}\n"},
        ("SP105", "sqlpipe.yml:2:20", "tabel", "unknown kind `tabel`"),
        "",
    ),
    "default of no folder": (
        {**B, "sqlpipe.yml": "defaults:\n  models/mm: {kind: table}\n"},
        ("SP102", "sqlpipe.yml:2:3", "models/mm", "there is no folder `models/mm`"),
        "did you mean `models/m`?",
    ),
    "relation of a source": (
        {**B, "sqlpipe.yml": "sources:\n  x.y:\n    checks:\n      - relationships: {column: a, to: m.c.id}\n"},
        ("SP203", "sqlpipe.yml:4:40", "m.c", "unknown table `m.c`"),
        "",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_complaint(make: Make, case: str) -> None:
    files, expected, help = CASES[case]
    root = make(files)
    found = complaints(root)
    assert [(*told(root, each)[:3],) for each in found] == [expected[:3]]
    assert told(root, found[0])[3].startswith(expected[3])
    assert found[0].help.startswith(help)


def test_everything_is_said_at_once_in_the_order_of_files_and_lines(make: Make) -> None:
    root = make(
        {
            "models/m/b.sql": "/* sqlpipe\nkind: tabel\nx: 1\n*/\nselect frm",
            "models/m/a.sql": "/* sqlpipe\ntags: {}\nkey: 1\n*/\nselect * from nowhere.at_all",
            "models/m/c.sql": "select id from m.b, m.nothing",
            "sqlpipe.yml": "nam: x\n",
        }
    )
    assert [(each.code, each.span and f"{each.span.file}:{each.span.place.line}") for each in complaints(root)] == [
        ("SP103", "models/m/a.sql:2"),
        ("SP102", "models/m/a.sql:3"),
        ("SP105", "models/m/b.sql:2"),
        ("SP102", "models/m/b.sql:3"),
        ("SP203", "models/m/c.sql:1"),
        ("SP102", "sqlpipe.yml:1"),
    ]


def test_a_file_beyond_reading_still_has_its_name(make: Make) -> None:
    root = make({"models/m/b.sql": "select from from", "models/m/a.sql": "select x from m.b"})
    assert {each.span and each.span.file for each in complaints(root)} == {"models/m/b.sql"}


def test_a_mistake_in_the_defaults_is_told_once(make: Make) -> None:
    settings = "defaults:\n  models/m: {tolerance: x}\n"
    root = make({"sqlpipe.yml": settings, "models/m/a.sql": "select 1 as id", "models/m/b.sql": "select 1 as id"})
    assert [each.code for each in complaints(root)] == ["SP103"]


def test_no_project(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    with pytest.raises(SqlpipeError) as raised:
        find_root(tmp_path / "deep")
    (complaint,) = raised.value.diagnostics
    assert complaint.code == "SP107"
    assert complaint.notes[:2] == (
        f"looked for {tmp_path / 'deep' / 'sqlpipe.yml'}",
        f"looked for {tmp_path / 'sqlpipe.yml'}",
    )
    assert raised.value.exit_code == 2
    with pytest.raises(SqlpipeError, match="SP107"):
        load(tmp_path)


def test_the_root_is_found_from_below(make: Make) -> None:
    root = make({"models/m/a.sql": "select 1 as id"})
    assert find_root(root / "models" / "m") == root
    assert find_root(root) == root


def test_empty_project(make: Make) -> None:
    (complaint,) = complaints(make({}))
    assert (complaint.code, complaint.span) == ("SP111", None)


def test_unreadable_file(make: Make) -> None:
    root = make({"models/m/b.sql": "select 1 as id"})
    (root / "models/m/a.sql").symlink_to(root / "gone.sql")
    (complaint,) = complaints(root)
    assert (complaint.code, complaint.message) == ("SP113", "cannot be read: no such file or directory")


def test_the_frame_holds_the_line_and_the_one_before(make: Make) -> None:
    root = make({"models/m/a.sql": "select 1 as id\nfrom m.nothing"})
    (complaint,) = complaints(root)
    assert complaint.span is not None
    assert complaint.span.context == ((1, "select 1 as id"), (2, "from m.nothing"))
