"""What is found out about a query, by examples: tests/golden/sql/references/*.sql.

Every example is a query with a `-- title:` above it and what is expected below it in lines that begin with `-->`.
`pytest --update-golden` writes these lines; the diff is the review.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from sqlpipe.domain.query import Query
from sqlpipe.sql.parse import analyse

EXAMPLES = Path(__file__).parent.parent / "golden" / "sql" / "references"
FILES = sorted(EXAMPLES.glob("*.sql"))


def examples(path: Path) -> list[tuple[str, str]]:
    """The title and the query of each example, without what is expected."""
    found = re.split(r"^-- title: (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [
        (title, "\n".join(line for line in text.splitlines() if not line.startswith("-->")).strip())
        for title, text in zip(found[1::2], found[2::2], strict=True)
    ]


def facts(query: Query, text: str) -> Iterator[str]:
    for reference in query.references:
        written = text[reference.start : reference.end]
        yield f"reads {reference.text}" + ("" if written == reference.text else f", written {written!r}")
    for file in query.files:
        yield f"file {', '.join(file.patterns) or 'not known'} by {file.function or 'its path'}"
    for placeholder in query.placeholders:
        yield f"placeholder {text[placeholder.start : placeholder.end]}"
    if query.columns is not None:
        yield f"columns {', '.join(query.columns)}"
    for each in query.slices:
        passed = f" as {each.output}" if each.output else " by its bounds"
        besides = f" but {', '.join(each.but)}" if each.but else ""
        yield f"slice {each.table}.{each.column}{passed}{besides}"
    uses = [f"{use.table}.{text[use.start : use.end]}" for use in query.uses]
    if uses:
        yield f"uses {', '.join(uses)}"
    for qualifier in query.qualifiers:
        yield f"schema {text[qualifier.start : qualifier.end]!r} of {qualifier.table}"
    if query.volatile:
        yield "volatile"


def rendered(path: Path) -> str:
    parts = []
    for title, text in examples(path):
        lines = [f"--> {fact}" for fact in facts(analyse(text), text)] or ["--> nothing"]
        parts.append("\n".join([f"-- title: {title}", text, *lines]))
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_found_out(path: Path, request: pytest.FixtureRequest) -> None:
    found = rendered(path)
    if request.config.getoption("--update-golden"):
        path.write_text(found, encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == found


def test_there_are_examples_and_each_has_a_title_of_its_own() -> None:
    titles = [title for path in FILES for title, _ in examples(path)]
    assert len(titles) > 100
    assert len(set(titles)) == len(titles)


def test_the_database_finds_the_same_tables() -> None:
    connection = duckdb.connect()
    compared = 0
    for path in FILES:
        for title, text in examples(path):
            bound = re.sub(r"(?<![\w:\[]):(start|end)\b", "null", text, flags=re.IGNORECASE)
            try:
                theirs = connection.get_table_names(bound, qualified=True)
            except duckdb.Error:
                continue  # some queries cannot be bound without their tables
            names = {re.sub(r" (AS|TABLESAMPLE) .*", "", name).replace('"', "") for name in theirs}
            ours = {each.text.replace('"', "") for each in analyse(text).references}
            assert ours == {name for name in names if "information_schema" not in name}, title
            compared += 1
    assert compared > 90
