"""Projects that are right: what becomes of their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from sqlpipe.domain.check import (
    AcceptedValues,
    Expression,
    Freshness,
    NotNull,
    Range,
    Relationships,
    RowCount,
    Tolerance,
    Unique,
)
from sqlpipe.domain.diagnostic import Place, Severity
from sqlpipe.domain.interval import Grain
from sqlpipe.domain.project import (
    CheckQuery,
    Column,
    ColumnCursor,
    FilesCursor,
    FullCursor,
    Incremental,
    Ingest,
    Node,
    Python,
    Seed,
    TimeColumn,
)
from sqlpipe.load.project import load

Make = Callable[[Mapping[str, str | bytes]], Path]

B = {"models/m/b.sql": "select 1 as id, 2 as amount"}


def node(root: Path, key: str, **variables: object) -> Node:
    return load(root, variables=variables, environ={}).nodes[key]


def parents(found: Node) -> list[str]:
    return [str(each) for each in found.parents]


def test_names_come_from_paths(make: Make) -> None:
    root = make(
        {
            "models/top.sql": "select 1 as id",
            "models/Staging/deep/er/Flights.sql": "select 1 as id",
            "models/staging/flights.v2.sql": "select 1 as id",
            "models/staging/Daily Delays.sql": "select 1 as id",
            "models/staging/.hidden.sql": "select from",
            "models/staging/_shared.py": "x = 1",
            "models/staging/notes.md": "x",
            "checks/deep/c.sql": "select 1 as id where false",
            "seeds/s.csv": "a\n1\n",
            "seeds/raw/t.json": "[]",
        }
    )
    nodes = load(root, environ={}).nodes
    assert [(key, str(each.name), each.path, each.kind_name) for key, each in nodes.items()] == [
        ("staging.flights", "Staging.Flights", "models/Staging/deep/er/Flights.sql", "view"),
        ("staging.daily delays", "staging.Daily Delays", "models/staging/Daily Delays.sql", "view"),
        ("staging.flights.v2", "staging.flights.v2", "models/staging/flights.v2.sql", "view"),
        ("main.top", "main.top", "models/top.sql", "view"),
        ("checks.c", "checks.c", "checks/deep/c.sql", "check"),
        ("raw.t", "raw.t", "seeds/raw/t.json", "seed"),
        ("seeds.s", "seeds.s", "seeds/s.csv", "seed"),
    ]


def test_settings(make: Make) -> None:
    settings = """
name: shop
profile: other
vars: {start: 2024-01-01, limit: 10, codes: [a, b]}
selections: {daily: "tag:mart+"}
sources:
  crm.people: {description: written by the CRM, columns: {id: key}, checks: [unique: id]}
  crm.orders:
"""
    project = load(make({"sqlpipe.yml": settings, **B}), variables={"limit": 5}, environ={})
    assert (project.name, project.profile) == ("shop", "other")
    assert project.variables == {"start": "2024-01-01", "limit": 5, "codes": ["a", "b"]}
    assert project.selections == {"daily": "tag:mart+"}
    people = project.nodes["crm.people"]
    assert (people.kind_name, people.path, people.description) == ("source", "sqlpipe.yml", "written by the CRM")
    assert people.columns == (Column("id", "key"),)
    assert [each.name for each in people.checks] == ["unique(id)"]
    assert "crm.orders" in project.nodes


def test_a_project_without_a_name_is_called_like_its_folder(make: Make) -> None:
    root = make({"sqlpipe.yml": "# nothing yet\n", **B})
    assert load(root, environ={}).name == root.name


def test_defaults_of_folders_are_merged(make: Make) -> None:
    settings = """
defaults:
  models/m/deep: {tags: [deep], kind: view}
  models: {tags: [all], kind: table, description: outer}
  models/m/: {tags: m, checks: [row_count: {min: 1}]}
"""
    files = {
        "models/m/deep/a.sql": "/* sqlpipe\ntags: own\n*/ select 1 as id",
        "models/m/b.sql": "/* sqlpipe\nkind: embedded\ndescription: inner\n*/ select 1 as id",
        "models/n/c.sql": "select 1 as id",
        "models/n/p.py": "def model(): ...",
    }
    nodes = load(make({"sqlpipe.yml": settings, **files}), environ={}).nodes
    assert {key: (each.kind_name, sorted(each.tags), each.description) for key, each in nodes.items()} == {
        "m.a": ("view", ["all", "deep", "m", "own"], "outer"),
        "m.b": ("embedded", ["all", "m"], "inner"),
        "n.c": ("table", ["all"], "outer"),
        "n.p": ("python", ["all"], "outer"),
    }
    assert [(each.name, each.place) for each in nodes["m.a"].checks] == [("row_count", Place(1, 1))]
    assert nodes["m.b"].checks == ()


def test_checks(make: Make) -> None:
    header = """/* sqlpipe
columns:
  id:
    description: key
    checks: [unique, not_null]
  amount:
    checks:
      - accepted_values: [1, two, 3.5, true]
      - range: {min: 0}
      - freshness: 6h
      - relationships: m.b.amount
checks:
  - unique: [id, amount]
    name: my own
    severity: warn
  - not_null: id
    where: amount > 0
  - relationships: {columns: [id, amount], to: b, fields: [id, amount]}
  - range: {column: id, min: 2024-01-01, max: "9"}
  - row_count: {min: 1, max: 10}
    tolerance: 5%
  - row_count: {max: 99}
    tolerance: 3
  - expression: "amount > 0"
    null: pass
  - freshness: {column: amount, within: 1h30m}
*/
select 1 as id, 2 as amount
"""
    found = node(make({**B, "models/m/a.sql": header}), "m.a")
    assert [each.rule for each in found.checks] == [
        Unique(("id",)),
        NotNull(("id",)),
        AcceptedValues("amount", (1, "two", 3.5, True)),
        Range("amount", 0),
        Freshness("amount", 6 * 3600),
        Relationships(("amount",), "m.b", ("amount",)),
        Unique(("id", "amount")),
        NotNull(("id",)),
        Relationships(("id", "amount"), "m.b", ("id", "amount")),
        Range("id", "2024-01-01", "9"),
        RowCount(1, 10),
        RowCount(None, 99),
        Expression("amount > 0", null_passes=True),
        Freshness("amount", 5400),
    ]
    assert [each.name for each in found.checks] == [
        "unique(id)",
        "not_null(id)",
        "accepted_values(amount)",
        "range(amount)",
        "freshness(amount)",
        "relationships(amount -> m.b.amount)",
        "my own",
        "not_null(id) #2",
        "relationships(id, amount -> b.id, amount)",
        "range(id)",
        "row_count",
        "row_count #2",
        "expression(amount > 0)",
        "freshness(amount) #2",
    ]
    assert (found.checks[6].severity, found.checks[7].where) == (Severity.WARNING, "amount > 0")
    assert [found.checks[number].tolerance for number in (10, 11)] == [Tolerance(percent=5), Tolerance(rows=3)]
    assert (found.checks[0].place, found.checks[6].place) == (Place(5, 14, 6), Place(13, 5, 6))
    assert parents(found) == ["m.b"]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("from: d/*.csv", {"cursor": FilesCursor(), "write": "append", "deletes": "ignore"}),
        ("from: crm", {"cursor": FullCursor(), "write": "append", "deletes": "ignore"}),
        ("from: crm\nkey: id", {"cursor": FullCursor(), "write": "merge", "deletes": "hard", "key": ("id",)}),
        (
            "from: crm\nkey: [id]\ncursor: {column: day, lag: 1d}\nwrite: append\nschema: freeze",
            {"cursor": ColumnCursor("day", 86400), "write": "append", "deletes": "ignore", "schema": "freeze"},
        ),
        ("from: crm\ncursor: {column: id, lag: 100}\nmax_deletes: 2.5%", {"max_deletes": 2.5}),
        ("from: x.csv\ntime: {column: day, grain: hour}", {"time": TimeColumn("day", Grain.HOUR)}),
    ],
)
def test_ingest(make: Make, header: str, kind: dict[str, object]) -> None:
    text = f"/* sqlpipe\nkind: ingest\n{header}\n*/ select id, day from t"
    found = node(make({"models/raw/a.sql": text}), "raw.a")
    assert isinstance(found.kind, Ingest)
    assert {key: getattr(found.kind, key) for key in kind} == kind
    assert found.kind.source_place.line == 3
    assert found.parents == ()


def test_ingest_of_files_without_a_query_takes_everything(make: Make) -> None:
    text = "/* sqlpipe\nkind: ingest\nfrom: data/**/*.parquet\n*/\n-- as it comes\n"
    found = node(make({"models/raw/a.sql": text}), "raw.a")
    assert isinstance(found.kind, Ingest)
    assert (found.kind.source, found.body) == ("data/**/*.parquet", "select * from source")
    assert found.kind.source_place == Place(3, 7, len("data/**/*.parquet"))
    assert found.lines == (3,)


def test_incremental(make: Make) -> None:
    text = """/* sqlpipe
kind: incremental
time: {column: day, grain: month, start: 2020-01-01, lookback: 2, batch: 3}
lookups: b
*/
select day from m.b as b, m.a where day >= :start and day < :end and exists (from (select day from m.a))
"""
    files = {**B, "models/m/a.sql": text, "models/m/b.sql": "select current_date as day"}
    found = node(make(files), "m.a")
    assert found.kind == Incremental(TimeColumn("day", Grain.MONTH, datetime(2020, 1, 1), 2, 3))  # noqa: DTZ001
    assert (parents(found), found.lookups) == (["m.b"], frozenset({"m.b"}))


def test_names_are_found_without_regard_to_case_catalog_or_schema(make: Make) -> None:
    files = {
        "models/m/b.sql": "select 1 as id",
        "models/n/b.sql": "select 1 as id",
        "models/n/sole.sql": "select 1 as id",
        "models/m/x.sql": "select * from B, SOLE, n.b, Shop.M.B, information_schema.tables, duckdb_tables()",
        "models/m/cte.sql": "with sole as (select 1 as id) select * from sole",
        "models/l/b.sql": "select 1 as id",
        "models/raw/flights.sql": "select 1 as id",
        "models/staging/flights.sql": "select id from flights",
    }
    nodes = load(make(files), environ={}).nodes
    assert parents(nodes["m.x"]) == ["m.b", "n.sole", "n.b"]
    assert parents(nodes["m.cte"]) == []
    assert parents(nodes["staging.flights"]) == ["raw.flights"]


def test_depends_on(make: Make) -> None:
    text = "/* sqlpipe\ndepends_on: {add: m.b, ignore: [x.y, m.c]}\n*/\nselect * from x.y, m.c"
    found = node(make({**B, "models/m/c.sql": "select 1 as id", "models/m/a.sql": text}), "m.a")
    assert parents(found) == ["m.b"]


def test_columns_of_structs_and_of_the_database_are_let_be(make: Make) -> None:
    files = {
        "models/m/b.sql": "select {'x': 1} as point, 1 as id",
        "models/m/a.sql": "select b.point.x, point.x as y, b.rowid as r, b.ID from m.b as b",
        "models/m/c.sql": "select anything from m.star",
        "models/m/star.sql": "select * from raw.r",
        "models/raw/r.sql": "/* sqlpipe\nkind: ingest\nfrom: x.csv\n*/ select a from source",
        "models/m/d.sql": "select of_earlier_loads from raw.r",
    }
    assert parents(node(make(files), "m.a")) == ["m.b"]


def test_seeds(make: Make) -> None:
    files: dict[str, str | bytes] = {
        "seeds/s.csv": "a,b\n1,2\n",
        "seeds/s.yml": "description: two\ntypes: {a: varchar}\ntags: x\nchecks: [unique: a]\n",
        "seeds/t.parquet": b"\x00\xff",
    }
    root = make(files)
    found = node(root, "seeds.s")
    assert (found.kind, found.description, found.tags) == (Seed({"a": "varchar"}), "two", frozenset({"x"}))
    assert found.checks[0].place == Place(4, 10, 6)
    (root / "seeds/s.csv").write_text("a,b\n1,3\n")
    assert node(root, "seeds.s").digest != found.digest
    (root / "seeds/s.csv").write_text("a,b\n1,2\n")
    assert node(root, "seeds.s").digest == found.digest


def test_check_queries(make: Make) -> None:
    text = "/* sqlpipe\nseverity: warn\ntolerance: 2\ndescription: d\n*/\nselect * from m.b where id < 0"
    found = node(make({**B, "checks/c.sql": text}), "checks.c")
    assert isinstance(found.kind, CheckQuery)
    check = found.kind.check
    assert (check.rule, check.name) == (Expression("false"), "checks.c")
    assert (check.severity, check.tolerance, parents(found)) == (Severity.WARNING, Tolerance(rows=2), ["m.b"])


PYTHON = '''"""sqlpipe
kind: python
tags: [x]
checks:
  - unique: id
"""
from lib import helper

def model(m__b, c):
    """Doc."""
    # comment
    return helper(m__b, c)
'''


def test_python(make: Make) -> None:
    files = {
        **B,
        "models/m/c.sql": "select 1 as id",
        "models/m/p.py": PYTHON,
        "lib.py": "def helper(*a): return a[0]\n",
    }
    root = make(files)
    found = node(root, "m.p")
    assert found.kind == Python("model", (("m__b", "m.b"), ("c", "m.c")))
    assert (parents(found), found.tags, found.checks[0].place.line) == (["m.b", "m.c"], frozenset({"x"}), 5)


def test_python_digest_ignores_comments_and_notices_imported_files(make: Make) -> None:
    files = {
        **B,
        "models/m/c.sql": "select 1 as id",
        "models/m/p.py": PYTHON,
        "lib/__init__.py": "from lib.inner import helper\n",
        "lib/inner.py": "def helper(*a): return a[0]\n",
    }
    root = make(files)
    before = node(root, "m.p").digest
    (root / "models/m/p.py").write_text(PYTHON.replace("# comment", "# other").replace("Doc.", "Words."))
    assert node(root, "m.p").digest == before
    (root / "lib/inner.py").write_text("def helper(*a): return a[1]\n")
    assert node(root, "m.p").digest != before


def digest_of(root: Path, text: str) -> str:
    (root / "models/m/a.sql").write_text(text)
    return node(root, "m.a").digest


def test_digest(make: Make) -> None:
    root = make({**B, "models/m/a.sql": "select id from m.b"})
    plain = digest_of(root, "select id from m.b")
    same = "/* sqlpipe\ndescription: d\ntags: x\nchecks: [unique: id]\n*/\nSELECT id  -- c\nFROM m.b"
    assert digest_of(root, same) == plain
    assert digest_of(root, "/* sqlpipe\nkind: table\n*/ select id from m.b") != plain
    assert digest_of(root, "select id + 1 as id from m.b") != plain

    def incremental(time: str) -> str:
        return digest_of(root, f"/* sqlpipe\nkind: incremental\ntime: {{column: id, {time}}}\n*/ select id from m.b")

    assert incremental("lookback: 1") == incremental("batch: 7")
    assert incremental("grain: hour") != incremental("grain: day")


@pytest.mark.parametrize(
    ("text", "body", "line"),
    [
        ("select 1", "select 1", 1),
        ("/* sqlpipe\nkind: table\n*/\nselect 1", "select 1", 4),
        ("/* sqlpipe\nkind: table\n*/ select 1", "   select 1", 3),
        ("/* sqlpipe kind: table */ select 1", " " * 25 + " select 1", 1),
        ("-- c\n\n/* sqlpipe\r\nkind: table\r\n*/\r\nselect\r\n1", "select\n1", 6),
        ("/**sqlpipe\nkind: table\n*/\nselect 1", "select 1", 4),
        ("/* about sqlpipe */ select 1", "/* about sqlpipe */ select 1", 1),
        ("select '/* sqlpipe\n' as x -- /* sqlpipe\n", "select '/* sqlpipe\n' as x -- /* sqlpipe\n", 1),
        ("/* sqlpipe\ntags: [a] */ select /* b\n*/ 1", " " * 12 + " select /* b\n*/ 1", 2),
        ("\ufeff/* sqlpipe\n*/\nselect 1", "select 1", 3),
    ],
)
def test_bodies_keep_lines_and_columns(make: Make, text: str, body: str, line: int) -> None:
    found = node(make({"models/m/a.sql": text}), "m.a")
    assert (found.body, found.body_line) == (body, line)


def test_country_codes_are_texts(make: Make) -> None:
    header = "checks:\n  - accepted_values: {column: c, values: [no, on, 12:30, 007, 1e3, ~x]}"
    text = f"/* sqlpipe\n{header}\n*/ select 'no' as c"
    (check,) = node(make({"models/m/a.sql": text}), "m.a").checks
    assert check.rule == AcceptedValues("c", ("no", "on", "12:30", 7, 1000.0, "~x"))
