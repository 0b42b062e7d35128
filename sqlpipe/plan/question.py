"""What a dashboard asks the database: the query of a block with what was chosen as its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b

from sqlpipe.domain.choices import Before, Equal, From, Holding, Picks, Restriction, bound, restrictions
from sqlpipe.domain.dashboard import Block, Dashboard
from sqlpipe.domain.names import quote
from sqlpipe.domain.project import Node
from sqlpipe.graph.dag import Graph
from sqlpipe.plan.compile import compile_block

Value = str | date | None


@dataclass(frozen=True, slots=True)
class Question:
    """The query of a block: `sql` with `$1` and so on for its `parameters`; `bare` is the same with nothing chosen.

    `restrictions` are those of its output, of which only they hold whose columns it has.
    """

    block: Block
    sql: str
    bare: str
    parameters: tuple[Value, ...] = ()
    restrictions: tuple[Restriction, ...] = ()

    @property
    def key(self) -> str:
        """The hash of all that decides the answer, but for the rows of tables."""
        meaning = repr((self.sql, self.parameters, self.restrictions))
        return blake2b(meaning.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(slots=True)
class _Parameters:
    """Values in the order of their numbers."""

    values: list[Value] = field(default_factory=list)

    def take(self, value: Value, type: str) -> str:
        """The SQL that stands for a value."""
        self.values.append(value)
        return f"cast(${len(self.values)} as {type})"


def question(graph: Graph, page: Node, block: Block, picks: Picks) -> Question:
    """The query of a block of a page where this is chosen."""
    dashboard = page.kind
    assert isinstance(dashboard, Dashboard)
    used = {each.name for each in block.query.placeholders}
    found, values, bare = _Parameters(), {}, {}
    for filter in dashboard.filters:
        for name, value in bound(filter, picks).items():
            if name in used:
                type = "varchar" if name == filter.name else "date"
                values[name], bare[name] = found.take(value, type), f"cast(null as {type})"
    return Question(
        block,
        compile_block(graph, page, block, values),
        compile_block(graph, page, block, bare),
        tuple(found.values),
        restrictions(dashboard, block, picks),
    )


def bounded(question: Question, columns: Iterable[str], rows: int) -> tuple[str, tuple[Value, ...]]:
    """The statement that gives so many rows of the answer, and its parameters; the query begins in its second line."""
    known = {each.casefold() for each in columns}
    found = _Parameters(list(question.parameters))
    conditions = [_condition(each, found) for each in question.restrictions if each.column.casefold() in known]
    where = f"\nwhere {' and '.join(conditions)}" if conditions else ""
    return f"select * from (\n{question.sql}\n){where}\nlimit {rows}", tuple(found.values)


def _condition(restriction: Restriction, found: _Parameters) -> str:
    column = quote(restriction.column)
    match restriction:
        case Equal(text=text):
            return f"cast({column} as varchar) = {found.take(text, 'varchar')}"
        case Holding(text=text):
            return f"contains(lower(cast({column} as varchar)), lower({found.take(text, 'varchar')}))"
        case From(day=day):
            return f"{column} >= {found.take(day, 'date')}"
        case Before(day=day):
            return f"{column} < {found.take(day, 'date')}"
