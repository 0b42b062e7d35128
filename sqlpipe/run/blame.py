"""A complaint about a node, told at the line of the file that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, place_of, span_of
from sqlpipe.domain.project import Embedded, Ingest, Node, Python
from sqlpipe.engine.contract import QueryError
from sqlpipe.graph.dag import Graph

# What is wrong with these is wrong with the database, whichever node came upon it.
_NOT_THE_NODE = {"SP502", "SP504", "SP513"}


def place(root: Path, node: Node, diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with a span if it has none: the source of an ingest, a function, or else the node's file."""
    if diagnostic.span is not None or diagnostic.code in _NOT_THE_NODE:
        return diagnostic
    match node.kind:
        case Ingest(source_place=at):
            return replace(diagnostic, span=span_of(node.path, source_text(root / node.path), at))
        case Python(function=function):
            return replace(diagnostic, span=_definition(node.path, source_text(root / node.path), function))
        case _:
            return replace(diagnostic, span=Span(node.path, Place(1, 1)))


def _definition(path: str, text: str, function: str) -> Span:
    found = re.search(rf"^(?:async )?def {re.escape(function)}\b", text, re.MULTILINE)
    return span_of(path, text, place_of(text, *found.span())) if found else Span(path, Place(1, 1))


def blame(root: Path, graph: Graph, node: Node, error: QueryError) -> Diagnostic:
    """The diagnostic of a failed statement with a span in the file whose line it is about, if that can be found.

    That is the node's own file, or that of an embedded node whose query has been put into the statement.
    """
    diagnostic = error.diagnostics[0]
    code = "SP506" if isinstance(node.kind, Ingest) else diagnostic.code
    diagnostic = replace(diagnostic, code=code, message=f"{node.name}: {diagnostic.message}")
    if error.place is None:
        return diagnostic
    written = [each for each in (node, *_inlined(graph, node.key)) if each.body.strip()]
    for find in (_same_line, _counted, _same_word):
        for each in written:
            line = find(each.body, error.statement, error.place)
            text = source_text(root / each.path) if line is not None else ""
            at = _in_file(text, each, line, error) if line is not None else None
            if at is not None:
                return replace(diagnostic, span=span_of(each.path, text, at))
    return diagnostic


def source_text(path: Path) -> str:
    """The text of a file of the project; empty if it is gone by now."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError:
        return ""


def _inlined(graph: Graph, key: str) -> Iterable[Node]:
    for parent in graph.parents[key]:
        if isinstance(graph.nodes[parent].kind, Embedded):
            yield graph.nodes[parent]
            yield from _inlined(graph, parent)


# Each finds the line of the body (from 0) that a place in the statement is in.


def _same_line(body: str, statement: str, place: Place) -> int | None:
    lines, source = statement.split("\n"), body.split("\n")
    wanted = lines[place.line - 1] if place.line <= len(lines) else ""
    same = [index for index, each in enumerate(source) if each == wanted]
    return same[0] if len(same) == 1 else None


def _counted(body: str, statement: str, place: Place) -> int | None:
    """Several lines look alike, or names in this one were made whole: count from the line where the body begins."""
    lines, source = statement.split("\n"), body.split("\n")
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
    index = place.line - 1 - max(anchors, key=lambda start: _agreement(lines, source, start))
    return index if 0 <= index < len(source) else None


def _same_word(body: str, statement: str, place: Place) -> int | None:
    word = word_at(statement, place)
    found = [index for index, each in enumerate(body.split("\n")) if word and word in each]
    return found[0] if len(found) == 1 else None


def word_at(statement: str, place: Place) -> str:
    """The characters of a statement at a place."""
    line = statement.split("\n")[place.line - 1 : place.line]
    return line[0][place.column - 1 : place.column - 1 + place.length] if line else ""


def _agreement(lines: Sequence[str], source: Sequence[str], start: int) -> int:
    return sum(1 for offset, each in enumerate(source) if lines[start + offset : start + offset + 1] == [each])


def _in_file(text: str, node: Node, line: int, error: QueryError) -> Place | None:
    assert error.place is not None
    lines = text.split("\n")
    number = node.lines[line] if line < len(node.lines) else node.body_line + line
    if number > len(lines):
        return None
    word, source = word_at(error.statement, error.place), lines[number - 1]
    at = source.find(word) if word else -1
    if source[error.place.column - 1 : error.place.column - 1 + error.place.length] == word:
        return Place(number, error.place.column, error.place.length)
    if at >= 0:
        return Place(number, at + 1, error.place.length)
    return Place(number, len(source) - len(source.lstrip()) + 1, max(1, len(source.strip())))
