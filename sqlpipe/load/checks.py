"""Checks as a header writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlpipe.domain.check import (
    AcceptedValues,
    Check,
    Expression,
    Freshness,
    NotNull,
    Range,
    Relationships,
    RowCount,
    Rule,
    Tolerance,
    Unique,
)
from sqlpipe.domain.diagnostic import Place, Severity
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.decode import duration, expected, fields, list_or_one, named, need, one_of, percent, take, text, whole
from sqlpipe.load.document import Atom, Entry, Record, Scalar, Series, Value
from sqlpipe.load.inside import place_inside
from sqlpipe.sql.parse import check_condition


@dataclass(frozen=True, slots=True)
class WrittenCheck:
    """A check, the columns of the table itself that it names, and the table it refers to."""

    check: Check
    columns: tuple[Named, ...] = ()
    target: Named | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    rule: Rule
    columns: tuple[Named, ...] = ()
    target: Named | None = None


Bound = str | int | float

_words = list_or_one(named)
_OPTIONS = ("severity", "where", "tolerance", "null", "name")


def checks(value: Value, complaints: Complaints) -> tuple[WrittenCheck, ...] | None:
    """Read a list of checks of a table."""
    found = [_check(each, None, complaints) for each in _items(value)]
    return tuple(each for each in found if each is not None)


def column_checks(value: Value, column: Named, complaints: Complaints) -> Iterable[WrittenCheck]:
    """Read the checks below a column, which need not name it."""
    found = [_check(each, column, complaints) for each in _items(value)]
    return [each for each in found if each is not None]


def distinctly(found: Iterable[WrittenCheck]) -> tuple[WrittenCheck, ...]:
    """The checks with names that differ: the second `row_count` becomes `row_count #2`."""
    seen: dict[str, int] = {}
    named_apart = []
    for each in found:
        name = each.check.name
        seen[name] = seen.get(name, 0) + 1
        apart = replace(each.check, name=f"{name} #{seen[name]}") if seen[name] > 1 else each.check
        named_apart.append(replace(each, check=apart))
    return tuple(named_apart)


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Series) else (value,)


def _check(value: Value, column: Named | None, complaints: Complaints) -> WrittenCheck | None:
    if isinstance(value, Scalar) and value.text in RULES:
        value = Record((Entry(value.text, value.place, Scalar(None, "", value.place)),), value.place)
    if not isinstance(value, Record):
        expected("a check", value, complaints, help="such as `unique: id` or `not_null: [a, b]`")
        return None
    options = fields(value, (*RULES, *_OPTIONS), complaints, "a check")
    rules = [each for each in value.entries if each.key in RULES]
    if len(rules) != 1:
        _complain_of_count(value, rules, complaints)
        return None
    written = RULES[rules[0].key](rules[0], column, complaints)
    if "null" in options and rules[0].key != "expression":
        complaints.add("SP102", "`null` is an option of `expression` only", options["null"].place, label="not here")
    where = take(options, "where", condition, complaints)
    severity = take(options, "severity", severity_of, complaints)
    tolerance = take(options, "tolerance", tolerance_of, complaints)
    name = take(options, "name", text, complaints)
    null = take(options, "null", one_of("pass", "fail"), complaints)
    if written is None:
        return None
    rule = replace(written.rule, null_passes=null == "pass") if isinstance(written.rule, Expression) else written.rule
    place = rules[0].place
    check = Check(
        rule, name or default_name(rule), place, severity or Severity.ERROR, where or "", tolerance or Tolerance()
    )
    return WrittenCheck(check, written.columns, written.target)


def _complain_of_count(value: Record, rules: list[Entry], complaints: Complaints) -> None:
    if rules:
        said = "an item of `checks` holds one rule"
        complaints.add("SP103", said, rules[1].place, label="a second one", help="begin it with a dash of its own")
    elif all(each.key in _OPTIONS for each in value.entries):
        place = value.entries[0].place if value.entries else value.place
        help = f"the rules are {', '.join(f'`{each}`' for each in RULES)}"
        complaints.add("SP106", "a check needs a rule", place, label="no rule here", help=help)


def default_name(rule: Rule) -> str:
    """The name of a check that was not given one.

    >>> default_name(NotNull(("a", "b")))
    'not_null(a, b)'
    """
    match rule:
        case NotNull(columns=columns):
            return f"not_null({', '.join(columns)})"
        case Unique(columns=columns):
            return f"unique({', '.join(columns)})"
        case AcceptedValues(column=column):
            return f"accepted_values({column})"
        case Relationships(columns=columns, to=to, fields=targets):
            return f"relationships({', '.join(columns)} -> {to}.{', '.join(targets)})"
        case Range(column=column):
            return f"range({column})"
        case RowCount():
            return "row_count"
        case Expression(sql=sql):
            return f"expression({shortened(sql)})"
        case Freshness(column=column):
            return f"freshness({column})"


def shortened(sql: str, most: int = 60) -> str:
    """SQL on one line, with an ellipsis if it is long."""
    shown = " ".join(sql.split())
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def severity_of(value: Value, complaints: Complaints) -> Severity | None:
    """How strictly a check is taken."""
    word = one_of(*Severity)(value, complaints)
    return Severity(word) if word else None


def tolerance_of(value: Value, complaints: Complaints) -> Tolerance | None:
    """A number of rows, or a percentage."""
    if isinstance(value, Scalar) and value.text.endswith("%"):
        share = percent(value, complaints)
        return Tolerance(percent=share) if share is not None else None
    if (
        isinstance(value, Scalar)
        and isinstance(value.value, int)
        and not isinstance(value.value, bool)
        and value.value >= 0
    ):
        return Tolerance(rows=value.value)
    expected("a number of rows or a percentage", value, complaints, help="such as `10` or `5%`")
    return None


def condition(value: Value, complaints: Complaints) -> str | None:
    """A SQL condition whose syntax is right."""
    if not isinstance(value, Scalar) or not value.text.strip():
        expected("a condition in SQL", value, complaints)
        return None
    problem = check_condition(value.text)
    if problem is None:
        return value.text.strip()
    place = place_inside(value, problem.start, problem.end, complaints.text)
    complaints.add(problem.code, problem.message, place, label=problem.label, help=problem.help)
    return None


# The rules. Each gets the entry with its key, and the column if it stands below one.

_Read = Callable[[Entry, Named | None, Complaints], _Written | None]


def _columns(entry: Entry, column: Named | None, complaints: Complaints) -> tuple[Named, ...]:
    if _says_nothing(entry.value) and column is not None:
        return (column,)
    if _says_nothing(entry.value):
        complaints.add("SP106", f"`{entry.key}` needs columns", entry.place, label="of which columns?")
        return ()
    return _words(entry.value, complaints) or ()


def _says_nothing(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None


def _spelled(columns: Iterable[Named]) -> tuple[str, ...]:
    return tuple(each.text for each in columns)


def _not_null(entry: Entry, column: Named | None, complaints: Complaints) -> _Written | None:
    columns = _columns(entry, column, complaints)
    return _Written(NotNull(_spelled(columns)), columns) if columns else None


def _unique(entry: Entry, column: Named | None, complaints: Complaints) -> _Written | None:
    columns = _columns(entry, column, complaints)
    return _Written(Unique(_spelled(columns)), columns) if columns else None


def _options(entry: Entry, column: Named | None, own: tuple[str, ...], complaints: Complaints) -> dict[str, Entry]:
    known = own if column is not None else ("column", *own)
    return fields(entry.value, known, complaints, f"`{entry.key}`")


def _column(options: Mapping[str, Entry], entry: Entry, column: Named | None, complaints: Complaints) -> Named | None:
    if column is not None:
        return column
    if _says_nothing(entry.value) or isinstance(entry.value, Record):
        need(options, "column", complaints, entry.place, f"`{entry.key}`")
    return take(options, "column", named, complaints)


def _accepted_values(entry: Entry, column: Named | None, complaints: Complaints) -> _Written | None:
    given: Value | None = entry.value
    where = column
    if column is None or isinstance(entry.value, Record):
        options = _options(entry, column, ("values",), complaints)
        where = _column(options, entry, column, complaints)
        if isinstance(entry.value, Record):
            need(options, "values", complaints, entry.place, "`accepted_values`")
        given = options["values"].value if "values" in options else None
    if where is None or given is None:
        return None
    if not isinstance(given, Series) or not given.items:
        expected("a list of values", given, complaints)
        return None
    values = tuple(_atom(each, complaints) for each in given.items)
    return _Written(AcceptedValues(where.text, _known(values)), (where,))


def _atom(value: Value, complaints: Complaints) -> Atom:
    if isinstance(value, Scalar) and value.value is not None:
        return value.value
    expected("a value", value, complaints)
    return None


def _known(values: tuple[Atom, ...]) -> tuple[str | int | float | bool, ...]:
    return tuple(each for each in values if each is not None)


def _relationships(entry: Entry, column: Named | None, complaints: Complaints) -> _Written | None:
    if column is not None and isinstance(entry.value, Scalar) and not _says_nothing(entry.value):
        target = named(entry.value, complaints)
        return _related((column,), target, (), complaints) if target else None
    own = ("to", "field", "fields")
    known = own if column is not None else ("column", "columns", *own)
    options = fields(entry.value, known, complaints, "`relationships`")
    if not isinstance(entry.value, Record) and not _says_nothing(entry.value):
        return None
    columns = (column,) if column is not None else _first_of(options, ("column", "columns"), complaints)
    if not columns and not {"column", "columns"} & set(options):
        need(options, "column", complaints, entry.place, "`relationships`")
    need(options, "to", complaints, entry.place, "`relationships`")
    target = take(options, "to", named, complaints)
    targets = _first_of(options, ("field", "fields"), complaints)
    return _related(columns, target, targets, complaints) if columns and target else None


def _first_of(options: Mapping[str, Entry], keys: tuple[str, ...], complaints: Complaints) -> tuple[Named, ...]:
    for key in keys:
        if key in options:
            return take(options, key, _words, complaints) or ()
    return ()


def _related(
    columns: tuple[Named, ...], target: Named, targets: tuple[Named, ...], complaints: Complaints
) -> _Written | None:
    """Without fields the last part of `to` is the field."""
    table, names = target.text, _spelled(targets)
    if not names:
        table, dot, last = target.text.rpartition(".")
        if not dot:
            help = "write `to: schema.table.column`, or name the columns with `fields`"
            complaints.add("SP103", "`to` names no column", target.place, label="of which column?", help=help)
            return None
        names = (last,)
    if len(names) != len(columns):
        said = f"{len(columns)} columns cannot refer to {len(names)}"
        complaints.add("SP103", said, target.place, label="here", help="name as many `fields` as `columns`")
        return None
    place = Place(target.place.line, target.place.column, min(target.place.length, len(table)))
    return _Written(Relationships(_spelled(columns), table, names), columns, Named(table, place))


def _range(entry: Entry, column: Named | None, complaints: Complaints) -> _Written | None:
    options = _options(entry, column, ("min", "max"), complaints)
    where = _column(options, entry, column, complaints)
    least = _bound(options["min"].value, complaints) if "min" in options else None
    most = _bound(options["max"].value, complaints) if "max" in options else None
    if not _bounds(entry, options, least, most, complaints) or where is None:
        return None
    return _Written(Range(where.text, least, most), (where,))


def _row_count(entry: Entry, _column: Named | None, complaints: Complaints) -> _Written | None:
    options = fields(entry.value, ("min", "max"), complaints, "`row_count`")
    least, most = take(options, "min", whole(), complaints), take(options, "max", whole(), complaints)
    return _Written(RowCount(least, most)) if _bounds(entry, options, least, most, complaints) else None


def _bound(value: Value, complaints: Complaints) -> Bound | None:
    if isinstance(value, Scalar) and value.value is not None and not isinstance(value.value, bool):
        return value.value
    expected("a number, a date or a time", value, complaints)
    return None


def _bounds(entry: Entry, options: Mapping[str, Entry], least: object, most: object, complaints: Complaints) -> bool:
    if not {"min", "max"} & set(options):
        if isinstance(entry.value, Record) or _says_nothing(entry.value):
            complaints.add("SP106", f"`{entry.key}` needs `min` or `max`", entry.place, label="no bound")
        return False
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        complaints.add(
            "SP103", "`min` is greater than `max`", options["min"].value.place, label="nothing is in between"
        )
        return False
    return least is not None or most is not None


def _expression(entry: Entry, _column: Named | None, complaints: Complaints) -> _Written | None:
    sql = condition(entry.value, complaints)
    return _Written(Expression(sql)) if sql else None


def _freshness(entry: Entry, column: Named | None, complaints: Complaints) -> _Written | None:
    if column is not None and isinstance(entry.value, Scalar) and not _says_nothing(entry.value):
        within = duration(entry.value, complaints)
        return _Written(Freshness(column.text, within), (column,)) if within is not None else None
    options = _options(entry, column, ("within",), complaints)
    where = _column(options, entry, column, complaints)
    if isinstance(entry.value, Record) or _says_nothing(entry.value):
        need(options, "within", complaints, entry.place, "`freshness`")
    within = take(options, "within", duration, complaints)
    return _Written(Freshness(where.text, within), (where,)) if where is not None and within is not None else None


RULES: Mapping[str, _Read] = {
    "unique": _unique,
    "not_null": _not_null,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "range": _range,
    "row_count": _row_count,
    "expression": _expression,
    "freshness": _freshness,
}
