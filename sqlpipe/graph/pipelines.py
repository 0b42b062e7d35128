"""Pipelines, and the jobs that tasks start, held against the graph: names that mean nothing, endless jobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, SqlpipeError
from sqlpipe.domain.project import Node, Project
from sqlpipe.domain.schedule import Pipeline
from sqlpipe.domain.task import Launch, Task
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.select import Selection, select

_SETTINGS = "sqlpipe.yml"


def check_pipelines(graph: Graph, project: Project) -> list[Diagnostic]:
    """Everything wrong with the selections of pipelines, and of tasks that start a part of this project."""
    found = [each for pipeline in project.orchestration.pipelines for each in _pipeline(pipeline, graph, project)]
    for node in graph.nodes.values():
        launch = launched(node)
        if launch is not None and not launch.project and not launch.pipeline:
            found += _launch(node, launch, graph, project)
    return found


def launched(node: Node) -> Launch | None:
    """The job that a task starts, if that is what it does."""
    match node.kind:
        case Task(operator=Launch() as launch):
            return launch
        case _:
            return None


def _pipeline(pipeline: Pipeline, graph: Graph, project: Project) -> Iterator[Diagnostic]:
    span = Span(_SETTINGS, pipeline.place)
    try:
        keys = select(graph, Selection(pipeline.select, pipeline.exclude), named=project.selections)
    except SqlpipeError as error:
        for each in error.diagnostics:
            yield replace(each, span=span, label="selects it")
        return
    if not keys:
        said = f"the pipeline `{pipeline.name}` selects nothing"
        help = "what is excluded wins over what is selected"
        yield Diagnostic(code="SP302", message=said, span=span, label="nothing to run", help=help)
    for key in keys:
        launch = launched(graph.nodes[key])
        if launch is not None and not launch.project and launch.pipeline == pipeline.name:
            yield _starts_itself(f"the pipeline `{pipeline.name}`", graph.nodes[key], span)


def _launch(node: Node, launch: Launch, graph: Graph, project: Project) -> Sequence[Diagnostic]:
    span = Span(node.path, Place(node.body_line, 1))
    try:
        keys = select(graph, Selection(launch.select), named=project.selections)
    except SqlpipeError as error:
        return [replace(each, span=span, label="selects it") for each in error.diagnostics]
    return [_starts_itself(f"`{node.name}`", node, span)] if node.key in keys else []


def _starts_itself(who: str, node: Node, span: Span) -> Diagnostic:
    return Diagnostic(
        code="SP614",
        message=f"{who} starts itself",
        span=span,
        label="without end",
        help=f"leave {node.name} out of its own selection, such as with `exclude`",
        notes=(f"{node.path}:{node.body_line}: this task starts it",),
    )
