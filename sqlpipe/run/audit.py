"""Checks carried out: one scan of a table, and samples of what offends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlpipe.domain.check import Check, CheckResult, Freshness, RowCount, Unique
from sqlpipe.domain.diagnostic import Diagnostic, Severity, did_you_mean, span_of
from sqlpipe.domain.project import CheckQuery, Node
from sqlpipe.engine.contract import QueryError, Session
from sqlpipe.load.secret import hide
from sqlpipe.run.blame import source_text, word_at
from sqlpipe.sql import checks as sql_checks

_SAMPLE = 10
_NO_COLUMN = re.compile(r"""(?:have a column named|referenced column) "(?P<column>[^"]*)\"""", re.IGNORECASE)


def audit(session: Session, relation: str, checks: Sequence[Check], now: datetime) -> tuple[CheckResult, ...]:
    """Run all checks of a relation in one scan; each that finds something gets a sample of the rows."""
    if not checks:
        return ()
    row = session.query(sql_checks.scan(relation, checks, now=now.isoformat(sep=" ")))[0]
    return tuple(_with_sample(session, relation, result) for result in sql_checks.results(checks, row))


def _with_sample(session: Session, relation: str, result: CheckResult) -> CheckResult:
    if not result.offences:
        return result
    query = sql_checks.sample(relation, result.check, _SAMPLE)
    if query is None:
        return result
    return replace(result, sample=tuple(hide(str(row[0])) for row in session.query(query)))


def of_rows(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks that can be told from new rows alone."""
    return tuple(check for check in checks if not isinstance(check.rule, Unique | RowCount | Freshness))


def of_delta(rows: str, table: str, checks: Sequence[Check]) -> list[tuple[str, tuple[Check, ...]]]:
    """What to look at after new rows have gone into a table: the rows, and the table for what they do not tell."""
    return [(relation, some) for relation, some in ((rows, of_rows(checks)), (table, of_table(checks))) if some]


def of_table(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks that need the whole table."""
    return tuple(check for check in checks if isinstance(check.rule, Unique | RowCount | Freshness))


def unfit(root: Path, node: Node, checks: Sequence[Check], error: QueryError) -> tuple[Diagnostic, ...]:
    """A complaint at each check that has the words at which the database stumbled; none if no check has them."""
    word = word_at(error.statement, error.place) if error.place else ""
    if not word:
        return ()
    text, said = source_text(root / node.path), error.diagnostics[0]
    has = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    blamed = [check for check in checks if has.search(sql_checks.scan("x", [check], now="2000-01-01"))]
    return tuple(replace(_unfit(node, check, said), span=span_of(node.path, text, check.place)) for check in blamed)


def _unfit(node: Node, check: Check, said: Diagnostic) -> Diagnostic:
    missing = _NO_COLUMN.search(said.message)
    if missing is None:
        return replace(said, message=f"check `{check.name}` of {node.name}: {said.message}")
    return replace(
        said,
        code="SP201",
        message=f"unknown column `{missing['column']}` in check `{check.name}` of {node.name}",
        help=did_you_mean(missing["column"], re.findall(r'"([^"]+)"', " ".join(said.notes))),
    )


def complaints(root: Path, node: Node, results: Sequence[CheckResult], state: str) -> tuple[Diagnostic, ...]:
    """An error frame for each check that blocks; `state` says what this means for the table."""
    return tuple(_complaint(root, node, result, state) for result in results if result.blocks)


def _complaint(root: Path, node: Node, result: CheckResult, state: str) -> Diagnostic:
    check = result.check
    return Diagnostic(
        code="SP403" if isinstance(check.rule, Freshness) else "SP402",
        message=_message(node, result),
        span=span_of(node.path, source_text(root / node.path), check.place),
        label=result.note,
        notes=() if isinstance(node.kind, CheckQuery) else (state,),
        help=f"see them with `sqlpipe show {node.name} --failed`" if result.sample else "",
        severity=Severity.ERROR,
    )


def _message(node: Node, result: CheckResult) -> str:
    if isinstance(node.kind, CheckQuery):
        rows = "1 row" if result.offences == 1 else f"{result.offences:,} rows"
        return f"{node.name} finds {rows}"
    said = f"check `{result.check.name}` fails for {node.name}"
    if isinstance(result.check.rule, RowCount | Freshness):
        return said
    return f"{said}: {result.offences:,} of {result.total:,} rows"
