"""What reading a task comes across besides its own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.document import Record, Scalar, Series, Value

if TYPE_CHECKING:
    from sqlpipe.load.document import Entry


@dataclass(slots=True)
class Notes:
    """Gathered while one task is read; `modules` are the files it was made from, `code` hashes of their contents.

    `files` are texts that stand in files of their own, by the name under which the task gives them.
    """

    root: Path
    complaints: Complaints
    modules: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    tables: list[Named] = field(default_factory=list)
    inputs: list[Named] = field(default_factory=list)
    files: list[tuple[Named, str]] = field(default_factory=list)
    pipeline: Named | None = None
    watched: Named | None = None


Options = Mapping[str, "Entry"]


def is_template(text: str) -> bool:
    """Whether Jinja has anything to do in a text."""
    return "{{" in text or "{%" in text


def templates(value: Value) -> Iterator[Scalar]:
    """The values anywhere below that Jinja has to do with."""
    match value:
        case Scalar():
            if is_template(value.text):
                yield value
        case Series():
            for item in value.items:
                yield from templates(item)
        case Record():
            for entry in value.entries:
                yield from templates(entry.value)
