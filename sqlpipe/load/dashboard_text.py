"""The Markdown of a dashboard taken apart: its front matter, its fences of SQL and charts, and the prose between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sqlpipe.domain.dashboard import Prose
from sqlpipe.domain.diagnostic import Place
from sqlpipe.load.complaints import Complaints, Named

LANGUAGES = ("sql", "chart")
_OPENING = re.compile(r"(?P<indent> {0,3})(?P<marks>`{3,}|~{3,})(?P<said>.*)")
_SAID = re.compile(r"[ \t]*(?P<language>[^\s`]*)[ \t]*(?P<rest>.*?)[ \t]*")


@dataclass(frozen=True, slots=True)
class Fence:
    """A fence with SQL or a chart in it; `text` begins on `line`, and `rest` is what follows the language.

    One that is never closed is not `whole`, and where its text ends is not known.
    """

    language: str
    rest: Named
    text: str
    line: int
    whole: bool = True

    @property
    def place(self) -> Place:
        """Where the language stands."""
        return Place(self.line - 1, self.rest.place.column, self.rest.place.length)


@dataclass(frozen=True, slots=True)
class Page:
    """A page from top to bottom; `front` is the YAML at its head, which begins on the second line."""

    front: str = ""
    pieces: tuple[Prose | Fence, ...] = ()


@dataclass(slots=True)
class _Open:
    """A fence that has begun on `line`; what is plain Markdown has no language."""

    marks: str
    line: int
    place: Place
    language: str
    rest: Named
    said: str
    lines: list[str] = field(default_factory=list)

    def ends_at(self, line: str) -> bool:
        """Whether a line closes the fence: the same marks, as many or more, and nothing else."""
        opening = _OPENING.fullmatch(line)
        return opening is not None and opening["marks"].startswith(self.marks) and not opening["said"].strip()


def take_apart(text: str, complaints: Complaints) -> Page:
    """The pieces of a page; complains of fences that are never closed."""
    lines = text.split("\n")
    end = _end_of_front(lines, complaints)
    return Page("\n".join(lines[1:end]), tuple(_pieces(lines, end + 1 if end else 0, complaints)))


def _end_of_front(lines: list[str], complaints: Complaints) -> int:
    """The index of the line that ends the front matter, or 0 if there is none."""
    if lines[0].rstrip() != "---":
        return 0
    for index, line in enumerate(lines[1:], 1):
        if line.rstrip() == "---":
            return index
    help = "close it with a line `---`"
    complaints.add("SP101", "the front matter has no end", Place(1, 1, 3), label="opened here", help=help)
    return 0


def _pieces(lines: list[str], start: int, complaints: Complaints) -> Iterator[Prose | Fence]:
    prose: list[str] = []
    fence: _Open | None = None
    for number, line in enumerate(lines[start:], start + 1):
        opened = _opened(line, number)
        if fence is not None and fence.language and opened is not None and opened.said:
            # Two fences in one: the end of the first has been forgotten.
            _never_closed(fence, f"the next one begins on line {number}", complaints)
            yield replace(_closed(fence), whole=False)
            fence = None
        if fence is not None:
            (fence.lines if fence.language else prose).append(line)
            if fence.ends_at(line):
                if fence.language:
                    fence.lines.pop()
                    yield _closed(fence)
                fence = None
        elif opened is not None and opened.language:
            yield from _prose(prose)
            prose, fence = [], opened
        else:
            prose.append(line)
            fence = opened
    if fence is not None:
        _never_closed(fence, "close it with the same marks on a line of their own", complaints)
        if fence.language:
            yield replace(_closed(fence), whole=False)
    yield from _prose(prose)


def _opened(line: str, number: int) -> _Open | None:
    """The fence that a line opens, if it does."""
    opening = _OPENING.fullmatch(line)
    if opening is None or (opening["marks"][0] == "`" and "`" in opening["said"]):
        return None
    said = _SAID.fullmatch(opening["said"])
    assert said is not None
    language = said["language"].casefold() if said["language"].casefold() in LANGUAGES else ""
    at = len(opening["indent"]) + len(opening["marks"]) + 1
    group = "rest" if said["rest"] else "language"
    rest = Named(said["rest"], Place(number, at + said.start(group), max(1, len(said[group]))))
    return _Open(
        opening["marks"], number, Place(number, 1, max(1, len(line.rstrip()))), language, rest, opening["said"].strip()
    )


def _never_closed(fence: _Open, help: str, complaints: Complaints) -> None:
    complaints.add("SP701", "the fence is never closed", fence.place, label="opened here", help=help)


def _closed(fence: _Open) -> Fence:
    return Fence(fence.language, fence.rest, "\n".join(fence.lines), fence.line + 1)


def _prose(lines: list[str]) -> Iterator[Prose]:
    text = "\n".join(lines).strip("\n")
    if text.strip():
        yield Prose(text)
