"""A script of SQL cut into its statements, without a parser: what it quotes is all that has to be known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlpipe.sql.problem import SqlProblem, SqlProblems

# An alternative for each way to write what is not code, named for it; a comment is matched by its beginning only.
QUOTED = r"""
    (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)) | (?P<string>'(?:[^']|'')*(?:'|\Z))
    | (?P<name>"(?:[^"]|"")*(?:"|\Z)) | (?P<line>--[^\n]*) | (?P<comment>/\*)
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
"""
_PIECE = re.compile(rf"{QUOTED} | (?P<semicolon>;) | (?P<word>\w+) | \S", re.VERBOSE | re.DOTALL)
_COMMENT = re.compile(r"/\*|\*/")
_CLOSED = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(\w*)\$.*\$\1\$""", re.VERBOSE | re.DOTALL
)
_UNCLOSED = {
    "escaped": "the string",
    "string": "the string",
    "name": "the quoted name",
    "comment": "the comment",
    "dollar": "the dollar-quoted string",
}


@dataclass(frozen=True, slots=True)
class Single:
    """One statement without its semicolon; `verb` is its first word in lower case, `line` (from 1) where it begins."""

    text: str
    verb: str
    line: int


def statements(text: str) -> tuple[Single, ...]:
    r"""Cut a script at its semicolons; raises `SqlProblems` if a string, a quoted name or a comment is not closed.

    >>> [each.text for each in statements("select ';' ; -- done\n; drop table a")]
    ["select ';'", 'drop table a']
    """
    found: list[Single] = []
    at, start, end, verb = 0, -1, 0, ""
    while piece := _PIECE.search(text, at):
        at = end_of_comment(text, piece.end()) if piece.lastgroup == "comment" else piece.end()
        _must_be_closed(text, piece, at)
        match piece.lastgroup:
            case "line" | "comment":
                pass
            case "semicolon":
                found += _single(text, start, end, verb)
                start = -1
            case _:
                if start < 0:
                    start, verb = piece.start(), piece[0].lower()
                end = at
    found += _single(text, start, end, verb)
    return tuple(found)


def _single(text: str, start: int, end: int, verb: str) -> list[Single]:
    return [Single(text[start:end], verb, text.count("\n", 0, start) + 1)] if start >= 0 else []


def _must_be_closed(text: str, piece: re.Match[str], end: int) -> None:
    what = _UNCLOSED.get(piece.lastgroup or "")
    if what is None or end < len(text):
        return
    written = text[piece.start() : end]
    if piece.lastgroup == "comment":
        closed = sum(1 if each[0] == "/*" else -1 for each in _COMMENT.finditer(written)) == 0
    else:
        closed = _CLOSED.fullmatch(written) is not None
    if not closed:
        raise SqlProblems(SqlProblem("SP202", f"{what} is never closed", piece.start(), end))


def end_of_comment(text: str, at: int) -> int:
    """The offset behind a comment whose beginning ends at `at`; others may be nested in it."""
    depth = 1
    while depth and (found := _COMMENT.search(text, at)):
        depth += 1 if found[0] == "/*" else -1
        at = found.end()
    return len(text) if depth else at
