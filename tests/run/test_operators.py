"""Tasks, performed for real: scripts, functions, SQL, requests, other projects."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Bash, Call, Launch, Mishap, Operator, Request, Statement, Task
from sqlpipe.engine.contract import Interrupted, QueryError, Session
from sqlpipe.engine.duckdb import open_engine
from sqlpipe.run.fact_file import parse_facts
from sqlpipe.run.http import ask
from sqlpipe.run.operate import idempotency_key
from sqlpipe.run.turn import Mischance
from tests.run.turns import Stage
from tests.shop import Shop

posix = pytest.mark.skipif(sys.platform == "win32", reason="scripts for a POSIX shell")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def mischance(stage: Stage, operator: Operator) -> tuple[Mishap, Diagnostic]:
    with pytest.raises(Mischance) as raised:
        stage.perform(operator)
    return raised.value.mishap, raised.value.diagnostics[0]


# Scripts.


@posix
def test_a_script_runs_in_the_project_and_leaves_facts(stage: Stage) -> None:
    (stage.root / "in").mkdir()
    stage.values["item"] = "a b"
    script = 'pwd; echo "rows=3" >> "$SQLPIPE_FACTS"; printf "path=%s\\n" "$WHERE" >> "$SQLPIPE_FACTS"'
    assert stage.facts(Bash(script, env={"WHERE": "to/{{ item }}"}, cwd="in")) == {"rows": 3, "path": "to/a b"}
    assert stage.log.of("stdout") == [str(stage.root / "in")]


@posix
def test_facts_of_an_earlier_attempt_do_not_count(stage: Stage) -> None:
    stage.environ["SQLPIPE_FACTS"] = str(stage.root / "facts")
    assert stage.facts(Bash('echo a=1 >> "$SQLPIPE_FACTS"')) == {"a": 1}
    assert stage.facts(Bash('echo b=1 >> "$SQLPIPE_FACTS"')) == {"b": 1}
    assert stage.facts(Bash('rm "$SQLPIPE_FACTS"')) == {}


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("a=1\nb = x y \n\na=2\n", {"a": 2, "b": "x y"}),
        ("a=007\nb=1.10\nc=1.5\nd=-3\ne=1e5\nf=true\ng=null\nh=True", {
            "a": "007", "b": "1.10", "c": 1.5, "d": -3, "e": "1e5", "f": True, "g": None, "h": "True",
        }),
        ('a=[1, 2]\nb={"c": 1}\nd="x"\ne=[x', {"a": [1, 2], "b": {"c": 1}, "d": "x", "e": "[x"}),
        ('{\n "a": 1\n}\n', {"a": 1}),
        ('{"a": 1}\n{"b": 2}\na=3\n', {"a": 3, "b": 2}),
        ("a=\nb=x=y\r\n", {"a": "", "b": "x=y"}),
        ("n=99999999999999999999999\ni=nan\nj=inf", {"n": "99999999999999999999999", "i": "nan", "j": "inf"}),
        ("", {}),
    ],
)  # fmt: skip
def test_facts(text: str, facts: dict[str, object]) -> None:
    assert parse_facts(text) == facts


@posix
@pytest.mark.catalogue("Z8")
@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("echo 'rows: 3'", "the facts of ops.job: line 1 is neither `name=value` nor JSON: `rows: 3`"),
        ("echo '{1}'", "the facts of ops.job: line 1 is not JSON: Expecting property name enclosed in double quotes"),
        ("printf 'a=\\xff'", "the facts of ops.job are not text in UTF-8"),
        ("printf a=; head -c 70000 /dev/zero | tr '\\0' x", "the facts of ops.job are larger than 64 KiB"),
    ],
)  # fmt: skip
def test_facts_that_cannot_be_read_are_told(stage: Stage, written: str, message: str) -> None:
    mishap, diagnostic = mischance(stage, Bash(f'({written}) > "$SQLPIPE_FACTS"'))
    assert (mishap, diagnostic.code) == (Mishap.PERMANENT, "SP631")
    assert diagnostic.message.startswith(message)


@posix
def test_a_script_that_fails_is_told_with_its_last_lines(stage: Stage) -> None:
    mishap, diagnostic = mischance(stage, Bash("for i in 1 2 3 4 5 6 7; do echo no $i >&2; done; echo out; exit 3"))
    assert (mishap, diagnostic.message) == (Mishap.TRANSIENT, "ops.job: exit code 3: no 7")
    assert diagnostic.notes == ("no 3", "no 4", "no 5", "no 6", "no 7")
    assert mischance(stage, Bash("echo only out; kill -KILL $$"))[1].message == "ops.job: killed by SIGKILL: only out"


@posix
@pytest.mark.parametrize("script", ["false; true", "false | true", 'echo "$NO_SUCH_VARIABLE"'])
def test_the_first_command_that_fails_ends_a_script(stage: Stage, script: str) -> None:
    assert mischance(stage, Bash(script))[0] is Mishap.TRANSIENT


@posix
def test_sh_does_where_there_is_no_bash(stage: Stage) -> None:
    folder = stage.root / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to("/bin/sh")
    assert stage.facts(Bash('echo a=1 > "$SQLPIPE_FACTS"', env={"PATH": str(folder)})) == {"a": 1}
    assert mischance(stage, Bash("false; true", env={"PATH": str(folder)}))[0] is Mishap.TRANSIENT
    mishap, diagnostic = mischance(stage, Bash("true", env={"PATH": str(stage.root)}))
    assert (mishap, diagnostic.message) == (
        Mishap.PERMANENT,
        "ops.job: there is no bash and no sh on this machine",
    )


@posix
def test_what_cannot_be_started_is_told(stage: Stage) -> None:
    mishap, diagnostic = mischance(stage, Bash("true", cwd="{{ 'no' }}where"))
    assert (mishap, diagnostic.message) == (Mishap.PERMANENT, "ops.job: there is no folder nowhere")
    mishap, diagnostic = mischance(stage, Bash("true " + "x" * 3_000_000))
    assert mishap is Mishap.PERMANENT
    assert diagnostic.message.endswith("cannot be started: argument list too long")


@posix
def test_a_fact_is_never_executed(stage: Stage) -> None:
    stage.values["facts"] = {"before": {"path": "x; touch harm; $(touch harm) `touch harm` '"}}
    stage.perform(Bash("echo '{{ facts.before.path }}'; echo \"{{ facts.before.path }}\"; : {{ facts.before.path }}"))
    assert stage.log.of("stdout") == ["x; touch harm; $(touch harm) `touch harm` '"] * 2
    assert list(stage.root.iterdir()) == []


def test_a_name_that_is_not_there_is_permanent(stage: Stage) -> None:
    stage.values["facts"] = {"extract": {"path": "a"}}
    mishap, diagnostic = mischance(stage, Bash("cat {{ facts.extract.pth }}"))
    assert (mishap, diagnostic.code, diagnostic.help) == (Mishap.PERMANENT, "SP610", "did you mean `path`?")
    assert diagnostic.message == "ops.job: `facts.extract.pth` is not there"


# Functions.

MODULE = """
import os
from datetime import datetime

import shared

def nothing(): print("hello")
def facts(rows, extract): return {"rows": rows + extract["n"], "key": os.environ.get("KEY"), "where": os.getcwd()}
def listed(): return [shared.ONE]
async def later(): return {"a": 1}
def odd(): return {"at": object()}
def much(): return "x" * 70_000
def nan(): return float("nan")
def half(): return "\\ud800"

def network():
    deeper()

def deeper():
    raise ConnectionError("reset by peer é")

def wrong(): return 1 + "a"

class Refused(Exception):
    sqlpipe_permanent = True

def refused(): raise Refused("never")
def leave(): raise SystemExit(3)
def leave_well(): raise SystemExit
def die(): os._exit(7)
def crash(): os.kill(os.getpid(), 9)
def endless():
    import time
    time.sleep(60)
"""


@pytest.fixture
def functions(stage: Stage) -> Stage:
    (stage.root / "tasks").mkdir()
    (stage.root / "tasks" / "email.py").write_text(MODULE, encoding="utf-8")
    (stage.root / "tasks" / "http.py").write_text("raise AssertionError('not this one')", encoding="utf-8")
    (stage.root / "shared.py").write_text("import http.client\nONE = 1\n", encoding="utf-8")
    return stage


def email(function: str) -> Call:
    return Call("tasks/email.py", function)


def test_a_function_gets_facts_and_arguments_and_returns_facts(functions: Stage) -> None:
    functions.values |= {"facts": {"extract": {"n": 4}}, "item": 3}
    called = Call(
        "tasks/email.py",
        "facts",
        takes=(("extract", "ops.extract"),),
        arguments={"rows": "{{ item }}"},
        env={"KEY": "k{{ item }}"},
        cwd="tasks",
    )
    assert functions.facts(called) == {"rows": 7, "key": "k3", "where": str(functions.root / "tasks")}


def test_what_functions_return(functions: Stage) -> None:
    assert functions.facts(email("nothing")) == {}
    assert functions.log.of("stdout") == ["hello"]
    assert functions.facts(email("listed")) == {"value": [1]}
    assert functions.facts(email("later")) == {"a": 1}
    assert functions.facts(email("leave_well")) == {}


def test_a_module_by_its_dotted_name(functions: Stage) -> None:
    package = functions.root / "jobs"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "load.py").write_text("import shared\ndef go(): return {'one': shared.ONE}\n")
    assert functions.facts(Call("jobs.load", "go")) == {"one": 1}
    assert mischance(functions, Call("jobs.lod", "go"))[0] is Mishap.PERMANENT


@pytest.mark.parametrize(
    ("function", "mishap", "said"),
    [
        ("odd", "permanent", "returned something that is not JSON (dict): Object of type object is not JSON"),
        ("much", "permanent", "returned more than 64 KiB (str)"),
        ("nan", "permanent", "returned something that is not JSON (float)"),
        ("half", "permanent", "returned something that is not JSON (str)"),
        ("network", "transient", "failed: ConnectionError: reset by peer é"),
        ("wrong", "permanent", "failed: TypeError: unsupported operand"),
        ("refused", "permanent", "failed: Refused: never"),
        ("leave", "transient", "failed: sys.exit(3) was called"),
        ("die", "transient", "has not returned: its process ended with exit code 7"),
        ("facts", "permanent", "failed: TypeError: facts() missing 2 required positional arguments"),
    ],
)
def test_functions_that_fail(functions: Stage, function: str, mishap: str, said: str) -> None:
    found, diagnostic = mischance(functions, email(function))
    assert (found, diagnostic.code) == (mishap, "SP632")
    assert diagnostic.message.startswith(f"ops.job: `{function}` {said}")


@posix
def test_a_function_whose_process_is_killed(functions: Stage) -> None:
    found, diagnostic = mischance(functions, email("crash"))
    said = "ops.job: `crash` has not returned: its process was killed by SIGKILL"
    assert (found, diagnostic.message) == (Mishap.TRANSIENT, said)


def test_the_line_that_failed_is_shown(functions: Stage) -> None:
    span = mischance(functions, email("network"))[1].span
    assert span is not None
    assert (span.file, span.place.column) == ("tasks/email.py", 5)
    assert span.context[-1][1] == '    raise ConnectionError("reset by peer é")'
    assert any("in deeper" in line for line in functions.log.of("stderr"))


def test_a_file_that_is_no_python(functions: Stage) -> None:
    (functions.root / "tasks" / "bad.py").write_text("def go():\n    retrun 1\n")
    mishap, diagnostic = mischance(functions, Call("tasks/bad.py", "go"))
    assert mishap is Mishap.PERMANENT
    assert diagnostic.span is not None
    assert (diagnostic.span.file, diagnostic.span.place.line) == ("tasks/bad.py", 2)


def test_functions_and_files_that_are_not_there(functions: Stage) -> None:
    diagnostic = mischance(functions, email("fact"))[1]
    assert (diagnostic.message, diagnostic.help) == (
        "ops.job: tasks/email.py has no function `fact`",
        "did you mean `facts`?",
    )
    assert mischance(functions, Call("tasks/no.py", "go"))[1].message == "ops.job: there is no file tasks/no.py"
    called = Call("tasks/email.py", "facts", takes=(("extract", "ops.extract"),))
    said = "ops.job: `extract` is to get the facts of ops.extract, which has none yet"
    assert mischance(functions, called)[1].message == said


def test_a_function_is_stopped(functions: Stage) -> None:
    began = time.monotonic()
    with functions.stopped_after(1), pytest.raises(Interrupted):
        functions.perform(email("endless"))
    assert time.monotonic() - began < 5


# SQL.


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = open_engine({"path": ":memory:"})
    with engine.session() as session:
        yield session
    engine.close()


@pytest.fixture
def database(stage: Stage, session: Session) -> Stage:
    session.execute("create table t (a text)")
    stage.session = session
    return stage


def rows(stage: Stage) -> list[object]:
    assert stage.session is not None
    return [row[0] for row in stage.session.query("select a from t order by a")]


def test_statements_are_one_transaction(database: Stage) -> None:
    result = database.perform(Statement("insert into t values ('a');\n-- and\nupdate t set a = 'b' || a; ;\n"))
    assert (result.facts, result.rows, rows(database)) == ({"rows": 1}, 1, ["ba"])
    with pytest.raises(QueryError) as raised:
        database.perform(Statement("delete from t; insert into nowhere values (1)"))
    assert raised.value.diagnostics[0].message.startswith("ops.job: ")
    assert rows(database) == ["ba"]
    assert database.perform(Statement("create view v as select * from t")).facts == {}


def test_the_line_of_a_statement_that_fails_is_shown(database: Stage) -> None:
    (database.root / "tasks").mkdir()
    (database.root / "tasks" / "job.yml").write_text("sql: |\n  delete from t;\n  insert into t values (nmae)\n")
    with pytest.raises(QueryError) as raised:
        database.perform(Statement("delete from t;\ninsert into t values (nmae)\n"))
    span = raised.value.diagnostics[0].span
    assert span is not None
    assert (span.place.line, span.place.column, span.place.length) == (3, 25, 4)


@pytest.mark.parametrize("value", ["x' or 1=1 --", "'); drop table t; --", "'; commit; --"])
def test_a_fact_in_sql_is_never_executed(database: Stage, value: str) -> None:
    database.values["item"] = value
    database.perform(Statement("insert into t values ('a'), ({{ item }}); delete from t where a = '{{ item }}'"))
    assert rows(database) == ["a"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("delete from t; commit; delete from t", "ops.job: `commit` cannot stand in a task"),
        ("Begin Transaction; select 1", "ops.job: `begin` cannot stand in a task"),
        (" -- nothing\n;", "ops.job: there is no statement"),
        ("select 'a", "ops.job: the string is never closed"),
    ],
)
def test_sql_that_no_task_can_run(database: Stage, sql: str, message: str) -> None:
    mishap, diagnostic = mischance(database, Statement(sql))
    assert (mishap, diagnostic.code, diagnostic.message) == (Mishap.PERMANENT, "SP634", message)


@pytest.mark.catalogue("C1")
@pytest.mark.parametrize("mishap", [None, Mishap.TIMEOUT])
def test_a_statement_is_stopped_and_rolled_back(database: Stage, mishap: Mishap | None) -> None:
    slow = "insert into t select 'x'; insert into t select max(a.i * b.i) from range(1000000) a(i), range(1000000) b(i)"
    began = time.monotonic()
    with database.stopped_after(0.3, mishap), pytest.raises(SqlpipeError) as raised:
        database.perform(Statement(slow))
    assert time.monotonic() - began < 5
    assert getattr(raised.value, "mishap", None) is mishap
    assert isinstance(raised.value, Mischance if mishap else Interrupted)
    assert rows(database) == []


# HTTP.


@dataclass
class Server:
    """A server on the loopback that answers as it is told and remembers what it was asked."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()

    class Answering(BaseHTTPRequestHandler):
        answers: ClassVar[dict[str, tuple[int, dict[str, str], bytes]]] = {
            "/json": (200, {"Content-Type": "application/json"}, b'{"ready": true, "n": [1]}'),
            "/big": (200, {}, json.dumps(["x" * 100] * 20_000).encode()),
            "/latin": (200, {"Content-Type": "text/plain; charset=iso-8859-1"}, b"caf\xe9"),
            "/charset": (200, {"Content-Type": "text/plain; charset=nonsense"}, b"a"),
            "/busy": (429, {"Retry-After": "30"}, b"slow down"),
            "/broken": (503, {}, b"no"),
            "/missing": (404, {}, b"not here"),
            "/moved": (302, {"Location": "/json"}, b""),
            "/file": (302, {"Location": "file:///etc/passwd"}, b""),
            "/loop": (302, {"Location": "/loop"}, b""),
            "/empty": (204, {}, b""),
        }

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if self.path == "/slow":
                time.sleep(1)
            status, headers, data = self.answers.get(self.path, (200, {}, b"ok"))
            if self.path == "/away":
                status, headers, data = 302, {"Location": f"http://localhost:{server.url.rpartition(':')[2]}/json"}, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                server.asked.append(("gone", self.path, {}, b""))

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - as the library names them

        def log_message(self, format: str, *args: object) -> None:
            pass

    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,))
        thread.start()
        yield server
        listening.shutdown()
        thread.join()


def test_a_request_leaves_its_answer_as_facts(stage: Stage, server: Server) -> None:
    found = stage.facts(Request(f"{server.url}/json"))
    assert found == {"status": 200, "url": f"{server.url}/json", "json": {"ready": True, "n": [1]}}
    assert stage.facts(Request(f"{server.url}/latin"))["text"] == "café"
    assert stage.facts(Request(f"{server.url}/charset"))["text"] == "a"
    assert stage.facts(Request(f"{server.url}/moved"))["url"] == f"{server.url}/json"
    assert stage.facts(Request(f"{server.url}/empty")) == {"status": 204, "url": f"{server.url}/empty"}
    assert stage.log.of("sqlpipe")[0].startswith(f"GET {server.url}/json: 200 in ")


@pytest.mark.catalogue("Z8")
def test_a_large_answer_is_cut(stage: Stage, server: Server) -> None:
    found = stage.facts(Request(f"{server.url}/big"))
    assert set(found) == {"status", "url", "text"}
    assert len(str(found["text"])) == 4096
    answered = ask(Request(f"{server.url}/big"), stage.turn(Request("")), 5)
    assert (len(answered.text), answered.json) == (1024 * 1024, None)


def test_what_is_sent(stage: Stage, server: Server) -> None:
    stage.values["item"] = {"id": 7}
    stage.environ["SQLPIPE_IDEMPOTENCY_KEY"] = "k1"
    body = {"id": "{{ item.id }}", "name": "n{{ item.id }}"}
    stage.perform(Request(f"{server.url}/a/{{{{ item.id }}}}", "post", {"X-Id": "{{ item.id }}"}, body))
    stage.perform(Request(f"{server.url}/b", "PUT", {"idempotency-key": "mine", "content-type": "text/csv"}, "a,é"))
    stage.perform(Request(f"{server.url}/c"))
    (post, put, get) = server.asked
    assert post[:2] == ("POST", "/a/7")
    assert json.loads(post[3]) == {"id": 7, "name": "n7"}
    assert (post[2]["x-id"], post[2]["content-type"], post[2]["idempotency-key"]) == ("7", "application/json", "k1")
    assert (put[2]["idempotency-key"], put[2]["content-type"], put[3].decode()) == ("mine", "text/csv", "a,é")
    assert "idempotency-key" not in get[2]
    assert get[2]["user-agent"].startswith("sqlpipe/")


def test_no_other_host_is_told_what_was_meant_for_the_first(stage: Stage, server: Server) -> None:
    headers = {"Authorization": "Bearer secret", "X-Api-Key": "secret", "Accept": "application/json"}
    stage.perform(Request(f"{server.url}/away", headers=headers))
    first, second = server.asked
    assert first[2]["authorization"] == "Bearer secret"
    assert "secret" not in str(second)
    assert second[2]["accept"] == "application/json"
    stage.perform(Request(f"{server.url}/moved", headers=headers))
    assert server.asked[-1][2]["x-api-key"] == "secret"


@pytest.mark.parametrize(
    ("path", "mishap", "said"),
    [
        ("/busy", "transient", "the answer is 429; it asks to wait (Retry-After: 30)"),
        ("/broken", "transient", "the answer is 503"),
        ("/missing", "permanent", "the answer is 404"),
        ("/file", "permanent", "the answer is 302"),
        ("/loop", "permanent", "the answer is 302"),
        ("/a b", "permanent", "cannot be sent"),
    ],
)
def test_answers_that_are_not_well(stage: Stage, server: Server, path: str, mishap: str, said: str) -> None:
    found, diagnostic = mischance(stage, Request(f"{server.url}{path}"))
    assert (found, diagnostic.code) == (mishap, "SP633")
    assert said in diagnostic.message


def test_expected_statuses(stage: Stage, server: Server) -> None:
    assert stage.facts(Request(f"{server.url}/missing", status=(200, 404)))["status"] == 404
    mishap, diagnostic = mischance(stage, Request(f"{server.url}/json", status=(201, 202)))
    assert mishap is Mishap.PERMANENT
    assert "the answer is 200, not 201 or 202" in diagnostic.message


def test_no_server_no_answer_and_no_address(stage: Stage, server: Server) -> None:
    assert mischance(stage, Request("http://127.0.0.1:1/"))[0] is Mishap.TRANSIENT
    assert mischance(stage, Request("http://no-such-host.invalid/"))[0] is Mishap.TRANSIENT
    for url in ("file:///etc/passwd", "ftp://x/y", "orders"):
        mishap, diagnostic = mischance(stage, Request(url))
        assert (mishap, diagnostic.message) == (
            Mishap.PERMANENT,
            f"ops.job: GET {url}: only http:// and https:// addresses are asked",
        )
    with pytest.raises(Mischance) as raised:
        ask(Request(f"{server.url}/slow"), stage.turn(Request("")), 0.2)
    assert raised.value.mishap is Mishap.TIMEOUT


def test_a_request_is_stopped(stage: Stage, server: Server) -> None:
    began = time.monotonic()
    with stage.stopped_after(0.2), pytest.raises(Interrupted):
        stage.perform(Request(f"{server.url}/slow"))
    assert time.monotonic() - began < 0.9


# Other projects.


@pytest.fixture
def other(stage: Stage) -> Shop:
    (stage.root / "other").mkdir()
    shop = Shop(stage.root / "other")
    shop.model("marts.one", "kind: table", "select 1 as a")
    return shop


def test_another_project_is_run(stage: Stage, other: Shop) -> None:
    result = stage.perform(Launch("other", select=("marts.one",)))
    assert result.facts["done"] == 1
    assert result.detail == "1 done"
    assert str(result.facts["run"])
    assert other.rows("marts.one") == [(1,)]


def test_another_project_that_fails(stage: Stage, other: Shop) -> None:
    other.model("marts.one", "kind: table", "select nmae from marts.zero")
    mishap, diagnostic = mischance(stage, Launch("other"))
    assert (mishap, diagnostic.code) == (Mishap.PERMANENT, "SP617")
    assert diagnostic.message == "ops.job: the run of other failed (exit code 1)"
    assert diagnostic.notes
    assert mischance(stage, Launch("nowhere"))[1].message == "ops.job: there is no folder nowhere"


# Keys.


def key(
    name: str = "job", digest: str = "d", run: str = "r1", day: int = 0, item: object = None, **facts: object
) -> str:
    node = Node(TableName("ops", name), "tasks/job.yml", Task(Bash("")), digest)
    start = datetime(2024, 1, day, tzinfo=UTC) if day else None
    return idempotency_key(node, run, start, datetime(2024, 1, 31, tzinfo=UTC) if day else None, facts, item)


def test_a_key_is_the_same_for_the_same_effect_only() -> None:
    first = key(day=1, a={"b": 1, "c": 2})
    assert first == key(day=1, a={"c": 2, "b": 1}, run="r2")
    others = {
        key("other", day=1, a={"b": 1, "c": 2}),
        key(digest="e", day=1, a={"b": 1, "c": 2}),
        key(day=2, a={"b": 1, "c": 2}),
        key(day=1),
        key(day=1, item="x", a={"b": 1, "c": 2}),
        key(a={"b": 1, "c": 2}),
        key(a={"b": 1, "c": 2}, run="r2"),
    }
    assert len(others | {first}) == 8
    assert len(first) == 32


def test_a_value_without_quotes_stays_one_word(stage: Stage) -> None:
    stage.values = {"facts": {"x": {"y": "a b  *"}}}
    script = 'for each in {{ facts.x.y }}; do echo "[$each]"; done; n=$(echo {{ facts.x.y }}); echo "<$n>"'
    stage.perform(Bash(script))
    assert stage.log.of("stdout") == ["[a b  *]", "<a b  *>"]
