"""sqlpipe
kind: python
description: |
  Airlines ranked by punctuality. A small airline must not win by luck, so the rank goes by the lower end of the 95 %
  confidence interval of the on-time share (Wilson's), not by the share itself.
columns:
  rank: {description: 1 for the most punctual airline}
  carrier: {description: two-letter code}
  airline: {description: name}
  carrier_group: {description: "network, low-cost or regional"}
  arrived: {description: flights that reached their destination}
  on_time_share: {description: percent of them that arrived less than 15 minutes late}
  on_time_surely: {description: percent that the on-time share is at least (with 97.5 % confidence)}
  bad_days: {description: days on which a third of the arrivals or more were late}
  worst_streak: {description: most bad days in a row on which the airline flew}
  worst_streak_began: {description: first day of that streak; NULL without a bad day}
checks:
  - unique: carrier
  - unique: rank
  - not_null: [rank, carrier, airline, arrived]
  - range: {column: on_time_share, min: 0, max: 100}
  - expression: on_time_surely <= on_time_share
"""

from __future__ import annotations

from datetime import date
from itertools import groupby
from math import sqrt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb import DuckDBPyRelation

Z = 1.96
BAD_SHARE = 1 / 3

SCHEMA = pa.schema(
    {
        "rank": pa.int32(),
        "carrier": pa.string(),
        "airline": pa.string(),
        "carrier_group": pa.string(),
        "arrived": pa.int64(),
        "on_time_share": pa.float64(),
        "on_time_surely": pa.float64(),
        "bad_days": pa.int32(),
        "worst_streak": pa.int32(),
        "worst_streak_began": pa.date32(),
    }
)


def model(marts__daily_delays: DuckDBPyRelation) -> pa.Table:
    """Rank the airlines of the days given."""
    columns = "carrier, airline, carrier_group, flight_date, arrived, late"
    days = marts__daily_delays.project(columns).order("carrier, flight_date").fetchall()
    airlines = [
        summarise(carrier, airline, group, [(day, arrived, late) for *_, day, arrived, late in rows])
        for (carrier, airline, group), rows in groupby(days, key=lambda row: row[:3])
    ]
    airlines.sort(key=lambda airline: (-airline["on_time_surely"], airline["carrier"]))
    return pa.Table.from_pylist([{"rank": rank, **each} for rank, each in enumerate(airlines, start=1)], SCHEMA)


def summarise(carrier: str, airline: str, group: str, days: list[tuple[date, int, int]]) -> dict[str, Any]:
    """What the days of one airline, oldest first, come to; a day is its date, arrivals and late arrivals."""
    arrived = sum(day[1] for day in days)
    on_time = arrived - sum(day[2] for day in days)
    bad = [(day, arrivals > 0 and late / arrivals >= BAD_SHARE) for day, arrivals, late in days]
    began, length = longest_streak(bad)
    return {
        "carrier": carrier,
        "airline": airline,
        "carrier_group": group,
        "arrived": arrived,
        "on_time_share": round(100 * on_time / arrived, 2) if arrived else None,
        "on_time_surely": round(100 * wilson_lower(on_time, arrived), 2),
        "bad_days": sum(is_bad for _, is_bad in bad),
        "worst_streak": length,
        "worst_streak_began": began,
    }


def longest_streak(days: Iterable[tuple[date, bool]]) -> tuple[date | None, int]:
    """The first day and the length of the longest run of bad days; the earliest of equals."""
    longest: tuple[date | None, int] = (None, 0)
    for is_bad, run in groupby(days, key=lambda day: day[1]):
        streak = [day for day, _ in run]
        if is_bad and len(streak) > longest[1]:
            longest = (streak[0], len(streak))
    return longest


def wilson_lower(hits: int, tries: int) -> float:
    """The lower end of Wilson's interval for a share; 0 when nothing was tried."""
    if tries == 0:
        return 0.0
    share = hits / tries
    centre = share + Z**2 / (2 * tries)
    spread = Z * sqrt(share * (1 - share) / tries + Z**2 / (4 * tries**2))
    return (centre - spread) / (1 + Z**2 / tries)
