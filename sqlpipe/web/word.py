"""A word of a request: a value that it gives in its path, its query or its body."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A value that a request gives: in its path, its query or its body; `most` bounds a number, from `least` on."""

    name: str
    says: str
    type: type = str
    default: object = None
    required: bool = False
    among: tuple[str, ...] = ()
    least: int = 0
    most: int = 2**53
