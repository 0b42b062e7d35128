"""Selections of pipelines and of tasks that start jobs, held against the graph."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, SqlpipeError
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import Node, Project
from sqlpipe.domain.schedule import Orchestration, Pipeline
from sqlpipe.domain.task import Bash, Launch, Operator, Task
from sqlpipe.graph import dag
from sqlpipe.graph.pipelines import check_pipelines
from tests.hand import graph, node


def task(name: str, operator: Operator, *after: str) -> Node:
    parents = tuple(TableName.parse(each) for each in after)
    made = Node(TableName("tasks", name), f"tasks/{name}.yml", Task(operator), "d", body_line=4, parents=parents)
    return replace(made, after=frozenset(after))


def told(*nodes: Node, pipelines: tuple[Pipeline, ...] = ()) -> list[Diagnostic]:
    project = Project(
        "shop", "/", {each.key: each for each in nodes}, selections={"all_of_it": "m.*"},
        orchestration=Orchestration(pipelines),
    )  # fmt: skip
    return check_pipelines(dag.build(project), project)


A = node("m.a")
HERE = Place(3, 5, 7)


@pytest.mark.parametrize("select", [(), ("m.a",), ("all_of_it",), ("failed+", "+m.a"), ("kind:task m.a",)])
def test_a_selection_of_what_is_there_is_well(select: tuple[str, ...]) -> None:
    assert told(A, task("t", Bash("x")), pipelines=(Pipeline("p", HERE, select),)) == []


def test_an_unknown_name_is_told_where_the_pipeline_stands() -> None:
    (found,) = told(A, pipelines=(Pipeline("p", HERE, ("m.aa",)), Pipeline("q", HERE, ("m.a",))))
    assert (found.code, found.span, found.help) == ("SP302", Span("sqlpipe.yml", HERE), "did you mean `m.a`?")


def test_a_pipeline_that_is_empty_runs_nothing() -> None:
    (found,) = told(A, pipelines=(Pipeline("p", HERE, ("m.a",), ("all_of_it",)),))
    assert found.message == "the pipeline `p` selects nothing"


def test_a_pipeline_that_starts_itself_never_ends() -> None:
    again = task("again", Launch(pipeline="p"))
    (found,) = told(A, again, pipelines=(Pipeline("p", HERE), Pipeline("q", HERE, ("tasks.again",))))
    assert (found.code, found.message) == ("SP614", "the pipeline `p` starts itself")
    assert told(A, again, pipelines=(Pipeline("p", HERE, ("m.a",)),)) == []
    other = task("other", Launch("../other", "p"))
    assert told(A, other, pipelines=(Pipeline("p", HERE),)) == []


def test_a_task_that_starts_itself_never_ends() -> None:
    (found,) = told(A, task("t", Launch(select=("m.a+",)), "m.a"))
    assert (found.code, found.span) == ("SP614", Span("tasks/t.yml", Place(4, 1)))
    assert told(A, task("t", Launch(select=("m.a",)), "m.a")) == []
    (unknown,) = told(A, task("t", Launch(select=("m.b",))))
    assert (unknown.code, unknown.span) == ("SP302", Span("tasks/t.yml", Place(4, 1)))


def test_a_cycle_points_at_the_line_that_says_what_comes_after() -> None:
    span = Span("tasks/t.yml", Place(2, 9, 3), ((2, "after: [m.a]"),))
    waits = replace(A, parents=(TableName("tasks", "t"),), after=frozenset({"tasks.t"}))
    with pytest.raises(SqlpipeError) as caught:
        graph(waits, replace(task("t", Bash("x"), "m.a"), ordered={"m.a": span}))
    (found,) = caught.value.diagnostics
    assert found.message == "cycle: m.a → tasks.t → m.a"
    assert found.label == "waits for tasks.t"
    assert found.notes[1] == "tasks/t.yml:2: tasks.t waits for m.a"
    assert "`after` or `before`" in found.help
