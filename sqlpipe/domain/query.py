"""What is known of one SELECT once it has been parsed: enough to plan and to run it without its tree."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """A table named in a query: the parts of the name as written (1 to 3) and the offsets in the body.

    A name that stands for a CTE, an alias, a table function or a lateral column is not a reference.
    `aliased` tells whether an alias follows, so that columns are not qualified by the name itself.
    """

    parts: tuple[str, ...]
    start: int
    end: int
    aliased: bool = True

    @property
    def text(self) -> str:
        """The name with dots."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class FileRead:
    """Files read by a table function (`read_parquet('x/*.parquet')`) or by a quoted path (`from 'x.csv'`).

    `patterns` are the literal paths; empty when they are not literals and so not known.
    """

    function: str
    patterns: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`:start` or `:end` in a query, by its offsets in the body."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A promise about rows: those of the output at a time depend only on rows of `table` at that same time.

    `table` is the name as written (with dots), `column` its column that tells the time, and `output` the
    output column of the query that carries the same value; `output` is empty when the query holds
    `column >= :start and column < :end` for every use of the table, so that it is cut before anything else.
    `column` and `output` are `*` when a star passes every column of the table on by its own name; `but` are
    the names that other outputs have, so that a column of such a name is not known to be the table's.
    """

    table: str
    column: str
    output: str = ""
    but: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column of a named table that a query reads, with its offsets in the body.

    `qualifier` is the name before the dot; a column called so may hold structs, and then `column` is a field of it.
    """

    table: str
    column: str
    start: int
    end: int
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Qualifier:
    """The schema before a column (`raw.` in `raw.trips.id`) of a table without an alias, with its offsets in the body.

    It has to go when the query reads another table instead, known by the same last name only.
    """

    table: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Query:
    """Facts about a query, all of them plain values that survive in a cache.

    `digest` is the hash of its meaning as far as the text tells: white space, comments and the letter case of
    keywords do not change it, anything else does. `with_at` is the offset at which a further CTE can be put in front of
    the others (`has_with` tells whether it has any), and `end` the one behind its last token, before a semicolon.
    `columns` are the names of its output columns, or None when a star makes them unknown.
    """

    digest: str
    references: tuple[Reference, ...] = ()
    files: tuple[FileRead, ...] = ()
    placeholders: tuple[Placeholder, ...] = ()
    with_at: int = 0
    has_with: bool = False
    columns: tuple[str, ...] | None = None
    slices: tuple[Slice, ...] = ()
    uses: tuple[ColumnUse, ...] = ()
    volatile: bool = False
    end: int = 0
    qualifiers: tuple[Qualifier, ...] = ()
