"""What has happened that nobody has been told of yet; cheap to ask again and again.

Runs and ticks are marked (`told` is 1) once everything about them has been told, in the transaction that posts it. A
run whose nodes a person marks later has 2: they are looked at once more, and the run itself is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.domain.journal import RunState
from sqlpipe.domain.schedule import Tick, TickState
from sqlpipe.store.book import Book, Pen
from sqlpipe.store.cells import micros, moment
from sqlpipe.store.statements import statements

Reader = Book | Pen

_SQL = statements("news")


@dataclass(frozen=True, slots=True)
class Failure:
    """A node that ended badly for good, and of which nothing is told yet; `said` is the message of its last attempt."""

    node: str
    run: str
    pipeline: str
    kind: str
    at: datetime
    detail: str
    said: str


@dataclass(frozen=True, slots=True)
class Open:
    """An episode that has been told of and is not over."""

    rule: str
    subject: str
    episode: str
    at: datetime
    title: str


@dataclass(frozen=True, slots=True)
class Well:
    """A node was as it should be in a run."""

    run: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; `told_by_nodes` where the failures of its nodes say enough."""

    run: str
    pipeline: str
    state: RunState
    at: datetime
    reason: str
    told_by_nodes: bool


@dataclass(frozen=True, slots=True)
class Late:
    """A run that has missed its deadline; `finished` is None as long as it has not ended."""

    run: str
    pipeline: str
    state: RunState
    deadline: datetime
    finished: datetime | None


@dataclass(frozen=True, slots=True)
class Missed:
    """A tick that will not be run."""

    pipeline: str
    state: TickState
    tick: Tick
    reason: str


@dataclass(frozen=True, slots=True)
class Ousted:
    """The lease ran out before it was given back, and another process, `by`, took it from `who`."""

    epoch: int
    who: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Stuck:
    """A message that does not go out."""

    id: int
    title: str
    at: datetime
    problem: str


def failures(reader: Reader, since: datetime) -> list[Failure]:
    """The nodes that failed and are in no episode, oldest first; not those of runs that ended before `since`."""
    return [
        Failure(node, run, pipeline, kind, moment(at), detail, said)
        for node, run, pipeline, kind, at, detail, said in reader.query(_SQL["failures"], {"since": micros(since)})
    ]


def mended(reader: Reader) -> list[tuple[Open, Well]]:
    """The failures of nodes that have been well since, with each time that they were, oldest first."""
    return [
        (Open(rule, subject, episode, moment(broke), title), Well(run, moment(at)))
        for rule, subject, episode, broke, title, run, at in reader.query(_SQL["mended"])
    ]


def well_after(reader: Reader, node: str, at: datetime) -> Well | None:
    """When a node was well for the first time after a moment."""
    return _well(reader.query(_SQL["well after"], {"node": node, "at": micros(at)}))


def last_well(reader: Reader, node: str) -> Well | None:
    """When a node was well for the last time."""
    return _well(reader.query(_SQL["last well"], {"node": node}))


def _well(rows: list[tuple[Any, ...]]) -> Well | None:
    return next((Well(run, moment(at)) for run, at in rows), None)


def outcomes(reader: Reader, since: datetime) -> list[Outcome]:
    """The runs that ended, done or failed, in the order in which they did; not those that ended before `since`."""
    return [
        Outcome(run, pipeline, RunState(state), moment(at), reason, bool(told))
        for run, pipeline, state, at, reason, told in reader.query(_SQL["outcomes"], {"since": micros(since)})
    ]


def late(reader: Reader, now: datetime, since: datetime) -> list[Late]:
    """The runs past their deadlines, waiting, running or at their end; not those that ended before `since`."""
    values = {"now": micros(now), "since": micros(since)}
    return [
        Late(run, pipeline, RunState(state), moment(deadline), moment(finished))
        for run, pipeline, state, deadline, finished in reader.query(_SQL["late"], values)
    ]


def missed(reader: Reader) -> list[Missed]:
    """The ticks that were skipped or have expired, by pipeline and state; not those that a pause has skipped."""
    return [
        Missed(pipeline, TickState(state), Tick(moment(at), moment(start), moment(end)), reason)
        for pipeline, state, at, start, end, reason in reader.query(_SQL["missed"])
    ]


def open_of(reader: Reader, rule: str) -> dict[str, Open]:
    """The open episodes of a rule by subject."""
    return {
        subject: Open(rule, subject, episode, moment(at), title)
        for rule, subject, episode, at, title in reader.query(_SQL["open"], {"rule": rule})
    }


def ousted(reader: Reader) -> list[Ousted]:
    """The latest time that the lease was lost, if that is still to be told."""
    return [
        Ousted(epoch, who, moment(at), f"{host}, process {pid}")
        for epoch, who, at, host, pid in reader.query(_SQL["ousted"])
    ]


def stuck(reader: Reader, tries: int) -> list[Stuck]:
    """The messages that have been tried in vain so often, oldest first."""
    return [
        Stuck(id, title, moment(at), problem)
        for id, title, at, problem in reader.query(_SQL["stuck"], {"tries": tries})
    ]


def untold(reader: Reader) -> bool:
    """Whether there are runs or ticks at their end that are not marked."""
    return bool(reader.query(_SQL["untold"])[0][0])


def mark_told(pen: Pen) -> None:
    """Mark the runs and ticks at their end; what has not been told of them by now never will be."""
    pen.execute(_SQL["runs are told"])
    pen.execute(_SQL["ticks are told"])
