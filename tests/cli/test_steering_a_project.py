"""The commands of the orchestrator over a real project, one after the other as a person types them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result  # noqa: TC002 - as everywhere in the tests

from tests.cli.fake_app import invoke
from tests.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write(
        "sqlpipe.yml",
        """
name: shop
pipelines:
  nightly: {select: tasks.*, schedule: "0 6 * * *"}
  moved: {select: tasks.one, on: {events: landed}}
""",
    )
    made.write("tasks/one.yml", "bash: echo one; echo rows=3 >> $SQLPIPE_FACTS\n")
    made.write("tasks/two.yml", "bash: echo {{ facts.one.rows }}; test -f ready\n")
    return made


def called(shop: Shop, *words: str, code: int = 0) -> Result:
    result = invoke(*words, "-C", str(shop.root))
    assert result.exit_code == code, result.output
    return result


def document(shop: Shop, *words: str) -> Any:
    return json.loads(called(shop, *words, "--json").stdout)


def test_a_run_of_a_pipeline_fails_is_looked_at_and_is_retried(shop: Shop) -> None:
    failed = called(shop, "run", "-p", "nightly", code=1).stdout
    (record,) = document(shop, "runs", "-p", "nightly")
    assert (record["state"], record["select"]) == ("failed", ["tasks.*"])
    assert f"Again from here: sqlpipe retry {record['id'][-6:]} -C {shop.root}\n" in failed
    assert "exit code 1" in called(shop, "runs", "last").stdout
    assert called(shop, "logs", "last", "two", "-q").stdout.splitlines()[0] == "3"
    shop.write("ready", "")
    again = called(shop, "retry", record["id"][-6:]).stdout
    assert again.splitlines()[-1].startswith("1 built, 1 kept in ")
    assert document(shop, "runs", "last")["record"]["pipeline"] == "nightly"
    assert called(shop, "retry", "last", code=1).stderr.startswith("error[SP624]")


def test_a_run_as_json_that_is_retried(shop: Shop) -> None:
    called(shop, "run", code=1)
    lines = [json.loads(line) for line in called(shop, "retry", "last", "--json", code=1).stdout.splitlines()]
    assert [each["event"] for each in lines] == ["RunStarted", "NodeStarted", "NodeFinished", "RunFinished"]


def test_a_pipeline_is_steered(shop: Shop) -> None:
    assert "nightly is paused by " in called(shop, "pause", "nightly").stdout
    assert document(shop, "schedule", "list", "nightly")[0]["paused_by"]
    assert called(shop, "resume", "nightly").stdout == "nightly is not paused\n"
    queued = document(shop, "trigger", "nightly")
    assert "queued" in called(shop, "why", "tasks.two").stdout
    assert called(shop, "cancel", queued["id"]).stdout == f"run {queued['id'][-6:]} of nightly is cancelled\n"
    assert document(shop, "event", "landed", "--fact", "n=1")["facts"] == {"n": 1}
    assert called(shop, "event", "nothing", code=2).stderr.startswith("error[SP625]")
    assert called(shop, "trigger", "nothing", code=2).stderr.startswith("error[SP602]")


def test_what_is_not_there(shop: Shop) -> None:
    assert called(shop, "runs").stderr == "no runs\n"
    assert called(shop, "runs", "abc", code=2).stderr.startswith("error[SP623]")
    assert called(shop, "run", "-p", "nothing", code=2).stderr.startswith("error[SP602]")
    shop.write("sqlpipe.yml", "name: shop\n")
    assert called(shop, "schedule").stderr.startswith("no pipelines")


def test_a_preview_needs_neither_profile_nor_journal(shop: Shop) -> None:
    shop.write("profiles.yml", "no: [mapping")
    shown = called(shop, "schedule", "preview", "nightly", "--around", "2026-03-29", "-n", "2").stdout
    assert "Sat 2026-03-28 06:00 +00:00" in shown
    assert not (shop.root / ".sqlpipe" / "journal-dev.db").exists()


def test_a_journal_that_is_locked_is_told_and_is_no_bug(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    queued = document(shop, "trigger", "nightly")
    monkeypatch.setattr("sqlpipe.store.sqlite_book.BUSY_SECONDS", 0)
    with closing(sqlite3.connect(shop.root / ".sqlpipe" / "journal-dev.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        for words in (("cancel", queued["id"]), ("run",), ("retry", "last"), ("pause", "nightly")):
            assert "error[SP622]: the journal does not answer: " in called(shop, *words, code=1).stderr
        # Who only reads is not kept waiting.
        assert document(shop, "runs")[0]["state"] == "queued"
        assert document(shop, "why", "tasks.one")["conditions"]
