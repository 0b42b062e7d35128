"""The header of a file, split off before anything else reads the file."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from sqlpipe.domain.diagnostic import place_of
from sqlpipe.load.complaints import Complaints

_OPENING = re.compile(r"/\*+[ \t]*sqlpipe\b(?!\.)")
_BEFORE = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z))*")
_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|\$(\w*)\$.*?\$\1\$|\{#.*?#\}|(?P<comment>/\*.*?\*/)", re.DOTALL
)
_HEADING = re.compile(r"/\*+[ \t]*sqlpipe[ \t]*(?:\r?\n|\w+[ \t]*:)")
_BLANK_LINE = re.compile(r"[ \t\r]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class Parts:
    """A file in two: the YAML of its header with the place where it begins, and the rest from offset `body_at`.

    `header` is None without a header. `indent` blanks are to be put before the body to keep its columns.
    """

    header: str | None = None
    line: int = 1
    column: int = 1
    body_at: int = 0
    body_line: int = 1
    indent: int = 0


def split_sql(text: str, complaints: Complaints) -> Parts | None:
    """Split the leading `/* sqlpipe ... */` off; only white space and `--` comments may stand before it.

    None after a complaint that it has no end.
    """
    start = _start_of_code(text)
    opening = _OPENING.match(text, start)
    parts = Parts()
    if opening is not None:
        end = _end_of_header(text, opening.end())
        if end < 0:
            place = place_of(text, start, opening.end())
            complaints.add("SP101", "the header has no end", place, label="opened here", help="close it with `*/`")
            return None
        parts = _parts(text, opening.end(), end)
    _complain_of_strays(text, parts.body_at, complaints)
    return parts


def _start_of_code(text: str) -> int:
    before = _BEFORE.match(text, 1 if text.startswith("\ufeff") else 0)
    return before.end() if before else 0


def _end_of_header(text: str, at: int) -> int:
    """The offset of the `*/` that ends the header; the one in `from: data/*/x.csv` or `**/*.csv` does not."""
    end = text.find("*/", at)
    while end >= 0:
        rest = text[end + 2 : text.find("\n", end) if "\n" in text[end:] else len(text)]
        if not rest.strip() or text[end - 1].isspace():
            return end
        end = text.find("*/", end + 2)
    return -1


def _parts(text: str, opened: int, end: int) -> Parts:
    where = place_of(text, opened)
    blank = _BLANK_LINE.match(text, end + 2)
    body_at = blank.end() if blank else end + 2
    indent = 0 if blank else end + 2 - (text.rfind("\n", 0, end) + 1)
    return Parts(text[opened:end], where.line, where.column, body_at, text.count("\n", 0, body_at) + 1, indent)


def _complain_of_strays(text: str, body_at: int, complaints: Complaints) -> None:
    if "sqlpipe" not in text[body_at:]:
        return
    for token in _TOKEN.finditer(text, body_at):
        heading = _HEADING.match(token["comment"] or "")
        if heading:
            place = place_of(text, token.start(), token.start() + len(heading[0].rstrip()))
            help = "put it at the top of the file, where only blank lines and `--` comments may stand before it"
            complaints.add("SP104", "the header is not at the top of the file", place, label="not read here", help=help)


def split_python(tree: ast.Module, text: str) -> Parts:
    """Find the header in the module's docstring, if that begins with a line `sqlpipe`."""
    first = tree.body[0] if tree.body else None
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return Parts()
    source = ast.get_source_segment(text, first.value) or ""
    quoted = re.match(r"[A-Za-z]*('''|\"\"\"|'|\")", source)
    heading = re.match(r"[A-Za-z]*(?:'''|\"\"\")\s*sqlpipe[ \t]*(?:\r?\n|(?=['\"]))", source)
    if quoted is None or heading is None:
        return Parts()
    line = first.lineno + source.count("\n", 0, heading.end())
    return Parts(source[heading.end() : len(source) - len(quoted[1])], line)
