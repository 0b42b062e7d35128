"""Health: since when a check fails, which runs are late, how nodes stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sqlpipe.app.health import Health, checks_of, failing_since, health, rows_of_interest
from sqlpipe.app.node_past import past_of, pipelines_with
from sqlpipe.app.node_states import node_states
from sqlpipe.app.running import journal_of
from sqlpipe.app.surveying import CheckDay, Survey, survey
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.store import runs
from tests.shop import Shop


def day(number: int, looks: int, failures: int) -> CheckDay:
    return CheckDay("a.b", "unique(id)", date(2024, 3, number), looks, failures, failures)


@pytest.mark.parametrize(
    ("days", "since"),
    [
        ([], None),
        ([day(1, 1, 0)], None),
        ([day(1, 1, 1)], 1),
        ([day(1, 1, 1), day(4, 2, 2)], 1),
        ([day(1, 1, 1), day(2, 1, 0), day(3, 1, 1), day(4, 1, 1)], 3),
        ([day(1, 1, 1), day(2, 2, 1), day(3, 1, 1)], 2),
        ([day(3, 1, 1), day(1, 1, 1), day(2, 1, 0)], 3),
        ([day(1, 1, 1), day(2, 1, 0)], None),
    ],
)
def test_since_when_a_check_fails(days: list[CheckDay], since: int | None) -> None:
    assert failing_since(days) == (since and date(2024, 3, since))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.write(
        "sqlpipe.yml",
        "name: shop\npipelines:\n  all: {}\n  marts: {select: marts.*}\n  again: {select: [failed, marts.inner]}\n",
    )
    made.model("raw.one", "kind: table", "select 1 as n")
    made.model("marts.two", "kind: table\nchecks:\n  - range: {column: n, max: 1}", "select n from raw.one")
    made.model("marts.inner", "kind: embedded", "select 1 as n")
    return made


def look(shop: Shop) -> tuple[Survey, Health]:
    workspace = shop.open()
    found = survey(workspace)
    return found, health(workspace, found, shop.now)


def test_a_project_without_runs_has_nothing_to_complain_of(shop: Shop) -> None:
    _, found = look(shop)
    assert (found.complaints, found.failures, found.missed, found.recent, found.last) == ((), (), (), (), None)
    assert {each.pipeline for each in found.due} == {"all", "marts", "again"}


def test_only_the_latest_run_of_a_pipeline_can_be_late(shop: Shop) -> None:
    shop.well()
    due = shop.now - timedelta(hours=1)
    begun = RunRecord(id="r1", state=RunState.RUNNING, created=due, pipeline="all", deadline=due, started=due)
    records = [
        replace(begun, created=due - timedelta(days=1)),
        replace(begun, id="r2", state=RunState.DONE, finished=due - timedelta(minutes=1)),
        replace(begun, id="r3", pipeline="marts", state=RunState.DONE, finished=due + timedelta(minutes=5)),
        replace(begun, id="r4", pipeline="again", created=due + timedelta(1), state=RunState.SKIPPED, finished=due),
    ]
    with journal_of(shop.open()) as book:
        for each in records:
            runs.create_run(book, each)
    _, found = look(shop)
    assert [(each.run, each.finished) for each in found.missed] == [("r3", due + timedelta(minutes=5))]


def test_a_run_that_goes_on_is_known_however_many_came_after_it(shop: Shop) -> None:
    old = datetime(2020, 1, 1, tzinfo=UTC)
    record = RunRecord(id="old", state=RunState.RUNNING, created=old, started=old)
    with journal_of(shop.open()) as book:
        runs.create_run(book, record)
        for number in range(40):
            later = replace(
                record, id=f"r{number}", state=RunState.DONE, created=old + timedelta(number + 1), finished=old
            )
            runs.create_run(book, later)
    _, found = look(shop)
    assert [each.id for each in found.active] == ["old"]
    assert found.last is not None
    assert found.last.id == "r39"


def test_what_failed_is_not_called_stale_as_well_and_comes_first(shop: Shop) -> None:
    shop.well()
    shop.model("raw.one", "kind: table", "select 2 as n")
    shop.run()
    shop.model("raw.more", "kind: table", "select 3 as n")
    seen, found = look(shop)
    assert [each.node for each in found.failures] == ["marts.two"]
    assert [each.node for each in found.stale] == ["raw.more"]
    assert rows_of_interest(shop.open(), seen, found, 2) == ("marts.two", "raw.one")
    assert [each.name for each in checks_of(shop.open().graph.nodes["marts.two"])] == ["range(n)"]


def test_how_nodes_stand(shop: Shop) -> None:
    shop.write("tasks/tell.yml", "bash: echo hello\n")
    shop.run("raw.*", "marts.*")
    workspace = shop.open()
    words = {key: each.state for key, each in node_states(workspace, survey(workspace), workspace.graph.nodes).items()}
    assert words == {"raw.one": "fresh", "marts.two": "fresh", "marts.inner": "", "tasks.tell": "unknown"}
    shop.model("raw.one", "kind: table", "select 2 as n")
    ran = shop.run()
    workspace = shop.open()
    states = node_states(workspace, survey(workspace), workspace.graph.nodes)
    assert {key: each.state for key, each in states.items()} == {
        "raw.one": "fresh",
        "marts.two": "failed",
        "marts.inner": "",
        "tasks.tell": "done",
    }
    assert "range(n)" in states["marts.two"].reason
    assert states["marts.two"].run == ran.end.run
    unseen = node_states(workspace, Survey(at=workspace.now), ["raw.one"])
    assert unseen["raw.one"].state == "unknown"


def test_the_past_of_a_node_has_its_runs_and_attempts(shop: Shop) -> None:
    for number in range(3):
        shop.model("raw.one", "kind: table", f"select {number} as n")
        shop.run()
    past = past_of(shop.open(), "marts.two", turns=2)
    assert [each.state for each in past.turns] == ["failed", "done"]
    assert "range(n)" in past.turns[0].message
    assert [each.state for each in past.tries] == ["done", "done", "failed"]
    assert past_of(shop.open(), "marts.inner").tries == ()


def test_the_pipelines_of_a_node(shop: Shop) -> None:
    workspace = shop.open()
    named = [each.name for each in pipelines_with(workspace, "marts.two", frozenset({"marts.two"}))]
    assert named == ["all", "marts", "again"]
    assert [each.name for each in pipelines_with(workspace, "raw.one", frozenset())] == ["all"]
