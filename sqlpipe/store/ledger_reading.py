"""The ledger read as a whole: all nodes in one query, for those who look at everything at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlpipe.domain.held import Commit
from sqlpipe.domain.interval import Interval
from sqlpipe.store.ledger import Writes
from sqlpipe.store.statements import statements

_SQL = statements("ledger")
_FIRST_DAY = date(1970, 1, 1)
# The inputs of joined commits that had other inputs than those asked for, or different ones.
_OTHERS: Mapping[str, str] = {"": ""}

Wanted = Mapping[tuple[str, int], Mapping[str, str] | None]
Bound = tuple[datetime, int]


def joined_intervals(session: Writes, wanted: Wanted) -> dict[tuple[str, int], list[Commit]]:
    """The intervals that commits of nodes wrote, from a data version on each, those of one fingerprint joined.

    `wanted` gives by node and version the inputs whose commits are wanted apart from those with others, if any.
    """
    found: dict[tuple[str, int], list[Commit]] = {each: [] for each in wanted}
    if not wanted:
        return found
    nodes, versions = zip(*wanted, strict=True)
    inputs = ["" if each is None else json.dumps(each, sort_keys=True) for each in wanted.values()]
    rows = session.query(_SQL["all intervals"], (list(nodes), list(versions), inputs))
    for (node, since, fingerprint, same), bounds in groupby(rows, lambda row: row[:4]):
        given = (wanted[node, since] or {}) if same else _OTHERS
        intervals = _between([(row[4], row[5]) for row in bounds])
        found[node, since] += [Commit(each, since, fingerprint, given) for each in intervals]
    return found


def _between(bounds: list[Bound]) -> list[Interval]:
    """The intervals of which so many begin, less those that end, at each moment; moments go up."""
    intervals, open_, start = [], 0, datetime.min  # noqa: DTZ901 - without a zone, as every moment of an interval
    for moment, change in bounds:
        if not open_:
            start = moment
        open_ += change
        if not open_:
            intervals.append(Interval(start, moment))
    return intervals


def last_checks(session: Writes) -> list[tuple[Any, ...]]:
    """What every check found last: node, name, severity, passed, offences, total, note, sample, run, when."""
    return [(*row[:7], json.loads(row[7]), *row[8:]) for row in session.query(_SQL["last checks"])]


def days_of_checks(session: Writes, since: datetime) -> list[tuple[Any, ...]]:
    """How every check ended: node, name, and lists of the days, of how often it ran and failed, and of offences.

    The days are numbers that `day_of` understands; the offences are those found last on each.
    """
    return session.query(_SQL["days of checks"], (since,))


def day_of(number: int) -> date:
    """The day so many days after the first of 1970."""
    return _FIRST_DAY + timedelta(days=number)


def last_commits(session: Writes) -> list[tuple[Any, ...]]:
    """The last hundred commits of every node, oldest first: node, when, version, rows, position, run."""
    return session.query(_SQL["last commits"])
