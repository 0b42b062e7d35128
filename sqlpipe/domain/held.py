"""What the warehouse holds of a node, as its ledger tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlpipe.domain.interval import Interval


@dataclass(frozen=True, slots=True)
class Held:
    """The last commit of a node.

    `version` is its data version: it grows with every commit that changed rows. Since version `rebuilt` only the
    intervals noted in the ledger have changed; at `rebuilt` everything may have. `inputs` are the data versions
    of the tables that it was built from; `complete` is false while an incremental table is being filled batch by batch.
    `position` is the watermark of an ingest with a column cursor.
    """

    fingerprint: str
    checks: str
    version: int
    rebuilt: int
    complete: bool
    inputs: Mapping[str, str] = field(default_factory=dict)
    position: str = ""
    kind: str = ""
    rows: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """An interval that one commit of a node wrote, and the versions of its inputs at that time."""

    interval: Interval
    version: int
    fingerprint: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileSeen:
    """A file as it was when it was read: its path in the project, size in bytes, modification time in nanoseconds."""

    path: str
    size: int
    modified: int
