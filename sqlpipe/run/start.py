"""From a unit that is ready to a worker that is busy with it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import cast

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import NodeStarted, State
from sqlpipe.domain.journal import AttemptRecord, Claim, Refused
from sqlpipe.domain.project import Node
from sqlpipe.domain.task import Effects, FileThere, Launch, Sensor, Statement, Task, Truth
from sqlpipe.load.cache import FOLDER
from sqlpipe.load.environment import read_environment
from sqlpipe.load.secret import hide
from sqlpipe.plan.decide import Nothing, decide, inputs_of
from sqlpipe.run.board import Board, Live, ending, record_of, told_waiting
from sqlpipe.run.door import chores
from sqlpipe.run.job import Job
from sqlpipe.run.labour import build
from sqlpipe.run.launch import launch
from sqlpipe.run.log import AttemptLog
from sqlpipe.run.queue import Unit
from sqlpipe.run.settle import end_now, fail, gather, receive_bug, refuse_lost, settle_unit
from sqlpipe.run.turn import Stopper, Turn
from sqlpipe.run.walk import Lane, Walk, lane_of
from sqlpipe.source.files import is_remote
from sqlpipe.store import attempts
from sqlpipe.store.book import JournalAway

# A unit that another run is busy with, or whose pool is full, is looked at again after so long (seconds).
_AGAIN = 0.5


def take_up(board: Board, walk: Walk, unit: Unit, lane: str) -> bool:
    """Start a unit, or bring it to its end if there is nothing to do; False when its lane cannot go on for now."""
    node, going, now = walk.node(unit[0]), walk.going[unit], board.shop.clock.now()
    if walk.errand.fail_fast and walk.counts[State.FAILED]:
        finished = ending(walk, node, State.BLOCKED, detail="left out by --fail-fast")
        settle_unit(board, walk, unit, finished, now)
        return True
    if refuse_lost(board, walk, unit):
        return True
    if _needs_session(node) and (entered := _enter(board, walk, unit, lane)) is not None:
        return entered
    if lane == Lane.POKE:
        going.busy = True
        _employ(board, walk, unit, None)
        return True
    if _without_worker(board, walk, unit):
        return True
    claimed = board.shop.scribe.claim(_claim(walk, unit))
    if claimed is None:
        return False
    if isinstance(claimed, Refused):
        _put_off(board, walk, unit, claimed, now)
        return True
    going.attempts += 1
    try:
        _employ(board, walk, unit, claimed)
    except Exception as bug:  # noqa: BLE001 - what is claimed has to be ended
        receive_bug(board, Live(walk, unit, lane, Stopper(), monotonic(), claimed), bug)
    return True


def _without_worker(board: Board, walk: Walk, unit: Unit) -> bool:
    """Whether a unit is nothing for a worker: it fans out, starts a run, or there is nothing to do."""
    node = walk.node(unit[0])
    match node.kind:
        case Task(for_each=expression) if expression and unit[1] < 0:
            _fan_out(board, walk, unit[0], node.kind)
            return True
        case Task(operator=Launch(project="")):
            if _wanted(board, walk, unit):
                launch(board, walk, unit)
            return True
        case Task():
            return False
    assert walk.standing is not None
    decision = decide(node, walk.errand.code.identities[unit[0]], walk.standing)
    if isinstance(decision.scope, Nothing):
        end_now(board, walk, unit[0], State.UNCHANGED, reason=decision.reason)
        return True
    return False


def _enter(board: Board, walk: Walk, unit: Unit, lane: str) -> bool | None:
    """Open the database for a unit; else what `take_up` is to answer: a lane in which others need none goes on."""
    hall, now = board.shop.hall, board.shop.clock.now()
    try:
        if hall.enter(walk.errand.now):
            return None
    except SqlpipeError as error:
        fail(board, walk, unit, *error.diagnostics)
        return True
    taken = hall.taken.diagnostics[0].message if hall.taken else ""
    told_waiting(walk, unit, taken, None)
    if lane == Lane.DATABASE:
        return False
    walk.park(unit, now + timedelta(seconds=_AGAIN * board.shop.clock.speed), taken)
    return True


def _claim(walk: Walk, unit: Unit) -> Claim:
    node = walk.node(unit[0])
    running, kind = node.running, node.kind
    return Claim(
        run=walk.run.id,
        node=unit[0],
        item=unit[1],
        number=walk.going[unit].attempts + 1,
        pool=running.pool,
        slots=running.slots,
        room=walk.errand.code.project.orchestration.pools.get(running.pool, 0),
        # That an attempt with effects in the world has begun must not be forgotten even if the power fails.
        durable=isinstance(kind, Task)
        and kind.effects is not Effects.NONE
        and not isinstance(kind.operator, Statement),
    )


def _wanted(board: Board, walk: Walk, unit: Unit) -> bool:
    """Whether the `if:` of a task holds that no worker performs; else it is brought to its end."""
    node, running = walk.node(unit[0]), walk.node(unit[0]).running
    if not running.condition or walk.going[unit].waited:
        return True
    try:
        session = board.shop.hall.reading if running.condition_is_sql else None
        if chores().wanted(node, _values(board, walk, unit), session):
            return True
    except SqlpipeError as error:
        fail(board, walk, unit, *error.diagnostics)
        return False
    detail = "`if` does not hold: nothing to do"
    settle_unit(board, walk, unit, ending(walk, node, State.UNCHANGED, detail=detail), board.shop.clock.now())
    return False


def _put_off(board: Board, walk: Walk, unit: Unit, refused: Refused, now: datetime) -> None:
    walk.park(unit, now + timedelta(seconds=_AGAIN * board.shop.clock.speed), refused.reason)
    told_waiting(walk, unit, refused.reason, None)
    board.shop.scribe.note([record_of(walk, unit, State.WAITING, now)])


def _needs_session(node: Node) -> bool:
    match node.kind:
        case Task(operator=Statement()) | Sensor(condition=Truth()):
            return True
        case Sensor(condition=FileThere(pattern=pattern)) if is_remote(pattern):
            return True
        case Task() | Sensor():
            return node.running.condition_is_sql
        case _:
            return True


def _employ(board: Board, walk: Walk, unit: Unit, attempt: AttemptRecord | None) -> None:
    """Give a unit to a worker."""
    shop, node = board.shop, walk.node(unit[0])
    desk = shop.hall.desk() if _needs_session(node) else None
    stopper = Stopper()
    live = Live(walk, unit, lane_of(node), stopper, monotonic(), attempt, desk)
    match node.kind:
        case Sensor() as kind:
            live.limit = kind.poke_timeout
            turn = _turn(
                board, walk, unit, live, AttemptLog(log_path(walk.errand.code.root, walk.run.id, unit, 0), hide)
            )
            memory = cast("Mapping[str, object]", walk.going[unit].waited.get("memory", {}))
            board.employ(live, partial(chores().watch, node, kind, turn, memory, shop.clock.now(), shop.look_at))
            return
        case Task() as kind:
            assert attempt is not None
            live.limit = node.running.timeout
            turn = _turn(
                board,
                walk,
                unit,
                live,
                AttemptLog(log_path(walk.errand.code.root, walk.run.id, unit, attempt.number), hide),
            )
            labour = partial(chores().perform, node, kind, turn)
        case _:
            assert attempt is not None
            assert desk is not None
            live.limit = node.running.timeout
            log = log_path(walk.errand.code.root, walk.run.id, unit, attempt.number)
            labour = partial(build, _job(board, walk, unit[0], attempt), desk, stopper, log)
    if unit[1] < 0 or walk.going[unit].attempts > 1:
        walk.errand.on_event(
            NodeStarted(run=walk.run.id, at=datetime.now(UTC), node=str(node.name), kind=node.kind_name)
        )
    walk.going[unit].state = State.RUNNING
    board.employ(live, labour)


def _job(board: Board, walk: Walk, key: str, attempt: AttemptRecord) -> Job:
    errand, standing = walk.errand, walk.standing
    assert standing is not None
    identity = errand.code.identities[key]
    return Job(
        node=walk.node(key),
        identity=identity,
        decision=decide(walk.node(key), identity, standing),
        graph=errand.code.graph,
        held=standing.held.get(key),
        exists=standing.relations.get(key, ""),
        inputs=inputs_of(identity, standing),
        run=walk.run.id,
        now=errand.now,
        root=errand.code.root,
        connections=board.shop.connections,
        attempt=attempt.id,
        replaces=bool(walk.going[key, -1].tries),
    )


def _turn(board: Board, walk: Walk, unit: Unit, live: Live, log: AttemptLog) -> Turn:
    node, code, run = walk.node(unit[0]), walk.errand.code, walk.run
    values, attempt = _values(board, walk, unit), live.attempt
    facts = cast("Mapping[str, object]", values["facts"])
    known = cast("Mapping[str, str]", values["environ"])
    environ = {name: each for name, each in known.items() if name not in os.environ}
    environ |= {
        "SQLPIPE_RUN": run.id,
        "SQLPIPE_NODE": str(node.name),
        "SQLPIPE_ATTEMPT": str(attempt.number if attempt else 0),
        "SQLPIPE_IDEMPOTENCY_KEY": _key(walk, unit, facts),
        "SQLPIPE_START": run.start.isoformat() if run.start else "",
        "SQLPIPE_END": run.end.isoformat() if run.end else "",
    }
    return Turn(
        node=node,
        root=code.root,
        values=values,
        environ=environ,
        log=log,
        stopper=live.stopper,
        session=live.desk.session if live.desk else None,
        project=code.project.name,
        note_process=_noting(board, attempt),
    )


def _key(walk: Walk, unit: Unit, facts: Mapping[str, object]) -> str:
    """The same for every attempt at a unit for the same interval; runs without one have one each."""
    item = walk.items[unit[0]][unit[1]] if unit[1] >= 0 else None
    run = walk.run
    return chores().idempotency_key(walk.node(unit[0]), run.id, run.start, run.end, facts, item)


def _values(board: Board, walk: Walk, unit: Unit) -> dict[str, object]:
    """What templates and conditions can name."""
    run, key = walk.run, unit[0]
    facts = {walk.node(each).name.name: going.facts for (each, item), going in walk.going.items() if item < 0}
    values: dict[str, object] = {
        "facts": {name: found for name, found in facts.items() if found},
        "run": {
            "id": run.id,
            "pipeline": run.pipeline,
            "cause": run.cause,
            "created": run.created,
            "start": run.start,
            "end": run.end,
            "facts": run.options.get("facts", {}),
            "events": run.options.get("events", {}),
        },
        "vars": dict(walk.errand.code.project.variables),
        "environ": read_environment(walk.errand.code.root, os.environ),
        "changed": [
            str(walk.node(each).name) for each in sorted(walk.waits[key]) if walk.going[each, -1].state is State.DONE
        ],
    }
    if unit[1] >= 0:
        values["item"] = walk.items[key][unit[1]]
    if isinstance(walk.node(key).kind, Sensor):
        scribe = board.shop.scribe
        nothing: Mapping[str, object] = {}
        values["last"] = scribe.ask(lambda: attempts.last_facts(scribe.book, key, run.id), nothing)
    return values


def _noting(board: Board, attempt: AttemptRecord | None) -> Callable[[str], None]:
    """Have the journal know the process of an attempt, so that it can be found after a crash."""
    scribe = board.shop.scribe

    def note(process: str) -> None:
        if attempt is not None:
            with suppress(JournalAway):
                attempts.note_process(scribe.book, attempt.id, process)

    return note


def log_path(root: Path, run: str, unit: Unit, number: int) -> Path:
    """The file in which an attempt writes its log."""
    item = f".{unit[1]}" if unit[1] >= 0 else ""
    safe = "".join(each if each.isalnum() or each in "._-" else "_" for each in unit[0])
    return root / FOLDER / "logs" / run / f"{safe}{item}.{number}.jsonl"


def _fan_out(board: Board, walk: Walk, key: str, kind: Task) -> None:
    """Turn a task into one unit for each item of the list that its expression gives."""
    node, now = walk.node(key), board.shop.clock.now()
    try:
        found = _items(node, kind, _values(board, walk, (key, -1)))
    except SqlpipeError as error:
        fail(board, walk, (key, -1), *error.diagnostics)
        return
    walk.fan_out(key, found, kind.parallel, now)
    walk.errand.on_event(NodeStarted(run=walk.run.id, at=datetime.now(UTC), node=str(node.name), kind=node.kind_name))
    board.shop.scribe.note([record_of(walk, (key, -1), State.RUNNING, now)])
    gather(board, walk, key)  # there may be none, or all may have ended before a crash


def _items(node: Node, kind: Task, values: Mapping[str, object]) -> list[object]:
    found = chores().evaluate(kind.for_each, values)
    # A filter such as `map` gives no list, but what a list can be made of.
    if not isinstance(found, Iterable) or isinstance(found, str | bytes | Mapping):
        said = f"`for_each` of {node.name} is to give a list, and gave {type(found).__name__}"
        raise SqlpipeError(Diagnostic(code="SP610", message=said, help="return a list from the task before it"))
    try:
        items = list(islice(found, kind.most + 1))
        json.dumps(items)
    except Exception as error:
        said = f"`for_each` of {node.name} gave items that are no JSON: {error}"
        raise SqlpipeError(Diagnostic(code="SP610", message=said)) from error
    if len(items) > kind.most:
        said = f"`for_each` of {node.name} gave more than {kind.most:,} items, which is its `most`"
        raise SqlpipeError(Diagnostic(code="SP610", message=said, help="raise `most:` if that many are meant"))
    return items
