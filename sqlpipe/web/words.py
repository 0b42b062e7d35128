"""Words and signs in which pages tell values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Sign:
    """How a state looks: a symbol, the class of its colour, and its word."""

    symbol: str
    tone: str
    word: str


SIGNS: Mapping[str, Sign] = {
    sign.word: sign
    for sign in (
        Sign("✓", "well", "done"),
        Sign("✓", "well", "fresh"),
        Sign("✓", "well", "passed"),
        Sign("=", "calm", "unchanged"),
        Sign("✗", "bad", "failed"),
        Sign("⊘", "bad", "blocked"),
        Sign("!", "warn", "warned"),
        Sign("△", "warn", "stale"),
        Sign("+", "warn", "new"),
        Sign("↷", "calm", "skipped"),
        Sign("⊖", "calm", "cancelled"),
        Sign("⊖", "calm", "cancelling"),
        Sign("◌", "busy", "waiting"),
        Sign("◌", "busy", "queued"),
        Sign("▶", "busy", "running"),
        Sign("?", "warn", "lost"),
        Sign("‖", "calm", "paused"),
        Sign("·", "calm", "unknown"),
    )
}

# Kinds are told by a glyph; colour is for states.
GLYPHS: Mapping[str, str] = {
    "source": "◇",
    "ingest": "↓",
    "seed": "∷",
    "view": "◻",
    "table": "▦",
    "incremental": "▤",
    "snapshot": "◫",
    "embedded": "⋯",
    "python": "λ",
    "check": "✓",
    "task": "▸",
    "sensor": "◎",
    "dashboard": "◔",
}


def sign(state: object) -> Sign:
    """The sign of a state by its word."""
    word = str(getattr(state, "value", state))
    return SIGNS.get(word, Sign("·", "calm", word))


def glyph(kind: str) -> str:
    """The sign of a kind of node."""
    return GLYPHS.get(kind, "·")


def lasting(seconds: float | None) -> str:
    """A length of time in words.

    >>> lasting(0.0421), lasting(3.14159), lasting(75), lasting(5025), lasting(200_000)
    ('42 ms', '3.1 s', '1 min 15 s', '1 h 23 min', '2 d 7 h')
    """
    if seconds is None:
        return ""
    if seconds < 0.9995:  # noqa: PLR2004 - what would be rounded to a second is one
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    for unit, smaller, of_unit, of_smaller in (
        (_HOUR, _MINUTE, "min", "s"),
        (_DAY, _HOUR, "h", "min"),
    ):
        if seconds < unit:
            whole, rest = divmod(round(seconds), smaller)
            return f"{whole} {of_unit} {rest * _MINUTE // smaller} {of_smaller}"
    days, rest = divmod(round(seconds), _DAY)
    return f"{days} d {rest // _HOUR} h"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long before or after the present something is, roughly.

    >>> noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    >>> ago(datetime(2026, 1, 1, 11, 58, tzinfo=UTC), noon), ago(datetime(2026, 1, 2, 12, tzinfo=UTC), noon)
    ('2 min ago', 'in 1 d')
    """
    if moment is None:
        return "never"
    gap = (aware(now) - aware(moment)).total_seconds()
    size = abs(gap)
    text = next(
        (f"{size // unit:.0f} {word}" for unit, word in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")) if size >= unit),
        f"{size:.0f} s",
    )
    return f"{text} ago" if gap >= 0 else f"in {text}"


def aware(moment: datetime) -> datetime:
    """A moment in UTC; one without a zone is taken for such."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def exact(moment: datetime | None) -> str:
    """A moment to the second, in UTC."""
    return f"{aware(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def iso(moment: datetime | None) -> str:
    """A moment as HTML has it in a `time` element."""
    return aware(moment).isoformat() if moment else ""


def number(value: float | None) -> str:
    """A number with thousands marked; nothing for none."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def count(value: int, word: str, plural: str = "") -> str:
    """So many of something.

    >>> count(1, "node"), count(1200, "node"), count(2, "try", "tries")
    ('1 node', '1,200 nodes', '2 tries')
    """
    return f"{value:,} {word if value == 1 else plural or f'{word}s'}"


def short(run: str) -> str:
    """The id of a run as people name it: its ending."""
    return run.rpartition("-")[2]


FILTERS: Mapping[str, Any] = {
    "lasting": lasting,
    "exact": exact,
    "iso": iso,
    "number": number,
    "short": short,
}
GLOBALS: Mapping[str, Any] = {"sign": sign, "glyph": glyph, "ago_of": ago, "count": count, "zip": zip}
