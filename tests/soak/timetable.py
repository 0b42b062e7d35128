"""The pipelines of the soak, and when each is due by the reckoning of another library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

BEGIN = datetime(2013, 11, 30, 20, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    """A pipeline: what starts it, and the keys of it that need no second reckoning."""

    name: str
    select: str
    cron: str = ""
    zone: str = "UTC"
    every: int = 0  # hours
    delay: int = 0  # minutes
    rest: dict[str, object] = field(default_factory=dict)

    def text(self, end: datetime) -> str:
        """The pipeline as sqlpipe.yml has it."""
        keys: dict[str, object] = {"select": self.select} if self.select else {}
        if self.cron:
            keys |= {"schedule": f'"{self.cron}"', "timezone": self.zone}
        if self.every:
            keys["every"] = f"{self.every}h"
        if self.delay:
            keys["delay"] = f"{self.delay}m"
        if self.cron or self.every:
            keys["end"] = f"{end:%Y-%m-%dT%H:%M:%SZ}"
        told = ", ".join(f"{key}: {value}" for key, value in {**keys, **self.rest}.items())
        return f"  {self.name}: {{{told}}}\n"

    def ticks(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The instants at which it is due, strictly after one moment and up to another."""
        delay = timedelta(minutes=self.delay)
        for instant in self._instants(after - delay):
            if instant + delay > until:
                return
            yield instant + delay

    def _instants(self, after: datetime) -> Iterator[datetime]:
        if self.cron:
            for each in CronSim(self.cron, after.astimezone(ZoneInfo(self.zone))):
                yield each.astimezone(UTC)
        elif self.every:
            rhythm = timedelta(hours=self.every)
            number = (after - EPOCH) // rhythm + 1
            while True:
                yield EPOCH + number * rhythm
                number += 1


LINES = (
    Line("daily", "", "0 6 * * *", "America/New_York", rest={"exclude": "tag:odd", "deadline": '"08:00"'}),
    Line("landing", "tasks.land", "5 */2 * * *"),
    Line("refresh", "raw.flights+", rest={"exclude": "raw.flights", "on": "raw.flights"}),
    Line("flights", "raw.flights", every=6),
    Line("weather", "raw.weather+", every=8),
    Line("planes", "raw.planes+", every=12, rest={"catch_up": "latest"}),
    Line("flaky", "tasks.flaky", "17 */3 * * *"),
    Line("each", "tasks.stamp", every=4, rest={"catch_up": "each"}),
    Line("kolkata", "tasks.stamp_kolkata", "30 */6 * * *", "Asia/Kolkata",
         rest={"catch_up": "each", "max_active_runs": 2, "on_overlap": "queue"}),
    Line("kathmandu", "tasks.quick", "15 */3 * * *", "Asia/Kathmandu", rest={"catch_up": "latest"}),
    Line("chatham", "tasks.quick_too", "45 */3 * * *", "Pacific/Chatham", rest={"catch_up": "none"}),
    Line("adelaide", "tasks.slow", "20 */2 * * *", "Australia/Adelaide", rest={"on_overlap": "skip"}),
    Line("restart", "tasks.slower", every=5, rest={"on_overlap": "cancel_running"}),
    Line("sensing", "tasks.arrival+", every=7),
    Line("asking", "tasks.ask+", "40 */4 * * *", "America/St_Johns"),
    Line("follow", "tasks.tell", rest={"on": "{nodes: [marts.daily_delays], events: [corrected]}"}),
    Line("weekly", "+tag:mart", "0 3 * * mon", "Europe/Paris"),
    Line("fan", "tasks.fan", every=9),
    Line("counting", "tasks.count+", "0 0 * * *", "Asia/Tokyo", rest={"count_paused": "true"}),
    Line("late", "tasks.quick_three", every=3, delay=90, rest={"window": "6h"}),
    Line("launching", "tasks.launch", every=24, rest={"deadline": "2h"}),
    Line("launched", "tasks.quick_four"),
)  # fmt: skip
EDITED = Line("kathmandu", "tasks.quick", "10 */2 * * *", "Asia/Kathmandu", rest={"catch_up": "latest"})
VISITOR = Line("visitor", "tasks.quick_five", "25 */4 * * *", "Asia/Kabul")
