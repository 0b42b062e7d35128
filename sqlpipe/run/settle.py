"""From how an attempt ended to what becomes of its node, and of those that wait for it."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import NodeFinished, State
from sqlpipe.domain.journal import AttemptState
from sqlpipe.domain.task import Effects, Mishap, Sensor, Task
from sqlpipe.plan.retrying import may_repeat, next_try, question
from sqlpipe.plan.waiting import ending as ending_of
from sqlpipe.plan.waiting import next_poke, timed_out, too_many_errors
from sqlpipe.run.board import Board, Live, ending, record_of, told_waiting
from sqlpipe.run.labour import Ended
from sqlpipe.run.queue import Unit
from sqlpipe.run.walk import FINAL, Lane, Walk
from sqlpipe.store import runs
from sqlpipe.store.attempts import Ending

_ATTEMPTS = {
    State.DONE: AttemptState.DONE,
    State.UNCHANGED: AttemptState.DONE,
    State.CANCELLED: AttemptState.CANCELLED,
    State.FAILED: AttemptState.FAILED,
}


def receive(board: Board, live: Live, ended: Ended) -> None:
    """Take what a worker hands over."""
    walk, unit = live.walk, live.unit
    walk.going[unit].busy = False
    if walk.lost and ended.finished.state is not State.DONE:
        _close_lost(board, live, ended)
        return
    if isinstance(walk.node(unit[0]).kind, Sensor):
        _poked(board, walk, unit, ended)
        return
    _keep_held(board, unit, ended)
    state = ended.finished.state
    if state is State.CANCELLED and walk.released:
        _lay_down(board, live, ended)
    elif state is State.FAILED and not walk.cancelled and (pause := _pause(walk, unit, ended)) is not None:
        _try_again(board, live, ended, pause)
    else:
        _finish(board, live, _asking(walk, unit, ended))


def receive_bug(board: Board, live: Live, bug: BaseException) -> None:
    """Take a bug of ours, told as a failure of the node that it hit."""
    walk = live.walk
    walk.bug = walk.bug or bug
    if live.lane != Lane.PLANNING:
        finished = ending(walk, walk.node(live.unit[0]), State.FAILED, detail=told_bug(bug))
        receive(board, live, Ended(finished, mishap=Mishap.PERMANENT))


def told_bug(bug: BaseException) -> str:
    """A bug of ours in a few words."""
    return f"{type(bug).__name__}: {bug} (a bug in sqlpipe)"


def _close_lost(board: Board, live: Live, ended: Ended) -> None:
    """End an attempt, if nobody else has; what becomes of its node is no longer for this process to say."""
    if live.attempt is not None:
        closed = Ending(state=_ATTEMPTS[ended.finished.state], at=board.shop.clock.now(), mishap=ended.mishap)
        board.shop.scribe.finish(live.attempt.id, closed)


def end_now(board: Board, walk: Walk, key: str, state: State, *, detail: str = "", reason: str = "") -> None:
    """Bring a node to its end without an attempt at it."""
    now = board.shop.clock.now()
    finished = ending(walk, walk.node(key), state, detail=detail, reason=reason)
    if state is State.UNCHANGED and key in walk.failed_before:
        session = board.shop.hall.reading
        board.shop.hall.ledger.record_attempt(session, replace(finished, node=key))
    _settle(board, walk, key, finished, now)


def fail(board: Board, walk: Walk, unit: Unit, *diagnostics: Diagnostic) -> None:
    """Bring a unit to its end because it could not even begin."""
    now = board.shop.clock.now()
    message = diagnostics[0].message
    finished = replace(ending(walk, walk.node(unit[0]), State.FAILED, detail=message), diagnostics=diagnostics)
    settle_unit(board, walk, unit, finished, now)


def _keep_held(board: Board, unit: Unit, ended: Ended) -> None:
    """Have all runs know what a node holds now."""
    outcome = ended.outcome
    if outcome is not None and outcome.held is not None:
        board.shop.hall.held[unit[0]] = outcome.held
        board.shop.hall.relations[unit[0]] = "view" if outcome.held.kind == "view" else "table"


def _moved(walk: Walk, ended: Ended) -> str:
    """A word for the data version that an attempt made, or nothing if the rows are as they were."""
    outcome = ended.outcome
    if outcome is None or outcome.held is None or not outcome.changed:
        return ""
    return f"{outcome.held.version}.{walk.run.id}"


def _finish(board: Board, live: Live, ended: Ended) -> None:
    """The attempt was the last one: bring its unit to its end."""
    walk, unit, now = live.walk, live.unit, board.shop.clock.now()
    going, finished = walk.going[unit], ended.finished
    going.facts, going.detail = ended.facts, finished.detail
    if ended.mishap is not None:
        going.tries[ended.mishap.value] += 1
    _close_attempt(board, live, ended, now, finished.state)
    settle_unit(board, walk, unit, finished, now, written=live.attempt is not None)


def _close_attempt(board: Board, live: Live, ended: Ended, now: datetime, state: State) -> None:
    """Have the journal know how an attempt ended, and how its unit stands."""
    if live.attempt is None:
        return
    finished = ended.finished
    ending_ = Ending(
        state=_ATTEMPTS[finished.state],
        at=now,
        node=record_of(live.walk, live.unit, state, now, finished),
        mishap=ended.mishap,
        message="; ".join(each.message for each in finished.diagnostics) or finished.detail,
        rows=finished.rows,
        seconds=finished.seconds,
        moved=_moved(live.walk, ended),
    )
    board.shop.scribe.finish(live.attempt.id, ending_)
    board.moved = board.moved or bool(ending_.moved)


def settle_unit(
    board: Board, walk: Walk, unit: Unit, finished: NodeFinished, now: datetime, *, written: bool = False
) -> None:
    """Bring a node, or one of its items, to its end."""
    if unit[1] < 0:
        _settle(board, walk, unit[0], finished, now, written=written)
        return
    walk.going[unit].state = finished.state
    if not written:
        board.shop.scribe.note([record_of(walk, unit, finished.state, now, finished)])
    walk.told_items.setdefault(unit[0], []).extend(finished.diagnostics)
    walk.next_item(unit[0], now)
    gather(board, walk, unit[0])


def gather(board: Board, walk: Walk, key: str) -> None:
    """Bring a task that has fanned out to its end when all of its items are at theirs."""
    items = walk.units_of(key)
    states = {each.state for each in items}
    if not states <= FINAL:
        return
    bad = next((each for each in (State.FAILED, State.CANCELLED, State.BLOCKED) if each in states), None)
    state = bad or (State.DONE if State.DONE in states else State.UNCHANGED)
    walk.going[key, -1].facts = {"items": [dict(each.facts) for each in items]}
    done = sum(each.state in {State.DONE, State.UNCHANGED} for each in items)
    detail = f"{done:,} of {len(items):,} items" if bad else f"{len(items):,} items"
    finished = replace(
        ending(walk, walk.node(key), state, detail=detail), diagnostics=tuple(walk.told_items.get(key, ()))
    )
    _settle(board, walk, key, finished, board.shop.clock.now())


def _settle(
    board: Board, walk: Walk, key: str, finished: NodeFinished, now: datetime, *, written: bool = False
) -> None:
    """Bring a node to its end, tell it, and bring those to theirs that cannot run because of it."""
    if walk.going[key, -1].state in FINAL:
        return
    walk.warned += 1 if finished.warnings else 0
    walk.settle(key, finished.state, now)
    if not written:
        board.shop.scribe.note([record_of(walk, (key, -1), finished.state, now, finished)])
    walk.errand.on_event(finished)
    tell_dropped(board, walk, now)


def tell_dropped(board: Board, walk: Walk, now: datetime) -> None:
    """Tell of the nodes that were brought to their ends by others."""
    dropped, walk.dropped = walk.dropped, []
    for key in dropped:
        state = walk.going[key, -1].state
        assert state is not None
        finished = ending(walk, walk.node(key), state, detail=walk.going[key, -1].detail)
        board.shop.scribe.note([record_of(walk, (key, -1), state, now, finished)])
        walk.errand.on_event(finished)


def _pause(walk: Walk, unit: Unit, ended: Ended) -> float | None:
    """How long (seconds) to wait before another try; None if there is none."""
    node, mishap = walk.node(unit[0]), ended.mishap or Mishap.PERMANENT
    if not may_repeat(_effects(walk, unit), mishap):
        return None
    tries = walk.going[unit].tries.copy()
    tries[mishap.value] += 1
    return next_try(node.running.retries, mishap, tries, random.random())  # noqa: S311 - jitter is no secret


def _effects(walk: Walk, unit: Unit) -> Effects | None:
    kind = walk.node(unit[0]).kind
    return kind.effects if isinstance(kind, Task) else None


def _try_again(board: Board, live: Live, ended: Ended, pause: float) -> None:
    walk, unit, now = live.walk, live.unit, board.shop.clock.now()
    going = walk.going[unit]
    assert ended.mishap is not None
    going.tries[ended.mishap.value] += 1
    detail = f"{ended.finished.detail}; tries again in {pause:.0f} s" if pause >= 1 else ended.finished.detail
    walk.park(unit, now + timedelta(seconds=pause), detail)
    _close_attempt(board, live, ended, now, State.WAITING)
    going.told = ""
    told_waiting(walk, unit, detail, going.until)


def refuse_lost(board: Board, walk: Walk, unit: Unit) -> bool:
    """Bring a unit to its end that was lost with its process and is not to be tried again; whether it was."""
    lost, node = walk.going[unit].tries[Mishap.LOST.value], walk.node(unit[0])
    if not lost:
        return False
    if not may_repeat(_effects(walk, unit), Mishap.LOST):
        help = "find out, then say how it ended with `sqlpipe mark`, or run it again with `sqlpipe retry`"
        fail(board, walk, unit, Diagnostic(code="SP635", message=question(str(node.name), Mishap.LOST), help=help))
        return True
    if lost > node.running.retries.lost:
        said = f"{node.name} was lost {lost} times with the process that ran it"
        help = "find out what ends the process, memory perhaps; `retries: {lost: ...}` says how often it is tried again"
        fail(board, walk, unit, Diagnostic(code="SP636", message=said, help=help))
        return True
    return False


def _asking(walk: Walk, unit: Unit, ended: Ended) -> Ended:
    """A failure that may only be repeated by a person says so."""
    node, mishap = walk.node(unit[0]), ended.mishap
    if not isinstance(node.kind, Task) or mishap is None or may_repeat(node.kind.effects, mishap):
        return ended
    told = tuple(replace(each, help=question(str(node.name), mishap)) for each in ended.finished.diagnostics)
    return replace(ended, finished=replace(ended.finished, diagnostics=told))


def _lay_down(board: Board, live: Live, ended: Ended) -> None:
    """The process is to end: the unit will be taken up by the next one."""
    walk, unit, now = live.walk, live.unit, board.shop.clock.now()
    going = walk.going[unit]
    going.state, going.until = State.WAITING, None
    if not may_repeat(_effects(walk, unit), Mishap.LOST):
        going.tries[Mishap.LOST.value] += 1  # it was in the midst of it: the next process is to ask a person
    _close_attempt(board, live, ended, now, State.WAITING)


def _poked(board: Board, walk: Walk, unit: Unit, ended: Ended) -> None:
    """Whether a sensor's time has come, or when it is poked next."""
    node, going, now = walk.node(unit[0]), walk.going[unit], board.shop.clock.now()
    kind = node.kind
    assert isinstance(kind, Sensor)
    if walk.released:
        return
    if walk.cancelled:
        _settle(board, walk, unit[0], ending(walk, node, State.CANCELLED, detail="cancelled"), now)
        return
    waited = dict(going.waited)
    first = datetime.fromisoformat(str(waited["first"])) if "first" in waited else now
    pokes = _count(waited.get("pokes")) + 1
    errors = _count(waited.get("errors")) + 1 if ended.mishap is not None else 0
    state = ended.finished.state
    memory = waited.get("memory", {}) if ended.mishap is not None else dict(ended.waited)
    going.waited = {"first": first.isoformat(), "pokes": pokes, "errors": errors, "memory": memory}
    if state in {State.DONE, State.UNCHANGED}:
        going.facts = ended.facts
        _settle(board, walk, unit[0], ended.finished, now)
    elif errors and (too_many_errors(kind, errors) or ended.mishap is Mishap.PERMANENT):
        _settle(board, walk, unit[0], replace(ended.finished, state=State.FAILED), now)
    elif timed_out(kind, first, now):
        _settle(board, walk, unit[0], _waited_enough(walk, unit, ended, errors), now)
    else:
        due = datetime.fromisoformat(str(memory["due"])) if isinstance(memory, dict) and memory.get("due") else None
        until = next_poke(kind, pokes, first, now, random.random(), due)  # noqa: S311 - jitter is no secret
        detail = ended.finished.detail
        walk.park(unit, until, detail)
        board.shop.scribe.note([record_of(walk, unit, State.WAITING, now, ended.finished)])
        told_waiting(walk, unit, detail, until)


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _waited_enough(walk: Walk, unit: Unit, ended: Ended, errors: int) -> NodeFinished:
    kind = walk.node(unit[0]).kind
    assert isinstance(kind, Sensor)
    said = f"{walk.node(unit[0]).name} waited {kind.timeout:g} s in vain: {ended.finished.detail or 'not yet'}"
    finished = replace(ended.finished, state=ending_of(kind, errors), detail=said, diagnostics=())
    if finished.state is not State.FAILED:
        return finished
    help = "give it more time with `timeout:`, or let it go on with `on_timeout: skip` or `continue`"
    return replace(finished, diagnostics=(Diagnostic(code="SP619", message=said, help=help),))


def cancel(board: Board, walk: Walk, detail: str = "cancelled before it began") -> None:
    """Stop what runs, and bring to its end what has not begun."""
    if walk.cancelled:
        return
    walk.cancelled = True
    for live in board.of(walk):
        live.stopper.stop()
    now = board.shop.clock.now()
    for key, item in [*walk.clear()]:
        _cancel_started(board, walk, (key, item))
        if item < 0 and walk.going[key, -1].state not in FINAL:
            end_now(board, walk, key, State.CANCELLED, detail=detail)
        elif item >= 0:
            going = walk.going[key, item]
            begun, going.state, going.until, going.detail = going.state, State.CANCELLED, None, detail
            if begun is not None:
                board.shop.scribe.note([record_of(walk, (key, item), State.CANCELLED, now)])
    for key in walk.items:
        if walk.going[key, -1].state not in FINAL:
            gather(board, walk, key)


def _cancel_started(board: Board, walk: Walk, unit: Unit) -> None:
    """Cancel the run that a task has started, wherever it is carried out."""
    started = str(walk.going[unit].waited.get("run", ""))
    if not started or not isinstance(walk.node(unit[0]).kind, Task):
        return
    scribe, now = board.shop.scribe, board.shop.clock.now()

    def order() -> None:
        with scribe.book.writing() as pen:
            runs.cancel_run(pen, started, now)

    scribe.write(order)
    for each in board.walks:
        if each.run.id == started:
            cancel(board, each)


def release(board: Board, walk: Walk) -> None:
    """Stop what runs so that the next process can take the run up again."""
    walk.released = True
    for live in board.of(walk):
        live.stopper.stop()


def give_up(board: Board, live: Live) -> None:
    """Go on without a worker that does not answer; should it commit later, the database refuses that."""
    hall, walk = board.shop.hall, live.walk
    if live.desk is not None:
        hall.abandon(live.desk)
    if live.lane == Lane.PLANNING:
        walk.planning = False
        return
    node = walk.node(live.unit[0])
    if live.desk is not None and live.attempt is not None:
        # Refused if it is committing at this moment: what then comes of it, the ledger tells the next run.
        with suppress(SqlpipeError):
            hall.ledger.raise_fence(hall.reading, live.unit[0], live.attempt.id + 1)
    mishap = live.stopper.mishap
    said = f"{node.name} did not stop when it was told to and was given up"
    finished = ending(walk, node, State.CANCELLED if mishap is None else State.FAILED, detail=said)
    told = () if mishap is None else (Diagnostic(code="SP616", message=said),)
    receive(board, live, Ended(replace(finished, diagnostics=told), mishap=mishap))


def put_back(board: Board, live: Live) -> None:
    """Have planning, or a poke, begin anew that could not ask the journal."""
    walk, unit, now = live.walk, live.unit, board.shop.clock.now()
    if live.lane == Lane.PLANNING:
        walk.planning = False
        return
    walk.going[unit].busy = False
    if walk.cancelled:
        end_now(board, walk, unit[0], State.CANCELLED, detail="cancelled")
    elif not walk.released:
        walk.park(unit, now + timedelta(seconds=board.shop.clock.speed), "the journal is away")


def lose(board: Board, walk: Walk, error: SqlpipeError) -> None:
    """Stop a run that is no longer this process's to carry out, and write nothing of it."""
    walk.lost = True
    walk.problem = error
    release(board, walk)


def problem(board: Board, walk: Walk, error: SqlpipeError) -> None:
    """Note what kept a run from going on at all."""
    walk.problem = error
    walk.cancelled = True
    for live in board.of(walk):
        live.stopper.stop()
