"""Figures for Prometheus: whether the scheduler lives, whether anything is due, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from sqlpipe import __version__
from sqlpipe.domain.journal import AttemptState
from sqlpipe.domain.schedule import TickState
from sqlpipe.run.schedule import Status

# What has ended stays ended, so that these only grow; what goes on is told by gauges.
_TICKS = [each.value for each in TickState if each not in {TickState.OPEN, TickState.TAKEN}]
_ATTEMPTS = [each.value for each in AttemptState if each is not AttemptState.RUNNING]

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


def exposition(status: Status | None) -> bytes:
    """The figures as text; without a status, as when the journal is away, those that need none."""
    registry = CollectorRegistry()
    registry.register(_Figures(status))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, status: Status | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """The figures of one moment."""
        yield InfoMetricFamily("sqlpipe_build", "The version that runs.", value={"version": __version__})
        yield GaugeMetricFamily("sqlpipe_journal_up", "Whether the journal answers.", value=_up(self._status))
        if self._status is not None:
            yield from _of_the_scheduler(self._status)
            yield from _of_the_work(self._status)


def _up(status: Status | None) -> int:
    return int(status is not None and not status.journal_problem)


def _of_the_scheduler(status: Status) -> Iterable[Metric]:
    yield GaugeMetricFamily("sqlpipe_leading", "Whether this process schedules.", value=int(status.leading))
    yield GaugeMetricFamily(
        "sqlpipe_leader_heartbeat_age_seconds",
        "How long ago this process last kept its lease, or asked for it.",
        value=status.heartbeat_age,
    )
    yield GaugeMetricFamily(
        "sqlpipe_last_tick_timestamp_seconds", "The tick that was ruled on last.", value=_seconds(status.last_tick)
    )
    yield GaugeMetricFamily(
        "sqlpipe_next_tick_timestamp_seconds", "The tick that comes next.", value=_seconds(status.next_tick)
    )
    yield GaugeMetricFamily("sqlpipe_loop_seconds", "How long the last pass took.", value=status.loop_seconds)
    yield GaugeMetricFamily(
        "sqlpipe_project_broken", "Whether the project cannot be loaded.", value=int(bool(status.project_problem))
    )
    yield GaugeMetricFamily(
        "sqlpipe_start_timestamp_seconds", "When the scheduler began.", value=_seconds(status.started)
    )


def _of_the_work(status: Status) -> Iterable[Metric]:
    yield GaugeMetricFamily(
        "sqlpipe_due_intervals",
        "Ticks that are due and not covered by a run that ended well.",
        value=status.due_intervals,
    )
    yield _ended("sqlpipe_ticks", "Ticks, by what became of them.", _TICKS, status.ticks)
    yield CounterMetricFamily(
        "sqlpipe_ticks_expired",
        "Ticks that were missed for so long that they are not made up for.",
        value=status.ticks.get(TickState.EXPIRED.value, 0),
    )
    yield _ended("sqlpipe_attempts", "Tries at nodes, by how they ended.", _ATTEMPTS, status.attempts)
    running = status.attempts.get(AttemptState.RUNNING.value, 0)
    yield GaugeMetricFamily("sqlpipe_attempts_running", "Tries at nodes that go on.", value=running)
    runs = GaugeMetricFamily("sqlpipe_runs", "Runs that have not ended.", labels=["state"])
    runs.add_metric(["running"], status.active_runs)
    runs.add_metric(["queued"], status.queued_runs)
    yield runs
    yield GaugeMetricFamily("sqlpipe_outbox_stuck", "Messages that could not be sent.", value=status.outbox_stuck)


def _ended(name: str, says: str, states: Iterable[str], counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, says, labels=["state"])
    # All of them from the first scrape on: a rate over a series that is not there yet misses its first step.
    for state in states:
        family.add_metric([state], counts.get(state, 0))
    return family


def _seconds(moment: datetime | None) -> float:
    """Seconds since 1970; 0 where it has not happened."""
    return moment.timestamp() if moment is not None else 0.0
