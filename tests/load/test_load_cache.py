"""The cache: what it holds, when it no longer holds, and that it is quick."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from sqlpipe.domain.check import AcceptedValues, Check, Expression, Range, Tolerance
from sqlpipe.domain.diagnostic import Place, Severity, SqlpipeError
from sqlpipe.domain.interval import Grain
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import (
    CheckQuery,
    Column,
    ColumnCursor,
    FilesCursor,
    Incremental,
    Ingest,
    Project,
    Python,
    Seed,
    TimeColumn,
    View,
)
from sqlpipe.domain.query import ColumnUse, Query, Reference, Slice
from sqlpipe.load import project as loading
from sqlpipe.load import workers
from sqlpipe.load.codec import codec, decode, encode
from sqlpipe.load.complaints import Named
from sqlpipe.load.facts import Facts, Role, Settings, SourceFile, SourceTable
from sqlpipe.load.positions import Mark
from sqlpipe.load.reading import Context, Outcome, Reader

Make = Callable[[Mapping[str, str | bytes]], Path]

FILES: dict[str, str | bytes] = {
    "sqlpipe.yml": "name: shop\nvars: {limit: 3}\ndefaults:\n  models/m: {tags: [a]}\n",
    "models/m/a.sql": "/* sqlpipe\nkind: table\nchecks: [unique: id]\n*/\nselect id from m.b",
    "models/m/b.sql": "select {{ one() }} as id, '{{ env_var('WHO', 'x') }}' as who limit {{ var('limit') }}",
    "models/m/p.py": "import lib\ndef model(m__a): return m__a\n",
    "macros/one.sql": "{% macro one() %}1{% endmacro %}",
    "lib.py": "x = 1\n",
    "seeds/s.csv": "a\n1\n",
}


def counted(root: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> tuple[Project, list[str]]:
    """The project and the files that had to be read anew."""
    read: list[str] = []

    class Spy(Reader):
        def read(self, file: SourceFile) -> Outcome:
            read.append(file.path)
            return super().read(file)

    with monkeypatch.context() as patch:
        patch.setattr(workers, "Reader", Spy)
        return loading.load(root, environ=environ), read


def test_nothing_is_read_twice(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(FILES)
    first, read = counted(root, monkeypatch)
    assert sorted(read) == ["models/m/a.sql", "models/m/b.sql", "models/m/p.py", "seeds/s.csv"]
    second, read = counted(root, monkeypatch)
    assert read == []
    assert second == first


@pytest.mark.parametrize(
    ("path", "old", "new", "stale"),
    [
        ("models/m/a.sql", "unique", "not_null", ["models/m/a.sql"]),
        ("sqlpipe.yml", "name: shop", "name: other", []),
        ("sqlpipe.yml", "tags: [a]", "tags: [b]", ["models/m/a.sql", "models/m/b.sql", "models/m/p.py"]),
        ("sqlpipe.yml", "limit: 3", "limit: 4", ["models/m/b.sql"]),
        ("macros/one.sql", "1{%", "2{%", ["models/m/b.sql"]),
        ("lib.py", "x = 1", "x = 2", ["models/m/p.py"]),
        ("seeds/s.csv", "1", "2", []),
    ],
)
def test_only_what_a_change_concerns_is_read_again(
    make: Make, monkeypatch: pytest.MonkeyPatch, path: str, old: str, new: str, stale: list[str]
) -> None:
    root = make(FILES)
    before, _ = counted(root, monkeypatch)
    (root / path).write_text((root / path).read_text().replace(old, new))
    after, read = counted(root, monkeypatch)
    assert sorted(read) == stale
    assert after != before
    assert counted(root, monkeypatch) == (after, [])


def test_the_environment_counts_for_those_that_ask_for_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(FILES)
    counted(root, monkeypatch)
    project, read = counted(root, monkeypatch, WHO="me", OTHER="1")
    assert (read, "'me'" in project.nodes["m.b"].body) == (["models/m/b.sql"], True)
    (root / ".env").write_text("WHO=you\n")
    assert "'you'" in counted(root, monkeypatch)[0].nodes["m.b"].body
    assert "'me'" in counted(root, monkeypatch, WHO="me")[0].nodes["m.b"].body


def test_a_file_that_is_gone_leaves_the_cache(make: Make) -> None:
    root = make(FILES)
    loading.load(root, environ={})
    (root / "models/m/p.py").unlink()
    loading.load(root, environ={})
    assert "models/m/p.py" not in json.loads((root / ".sqlpipe/cache.json").read_text())["files"]


def test_wrong_files_are_told_again_and_the_right_ones_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make({**FILES, "models/m/wrong.sql": "select from"})
    with pytest.raises(SqlpipeError, match="SP202"):
        loading.load(root, environ={})
    with pytest.raises(SqlpipeError, match="SP202"):
        loading.load(root, environ={})
    (root / "models/m/wrong.sql").unlink()
    assert counted(root, monkeypatch)[1] == []


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": "0", "settings": [], "files": {}}',
        b"\xff\xfe",
        lambda held: {**held, "files": dict.fromkeys(held["files"], None)},
        lambda held: {**held, "files": {key: [] for key in held["files"]}},
        lambda held: {**held, "files": {key: [*each[:2], []] for key, each in held["files"].items()}},
        lambda held: {**held, "files": {key: [*each[:2], each[2][:-1]] for key, each in held["files"].items()}},
        lambda held: {
            **held,
            "files": {key: [*each[:2], [["Bad", []], *each[2][1:]]] for key, each in held["files"].items()},
        },
        lambda held: {**held, "settings": [held["settings"][0], "x"]},
        lambda held: {**held, "files": "x"},
    ],
)
def test_a_damaged_cache_is_no_cache(make: Make, damage: Any) -> None:
    root = make(FILES)
    first = loading.load(root, environ={})
    file = root / ".sqlpipe/cache.json"
    if callable(damage):
        damage = json.dumps(damage(json.loads(file.read_text())))
    file.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    assert loading.load(root, environ={}) == first


def test_the_cache_is_private_and_out_of_version_control(make: Make) -> None:
    root = make(FILES)
    loading.load(root, environ={})
    folder = root / ".sqlpipe"
    assert (folder / ".gitignore").read_text() == "*\n"
    assert sorted(each.name for each in folder.iterdir()) == [".gitignore", "cache.json"]
    assert stat.S_IMODE((folder / "cache.json").stat().st_mode) == 0o600


def test_without_a_place_for_the_cache_it_is_only_slower(make: Make) -> None:
    root = make({**FILES, ".sqlpipe": "a file, not a folder"})
    assert loading.load(root, environ={}) == loading.load(root, environ={})
    assert (root / ".sqlpipe").read_text() == "a file, not a folder"


def test_a_warm_start_imports_no_parser(make: Make) -> None:
    settings = (
        "name: shop\nvars: {limit: 3}\npipelines: {a: {schedule: '@daily', on_overlap: skip}}\nheartbeat: ${H:-h}\n"
    )
    tasks = {"tasks/t.yml": "bash: echo {{ facts.s.path }}", "tasks/s.yml": "sensor: {time: '06:30'}"}
    root = make({**FILES, "sqlpipe.yml": settings, **tasks})
    loading.load(root, environ={})
    program = (
        "import sys; from pathlib import Path; from sqlpipe.load.project import load;"
        f"print(len(load(Path({str(root)!r}), environ={{}}).nodes),"
        "[each for each in ('sqlglot', 'yaml', 'jinja2', 'duckdb', 'concurrent.futures') if each in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ)
    assert told.stdout.strip() == "6 []"


FACTS = Facts(
    kind=Ingest(
        "x",
        Place(1, 2, 3),
        ColumnCursor("c", 1.5),
        ("k",),
        time=TimeColumn("t", Grain.HOUR, datetime.fromisoformat("2024-01-02")),
    ),
    digest="d",
    rendered="select 1",
    marks=(Mark(0, 1, 2), Mark(3, 4, 5, 6)),
    query=Query(
        "q",
        (Reference(("a", "b"), 1, 2),),
        columns=("x",),
        slices=(Slice("a", "b"),),
        uses=(ColumnUse("a", "b", 1, 2),),
    ),
    tags=frozenset({"b", "a"}),
    columns=(Column("x", "y"),),
    checks=(
        Check(
            AcceptedValues("x", (1, "a", 2.5, True)), "n", Place(1, 1), Severity.WARNING, "w", Tolerance(percent=2.5)
        ),
        Check(Range("x", None, "9"), "m", Place(2, 2)),
        Check(Expression("a > 0", null_passes=True), "e", Place(3, 3)),
    ),
    adds=(Named("a", Place(1, 1)),),
    environment=("A",),
)


@pytest.mark.parametrize(
    "kind",
    [
        View(),
        Incremental(TimeColumn("t")),
        Seed({"a": "int"}),
        Ingest("x", Place(1, 1), FilesCursor()),
        Python("f", (("a", "b"),)),
        CheckQuery(FACTS.checks[0]),
        FACTS.kind,
    ],
)
def test_facts_survive(kind: Any) -> None:
    facts = replace(FACTS, kind=kind)
    assert decode(Facts, json.loads(json.dumps(encode(Facts, facts)))) == facts


def test_settings_survive() -> None:
    source = SourceTable(TableName("a", "b"), Place(1, 1), checks=FACTS.checks)
    settings = Settings(
        "n", "p", {"a": [1, {"b": None}]}, {"s": "x+"}, (source,), ((Named("models", Place(1, 1)), "d"),)
    )
    assert decode(Settings, json.loads(json.dumps(encode(Settings, settings)))) == settings


def test_a_type_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="no codec for"):
        codec(complex)


def sources(count: int) -> list[SourceFile]:
    texts = [f"select {number} as id, from" if number % 9 == 0 else f"select {number} as id" for number in range(count)]
    return [
        SourceFile(f"models/m/t{number}.sql", TableName("m", f"t{number}"), Role.MODEL, text)
        for number, text in enumerate(texts)
    ]


def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_processors", lambda: 2)
    monkeypatch.setattr(workers, "_may_start_processes", lambda: True)
    used: list[int] = []
    plain = workers._in_processes

    def spied(files: Any, context: Any, count: int) -> Any:
        used.append(count)
        return plain(files, context, count)

    monkeypatch.setattr(workers, "_in_processes", spied)
    context = Context(str(tmp_path))
    assert workers.read_files(sources(20), context, many=8) == workers.read_files(sources(20), context)
    assert used == [2]


def test_processes_may_be_spawned(tmp_path: Path) -> None:
    context = Context(str(tmp_path))
    with ProcessPoolExecutor(1, get_context("spawn"), workers._begin, (context,)) as pool:
        found = list(pool.map(workers._read, sources(10)))
    assert found == workers.read_files(sources(10), context)


def test_where_processes_cannot_be_started_one_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> Any:
        raise OSError("no processes here")

    monkeypatch.setattr(workers, "_processors", lambda: 2)
    monkeypatch.setattr(workers, "_may_start_processes", lambda: True)
    monkeypatch.setattr(workers, "_in_processes", refuse)
    assert len(list(workers.read_files(sources(20), Context(str(tmp_path)), many=8))) == 20
