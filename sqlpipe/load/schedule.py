"""Schedules as they are written: cron expressions, time zones, rhythms."""

from __future__ import annotations

from sqlpipe.calendar import cron
from sqlpipe.calendar.cron import CronError
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.decode import expected, lasting, text
from sqlpipe.load.document import Scalar, Value
from sqlpipe.load.inside import place_inside


def cron_of(value: Value, complaints: Complaints) -> str | None:
    """A cron expression of five fields, its alias spelled out; None after a complaint."""
    written = text(value, complaints)
    if written is None or not isinstance(value, Scalar):
        return None
    try:
        return cron.parse(written)
    except CronError as error:
        _complain(error, value, complaints)
        return None


def zone_of(value: Value, complaints: Complaints) -> str | None:
    """The name of a time zone."""
    name = text(value, complaints)
    if name is None or not isinstance(value, Scalar):
        return None
    try:
        return cron.zone(name).key
    except CronError as error:
        _complain(error, value, complaints)
        return None


def _complain(error: CronError, value: Scalar, complaints: Complaints) -> None:
    for each in (error, *error.others):
        place = place_inside(value, each.start, each.start + each.length, complaints.text)
        complaints.add("SP601", each.message, place, label="here", help=each.help)


def rhythm(value: Value, complaints: Complaints) -> int | None:
    """A whole number of seconds between one start and the next."""
    found = lasting(value, complaints)
    if found is not None and found != int(found):
        expected("whole seconds", value, complaints)
        return None
    return None if found is None else int(found)
