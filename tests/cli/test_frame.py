"""Frames: golden texts, and what must hold of any."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sqlpipe.cli.frame import draw
from sqlpipe.cli.look import Look, measure
from sqlpipe.domain.diagnostic import Diagnostic, Place, Severity, Span, span_of
from tests.cli.fake_app import CHECK_FAILED, NO_PROFILE, UNKNOWN_COLUMN


def at(line: str, column: int, length: int = 1, number: int = 1, **more: str) -> Diagnostic:
    span = Span("m.sql", Place(number, column, length), ((number, line),))
    return Diagnostic(code="SP201", message="unknown column", span=span, **more)  # type: ignore[arg-type]


LONG = "select " + ", ".join(f"column_{n}" for n in range(60)) + ", nmae from t"
FRAMES = {
    "unknown_column": UNKNOWN_COLUMN,
    "check_failed": CHECK_FAILED,
    "no_span": NO_PROFILE,
    "warning": Diagnostic(
        code="SP403", message="data is 9 hours old", severity=Severity.WARNING, span=Span("models/a.sql", Place(2, 1))
    ),
    "wide_characters": at("  '日本語' as 名前, nmae as é", 15, 4, label="here"),
    "tabs": at("\tselect\tnmae", 9, 4, label="here", help="did you mean `name`?"),
    "long_line": at(LONG, LONG.index("nmae") + 1, 4, label="here"),
    "long_line_early": at(LONG, 8, 8, label="here"),
    "long_span": at(LONG, 1, len(LONG)),
    "two_digits": Diagnostic(
        code="SP202",
        message="expected an expression",
        span=span_of("m.sql", "\n" * 8 + "select a,\n\nfrom t\n", Place(11, 1, 4), before=2),
        label="here",
        help="first line\nsecond line",
        notes=("one", "two"),
    ),
    "end_of_line": at("select a from", 14, 1, label="a name is missing"),
    "control_characters": at("select '\x1b[2J' \u202e", 8, 3, label="a\x07b"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frame_is_as_reviewed(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"cli/frames/{name}.txt", draw(FRAMES[name]) + "\n")


def test_ascii_look_uses_no_other_characters() -> None:
    drawn = draw(at(LONG, LONG.index("nmae") + 1, 4), Look(unicode=False))
    assert drawn.isascii()
    assert "..." in drawn


@pytest.mark.parametrize("column", [1, 8, 70, 300, len(LONG)])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_caret_stands_under_its_character_and_lines_stay_in_the_terminal(column: int, width: int) -> None:
    frame = draw(at(LONG, column), Look(width=width)).split("\n")
    source, pointer = frame[3], frame[4]
    assert source[pointer.index("^")] == LONG[column - 1]
    assert measure(source) <= width


def test_a_place_beyond_its_line_is_drawn_at_the_end() -> None:
    frame = draw(at("select", 99, 40)).split("\n")
    assert frame[4].index("^") == frame[3].index("select") + len("select")
    assert frame[4].count("^") == 1


def test_colours_change_nothing_but_colours() -> None:
    from_colour = draw(UNKNOWN_COLUMN, Look(colour=True))
    assert "\x1b[" in from_colour
    assert re.sub(r"\x1b\[[0-9;]*m", "", from_colour) == draw(UNKNOWN_COLUMN)


def test_nothing_in_a_frame_can_steer_the_terminal() -> None:
    drawn = draw(FRAMES["control_characters"])
    assert all(character.isprintable() or character == "\n" for character in drawn)
