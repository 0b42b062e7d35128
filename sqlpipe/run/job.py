"""One node to be run by one worker, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlpipe.domain.check import CheckResult
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.held import Held
from sqlpipe.domain.project import Node
from sqlpipe.engine.contract import Session
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity
from sqlpipe.plan.decide import Decision
from sqlpipe.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a worker needs to run one node; a value, so that nothing is shared by accident.

    `held` is what the ledger knows of the node, `exists` what stands under its name in the database (`table`, `view`
    or nothing), `inputs` the data versions that it reads now, `attempt` the number that stands in the
    journal, and `replaces` whether there were attempts before it in this run.
    """

    node: Node
    identity: Identity
    decision: Decision
    graph: Graph
    held: Held | None
    exists: str
    inputs: Mapping[str, str]
    run: str
    now: datetime
    root: Path
    connections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    staged: str = "_sqlpipe_delta"
    attempt: int = 0
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """A worker's tools: its session and the ledger."""

    session: Session
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt did: `held` is the new state of the node, or None when the ledger was not touched."""

    action: str
    rows: int | None = None
    detail: str = ""
    checks: tuple[CheckResult, ...] = ()
    held: Held | None = None
    changed: bool = True


class ChecksFailed(SqlpipeError):
    """A blocking check failed, so nothing was published."""

    def __init__(self, results: tuple[CheckResult, ...], *diagnostics: Diagnostic) -> None:
        super().__init__(*diagnostics)
        self.results = results
