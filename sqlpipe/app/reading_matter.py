"""The text of a node as a page shows it: in pieces, with the tables that it names leading to their nodes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from sqlpipe.app.workspace import Workspace, render
from sqlpipe.domain.history import UNTOLD
from sqlpipe.domain.project import Embedded, Ingest, Node, Seed
from sqlpipe.domain.task import Sensor, Statement, Task, Truth
from sqlpipe.graph.dag import Graph
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.kinds import is_file_pattern
from sqlpipe.load.secret import hide
from sqlpipe.load.split import split_sql
from sqlpipe.sql.highlight import Kind, Piece, highlight

Language = Literal["sql", "python", "yaml", "markdown", "text"]

_LANGUAGES: Mapping[str, Language] = {
    ".sql": "sql",
    ".py": "python",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".md": "markdown",
}
_FENCED = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[ \t]*sql\b[ \t]*(?P<name>[^\s`]*)[^\n]*\n(?P<sql>.*?)^ {0,3}(?P=fence)",
    re.MULTILINE | re.DOTALL,
)
_REFERENCE = re.compile(r"\b(?:ref|source)\(\s*(?P<names>(?:['\"][^'\"]*['\"]\s*,?\s*)+)\)")
_QUOTED = re.compile(r"['\"]([^'\"]*)['\"]")
_CTE = re.compile(r'(?:"([^"]+)"|\b(\w+))\s+as\s+(?:(?:not\s+)?materialized\s+)?\(', re.IGNORECASE)
_BEFORE_TABLE = ("from", "join")


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of a text: what it is, its offsets, and the key of the node that it names, if it names one."""

    kind: Kind
    start: int
    end: int
    link: str = ""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text in words that follow each other without gaps; `path` is that of its file, empty if it was rendered."""

    path: str
    language: Language
    text: str
    words: tuple[Word, ...] = field(metadata=UNTOLD)


def source_of(workspace: Workspace, node: Node) -> SourceText:
    """The file of a node as it is written now; of a seed the settings beside it. Empty where it cannot be read."""
    path = _settings_of(workspace.root, node) if isinstance(node.kind, Seed) else node.path
    language = _LANGUAGES.get(Path(path).suffix.lower(), "text")
    text = hide(_read(workspace.root / path)) if language != "text" else ""
    match language:
        case "sql":
            words = _of_model(workspace.graph, node, text)
        case "markdown":
            words = _of_page(workspace.graph, node, text)
        case _:
            words = _plain(text)
    return SourceText(path, language, text, tuple(words))


def rendered_of(workspace: Workspace, node: Node) -> SourceText | None:
    """The SQL of a node as the database runs it; None where there is none."""
    match node.kind:
        case Task(operator=Statement()) | Sensor(condition=Truth()):
            pass
        case _ if node.query is None:
            return None
    text = render(workspace, str(node.name))
    return SourceText("", "sql", text, tuple(_by_name(text, _named(workspace.graph, node), _dialect(node))))


def query_of(workspace: Workspace, node: Node, sql: str) -> SourceText:
    """A query that belongs to a node, such as a block of a dashboard."""
    text = hide(sql)
    return SourceText("", "sql", text, tuple(_by_name(text, _named(workspace.graph, node))))


def _settings_of(root: Path, node: Node) -> str:
    beside = node.path.rpartition(".")[0]
    found = (f"{beside}{ending}" for ending in (".yml", ".yaml") if (root / f"{beside}{ending}").is_file())
    return next(found, node.path)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def _dialect(node: Node) -> str:
    """The SQL of an ingest from a connection is that of another database; SQLite is what there is so far."""
    return "sqlite" if isinstance(node.kind, Ingest) and not is_file_pattern(node.kind.source) else "duckdb"


def _plain(text: str) -> Iterator[Word]:
    if text:
        yield Word("other", 0, len(text))


def _of_model(graph: Graph, node: Node, text: str) -> Iterator[Word]:
    """The header, and the query with links where it names tables."""
    parts = split_sql(text, Complaints(node.path))
    body_at, indent = (parts.body_at, parts.indent) if parts else (0, 0)
    if body_at:
        yield Word("comment", 0, body_at)
    body = text[body_at:]
    if " " * indent + body == node.body:
        words = _by_offset(graph, node, body, indent)
    else:
        # A template has moved everything, or the file is no longer what was loaded.
        words = _by_name(body, _named(graph, node), _dialect(node))
    yield from _moved(words, body_at)


def _of_page(graph: Graph, node: Node, text: str) -> Iterator[Word]:
    """Prose, and between it the SQL of blocks with links where it names tables."""
    fences = list(_FENCED.finditer(text))
    blocks = {each["name"].casefold() for each in fences}
    names = {name: key for name, key in _named(graph, node).items() if name not in blocks}
    at = 0
    for found in fences:
        start, end = found.span("sql")
        yield Word("other", at, start)
        yield from _moved(_by_name(text[start:end], names), start)
        at = end
    if at < len(text):
        yield Word("other", at, len(text))


def _moved(words: Iterable[Word], by: int) -> Iterator[Word]:
    return (replace(each, start=each.start + by, end=each.end + by) for each in words)


def _by_offset(graph: Graph, node: Node, body: str, indent: int) -> Iterator[Word]:
    """The words of a query as it was analysed: each reference is one word."""
    names, references = _named(graph, node), node.query.references if node.query else ()
    links = [(each.start - indent, each.end - indent, _link(names, each.parts)) for each in references]
    return _with_links(highlight(body, dialect=_dialect(node)), [each for each in links if each[2]])


def _with_links(pieces: Iterable[Piece], links: list[tuple[int, int, str]]) -> Iterator[Word]:
    """The pieces as words; those that lie where a link does become one, which leads there."""
    waiting = list(reversed(links))
    for piece in pieces:
        while waiting and waiting[-1][1] <= piece.start:
            waiting.pop()
        if not waiting or piece.end <= waiting[-1][0]:
            yield Word(*piece)
        elif piece.start <= waiting[-1][0]:
            start, end, key = waiting[-1]
            yield Word("name" if piece.kind != "template" else "template", start, end, key)


def _by_name(text: str, names: Mapping[str, str], dialect: str = "duckdb") -> Iterator[Word]:
    """The words of a query that was not analysed as it is: whatever is called like a table is taken for it."""
    pieces = highlight(text, dialect=dialect)
    ctes = {(found[1] or found[2]).casefold() for found in _CTE.finditer(text)}
    known = {name: key for name, key in names.items() if name not in ctes}
    return _with_links(pieces, list(_called_like(text, pieces, known)))


def _called_like(text: str, pieces: tuple[Piece, ...], names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    before, index = "", 0
    while index < len(pieces):
        piece = pieces[index]
        said = text[piece.start : piece.end]
        following = index + 1
        if piece.kind == "template":
            parts = tuple(name for call in _REFERENCE.finditer(said) for name in _QUOTED.findall(call["names"]))
            if key := _link(names, parts):
                yield piece.start, piece.end, key
        elif piece.kind == "name":
            following = _end_of_name(text, pieces, index)
            parts = tuple(_unquoted(text[each.start : each.end]) for each in pieces[index:following:2])
            key = _link(names, parts)
            if key and (len(parts) > 1 or before in _BEFORE_TABLE):
                yield piece.start, pieces[following - 1].end, key
        if said.strip() and piece.kind != "comment":
            before = said.split()[-1].lower()
        index = following


def _end_of_name(text: str, pieces: tuple[Piece, ...], index: int) -> int:
    """The index behind a name with dots that begins at an index."""
    after = index + 1
    while after + 1 < len(pieces) and pieces[after + 1].kind == "name" and text[slice(*pieces[after][1:])] == ".":
        after += 2
    return after


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _link(names: Mapping[str, str], parts: tuple[str, ...]) -> str:
    """The key of the node that a name of one to three parts means; empty if it means none."""
    return names.get(".".join(parts[-2:]).casefold(), "")


def _named(graph: Graph, node: Node) -> Mapping[str, str]:
    """The keys of the nodes that the SQL of a node may name, by what it may call them; what is embedded names more."""
    names: dict[str, str] = {}
    waiting, seen = [node.key], {node.key}
    while waiting:
        reader = graph.nodes[waiting.pop(0)]
        # Of two tables with the same last name the one in the schema of its reader is meant.
        beside = {key for key in graph.parents[reader.key] if graph.nodes[key].name.schema == reader.name.schema}
        for key in sorted(graph.parents[reader.key], key=lambda each: (each not in beside, each)):
            names.setdefault(graph.nodes[key].name.name.casefold(), key)
            names[key] = key
            if isinstance(graph.nodes[key].kind, Embedded) and key not in seen:
                seen.add(key)
                waiting.append(key)
    return names
