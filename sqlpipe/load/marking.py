"""Invisible marks in a Jinja source that tell where each piece of its output came from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from sqlpipe.load.positions import Mark

# Characters of the private use area, which no filter changes: a mark is OPEN, digits, CLOSE.
_OPEN, _CLOSE, _COMMA = "\ue000", "\ue001", "\ue002"
_DIGITS = {str(digit): chr(0xE010 + digit) for digit in range(10)}
_PLAIN = {ord(private): digit for digit, private in _DIGITS.items()}
_MARK = re.compile(f"{_OPEN}([\ue010-\ue019]+){_COMMA}([\ue010-\ue019]+){_COMMA}([\ue010-\ue019]+){_CLOSE}")
_PRIVATE = re.compile("[\ue000-\ue0ff]")

_TAG = re.compile(
    r"(?P<raw>\{%[-+]?\s*raw\s*[-+]?%\}(?P<verbatim>.*?)\{%[-+]?\s*endraw\s*[-+]?%\})"
    r"|\{#.*?#\}"
    r"|(?P<shown>\{\{(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\"])*?\}\})"
    r"|\{%(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^'\"])*?%\}",
    re.DOTALL,
)


def mark_source(source: str, line: int) -> str:
    """The source, which begins at `line` of its file, with marks before literal text and expressions."""
    if _PRIVATE.search(source):
        return source
    starts = [0, *(each.end() for each in re.finditer("\n", source))]
    pieces, done = [], 0
    for at, length in _marked_offsets(source):
        row = bisect_right(starts, at) - 1
        pieces.append(source[done:at] + _mark(row + line, at - starts[row] + 1, length))
        done = at
    return "".join([*pieces, source[done:]])


def _mark(line: int, column: int, length: int) -> str:
    numbers = _COMMA.join("".join(_DIGITS[digit] for digit in str(number)) for number in (line, column, length))
    return f"{_OPEN}{numbers}{_CLOSE}"


def _marked_offsets(source: str) -> Iterator[tuple[int, int]]:
    """Where marks belong, each with the length of its expression, or 0 for literal text."""
    data_from = 0
    for tag in _TAG.finditer(source):
        yield from _data(source, data_from, tag.start())
        if tag["raw"]:
            yield from _data(source, tag.start("verbatim"), tag.end("verbatim"))
        elif tag["shown"] and source[tag.start() + 2] != "-":
            yield tag.start(), tag.end() - tag.start()
        data_from = tag.end()
        if data_from < len(source) and source[data_from - 3] != "-" and source[data_from].isspace():
            # The white space after an expression is no longer part of its output.
            yield data_from, 0
    yield from _data(source, data_from, len(source))


def _data(source: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The first word of each line: a mark before the white space could keep Jinja from trimming it."""
    at = start
    while at < end:
        line_end = source.find("\n", at, end)
        line_end = end if line_end < 0 else line_end
        said = len(source[at:line_end]) - len(source[at:line_end].lstrip())
        if at + said < line_end:
            yield at + said, 0
        at = line_end + 1


def read_marks(output: str) -> tuple[str, tuple[Mark, ...]]:
    """The output without its marks, and what they say."""
    pieces, marks, done, length = [], list[Mark](), 0, 0
    for found in _MARK.finditer(output):
        pieces.append(output[done : found.start()])
        length += len(pieces[-1])
        line, column, size = (int(found[number].translate(_PLAIN)) for number in (1, 2, 3))
        if marks and marks[-1].at == length:
            marks.pop()
        marks.append(Mark(length, line, column, size))
        done = found.end()
    return "".join([*pieces, output[done:]]), tuple(marks)


def line_marks(output: str, lines: tuple[int, ...], source: str, line: int) -> tuple[Mark, ...]:
    """Marks that tell no more than the line, for output whose exact origin is lost.

    `lines` are those in the file of a rendering that came out a little different; without them each line is its own.
    """
    written = source.split("\n")
    known = lines or tuple(range(line, line + len(written)))
    found, at = [], 0
    for number, text in enumerate(output.split("\n")):
        origin = known[min(number, len(known) - 1)]
        said = written[origin - line]
        found.append(Mark(at, origin, len(said) - len(said.lstrip()) + 1, max(1, len(said.strip()))))
        at += len(text) + 1
    return tuple(found)
