"""Names of tables: parsed, compared without regard to case, quoted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table by schema and name, spelled as the project spells it.

    Two names that differ only in letter case are the same table to the databases we serve, so
    look-ups go through `key`.

    >>> TableName.parse("marts.Daily Delays").quoted
    '"marts"."Daily Delays"'
    """

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read `schema.name`; without a dot the schema is `main`."""
        schema, dot, name = text.partition(".")
        return cls(schema, name) if dot else cls("main", schema)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def key(self) -> str:
        """The spelling under which the table is looked up."""
        return f"{self.schema}.{self.name}".casefold()

    @property
    def quoted(self) -> str:
        """The name as SQL reads it whatever characters it has."""
        return f"{quote(self.schema)}.{quote(self.name)}"


def quote(identifier: str) -> str:
    """Put an identifier in double quotes.

    >>> quote('a "b" c')
    '"a ""b"" c"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Put a text in single quotes as a SQL string.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
