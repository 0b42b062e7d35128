"""Commands over a fake app: what they ask of it, what they say, how they exit."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sqlpipe import app
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.history import State
from sqlpipe.domain.plan import Change, Plan, Step
from tests.cli.fake_app import (
    BY_NAME,
    NO_PROFILE,
    UNKNOWN_COLUMN,
    FakeApp,
    begun,
    ended,
    finished,
    invoke,
    mixed_run,
    some_plan,
    transcript,
)

Golden = Callable[[str, str], None]
ROWS = app.Rows(
    ("day", "country", "revenue", "note"),
    ("DATE", "VARCHAR", "DECIMAL(12,2)", "VARCHAR"),
    [
        (date(2026, 1, 1), "Österreich", Decimal("1234.50"), None),
        (date(2026, 1, 2), "日本", Decimal("-7.00"), "two\nlines \x1b[2J"),
        (date(2026, 1, 3), "Italy", None, "x" * 80),
    ],
    more=True,
)


def test_run(fake: FakeApp, golden: Golden) -> None:
    fake.events = mixed_run()
    golden("cli/run.txt", transcript(invoke("run", "-s", "+marts.revenue")))
    golden("cli/run_verbose.txt", transcript(invoke("run", "-v")))
    golden("cli/run_quiet.txt", transcript(invoke("run", "-q")))
    golden("cli/run_ascii.txt", transcript(invoke("run", charset="ascii")))


def test_run_passes_on_what_was_asked(fake: FakeApp) -> None:
    fake.events = (begun(), ended(0.1, done=1))
    result = invoke(
        *("run", "-s", "a b", "-s", "c", "-x", "d", "--threads", "3"),
        *("--full-refresh", "--fail-fast", "-t", "prod"),
        *("--wait", "7"),
    )
    assert result.exit_code == 0
    assert fake.asked["selection"] == app.Selection(("a b", "c"), ("d",))
    assert fake.asked["how"] == {"threads": 3, "full_refresh": True, "fail_fast": True, "wait": 7.0}
    assert fake.asked["target"] == "prod"


def test_the_environment_stands_in_for_flags_and_flags_win(fake: FakeApp, tmp_path: Path) -> None:
    fake.events = (begun(), ended(0.1, done=1))
    environment = {
        "SQLPIPE_TARGET": "prod",
        "SQLPIPE_THREADS": "7",
        "SQLPIPE_PROFILES": "p.yml",
        "SQLPIPE_PROJECT": str(tmp_path),
    }
    invoke("run", **environment)
    assert (fake.asked["target"], fake.asked["profiles"]) == ("prod", "p.yml")
    assert (fake.asked["how"]["threads"], fake.asked["start"]) == (7, tmp_path)
    invoke("run", "-t", "dev", "--threads", "1", **environment)
    assert (fake.asked["target"], fake.asked["how"]["threads"]) == ("dev", 1)


def test_run_with_nothing_to_do(fake: FakeApp, golden: Golden) -> None:
    fake.events = (begun(14), finished("marts.orders", State.UNCHANGED), ended(0.3, unchanged=14))
    golden("cli/run_nothing.txt", transcript(invoke("run")))
    assert invoke("run", "-q").output == ""


def test_an_interrupted_run_exits_with_130(fake: FakeApp, golden: Golden) -> None:
    cancelled = finished("marts.orders", State.CANCELLED, detail="interrupted")
    fake.events = (
        begun(),
        finished("staging.orders", action="view"),
        cancelled,
        ended(2, interrupted=True, done=1, cancelled=1),
    )
    golden("cli/run_interrupted.txt", transcript(invoke("run")))


def test_run_as_json_is_one_event_on_each_line_and_frames_on_stderr(fake: FakeApp) -> None:
    fake.events = mixed_run()
    result = invoke("run", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["event"] for each in events] == [type(each).__name__ for each in fake.events]
    assert events[4]["checks"][0]["note"] == "21 different values"
    assert result.stderr.startswith("error[SP402]")
    assert result.exit_code == 1


def test_again_names_the_place_that_was_named(fake: FakeApp, tmp_path: Path) -> None:
    fake.events = mixed_run()
    assert f"sqlpipe run -s +failed+ -t prod -C {tmp_path}\n" in invoke("run", "-t", "prod", "-C", str(tmp_path)).stdout
    assert "sqlpipe run -s +failed+\n" in invoke("run", SQLPIPE_TARGET="prod").stdout


def test_an_error_of_two_nodes_is_told_once(fake: FakeApp) -> None:
    lost = Diagnostic(code="SP501", message="connection lost")
    failed = [finished(name, State.FAILED, diagnostics=(lost,)) for name in ("staging.orders", "staging.customers")]
    fake.events = (begun(), *failed, ended(1, failed=2))
    assert invoke("run").stderr.count("SP501") == 1


def test_plan(fake: FakeApp, golden: Golden) -> None:
    fake.made = some_plan()
    golden("cli/plan.txt", transcript(invoke("plan")))
    golden("cli/plan_verbose.txt", transcript(invoke("plan", "-v")))
    golden("cli/plan_why.txt", transcript(invoke("plan", "--why", "revenue")))
    golden("cli/plan_why_unchanged.txt", transcript(invoke("plan", "--why", "STAGING.customers")))
    golden("cli/plan_why_unknown.txt", transcript(invoke("plan", "--why", "marts.revenu")))


def test_plan_takes_what_run_takes(fake: FakeApp) -> None:
    assert invoke("plan", "--threads", "2", "--fail-fast", "--full-refresh").exit_code == 0
    assert fake.asked["full_refresh"] is True


def test_plan_that_is_empty_or_done(fake: FakeApp) -> None:
    assert invoke("plan").stdout.endswith("nothing to do: 0 models are up to date\n")
    fake.made = Plan("dev", "shop.duckdb", (Step(BY_NAME["marts.orders"], Change.UNCHANGED, "", ""),))
    assert invoke("plan").stdout.endswith("nothing to do: 1 model is up to date\n")


def test_plan_as_json(fake: FakeApp) -> None:
    fake.made = some_plan()
    document = json.loads(invoke("plan", "--json").stdout)
    assert [step["name"] for step in document["steps"]][:2] == ["raw.orders", "staging.orders"]
    assert document["steps"][3]["intervals"] == [{"start": "2026-01-01T00:00:00", "end": "2026-03-03T00:00:00"}]
    assert document["steps"][3]["waits"] == ["staging.customers", "staging.orders"]


def test_ambiguous_why_names_both(fake: FakeApp) -> None:
    fake.made = some_plan()
    result = invoke("plan", "--why", "orders")
    assert result.exit_code == 2
    assert "say which: raw.orders, staging.orders, marts.orders" in result.stderr


def test_list(fake: FakeApp, golden: Golden) -> None:
    golden("cli/list.txt", transcript(invoke("list")))
    assert invoke("list", "-q").stdout.split() == list(BY_NAME)
    assert fake.asked["with_profile"] is False


def test_list_as_json(fake: FakeApp) -> None:
    listed = {each["name"]: each for each in json.loads(invoke("list", "--json").stdout)}
    assert listed["marts.orders"] == {
        "name": "marts.orders",
        "kind": "incremental",
        "path": "models/marts/orders.sql",
        "parents": ["staging.orders", "staging.customers"],
        "tags": [],
        "description": "",
        "columns": [
            {"name": "order_id", "description": "as the shop counts"},
            {"name": "ordered_at", "description": ""},
        ],
    }
    assert listed["staging.customers"]["tags"] == ["crm", "finance"]


def test_what_a_stream_cannot_show_is_spelled_out(fake: FakeApp) -> None:
    fake.rows = ROWS
    result = invoke("show", "marts.revenue", charset="ascii")
    assert result.exit_code == 0
    assert "\\xd6sterreich" in result.stdout
    assert "xxx..." in result.stdout


def test_list_of_nothing(fake: FakeApp) -> None:
    fake.nodes = ()
    result = invoke("list")
    assert (result.exit_code, result.stdout) == (0, "")


def test_check(fake: FakeApp, golden: Golden) -> None:
    assert transcript(invoke("check")) == "exit 0\n--- stdout\n5 models, 1 source, 3 checks: no errors\n"
    fake.errors = (UNKNOWN_COLUMN, NO_PROFILE)
    golden("cli/check.txt", transcript(invoke("check")))
    assert invoke("check", "-q").stdout == ""


def test_check_as_json(fake: FakeApp) -> None:
    fake.errors = (UNKNOWN_COLUMN,)
    result = invoke("check", "--json")
    document = json.loads(result.stdout)
    assert (document["errors"], document["diagnostics"][0]["span"]["place"]["line"]) == (1, 3)
    assert (result.exit_code, result.stderr) == (1, "")


def test_check_does_without_a_profile_unless_one_is_asked_for(fake: FakeApp) -> None:
    fake.profile_errors = (NO_PROFILE,)
    assert invoke("check").exit_code == 0
    assert fake.asked["with_profile"] is False
    assert invoke("check", "-t", "prod").exit_code == 1
    fake.profile_errors = (NO_PROFILE, UNKNOWN_COLUMN)
    assert "SP201" in invoke("check").stderr


def test_lineage(fake: FakeApp, golden: Golden) -> None:
    golden("cli/lineage.txt", transcript(invoke("lineage", "marts.orders")))
    golden("cli/lineage_ascii.txt", transcript(invoke("lineage", "marts.revenue", "--depth", "2", charset="ascii")))
    assert fake.asked["depth"] == 2
    document = json.loads(invoke("lineage", "marts.orders", "--json").stdout)
    assert document["upstream"][0]["children"][0]["name"] == "raw.orders"
    assert document["upstream"][2]["repeated"] is True


def test_render(fake: FakeApp) -> None:
    assert invoke("render", "marts.orders").stdout == "select *\nfrom marts.orders\n"
    assert json.loads(invoke("render", "marts.orders", "--json").stdout)["sql"] == "select *\nfrom marts.orders\n"


def test_show(fake: FakeApp, golden: Golden) -> None:
    fake.rows = ROWS
    golden("cli/show.txt", transcript(invoke("show", "marts.revenue")))
    assert (fake.asked["name"], fake.asked["limit"], fake.asked["failed"]) == ("marts.revenue", 20, False)
    invoke("show", "--sql", "select 1", "--limit", "5")
    assert (fake.asked["sql"], fake.asked["limit"]) == ("select 1", 5)


def test_show_as_json(fake: FakeApp) -> None:
    values = [datetime.fromisoformat("2026-01-01"), b"\x01", float("nan"), {"a": [1, None]}, True, Decimal("1.10")]
    fake.rows = app.Rows(tuple("abcdef"), ("X",) * 6, [tuple(values)], more=False)
    document = json.loads(invoke("show", "marts.revenue", "--json").stdout)
    assert document["rows"] == [["2026-01-01T00:00:00", "01", "nan", {"a": [1, None]}, True, "1.10"]]
    assert document["columns"][0] == {"name": "a", "type": "X"}


def test_show_without_rows(fake: FakeApp) -> None:
    fake.rows = app.Rows(("id",), ("INTEGER",), [], more=False)
    result = invoke("show", "marts.revenue", "--failed")
    assert (result.stdout, result.stderr) == ("id\ninteger\n", "no rows\n")


@pytest.mark.parametrize("arguments", [(), ("a", "--sql", "b"), ("--sql", "b", "--failed"), ("a", "--limit", "-1")])
def test_show_wants_one_thing(fake: FakeApp, arguments: tuple[str, ...]) -> None:
    assert invoke("show", *arguments).exit_code == 2


def test_doctor(fake: FakeApp, golden: Golden) -> None:
    fake.findings = (
        app.Finding("project", "ok", "shop", "sqlpipe.yml"),
        app.Finding("threads", "warn", "64 threads on 2 cores", "SQLPIPE_THREADS"),
        app.Finding("connection", "error", "cannot open shop.duckdb"),
    )
    golden("cli/doctor.txt", transcript(invoke("doctor")))
    assert "project" not in invoke("doctor", "-q").stdout
    assert len(json.loads(invoke("doctor", "--json").stdout)) == 3
    fake.findings = fake.findings[:2]
    assert invoke("doctor").exit_code == 0


@pytest.mark.parametrize("command", [("plan",), ("run",), ("list",), ("render", "a"), ("lineage", "a"), ("show", "a")])
def test_what_the_author_can_mend_is_a_frame(fake: FakeApp, command: tuple[str, ...]) -> None:
    fake.errors, fake.error_code = (UNKNOWN_COLUMN, NO_PROFILE), 2
    result = invoke(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error[SP201]")
    assert "\n\nerror[SP108]" in result.stderr
    told = json.loads(invoke(*command, "--json").stdout)
    assert [each["code"] for each in told["diagnostics"]] == ["SP201", "SP108"]


def test_what_nobody_foresaw_is_our_bug(fake: FakeApp) -> None:
    fake.bug = RuntimeError("boom")
    result = invoke("plan")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "RuntimeError: boom" in result.stderr
    assert "report it" in result.stderr


def test_colours_follow_flag_and_environment(fake: FakeApp) -> None:
    fake.events = mixed_run()
    assert "\x1b[" not in invoke("run").output
    assert "\x1b[31m" in invoke("run", FORCE_COLOR="1").stdout
    assert "\x1b[" not in invoke("run", "--no-color", FORCE_COLOR="1").output
    assert "\x1b[" not in invoke("run", NO_COLOR="1", FORCE_COLOR="1").output
    assert "\x1b[" not in invoke("run", FORCE_COLOR="0").output
