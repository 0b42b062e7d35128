"""Checks carried out: one scan of a table, and samples of what offends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlpipe.domain.check import Check, CheckResult, Freshness, RowCount, Unique
from sqlpipe.domain.diagnostic import Diagnostic, Severity, span_of
from sqlpipe.domain.project import CheckQuery, Node
from sqlpipe.engine.contract import Session
from sqlpipe.sql import checks as sql_checks

_SAMPLE = 10


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
    return replace(result, sample=tuple(str(row[0]) for row in session.query(query)))


def of_rows(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks that can be told from new rows alone."""
    return tuple(check for check in checks if not isinstance(check.rule, Unique | RowCount | Freshness))


def of_table(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks that need the whole table."""
    return tuple(check for check in checks if isinstance(check.rule, Unique | RowCount | Freshness))


def complaints(root: Path, node: Node, results: Sequence[CheckResult], *, published: bool) -> tuple[Diagnostic, ...]:
    """An error frame for each check that blocks."""
    return tuple(_complaint(root, node, result, published=published) for result in results if result.blocks)


def _complaint(root: Path, node: Node, result: CheckResult, *, published: bool) -> Diagnostic:
    check = result.check
    return Diagnostic(
        code="SP403" if isinstance(check.rule, Freshness) else "SP402",
        message=_message(node, result),
        span=span_of(node.path, _text(root / node.path), check.place),
        label=result.note,
        notes=_state(node, published=published),
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


def _state(node: Node, *, published: bool) -> tuple[str, ...]:
    if isinstance(node.kind, CheckQuery):
        return ()
    return ("the rows are live all the same" if published else "the live table was left as it was",)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
