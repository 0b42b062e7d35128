"""When a sensor is poked again, and when it has waited long enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlpipe.domain.history import State
from sqlpipe.domain.task import OnTimeout, Sensor


def next_poke(
    sensor: Sensor, pokes: int, first: datetime, now: datetime, draw: float, due: datetime | None = None
) -> datetime:
    """When to poke next, after `pokes` of them since `first`; never later than the end of the sensor's patience.

    `draw` is a random number from 0 up to, but not including, 1. `due` is the instant before which the condition
    cannot be met, where the last poke could tell: then it is that instant.
    """
    end = deadline(sensor, first)
    if due is not None and due > now:
        return min(due, end)
    pause = _pause(sensor, pokes) * (1 + sensor.jitter * (2 * draw - 1))
    return min(now + timedelta(seconds=min(pause, sensor.timeout)), end)


def _pause(sensor: Sensor, pokes: int) -> float:
    # An interval beyond the usual cap was asked for: it is not cut down.
    most = max(sensor.interval, sensor.max_interval)
    try:
        return min(most, sensor.interval * sensor.backoff ** max(pokes - 1, 0))
    except OverflowError:
        return most


def deadline(sensor: Sensor, first: datetime) -> datetime:
    """The end of the sensor's patience; one clock from the first poke on, through errors, retries and restarts."""
    return first + timedelta(seconds=sensor.timeout)


def timed_out(sensor: Sensor, first: datetime, now: datetime) -> bool:
    """Whether the sensor has waited long enough; asked after a poke, so that the last one falls on the deadline."""
    return now >= deadline(sensor, first)


def ending(sensor: Sensor, errors: int = 0) -> State:
    """How a sensor ends that has waited long enough.

    `errors` are the last pokes in a row that went wrong: one that could not look in the end did not wait in vain, it
    does not know. That is a failure.
    """
    if errors:
        return State.FAILED
    match sensor.on_timeout:
        case OnTimeout.FAIL:
            return State.FAILED
        case OnTimeout.SKIP:
            return State.SKIPPED
        case OnTimeout.CONTINUE:
            return State.DONE


def too_many_errors(sensor: Sensor, errors: int) -> bool:
    """Whether so many pokes in a row that went wrong are a failure, however the sensor ends after a timeout."""
    return errors >= max(sensor.max_errors, 1)
