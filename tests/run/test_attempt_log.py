"""The log of an attempt: bounded, masked, readable while it grows."""

from __future__ import annotations

import json
import stat
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlpipe.load.secret import MASK, mask
from sqlpipe.run.log import AttemptLog, follow, read_log


def plain(text: str) -> str:
    return text


def texts(path: Path) -> list[str]:
    return [str(line["text"]) for _, line in read_log(path)]


def test_each_line_is_an_object(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "1.jsonl"
    with AttemptLog(path, plain, now=lambda: datetime(2024, 1, 2, tzinfo=UTC)) as log:
        log.write("stdout", "a\u2028é\ud800\x00", rows=3, sql="select 1", at_all=None, odd=Path("x"), many=["b"])
    assert json.loads(path.read_bytes().decode().rstrip("\n")) == {
        "at": "2024-01-02T00:00:00+00:00",
        "stream": "stdout",
        "text": "a\u2028é?\x00",
        "rows": 3,
        "sql": "select 1",
        "at_all": None,
        "odd": "x",
        "many": ["b"],
    }


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    AttemptLog(tmp_path / "1.jsonl", plain).close()
    assert stat.S_IMODE((tmp_path / "1.jsonl").stat().st_mode) == 0o600


def test_secrets_reach_it_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    secret = 'hunter2"\\é'
    with AttemptLog(path, lambda text: mask(text, [secret])) as log:
        log.write("stdout", f"it is {secret}.", sql=f"select '{secret}'", notes=[secret], more={secret: secret})
    written = path.read_bytes().decode()
    assert "hunter2" not in written
    assert written.count(MASK) == 5


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    log = AttemptLog(path, plain)
    log.write("stdout", "a")
    assert texts(path) == ["a"]
    log.close()
    log.write("stdout", "after the end")
    log.close()
    assert texts(path) == ["a"]


def test_of_too_much_the_head_and_the_tail_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    with AttemptLog(path, plain, most=20_000) as log:
        for number in range(2000):
            log.write("stdout", f"line {number}")
        assert texts(path)[0] == "line 0"
        assert texts(path)[-1].startswith("the log is full")
    lines = [line for _, line in read_log(path)]
    marks = [line for line in lines if line["stream"] == "sqlpipe"]
    assert [line["text"] for line in lines][-1] == "line 1999"
    assert [mark.get("left_out") for mark in marks] == [None, 2000 - (len(lines) - 2)]
    assert path.stat().st_size < 20_500


def test_a_log_that_is_full_by_little_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    with AttemptLog(path, plain, most=2000) as log:
        for number in range(20):
            log.write("stdout", f"{number}")
    numbers = [each for each in texts(path) if each.isdigit()]
    assert numbers == [str(number) for number in range(20)]
    assert not any("left_out" in line for _, line in read_log(path))


def test_a_file_that_is_there_is_gone_on_with_and_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    for poke in range(50):
        with AttemptLog(path, plain, most=3000) as log:
            log.write("sqlpipe", f"look {poke}")
    assert texts(path)[:2] == ["look 0", "look 1"]
    assert path.stat().st_size < 4000


def test_reading_goes_on_from_an_offset_and_leaves_what_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "torn\n{"text": "b"}\n{"text": "c"')
    lines = list(read_log(path))
    assert [line["text"] for _, line in lines] == ["a", "b"]
    assert list(read_log(path, lines[0][0])) == lines[1:]
    with path.open("ab") as file:
        file.write(b"}\n")
    assert [line["text"] for _, line in read_log(path, lines[1][0])] == ["c"]
    assert list(read_log(tmp_path / "none.jsonl")) == []


def test_following_ends_with_the_attempt_and_misses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    ended = threading.Event()

    def work() -> None:
        with AttemptLog(path, plain) as log:
            for number in range(300):
                log.write("stdout", str(number))
        ended.set()

    thread = threading.Thread(target=work)
    followed = follow(path, 0, ended.is_set)
    thread.start()
    found = [line["text"] for _, line in followed]
    thread.join()
    assert found == [str(number) for number in range(300)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_costs_the_log_and_not_the_task(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    path.symlink_to("/dev/full")
    with AttemptLog(path, plain) as log:
        log.write("stdout", "a")
