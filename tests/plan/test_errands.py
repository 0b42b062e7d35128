"""Tasks and sensors in a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from sqlpipe.domain.names import TableName
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import (
    Answer,
    Ask,
    Bash,
    Call,
    FileThere,
    Launch,
    Request,
    Sensor,
    Statement,
    TableMoved,
    Task,
    TimeOfDay,
    Truth,
)
from sqlpipe.plan.build import build
from sqlpipe.plan.errand import action_of, text_of
from tests.hand import Books, graph, node

GET = Request("https://a.b/c?key=secret")


@pytest.mark.parametrize(
    ("kind", "action", "text"),
    [
        (Task(Bash("echo {{ run.start }}\n")), "run bash", "echo {{ run.start }}\n"),
        (Task(Call("tasks/x.py", "task", (("a", "tasks.a"),), {"n": 1})), "call tasks/x.py",
         "tasks/x.py(a=facts of tasks.a, n=1)"),
        (Task(Call("a.b", "go")), "call a.b:go", "a.b:go()"),
        (Task(Statement("select 1")), "run sql", "select 1"),
        (Task(GET), "GET https://a.b/c", "GET https://a.b/c?key=secret"),
        (Task(Request("https://a.b", "POST", body={"a": 1})), "POST https://a.b", 'POST https://a.b\n\n{"a": 1}'),
        (Task(Launch(pipeline="x")), "start pipeline x", "pipeline x"),
        (Task(Launch("../o", select=("a", "b"), target="t")), "start a b of ../o on t", "a b of ../o on t"),
        (Task(Launch("../o")), "start everything of ../o", "everything of ../o"),
        (Sensor(FileThere("in/*.csv")), "wait for file in/*.csv", "file in/*.csv"),
        (Sensor(Truth("select true")), "wait for a query to be true", "select true"),
        (Sensor(Answer(GET, "a.b")), "wait for a.b of https://a.b/c", "GET https://a.b/c?key=secret"),
        (Sensor(TableMoved("a.b", "../o")), "wait for a.b of ../o", "a.b of ../o"),
        (Sensor(TimeOfDay(time(6, 30), "Europe/Paris")), "wait for 06:30 Europe/Paris", "06:30 Europe/Paris"),
        (Sensor(Ask(Call("x.py", "go"))), "wait for x.py:go", "x.py:go"),
    ],
)  # fmt: skip
def test_what_a_plan_says_and_what_is_rendered(kind: Task | Sensor, action: str, text: str) -> None:
    assert (action_of(kind), text_of(kind)) == (action, text)


def test_tasks_are_due_every_time_and_are_no_reason_for_what_comes_after() -> None:
    fetch = Node(TableName("tasks", "fetch"), "tasks/fetch.yml", Task(Bash("x")), "d")
    there = Node(TableName("tasks", "there"), "tasks/there.yml", Sensor(FileThere("x.csv")), "d")
    plain = node("m.a", "select 1 as a")
    reads = node("m.b", "select a from m.a", reads=("m.a", "tasks.fetch"))
    after = replace(reads, after=frozenset({fetch.key}))
    books = Books(graph(fetch, there, plain, after))
    books.run()
    keys = list(books.graph.nodes)
    plan = build(books.graph, books.identities, keys, books.standing(), target="dev", database="x")
    found = {step.node.key: (step.change, step.reason) for step in plan.steps}
    assert found == {
        "tasks.fetch": (Change.DUE, "runs every time"),
        "tasks.there": (Change.DUE, "waits for file x.csv"),
        "m.a": (Change.UNCHANGED, "nothing has changed"),
        "m.b": (Change.UNCHANGED, "nothing has changed"),
    }
    assert {step.node.key: step.waits for step in plan.steps}["m.b"] == {"m.a", "tasks.fetch"}
