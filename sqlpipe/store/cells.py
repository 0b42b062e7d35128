"""Values as the journal keeps them: times as microseconds since 1970 in UTC, mappings as JSON, text without NUL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, overload

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@overload
def micros(at: datetime) -> int: ...
@overload
def micros(at: None) -> None: ...
def micros(at: datetime | None) -> int | None:
    """An aware time as the number that is kept.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return None if at is None else (at - _EPOCH) // _MICROSECOND


@overload
def moment(cell: int) -> datetime: ...
@overload
def moment(cell: None) -> None: ...
def moment(cell: int | None) -> datetime | None:
    """The time that a number stands for, in UTC."""
    return None if cell is None else _EPOCH + cell * _MICROSECOND


def packed(values: object) -> str:
    """A mapping or a list as JSON, in ASCII, so that no database stumbles over a character."""
    return json.dumps(values, separators=(",", ":"), default=str) if values else "{}"


def unpacked(cell: str) -> dict[str, Any]:
    """The mapping that was packed."""
    return {} if cell == "{}" else dict(json.loads(cell))


def listed(cell: str) -> tuple[str, ...]:
    """The texts that were packed as a list."""
    return () if cell == "{}" else tuple(json.loads(cell))


def plain(text: str) -> str:
    """The text without what PostgreSQL or UTF-8 cannot hold: NUL, and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def pairs(steps: Mapping[Any, frozenset[Any]]) -> str:
    """Legal changes of state as a text in which SQL can look a pair up: `,waiting>running,waiting>done,`."""
    return "".join(f",{was}>{to}" for was, after in steps.items() for to in sorted(after)) + ","


def among(names: Iterable[str]) -> str:
    """Names as a text in which SQL can look one up with `like`: `,queued,running,`."""
    return f",{','.join(names)},"
