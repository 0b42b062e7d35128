"""Whether a node has to be run, how much of it, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlpipe.domain.check import Freshness
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.held import Commit, Held
from sqlpipe.domain.interval import Interval, floor, merge, step, subtract, widen
from sqlpipe.domain.plan import Change
from sqlpipe.domain.project import CheckQuery, Embedded, Incremental, Ingest, Node, Source
from sqlpipe.domain.task import Sensor, Task
from sqlpipe.graph.fingerprint import Identity
from sqlpipe.plan.errand import awaited


@dataclass(frozen=True, slots=True)
class Nothing:
    """The node is as it should be."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """Only the checks were edited: look at the rows that are there."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Build all of it."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Compute these intervals; on the grain of the node, sorted, disjoint."""

    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """Ask the source of an ingest what is new."""


Scope = Nothing | Recheck | Whole | Fill | Look


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a node and the reason in a few words."""

    scope: Scope
    change: Change
    reason: str


# The reason of nodes that are built in every run.
VOLATILE = "reads the clock or a random value"
# Marks, among the inputs of a node, the tables that only its checks read.
_COMPARED = "compared:"

Commits = Callable[[str, int], list[Commit]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known when a node is decided on.

    `held` is what the ledger says of every node, `relations` what exists in the database; `commits` gives the
    intervals written by a node since a version; `sources` tells a source's present state in place of a version.
    """

    held: dict[str, Held]
    relations: dict[str, str]
    commits: Commits
    sources: Mapping[str, str]
    now: datetime
    full_refresh: bool = False

    def version_of(self, key: str) -> str:
        """The data version of a table, as a text that changes when its rows do."""
        if key in self.sources:
            return self.sources[key]
        return str(self.held[key].version) if key in self.held else ""


def inputs_of(identity: Identity, standing: Standing) -> dict[str, str]:
    """The present data versions of what a node reads, files included."""
    read = {key: standing.version_of(key) for key in (*identity.inputs, *identity.files)}
    return read | {_COMPARED + key: standing.version_of(key) for key in identity.compared}


def decide(node: Node, identity: Identity, standing: Standing) -> Decision:
    """Whether and how to run a node, given that everything before it has finished."""
    if is_idle(node):
        return Decision(Nothing(), Change.UNCHANGED, "nothing of its own is kept")
    match node.kind:
        case Task():
            return _whole(Change.DUE, "runs every time")
        case Sensor(condition=condition):
            return _whole(Change.DUE, f"waits for {awaited(condition)}")
    held = standing.held.get(node.key)
    if isinstance(node.kind, Source):
        return _source(node, identity, standing)
    if standing.full_refresh:
        return _whole(Change.FORCED, "full refresh asked for")
    if held is None:
        return _first(node, identity, standing)
    if held.fingerprint != identity.fingerprint:
        words = "kind changed" if held.kind != node.kind_name else "definition changed"
        return _whole(Change.EDITED, words)
    if not isinstance(node.kind, CheckQuery) and node.key not in standing.relations:
        return _whole(Change.NEW, "missing in the database")
    if isinstance(node.kind, Ingest):
        return Decision(Look(), Change.DUE, "asks its source what is new")
    return _by_data(node, identity, standing, held)


def is_idle(node: Node) -> bool:
    """Whether there is never anything to do for the node itself."""
    return isinstance(node.kind, Embedded | Dashboard) or (isinstance(node.kind, Source) and not node.checks)


def _source(node: Node, identity: Identity, standing: Standing) -> Decision:
    """A table that something else writes has its checks run when its rows, or the checks, are not as they were."""
    if node.key not in standing.held:
        return Decision(Recheck(), Change.NEW, "its checks have not been run yet")
    return _checks_only(node, identity, standing, "its rows are as they were")


def _whole(change: Change, reason: str) -> Decision:
    return Decision(Whole(), change, reason)


def _first(node: Node, identity: Identity, standing: Standing) -> Decision:
    if isinstance(node.kind, Incremental) and node.kind.time.batch and _bounded(node, node.kind, identity):
        missing = _missing(node, node.kind, identity, standing)
        if missing:
            return Decision(Fill(missing), Change.NEW, "not built yet")
    return _whole(Change.NEW, "not built yet")


def _bounded(node: Node, kind: Incremental, identity: Identity) -> bool:
    """Whether the intervals that hold rows are known without looking at all of them.

    With inputs that are not aligned they are those of the aligned table that the time column comes from: a lookup
    adds no times of its own, the other half of a union does.
    """
    if kind.time.start is not None:
        return True
    if identity.aligned and not identity.files and set(identity.inputs) == identity.aligned:
        return True
    promises = node.query.slices if node.query else ()
    outputs = {kind.time.column.casefold(), "*"}
    tables = [each.table.casefold() for each in promises if each.output.casefold() in outputs]
    return any(f".{key}".endswith(f".{table}") for key in identity.aligned for table in tables)


def _by_data(node: Node, identity: Identity, standing: Standing, held: Held) -> Decision:
    present = inputs_of(identity, standing)
    differing = [key for key, version in present.items() if held.inputs.get(key) != version]
    moved = sorted(key for key in differing if key not in node.lookups and not key.startswith(_COMPARED))
    if isinstance(node.kind, Incremental):
        return _incremental(node, identity, standing, moved)
    if moved:
        return _whole(Change.DATA, f"new rows in {_names(moved)}")
    if identity.volatile:
        return _whole(Change.DATA, VOLATILE)
    return _checks_only(node, identity, standing, "nothing has changed")


def _incremental(node: Node, identity: Identity, standing: Standing, moved: list[str]) -> Decision:
    assert isinstance(node.kind, Incremental)
    held = standing.held[node.key]
    rebuilt = [key for key in moved if key in identity.aligned and _rebuilt_since(key, held, standing)]
    # While a first fill is under way nothing is held of the other inputs; its own intervals tell what it has read.
    loose = [key for key in moved if key not in identity.aligned and (held.complete or key in held.inputs)]
    if rebuilt or (loose and node.kind.time.start is None):
        return _whole(Change.DATA, f"{_names(rebuilt or loose)} changed, which may touch any interval")
    missing = _missing(node, node.kind, identity, standing)
    if missing:
        reason = f"new rows in {_names(moved)}" if moved and held.complete else "intervals are missing"
        return Decision(Fill(missing), Change.DATA, reason)
    if not held.complete:
        return _whole(Change.DATA, "an earlier run did not finish")
    return _checks_only(node, identity, standing, "every interval is done")


def _checks_only(node: Node, identity: Identity, standing: Standing, well: str) -> Decision:
    held = standing.held[node.key]
    if held.checks != identity.checks:
        return Decision(Recheck(), Change.EDITED, "checks changed")
    compared = [key for key in identity.compared if held.inputs.get(_COMPARED + key) != standing.version_of(key)]
    if compared:
        return Decision(Recheck(), Change.DATA, f"its checks read {_names(compared)}, which changed")
    if any(isinstance(check.rule, Freshness) for check in node.checks):
        return Decision(Recheck(), Change.DUE, "freshness is looked at in every run")
    return Decision(Nothing(), Change.UNCHANGED, well)


def _rebuilt_since(key: str, held: Held, standing: Standing) -> bool:
    """Whether the table was rebuilt as a whole after we last read it."""
    parent = standing.held.get(key)
    if key not in held.inputs and not held.complete:
        return False
    return parent is None or int(held.inputs.get(key) or 0) < parent.rebuilt


def _missing(node: Node, kind: Incremental, identity: Identity, standing: Standing) -> tuple[Interval, ...]:
    """The intervals to compute: those touched since the inputs were last read, and with `start` those never done.

    Batches that an interrupted run has already computed from the very same inputs are left out.
    """
    time = kind.time
    (key, since), *read = commits_wanted(node, identity, standing.held.get(node.key))
    own = [each for each in standing.commits(key, since) if each.fingerprint == identity.fingerprint]
    touched = [widen(each.interval, time.grain) for wanted in read for each in standing.commits(*wanted)]
    present = inputs_of(identity, standing)
    missing = subtract(touched, (each.interval for each in own if each.inputs == present))
    if time.start is not None:
        window = Interval(floor(time.start, time.grain), floor(standing.now, time.grain))
        never = subtract([window], (each.interval for each in own)) if window.start < window.end else ()
        missing = merge([*missing, *never])
    if missing and time.lookback:
        newest = max(each.end for each in missing)
        missing = merge([*missing, Interval(step(newest, time.grain, -time.lookback - 1), newest)])
    return _not_before(missing, time.start and floor(time.start, time.grain))


def commits_wanted(node: Node, identity: Identity, held: Held | None) -> tuple[tuple[str, int], ...]:
    """The nodes, the incremental one itself first, whose commits tell what it misses, and since which data version."""
    consumed = held.inputs if held else {}
    own = (node.key, held.rebuilt if held else 0)
    return (own, *((key, int(consumed.get(key) or 0) + 1) for key in identity.aligned))


def _not_before(intervals: Iterable[Interval], start: datetime | None) -> tuple[Interval, ...]:
    if start is None:
        return tuple(intervals)
    return tuple(Interval(max(each.start, start), each.end) for each in intervals if each.end > start)


def _names(keys: list[str], most: int = 3) -> str:
    shown = ", ".join(keys[:most])
    return f"{shown} and {len(keys) - most} more" if len(keys) > most else shown
