"""What is asked of the journal again and again does not take longer the more it remembers."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from sqlpipe.store.sqlite_book import open_book
from sqlpipe.store.statements import statements

# Asked in each pass of the scheduler, at the beginning of each run, or at its end.
OFTEN = [
    *(("runs", each) for each in ("standing", "step", "cover ticks", "skip ticks", "reopen ticks", "retire ticks")),
    *(("runs", each) for each in ("one", "waiting", "live", "active of pipeline", "queued of pipeline", "children")),
    *(("attempts", each) for each in ("attempt", "attempts in run", "attempts at node", "nodes", "live attempts")),
    *(("attempts", each) for each in ("last facts", "last well", "end attempt")),
    *(("ticks", each) for each in ("open", "left", "cover", "retake", "of run", "settle", "take", "supersede")),
    *(("happenings", each) for each in ("since", "latest", "unnumbered")),
]
# These hold only what has not come to its end yet.
SMALL = ("run_unfinished", "run_untold", "attempt_running", "tick_open", "tick_untold", "happening_unnumbered")


@pytest.mark.parametrize(("module", "name"), OFTEN)
def test_nothing_that_is_asked_often_reads_a_whole_table(tmp_path: Path, module: str, name: str) -> None:
    path = str(tmp_path / "journal.db")
    open_book(path, "").close()
    statement = statements(module)[name]
    values = dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", statement), "")
    connection = sqlite3.connect(path)
    plan = [row[3] for row in connection.execute(f"explain query plan {statement}", values)]
    connection.close()
    scans = [each for each in plan if re.match(r"SCAN (run|node|attempt|tick|happening)\b", each)]
    assert plan
    assert not [each for each in scans if not each.endswith(SMALL)], plan
