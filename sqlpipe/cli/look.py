"""How text looks on one stream: colours, symbols and widths."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_STYLES: Mapping[str, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
}

_SIXTY = 60

# What stands in for a character when the stream's encoding has none of its kind.
_ASCII: Mapping[str, str] = {
    "✓": "ok",
    "✗": "FAIL",
    "!": "warn",
    "-": "skip",
    "·": ".",
    "○": "none",
    "+": "+",
    "~": "~",
    "…": "...",
    "─": "-",
    "→": "->",
    "├─": "|-",
    "└─": "`-",
    "│": "|",
    "━": "#",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one stream can show; `width` is None when lines are not to be cut."""

    colour: bool = False
    unicode: bool = True
    width: int | None = None

    def paint(self, text: str, *styles: str) -> str:
        """The text in the styles, or as it is where there are no colours."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_STYLES[each] for each in styles)}m{text}\x1b[0m"

    def symbol(self, sign: str) -> str:
        """The sign, or what stands in for it."""
        return sign if self.unicode else _ASCII[sign]

    def symbols(self, signs: Iterable[str]) -> int:
        """The width of the widest of the signs."""
        return max(measure(self.symbol(sign)) for sign in signs)


def look_at(stream: IO[str], *, no_color: bool = False) -> Look:
    """What a stream can show, going by the flag, the environment and what the stream is."""
    terminal = is_terminal(stream)
    if no_color or os.environ.get("NO_COLOR"):
        colour = False
    elif os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        colour = True
    else:
        colour = terminal and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if terminal else None
    return Look(colour, _shows_symbols(stream), width)


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person looks at the stream; closed streams are not terminals."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def _shows_symbols(stream: IO[str]) -> bool:
    try:
        "✓✗·○…─→├└│━".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def measure(text: str) -> int:
    """How many columns of a terminal the text takes.

    >>> measure("naïve"), measure("日本")
    (5, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    """The text with spaces behind it up to the width."""
    return text + " " * (width - measure(text))


def pad_left(text: str, width: int) -> str:
    """The text with spaces before it up to the width."""
    return " " * (width - measure(text)) + text


def cut(text: str, width: int | None, more: str = "…") -> str:
    """The text, ended by `more` when it is wider than `width`.

    >>> cut("staging.customers", 10)
    'staging.c…'
    """
    if width is None or measure(text) <= width:
        return text
    room, taken = width - measure(more), []
    for character in text:
        room -= _columns(character)
        if room < 0:
            break
        taken.append(character)
    return "".join(taken) + more


def tame(text: str) -> str:
    r"""The text on one line, with control characters spelled out: data must not steer a terminal.

    >>> tame("a\nb\x1b[2J")
    'a\\nb\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(each if _is_harmless(each) else each.encode("unicode_escape").decode() for each in text)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) in ("Zs", "Mn", "Me", "Co", "Cn")


def align(rows: Sequence[Sequence[str]], gap: int = 3) -> list[str]:
    """Rows of cells as lines whose columns stand below each other; a last cell is not padded."""
    widths = [max(map(measure, column)) for column in zip(*rows, strict=True)]
    return [
        (" " * gap).join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    >>> count(1, "row"), count(12480, "row"), count(2, "query", "queries")
    ('1 row', '12,480 rows', '2 queries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def short(run: str) -> str:
    """The end of a run's id, by which people call it.

    >>> short("20260303T060000000000-1a2b3c")
    '1a2b3c'
    """
    return run.rpartition("-")[2]


def database_name(text: str) -> str:
    """A database as a head line names it: of a file, what it is called.

    >>> database_name("/srv/shop/shop.duckdb"), database_name("postgresql://host/shop")
    ('shop.duckdb', 'postgresql://host/shop')
    """
    return text if "://" in text else text.replace("\\", "/").rpartition("/")[2]


def duration(seconds: float) -> str:
    """A time span, as short as it can be said.

    >>> duration(0.04), duration(75), duration(7384)
    ('0.0s', '1m 15s', '2h 03m')
    """
    if seconds < _SIXTY:
        # 59.96 would be told as 60.0s, which looks like a minute that was not counted.
        return f"{min(seconds, 59.9):.1f}s"
    minutes, rest = divmod(round(seconds), _SIXTY)
    if minutes < _SIXTY:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // _SIXTY}h {minutes % _SIXTY:02d}m"
