"""Checks: what must hold of a table's rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlpipe.domain.diagnostic import Place, Severity


@dataclass(frozen=True, slots=True)
class NotNull:
    """None of the columns is NULL."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows have the same values in the columns; rows with a NULL among them do not count, as in SQL."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AcceptedValues:
    """The column is one of the values, or NULL."""

    column: str
    values: tuple[str | int | float | bool, ...]


@dataclass(frozen=True, slots=True)
class Relationships:
    """Every value of the columns that is not NULL occurs in the `fields` of table `to`.

    `to` is spelled as in the header until the project is resolved, then `schema.name`.
    """

    columns: tuple[str, ...]
    to: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The column lies within the bounds, both included, or is NULL; numbers, or dates and times as text."""

    column: str
    min: str | int | float | None = None
    max: str | int | float | None = None


@dataclass(frozen=True, slots=True)
class RowCount:
    """The table has as many rows as the bounds allow, both included."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """The SQL condition holds for every row; NULL counts as a failure unless `null_passes`."""

    sql: str
    null_passes: bool = False


@dataclass(frozen=True, slots=True)
class Freshness:
    """The newest value of the column is at most `within` seconds old."""

    column: str
    within: float


Rule = NotNull | Unique | AcceptedValues | Relationships | Range | RowCount | Expression | Freshness


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many offences are let pass: a number of rows, or a percentage of the rows looked at."""

    rows: int | None = None
    percent: float | None = None

    def allows(self, offences: int, total: int) -> bool:
        """Whether so many offences among `total` rows still pass."""
        if self.percent is not None:
            return offences * 100 <= self.percent * total
        return offences <= (self.rows or 0)


@dataclass(frozen=True, slots=True)
class Check:
    """One rule with how strictly it is taken and where it is written (`place` in the node's file)."""

    rule: Rule
    name: str
    place: Place
    severity: Severity = Severity.ERROR
    where: str = ""
    tolerance: Tolerance = Tolerance()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found; `sample` holds up to ten offending rows as JSON objects."""

    check: Check
    offences: int
    total: int
    sample: tuple[str, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether the offences are within the tolerance."""
        return self.check.tolerance.allows(self.offences, self.total)

    @property
    def blocks(self) -> bool:
        """Whether the table must not be published."""
        return not self.passed and self.check.severity is Severity.ERROR
