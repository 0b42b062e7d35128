"""The ledger: what the warehouse holds, written in the same transactions as the rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Protocol

import sqlpipe
from sqlpipe.domain.check import CheckResult
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.held import Commit, FileSeen, Held
from sqlpipe.domain.history import NodeFinished
from sqlpipe.domain.interval import Interval
from sqlpipe.store.statements import statements

FORMAT = 2
TABLE = "_sqlpipe.version"


class Writes(Protocol):
    """The part of a database session that the ledger needs."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run a statement."""
        ...

    def query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        ...


_SQL = statements("ledger")


class Ledger:
    """Reads and writes the ledger of one database; safe to use from several workers, each with its own session.

    Rows are only ever added, so that commits of several workers never conflict; the newest row counts.
    """

    def __init__(self, last_seq: int = 0) -> None:
        self._seq = count(last_seq + 1)

    @classmethod
    def open(cls, session: Writes, *, exists: bool, now: datetime) -> Ledger:
        """The ledger of a database that may be written; made if it is not there."""
        if not exists or require_format(session) < FORMAT:
            # All or nothing: a process that dies in here must not leave half a ledger.
            session.execute("begin transaction")
            for statement in _SQL["create"].split(";"):
                session.execute(statement)
            session.execute(_SQL["made"], (FORMAT, sqlpipe.__version__, now))
            session.execute("commit")
        return cls(session.query(_SQL["last seq"])[0][0])

    def record_version(self, session: Writes, node: str, held: Held, run: str, attempt: int = 0) -> None:
        """Note a commit of a node; call it inside the transaction that writes the rows.

        Raises SP513 when a later attempt has taken the place of this one, which has been given up.
        """
        self.raise_fence(session, node, attempt)
        values = (
            next(self._seq), node, held.kind, held.fingerprint, held.checks, held.version, held.rebuilt,
            held.complete, json.dumps(held.inputs, sort_keys=True), held.position, held.rows, run, held.at,
        )  # fmt: skip
        session.execute(_SQL["record version"], values)

    def record_intervals(self, session: Writes, node: str, commits: Iterable[Commit]) -> None:
        """Note the intervals that a commit touched."""
        rows = [
            (
                next(self._seq), node, each.fingerprint, each.version, json.dumps(each.inputs, sort_keys=True),
                each.interval.start, each.interval.end,
            )
            for each in commits
        ]  # fmt: skip
        for start in range(0, len(rows), 500):
            part = rows[start : start + 500]
            statement = _SQL["record interval"] + ", (?, ?, ?, ?, ?, ?, ?)" * (len(part) - 1)
            session.execute(statement, [value for row in part for value in row])

    def record_files(self, session: Writes, node: str, version: int, seen: Iterable[FileSeen]) -> None:
        """Note the files whose rows a commit brought in."""
        rows = [(next(self._seq), node, version, each.path, each.size, each.modified) for each in seen]
        for start in range(0, len(rows), 500):
            part = rows[start : start + 500]
            statement = _SQL["record file"] + ", (?, ?, ?, ?, ?, ?)" * (len(part) - 1)
            session.execute(statement, [value for row in part for value in row])

    def record_attempt(self, session: Writes, finished: NodeFinished) -> None:
        """Note how an attempt at a node ended, with what its checks found."""
        message = "; ".join(each.message for each in finished.diagnostics)
        values = (
            next(self._seq), finished.run, finished.node, finished.kind, finished.state.value, finished.action,
            finished.rows, finished.seconds, message, finished.at,
        )  # fmt: skip
        session.execute(_SQL["record attempt"], values)

    def record_checks(self, session: Writes, run: str, node: str, results: Iterable[CheckResult], at: datetime) -> None:
        """Note what the checks of a node found."""
        rows = [
            (
                next(self._seq),
                run,
                node,
                each.check.name,
                each.check.severity.value,
                each.passed,
                each.offences,
                each.total,
                each.note,
                json.dumps(each.sample),
                at,
            )
            for each in results
        ]
        if rows:
            statement = _SQL["record check"] + ", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)" * (len(rows) - 1)
            session.execute(statement, [value for row in rows for value in row])

    def set_fences(self, session: Writes, nodes: Sequence[str]) -> None:
        """Make the rows that `raise_fence` writes; of two first attempts at a node both would make one of their own."""
        session.execute(_SQL["set fences"], (list(nodes),))

    def raise_fence(self, session: Writes, node: str, attempt: int) -> None:
        """From here on no attempt at the node that began before this one can commit.

        Every commit writes this row, so that of two at once the database itself refuses one; it counts, for DuckDB does
        not take a value that stays the same for a change.
        """
        if session.execute(_SQL["raise fence"], (attempt, node, attempt)):
            return
        if session.query(_SQL["fence of"], (node,)):
            said = f"another attempt at {node} has taken the place of this one, which took too long or was given up"
            raise SqlpipeError(Diagnostic(code="SP513", message=said))
        session.execute(_SQL["build fence"], (node, attempt))


def require_format(session: Writes) -> int:
    """The format of the ledger; SP510 when it was written by a version of sqlpipe that we do not understand."""
    found = session.query(_SQL["format"])[0][0]
    if found is not None and found > FORMAT:
        raise SqlpipeError(
            Diagnostic(
                code="SP510",
                message=f"the ledger in this database has format {found}; this sqlpipe knows formats up to {FORMAT}",
                help="upgrade with `pip install --upgrade sqlpipe`",
            )
        )
    return int(found or 0)


def versions(session: Writes) -> dict[str, Held]:
    """What the warehouse holds, by node key."""
    return {
        node: Held(
            fingerprint=fingerprint,
            checks=checks,
            version=version,
            rebuilt=rebuilt,
            complete=complete,
            inputs=json.loads(inputs),
            position=position,
            kind=kind,
            rows=rows,
            at=at,
        )
        for node, fingerprint, checks, version, rebuilt, complete, inputs, position, kind, rows, at in session.query(
            _SQL["versions"]
        )
    }


def intervals(session: Writes, node: str, since: int = 0) -> list[Commit]:
    """The intervals that commits of a node wrote, from data version `since` on, oldest first."""
    return [
        Commit(Interval(start, end), version, fingerprint, json.loads(inputs))
        for fingerprint, version, inputs, start, end in session.query(_SQL["intervals of"], (node, since))
    ]


def files_seen(session: Writes, node: str, since: int = 0) -> dict[str, FileSeen]:
    """The files whose rows a node holds, by path; `since` is the version at which it was last rebuilt."""
    return {
        path: FileSeen(path, size, modified) for path, size, modified in session.query(_SQL["files of"], (node, since))
    }


def failed(session: Writes) -> set[str]:
    """The nodes whose last attempt did not end well."""
    return {row[0] for row in session.query(_SQL["failed"])}


def committed(session: Writes, run: str, node: str) -> tuple[int, int | None] | None:
    """The data version and the rows of the last commit of a node in a run, if there was one."""
    found = session.query(_SQL["committed"], (run, node))
    return (found[0][0], found[0][1]) if found else None


def last_offences(session: Writes, node: str) -> list[tuple[Any, ...]]:
    """What the checks of a node found last: name, severity, offences, rows looked at, note, sample as JSON."""
    return [(*row[:-1], json.loads(row[-1])) for row in session.query(_SQL["last offences"], (node,))]
