"""Whether a process is still there."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlpipe.run.clock import time_lapse
from sqlpipe.run.leadership import Leadership
from sqlpipe.run.owner import born, is_alive, this_process
from sqlpipe.store import owners
from sqlpipe.store.door import open_book

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told apart through /proc")


def test_one_that_has_died_and_was_not_waited_for_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    now = datetime.now(UTC)
    owner = replace(this_process(now, "x"), pid=process.pid, born=born(process.pid))
    assert is_alive(owner, now)
    process.kill()
    until = time.monotonic() + 10
    while is_alive(owner, now):
        assert time.monotonic() < until
        time.sleep(0.01)
    process.communicate()
    assert not is_alive(owner, now)


def test_a_number_that_was_given_to_another_process_is_not_taken_for_the_first() -> None:
    me = this_process(datetime.now(UTC), "x")
    assert is_alive(me, datetime.now(UTC))
    assert not is_alive(replace(me, born=me.born + 1), datetime.now(UTC))


@pytest.mark.parametrize("crossed_off", [False, True])
def test_nobody_waits_for_the_lease_of_a_leader_that_has_died(tmp_path: Path, *, crossed_off: bool) -> None:
    now = datetime.now(UTC)
    book = open_book(str(tmp_path / "journal.db"), "test")
    dead = replace(this_process(now, "dead"), id="dead", pid=_ended(), born=1)
    me = this_process(now, "me")
    for each in (dead, me):
        owners.register(book, each)
    first, second = (Leadership(book, each, ttl=600) for each in (dead, me))
    first.start()
    if crossed_off:  # as by the recovery that comes before
        owners.retire(book, dead.id)
    second.start()
    assert second.lease is not None
    assert second.lease.epoch == 2
    second.stop()
    first.stop()
    book.close()


def _ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_rehearsal_begins_when_it_is_begun() -> None:
    clock = time_lapse("2013-12-25 x3600")
    time.sleep(0.05)
    began = datetime(2013, 12, 25, tzinfo=UTC)
    assert (clock.now() - began).total_seconds() > 100
    assert (clock.from_here().now() - began).total_seconds() < 100
