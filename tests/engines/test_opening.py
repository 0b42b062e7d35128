"""Databases that can and cannot be opened, and what is said of them."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.engine.contract import Engine
from sqlpipe.engine.door import TYPES
from tests.engines.conftest import Opener


def _refused(opener: Opener, *, read_only: bool = False, **settings: object) -> Diagnostic:
    with pytest.raises(SqlpipeError) as caught:
        opener(read_only=read_only, **settings)
    assert caught.value.exit_code == 1
    return caught.value.diagnostics[0]


def test_columns_are_told_by_key_in_their_order(engine: Engine) -> None:
    assert engine.columns() == {}
    with engine.session() as session:
        session.execute("create schema raw")
        session.execute('create table raw."Straße B" (z integer, "A b" decimal(10, 2), s integer[])')
        session.execute('create view v as select z + 1 as y from raw."Straße B"')
        session.execute("create temp table hidden (a integer)")
        assert engine.columns() == {
            "main.v": (("y", "INTEGER"),),
            "raw.strasse b": (("z", "INTEGER"), ("A b", "DECIMAL(10,2)"), ("s", "INTEGER[]")),
        }


def test_relations_are_told_by_key_with_what_they_are(engine: Engine) -> None:
    with engine.session() as session:
        for statement in (
            'create schema "Marts"',
            'create table "Marts"."Daily Sales" as select 1 as a',
            'create view "Marts"."Große Kunden" as select 1 as a',
            "create temp table hidden as select 1 as a",
            "create table plain as select 1 as a",
        ):
            session.execute(statement)
        assert engine.relations() == {
            "marts.daily sales": "table",
            "marts.grosse kunden": "view",
            "main.plain": "table",
        }


def test_what_was_written_is_there_the_next_time(opener: Opener) -> None:
    first = opener()
    with first.session() as session:
        session.execute("create table t as select 42 as a")
    first.close()
    with opener(read_only=True).session() as session:
        assert session.query("select a from t") == [(42,)]


def test_the_database_is_called_by_its_path(opener: Opener, tmp_path: Path) -> None:
    assert opener().database == str(tmp_path / "shop.db")


def test_what_is_opened_for_reading_cannot_be_written(opener: Opener) -> None:
    opener().close()
    with opener(read_only=True).session() as session, pytest.raises(SqlpipeError) as caught:
        session.execute("create table t as select 1 as a")
    assert caught.value.diagnostics[0].code == "SP504"


def test_settings_are_passed_on(opener: Opener) -> None:
    with opener(settings={"threads": 1}).session() as session:
        assert session.query("select current_setting('threads')") == [(1,)]


@pytest.mark.parametrize("settings", [{"thread": 1}, {"threads": "many"}, {"threads": None}])
def test_settings_that_there_are_not_are_told(opener: Opener, settings: dict[str, object]) -> None:
    assert _refused(opener, settings=settings).code == "SP501"


def test_a_memory_limit_is_passed_on(opener: Opener) -> None:
    with opener(memory_limit="200MB").session() as session:
        assert session.query("select current_setting('memory_limit')") == [("190.7 MiB",)]


def test_many_small_tables_make_no_large_file(opener: Opener, tmp_path: Path) -> None:
    engine = opener()
    with engine.session() as session:
        for number in range(50):
            session.execute(f"create table t{number} as select 1 as a")
    engine.close()
    assert (tmp_path / "shop.db").stat().st_size < 50 * 50_000


def test_a_missing_folder_is_not_made(opener: Opener, tmp_path: Path) -> None:
    found = _refused(opener, path=str(tmp_path / "no" / "such" / "shop.db"))
    assert found.code == "SP501"
    assert "folder does not exist" in found.message
    assert str(tmp_path / "no" / "such") in found.help
    assert not (tmp_path / "no").exists()


def test_what_is_not_there_cannot_be_read(opener: Opener, tmp_path: Path) -> None:
    found = _refused(opener, read_only=True)
    assert found.code == "SP501"
    assert "there is no database" in found.message
    assert not (tmp_path / "shop.db").exists()


def test_a_folder_is_no_database(opener: Opener, tmp_path: Path) -> None:
    assert _refused(opener, path=str(tmp_path)).code == "SP501"


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"id,name\n1,x\n" * 2000, b"\0" * 20000])
def test_another_file_is_no_database_and_stays_as_it_is(opener: Opener, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "shop.db"
    path.write_bytes(content)
    found = _refused(opener)
    assert found.code == "SP503"
    assert "not a DuckDB database" in found.message
    assert path.read_bytes() == content


def test_a_damaged_file_is_told_as_such(opener: Opener, tmp_path: Path) -> None:
    opener().close()
    path = tmp_path / "shop.db"
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)
    found = _refused(opener)
    assert found.code == "SP503"
    assert "damaged" in found.message
    assert path.read_bytes() == content


def _of_a_newer_version(path: Path) -> None:
    """Write a higher number of the format into the header, and the checksum that DuckDB says it should have."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, 12, 4242)
    path.write_bytes(content)
    with pytest.raises(duckdb.Error) as caught:
        duckdb.connect(str(path)).close()
    computed = re.search(r"computed checksum (\d+)", str(caught.value))
    assert computed is not None, caught.value
    struct.pack_into("<Q", content, 0, int(computed[1]))
    path.write_bytes(content)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_a_newer_version_is_left_as_it_is(opener: Opener, tmp_path: Path, read_only: bool) -> None:
    opener().close()
    path = tmp_path / "shop.db"
    _of_a_newer_version(path)
    before = path.read_bytes()
    found = _refused(opener, read_only=read_only)
    assert found.code == "SP503"
    assert f"newer DuckDB than {duckdb.__version__}" in found.message
    assert "4242" in found.notes[0]
    assert "pip install" in found.help
    assert path.read_bytes() == before


def _unwritable(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0o555)
    with contextlib.suppress(OSError):
        (folder / "probe").touch()
        (folder / "probe").unlink()
        return Path("/sys")  # the superuser may write everywhere but in the kernel's own files
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody may write in: run it on Linux")
def test_a_folder_without_the_right_to_write(opener: Opener, tmp_path: Path) -> None:
    found = _refused(opener, path=str(_unwritable(tmp_path) / "shop.db"))
    assert found.code == "SP504"
    assert "permission denied" in found.message or "read-only" in found.message


_HOLDER = """
import sys, time
from sqlpipe.engine.door import open_engine
engine = open_engine({"type": sys.argv[1], "path": sys.argv[2]}, read_only=sys.argv[3] == "reading")
with engine.session() as session:
    session.query("select 1")
    print("open", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _held(path: Path, how: str = "writing") -> Iterator[int]:
    """Another process has the database open; its number."""
    command = [sys.executable, "-c", _HOLDER, TYPES[0], str(path), how]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"open\n"
        try:
            yield process.pid
        finally:
            process.stdin.close()
            process.wait(20)


@pytest.mark.parametrize("read_only", [False, True])
def test_who_holds_the_lock_is_named(opener: Opener, tmp_path: Path, read_only: bool) -> None:
    opener().close()
    with _held(tmp_path / "shop.db") as pid:
        found = _refused(opener, read_only=read_only)
    assert found.code == "SP502"
    assert f"(PID {pid})" in found.message
    assert "python" in found.message
    with opener().session() as session:
        assert session.query("select 1") == [(1,)]


def test_those_who_read_do_not_hinder_each_other(opener: Opener, tmp_path: Path) -> None:
    opener().close()
    with _held(tmp_path / "shop.db", "reading"):
        engine = opener(read_only=True)
        with engine.session() as session:
            assert session.query("select 1") == [(1,)]
        engine.close()
        assert _refused(opener).code == "SP502"


_FILLING = """
import resource, sys
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.engine.door import open_engine
engine = open_engine({"type": sys.argv[1], "path": sys.argv[2]})
with engine.session() as session:
    session.execute("create table kept as select 42 as a")
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
    try:
        with session.transaction():
            session.execute("create table large as select random() as r from range(5000000)")
    except SqlpipeError as error:
        print(error.diagnostics[0].code)
    print(session.query("select a from kept"), engine.relations())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files: run it on Linux or macOS")
def test_a_disk_that_is_full_costs_the_write_and_nothing_else(opener: Opener, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _FILLING, TYPES[0], str(tmp_path / "shop.db")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert result.stdout == "SP504\n[(42,)] {'main.kept': 'table'}\n", result.stderr
    with opener().session() as session:
        assert session.query("select a from kept") == [(42,)]
