"""One look at what a sensor waits for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlpipe.calendar.clocks import instants, shown
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.task import Answer, Ask, FileThere, Mishap, Sensor, TableMoved, TimeOfDay, Truth
from sqlpipe.run.call import call
from sqlpipe.run.poke_answers import look_at_answer
from sqlpipe.run.poke_files import look_for_files
from sqlpipe.run.poke_truth import look_at_query, plain
from sqlpipe.run.turn import Look, Mischance, Poked, Turn


def poke(sensor: Sensor, turn: Turn, waited: Mapping[str, object], now: datetime, look: Look) -> Poked:
    """Look once; `waited` is what the last poke remembered.

    What a poke remembers under `due` is the instant before which it is no use to look again. Raises Mischance where
    it could not look, or does not understand what it saw (SP618): it knows nothing then, which is not the same as
    knowing that the time has not come.
    """
    try:
        return _look(sensor, turn, waited, now, look)
    except SqlpipeError as error:
        if turn.stopper.asked and turn.stopper.mishap is None:
            raise
        raise Mischance(Mishap.TRANSIENT, _blind(sensor, turn, error)) from error
    except OSError as error:
        said = f"{turn.node.name} could not look: {error.strerror or error}"
        raise Mischance(Mishap.TRANSIENT, Diagnostic(code="SP618", message=said)) from error


def _look(sensor: Sensor, turn: Turn, waited: Mapping[str, object], now: datetime, look: Look) -> Poked:
    match sensor.condition:
        case FileThere():
            return look_for_files(sensor.condition, turn, waited, now)
        case Truth(sql=sql):
            return look_at_query(sql, turn)
        case Answer():
            return look_at_answer(sensor.condition, turn, sensor.poke_timeout)
        case TableMoved():
            return _moved(sensor.condition, turn, now, look)
        case TimeOfDay(at=at, zone=zone):
            return _time_of_day(at, ZoneInfo(zone), turn, now)
        case Ask(call=asked):
            return _asked(call(asked, turn))


def _blind(sensor: Sensor, turn: Turn, error: SqlpipeError) -> Diagnostic:
    if turn.stopper.asked:
        return Diagnostic(
            code="SP618",
            message=f"{turn.node.name} looked for longer than its `poke_timeout` of {sensor.poke_timeout:g} s",
            help="give it more time with `poke_timeout:`, or ask for something that is quicker to tell",
        )
    first, *others = error.diagnostics or (Diagnostic(code="SP618", message="stopped"),)
    return Diagnostic(
        code="SP618",
        message=f"{turn.node.name} could not look: {first.message.removeprefix(f'{turn.node.name}: ')}",
        span=first.span,
        label=first.label,
        help=first.help,
        notes=(*first.notes, *(each.message for each in others)),
    )


def _moved(condition: TableMoved, turn: Turn, now: datetime, look: Look) -> Poked:
    """Met when the table was confirmed of late, or is not what it was when this sensor was met before."""
    found = look.moved(condition.table, condition.project, condition.target)
    if found is None:
        return Poked(met=False, detail=f"{condition.table} has not been built yet")
    version, at = found
    facts = {"table": condition.table, "version": version, "at": at.isoformat()}
    if condition.fresher_than is not None:
        met = at >= now - timedelta(seconds=condition.fresher_than)
        return Poked(met=met, facts=facts if met else {}, detail=f"{condition.table} is of {at:%Y-%m-%d %H:%M:%S} UTC")
    last = turn.values.get("last")
    if isinstance(last, Mapping) and last.get("version") == version:
        return Poked(met=False, detail=f"{condition.table} is still at version {version}")
    return Poked(met=True, facts=facts, detail=f"{condition.table} is at version {version}")


def _time_of_day(at: time, zone: ZoneInfo, turn: Turn, now: datetime) -> Poked:
    """Met from the first instant on at which the clock shows `at`, or more, on the day on which the run began there."""
    run = turn.values.get("run")
    created = run.get("created") if isinstance(run, Mapping) else None
    if isinstance(created, str):
        created = datetime.fromisoformat(created)
    day = shown(created if isinstance(created, datetime) else now, zone).date()
    due = instants(datetime.combine(day, at), zone)[0]
    facts = {"at": due.isoformat()}
    if now >= due:
        return Poked(met=True, facts=facts)
    return Poked(met=False, waited={"due": due.isoformat()}, detail=f"until {day} {at:%H:%M} {zone.key}")


def _asked(answer: object) -> Poked:
    """Met when the function returned something true; its facts are what it returned if that is a mapping."""
    if not answer:
        return Poked(met=False, detail=f"the function says {answer!r}"[:80])
    match answer:
        case Mapping():
            return Poked(met=True, facts={str(key): plain(value) for key, value in answer.items()})
        case True:
            return Poked(met=True)
        case _:
            return Poked(met=True, facts={"value": plain(answer)})
