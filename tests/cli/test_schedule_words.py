"""Cron expressions in words, where they are simple."""

from __future__ import annotations

import pytest

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.schedule import Cron, Every, Pipeline
from sqlpipe.plan.spoken import started


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 6 * * *", "at 06:00, daily"),
        ("30 18 * * 0", "at 18:30, Sunday"),
        ("5 4 * * mon-fri", "at 04:05, Monday to Friday"),
        ("5 4 * * 6-7", "at 04:05, Saturday to Sunday"),
        ("7 * * * *", "hourly at minute 7"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/1 * * * *", "every minute"),
        ("*/7 * * * *", "cron */7 * * * *"),
        ("*/15 9-17 * * *", "cron */15 9-17 * * *"),
        ("0 0 1 * *", "cron 0 0 1 * *"),
        ("0 0 * jan *", "cron 0 0 * jan *"),
        ("0 0 * * mon,fri", "cron 0 0 * * mon,fri"),
        ("0 0 * * fri#2", "cron 0 0 * * fri#2"),
        ("0 0 * * */2", "cron 0 0 * * */2"),
        ("0 0 * * mon-fri/2", "cron 0 0 * * mon-fri/2"),
        ("0,30 6 * * *", "cron 0,30 6 * * *"),
    ],
)
def test_cron(expression: str, words: str) -> None:
    assert started(Pipeline("p", Place(1, 1), starter=Cron(expression))) == f"{words}, UTC"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (60, "every minute"),
        (90, "every 90 seconds"),
        (7200, "every 2 hours"),
        (86400, "every day"),
        (1, "every second"),
    ],
)
def test_every(seconds: int, words: str) -> None:
    assert started(Pipeline("p", Place(1, 1), starter=Every(seconds))) == words
