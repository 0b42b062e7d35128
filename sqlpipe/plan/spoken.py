"""What starts a pipeline, in words."""

from __future__ import annotations

import re

from sqlpipe.domain.schedule import Cron, Deadline, Every, On, Pipeline

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def started(pipeline: Pipeline) -> str:
    """What starts a pipeline.

    >>> from sqlpipe.domain.diagnostic import Place
    >>> started(Pipeline("p", Place(1, 1), starter=Cron("0 6 * * mon-fri", "Europe/Paris")))
    'at 06:00, Monday to Friday, Europe/Paris'
    >>> started(Pipeline("p", Place(1, 1), starter=Every(900))), started(Pipeline("p", Place(1, 1)))
    ('every 15 minutes', 'by hand')
    """
    match pipeline.starter:
        case Cron(expression, zone):
            return f"{_cron(expression)}, {zone}"
        case Every(seconds):
            return _every(seconds)
        case On(nodes, events):
            return f"on {', '.join([*nodes, *(f'event {each}' for each in events)])}"
        case None:
            return "by hand"


def due(deadline: Deadline) -> str:
    """When a run has to be done.

    >>> from datetime import time
    >>> due(Deadline(seconds=5400)), due(Deadline(clock=time(8), zone="Europe/Paris"))
    ('90 minutes after its tick', 'by 08:00, Europe/Paris')
    """
    if deadline.clock is not None:
        return f"by {deadline.clock:%H:%M}, {deadline.zone}"
    size, unit = next((size, unit) for size, unit in _UNITS if deadline.seconds % size == 0 or size == 1)
    number = deadline.seconds / size
    return f"{number:g} {unit}{'' if number == 1 else 's'} after its tick"


def _every(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    number = seconds // size
    return f"every {unit}" if number == 1 else f"every {number} {unit}s"


def _cron(expression: str) -> str:
    """A cron expression in words, as far as it is a simple one; else as it is."""
    minute, hour, day, month, weekday = expression.split()
    days = _weekdays(weekday)
    if (day, month) != ("*", "*") or days is None:
        return f"cron {expression}"
    if minute.isdigit() and hour.isdigit():
        return f"at {int(hour):02d}:{int(minute):02d}{days or ', daily'}"
    if minute.isdigit() and hour == "*":
        return f"hourly at minute {int(minute)}{days}"
    if (step := re.fullmatch(r"\*/(\d+)", minute)) and hour == "*" and 60 % int(step[1]) == 0:
        return f"{_every(60 * int(step[1]))}{days}"
    return f"cron {expression}"


def _weekdays(text: str) -> str | None:
    """The days of a week; nothing for all of them, None where they are not one day or one span."""
    if text == "*":
        return ""
    ends = [_weekday(each) for each in text.lower().split("-", 1)]
    if None in ends:
        return None
    return ", " + " to ".join(_DAYS[each] for each in ends if each is not None)


def _weekday(text: str) -> int | None:
    if text.isdigit() and int(text) < len(_DAYS):
        return int(text)
    return _SHORT.index(text) if text in _SHORT else None
