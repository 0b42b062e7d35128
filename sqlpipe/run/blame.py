"""A database's complaint about a statement, told at the line of the file that it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Place, span_of
from sqlpipe.domain.project import Ingest, Node
from sqlpipe.engine.contract import QueryError


def blame(root: Path, node: Node, error: QueryError) -> Diagnostic:
    """The diagnostic of a failed statement with a span in the node's file where the line can be found there."""
    diagnostic = error.diagnostics[0]
    code = "SP506" if isinstance(node.kind, Ingest) else diagnostic.code
    diagnostic = replace(diagnostic, code=code, message=f"{node.name}: {diagnostic.message}")
    if error.place is None or not node.body.strip():
        return diagnostic
    line = _body_line(node.body, error.statement, error.place.line)
    path = root / node.path
    if line is None or not path.is_file():
        return diagnostic
    text = path.read_text(encoding="utf-8")
    place = _in_file(text, node, line, error)
    return diagnostic if place is None else replace(diagnostic, span=span_of(node.path, text, place))


def _body_line(body: str, statement: str, line: int) -> int | None:
    """The line of the body (from 0) that a line of the statement (from 1) is."""
    lines, source = statement.split("\n"), body.split("\n")
    wanted = lines[line - 1] if line <= len(lines) else ""
    same = [index for index, each in enumerate(source) if each == wanted]
    if len(same) == 1:
        return same[0]
    # Several lines look alike, or names in this one were made whole: count from the line where the body begins.
    anchors = [
        start
        for start in range(len(lines))
        if any(
            each.strip() and each in lines[start + offset : start + offset + 1] for offset, each in enumerate(source)
        )
        and _agreement(lines, source, start) * 2 > len(source)
    ]
    if not anchors:
        return None
    index = line - 1 - max(anchors, key=lambda start: _agreement(lines, source, start))
    return index if 0 <= index < len(source) else None


def _agreement(lines: list[str], source: list[str], start: int) -> int:
    return sum(1 for offset, each in enumerate(source) if lines[start + offset : start + offset + 1] == [each])


def _in_file(text: str, node: Node, line: int, error: QueryError) -> Place | None:
    assert error.place is not None
    lines = text.split("\n")
    number = node.lines[line] if line < len(node.lines) else node.body_line + line
    if number > len(lines):
        return None
    shown, source = error.statement.split("\n")[error.place.line - 1], lines[number - 1]
    word = shown[error.place.column - 1 : error.place.column - 1 + error.place.length]
    at = source.find(word) if word else -1
    if source[error.place.column - 1 : error.place.column - 1 + error.place.length] == word:
        return Place(number, error.place.column, error.place.length)
    if at >= 0:
        return Place(number, at + 1, error.place.length)
    return Place(number, len(source) - len(source.lstrip()) + 1, max(1, len(source.strip())))
