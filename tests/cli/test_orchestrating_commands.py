"""The commands of the orchestrator over runs and pipelines written by hand: what they ask, what they say."""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest

from sqlpipe.cli import foresee, past, steer
from sqlpipe.cli import person as person_module
from sqlpipe.domain.journal import Lease, RunState
from tests.cli.fake_app import FakeApp, invoke, transcript
from tests.cli.fake_orchestrating import LINES, NOW, RUNS, FakeOrchestrating, record

Golden = Callable[[str, str], None]


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> Stopped:
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.fixture
def runs(fake: FakeApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOrchestrating]:
    """The app as the commands see it, in a time zone of its own."""
    made = FakeOrchestrating()
    for module in (past, foresee, steer):
        monkeypatch.setattr(module, "orchestrating", made)
    monkeypatch.setattr(past, "datetime", Stopped)
    monkeypatch.setattr(steer, "who", lambda: "ann")
    monkeypatch.setattr(steer, "_LOOK", 0)
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "Europe/Vienna")
        time.tzset()
        yield made
    time.tzset()


def documents(*words: str) -> list[Any]:
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_runs(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/runs.txt", transcript(invoke("runs")))
    golden("cli/runs_ascii.txt", transcript(invoke("runs", charset="ascii")))
    assert runs.asked == {"pipeline": "", "states": [], "limit": 20, "before": ""}
    invoke("runs", "-p", "nightly", "--state", "failed", "--state", "queued", "-n", "3", "--before", "abc")
    assert runs.asked["states"] == [RunState.FAILED, RunState.QUEUED]
    assert (runs.asked["pipeline"], runs.asked["limit"], runs.asked["before"]) == ("nightly", 3, "abc")
    (found,) = documents("runs", "-n", "3")
    assert [each["id"] for each in found] == [each.id for each in RUNS[:3]]
    assert found[0]["created"] == "2026-03-03T05:00:00+00:00"


def test_a_state_that_there_is_not_is_wrong_usage(runs: FakeOrchestrating) -> None:
    result = invoke("runs", "--state", "faild")
    assert (result.exit_code, runs.asked) == (2, {})


def test_one_run(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/runs_one.txt", transcript(invoke("runs", "last")))
    golden("cli/runs_one_verbose.txt", transcript(invoke("runs", "last", "-v")))
    assert runs.asked["run"] == "last"
    (found,) = documents("runs", "last")
    assert set(found) == {"record", "nodes", "attempts", "ticks", "children"}
    assert found["nodes"][1]["facts"] == {"rows": 3, "path": "a\nb"}


def test_logs(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/logs.txt", transcript(invoke("logs", "last", "tasks.fetch")))
    assert runs.asked == {"run": "last", "node": "tasks.fetch", "attempt": None, "item": -1}
    assert invoke("logs", "last", "tasks.fetch", "-q").stdout.splitlines()[0] == "fetching"
    assert [each["offset"] for each in documents("logs", "last", "tasks.fetch")] == [1, 2, 3]
    result = invoke("logs", "-f", "abc", "tasks.fetch", "--attempt", "2", "--item", "0")
    assert (result.stdout, result.stderr) == ("", "it has said nothing\n")
    assert (runs.asked["followed"], runs.asked["attempt"], runs.asked["item"]) == ("abc", 2, 0)


def test_a_log_that_is_followed_says_where_another_attempt_begins(runs: FakeOrchestrating) -> None:
    runs.coming = [{**LINES[0], "attempt": number} for number in (1, 1, 2)]
    line = "07:00:00   fetching"
    assert invoke("logs", "-f", "last", "tasks.fetch").stdout.splitlines() == [line, line, "attempt 2", line]


def test_why(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/why.txt", transcript(invoke("why", "marts.revenue")))
    golden("cli/why_ascii.txt", transcript(invoke("why", "marts.revenue", charset="ascii")))
    assert "a pipeline selects it" not in invoke("why", "marts.revenue", "-q", "--run", "abc").stdout
    assert (runs.asked["node"], runs.asked["run"]) == ("marts.revenue", "abc")
    (found,) = documents("why", "marts.revenue")
    assert [each["met"] for each in found["conditions"]] == [True, False, False, None]
    assert found["conditions"][1]["at"] == "2026-03-03T06:00:00+00:00"


def test_schedule(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/schedule.txt", transcript(invoke("schedule")))
    (found,) = documents("schedule", "list", "nightly")
    assert runs.asked["pipeline"] == "nightly"
    assert [each["schedule"] for each in found] == [
        "at 06:00, Monday to Friday, Europe/Paris",
        "every 15 minutes",
        "on raw.orders, event landed",
        "by hand",
    ]
    assert [each["paused_by"] for each in found] == ["", "ann", "", ""]
    assert found[0]["next"]["at"] == "2026-03-04T06:00:00+00:00"


def test_schedule_preview(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/schedule_preview.txt", transcript(invoke("schedule", "preview")))
    assert runs.asked == {"pipeline": None, "around": None, "count": 10}
    invoke("schedule", "preview", "nightly", "--around", "2026-03-29", "-n", "2")
    assert runs.asked == {"pipeline": "nightly", "around": date(2026, 3, 29), "count": 2}
    invoke("schedule", "preview", "nightly", "--around", "2026-03-29T02:30+01:00")
    assert runs.asked["around"] == datetime.fromisoformat("2026-03-29T02:30+01:00")
    (found,) = documents("schedule", "preview")
    assert found[0]["ticks"][0]["local"] == "2026-03-29T03:00:00+02:00"
    assert invoke("schedule", "preview", "--around", "someday").exit_code == 2
    assert invoke("schedule", "nightly").exit_code == 2


def test_schedule_preview_needs_no_profile(runs: FakeOrchestrating, fake: FakeApp) -> None:
    invoke("schedule", "preview")
    assert fake.asked["with_profile"] is False
    assert runs.asked


def test_cancel(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/cancel.txt", transcript(invoke("cancel", "last")))
    assert runs.asked == {"run": "last", "who": "ann"}
    assert documents("cancel", "last")[0]["state"] == "cancelling"
    assert invoke("cancel", "last", "-q").output == ""


def test_retry(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/retry.txt", transcript(invoke("retry", "last", "--threads", "3")))
    # The id is looked up once: `last` is another run as soon as the new one begins.
    assert (runs.asked["run"], runs.asked["who"], runs.asked["threads"]) == (RUNS[3].id, "ann", 3)
    assert "-t prod" in invoke("retry", "last", "-t", "prod").stdout
    assert "tries again" not in invoke("retry", "last", "-q").stdout


def test_retry_by_the_scheduler(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/retry_queue.txt", transcript(invoke("retry", "last", "--queue")))
    assert runs.asked == {"run": "last", "who": "ann"}


def test_mark(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/mark.txt", transcript(invoke("mark", "last", "tasks.each", "done", "--reason", "by hand")))
    assert runs.asked["mark"] == ("last", "tasks.each", "done", "ann", "by hand")
    assert invoke("mark", "last", "tasks.each", "skipped").exit_code == 2


def test_pause_and_resume(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/pause.txt", transcript(invoke("pause", "nightly", "--reason", "moving")))
    assert runs.asked == {"pipeline": "nightly", "who": "ann", "reason": "moving"}
    golden("cli/resume.txt", transcript(invoke("resume", "nightly")))
    assert documents("pause", "nightly")[0]["paused_at"] == "2026-03-03T06:00:00+00:00"


def test_trigger(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/trigger.txt", transcript(invoke("trigger", "nightly")))
    runs.lease = Lease("h", 1, NOW)
    golden("cli/trigger_led.txt", transcript(invoke("trigger", "nightly", "--fact", "day=2026-03-03", "--fact", "n=3")))
    assert runs.asked["facts"] == {"day": "2026-03-03", "n": 3}
    assert invoke("trigger", "nightly", "--fact", "no").exit_code == 2


@pytest.mark.parametrize(("state", "code"), [(RunState.DONE, 0), (RunState.FAILED, 1), (RunState.CANCELLED, 1)])
def test_trigger_that_waits(runs: FakeOrchestrating, state: RunState, code: int) -> None:
    ends = [record(1, RunState.QUEUED), record(1, RunState.RUNNING), record(1, state, counts={"done": 2})]
    runs.ends = iter(ends)
    result = invoke("trigger", "nightly", "--wait")
    assert result.exit_code == code
    assert result.stdout == f"run 000001 is {state}: 2 done\n"
    assert "no scheduler is running" in result.stderr
    assert next(runs.ends, None) is None


def test_event(runs: FakeOrchestrating, golden: Golden) -> None:
    golden("cli/event.txt", transcript(invoke("event", "landed", "--fact", "path=in/a.csv")))
    assert (runs.asked["event"], runs.asked["facts"]) == ("landed", {"path": "in/a.csv"})


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert person_module.who() == "somebody"


def test_run_of_a_pipeline(fake: FakeApp) -> None:
    fake.events = ()
    assert invoke("run", "-p", "nightly", "-s", "x").exit_code == 2
    assert "selection" not in fake.asked
