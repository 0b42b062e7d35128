"""A plan: what a run will do with each node, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlpipe.domain.interval import Interval
from sqlpipe.domain.project import Node


class Change(StrEnum):
    """Why a node is in a plan, by the sign it gets when shown."""

    NEW = "new"
    EDITED = "edited"
    DATA = "data"
    DUE = "due"
    MAYBE = "maybe"
    FORCED = "forced"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one node.

    `change` and `reason` are as far as can be told before anything has run: `DUE` nodes look at their source
    first, and `MAYBE` nodes run only if a node before them brings new rows. `action` is a short phrase for people
    (`build table`, `fill 3 days`). `sql` is the statement of a model, runnable by hand. `waits` are the
    steps that have to be finished first, by node key.
    """

    node: Node
    change: Change
    reason: str
    action: str
    waits: frozenset[str] = frozenset()
    sql: str = ""
    intervals: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run in an order in which they could be done one after the other."""

    target: str
    database: str
    steps: tuple[Step, ...]

    @property
    def to_do(self) -> tuple[Step, ...]:
        """The steps that will, or may, do something."""
        return tuple(step for step in self.steps if step.change is not Change.UNCHANGED)
