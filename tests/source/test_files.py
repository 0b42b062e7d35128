"""Files as a source: which there are, what is new, how DuckDB reads them."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.held import FileSeen
from sqlpipe.source.files import is_remote, is_text, list_files, new_or_changed, reader, refuse_changed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a folder whose name would be a pattern."""
    made = tmp_path / "shop [2024] it's *"
    (made / "landing" / "deep").mkdir(parents=True)
    for name in ("landing/b.csv", "landing/a.csv", "landing/deep/c.csv", "landing/note.txt", "landing/.hidden.csv"):
        (made / name).write_text(f"id,name\n1,{Path(name).stem}\n", encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("landing/*.csv", ["landing/a.csv", "landing/b.csv"]),
        ("landing/**/*.csv", ["landing/a.csv", "landing/b.csv", "landing/deep/c.csv"]),
        ("landing/a.csv", ["landing/a.csv"]),
        ("landing/[b-z].csv", ["landing/b.csv"]),
        ("landing/*", ["landing/a.csv", "landing/b.csv", "landing/note.txt"]),
        ("./landing/a.csv", ["landing/a.csv"]),
        ("nowhere/*.csv", []),
        ("landing", []),
        ("landing/a.csv/*", []),
    ],
)
def test_files_are_listed_by_name_without_folders(root: Path, pattern: str, expected: list[str]) -> None:
    assert [each.path for each in list_files(root, pattern)] == expected


def test_files_elsewhere_keep_their_whole_path(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("id\n1\n", encoding="utf-8")
    assert [each.path for each in list_files(root, str(outside))] == [outside.as_posix()]
    inside = root.as_posix().replace("[", "[[]").replace("*", "[*]")
    assert [each.path for each in list_files(root, f"{inside}/landing/a.csv")] == ["landing/a.csv"]


def test_files_beside_the_project_can_be_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("id\n1\n", encoding="utf-8")
    (found,) = list_files(root, "../outside.csv")
    assert _rows(reader(root, [found], lineage=False)) == [(1,)]


def test_size_and_time_are_those_of_the_file(root: Path) -> None:
    (found,) = list_files(root, "landing/a.csv")
    stat = (root / "landing/a.csv").stat()
    assert found == FileSeen("landing/a.csv", stat.st_size, stat.st_mtime_ns)


def test_a_link_to_nothing_is_no_file(root: Path) -> None:
    (root / "landing/gone.csv").symlink_to(root / "nothing")
    assert len(list_files(root, "landing/*.csv")) == 2


def test_a_link_in_a_circle_is_an_error_that_names_it(root: Path) -> None:
    (root / "landing/loop.csv").symlink_to(root / "landing/loop.csv")
    with pytest.raises(SqlpipeError, match=r"loop\.csv cannot be read") as caught:
        list_files(root, "landing/*.csv")
    assert caught.value.diagnostics[0].code == "SP506"


def test_what_was_not_read_or_has_changed_since_is_new() -> None:
    seen = {name: FileSeen(name, 10, 10) for name in ("same", "longer", "later", "gone")}
    present = [FileSeen("same", 10, 10), FileSeen("longer", 11, 10), FileSeen("later", 10, 11), FileSeen("new", 1, 1)]
    assert [each.path for each in new_or_changed(present, seen)] == ["longer", "later", "new"]
    assert new_or_changed([], seen) == []


def _rows(relation: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return sorted(connection.execute(f"select * from {relation}").fetchall())


def _read(root: Path, *patterns: str, lineage: bool = False) -> list[tuple[Any, ...]]:
    found = [file for pattern in patterns for file in list_files(root, pattern)]
    return _rows(reader(root, found, lineage=lineage))


def test_csv(root: Path) -> None:
    assert _read(root, "landing/*.csv") == [(1, "a"), (1, "b")]


def test_the_file_of_a_row_is_told(root: Path) -> None:
    rows = _read(root, "landing/*.csv", lineage=True)
    assert [row[2] for row in rows] == [f"{root}/landing/a.csv", f"{root}/landing/b.csv"]


def test_columns_are_matched_by_name(root: Path) -> None:
    (root / "landing/b.csv").write_text("name,id,extra\nb,1,x\n", encoding="utf-8")
    assert _read(root, "landing/*.csv") == [(1, "a", None), (1, "b", "x")]


def test_tabs_and_commas_together(root: Path) -> None:
    (root / "landing/t.tsv").write_text("id\tname\n2\tt\n", encoding="utf-8")
    assert _read(root, "landing/a.csv", "landing/t.tsv") == [(1, "a"), (2, "t")]


def test_compressed(root: Path) -> None:
    (root / "landing/z.csv.gz").write_bytes(gzip.compress(b"id,name\n3,z\n"))
    (root / "landing/z.jsonl.gz").write_bytes(gzip.compress(b'{"id": 4}\n'))
    assert _read(root, "landing/*.csv.gz") == [(3, "z")]
    assert _read(root, "landing/a.csv", "landing/*.csv.gz") == [(1, "a"), (3, "z")]
    assert _read(root, "landing/*.jsonl.gz") == [(4,)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", '[{"id": 1}, {"id": 2}]'),
        ("x.json", '{"id": 1}\n{"id": 2}\n'),
        ("x.jsonl", '{"id": 1}\n{"id": 2}\n'),
        ("x.NDJSON", '{"id": 1}\n{"id": 2}\n'),
    ],
)
def test_json(root: Path, name: str, content: str) -> None:
    (root / name).write_text(content, encoding="utf-8")
    assert _read(root, name) == [(1,), (2,)]


def test_parquet(root: Path) -> None:
    target = str(root / "x.parquet").replace("'", "''")
    duckdb.sql(f"copy (select 1 as id, 'p' as name) to '{target}' (format parquet)")
    assert _read(root, "*.parquet", lineage=True) == [(1, "p", f"{root}/x.parquet")]


def test_names_that_look_like_patterns_are_names(root: Path) -> None:
    (root / "landing/a[1].csv").write_text("id\n7\n", encoding="utf-8")
    (root / "landing/a1.csv").write_text("id\n8\n", encoding="utf-8")
    assert _read(root, "landing/a[[]1].csv") == [(7,)]


@pytest.mark.parametrize("names", [["note.txt"], ["a.csv", "x.json"], ["README"], ["a.csv.zip"]])
def test_what_cannot_be_read_together_is_refused(root: Path, names: list[str]) -> None:
    with pytest.raises(SqlpipeError) as caught:
        reader(root, [FileSeen(each, 1, 1) for each in names], lineage=False)
    assert caught.value.diagnostics[0].code == "SP506"
    assert ".parquet" in caught.value.diagnostics[0].help


def test_files_whose_types_are_guessed() -> None:
    assert is_text([FileSeen("a.csv.gz", 1, 1)])
    assert not is_text([FileSeen("a.parquet", 1, 1), FileSeen("B.PARQUET", 1, 1)])


@pytest.mark.parametrize(
    ("pattern", "remote"), [("s3://bucket/*.csv", True), ("https://x/y.csv", True), ("landing/*.csv", False)]
)
def test_an_address_is_no_path(pattern: str, remote: bool) -> None:
    assert is_remote(pattern) is remote


def test_files_that_stayed_as_they_were_are_taken(root: Path) -> None:
    refuse_changed(root, list_files(root, "landing/*.csv"))


def _grow(root: Path) -> None:
    with (root / "landing/a.csv").open("a", encoding="utf-8") as file:
        file.write("2,x\n")


def _touch(root: Path) -> None:
    os.utime(root / "landing/a.csv", ns=(1, 1))


def _remove(root: Path) -> None:
    shutil.rmtree(root / "landing")


@pytest.mark.parametrize("spoil", [_grow, _touch, _remove])
def test_a_file_that_changed_while_it_was_read_is_refused(root: Path, spoil: object) -> None:
    listed = list_files(root, "landing/*.csv")
    assert callable(spoil)
    spoil(root)
    with pytest.raises(SqlpipeError, match=r"landing/a\.csv changed while it was read") as caught:
        refuse_changed(root, listed)
    assert caught.value.diagnostics[0].code == "SP506"


def test_all_files_that_changed_are_counted(root: Path) -> None:
    listed = list_files(root, "landing/*.csv")
    _remove(root)
    with pytest.raises(SqlpipeError, match=r"\(and 1 more\)"):
        refuse_changed(root, listed)
