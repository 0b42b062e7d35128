"""Pipelines, pools and alerts as they are read from sqlpipe.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from sqlpipe.calendar.cron import parse
from sqlpipe.domain.diagnostic import Place, SqlpipeError
from sqlpipe.domain.schedule import (
    Alert,
    CatchUp,
    Cron,
    Deadline,
    Every,
    On,
    OnOverlap,
    Orchestration,
    Pipeline,
    Starter,
)
from sqlpipe.load.project import load
from sqlpipe.load.secret import hide

Make = Callable[[Mapping[str, str | bytes]], Path]

FILES = {"models/raw/orders.sql": "select 1 as id", "tasks/push.yml": "bash: x"}


def orchestration(make: Make, text: str, environ: Mapping[str, str] | None = None) -> Orchestration:
    """What is read, which is the same when it comes from the cache."""
    root = make({**FILES, "sqlpipe.yml": f"name: shop\n{text}"})
    found = load(root, environ=environ or {}).orchestration
    assert load(root, environ=environ or {}).orchestration == found
    return found


def pipeline(make: Make, text: str) -> Pipeline:
    (found,) = orchestration(make, f"pipelines:\n  a: {{{text}}}\n").pipelines
    return found


def complaints(make: Make, text: str) -> list[tuple[str, str]]:
    with pytest.raises(SqlpipeError) as raised:
        load(make({**FILES, "sqlpipe.yml": f"name: shop\n{text}"}), environ={})
    return [(each.code, each.message) for each in raised.value.diagnostics]


def test_nothing_said_is_as_usual(make: Make) -> None:
    assert orchestration(make, "") == Orchestration()
    found = pipeline(make, "")
    assert (found.starter, found.select, found.catch_up, found.place) == (None, (), CatchUp.MERGE, Place(3, 3))


@pytest.mark.parametrize(
    ("text", "starter"),
    [
        ('schedule: "0 6 * * *"', Cron("0 6 * * *")),
        ("schedule: 0 6 * * MON-fri, timezone: Europe/Paris", Cron("0 6 * * mon-fri", "Europe/Paris")),
        ('schedule: "  0   6 1,15 jan-mar/2 *  "', Cron("0 6 1,15 jan-mar/2 *")),
        ('schedule: "@daily"', Cron("0 0 * * *")),
        ('schedule: {cron: "@Weekly", timezone: America/New_York}', Cron("0 0 * * 0", "America/New_York")),
        ('schedule: "0 0 29 2 *"', Cron("0 0 29 2 *")),
        ('schedule: "0 0 31 2 mon"', Cron("0 0 31 2 mon")),
        ('schedule: "0 0 l * *"', Cron("0 0 l * *")),
        ('schedule: "0 0 * * 5#2"', Cron("0 0 * * 5#2")),
        ('schedule: "0 0 * * 5-7"', Cron("0 0 * * 5-7")),
        ("every: 15m", Every(900)),
        ("every: 90", Every(90)),
        ("schedule: {every: 1h30m}", Every(5400)),
        ("on: orders", On(("raw.orders",))),
        ("on: [RAW.Orders, tasks.push]", On(("raw.orders", "tasks.push"))),
        ("schedule: {on: {nodes: orders, events: [landed]}}", On(("raw.orders",), ("landed",))),
        ("on: {events: landed}", On((), ("landed",))),
    ],
)
def test_what_starts_it(make: Make, text: str, starter: Starter) -> None:
    found = pipeline(make, text).starter
    assert found == starter
    if isinstance(found, Cron):
        assert parse(found.expression) == found.expression


@pytest.mark.parametrize(
    "text",
    [
        *(
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 8",
            "-1 * * * *",
            "1.5 * * * *",
        ),
        *("5-1 * * * *", "*/0 * * * *", "*/60 * * * *", "1/2 * * * *", "*-3 * * * *", "a * * * *", "* * * foo *"),
        *("* * * * mon#6", "* * * * #2", "* * * * l", "* * W * *", "1,,2 * * * *", "* * * *", "* * * * * *"),
        *("0 0 30 2 *", "0 0 31 4,6,9,11 *", "@often", "@reboot"),
    ],
)
def test_cron_expressions_that_are_refused(make: Make, text: str) -> None:
    found = complaints(make, f'pipelines:\n  a: {{schedule: "{text}"}}\n')
    assert [code for code, _ in found] == ["SP601"]


def test_the_rest_of_a_pipeline(make: Make) -> None:
    text = """pipelines:
  nightly:
    description: every night
    select: [tag:mart, +raw.orders]
    exclude: kind:check
    every: 1h
    timezone: America/New_York
    delay: 30m
    start: 2026-01-01
    end: 2026-07-01T00:00:00+02:00
    catch_up: each
    window: 2d
    max_active_runs: 3
    on_overlap: cancel_running
    deadline: "08:00"
    count_paused: true
"""
    (found,) = orchestration(make, text).pipelines
    assert found.digest
    assert found == Pipeline(
        "nightly",
        Place(3, 3, 7),
        ("tag:mart", "+raw.orders"),
        ("kind:check",),
        Every(3600),
        1800,
        datetime(2026, 1, 1, 5, tzinfo=UTC),
        datetime(2026, 6, 30, 22, tzinfo=UTC),
        CatchUp.EACH,
        172800,
        3,
        OnOverlap.CANCEL_RUNNING,
        Deadline(clock=time(8), zone="America/New_York"),
        True,
        "every night",
        found.digest,
    )


def test_a_deadline_may_be_a_length_of_time(make: Make) -> None:
    assert pipeline(make, "deadline: 90m").deadline == Deadline(5400)


def test_the_digest_is_that_of_the_schedule_alone(make: Make) -> None:
    plain = pipeline(make, 'schedule: "0 6 * * *"').digest
    assert pipeline(make, 'schedule: "0  6 * * *", select: orders, window: 1d, catch_up: none').digest == plain
    others = ['schedule: "0 7 * * *"', 'schedule: "0 6 * * *", timezone: Europe/Paris', "every: 1h", "on: orders",
              "on: push", 'schedule: "0 6 * * *", delay: 1m', 'schedule: "0 6 * * *", start: 2026-01-01']  # fmt: skip
    assert len({plain, *(pipeline(make, each).digest for each in others)}) == len(others) + 1


def test_pools_alerts_and_the_rest(make: Make) -> None:
    text = """pools: {api: 2, disk: 1}
alerts:
  ops: {webhook: "https://hook/${TOKEN_OF_OPS}", rules: [run_failed, late]}
  mail: {url: "${MAIL_TO:-}"}
  pager: {command: "echo $${HOME} ${PAGER_OF:-none}", rules: late}
heartbeat: https://hc/${BEAT_OF_OPS}
keep: 30d
"""
    environ = {"TOKEN_OF_OPS": "hush-hush-1", "BEAT_OF_OPS": "hush-hush-2"}
    found = orchestration(make, text, environ)
    assert found.pools == {"api": 2, "disk": 1}
    assert found.alerts == (
        Alert("ops", webhook="https://hook/hush-hush-1", rules=("run_failed", "late")),
        Alert("pager", command="echo ${HOME} none", rules=("late",)),
    )
    assert (found.heartbeat, found.keep) == ("https://hc/hush-hush-2", 30 * 86400)
    assert hide("hush-hush-1 hush-hush-2") == "••• •••"


def test_secrets_stay_out_of_the_cache_and_follow_the_environment(make: Make) -> None:
    root = make({**FILES, "sqlpipe.yml": "name: shop\nheartbeat: https://hc/${BEAT_OF_DEV}\n"})
    assert load(root, environ={"BEAT_OF_DEV": "quiet-please"}).orchestration.heartbeat == "https://hc/quiet-please"
    assert "quiet-please" not in (root / ".sqlpipe/cache.json").read_text()
    assert load(root, environ={"BEAT_OF_DEV": "another-one"}).orchestration.heartbeat == "https://hc/another-one"
    with pytest.raises(SqlpipeError, match="SP109 the environment variable `BEAT_OF_DEV` is not set"):
        load(root, environ={})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pipelines: [a]", "SP103"),
        ("pipelines: {a: x}", "SP103"),
        ("pipelines: {a: {every: 0}}", "SP103"),
        ("pipelines: {a: {every: 0.5}}", "SP103"),
        ("pipelines: {a: {timezone: Europe}}", "SP601"),
        ("pipelines: {a: {timezone: ../../etc/passwd}}", "SP601"),
        ("pipelines: {a: {start: 2026-02-01, end: 2026-02-01}}", "SP601"),
        ("pipelines: {a: {deadline: '8:00 pm'}}", "SP103"),
        ("pipelines: {a: {every: 1m, on: orders}}", "SP601"),
        ("pipelines: {a: {schedule: {cron: '@daily', every: 1m}}}", "SP601"),
        ("pipelines: {a: {on: []}}", "SP601"),
        ("pools: {a: 0}", "SP103"),
        ("pools: 3", "SP103"),
        ("alerts: {a: {}}", "SP106"),
        ("keep: 0", "SP103"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Make, text: str, code: str) -> None:
    assert [each for each, _ in complaints(make, text + "\n")] == [code]


def test_a_node_that_it_is_on_has_to_be_there(make: Make) -> None:
    assert complaints(make, "pipelines: {a: {on: [raw.ordrs]}}\n") == [("SP614", "there is no node `raw.ordrs`")]
