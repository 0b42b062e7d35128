"""`sqlpipe serve` as a process: it runs what it is told to, shows it, stands by, and ends in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.postgres import running_server

if sys.platform == "win32":
    pytest.skip("signals are POSIX; run these tests on Linux or macOS", allow_module_level=True)

TOKEN = "a-token-that-nobody-guesses"
FILES = {
    "sqlpipe.yml": """
name: shop
pipelines:
  all: {select: "*"}
  hourly: {select: main.orders, every: 1h}
  counting: {select: tasks.count}
  sleeping: {select: tasks.sleep}
  landing: {select: main.orders, schedule: {on: {events: [landed]}}}
""",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n",
    "models/orders.sql": "/* sqlpipe\nkind: table\n*/\nselect 1 as id\n",
    "tasks/count.yml": "bash: |\n  env | grep -i token || echo none\n"
    "  for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 0.15; done\n",
    "tasks/sleep.yml": "bash: |\n  echo asleep\n  sleep ${NAP:-1}\n  echo awake\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


@dataclass
class Server:
    """A process that serves, and a client that knows its token."""

    process: subprocess.Popen[str]
    client: httpx.Client
    root: Path

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None) -> Any:
        answer = self.client.post(path, json={} if body is None else body)
        assert answer.status_code == 200, answer.text
        return answer.json()["done"]

    def until(self, path: str, holds: Callable[[Any], object]) -> Any:
        end = time.monotonic() + 20
        while True:
            found = self.client.get(path).json()
            if holds(found):
                return found
            assert time.monotonic() < end, found
            time.sleep(0.05)

    def ends(self, run: str) -> str:
        path = f"/api/runs/{run}"
        found = self.until(path, lambda run: run["record"]["finished"])
        return str(found["record"]["state"])

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@contextmanager
def serving(root: Path, *options: str, token: str = TOKEN, **environment: str) -> Iterator[Server]:
    """A server on a port that is free."""
    command = [sys.executable, "-m", "sqlpipe", "serve", "--json", "--port", "0", *options]
    around = {**os.environ, "SQLPIPE_TOKEN": token, **environment}
    with (
        (root / f"err-{time.monotonic_ns()}.txt").open("w") as err,
        subprocess.Popen(command, cwd=root, env=around, stdout=subprocess.PIPE, stderr=err, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline() or Path(err.name).read_text())
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            with httpx.Client(base_url=first["url"], headers=headers, trust_env=False, timeout=20) as client:
                yield Server(process, client, root)
        finally:
            process.kill()


def refused(root: Path, *options: str, **environment: str) -> str:
    """What a server says that does not start."""
    around = {**os.environ, "SQLPIPE_TOKEN": "", **environment}
    done = subprocess.run(
        [sys.executable, "-m", "sqlpipe", "serve", *options],
        cwd=root, env=around, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    return done.stderr


def texts(lines: list[dict[str, Any]]) -> list[str]:
    return [each["text"] for each in lines if each["stream"] == "stdout"]


def follow(server: Server, path: str, last: str = "", most: int = 1000) -> tuple[list[str], str, bool]:
    """The texts that a stream sends, the id behind the last of them, and whether it came to its end."""
    found: list[str] = []
    id = last
    headers = {"Last-Event-ID": last} if last else {}
    with server.client.stream("GET", path, headers=headers) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: end"):
                return found, id, True
            if line.startswith("id: "):
                id = line[4:]
            elif line.startswith("data: ") and (told := json.loads(line[6:])).get("stream") == "stdout":
                found.append(told["text"])
                if len(found) == most:
                    return found, id, False
    return found, id, False


def test_a_pipeline_is_triggered_watched_and_its_log_read(root: Path) -> None:
    with serving(root) as server:
        server.until("/readyz", lambda found: found == {"ready": True, "role": "leader", "reasons": []})
        run = server.post("/api/pipelines/counting/trigger")["id"]
        path = f"/api/runs/{run}/log/tasks.count"
        server.until(f"/api/runs/{run}", lambda found: found["attempts"])
        begun, last, ended = follow(server, f"{path}/stream", most=3)
        assert not ended
        rest, _, ended = follow(server, f"{path}/stream", last)
        assert ended
        # The token is not handed on to what is run, and no line comes twice or gets lost where the reader was cut off.
        assert begun + rest == ["none", *(f"line {number}" for number in range(1, 9))]
        assert server.ends(run) == "done"
        assert texts(server.get(path)["lines"]) == begun + rest
        assert server.get("/api/deeds")["deeds"][0]["what"] == "trigger"
        assert server.get("/api/runs?pipeline=counting")["runs"][0]["id"] == run
        assert "sqlpipe_leading 1.0" in server.client.get("/metrics").text


def test_an_event_starts_what_is_on_it(root: Path) -> None:
    with serving(root) as server:
        server.until("/readyz", lambda found: found["role"] == "leader")
        server.post("/api/events/landed", {"path": "a.csv"})
        found = server.until("/api/runs?pipeline=landing", lambda found: found["runs"])
        assert server.ends(found["runs"][0]["id"]) == "done"
        assert server.client.post("/api/events/lnded", json={}).status_code == 404


def test_a_pipeline_is_paused_and_goes_on(root: Path) -> None:
    with serving(root) as server:
        server.until("/readyz", lambda found: found["role"] == "leader")
        assert server.post("/api/pipelines/hourly/pause", {"reason": "holiday"})["paused_by"] == "api 127.0.0.1"
        assert server.post("/api/pipelines/hourly/resume")["paused_at"] is None
        what = [(each["what"], each["detail"]) for each in server.get("/api/deeds")["deeds"]]
        assert what == [("resume", ""), ("pause", "holiday")]
        assert server.get("/api/schedule?around=2026-10-25&limit=3")["schedule"]
        assert server.get("/api/why/main.orders")["conditions"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/runs/20260101T000000000000-abcdef", 404),
        ("/api/runs/..", 404),
        ("/api/runs/%2e%2e%2fjournal", 404),
        ("/api/runs/last/log/raw.nothing", 404),
        ("/api/why/marts.nothing", 404),
        ("/api/why/..%5c..%5csqlpipe.yml", 404),
        ("/api/show?node=marts.nothing", 404),
    ],
)
def test_what_there_is_not_is_not_found(one: Server, path: str, status: int) -> None:
    answer = one.client.get(path)
    assert (answer.status_code, "Traceback" in answer.text) == (status, False)


@pytest.mark.parametrize("path", ["/api/pipelines/nightly/trigger", "/api/pipelines/..%2f/pause", "/api/runs/x/cancel"])
def test_what_there_is_not_cannot_be_told_to_do_anything(one: Server, path: str) -> None:
    assert one.client.post(path, json={}).status_code == 404


def test_a_run_that_has_ended_cannot_be_cancelled_or_retried(one: Server) -> None:
    for what in ("cancel", "retry"):
        answer = one.client.post(f"/api/runs/last/{what}", json={})
        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (409, "SP624")


def test_rows_are_shown_while_nothing_runs(one: Server) -> None:
    found = one.until("/api/show?node=main.orders", lambda found: "rows" in found)
    assert (found["columns"], found["rows"]) == (["id"], [[1]])


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose only run has ended well."""
    root = tmp_path_factory.mktemp("shop")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    with serving(root) as server:
        server.until("/readyz", lambda found: found["role"] == "leader")
        run = server.post("/api/pipelines/landing/trigger")["id"]
        assert server.ends(run) == "done"
        yield server


def test_no_answer_of_a_real_server_has_a_secret_in_it(root: Path) -> None:
    canary = "canary-9f8e7d"
    settings = "{type: duckdb, path: shop.duckdb, settings: {custom_user_agent: '${CANARY}'}}"
    (root / "profiles.yml").write_text(f"shop:\n  target: dev\n  outputs:\n    dev: {settings}\n")
    (root / "models" / "people.sql").write_text(
        "select error(getenv('CANARY') || current_setting('custom_user_agent'))"
    )
    (root / "tasks" / "sleep.yml").write_text("bash: echo $CANARY; echo who=$CANARY >> $SQLPIPE_FACTS; exit 1\n")
    with serving(root, CANARY=canary) as server:
        run = server.post("/api/pipelines/all/trigger")["id"]
        assert server.ends(run) == "failed"
        told = [
            server.client.get(path).text
            for path in (
                f"/api/runs/{run}",
                f"/api/runs/{run}/log/tasks.sleep",
                f"/api/runs/{run}/log/main.people",
                f"/api/runs/{run}/log/tasks.sleep/stream",
                "/api/why/main.people",
                "/api/show?node=main.people",
                "/api/pipelines",
                "/api/status",
                "/metrics",
            )
        ]
    assert "echo" not in told[1]
    assert '"text": "•••"' in told[1]
    assert [each for each in told if canary in each or TOKEN in each] == []


# The end


def test_a_server_is_found_while_it_lives_and_leaves_nothing_behind(root: Path) -> None:
    path = root / ".sqlpipe" / "serve.json"
    with serving(root) as server:
        server.until("/readyz", lambda found: found["ready"])
        told = json.loads(path.read_text())
        assert (told["pid"], told["url"]) == (server.process.pid, str(server.client.base_url).rstrip("/"))
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.end() == 0
    assert not path.exists()
    with serving(root) as server:  # the lease was given back: nobody waits until it runs out
        began = time.monotonic()
        server.until("/readyz", lambda found: found["role"] == "leader")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_runs_comes_to_its_end_before_the_server_does(root: Path, number: signal.Signals) -> None:
    with serving(root) as server:
        run = server.post("/api/pipelines/sleeping/trigger")["id"]
        server.until(f"/api/runs/{run}", lambda found: found["attempts"])
        server.process.send_signal(number)
        found = server.until("/readyz", lambda found: not found["ready"])
        assert found["reasons"] == ["the server is stopping"]
        assert server.process.wait(20) == 0
    with serving(root, "--no-scheduler") as server:
        assert server.get(f"/api/runs/{run}")["record"]["state"] == "done"
        assert texts(server.get(f"/api/runs/{run}/log/tasks.sleep")["lines"]) == ["asleep", "awake"]


def test_what_is_not_done_after_the_grace_is_taken_up_by_the_next(root: Path) -> None:
    with serving(root, "--grace", "0.5", NAP="30") as server:
        run = server.post("/api/pipelines/sleeping/trigger")["id"]
        server.until(f"/api/runs/{run}", lambda found: found["attempts"])
        began = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - began < 15
    with serving(root, NAP="0") as server:
        assert server.ends(run) == "done"


def test_the_second_signal_ends_it_at_once(root: Path) -> None:
    with serving(root, NAP="30") as server:
        run = server.post("/api/pipelines/sleeping/trigger")["id"]
        server.until(f"/api/runs/{run}", lambda found: found["attempts"])
        server.process.send_signal(signal.SIGTERM)
        server.until("/readyz", lambda found: not found["ready"])
        began = time.monotonic()
        assert server.end(signal.SIGINT) == 130
        assert time.monotonic() - began < 5


def test_the_second_server_stands_by_and_takes_over(root: Path) -> None:
    with serving(root) as first, serving(root) as second:
        first.until("/readyz", lambda found: found["role"] == "leader")
        found = second.until("/readyz", lambda found: found["ready"])
        assert found["role"] == "standby"
        assert second.process.stdout is not None
        told = json.loads(second.process.stdout.readline())
        assert (told["event"], told["role"], told["leader"]["pid"]) == ("Role", "standby", first.process.pid)
        path = root / ".sqlpipe" / "serve.json"
        assert json.loads(path.read_text())["pid"] == first.process.pid
        assert first.end() == 0
        second.until("/readyz", lambda found: found["role"] == "leader")
        second.until("/api/status", lambda _found: path.exists())
        assert json.loads(path.read_text())["pid"] == second.process.pid


def test_a_journal_that_goes_away_and_comes_back_is_told(root: Path) -> None:
    with running_server() as journal:
        target = f"{{type: duckdb, path: shop.duckdb, journal: '{journal.address}'}}"
        (root / "profiles.yml").write_text(f"shop:\n  target: dev\n  outputs:\n    dev: {target}\n")
        with serving(root) as server:
            server.until("/readyz", lambda found: found["role"] == "leader")
            journal.stop("immediate")
            found = server.until("/readyz", lambda found: not found["ready"])
            assert "the journal cannot be reached" in found["reasons"][0]
            assert server.get("/healthz")["alive"] is True
            for path in ("/api/runs", "/api/pipelines", "/api/why/main.orders"):
                answer = server.client.get(path)
                assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (503, "SP622")
            assert server.client.post("/api/pipelines/landing/trigger", json={}).status_code == 503
            journal.start()
            server.until("/readyz", lambda found: found["ready"])
            assert server.ends(server.post("/api/pipelines/landing/trigger")["id"]) == "done"
            assert server.end() == 0


def test_one_who_only_tells_runs_nothing(root: Path) -> None:
    with serving(root, "--no-scheduler") as server:
        assert server.get("/readyz") == {"ready": True, "role": "onlooker", "reasons": []}
        run = server.post("/api/pipelines/landing/trigger")["id"]
        time.sleep(1.5)
        assert server.get(f"/api/runs/{run}")["record"]["state"] == "queued"
        assert server.post(f"/api/runs/{run}/cancel")["state"] == "cancelled"


def test_a_day_is_rehearsed_in_seconds(root: Path) -> None:
    with serving(root, "--time-lapse", "2026-03-03 x3600") as server:
        found = server.until("/api/runs?pipeline=hourly", lambda found: len(found["runs"]) > 1)
        assert {each["created"][:10] for each in found["runs"]} == {"2026-03-03"}


def test_a_program_that_keeps_watch_is_told(root: Path, tmp_path: Path) -> None:
    path = f"{tmp_path}/notify.sock" if len(str(tmp_path)) < 90 else f"/tmp/notify-{os.getpid()}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as watch:
        watch.bind(path)
        watch.settimeout(20)
        with serving(root, NOTIFY_SOCKET=path, WATCHDOG_USEC="300000") as server:
            told = [watch.recv(100), watch.recv(100), watch.recv(100)]
            assert server.end() == 0
        while told[-1] != b"STOPPING=1":
            told.append(watch.recv(100))
    Path(path).unlink()
    assert told[0] == b"READY=1"
    assert set(told[1:-1]) == {b"WATCHDOG=1"}


# The beginning


def test_a_server_that_is_not_safe_does_not_start(root: Path) -> None:
    assert "SP640" in refused(root, "--host", "0.0.0.0", "--port", "0")
    assert "SP641" in refused(root, "--token-file", "nothing")
    (root / "token").write_text("\n")
    assert "SP641" in refused(root, "--token-file", "token")
    short = refused(root, SQLPIPE_TOKEN="hunter2")
    assert "SP641" in short
    assert "hunter2" not in short


def test_a_port_that_is_taken_is_told(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "SP642" in refused(root, "--port", str(taken.getsockname()[1]))
    assert "SP642" in refused(root, "--host", "192.0.2.1", "--public-read")


def test_the_token_may_come_from_a_file(root: Path) -> None:
    (root / "token").write_text(f"{TOKEN}-from-a-file\n")
    with serving(root, "--token-file", "token") as server:
        assert server.client.post("/api/runs/x/cancel", json={}).status_code == 401
        server.client.headers["Authorization"] = f"Bearer {TOKEN}-from-a-file"
        assert server.client.post("/api/runs/x/cancel", json={}).status_code == 404


def test_a_person_is_told_where_it_is_and_what_it_does(root: Path) -> None:
    command = [sys.executable, "-m", "sqlpipe", "serve", "--port", "0"]
    around = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen(command, cwd=root, env=around, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(9)]
            url = lines[0].split()[-1]
            assert httpx.get(f"{url}/healthz", trust_env=False).json()["alive"] is True
            subprocess.run(
                [sys.executable, "-c", _TRIGGER], cwd=root, check=True, env={**os.environ, "PYTHONPATH": str(HERE)}
            )
            begins, ends = process.stdout.readline(), process.stdout.readline()
        finally:
            process.terminate()
    assert lines[0].startswith("shop · dev · http://127.0.0.1:")
    assert [each.split()[:2] for each in lines[2:7]] == [
        ["all", "by"], ["hourly", "next"], ["counting", "by"], ["sleeping", "by"], ["landing", "on"]
    ]  # fmt: skip
    assert lines[8].endswith("leading\n")
    assert "landing" in begins
    assert begins.endswith("begins: 1 node\n")
    assert "ends: 1 built in" in ends


HERE = Path(__file__).resolve().parents[2]
_TRIGGER = """
from pathlib import Path
from sqlpipe.app.orchestrating import trigger
from sqlpipe.app.workspace import open_workspace
trigger(open_workspace(Path.cwd()), "landing", "me")
"""
