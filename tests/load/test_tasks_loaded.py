"""Tasks and sensors as they are read, and what comes after what."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from sqlpipe.domain.diagnostic import Place, SqlpipeError
from sqlpipe.domain.project import Node, Project
from sqlpipe.domain.task import (
    AS_USUAL,
    Answer,
    Ask,
    Bash,
    Call,
    Condition,
    Effects,
    FileThere,
    Launch,
    OnTimeout,
    Operator,
    Request,
    Retries,
    Rule,
    Running,
    Sensor,
    Statement,
    TableMoved,
    Task,
    TimeOfDay,
    Truth,
)
from sqlpipe.graph import dag
from sqlpipe.graph.fingerprint import identify
from sqlpipe.load.codec import decode, encode
from sqlpipe.load.complaints import Named
from sqlpipe.load.facts import OF_TABLES, Facts, Wiring
from sqlpipe.load.project import load
from sqlpipe.plan.compile import compile_query

Make = Callable[[Mapping[str, str | bytes]], Path]

ORDERS = {"models/raw/orders.sql": "select 1 as id", "models/marts/daily.sql": "select id from raw.orders"}


def project(make: Make, files: Mapping[str, str]) -> Project:
    """The project, which is the same when it comes from the cache."""
    root = make({**ORDERS, **files})
    found = load(root, environ={})
    assert load(root, environ={}) == found
    return found


def task(make: Make, text: str, **files: str) -> Node:
    return project(make, {"tasks/t.yml": text, **files}).nodes["tasks.t"]


def refused(make: Make, files: Mapping[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(SqlpipeError) as raised:
        load(make({**ORDERS, **files}), environ={})
    return [(each.code, each.message) for each in raised.value.diagnostics]


def operator(node: Node) -> Operator:
    assert isinstance(node.kind, Task)
    return node.kind.operator


def condition(node: Node) -> Condition:
    assert isinstance(node.kind, Sensor)
    return node.kind.condition


@pytest.mark.parametrize(
    ("text", "expected", "effects"),
    [
        ("bash: echo hi\nenv: {N: 1}\ncwd: scripts", Bash("echo hi", {"N": "1"}, "scripts"), Effects.IDEMPOTENT),
        ("bash: rm x\neffects: unsafe", Bash("rm x"), Effects.UNSAFE),
        ("sql: vacuum; drop table if exists x.y", Statement("vacuum; drop table if exists x.y"), Effects.IDEMPOTENT),
        ("http: https://a.b/c", Request("https://a.b/c"), Effects.NONE),
        ("http: {url: https://a.b, body: {a: [1]}}", Request("https://a.b", "POST", {}, {"a": [1]}), Effects.UNSAFE),
        (
            "http: {url: https://a.b, method: put, headers: {X: y}, status: [200, 204]}",
            Request("https://a.b", "PUT", {"X": "y"}, None, (200, 204)),
            Effects.IDEMPOTENT,
        ),
        ("http: {url: https://a.b, method: patch}", Request("https://a.b", "PATCH"), Effects.UNSAFE),
        ("http: {url: https://a.b, method: DELETE}\neffects: none", Request("https://a.b", "DELETE"), Effects.NONE),
        ("run: {project: ../other}", Launch("../other"), Effects.IDEMPOTENT),
        ("run: {select: [a, b], target: prod}", Launch("", "", ("a", "b"), "prod"), Effects.IDEMPOTENT),
        ("python: os.path:join\nwith: {a: x}", Call("os.path", "join", (), {"a": "x"}), Effects.IDEMPOTENT),
    ],
)
def test_operators(make: Make, text: str, expected: Operator, effects: Effects) -> None:
    found = task(make, text)
    assert found.kind == Task(expected, effects)
    assert (found.path, found.kind_name, found.running) == ("tasks/t.yml", "task", AS_USUAL)


def test_sql_may_stand_in_a_file_of_its_own(make: Make) -> None:
    files = {"tasks/t.yml": "sql: {file: sql/x.sql}", "sql/x.sql": "delete from log where id in (from raw.orders)"}
    root = make({**ORDERS, **files})
    before = load(root, environ={}).nodes["tasks.t"]
    assert operator(before) == Statement(files["sql/x.sql"])
    assert before.after == {"raw.orders"}
    (root / "sql/x.sql").write_text("delete from log")
    assert load(root, environ={}).nodes["tasks.t"].after == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{file: 'in/*.csv', stable: 30s}", FileThere("in/*.csv", 30)),
        ("{file: in/a.csv, stable: 45}", FileThere("in/a.csv", 45)),
        ("{sql: select true}", Truth("select true")),
        ("{http: https://a.b, at: a.b.0.c, equals: 3}", Answer(Request("https://a.b"), "a.b.0.c", 3)),
        ("{http: {url: https://a.b, status: 204}}", Answer(Request("https://a.b", status=(204,)))),
        ("{table: orders, fresher_than: 6h}", TableMoved("raw.orders", fresher_than=21600)),
        ("{table: orders, project: ../o, target: x}", TableMoved("orders", "../o", "x")),
        ('{time: "06:30", zone: Europe/Paris}', TimeOfDay(time(6, 30), "Europe/Paris")),
        ("{time: 23:59:30}", TimeOfDay(time(23, 59, 30))),
        ("{python: os.path:exists, with: {path: x}}", Ask(Call("os.path", "exists", (), {"path": "x"}))),
    ],
)
def test_conditions(make: Make, text: str, expected: Condition) -> None:
    found = task(make, f"sensor: {text}")
    assert found.kind == Sensor(expected)
    assert found.kind_name == "sensor"


def test_the_times_of_a_sensor(make: Make) -> None:
    text = """sensor: {file: x}
interval: 10
max_interval: 1h
backoff: 2
jitter: 25%
timeout: 2d
poke_timeout: 5s
on_timeout: continue
max_errors: 1
"""
    assert task(make, text).kind == Sensor(FileThere("x"), 10, 3600, 2, 0.25, 172800, 5, OnTimeout.CONTINUE, 1)


@pytest.mark.catalogue("Z5")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("interval: 10m\ntimeout: 9m", "SP615"),
        ("interval: 10m\nmax_interval: 9m", "SP615"),
        ("timeout: 10s", "SP615"),
        ("max_interval: 10s", "SP615"),
        ("interval: 0", "SP103"),
        ("interval: -1", "SP103"),
        ("poke_timeout: 0s", "SP103"),
        ("jitter: 1.1", "SP103"),
        ("jitter: 101%", "SP103"),
        ("backoff: 0", "SP103"),
    ],
)
def test_times_that_make_no_sense_are_refused(make: Make, text: str, code: str) -> None:
    assert [each for each, _ in refused(make, {"tasks/t.yml": f"sensor: {{file: x}}\n{text}\n"})] == [code]


@pytest.mark.catalogue("Z5")
def test_what_is_not_said_follows_what_is(make: Make) -> None:
    found = task(make, "sensor: {file: x}\ninterval: 2d").kind
    assert isinstance(found, Sensor)
    assert (found.interval, found.max_interval, found.timeout) == (172800, 172800, 172800)


def test_how_it_is_run(make: Make) -> None:
    text = """bash: echo {{ item }}
after: [orders, {node: marts.daily, soft: true}]
if: "facts.u.rows > 0"
for_each: [1, "a", null, true]
most: 3
parallel: 2
trigger: any_ok
retries: {transient: 1, timeout: 2, lost: 0, delay: 5m, max_delay: 1h}
timeout: 90
pool: {name: api, slots: 2}
tags: [a]
description: it echoes
"""
    found = task(make, text, **{"tasks/u.yml": "bash: echo u", "sqlpipe.yml": "name: shop\npools: {api: 2}\n"})
    assert found.running == Running(
        Retries(1, 2, 0, 300, 3600), 90, "api", 2, Rule.ANY_OK, frozenset({"marts.daily"}), "facts.u.rows > 0"
    )
    assert found.kind == Task(Bash("echo {{ item }}"), for_each="[1, 'a', None, True]", most=3, parallel=2)
    assert found.after == {"raw.orders", "marts.daily", "tasks.u"} == {each.key for each in found.parents}
    assert (found.tags, found.description) == (frozenset({"a"}), "it echoes")


def test_a_condition_in_sql_comes_after_what_it_reads(make: Make) -> None:
    found = task(make, 'bash: x\nif: {sql: "select count(*) > 0 from orders"}')
    assert (found.running.condition, found.running.condition_is_sql) == ("select count(*) > 0 from orders", True)
    assert found.after == {"raw.orders"}


def test_a_longer_delay_than_the_longest_that_is_usual(make: Make) -> None:
    assert task(make, "bash: x\nretries: {delay: 1h}").running.retries == Retries(delay=3600, max_delay=3600)


def test_python_files_are_tasks(make: Make) -> None:
    code = '"""\nsqlpipe\nretries: 1\nwith: {limit: 3}\nenv: {A: b}\n"""\nimport lib\n\n'
    code += "def task(extract, limit, *, u, more=None): ...\n"
    files = {"tasks/a/load.py": code, "tasks/extract.yml": "bash: x", "tasks/u.py": "def go(): ...", "lib.py": "x = 1"}
    root = make({**files, "tasks/_shared.py": "def one(): ...\ndef two(): ..."})
    found = load(root, environ={}).nodes
    assert set(found) == {"tasks.load", "tasks.extract", "tasks.u"}
    takes = (("extract", "tasks.extract"), ("u", "tasks.u"))
    assert operator(found["tasks.load"]) == Call("tasks/a/load.py", "task", takes, {"limit": 3}, {"A": "b"})
    assert operator(found["tasks.u"]) == Call("tasks/u.py", "go")
    assert found["tasks.load"].after == {"tasks.extract", "tasks.u"}
    assert found["tasks.load"].running.retries == Retries(transient=1)
    (root / "lib.py").write_text("x = 2")
    assert load(root, environ={}).nodes["tasks.load"].digest != found["tasks.load"].digest


def test_a_python_file_may_be_a_sensor(make: Make) -> None:
    code = '"""\nsqlpipe\nkind: sensor\ninterval: 1m\n"""\ndef sensor(): ...\ndef other(): ...\n'
    found = project(make, {"tasks/s.py": code}).nodes["tasks.s"]
    assert found.kind == Sensor(Ask(Call("tasks/s.py", "sensor")), interval=60)


def test_a_function_of_the_project_takes_facts_and_counts_with_all_it_imports(make: Make) -> None:
    files = {
        "tasks/t.yml": "python: jobs/x.py:go\nwith: {n: 1}",
        "tasks/u.yml": "bash: u",
        "tasks/v.yml": "python: jobs.x:go\nwith: {u: 1, n: 2}",
        "jobs/x.py": "import y\ndef go(u, n, z=1): ...",
        "jobs/y.py": "a = 1",
    }
    root = make(files)
    before = load(root, environ={}).nodes
    assert operator(before["tasks.t"]) == Call("jobs/x.py", "go", (("u", "tasks.u"),), {"n": 1})
    assert before["tasks.v"].after == frozenset()
    (root / "jobs/y.py").write_text("a = 2")
    after = load(root, environ={}).nodes
    changed = {key for key in before if before[key].digest != after[key].digest}
    assert changed == {"tasks.t", "tasks.v"}


def test_facts_in_templates_are_an_order(make: Make) -> None:
    text = (
        "http: {url: 'https://a.b/{{ facts.u.id }}', headers: {A: '{{ facts[\"v-w\"].x }}'}, body: ['{{ facts.S.n }}']}"
    )
    files = {"tasks/u.yml": "bash: u", "tasks/v-w.yml": "bash: v", "tasks/s.yml": "sensor: {file: x}"}
    assert task(make, text, **files).after == {"tasks.u", "tasks.v-w", "tasks.s"}


def test_facts_of_other_nodes_have_their_whole_name(make: Make) -> None:
    assert task(make, "bash: echo {{ facts.raw.orders.rows }}").after == {"raw.orders"}


def test_before_is_an_order_of_the_other_node(make: Make) -> None:
    settings = "name: shop\nsources: {crm.people: x}\n"
    files = {"sqlpipe.yml": settings, "tasks/t.yml": "bash: x\nbefore: [raw.orders, crm.people, daily]"}
    found = project(make, files).nodes
    for key in ("raw.orders", "crm.people", "marts.daily"):
        assert found[key].after == {"tasks.t"}
        span = found[key].ordered["tasks.t"]
        assert (span.file, span.place.line) == ("tasks/t.yml", 2)
    assert [each.key for each in found["marts.daily"].parents] == ["raw.orders", "tasks.t"]


def test_what_is_read_is_no_mere_order(make: Make) -> None:
    files = {"models/marts/daily.sql": "/* sqlpipe\nafter: [{node: orders, soft: true}]\n*/\nselect id from raw.orders"}
    found = project(make, files).nodes["marts.daily"]
    assert (found.after, found.running.soft) == (frozenset(), frozenset({"raw.orders"}))
    assert found.running.retries == OF_TABLES


def test_a_statement_comes_after_what_it_reads_but_not_after_what_it_writes_or_is_before(make: Make) -> None:
    assert task(make, "sql: insert into raw.orders select * from daily join other.x using (id)").after == {
        "marts.daily"
    }
    files = {"tasks/t.yml": "sql: update staging.y set a = 1 from orders\nbefore: [raw.orders]"}
    found = project(make, files).nodes
    assert (found["tasks.t"].after, found["raw.orders"].after) == (frozenset(), frozenset({"tasks.t"}))


@pytest.mark.parametrize(
    "text",
    ["sql: '{{ facts.u.statement }}'", 'sql: "{% if run.x %}drop table a{% endif %}"', "sensor: {sql: '{{ item }'}"],
)
def test_templates_are_not_read_as_sql(make: Make, text: str) -> None:
    told = refused(make, {"tasks/t.yml": f"{text}\nafter: nowhere"})
    assert {code for code, _ in told} <= {"SP613", "SP614", "SP110"}


def test_tables_are_found_beside_the_values_of_a_template(make: Make) -> None:
    text = "sql: \"insert into log select {{ run.start }}, count(*), '{{ vars.x }}' from raw.orders\""
    assert project(make, {"tasks/t.yml": text}).nodes["tasks.t"].after == frozenset({"raw.orders"})


def test_a_task_is_no_table(make: Make) -> None:
    assert project(make, {"tasks/orders.yml": "bash: x"}).nodes["marts.daily"].after == frozenset()
    assert refused(make, {"tasks/x.yml": "bash: x", "models/m/y.sql": "select * from tasks.x"}) == [
        ("SP203", "unknown table `tasks.x`")
    ]


def test_variables_are_known_and_a_change_of_them_is_seen(make: Make) -> None:
    files = {"tasks/t.yml": "bash: echo {{ var('a') }} {{ var('b', 2) }}", "sqlpipe.yml": "name: s\nvars: {a: 1}\n"}
    root = make({**ORDERS, **files})
    load(root, environ={})
    (root / "sqlpipe.yml").write_text("name: s\nvars: {c: 1}\n")
    with pytest.raises(SqlpipeError, match="the variable `a` is not set"):
        load(root, environ={})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bash: '{{ facts.x.y }}'", "there is no task `x` to take facts from"),
        ("bash: '{{ item }}'", "template: `item` means nothing here"),
        ("bash: '{% macro a() %}{% endmacro %}'", "template: a macro, block or import cannot be rendered during a run"),
        ("bash: '{{ 1 is evn }}'", "template: there is no test `evn`"),
        ("bash: x\nif: a b", "template: `b` is not expected here"),
        ("bash: x\nfor_each: facts.x.y", "there is no task `x` to take facts from"),
    ],
)
def test_templates_that_cannot_work(make: Make, text: str, said: str) -> None:
    assert said in [message for _, message in refused(make, {"tasks/t.yml": text})]


@pytest.mark.parametrize(
    "text",
    [
        "bash: '{{ facts | length }} {{ run.start }} {{ vars.a }} {{ range(3) | list }}'",
        'bash: "{% for f in facts.u.files %}{{ f | raw }}{{ loop.index }}{% endfor %}"',
        "bash: '{% raw %}{{ not.ours | x }}{% endraw %}'",
        "bash: 'echo ${a} {b,c} {c}'",
        "bash: x\nif: changed and run.id is defined",
    ],
)
def test_templates_that_can_work(make: Make, text: str) -> None:
    task(make, text, **{"tasks/u.yml": "bash: u"})


def test_defaults_of_the_folder(make: Make) -> None:
    settings = "name: shop\npools: {p: 1}\ndefaults:\n"
    settings += "  tasks: {retries: 2, timeout: 10s, pool: p, tags: [all]}\n  tasks/in: {retries: 3, after: first}\n"
    files = {
        "tasks/in/first.yml": "bash: x",
        "tasks/in/t.yml": "bash: x\ntimeout: 1h",
        "tasks/s.yml": "sensor: {file: x}",
        "tasks/u.py": "def task(): ...",
    }
    found = project(make, {"sqlpipe.yml": settings, **files}).nodes
    assert found["tasks.t"].running == Running(Retries(transient=3), 3600, "p")
    assert found["tasks.u"].running == Running(Retries(transient=2), 10, "p")
    assert (found["tasks.t"].after, found["tasks.first"].after) == (frozenset({"tasks.first"}), frozenset())
    assert found["tasks.s"].kind == Sensor(FileThere("x"))
    assert found["tasks.s"].running == Running(pool="p")
    assert {each.tags for key, each in found.items() if key.startswith("tasks.")} == {frozenset({"all"})}


HEADER = "/* sqlpipe\nkind: {kind}\n{more}*/\n"
MORE = (
    "retries: {transient: 5, delay: 3}\ntimeout: 1m\npool: p\ntrigger: all_done\nafter: [{node: tasks.t, soft: true}]\n"
)


@pytest.mark.parametrize("kind", ["view", "table", "embedded", "incremental\ntime: id", "ingest\nfrom: x/*.csv"])
def test_how_a_model_is_run_does_not_change_what_it_is(make: Make, kind: str) -> None:
    body = "select id, id as day from source" if kind.startswith("ingest") else "select id from raw.orders"
    files = {"sqlpipe.yml": "name: shop\npools: {p: 1}\n", "tasks/t.yml": "bash: x"}
    over = {"models/m/top.sql": "select * from m.a", "models/m/inc.sql": "/* sqlpipe\nkind: incremental\ntime: id\n*/\n"
            "select id from m.a"}  # fmt: skip
    found = []
    for more in ("", MORE):
        header = HEADER.replace("{kind}", kind).replace("{more}", more)
        found.append(project(make, {**files, **over, "models/m/a.sql": header + body}))
    plain, patient = (dag.build(each) for each in found)
    assert identify(plain) == identify(patient)
    assert plain.nodes["m.a"].digest == patient.nodes["m.a"].digest
    assert patient.nodes["m.a"].running == Running(
        Retries(transient=5, delay=3), 60, "p", 1, Rule.ALL_DONE, frozenset({"tasks.t"})
    )
    assert plain.nodes["m.a"].running == Running(OF_TABLES)
    assert "tasks.t" in patient.parents["m.a"]
    if not kind.startswith("ingest"):
        assert compile_query(patient, patient.nodes["m.top"]) == compile_query(plain, plain.nodes["m.top"])


def test_a_task_of_the_same_last_name_does_not_stand_in_for_a_table(make: Make) -> None:
    files = {
        "models/m/a.sql": "/* sqlpipe\nafter: tasks.orders\n*/\nselect * from orders",
        "tasks/orders.yml": "bash: x",
    }
    graph = dag.build(project(make, files))
    assert compile_query(graph, graph.nodes["m.a"]) == 'select * from "raw"."orders"'


def test_seeds_checks_and_python_models_have_it_too(make: Make) -> None:
    files = {
        "seeds/s.csv": "a\n1\n",
        "seeds/s.yml": "retries: 7\nafter: tasks.t\n",
        "checks/c.sql": "/* sqlpipe\ntimeout: 5\n*/\nselect 1 from raw.orders where false",
        "models/m/p.py": '"""\nsqlpipe\ntrigger: any_ok\n"""\ndef model(raw__orders): ...\n',
        "tasks/t.yml": "bash: x",
    }
    found = project(make, files).nodes
    assert (found["seeds.s"].running.retries.transient, found["seeds.s"].after) == (7, frozenset({"tasks.t"}))
    assert (found["checks.c"].running.timeout, found["m.p"].running.rule) == (5, Rule.ANY_OK)


def test_names_clash_whatever_the_ending(make: Make) -> None:
    told = refused(make, {"tasks/a.yml": "bash: x", "tasks/deep/A.py": "def task(): ..."})
    assert [code for code, _ in told] == ["SP112"]


def test_everything_wrong_is_told_at_once(make: Make) -> None:
    files = {
        "tasks/a.yml": "bash: x\nafter: nowhere\npool: none",
        "tasks/b.yml": "bahs: x",
        "models/m/x.sql": "select from",
    }
    assert [code for code, _ in refused(make, files)] == ["SP202", "SP614", "SP602", "SP102"]


NAMED = Named("a", Place(1, 2, 3))


@pytest.mark.parametrize(
    "kind",
    [
        Task(Bash("x", {"a": "b"}, "c"), Effects.UNSAFE, "[1]", 2, 3),
        Task(Call("m", "f", (("a", "b"),), {"x": [1, None, {"y": 2.5}]})),
        Task(Statement("select 1")),
        Task(Request("u", "POST", {"a": "b"}, {"c": [True]}, (200, 201))),
        Task(Launch("p", "q", ("a", "b"), "t")),
        Sensor(FileThere("x", 2.5)),
        Sensor(Truth("x")),
        Sensor(Answer(Request("u"), "a", "b"), 1, 2, 3, 0.5, 9, 8, OnTimeout.SKIP, 7),
        Sensor(TableMoved("t", "p", "x", 4.5)),
        Sensor(TimeOfDay(time(6, 30, 15), "Europe/Paris")),
        Sensor(Ask(Call("m", "f"))),
    ],
)
def test_facts_of_tasks_survive(kind: Any) -> None:
    running = Running(
        Retries(1, 2, 3, 4.5, 6), 7, "p", 2, Rule.ANY_OK, frozenset({"b", "a"}), "x", condition_is_sql=True
    )
    wiring = Wiring(running, (NAMED,), ("a",), (NAMED,), (NAMED,), (NAMED,), NAMED, NAMED, NAMED)
    facts = Facts(kind, "d", wiring=wiring)
    assert decode(Facts, json.loads(json.dumps(encode(Facts, facts)))) == facts
