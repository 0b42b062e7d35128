"""A diagnostic as a frame: what is wrong, the line it is on, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from sqlpipe.cli.look import Look, measure, tame
from sqlpipe.domain.diagnostic import Diagnostic, Severity, Span

_TAB = 4
_WIDEST = 120
_PLAIN = Look()


def draw(diagnostic: Diagnostic, look: Look = _PLAIN) -> str:
    """The frame of a diagnostic, without a newline at its end."""
    state = "error" if diagnostic.severity is Severity.ERROR else "warning"
    colour = "red" if diagnostic.severity is Severity.ERROR else "yellow"
    head = look.paint(f"{state}[{diagnostic.code}]", "bold", colour)
    lines = [f"{head}{look.paint(': ' + _first(diagnostic.message), 'bold')}"]
    lines += [f"  {line}" for line in _rest(diagnostic.message)]
    margin = " " * (_gutter(diagnostic.span) + 1)
    if diagnostic.span is not None:
        lines += _source(diagnostic.span, diagnostic.label, look, colour)
    asides = [(word, text) for word, text in (("help", diagnostic.help), *_notes(diagnostic)) if text]
    if asides and diagnostic.span is not None:
        lines.append(f"{margin}{look.paint('|', 'dim')}")
    for word, text in asides:
        lines.append(f"{margin}{look.paint('=', 'dim')} {word}: {_first(text)}")
        lines += [f"{margin}  {' ' * len(word)}  {line}".rstrip() for line in _rest(text)]
    return "\n".join(lines)


def _notes(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    return [("note", note) for note in diagnostic.notes]


def _first(text: str) -> str:
    return tame(text.split("\n", 1)[0].rstrip("\r"))


def _rest(text: str) -> list[str]:
    return [tame(line.rstrip("\r")) for line in text.split("\n")[1:]]


def _gutter(span: Span | None) -> int:
    return len(str(max((number for number, _ in span.context), default=1))) if span else 1


def _source(span: Span, label: str, look: Look, colour: str) -> list[str]:
    """The lines from `-->` to the last line of source."""
    width = _gutter(span)
    margin, bar = " " * (width + 1), look.paint("|", "dim")
    place = f"{tame(span.file)}:{span.place.line}:{span.place.column}"
    lines = [f"{margin}{look.paint('-->', 'dim')} {place}"]
    if not span.context:
        return lines
    lines.append(f"{margin}{bar}")
    window = _window(span, look)
    for number, text in span.context:
        drawn = window.cut(_expand(text)[0])
        lines.append(f"{look.paint(f'{number:>{width}}', 'dim')} {bar} {drawn}".rstrip())
        if number == span.place.line:
            caret = "^" * max(1, min(window.caret_end, window.end) - window.caret)
            pointer = look.paint(f"{caret} {_first(label)}".rstrip(), colour)
            lines.append(f"{margin}{bar} {' ' * window.indent}{pointer}")
    return lines


@dataclass(frozen=True, slots=True)
class _Window:
    """The columns of the source that are shown, and where among them the caret is (all in terminal columns)."""

    start: int
    end: int
    caret: int
    caret_end: int
    more: str

    def cut(self, text: str) -> str:
        """The part of an expanded line that is in the window, with marks where something is left out."""
        front = self.more if self.start else ""
        if not self.start and measure(text) <= self.end:
            return text
        kept, column = [], 0
        for character in text:
            width = measure(character)
            if self.start <= column and column + width <= self.end:
                kept.append(character)
            column += width
        return front + "".join(kept) + (self.more if column > self.end else "")

    @property
    def indent(self) -> int:
        """How far the caret stands from the bar."""
        return self.caret - self.start + (measure(self.more) if self.start else 0)


def _window(span: Span, look: Look) -> _Window:
    """The window for a span: the whole line where it fits, else the part around the caret."""
    text = next((line for number, line in span.context if number == span.place.line), "")
    _, columns = _expand(text)
    first = min(span.place.column - 1, len(text))
    last = min(first + span.place.length, len(text))
    caret, caret_end = columns[first], max(columns[last], columns[first] + 1)
    more = look.symbol("…")
    room = max(30, min(look.width or _WIDEST, _WIDEST) - _gutter(span) - len(" | ") - 2 * len(more))
    start = 0
    if columns[-1] > room and caret_end > room - 10:
        # A third of the line stays before the caret, so that one sees what it belongs to.
        start = min(max(0, caret - room // 3), max(0, columns[-1] - room))
        start = next(column for column in columns if column >= start)
    return _Window(start, start + room, caret, caret_end, more)


def _expand(text: str) -> tuple[str, list[int]]:
    """The line as it is shown, and the column at which each character of it, and its end, stands."""
    shown: list[str] = []
    columns, column = [], 0
    for character in text:
        columns.append(column)
        piece = " " * (_TAB - column % _TAB) if character == "\t" else tame(character)
        shown.append(piece)
        column += measure(piece)
    columns.append(column)
    return "".join(shown), columns
