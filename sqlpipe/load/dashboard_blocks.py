"""The queries of a dashboard; a block that reads others above it gets them put in front."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from sqlpipe.domain.dashboard import Block
from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.domain.names import quote
from sqlpipe.domain.query import Query
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.dashboard_text import Fence
from sqlpipe.load.notes import is_template
from sqlpipe.load.positions import Body, Mark
from sqlpipe.sql.parse import SqlProblem, SqlProblems, analyse
from sqlpipe.sql.rewrite import compose, origin

_NAME = re.compile(r"[^\W\d]\w*")
_HELP = {
    "SP205": "a block holds one query",
    "SP206": "placeholders are the filters of the page",
}


@dataclass(slots=True)
class Blocks:
    """The blocks of a page by name in lower case; None stands for one that is beyond reading.

    `written` are those, as they are written, in front of which others have been put.
    """

    found: dict[str, Block | None] = field(default_factory=dict)
    written: dict[str, Block] = field(default_factory=dict)

    @property
    def read(self) -> Mapping[str, Block]:
        """The blocks that could be read, by their names as they are spelled."""
        return {each.name: each for each in self.found.values() if each is not None}

    def find(self, named: Named, complaints: Complaints) -> Block | None:
        """The block of a name; complains if there is none."""
        if named.text.casefold() not in self.found:
            names = [each.name for each in self.read.values()]
            help = did_you_mean(named.text, names) or "name a block of this page: ```sql NAME"
            said = f"there is no block `{named.text}`"
            complaints.add("SP703", said, named.place, label="not on this page", help=help)
        return self.found.get(named.text.casefold())


def read_blocks(fences: Iterable[Fence], known: tuple[str, ...], complaints: Complaints) -> Blocks:
    """Read the blocks among the fences of a page; `known` are the placeholders that they can have."""
    blocks = Blocks()
    lines: dict[str, int] = {}
    for fence in fences:
        name = fence.rest.text.casefold()
        if fence.language != "sql" or not _can_be_named(fence, lines.get(name), complaints):
            continue
        lines[name] = fence.line - 1
        query = _analyse(Body(fence.text, fence.line), known, complaints) if fence.whole else None
        block = Block(fence.rest.text, fence.text, fence.line, query) if query else None
        blocks.found[name] = _put_together(block, fence.rest, blocks, known, complaints) if block else None
    return blocks


def _can_be_named(fence: Fence, before: int | None, complaints: Complaints) -> bool:
    name = fence.rest
    if not name.text:
        help = "write ```sql NAME; to show SQL without running it, write ```text"
        complaints.add("SP702", "a block of SQL needs a name", name.place, label="what is it called?", help=help)
        return False
    if not _NAME.fullmatch(name.text):
        help = "a name is one word of letters, digits and `_`"
        complaints.add("SP702", f"`{name.text}` cannot be the name of a block", name.place, label="here", help=help)
        return False
    if before is not None:
        said = f"there are two blocks `{name.text}`"
        complaints.add("SP702", said, name.place, label="the second one", help=f"the first is on line {before}")
        return False
    return True


def _analyse(body: Body, known: tuple[str, ...], complaints: Complaints) -> Query | None:
    if is_template(body.text):
        at = min(at for each in ("{{", "{%") if (at := body.text.find(each)) >= 0)
        help = "write the value itself, or make it a filter"
        place = body.place(at, at + 2)
        complaints.add("SP110", "the SQL of a dashboard has no templates", place, label="a template", help=help)
        return None
    try:
        return analyse(body.text, known=known)
    except SqlProblems as found:
        for each in found.problems:
            place = body.place(each.start, each.end)
            complaints.add(each.code, each.message, place, label=each.label, help=_help(each, known))
        return _regardless(body, known, found.problems)


def _regardless(body: Body, known: tuple[str, ...], problems: Iterable[SqlProblem]) -> Query | None:
    """The query if nothing but the names of placeholders is wrong: its tables and columns can be looked at."""
    if any(each.code != "SP206" for each in problems):
        return None
    names = (body.text[each.start + 1 : each.end].lower() for each in problems)
    with suppress(SqlProblems):
        return analyse(body.text, known=(*known, *names))
    return None


def _help(problem: SqlProblem, known: tuple[str, ...]) -> str:
    if problem.code == "SP206" and known and problem.help:
        return problem.help
    return _HELP.get(problem.code, problem.help)


def _put_together(
    block: Block, name: Named, blocks: Blocks, known: tuple[str, ...], complaints: Complaints
) -> Block | None:
    """The block with those above it that it reads put in front; None if one of these is beyond reading."""
    read = {each.text.casefold() for each in block.query.references if each.text.casefold() in blocks.found}
    if not read:
        return block
    above = {each: found for each in blocks.found if each in read and (found := blocks.found[each]) is not None}
    if len(above) < len(read):
        return None
    _complain_of_columns(block, above, complaints)
    aliases = {key: f"__{each.name}" for key, each in above.items()}
    embedded = {aliases[key]: each.sql[: each.query.end] for key, each in above.items()}
    names = {key: quote(alias) for key, alias in aliases.items()}
    sql = compose(block.sql, block.query, names=names, embedded=embedded)
    # Wrong, if it can be, only as a whole: the parts have been read before.
    whole = Mark(0, name.place.line, name.place.column, name.place.length)
    used = (each.name for part in (block, *above.values()) for each in part.query.placeholders)
    query = _analyse(Body(sql, block.line, (whole,)), (*known, *used), complaints)
    if query is None:
        return None
    blocks.written[block.name] = block
    lines = _lines(block, sql, embedded, {aliases[key]: each for key, each in above.items()})
    return replace(block, sql=sql, query=query, lines=lines)


def _complain_of_columns(block: Block, above: Mapping[str, Block], complaints: Complaints) -> None:
    body = Body(block.sql, block.line)
    for use in block.query.uses:
        read = above.get(use.table.casefold())
        columns = read.query.columns if read else None
        if read is None or columns is None:
            continue
        known = {each.casefold() for each in columns}
        if use.column.casefold() not in known and use.qualifier.casefold() not in known:
            notes = (f"{read.name} has {', '.join(columns)}",)
            help = did_you_mean(use.column, columns)
            said, place = f"unknown column `{use.column}`", body.place(use.start, use.end)
            complaints.add("SP201", said, place, label=f"not in {read.name}", help=help, notes=notes)


def _lines(block: Block, sql: str, embedded: Mapping[str, str], above: Mapping[str, Block]) -> tuple[int, ...]:
    found = []
    for number in range(1, sql.count("\n") + 2):
        alias, line = origin(number, block.sql, block.query, embedded=embedded)
        source = above.get(alias, block)
        found.append(source.lines[line - 1] if source.lines else source.line + line - 1)
    return tuple(found)
