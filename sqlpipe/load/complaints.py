"""Complaints about one file, collected with their places."""

from __future__ import annotations

from dataclasses import dataclass

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, span_of

TOP = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Named:
    """A word of a file and where it stands."""

    text: str
    place: Place


class Complaints:
    """Everything found wrong in one file so far."""

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self.text = text
        self.found: list[Diagnostic] = []

    def add(
        self,
        code: str,
        message: str,
        place: Place | None = None,
        *,
        label: str = "",
        help: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        """Take down a complaint."""
        span = span_of(self.file, self.text, place) if place and self.text else None
        if span is None and place is not None:
            span = Span(self.file, place)
        self.found.append(Diagnostic(code=code, message=message, span=span, label=label, help=help, notes=notes))


def by_place(found: list[Diagnostic]) -> list[Diagnostic]:
    """The complaints in the order of file, line and column."""

    def order(complaint: Diagnostic) -> tuple[str, int, int]:
        if complaint.span is None:
            return "", 0, 0
        return complaint.span.file, complaint.span.place.line, complaint.span.place.column

    return sorted(found, key=order)
