"""Projects built by hand: nodes from SQL, a ledger that is a list, a run that only keeps the books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlpipe.domain.check import Check
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.held import Commit, Held
from sqlpipe.domain.interval import Grain, Interval, floor
from sqlpipe.domain.names import TableName
from sqlpipe.domain.project import (
    FilesCursor,
    Incremental,
    Ingest,
    Kind,
    Node,
    Project,
    Source,
    Table,
    TimeColumn,
    View,
)
from sqlpipe.graph import dag
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity, digest, identify, time_of
from sqlpipe.plan.decide import Decision, Fill, Nothing, Recheck, Standing, decide, inputs_of
from sqlpipe.sql.parse import analyse

at = datetime.fromisoformat
_analyse = cache(analyse)


def days(start: str, end: str) -> Interval:
    """The interval between two dates."""
    return Interval(at(start), at(end))


def node(
    name: str,
    sql: str = "",
    kind: Kind | None = None,
    *,
    reads: Iterable[str] | None = None,
    tags: Iterable[str] = (),
    checks: tuple[Check, ...] = (),
    lookups: Iterable[str] = (),
    path: str = "",
) -> Node:
    """A node; what it reads are the references of its SQL unless told."""
    query = _analyse(sql) if sql else None
    parents = reads if reads is not None else dict.fromkeys(each.text for each in query.references) if query else ()
    table = TableName.parse(name)
    kind = kind or (Table() if sql else Source())
    return Node(
        name=table,
        path=path or f"models/{table.schema}/{table.name}.sql",
        kind=kind,
        digest=digest(query.digest if query else "", repr(kind)),
        body=sql,
        query=query,
        parents=tuple(TableName.parse(each) for each in parents if each.casefold() != table.key),
        tags=frozenset(tags),
        checks=checks,
        lookups=frozenset(lookups),
    )


def project(*nodes: Node, selections: Mapping[str, str] | None = None) -> Project:
    return Project("shop", "/shop", {each.key: each for each in nodes}, selections=selections or {})


def graph(*nodes: Node) -> Graph:
    return dag.build(project(*nodes))


def incremental(name: str, sql: str, *, column: str = "day", grain: Grain = Grain.DAY, **settings: Any) -> Node:
    """An incremental table; `settings` are those of its time column."""
    time = replace(TimeColumn(column, grain), **settings)
    return node(name, sql, Incremental(time))


def timed(name: str = "raw.sales", column: str = "day", grain: Grain = Grain.DAY) -> Node:
    """An ingest that tells which times a load touched."""
    return node(name, kind=Ingest("*.csv", Place(1, 1), FilesCursor(), time=TimeColumn(column, grain)))


@dataclass
class Books:
    """What a ledger would know, and a run that believes every decision was carried out well."""

    graph: Graph
    now: datetime = field(default_factory=lambda: at("2024-03-10 12:00"))
    held: dict[str, Held] = field(default_factory=dict)
    relations: dict[str, str] = field(default_factory=dict)
    written: list[tuple[str, Commit]] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def identities(self) -> Mapping[str, Identity]:
        return identify(self.graph)

    def standing(self, *, full_refresh: bool = False) -> Standing:
        return Standing(self.held, self.relations, self.commits, self.sources, self.now, full_refresh)

    def commits(self, key: str, since: int) -> list[Commit]:
        return [commit for each, commit in self.written if each == key and commit.version >= since]

    def decide(self, key: str, *, full_refresh: bool = False) -> Decision:
        return decide(self.graph.nodes[key], self.identities[key], self.standing(full_refresh=full_refresh))

    def commit(
        self, key: str, *intervals: Interval, whole: bool = False, complete: bool = True, changed: bool = True
    ) -> Held:
        """Write a commit down as `publish` does."""
        identity, before = self.identities[key], self.held.get(key)
        last = before.version if before else 0
        version = last + 1 if changed else last
        inputs = inputs_of(identity, self.standing())
        rebuilt = version if before is None or (whole and changed) else before.rebuilt
        self.held[key] = Held(
            fingerprint=identity.fingerprint,
            checks=identity.checks,
            version=version,
            rebuilt=rebuilt,
            complete=complete,
            inputs=inputs if complete else dict(before.inputs) if before else {},
            kind=self.graph.nodes[key].kind_name,
        )
        self.relations[key] = "view" if isinstance(self.graph.nodes[key].kind, View) else "table"
        self.written += [(key, Commit(each, version, identity.fingerprint, inputs)) for each in intervals]
        return self.held[key]

    def obey(self, key: str, decision: Decision, *, covers: Iterable[Interval] = ()) -> None:
        """Carry a decision out; `covers` is what a whole build would find rows for."""
        match decision.scope:
            case Nothing():
                return
            case Recheck():
                self.held[key] = replace(self.held[key], checks=self.identities[key].checks)
            case Fill(intervals=intervals):
                self.commit(key, *intervals)
            case _:
                time = time_of(self.graph.nodes[key])
                window = []
                if time is not None and time.start is not None and time.start < self.now:
                    window = [Interval(floor(time.start, time.grain), floor(self.now, time.grain))]
                self.commit(key, *covers, *window, whole=True)

    def run(self) -> dict[str, Decision]:
        """Decide on and obey for every node in order; ingests find nothing new."""
        decisions = {}
        for key, each in self.graph.nodes.items():
            decisions[key] = self.decide(key)
            if not isinstance(each.kind, Source) and not (isinstance(each.kind, Ingest) and key in self.held):
                self.obey(key, decisions[key])
        return decisions
