"""Runs of a selection that somebody asks the scheduler for."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from sqlpipe.app.orchestrating import deeds, details, enqueue, history
from sqlpipe.app.serving import scheduler
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.graph.select import Selection
from tests.shop import Shop


def refused(workspace: Workspace, *select: str) -> Diagnostic:
    with pytest.raises(SqlpipeError) as caught:
        enqueue(workspace, Selection(select), "ann")
    return caught.value.diagnostics[0]


def ended(workspace: Workspace, run: RunRecord) -> RunRecord:
    end = datetime.now(UTC) + timedelta(seconds=20)
    while (found := details(workspace, run.id).record).finished is None:
        assert datetime.now(UTC) < end, found
        time.sleep(0.02)
    return found


def test_where_nobody_schedules_nothing_is_queued(shop: Shop) -> None:
    assert refused(shop.open()).code == "SP627"
    assert history(shop.open()) == []


def test_the_scheduler_carries_out_what_was_asked_for(shop: Shop) -> None:
    workspace = shop.open()
    with scheduler(workspace) as working:
        working.start()
        try:
            while not working.leads:
                time.sleep(0.01)
            asked = enqueue(workspace, Selection(("marts.total",)), "ann")
            assert (asked.state, asked.pipeline, asked.cause) == (RunState.QUEUED, "", "asked for by ann")
            assert ended(workspace, asked).counts == {"done": 1}
            again = enqueue(workspace, Selection(("marts.total",)), "ann")
            assert ended(workspace, again).counts == {"unchanged": 1}
            # There is no word for a part of the days: all of it is built anew.
            anew = enqueue(workspace, Selection(("+tasks.mail",), ("tasks.*",)), "bob", full_refresh=True)
            assert ended(workspace, anew).counts == {"done": 1}
            [node] = details(workspace, anew.id).nodes
            assert (node.node, node.state) == ("marts.total", State.DONE)
            # What means nothing is told at once, and not queued.
            assert refused(workspace, "nowhere").code == "SP302"
        finally:
            working.stop(5)
    assert sum(each.cause.startswith("asked for by") for each in history(workspace)) == 3
    told = deeds(workspace, 10)
    assert [(each.who, each.what, each.subject) for each in told] == [
        ("bob", "run", "+tasks.mail -x tasks.*"),
        ("ann", "run", "marts.total"),
        ("ann", "run", "marts.total"),
    ]
    assert told[0].detail == f"as {anew.id}, full refresh"
