"""A survey tells what the warehouse holds; one that cannot be made tells why; a surveyor keeps it at hand."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from sqlpipe.app import surveyor as keeping
from sqlpipe.app import workspace as opening
from sqlpipe.app.surveying import CheckDay, Survey, survey, survey_or_problem
from sqlpipe.app.surveyor import Surveyor
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.plan import Change
from sqlpipe.graph.fingerprint import identify
from sqlpipe.load.secret import keep_secret
from sqlpipe.run.clock import Clock
from sqlpipe.store import ledger
from tests.hand import at, days
from tests.shop import Shop

NOW = at("2024-03-10 12:00")


@pytest.fixture
def well(tmp_path: Path) -> Shop:
    """Files by day, an incremental table of them, a total and a check; all of them built."""
    made = Shop(tmp_path)
    made.model("raw.sales", "kind: ingest\nfrom: data/*.csv\ntime: day", "")
    made.model(
        "marts.daily",
        "kind: incremental\ntime: day\nchecks:\n  - not_null: [id]\n  - unique: [day]\n    severity: warn",
        "select day, min(id) as id from raw.sales group by all",
    )
    made.model("marts.total", "kind: view", "select count(*) as n from marts.daily")
    made.write("checks/positive.sql", "select * from marts.total where n < 0")
    made.land("data/1.csv", "day,id\n2024-03-01,1\n2024-03-02,2\n2024-03-05,3\n")
    made.well()
    return made


def test_a_survey_tells_what_is_held_and_what_is_to_be_done(well: Shop) -> None:
    found = survey(well.open())
    assert (found.at, found.problem) == (NOW, None)
    assert found.held["marts.daily"].rows == 3
    assert found.relations["marts.daily"] == "table"
    assert found.relations["marts.total"] == "view"
    assert found.columns["marts.daily"] == (("day", "DATE"), ("id", "BIGINT"))
    assert found.columns["marts.total"] == (("n", "BIGINT"),)
    assert {key: each.change for key, each in found.steps.items()} == {
        "raw.sales": Change.DUE,
        "marts.daily": Change.MAYBE,
        "marts.total": Change.MAYBE,
        "checks.positive": Change.MAYBE,
    }
    assert found.failed == frozenset()
    assert found.intervals == {"marts.daily": (days("2024-03-01", "2024-03-03"), days("2024-03-05", "2024-03-06"))}
    (load,) = found.loads["marts.daily"]
    assert (load.at, load.version, load.rows) == (NOW, 1, 3)
    assert load.run


def test_its_steps_are_those_of_a_plan_of_everything(well: Shop) -> None:
    well.land("data/2.csv", "day,id\n2024-03-05,9\n2024-03-08,4\n")
    well.well("raw.sales")
    found = survey(well.open())
    assert found.steps["marts.daily"].intervals == (days("2024-03-05", "2024-03-06"), days("2024-03-08", "2024-03-09"))
    assert tuple(found.steps.values()) == well.plan().steps


def test_commits_read_at_once_decide_as_those_read_one_by_one(well: Shop) -> None:
    settings = "kind: incremental\ntime: {column: day, start: 2024-03-01, lookback: 1, batch: 2}"
    well.model("marts.filled", settings, "select day, id from raw.sales where day >= :start and day < :end")
    well.well()
    well.land("data/2.csv", "day,id\n2024-02-27,9\n2024-03-05,4\n")
    well.well("raw.sales")
    workspace = replace(well.open(), now=NOW + timedelta(days=2))
    keys, identities = tuple(workspace.graph.nodes), identify(workspace.graph)
    with opening.reading(workspace) as opened:
        assert opened is not None
        session = opened[1]
        standing = opening.standing_in(workspace, keys, identities, opened)
        one_by_one = replace(standing, commits=lambda node, since: ledger.intervals(session, node, since))
        plans = [opening.plan_on(workspace, keys, identities, each).steps for each in (standing, one_by_one)]
    assert plans[0] == plans[1]
    assert {each.node.key for each in plans[0] if each.intervals} == {"marts.daily", "marts.filled"}


def test_checks_are_told_as_they_ended_last(well: Shop) -> None:
    well.land("data/2.csv", "day,id\n2024-03-09,\n")
    well.now += timedelta(days=1)
    assert not well.run().end.well
    found = survey(well.open())
    assert found.failed >= {"marts.daily"}
    states = {each.name: each for each in found.checks["marts.daily"]}
    empty = states["not_null(id)"]
    assert (empty.passed, empty.offences, empty.severity, empty.at) == (False, 1, "error", NOW + timedelta(days=1))
    assert empty.sample == ({"day": "2024-03-09", "id": None},)
    assert (states["unique(day)"].severity, states["unique(day)"].passed) == ("warn", True)
    assert [each for each in found.check_days["marts.daily"] if each.name == "not_null(id)"] == [
        CheckDay("marts.daily", "not_null(id)", date(2024, 3, 10), 1, 0, 0),
        CheckDay("marts.daily", "not_null(id)", date(2024, 3, 11), 1, 1, 1),
    ]
    assert [each.passed for each in found.checks["checks.positive"]] == [True]
    assert set(found.check_days) == {"marts.daily", "checks.positive"}
    assert len(found.check_days) == 2


def test_a_check_that_is_gone_is_not_told_of_and_neither_are_days_long_past(well: Shop) -> None:
    well.model("marts.daily", "kind: incremental\ntime: day", "select day, min(id) as id from raw.sales group by all")
    well.now += timedelta(days=91)
    found = survey(well.open())
    assert set(found.checks) == {"checks.positive"}
    assert dict(found.check_days) == {}


def test_intervals_are_those_of_the_definition_that_wrote_them(well: Shop) -> None:
    well.model("marts.daily", "kind: incremental\ntime: day", "select day, max(id) as id from raw.sales group by all")
    found = survey(well.open())
    assert found.steps["marts.daily"].change is Change.EDITED
    assert found.intervals["marts.daily"] == (days("2024-03-01", "2024-03-03"), days("2024-03-05", "2024-03-06"))


def test_a_secret_in_a_row_that_was_kept_is_hidden_wherever_it_stands(well: Shop) -> None:
    rows = """["{\\"id\\": 1234567890123, \\"day\\": [\\"zz-a\\\\\\"secret-zz\\"]}", "no JSON, zz-a\\"secret-zz"]"""
    well.execute(f"update _sqlpipe.check_result set sample = '{rows}' where name = 'not_null(id)'")
    keep_secret(['zz-a"secret-zz', "1234567890123"])
    (state,) = [each for each in survey(well.open()).checks["marts.daily"] if each.name == "not_null(id)"]
    assert state.sample == ({"id": "•••", "day": ["•••"]}, {"row": "no JSON, •••"})


def test_where_nothing_is_built_all_is_to_be_done(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.model("marts.one", "kind: table", "select 1 as x")
    database = shop.root / shop.database
    for made in (False, True):
        if made:
            duckdb.connect(str(database)).close()
        found = survey_or_problem(shop.open())
        assert database.exists() is made
        assert found.problem is not None
        assert found.problem.code == "SP501"
        assert found.steps["marts.one"].change is Change.NEW
        assert (found.held, found.columns, found.checks, found.loads) == ({}, {}, {}, {})


def test_a_ledger_of_a_newer_sqlpipe_is_a_problem_and_no_error(well: Shop) -> None:
    well.execute("insert into _sqlpipe.format values (99, '99.0', now()::timestamp)")
    with pytest.raises(SqlpipeError):
        survey(well.open())
    found = survey_or_problem(well.open())
    assert found.problem is not None
    assert found.problem.code == "SP510"
    assert found == Survey(at=NOW, problem=found.problem)


@contextmanager
def taken(shop: Shop) -> Iterator[None]:
    """Another process has the database."""
    code = "import duckdb, sys; db = duckdb.connect(sys.argv[1]); print('has it', flush=True); sys.stdin.read()"
    path = str(shop.root / shop.database)
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "has it\n"
        yield
        other.stdin.close()


def test_a_database_that_is_in_use_is_a_problem_and_no_error(well: Shop) -> None:
    with taken(well):
        found = survey_or_problem(well.open())
    assert found.problem is not None
    assert found.problem.code == "SP502"
    assert not found.steps


class Project:
    """The workspace of a shop, and how often its database was looked at."""

    def __init__(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workspace = shop.open()
        self.looks: list[str] = []
        self.delay = threading.Event()
        self.delay.set()
        self._guard = threading.Lock()
        monkeypatch.setattr(keeping, "survey_or_problem", self._look)
        monkeypatch.setattr(keeping, "_PAUSE", 0.0)
        monkeypatch.setattr(keeping, "_SHARE", 0.0)

    def __call__(self) -> Workspace:
        return self.workspace

    def _look(self, workspace: Workspace) -> Survey:
        with self._guard:
            self.looks.append(threading.current_thread().name)
        self.delay.wait(10)
        return survey_or_problem(workspace)


@pytest.fixture
def project(well: Shop, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(well, monkeypatch)


@pytest.fixture
def surveyor(project: Project) -> Iterator[Surveyor]:
    made = Surveyor(project, Clock())
    yield made
    made.close()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def test_only_the_first_who_asks_waits_and_all_who_come_meanwhile(project: Project, surveyor: Surveyor) -> None:
    found: list[Survey] = []
    project.delay.clear()
    threads = [threading.Thread(target=lambda: found.append(surveyor.current())) for _ in range(4)]
    for each in threads:
        each.start()
    until(lambda: bool(project.looks))
    project.delay.set()
    for each in threads:
        each.join()
    assert len(project.looks) == 1
    assert len({id(each) for each in found}) == 1
    assert surveyor.current() is found[0]
    assert len(project.looks) == 1


def test_what_has_changed_is_looked_at_by_one_thread_while_the_old_is_told(
    well: Shop, project: Project, surveyor: Surveyor
) -> None:
    old = surveyor.current()
    well.execute("create table marts.other (x int)")
    project.delay.clear()
    assert [surveyor.current() for _ in range(5)] == [old] * 5
    until(lambda: len(project.looks) == 2)
    assert surveyor.current() is old
    project.delay.set()
    until(lambda: surveyor.current() is not old)
    assert "marts.other" in surveyor.current().relations
    assert project.looks[1:] == ["sqlpipe-survey"]


def test_a_project_that_was_loaded_again_is_looked_at_again(well: Shop, project: Project, surveyor: Surveyor) -> None:
    old = surveyor.current()
    well.model("marts.more", "", "select 1 as x")
    project.workspace = well.open()
    assert surveyor.current() is old
    until(lambda: "marts.more" in surveyor.current().steps)
    assert len(project.looks) == 2


def test_time_alone_is_a_reason_to_look_again(
    project: Project, surveyor: Surveyor, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = surveyor.current()
    monkeypatch.setattr(keeping, "_OLD", 0.0)
    assert surveyor.current() is old
    until(lambda: surveyor.current().at > old.at)


def test_it_is_not_looked_at_again_before_a_pause(
    well: Shop, project: Project, surveyor: Surveyor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_PAUSE", 3600.0)
    old = surveyor.current()
    well.execute("create table marts.other (x int)")
    assert surveyor.current() is old
    surveyor.close()
    assert len(project.looks) == 1


def test_while_the_database_is_in_use_the_last_survey_is_told_with_that_problem(
    well: Shop, project: Project, surveyor: Surveyor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_PATIENCE", opening.NO_PATIENCE)
    old = surveyor.current()
    with taken(well):
        found = surveyor.fresh()
        assert found.problem is not None
        assert found.problem.code == "SP502"
        assert replace(found, problem=None) == old
        assert found.at == old.at
    until(lambda: surveyor.current().problem is None)
    assert surveyor.current().at > old.at


def test_fresh_looks_now_and_after_the_end_nobody_looks(well: Shop, project: Project, surveyor: Surveyor) -> None:
    old = surveyor.current()
    assert surveyor.fresh() is not old
    latest = surveyor.current()
    surveyor.close()
    looks = len(project.looks)
    well.execute("create table marts.other (x int)")
    assert surveyor.current() is latest
    assert len(project.looks) == looks


def test_closing_waits_for_the_thread_that_looks(well: Shop, project: Project, surveyor: Surveyor) -> None:
    surveyor.current()
    well.execute("create table marts.other (x int)")
    project.delay.clear()
    surveyor.current()
    until(lambda: len(project.looks) == 2)
    threading.Timer(0.05, project.delay.set).start()
    surveyor.close()
    assert "marts.other" in surveyor.current().relations
