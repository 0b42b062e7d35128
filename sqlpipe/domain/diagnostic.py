"""What to tell the author of a pipeline, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: an error stops what it concerns, a warning is only told."""

    ERROR = "error"
    WARNING = "warn"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file: line and column from 1, length in characters of that line."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file together with the source lines around it, so that a frame can be drawn later."""

    file: str
    place: Place
    context: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One thing to tell, lower case and without a full stop; `sqlpipe explain CODE` tells more."""

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    help: str = ""
    notes: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


class SqlpipeError(Exception):
    """Something the author of a pipeline can mend; carries every complaint found, not just the first."""

    def __init__(self, *diagnostics: Diagnostic, exit_code: int = 1) -> None:
        super().__init__("; ".join(f"{each.code} {each.message}" for each in diagnostics))
        self.diagnostics = diagnostics
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.diagnostics, self.exit_code)


class Passing(SqlpipeError):
    """Something that may well be over soon: another transaction was first, a file is locked, a network is down."""


def _rebuild(diagnostics: tuple[Diagnostic, ...], exit_code: int) -> SqlpipeError:
    return SqlpipeError(*diagnostics, exit_code=exit_code)


def span_of(file: str, text: str, place: Place, *, before: int = 1, after: int = 0) -> Span:
    """The span of a place in a file whose text is at hand."""
    lines = text.split("\n")
    first, last = max(1, place.line - before), min(len(lines), place.line + after)
    return Span(file, place, tuple((number, lines[number - 1].rstrip("\r")) for number in range(first, last + 1)))


def place_of(text: str, start: int, end: int | None = None) -> Place:
    r"""The place of the characters from `start` up to `end` (offsets from 0); cut at the end of the line.

    >>> place_of("select a,\n  nmae", 12, 16)
    Place(line=2, column=3, length=4)
    """
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    stop = min(end if end is not None else start + 1, line_end)
    return Place(text.count("\n", 0, start) + 1, start - line_start + 1, max(1, stop - start))


def near_misses(word: str, candidates: Iterable[str], most: int = 3) -> Sequence[str]:
    """The candidates that look most like `word`, best first; letter case does not matter."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed where something is wrong

    spelled = {each.casefold(): each for each in candidates}
    return [spelled[each] for each in get_close_matches(word.casefold(), spelled, n=most, cutoff=0.6)]


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """A help line that names near misses, or nothing.

    >>> did_you_mean("treads", ["threads", "path"])
    'did you mean `threads`?'
    """
    found = near_misses(word, candidates)
    return f"did you mean {' or '.join(f'`{each}`' for each in found)}?" if found else ""
