"""What sensors see when they look: files, queries, answers, tables, clocks, functions."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import (
    Answer,
    Ask,
    Call,
    Condition,
    FileThere,
    Mishap,
    OnTimeout,
    Request,
    Sensor,
    TableMoved,
    TimeOfDay,
    Truth,
)
from sqlpipe.engine.contract import Session
from sqlpipe.engine.duckdb import open_engine
from sqlpipe.run.poke import poke
from sqlpipe.run.turn import Mischance, Poked, Stopper, Turn

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class _Silence:
    def write(self, stream: str, text: str, **fields: object) -> None:
        """Nobody listens."""

    def close(self) -> None:
        """Nothing is kept back."""


@dataclass
class _Journal:
    """What is known of tables, by name, project and target."""

    tables: dict[tuple[str, str, str], tuple[str, datetime]] = field(default_factory=dict)

    def moved(self, table: str, project: str, target: str) -> tuple[str, datetime] | None:
        return self.tables.get((table, project, target))


def _turn(root: Path, *, session: Session | None = None, stopper: Stopper | None = None, **values: object) -> Turn:
    return Turn(
        node=Node(TableName("waits", "x"), "sqlpipe.yml", Sensor(TimeOfDay(time(6))), ""),
        root=root,
        values={"facts": {}, "run": {"id": "r"}, "vars": {}, **values},
        environ=dict(os.environ),
        log=_Silence(),
        stopper=stopper or Stopper(),
        session=session,
    )


def _poke(
    condition: Condition,
    turn: Turn,
    waited: Mapping[str, object] | None = None,
    now: datetime = _NOW,
    journal: _Journal | None = None,
) -> Poked:
    found = poke(Sensor(condition, poke_timeout=10), turn, waited or {}, now, journal or _Journal())
    # What is remembered and what is told goes into a journal.
    json.dumps([found.facts, found.waited], allow_nan=False)
    return found


def _fails(condition: Condition, turn: Turn, journal: _Journal | None = None) -> Mischance:
    with pytest.raises(Mischance) as caught:
        _poke(condition, turn, journal=journal)
    assert caught.value.mishap is Mishap.TRANSIENT
    return caught.value


@pytest.fixture
def session() -> Iterator[Session]:
    engine = open_engine({"path": ":memory:"})
    with engine.session() as opened:
        yield opened
    engine.close()


# Files.


def _land(path: Path, text: str = "x\n1\n", age: float = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    stamp = _NOW.timestamp() - age
    os.utime(path, (stamp, stamp))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    found = _poke(FileThere("landing/*.csv"), _turn(tmp_path))
    assert (found.met, found.detail) == (False, "no file matches landing/*.csv")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = _poke(FileThere("landng/2026/*.csv"), _turn(tmp_path))
    assert not found.met
    assert found.detail == "no file matches landng/2026/*.csv: the folder landng/2026 is not there"


def test_the_newest_file_is_told_and_all_paths(tmp_path: Path) -> None:
    _land(tmp_path / "landing/a.csv", age=10)
    _land(tmp_path / "landing/b.csv", "x\n12\n", age=5)
    _land(tmp_path / "landing/c.csv", age=20)
    facts = _poke(FileThere("landing/*.csv"), _turn(tmp_path)).facts
    digest = facts["digest"]
    assert facts == {
        "path": "landing/b.csv",
        "size": 5,
        "modified": (_NOW - timedelta(seconds=5)).isoformat(),
        "count": 3,
        "paths": ["landing/a.csv", "landing/b.csv", "landing/c.csv"],
        "digest": digest,
    }
    _land(tmp_path / "landing/c.csv", age=19)
    assert _poke(FileThere("landing/*.csv"), _turn(tmp_path)).facts["digest"] != digest


def test_a_folder_is_no_file_and_a_pattern_may_name_the_run(tmp_path: Path) -> None:
    (tmp_path / "landing/2026-03-01.csv").mkdir(parents=True)
    waits = FileThere("landing/{{ run.day }}.csv")
    turn = _turn(tmp_path, run={"id": "r", "day": "2026-03-01"})
    assert not _poke(waits, turn).met
    (tmp_path / "landing/2026-03-01.csv").rmdir()
    _land(tmp_path / "landing/2026-03-01.csv")
    assert _poke(waits, turn).facts["path"] == "landing/2026-03-01.csv"


def test_a_file_outside_of_the_project(tmp_path: Path) -> None:
    _land(tmp_path / "elsewhere/a.csv")
    (tmp_path / "project").mkdir()
    pattern = (tmp_path / "elsewhere/*.csv").as_posix()
    facts = _poke(FileThere(pattern), _turn(tmp_path / "project")).facts
    assert facts["path"] == (tmp_path / "elsewhere/a.csv").as_posix()


def test_a_new_file_has_to_be_the_same_for_a_while(tmp_path: Path) -> None:
    waits, turn = FileThere("*.csv", stable=60), _turn(tmp_path)
    _land(tmp_path / "a.csv", age=1)
    first = _poke(waits, turn)
    assert not first.met
    assert first.waited["due"] == (_NOW + timedelta(seconds=59)).isoformat()
    early = _poke(waits, turn, first.waited, _NOW + timedelta(seconds=58))
    assert not early.met
    assert early.waited == first.waited
    assert _poke(waits, turn, early.waited, _NOW + timedelta(seconds=59)).met


@pytest.mark.parametrize("change", ["grown", "touched", "another"])
def test_a_file_that_is_still_written_to_begins_anew(tmp_path: Path, change: str) -> None:
    waits, turn = FileThere("*.csv", stable=60), _turn(tmp_path)
    _land(tmp_path / "a.csv", age=1)
    waited = _poke(waits, turn).waited
    match change:
        case "grown":
            _land(tmp_path / "a.csv", "x\n1\n2\n", age=1)
        case "touched":
            _land(tmp_path / "a.csv", age=-50)
        case _:
            _land(tmp_path / "b.csv", age=-50)
    later = _NOW + timedelta(seconds=61)
    found = _poke(waits, turn, waited, later)
    assert not found.met
    assert found.waited["due"] == (later + timedelta(seconds=60)).isoformat()
    assert _poke(waits, turn, found.waited, later + timedelta(seconds=60)).met


def test_what_nobody_has_written_to_for_long_is_taken_at_first_sight(tmp_path: Path) -> None:
    _land(tmp_path / "a.csv", age=60)
    assert _poke(FileThere("*.csv", stable=60), _turn(tmp_path)).met
    assert not _poke(FileThere("*.csv", stable=61), _turn(tmp_path)).met


def test_a_time_in_the_future_is_no_hindrance(tmp_path: Path) -> None:
    waits, turn = FileThere("*.csv", stable=60), _turn(tmp_path)
    _land(tmp_path / "a.csv", age=-9999)
    waited = _poke(waits, turn).waited
    assert _poke(waits, turn, waited, _NOW + timedelta(seconds=60)).met


@pytest.mark.catalogue("E10")
def test_a_folder_that_cannot_be_looked_into_is_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "landing").write_text("a file where a folder should be")
    error = _fails(FileThere("landing/*.csv"), _turn(tmp_path))
    assert error.diagnostics[0].code == "SP618"
    assert error.diagnostics[0].message.startswith("waits.x could not look: ")


def test_an_address_is_looked_at_through_the_database(tmp_path: Path, session: Session) -> None:
    turn = _turn(tmp_path, session=session)
    waits = FileThere(f"file://{tmp_path.as_posix()}/*.csv", stable=60)
    assert not _poke(waits, turn).met
    _land(tmp_path / "a.csv", age=10)
    waited = _poke(waits, turn).waited
    found = _poke(waits, turn, waited, _NOW + timedelta(seconds=60))
    assert (found.met, found.facts["size"], found.facts["count"]) == (True, 4, 1)
    assert found.facts["modified"] == (_NOW - timedelta(seconds=10)).isoformat()


def test_an_address_without_a_database(tmp_path: Path) -> None:
    assert "through a database" in str(_fails(FileThere("s3://bucket/*.csv"), _turn(tmp_path)))


# Queries.


@pytest.mark.parametrize(
    ("sql", "met"),
    [
        ("select true", True),
        ("select false", False),
        ("select null", False),
        ("select 0", False),
        ("select 0.0", False),
        ("select -2", True),
        ("select ''", False),
        ("select 'false'", False),
        ("select 'landing/a.csv'", True),
        ("select 1 where false", False),
        ("select * from (values (true), (false))", True),
        ("select count(*) > 3 from range(3)", False),
        ("select date '2026-03-01'", True),
        ("select {{ facts.x.rows }} > 3 -- a comment at the end", True),
    ],
)
def test_the_first_value_of_the_first_row_decides(tmp_path: Path, session: Session, sql: str, met: bool) -> None:
    assert _poke(Truth(sql), _turn(tmp_path, session=session, facts={"x": {"rows": 4}})).met is met


def test_the_columns_of_the_row_are_facts(tmp_path: Path, session: Session) -> None:
    sql = """
        select true as ready, 12.50::decimal(9, 2) as amount, 3::decimal(9, 2) as three, date '2026-03-01' as day,
               'NaN'::double as odd, [1, 2] as list, {'a': timestamp '2026-03-01 12:00'} as pair, 'x'::blob as raw,
               interval 1 day as pause
    """
    assert _poke(Truth(sql), _turn(tmp_path, session=session)).facts == {
        "ready": True,
        "amount": 12.5,
        "three": 3,
        "day": "2026-03-01",
        "odd": None,
        "list": [1, 2],
        "pair": {"a": "2026-03-01T12:00:00"},
        "raw": "78",
        "pause": "1 day, 0:00:00",
    }


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize("sql", ["select ready form flags", "select ready from gone", "select {{ facts.no.rows }}"])
def test_a_query_that_fails_is_not_a_query_that_says_no(tmp_path: Path, session: Session, sql: str) -> None:
    error = _fails(Truth(sql), _turn(tmp_path, session=session))
    assert error.diagnostics[0].code == "SP618"


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize("on_timeout", OnTimeout)
def test_how_a_sensor_ends_does_not_say_how_it_fails(tmp_path: Path, session: Session, on_timeout: OnTimeout) -> None:
    # airflow#71255: a sensor that was to end softly swallowed its errors.
    sensor = Sensor(Truth("select ready from gone"), on_timeout=on_timeout)
    with pytest.raises(Mischance):
        poke(sensor, _turn(tmp_path, session=session), {}, _NOW, _Journal())


# Answers.


@dataclass
class _Server:
    """Answers every request with the same; notes what was asked."""

    url: str = ""
    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def says(self, value: object, status: int = 200) -> None:
        self.body, self.status = json.dumps(value), status
        self.headers = {"Content-Type": "application/json"}


@contextmanager
def _serving() -> Iterator[_Server]:
    server = _Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            body = server.body.encode()
            self.send_response(server.status)
            for name, value in {**server.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{listening.server_address[1]}"
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _serving() as opened:
        yield opened


def test_an_answer_that_is_well_is_enough(tmp_path: Path, server: _Server) -> None:
    server.body, server.headers = "here I am", {"ETag": '"7"', "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    found = _poke(Answer(Request(server.url + "/{{ run.id }}")), _turn(tmp_path))
    assert found.met
    assert found.facts == {"status": 200, "etag": '"7"', "last_modified": "Sun, 01 Mar 2026 12:00:00 GMT"}
    assert server.asked == ["/r"]


@pytest.mark.parametrize("status", [404, 409, 425, 429, 503])
def test_too_early(tmp_path: Path, server: _Server, status: int) -> None:
    server.says({"state": "done"}, status)
    found = _poke(Answer(Request(server.url), at="state", equals="done"), _turn(tmp_path))
    assert (found.met, found.detail) == (False, f"the answer is {status}")


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize("status", [400, 401, 403, 410, 500, 502])
def test_an_answer_that_means_neither_yes_nor_not_yet(tmp_path: Path, server: _Server, status: int) -> None:
    server.status, server.body = status, "go away"
    error = _fails(Answer(Request(server.url)), _turn(tmp_path))
    assert error.diagnostics[0].code == "SP618"
    assert error.diagnostics[0].notes == ("go away",)


def test_the_statuses_that_are_listed_are_the_only_ones_that_are_well(tmp_path: Path, server: _Server) -> None:
    server.status = 404
    assert _poke(Answer(Request(server.url, status=(404,))), _turn(tmp_path)).met
    server.status = 200
    assert _fails(Answer(Request(server.url, status=(404,))), _turn(tmp_path)).diagnostics[0].code == "SP618"


_BODY = {"state": "done", "jobs": [{"id": 7, "ok": False}, {"id": 8, "ok": True}], "n": 1, "none": None, "empty": []}


@pytest.mark.parametrize(
    ("at", "equals", "met"),
    [
        ("state", "done", True),
        ("state", "{{ facts.a.wanted }}", True),
        ("state", "running", False),
        ("state", None, True),
        ("$.jobs.0.id", 7, True),
        ("jobs.-1.ok", None, True),
        ("jobs.0.ok", None, False),
        ("jobs.0.ok", False, True),
        ("jobs.2.ok", None, False),
        ("jobs.id", None, False),
        ("n", True, False),
        ("n", 1.0, True),
        ("n", "1", False),
        ("none", None, False),
        ("none.deeper", None, False),
        ("empty", None, False),
        ("empty", [], True),
        ("", _BODY, True),
        ("", {}, False),
    ],
)
def test_a_part_of_the_answer_decides(tmp_path: Path, server: _Server, at: str, equals: object, met: bool) -> None:
    server.says(_BODY)
    condition = Answer(Request(server.url), at=at, equals=equals)
    found = _poke(condition, _turn(tmp_path, facts={"a": {"wanted": "done"}}))
    assert found.met is met
    assert ("value" in found.facts) is met


def test_a_page_where_json_should_be(tmp_path: Path, server: _Server) -> None:
    server.body = "<h1>We are closed for maintenance</h1>"
    error = _fails(Answer(Request(server.url), at="state"), _turn(tmp_path))
    assert error.diagnostics[0].code == "SP618"
    assert error.diagnostics[0].notes == (server.body,)


@pytest.mark.catalogue("E10")
def test_a_server_that_is_not_there_has_not_said_no(tmp_path: Path) -> None:
    with _serving() as server:
        url = server.url
    told = _fails(Answer(Request(url)), _turn(tmp_path)).diagnostics[0]
    assert told.code == "SP618"
    assert told.message.startswith(f"waits.x could not look: GET {url}: ")


def test_an_answer_of_null_is_json(tmp_path: Path, server: _Server) -> None:
    server.says(None)
    assert not _poke(Answer(Request(server.url), at="state"), _turn(tmp_path)).met


# Tables.


def _built(version: str, age: float = 0, project: str = "", target: str = "") -> _Journal:
    return _Journal({("raw.orders", project, target): (version, _NOW - timedelta(seconds=age))})


def test_a_table_that_was_never_built(tmp_path: Path) -> None:
    for condition in (TableMoved("raw.orders"), TableMoved("raw.orders", fresher_than=9e9)):
        found = _poke(condition, _turn(tmp_path))
        assert (found.met, found.detail) == (False, "raw.orders has not been built yet")


@pytest.mark.parametrize(("age", "met"), [(0, True), (3600, True), (3601, False)])
def test_a_table_that_is_fresh(tmp_path: Path, age: float, met: bool) -> None:
    found = _poke(TableMoved("raw.orders", fresher_than=3600), _turn(tmp_path), journal=_built("7", age))
    assert found.met is met


@pytest.mark.catalogue("E5")
def test_a_version_counts_once(tmp_path: Path) -> None:
    waits = TableMoved("raw.orders")
    first = _poke(waits, _turn(tmp_path), journal=_built("7", 99999))
    assert first.met
    assert first.facts["version"] == "7"
    again = _turn(tmp_path, last=first.facts)
    assert not _poke(waits, again, journal=_built("7", 5)).met
    assert _poke(waits, again, journal=_built("9")).met


def test_a_table_of_another_project(tmp_path: Path) -> None:
    waits = TableMoved("raw.orders", project="../other", target="prod")
    assert not _poke(waits, _turn(tmp_path), journal=_built("7")).met
    assert _poke(waits, _turn(tmp_path), journal=_built("7", project="../other", target="prod")).met


@pytest.mark.catalogue("E10")
def test_a_journal_that_cannot_be_read_says_nothing_of_its_tables(tmp_path: Path) -> None:
    class Torn(_Journal):
        def moved(self, table: str, project: str, target: str) -> tuple[str, datetime] | None:
            raise PermissionError(13, "Permission denied", f"{table} {project} {target}")

    assert "Permission denied" in str(_fails(TableMoved("raw.orders"), _turn(tmp_path), Torn()))


# Clocks.


def _met_at(tmp_path: Path, at: time, zone: str, created: datetime) -> str:
    """The instant up to which is waited, having looked just before it and at it."""
    turn = _turn(tmp_path, run={"id": "r", "created": created})
    before = _poke(TimeOfDay(at, zone), turn, now=created)
    assert not before.met
    due = datetime.fromisoformat(str(before.waited["due"]))
    assert not _poke(TimeOfDay(at, zone), turn, now=due - timedelta(seconds=1)).met
    assert _poke(TimeOfDay(at, zone), turn, now=due).facts == {"at": due.isoformat()}
    return due.astimezone(UTC).strftime("%d %H:%M")


@pytest.mark.catalogue("T1", "T5")
@pytest.mark.parametrize(
    ("at", "zone", "created", "due"),
    [
        (time(6), "UTC", "2026-03-01 00:00", "01 06:00"),
        (time(6), "Europe/Berlin", "2026-03-01 00:00", "01 05:00"),
        (time(6), "Europe/Berlin", "2026-03-29 00:00", "29 04:00"),
        (time(2, 30), "Europe/Berlin", "2026-03-29 00:00", "29 01:00"),
        (time(2, 30), "Europe/Berlin", "2026-10-25 00:00", "25 00:30"),
        (time(3), "Europe/Berlin", "2026-10-24 23:00", "25 02:00"),
        (time(2, 15), "Australia/Lord_Howe", "2026-10-03 13:30", "03 15:30"),
        (time(1, 30), "America/Sao_Paulo", "2018-11-04 03:00", "04 03:30"),
        (time(12), "Asia/Kathmandu", "2026-03-01 00:00", "01 06:15"),
        (time(23, 59), "Pacific/Auckland", "2026-03-01 11:30", "02 10:59"),
    ],
)
def test_the_first_instant_at_which_the_clock_shows_it(
    tmp_path: Path, at: time, zone: str, created: str, due: str
) -> None:
    assert _met_at(tmp_path, at, zone, datetime.fromisoformat(created).replace(tzinfo=UTC)) == due


def test_a_run_that_began_afterwards_does_not_wait_for_tomorrow(tmp_path: Path) -> None:
    turn = _turn(tmp_path, run={"created": _NOW.isoformat()})
    assert _poke(TimeOfDay(time(6)), turn).met
    assert not _poke(TimeOfDay(time(13)), turn).met
    assert _poke(TimeOfDay(time(13)), turn, now=_NOW + timedelta(days=3)).met


# Functions.


def _function(root: Path, body: str) -> Ask:
    (root / "tasks").mkdir(exist_ok=True)
    (root / "tasks/asks.py").write_text(f"def look(day='x'):\n    {body}\n")
    return Ask(Call("tasks/asks.py", "look"))


@pytest.mark.parametrize(
    ("body", "met", "facts"),
    [
        ("return True", True, {}),
        ("return False", False, {}),
        ("return None", False, {}),
        ("return {}", False, {}),
        ("return {'path': 'a.csv', 'rows': 3}", True, {"path": "a.csv", "rows": 3}),
        ("return 7", True, {"value": 7}),
    ],
)
def test_a_function_says_when(tmp_path: Path, body: str, met: bool, facts: dict[str, object]) -> None:
    found = _poke(_function(tmp_path, body), _turn(tmp_path))
    assert (found.met, found.facts) == (met, facts)


@pytest.mark.catalogue("E10")
def test_a_function_that_raises_has_not_said_no(tmp_path: Path) -> None:
    error = _fails(_function(tmp_path, "raise ValueError('the vault is locked')"), _turn(tmp_path))
    assert error.diagnostics[0].code == "SP618"
    assert "the vault is locked" in str(error)


@pytest.mark.skipif(shutil.which("sh") is None, reason="a POSIX system runs it")
def test_a_poke_that_takes_too_long_is_one_that_went_wrong(tmp_path: Path) -> None:
    stopper = Stopper()
    stopper.stop(Mishap.TIMEOUT)
    error = _fails(_function(tmp_path, "import time; time.sleep(30)"), _turn(tmp_path, stopper=stopper))
    assert "looked for longer than its `poke_timeout` of 10 s" in str(error)


def test_a_poke_that_is_cancelled_is_no_failure_of_the_sensor(tmp_path: Path, session: Session) -> None:
    stopper = Stopper()
    stopper.stop()
    turn = _turn(tmp_path, session=session, stopper=stopper)
    with pytest.raises(SqlpipeError) as caught:
        _poke(Truth("select gone"), turn)
    assert not isinstance(caught.value, Mischance)
