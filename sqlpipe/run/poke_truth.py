"""Whether the query of a sensor says that the time has come, and what its row tells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal

from sqlpipe.load.late import Quoting, render
from sqlpipe.run.turn import Poked, Turn

# Texts that a database takes for false when it makes a boolean of them; any other text is true.
_FALSE = frozenset({"", "0", "f", "false", "n", "no", "off"})


def look_at_query(sql: str, turn: Turn) -> Poked:
    """Met when the first value of the first row is true; its facts are that row by the names of its columns."""
    assert turn.session is not None
    statement = render(sql, turn.values, Quoting.SQL).text
    rows = turn.session.query(statement)
    if not rows or not is_true(rows[0][0]):
        return Poked(met=False, detail=f"the query says {_said(rows[0][0])}" if rows else "the query has no rows")
    names = [name for name, _ in turn.session.describe(statement)]
    return Poked(met=True, facts={name: plain(value) for name, value in zip(names, rows[0], strict=True)})


def is_true(value: object) -> bool:
    """Whether a value of a database, or of JSON, stands for yes."""
    return value.strip().casefold() not in _FALSE if isinstance(value, str) else bool(value)


def _said(value: object) -> str:
    return "null" if value is None else str(value).lower()[:40]


def plain(value: object) -> object:
    """A value as JSON has it; what JSON has no word for becomes a text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal() if value.is_finite():
            return int(value) if value == value.to_integral_value() else float(value)
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return str(value)
