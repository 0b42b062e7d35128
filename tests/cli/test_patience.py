"""Commands that read the database wait while another process has it, say who that is, and give up in time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import Result  # noqa: TC002 - as everywhere in the tests

from tests.cli.fake_app import invoke
from tests.shop import Shop

_HOLD = """
import duckdb, sys, time
db = duckdb.connect(sys.argv[1])
print('held', flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.model("marts.total", "kind: table", "select 1 as id")
    made.well()
    return made


@contextmanager
def held(shop: Shop, seconds: float) -> Iterator[int]:
    """Another process has the database for so long, or until this ends."""
    words = [sys.executable, "-c", _HOLD, str(shop.root / shop.database), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder.pid
        holder.kill()


def called(shop: Shop, *words: str, **environment: str) -> tuple[Result, float]:
    began = time.monotonic()
    result = invoke(*words, "-C", str(shop.root), **environment)
    return result, time.monotonic() - began


@pytest.mark.parametrize("words", [("plan",), ("show", "marts.total"), ("list", "-s", "failed+ marts.total")])
def test_reading_waits_until_the_database_is_free(shop: Shop, words: tuple[str, ...]) -> None:
    with held(shop, 0.7) as pid:
        result, _ = called(shop, *words)
    assert result.exit_code == 0
    assert result.stderr.startswith("waiting: ")
    assert result.stderr.count("waiting: ") == 1
    assert f"(PID {pid})" in result.stderr


def test_reading_gives_up_when_it_was_told_to(shop: Shop) -> None:
    with held(shop, 60) as pid:
        result, seconds = called(shop, "show", "marts.total", "--wait", "0.4")
        assert 0.4 <= seconds < 10
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"(PID {pid})" in result.stderr
        assert "error[SP502]" in result.stderr
        at_once, _ = called(shop, "plan", SQLPIPE_WAIT="0")
        assert at_once.exit_code == 1
        assert not at_once.stderr.startswith("waiting")
        assert called(shop, "plan", "-q", SQLPIPE_WAIT="0.1")[0].stderr.startswith("error[SP502]")


def test_a_patience_that_is_no_number_is_wrong_usage(shop: Shop) -> None:
    assert called(shop, "plan", "--wait", "-1")[0].exit_code == 2


@pytest.mark.parametrize("selection", ["marts.total", "failed+ marts.total"])
def test_a_run_waits_without_a_limit_and_says_for_whom(shop: Shop, selection: str) -> None:
    shop.model("marts.total", "kind: table", "select 2 as id")
    with held(shop, 1) as pid:
        result, _ = called(shop, "run", "-s", selection, SQLPIPE_WAIT="0")
    assert result.exit_code == 0
    assert f"(PID {pid})" in result.output
    assert result.output.count("waiting: ") == 1
    assert shop.rows("marts.total") == [(2,)]
