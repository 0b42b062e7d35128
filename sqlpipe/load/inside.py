"""Places within a value of a document: from an offset in its text to the line and column of the file."""

from __future__ import annotations

from sqlpipe.domain.diagnostic import Place, place_of
from sqlpipe.load.document import Scalar


def place_inside(value: Scalar, start: int, end: int, file: str) -> Place:
    """The place of the characters from `start` up to `end` of a value in the text of its file.

    Exact in a value on one line without escapes, and in a block of lines (`|`); else it is that of the whole value.
    """
    if value.text == file:
        return place_of(file, min(start, len(file)), end)
    lines = file.split("\n")
    if value.place.line > len(lines):
        return value.place
    line, at = lines[value.place.line - 1], value.place.column - 1
    if line[at : at + 1] == "|":
        return _in_block(value, start, end, lines)
    text = value.text
    for quote in (0, 1):
        if line[at + quote : at + quote + len(text)] == text:
            length = max(1, min(end, len(text)) - start)
            return Place(value.place.line, at + quote + 1 + min(start, len(text)), length)
    return value.place


def _in_block(value: Scalar, start: int, end: int, lines: list[str]) -> Place:
    start = min(start, len(value.text.rstrip("\n")))
    down = value.text.count("\n", 0, start)
    begins = value.text.rfind("\n", 0, start) + 1
    said = value.text[begins:].split("\n", 1)[0]
    number = value.place.line + 1 + down
    written = lines[number - 1] if number <= len(lines) else ""
    if not written.endswith(said):
        return value.place
    column = len(written) - len(said) + start - begins + 1
    return Place(number, column, max(1, min(end, begins + len(said)) - start))
