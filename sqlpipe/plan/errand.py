"""What a task does and what a sensor waits for, in a few words."""

from __future__ import annotations

import json

from sqlpipe.domain.task import (
    Answer,
    Ask,
    Bash,
    Call,
    Condition,
    FileThere,
    Launch,
    Operator,
    Request,
    Sensor,
    Statement,
    TableMoved,
    Task,
    TimeOfDay,
    Truth,
)


def action_of(kind: Task | Sensor) -> str:
    """What happens, as a plan says it: `run bash`, `wait for file landing/*.csv`.

    >>> action_of(Task(Bash("true"))), action_of(Task(Request("https://example.com/x?key=1", "POST")))
    ('run bash', 'POST https://example.com/x')
    """
    match kind:
        case Sensor(condition=condition):
            return f"wait for {awaited(condition)}"
        case Task(operator=operator):
            return _action(operator)


def _action(operator: Operator) -> str:
    match operator:
        case Bash():
            return "run bash"
        case Call() as call:
            return f"call {_called(call)}"
        case Statement():
            return "run sql"
        case Request(method=method) as request:
            return f"{method} {_address(request)}"
        case Launch() as launch:
            return f"start {_job(launch)}"


def awaited(condition: Condition) -> str:
    """What a sensor waits for.

    >>> awaited(FileThere("landing/*.csv")), awaited(Truth("select true"))
    ('file landing/*.csv', 'a query to be true')
    """
    match condition:
        case FileThere(pattern=pattern):
            return f"file {pattern}"
        case Truth():
            return "a query to be true"
        case Answer(request=request, at=at):
            return f"{at} of {_address(request)}" if at else _address(request)
        case TableMoved(table=table, project=project):
            return f"{table} of {project}" if project else table
        case TimeOfDay(at=at, zone=zone):
            return f"{at:%H:%M} {zone}"
        case Ask(call=call):
            return _called(call)


def text_of(kind: Task | Sensor) -> str:
    """What is carried out, as it is written, with its templates as they are."""
    match kind:
        case Task(operator=operator):
            return _text(operator)
        case Sensor(condition=Truth(sql=sql)):
            return sql
        case Sensor(condition=Answer(request=request)):
            return _text(request)
        case Sensor(condition=condition):
            return awaited(condition)


def _text(operator: Operator) -> str:
    match operator:
        case Bash(script=script):
            return script
        case Statement(sql=sql):
            return sql
        case Call() as call:
            return f"{_called(call)}({', '.join(_arguments(call))})"
        case Request(url=url, method=method, body=body):
            sent = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
            return f"{method} {url}" if body is None else f"{method} {url}\n\n{sent}"
        case Launch() as launch:
            return _job(launch)


def _called(call: Call) -> str:
    # The function of a file of its own has no name that anyone would miss.
    return call.module if call.function == "task" else f"{call.module}:{call.function}"


def _arguments(call: Call) -> list[str]:
    taken = [f"{parameter}=facts of {key}" for parameter, key in call.takes]
    return [*taken, *(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in call.arguments.items())]


def _address(request: Request) -> str:
    """The address without what may be secret in its query."""
    return request.url.partition("?")[0]


def _job(launch: Launch) -> str:
    what = f"pipeline {launch.pipeline}" if launch.pipeline else " ".join(launch.select) or "everything"
    of = f" of {launch.project}" if launch.project else ""
    return f"{what}{of}{f' on {launch.target}' if launch.target else ''}"
