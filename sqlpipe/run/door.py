"""The door to tasks and sensors: opened by name, for a run of tables alone needs nothing of what they import."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlpipe.run.chores import Chores


def chores() -> Chores:
    """How tasks and sensors are worked on."""
    found: Chores = import_module("sqlpipe.run.chores").CHORES
    return found
