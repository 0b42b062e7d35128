"""What is told of a diagnostic's code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One code as `sqlpipe explain` tells it: why it comes up, what it looks like, how to mend it."""

    code: str
    title: str
    cause: str
    example: str
    remedy: str
