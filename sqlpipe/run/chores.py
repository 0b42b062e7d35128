"""What a worker does with a task or a sensor; imported by runs that have any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import perf_counter

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.history import NodeFinished, State, as_json
from sqlpipe.domain.journal import Facts
from sqlpipe.domain.project import KIND_NAMES, Node
from sqlpipe.domain.task import Bash, Call, Launch, Mishap, Request, Sensor, Statement, Task
from sqlpipe.engine.contract import Session
from sqlpipe.load.late import evaluate
from sqlpipe.load.secret import hidden
from sqlpipe.run.labour import Ended, mishap_of, timed_out
from sqlpipe.run.operate import idempotency_key, operate
from sqlpipe.run.poke import poke
from sqlpipe.run.turn import Look, Poked, Result, Turn


def perform(node: Node, kind: Task, turn: Turn) -> Ended:
    """Perform a task, unless its condition says that there is nothing to do."""
    return _told(node, turn, lambda: operate(kind, turn) if wanted(node, turn.values, turn.session) else None)


def watch(node: Node, kind: Sensor, turn: Turn, waited: Facts, now: datetime, look: Look) -> Ended:
    """Look once whether a sensor's time has come."""

    def act() -> Poked | None:
        return poke(kind, turn, waited, now, look) if wanted(node, turn.values, turn.session) else None

    return _told(node, turn, act)


def operator_name(kind: Task) -> str:
    """The word for what a task does."""
    match kind.operator:
        case Bash():
            return "bash"
        case Call():
            return "python"
        case Statement():
            return "sql"
        case Request():
            return "http"
        case Launch():
            return "run"


def wanted(node: Node, values: Mapping[str, object], session: Session | None) -> bool:
    """Whether its `if:` holds; in SQL the first value of the first row decides."""
    condition = node.running.condition
    if not condition:
        return True
    if not node.running.condition_is_sql:
        return bool(evaluate(condition, values))
    assert session is not None
    rows = session.query(condition)
    return bool(rows and rows[0][0])


def _told(node: Node, turn: Turn, act: Callable[[], Result | Poked | None]) -> Ended:
    began = perf_counter()
    try:
        found = act()
    except SqlpipeError as error:
        return _failed(node, turn, error, perf_counter() - began)
    finally:
        turn.log.close()
    seconds = perf_counter() - began
    match found:
        case None:
            return Ended(_ending(node, turn, State.UNCHANGED, seconds, detail="`if` does not hold: nothing to do"))
        case Poked(met=met, facts=facts, waited=waited, detail=detail):
            state = State.DONE if met else State.WAITING
            return Ended(_ending(node, turn, state, seconds, detail=detail), facts=facts, waited=waited, met=met)
        case Result(facts=facts, detail=detail, rows=rows):
            return Ended(_ending(node, turn, State.DONE, seconds, detail=detail, rows=rows), facts=facts)


def _failed(node: Node, turn: Turn, error: SqlpipeError, seconds: float) -> Ended:
    mishap = mishap_of(error, turn.stopper)
    diagnostics = tuple(hidden(each) for each in error.diagnostics)
    for each in diagnostics:
        turn.log.write("sqlpipe", f"{each.code} {each.message}", notes=list(each.notes), diagnostic=as_json(each))
    state = State.CANCELLED if mishap is None else State.FAILED
    finished = replace(
        _ending(node, turn, state, seconds, detail=diagnostics[0].message if diagnostics else "cancelled"),
        diagnostics=() if mishap is None else diagnostics,
    )
    return Ended(timed_out(finished, node) if mishap is Mishap.TIMEOUT else finished, mishap=mishap)


def _ending(
    node: Node, turn: Turn, state: State, seconds: float, *, detail: str = "", rows: int | None = None
) -> NodeFinished:
    kind = node.kind
    run = turn.values.get("run")
    return NodeFinished(
        run=str(run["id"]) if isinstance(run, Mapping) else "",
        at=datetime.now(UTC),
        node=str(node.name),
        kind=node.kind_name,
        state=state,
        action=operator_name(kind) if isinstance(kind, Task) else KIND_NAMES[type(kind)],
        rows=rows,
        seconds=seconds,
        detail=detail,
    )


@dataclass(frozen=True, slots=True)
class Chores:
    """How tasks and sensors are worked on, under one name, so that it can be opened by name and keep its types."""

    perform: Callable[[Node, Task, Turn], Ended] = perform
    watch: Callable[[Node, Sensor, Turn, Facts, datetime, Look], Ended] = watch
    wanted: Callable[[Node, Mapping[str, object], Session | None], bool] = wanted
    evaluate: Callable[[str, Mapping[str, object]], object] = evaluate
    idempotency_key: Callable[..., str] = idempotency_key


CHORES = Chores()
