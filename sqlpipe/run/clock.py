"""What time it is, and how long to wait; time can be made to pass more quickly, to rehearse a schedule."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic

_LAPSE = re.compile(r"(?P<from>[-\d:T ]+?)(?:\s*x\s*(?P<speed>\d+(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that showed `began` at the instant `at` of the machine's monotonic clock and runs `speed` times as fast.

    Without `began` it is the machine's own clock.
    """

    began: datetime | None = None
    at: float = 0.0
    speed: float = 1.0

    def from_here(self) -> Clock:
        """The same clock, showing where it began now."""
        return replace(self, at=monotonic())

    def now(self) -> datetime:
        """The present; aware, in UTC."""
        if self.began is None:
            return datetime.now(UTC)
        return self.began + timedelta(seconds=(monotonic() - self.at) * self.speed)

    def elapsed(self, since: float) -> float:
        """How many of its seconds have passed since an instant of the monotonic clock."""
        return (monotonic() - since) * self.speed

    def pause(self, until: datetime) -> float:
        """How many seconds to wait for a moment; nothing if it has passed."""
        return max(0.0, (until - self.now()).total_seconds() / self.speed)


def time_lapse(text: str) -> Clock:
    """The clock that a text such as `2013-12-25 x3600` describes: it begins there and an hour takes a second.

    Raises ValueError when the text is no such thing.
    """
    found = _LAPSE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected a time and a speed such as `2013-12-25 x3600`, found `{text}`")
    began = datetime.fromisoformat(found["from"].strip())
    speed = float(found["speed"] or 1)
    if speed <= 0:
        raise ValueError("time has to pass: the speed must be more than 0")
    return Clock(began.replace(tzinfo=began.tzinfo or UTC).astimezone(UTC), monotonic(), speed)
