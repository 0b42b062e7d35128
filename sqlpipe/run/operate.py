"""What a task does: its operator says which function does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from sqlpipe.domain.diagnostic import Passing, SqlpipeError
from sqlpipe.domain.history import as_json
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Bash, Call, Launch, Mishap, Request, Statement, Task
from sqlpipe.engine.contract import Interrupted, QueryError
from sqlpipe.run.call import run_function
from sqlpipe.run.elsewhere import run_elsewhere
from sqlpipe.run.fact_file import bounded
from sqlpipe.run.http import send
from sqlpipe.run.shell import run_script
from sqlpipe.run.statement import run_statements
from sqlpipe.run.turn import Mischance, Result, Turn


def operate(task: Task, turn: Turn) -> Result:
    """Perform a task once and return its facts.

    Raises Mischance where it went wrong, Interrupted where it was cancelled, and what the database raises. A pipeline
    of the same project is nothing to be performed here.
    """
    try:
        result = _operate(task, turn)
    except (Mischance, Interrupted, QueryError, Passing):
        raise
    except SqlpipeError as error:
        named = (replace(each, message=f"{turn.node.name}: {each.message}") for each in error.diagnostics)
        raise Mischance(Mishap.PERMANENT, *named) from error
    return replace(result, facts=bounded(result.facts, str(turn.node.name)))


def _operate(task: Task, turn: Turn) -> Result:
    match task.operator:
        case Bash() as bash:
            return run_script(bash, turn)
        case Call() as called:
            return run_function(called, turn)
        case Statement() as statement:
            return run_statements(statement, turn)
        case Request() as request:
            return send(request, turn)
        case Launch(project=project) as launch if project:
            return run_elsewhere(launch, turn)
        case Launch():
            raise AssertionError("a run of the same project is started by what carries out this one")


def idempotency_key(
    node: Node,
    run: str,
    start: datetime | None,
    end: datetime | None,
    facts: Mapping[str, object],
    item: object = None,
) -> str:
    """A key for one effect: the same for every attempt at it, another for another interval, item or definition.

    A run without an interval is one by itself, known by its id.
    """
    about = [node.key, node.digest, start or run, end, facts, item]
    return blake2b(json.dumps(as_json(about), sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
