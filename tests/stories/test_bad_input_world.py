"""A world that does not play along: databases, disks, other processes, Ctrl-C, and command lines with mistakes."""

from __future__ import annotations

import json
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.stories.bad_project import FILES, Shop

Golden = Callable[[str, str], None]

DAILY = "models/marts/daily.sql"
BIG = "/* sqlpipe\nkind: table\n*/\nselect i as id, md5(i::varchar) as text from range(400000) as t(i)\n"
ENDLESS = """/* sqlpipe
kind: table
*/
select count(*) as n from range(10000000) as a(i), range(10000000) as b(j) where i * j % 7 = 3
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project that has been built."""
    return Shop.make(tmp_path / "shop").built()


# Other processes.


@contextmanager
def held(shop: Shop) -> Iterator[None]:
    """Another process has the database open."""
    shop.write(
        {"../holder.py": "import duckdb\ndb = duckdb.connect('shop.duckdb')\nprint('open', flush=True)\ninput()\n"}
    )
    with subprocess.Popen(
        [sys.executable, "../holder.py"], cwd=shop.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield
        finally:
            process.communicate("\n")


def test_a_database_that_another_process_has_open(shop: Shop, golden: Golden) -> None:
    shop.write({DAILY: BIG})
    before = (shop.root / "shop.duckdb").read_bytes()
    with held(shop):
        told = [shop.call(*each.split(), "--wait", "0.3") for each in ("run", "plan", "show marts.daily")]
    golden("bad_input/database_locked.txt", told[0].text)
    assert {each.code for each in told} == {1}
    assert all(told[0].err.splitlines()[-2:] == each.err.splitlines()[-2:] for each in told)
    assert (shop.root / "shop.duckdb").read_bytes() == before


@contextmanager
def running(shop: Shop, node: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has come to a node."""
    with shop.start("run", "--json") as process:
        assert process.stdout is not None
        try:
            events = map(json.loads, process.stdout)
            assert any(each["event"] == "NodeStarted" and each["node"] == node for each in events)
            yield process
        finally:
            process.kill()


def test_ctrl_c_and_a_second_run(shop: Shop, golden: Golden) -> None:
    before = shop.tables()
    shop.write({DAILY: ENDLESS})
    with running(shop, "marts.daily") as process:
        second = shop.call("run", "--wait", "0.3")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert {json.loads(line)["state"] for line in out.splitlines() if "NodeFinished" in line} == {"cancelled"}
    assert "stopping: running queries are cancelled" in err
    assert shop.tables() == before
    golden("bad_input/second_run.txt", second.text)
    assert second.code == 1
    shop.write({DAILY: "select 1 as a\n"})
    assert "1 built" in shop.call("run").out
    assert shop.query("from marts.daily") == [(1,)]


# Disks.


def small(size: int) -> Callable[[], None]:
    """Let the files of a process grow to this many bytes only."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_a_disk_that_gets_full(shop: Shop, golden: Golden) -> None:
    shop.write({DAILY: BIG})
    before = shop.tables()
    told = shop.call("run", prepare=small(2_000_000))
    golden("bad_input/disk_full.txt", told.text)
    assert told.code == 1
    assert shop.tables() == before
    assert "1 built" in shop.call("run").out
    assert shop.query("select count(*) from marts.daily") == [(400_000,)]


def test_a_disk_that_is_full_from_the_beginning(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    told = shop.call("run", prepare=small(4000))
    golden("bad_input/disk_full_at_once.txt", told.text)
    assert told.code == 1
    assert "3 built" in shop.call("run").out


# Mounted in a name space of its own, so that nothing of it is left behind.
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1" && shift && exec "$@"'


@pytest.fixture
def unshare(tmp_path: Path) -> tuple[str, ...]:
    command = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", READ_ONLY, "sh")
    try:
        done = subprocess.run([*command, str(tmp_path), "true"], capture_output=True, check=False)
    except OSError:
        pytest.skip("needs `unshare` of util-linux")
    if done.returncode:
        pytest.skip("needs the right to make a user name space and to mount in it")
    return command


def test_a_folder_that_cannot_be_written(shop: Shop, unshare: tuple[str, ...], golden: Golden) -> None:
    before = (shop.root / "shop.duckdb").read_bytes()
    shop.write({DAILY: "select 1 as a\n"})
    command = (*unshare, str(shop.root))
    told = shop.call("run", before=command)
    golden("bad_input/read_only.txt", told.text)
    assert told.code == 1
    assert shop.call("show", "marts.daily", before=command).code == 0
    assert "kind changed" in shop.call("plan", before=command).out
    assert (shop.root / "shop.duckdb").read_bytes() == before


def test_a_folder_in_which_no_database_can_be_made(tmp_path: Path, unshare: tuple[str, ...], golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    golden("bad_input/read_only_at_once.txt", shop.call("run", before=(*unshare, str(shop.root))).text)


def test_a_folder_that_is_not_there(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    shop.write({"profiles.yml": "shop:\n  outputs:\n    dev: {type: duckdb, path: no/such/folder/shop.duckdb}\n"})
    golden("bad_input/folder_missing.txt", shop.refuse().text)


# Databases.


def test_a_file_that_is_no_database(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop")
    shop.write({"shop.duckdb": "id,name\n1,Ann\n"})
    told = shop.call("run")
    golden("bad_input/no_database.txt", told.text)
    assert told.code == 1
    assert (shop.root / "shop.duckdb").read_text() == "id,name\n1,Ann\n"


def checksum(block: bytes) -> int:
    """The checksum that DuckDB writes before each block of its file."""
    found = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        found ^= word * 0xBF58476D1CE4E5B9 & 0xFFFF_FFFF_FFFF_FFFF
    return found


def test_a_database_of_a_newer_format(shop: Shop) -> None:
    content = bytearray((shop.root / "shop.duckdb").read_bytes())
    content[12:20] = struct.pack("<Q", 4711)
    content[:8] = struct.pack("<Q", checksum(bytes(content[8:4096])))
    (shop.root / "shop.duckdb").write_bytes(content)
    for command in ("run", "plan", "show marts.daily"):
        told = shop.call(*command.split())
        assert told.code == 1
        assert told.err.startswith("error[SP503]: /shop/shop.duckdb was written by a newer DuckDB than ")
        assert "4711" in told.err
    assert "written by a newer DuckDB" in shop.call("doctor").out
    assert (shop.root / "shop.duckdb").read_bytes() == content


def test_a_damaged_database(shop: Shop) -> None:
    content = bytearray((shop.root / "shop.duckdb").read_bytes())
    content[5000:9000] = b"x" * 4000
    (shop.root / "shop.duckdb").write_bytes(content)
    told = shop.call("run")
    assert told.code == 1
    assert told.err.startswith("error[SP503]: /shop/shop.duckdb is damaged\n")
    (shop.root / "shop.duckdb").write_bytes(content[:4000])
    assert shop.call("run").err.startswith("error[SP503]: /shop/shop.duckdb is damaged\n")


def test_a_ledger_of_a_newer_format(shop: Shop, golden: Golden) -> None:
    shop.change("update _sqlpipe.format set format = 9")
    shop.write({DAILY: "select 1 as a\n"})
    golden("bad_input/ledger_newer.txt", shop.refuse().text)
    shop.refuse("plan")
    shop.refuse("show", "marts.daily")


# Command lines.


def test_where_a_command_is_called(tmp_path: Path) -> None:
    shop = Shop.make(tmp_path / "shop")
    assert "3 built" in shop.call("run", folder=shop.root / "models" / "marts").out
    assert "nothing to do" in shop.call("run", "-C", str(shop.root), folder=tmp_path).out
    shop.environ["SQLPIPE_PROJECT"] = str(shop.root)
    assert "nothing to do" in shop.call("run", folder=tmp_path).out
    shop.environ["SQLPIPE_THREADS"] = "3"
    assert "3 threads" in shop.call("run", folder=tmp_path).out


COMMANDS = (
    "rnu",
    "run --thread 2",
    "run --threads 0",
    "run -C /no/such/folder",
    "run -t prd",
    "run -s marts.dayly",
    "run -s +++daily",
    "run -s tag:nope",
    "run -s kind:tabel",
    "run -s state:modified",
    "show *.orders",
    "show marts.dayly",
    "render raw.ordres",
    "explain SP999",
)


def test_command_lines_with_mistakes(shop: Shop, golden: Golden) -> None:
    told = [shop.refuse(*each.split(), code=2) for each in COMMANDS]
    golden("bad_input/command_lines.txt", "\n".join(each.text for each in told))


def test_settings_in_the_environment_with_mistakes(shop: Shop, golden: Golden) -> None:
    told = []
    for name, value in (("SQLPIPE_THREADS", "many"), ("SQLPIPE_TARGET", "prd"), ("SQLPIPE_PROFILES", "/no/such")):
        shop.environ[name] = value
        told.append(f"{name}={value} {shop.refuse('run', code=2).text}")
        del shop.environ[name]
    golden("bad_input/environment.txt", "\n".join(told))


BROKEN = """
import sqlpipe.load.project as project


def load(root):
    raise EOFError


project.load = load
"""


def test_an_end_of_file_is_not_taken_for_ctrl_c(shop: Shop) -> None:
    shop.write({"hooks/sitecustomize.py": BROKEN})
    shop.environ["PYTHONPATH"] = f"{shop.environment()['PYTHONPATH']}:{shop.root / 'hooks'}"
    told = shop.call("run")
    assert told.code == 3
    assert "This is a bug in sqlpipe" in told.err


def test_a_project_without_a_database(tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop", FILES)
    golden("bad_input/nothing_built.txt", shop.refuse("show", "marts.daily").text)
    assert not (shop.root / "shop.duckdb").exists()
