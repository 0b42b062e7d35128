"""The checks of a table as SQL: one scan that counts the offences of all of them, and samples of offending rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlpipe.domain.check import (
    AcceptedValues,
    Check,
    CheckResult,
    Expression,
    Freshness,
    NotNull,
    Range,
    Relationships,
    RowCount,
    Rule,
    Unique,
)
from sqlpipe.domain.names import TableName, literal, quote

# The table is called so in what is generated, so that no column or parent table is taken for it.
_SELF = "_checked"
_PARENT = "_parent"


@dataclass(frozen=True, slots=True)
class _Count:
    """The three expressions of one check in the scan: offences, rows looked at, and the material for a note."""

    offences: str
    total: str
    note: str = "null"


def scan(relation: str, checks: Sequence[Check], *, now: str) -> str:
    """One SELECT over a relation that counts, for every check, its offences and the rows it looks at.

    `relation` is SQL (`"marts"."trips"`), `now` an ISO 8601 time that freshness is measured from, UTC unless it says
    otherwise. `results` reads the row.
    """
    columns: list[str] = []
    for check in checks:
        count = _count(check.rule, _looked_at(check), now)
        columns += [count.offences, count.total, count.note]
    counts = ",\n  ".join(columns or ["null"])
    return f"select\n  {counts}\nfrom {relation} as {_SELF}"


def results(checks: Sequence[Check], row: Sequence[object]) -> tuple[CheckResult, ...]:
    """What the row of a scan says of each of its checks."""
    found: list[CheckResult] = []
    for index, check in enumerate(checks):
        offences, total, note = row[3 * index : 3 * index + 3]
        counted = int(str(offences or 0))
        found.append(CheckResult(check, counted, int(str(total or 0)), note=_note(check.rule, counted, note)))
    return tuple(found)


def sample(relation: str, check: Check, limit: int = 10) -> str | None:
    """A query for offending rows as JSON text; None if the check is not about single rows.

    For `unique` it gives all rows of a duplicated key, next to each other.
    """
    rule, rows = check.rule, _looked_at(check)
    if isinstance(rule, (RowCount, Freshness)):
        return None
    columns = f"select cast(to_json({_SELF}) as varchar) from {relation} as {_SELF}"
    if isinstance(rule, Unique):
        keys = _row(rule.columns)
        conditions = _all([rows, *_present(rule.columns)])
        duplicated = f"select {keys} from {relation} as {_SELF} where {conditions} group by all having count(*) > 1"
        return f"{columns} where {conditions} and {keys} in ({duplicated}) order by {keys} limit {limit}"
    return f"{columns} where {_all([rows, _offends(rule)])} limit {limit}"


def _count(rule: Rule, rows: str, now: str) -> _Count:
    total = _counted("count(*)", [rows])
    match rule:
        case Unique(columns=columns):
            # Rows beyond the first of each key. A key with a NULL in it is no duplicate of anything.
            present = [rows, *_present(columns)]
            distinct = _counted(f"count(distinct {_row(columns)})", present)
            return _Count(f"{_counted('count(*)', present)} - {distinct}", total)
        case AcceptedValues(column=column):
            offends = [rows, _offends(rule)]
            return _Count(_counted("count(*)", offends), total, _counted(f"count(distinct {_own(column)})", offends))
        case Relationships(columns=columns):
            offends = [rows, _offends(rule)]
            return _Count(_counted("count(*)", offends), total, _counted(f"count(distinct {_row(columns)})", offends))
        case RowCount(min=least, max=most):
            outside = [f"{total} < {least}"] * (least is not None) + [f"{total} > {most}"] * (most is not None)
            return _Count(_one_if(" or ".join(outside) or "false"), total, total)
        case Freshness(column=column, within=within):
            newest = _counted(f"max({_own(column)})", [rows])
            # `epoch` reads a time without a zone as UTC whatever the zone of the session is
            stale = f"coalesce(epoch({newest}) < {_seconds(now) - within!r}, true)"
            return _Count(_one_if(stale), total, f"cast({newest} as varchar)")
        case _:
            return _Count(_counted("count(*)", [rows, _offends(rule)]), total)


def _offends(rule: Rule) -> str:
    """The condition that holds for the rows that break a rule about single rows."""
    match rule:
        case NotNull(columns=columns):
            return _any([f"{_own(column)} is null" for column in columns])
        case AcceptedValues(column=column, values=values):
            return _all([f"{_own(column)} is not null", *_none_of(_own(column), values)])
        case Relationships(columns=columns, to=to, fields=fields):
            pairs = zip(columns, fields, strict=True)
            same = " and ".join(f"{_PARENT}.{quote(field)} = {_own(column)}" for column, field in pairs)
            parent = TableName.parse(to).quoted
            return _all([*_present(columns), f"not exists (select 1 from {parent} as {_PARENT} where {same})"])
        case Range(column=column, min=least, max=most):
            outside = [f"{_own(column)} < {_value(least)}"] if least is not None else []
            outside += [f"{_own(column)} > {_value(most)}"] if most is not None else []
            return _any(outside)
        case Expression(sql=sql, null_passes=null_passes):
            return f"({_wrapped(sql)} is {'false' if null_passes else 'not true'})"
        case _:
            return "false"


def _none_of(column: str, values: Sequence[str | float]) -> list[str]:
    # Text is compared with the column as text, so that it serves enums, uuids and dates as well.
    texts = [value for value in values if isinstance(value, str)]
    flags = [value for value in values if isinstance(value, bool)]
    numbers = [value for value in values if not isinstance(value, (str, bool))]
    conditions = [f"cast({column} as varchar) not in ({', '.join(map(_value, texts))})"] if texts else []
    conditions += [f"{column} not in ({', '.join(map(_value, numbers))})"] if numbers else []
    conditions += [f"{column} not in ({', '.join(map(_value, flags))})"] if flags else []
    return conditions


def _note(rule: Rule, offences: int, note: object) -> str:
    match rule:
        case AcceptedValues() | Relationships() if offences:
            many = int(str(note))
            return f"{many} different value{'' if many == 1 else 's'}"
        case RowCount():
            many = int(str(note))
            return f"{many} row{'' if many == 1 else 's'}"
        case Freshness():
            return f"newest is {note}" if note is not None else "there is no value"
        case _:
            return ""


def _looked_at(check: Check) -> str:
    return _wrapped(check.where) if check.where.strip() else ""


def _wrapped(condition: str) -> str:
    # on a line of its own, so that a comment at its end cannot reach beyond it
    return f"(\n{condition}\n)"


def _counted(aggregate: str, conditions: Sequence[str]) -> str:
    condition = _all(conditions)
    return f"{aggregate} filter (where {condition})" if condition else aggregate


def _all(conditions: Sequence[str]) -> str:
    return " and ".join(condition for condition in conditions if condition)


def _any(conditions: Sequence[str]) -> str:
    return f"({' or '.join(conditions) or 'false'})"


def _one_if(condition: str) -> str:
    return f"case when {condition} then 1 else 0 end"


def _present(columns: Sequence[str]) -> list[str]:
    return [f"{_own(column)} is not null" for column in columns]


def _row(columns: Sequence[str]) -> str:
    return _own(columns[0]) if len(columns) == 1 else f"row({', '.join(map(_own, columns))})"


def _own(column: str) -> str:
    return f"{_SELF}.{quote(column)}"


def _value(value: str | float) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return literal(value)
        case _:
            return repr(value) if abs(value) < float("inf") else f"cast({literal(str(value))} as double)"


def _seconds(now: str) -> float:
    moment = datetime.fromisoformat(now)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
