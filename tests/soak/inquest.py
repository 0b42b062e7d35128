"""What must hold after the soak, whatever befell it: each function tells what does not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb

from sqlpipe.domain.journal import AttemptRecord, AttemptState, RunRecord
from sqlpipe.domain.schedule import TickState
from sqlpipe.store import attempts, runs, ticks
from sqlpipe.store.book import Book
from sqlpipe.store.ticks import TickRow
from tests.soak.trouble import Version

SETTLED = {TickState.COVERED, TickState.SUPERSEDED, TickState.SKIPPED, TickState.EXPIRED}
ALL = 1_000_000
FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Record:
    """All that the journal says."""

    runs: list[RunRecord]
    attempts: list[AttemptRecord]
    ticks: list[TickRow]

    @classmethod
    def read(cls, book: Book) -> Record:
        found = runs.runs(book, limit=ALL)
        tries = [each for run in found for each in attempts.attempts(book, run=run.id)]
        return cls(found, tries, ticks.ticks(book, limit=ALL))


def differences(warehouse: Path, reference: Path) -> list[str]:
    """The tables whose rows are not those of the reference, in either direction, counting doubles."""
    told = []
    with duckdb.connect(str(warehouse), read_only=True) as database:
        database.execute("set timezone = 'UTC'")
        database.execute(f"attach '{reference}' as reference (read_only)")
        tables = database.execute(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_catalog = 'reference' and table_schema not like '\\_%' escape '\\' order by 1"
        ).fetchall()
        for (table,) in tables:
            here, there = (
                f"(select columns(lambda c: not starts_with(c, '_')) from {each}{table})" for each in ("", "reference.")
            )
            rows = f"(from {here} except all from {there}) union all (from {there} except all from {here})"
            (count,) = database.execute(f"select count(*) from ({rows})").fetchall()[0]
            told += [f"{table}: {count} rows differ"] if count else []
        return told if tables else ["the reference has no tables"]


def unsettled(record: Record) -> list[str]:
    """Ticks, runs and attempts that have not come to an end, and ticks that say nothing of why they were not run."""
    told = [f"run {each.id} of {each.pipeline} is {each.state}" for each in record.runs if each.finished is None]
    told += [f"attempt {each.id} at {each.node} is running" for each in record.attempts if each.finished is None]
    for each in record.ticks:
        if each.state not in SETTLED or (each.state is not TickState.COVERED and not each.reason):
            told.append(f"the tick of {each.pipeline} at {each.tick.at:%m-%d %H:%M} is {each.state} {each.reason}")
    return told


def miscounted(record: Record, versions: Sequence[Version], until: datetime) -> list[str]:
    """Ticks that are missing, or that no schedule made, by the reckoning of another library."""
    told = []
    by_name: dict[str, list[Version]] = defaultdict(list)
    for each in versions:
        by_name[each.name].append(each)
    for name, changes in by_name.items():
        found = Counter(each.tick.at for each in record.ticks if each.pipeline == name)
        sure, maybe = _expected(changes, until)
        told += [f"{name} has {count} ticks at {at:%m-%d %H:%M}" for at, count in found.items() if count > 1]
        told += [f"{name} has no tick at {at:%m-%d %H:%M}" for at in sorted(sure - found.keys())]
        told += [f"{name} has a tick at {at:%m-%d %H:%M}" for at in sorted(found.keys() - sure - maybe)]
    return told


def _expected(changes: Sequence[Version], until: datetime) -> tuple[set[datetime], set[datetime]]:
    """The ticks that there have to be, and those about the time of an edit, that there may be."""
    sure: set[datetime] = set()
    maybe: set[datetime] = set()
    for change, following in zip(changes, [*changes[1:], None], strict=True):
        if change.line is None:
            continue
        assert change.latest is not None, f"{change.name} never took effect"
        end = until + timedelta(minutes=change.line.delay)
        first, last = (following.earliest, following.latest or end) if following is not None else (end, end)
        found = set(change.line.ticks(change.earliest, min(last, end)))
        sure |= {each for each in found if change.latest < each <= first}
        maybe |= found
    return sure, maybe


def crowded(record: Record, rooms: dict[str, int], skew: timedelta) -> list[str]:
    """Pipelines of which more runs were active at a time than may be, by their times in the journal.

    A process takes the time first and the journal's lock then: two of them may seem to overlap by `skew`.
    """
    told = []
    for name, room in rooms.items():
        spans = [
            Span(each.started, each.finished or FOR_EVER, each.owner)
            for each in record.runs
            if each.pipeline == name and each.started is not None
        ]
        told += [f"{count} runs of {name} at {at:%m-%d %H:%M:%S}" for at, count in _crowd(spans, skew) if count > room]
    return told


@dataclass(frozen=True, order=True)
class Span:
    """How long something went on, and whose it was."""

    start: datetime
    end: datetime
    owner: str

    def meets(self, later: Span, skew: timedelta) -> bool:
        """Whether it still went on when a later one began."""
        return self.end > later.start + (timedelta() if self.owner == later.owner else skew)


def _crowd(spans: Iterable[Span], skew: timedelta) -> Iterator[tuple[datetime, int]]:
    present: list[Span] = []
    for each in sorted(spans):
        present = [*(other for other in present if other.meets(each, skew)), each]
        yield each.start, len(present)


def overlapping(record: Record, skew: timedelta) -> list[str]:
    """Attempts at the same thing that went on at the same time."""
    told = []
    by_unit: dict[tuple[str, int], list[AttemptRecord]] = defaultdict(list)
    for each in sorted(record.attempts, key=lambda each: each.id):
        by_unit[each.node, each.item].append(each)
    for found in by_unit.values():
        for before, after in pairwise(found):
            one, other = (Span(each.started, each.finished or FOR_EVER, each.owner) for each in (before, after))
            if one.meets(other, skew):
                told.append(f"attempts {before.id} and {after.id} at {after.node} overlap")
    return told


def unexplained(record: Record, killed: set[str]) -> list[str]:
    """Attempts that were lost although nobody killed their process."""
    lost = [each for each in record.attempts if each.state is AttemptState.LOST]
    return [f"attempt {each.id} at {each.node} of {each.owner} was lost" for each in lost if each.owner not in killed]


def unstamped(record: Record, stamps: str, pipelines: Sequence[str]) -> list[str]:
    """Intervals that count as covered, and whose task never ran to its end."""
    found = defaultdict(list)
    for line in stamps.splitlines():
        pipeline, start, end = line.split(" ")
        if start and end:
            found[pipeline].append((datetime.fromisoformat(start), datetime.fromisoformat(end)))
    covered = [each for each in record.ticks if each.pipeline in pipelines and each.state is TickState.COVERED]
    return [
        f"{each.pipeline} {each.tick.start:%m-%d %H:%M} counts as covered"
        for each in covered
        if not any(start <= each.tick.start and each.tick.end <= end for start, end in found[each.pipeline])
    ]


def orphans(mark: str) -> list[str]:
    """Processes that were started on behalf of the soak and are still there."""
    told = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if f"SOAK={mark}".encode() in (each / "environ").read_bytes().split(b"\0"):
                told.append(f"process {each.name}: {(each / 'cmdline').read_text().replace(chr(0), ' ')}")
        except OSError:
            continue
    return told


def growth(values: Sequence[float]) -> float:
    """How much more the last quarter is than the first, on average, as a share; warming up is left out."""
    steady = values[len(values) // 10 :]
    quarter = len(steady) // 4
    first, last = sum(steady[:quarter]) / quarter, sum(steady[-quarter:]) / quarter
    return last / first - 1


def figures(record: Record, journal: Path) -> str:
    """How much there was of what, in a few lines for whoever reads the log of the test."""
    states = {
        "runs": Counter(each.state.value for each in record.runs),
        "attempts": Counter(each.state.value for each in record.attempts),
        "ticks": Counter(each.state.value for each in record.ticks),
        "pipelines": Counter(each.pipeline for each in record.runs),
    }
    size = sum(each.stat().st_size for each in journal.parent.glob(f"{journal.name}*"))
    lines = [
        f"{name}: {', '.join(f'{count} {word}' for word, count in found.items())}" for name, found in states.items()
    ]
    return "\n".join([*lines, f"journal: {size:,} bytes, {size / max(1, len(record.runs)):,.0f} a run"])
