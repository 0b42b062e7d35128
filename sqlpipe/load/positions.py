"""From an offset in the SQL that is analysed back to the place in the file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from sqlpipe.domain.diagnostic import Place, place_of


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands from offset `at` on comes from this line and column of the file.

    With a `length` it is the output of an expression of that length, and all of it comes from there.
    """

    at: int
    line: int
    column: int
    length: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """SQL with what is needed to find its characters in the file; `marks` only if Jinja has moved them."""

    text: str
    line: int = 1
    marks: tuple[Mark, ...] = ()

    def place(self, start: int, end: int | None = None) -> Place:
        """The place in the file of the characters from `start` up to `end`."""
        if not self.marks:
            place = place_of(self.text, min(start, len(self.text)), end)
            return Place(place.line + self.line - 1, place.column, place.length)
        number = bisect_right(self.marks, start, key=lambda mark: mark.at)
        mark = self.marks[max(0, number - 1)]
        if mark.length:
            return Place(mark.line, mark.column, mark.length)
        stop = self.marks[number].at if number < len(self.marks) else len(self.text)
        between = self.text[mark.at : start]
        down = between.count("\n")
        column = len(between) - between.rfind("\n") if down else mark.column + len(between)
        length = place_of(self.text, start, min(stop, end or start + 1)).length
        return Place(mark.line + down, column, length)

    def lines(self) -> tuple[int, ...]:
        """For each line of the SQL its line in the file; empty if they simply follow each other."""
        if not self.marks:
            return ()
        found, start = [], 0
        for line in self.text.split("\n"):
            said = len(line) - len(line.lstrip())
            found.append(self.place(start + (said if said < len(line) else 0)).line)
            start += len(line) + 1
        return tuple(found)
