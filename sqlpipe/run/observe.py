"""The state of things that sqlpipe reads and does not write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from sqlpipe.domain.project import Source
from sqlpipe.engine.contract import QueryError, Session
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity, digest
from sqlpipe.source.files import is_remote, list_files


def observe(
    session: Session | None,
    graph: Graph,
    identities: Mapping[str, Identity],
    keys: Iterable[str],
    *,
    root: Path,
    now: datetime,
) -> dict[str, str]:
    """The state of every source table and every file that the nodes read, as texts that differ when the data does.

    A source table is told by its row count and a hash of its rows, which reads it once; files by path, size
    and modification time. Files behind an address cannot be told: they count as changed in every run.
    """
    wanted = {key: None for each in keys for key in _read(identities[each])}
    states: dict[str, str] = {}
    for key in wanted:
        if key.startswith("file:"):
            states[key] = _files(root, key.removeprefix("file:"), now)
        elif isinstance(graph.nodes[key].kind, Source):
            states[key] = "" if session is None else _table(session, graph.nodes[key].name.quoted)
    return states


def _read(identity: Identity) -> tuple[str, ...]:
    return (*identity.inputs, *identity.files, *identity.compared)


def _files(root: Path, pattern: str, now: datetime) -> str:
    if is_remote(pattern):
        return now.isoformat()
    return digest(*(f"{each.path} {each.size} {each.modified}" for each in list_files(root, pattern)))


def _table(session: Session, name: str) -> str:
    # Columns count by name, and one called like the alias would be hashed in place of the row.
    try:
        columns = session.describe(f"select * from {name}")
        count, total = session.query(f"select count(*), sum(hash(_sqlpipe_row)) from {name} as _sqlpipe_row")[0]
    except QueryError:
        return ""  # what reads it will tell that it is not there
    return f"{count}:{total}:{digest(*map(str, columns))}"
