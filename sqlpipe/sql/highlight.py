"""The pieces of a SQL text by what they are, for those who show it in colours."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal, NamedTuple

from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import Token, TokenType

from sqlpipe.sql.problem import SqlProblems
from sqlpipe.sql.syntax import tokenise

Kind = Literal[
    "keyword", "function", "string", "number", "comment", "operator", "placeholder", "name", "template", "other"
]

_KEYWORDS = frozenset(
    """
    all alter and anti any array as asc asof attach between both by cascade case cast collate column copy create cross
    cube current delete desc describe detach distinct drop else end escape except exclude exists explain false fetch
    filter first following for force from full global glob group grouping having if ignore ilike in inner insert install
    intersect interval into is isnull join key lambda lateral left like limit load local macro materialized merge
    natural no not notnull null nulls offset on only or order others outer over partition percent pivot positional
    pragma preceding primary qualify range recursive references rename replace respect right rollup row rows sample
    select semi sets set show similar some summarize table tablesample temp temporary then ties to true try_cast
    unbounded union unpivot update using values view when where window with within without
    """.split()  # noqa: SIM905  words read better without quotes
)
# Keywords that are functions where a bracket follows.
_CALLED = frozenset({"array", "first", "glob", "if", "left", "range", "replace", "right", "row"})
# Types are names as well, as that of a column, unless a value follows.
_TYPES = frozenset({"date", "time", "timestamp", "timestamptz"})
_STRINGS = frozenset(each for each in TokenType if each.name.endswith("STRING"))
_PLAIN: dict[TokenType, Kind] = dict.fromkeys(_STRINGS, "string")
_PLAIN |= {TokenType.NUMBER: "number", TokenType.IDENTIFIER: "name"}
# What may stand before the colon of a slice or of a field of a struct, and not before a placeholder.
_OPERANDS = frozenset({"name", "number", "string", "placeholder", "function"})
_CLOSED = frozenset({")", "]", "}"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_NO_BREAK = re.compile(r"[^\n]")
_UNCLOSED: dict[str, Kind] = {"'": "string", "$": "string", '"': "name", "/": "comment"}


class Piece(NamedTuple):
    """A piece of a text: what it is, and its offsets."""

    kind: Kind
    start: int
    end: int


def highlight(text: str, *, dialect: str = "duckdb") -> tuple[Piece, ...]:
    """The pieces of a text one after the other, without gaps; also of a text that is no SQL.

    >>> [text[each.start : each.end] for text in ["select 1"] for each in highlight(text)]
    ['select', ' ', '1']
    """
    templates = [Piece("template", *each.span()) for each in _TEMPLATE.finditer(text)] if "{" in text else []
    if not templates:
        return tuple(_pieces(text, dialect))
    # To the tokenizer they are blanks: what they become is not known.
    blanked = _TEMPLATE.sub(lambda found: _NO_BREAK.sub(" ", found[0]), text)
    return tuple(_with(templates, _pieces(blanked, dialect)))


def _pieces(text: str, dialect: str) -> Iterator[Piece]:
    end = len(text)
    tail: Piece | None = None
    language = Dialect.get_or_raise(dialect)
    try:
        tokens = tokenise(text, language)
    except SqlProblems as problems:
        # Behind what is never closed nothing can be told apart.
        end = problems.problems[0].start
        tail = Piece(_UNCLOSED.get(text[end : end + 1], "other"), end, len(text))
        tokens = _tokens_before(text[:end], language)
    at = 0
    for kind, start, stop in _told(text, tokens):
        if at < start:
            yield from _between(text, at, start)
        yield Piece(kind, start, stop)
        at = stop
    if at < end:
        yield from _between(text, at, end)
    if tail is not None:
        yield tail


def _tokens_before(text: str, language: Dialect) -> list[Token]:
    try:
        return tokenise(text, language)
    except SqlProblems:
        return []


def _told(text: str, tokens: list[Token]) -> Iterator[tuple[Kind, int, int]]:
    """The kind and the offsets of each token."""
    last: Kind = "other"
    before, named = "", False
    for token, after in zip_longest(tokens, tokens[1:]):
        if named:
            # It belongs to the mark of a placeholder.
            named = False
            continue
        start, end = token.start, token.end + 1
        word = text[start:end].lower()
        kind = _PLAIN.get(token.token_type)
        if kind is None:
            if word[0].isalpha() or word[0] == "_":
                kind = _of_word(word.split(None, 1)[0], before, after)
            elif word == "?":
                kind = "placeholder"
            elif after is not None and _is_mark(word, before, last, token, after):
                kind, end, named = "placeholder", after.end + 1, True
            else:
                kind = "operator"
        yield kind, start, end
        last, before = kind, word


def _of_word(word: str, before: str, after: Token | None) -> Kind:
    if before == ".":
        return "function" if _is_bracket(after) else "name"
    if word in _KEYWORDS:
        return "function" if word in _CALLED and _is_bracket(after) else "keyword"
    if before == "::" or (word in _TYPES and after is not None and after.token_type in _STRINGS):
        return "keyword"
    return "function" if _is_bracket(after) else "name"


def _is_bracket(token: Token | None) -> bool:
    return token is not None and token.token_type is TokenType.L_PAREN


def _is_mark(word: str, before: str, last: Kind, token: Token, after: Token) -> bool:
    """Whether the token, with the one behind it, is a placeholder."""
    if word not in {":", "$"} or after.start != token.end + 1:
        return False
    if word == "$":
        return after.token_type not in _PLAIN or after.token_type is TokenType.NUMBER
    return after.token_type not in _PLAIN and last not in _OPERANDS and before not in _CLOSED


def _between(text: str, start: int, end: int) -> Iterator[Piece]:
    """What stands between two tokens: blanks, and comments if there is anything else."""
    said = text[start:end]
    inner = said.strip()
    if not inner:
        yield Piece("other", start, end)
        return
    first = start + len(said) - len(said.lstrip())
    last = first + len(inner)
    if start < first:
        yield Piece("other", start, first)
    yield Piece("comment" if inner.startswith(("--", "/*")) else "other", first, last)
    if last < end:
        yield Piece("other", last, end)


def _with(templates: list[Piece], pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces with templates in place of what they cover."""
    waiting, at = deque(templates), 0
    for kind, _, end in pieces:
        while waiting and waiting[0].start < end:
            template = waiting.popleft()
            if at < template.start:
                yield Piece(kind, at, template.start)
            yield template
            at = template.end
        if at < end:
            yield Piece(kind, at, end)
            at = end
