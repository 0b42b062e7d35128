"""YAML with places: oddities, and that no text at all makes the reader fall over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.names import TableName
from sqlpipe.load.codec import decode, encode
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.document import Record, Scalar, parse, plain
from sqlpipe.load.facts import Facts, Role, SourceFile
from sqlpipe.load.reading import Context, Reader


def read(text: str, **origin: int) -> tuple[Any, list[str]]:
    complaints = Complaints("f.yml", text)
    value = parse(text, complaints, **origin)
    return (plain(value) if value else None), [each.message for each in complaints.found]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# only a comment", None),
        ("a: ~\nb: null\nc:\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
        ("a: [yes, no, on, off, y, true, False]", {"a": ["yes", "no", "on", "off", "y", True, False]}),
        ("a: [1, -2, 1.5, .5, 1e3, 0x1f, 1_000, 12:30]", {"a": [1, -2, 1.5, 0.5, 1000.0, "0x1f", "1_000", "12:30"]}),
        ("a: ['1', \"true\", 2024-01-31]", {"a": ["1", "true", "2024-01-31"]}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ("a: 'x\u2028y'\nb: 1", {"a": "x y", "b": 1}),
    ],
)
def test_values(text: str, value: object) -> None:
    assert read(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [*x]", "broken YAML: an alias holds itself"),
        ("? [a, b]\n: c", "broken YAML: a key has to be a single word"),
        ("a: b\n---\nc: d", "broken YAML: but found another document"),
        ("a: \x00", "broken YAML: a character that is not allowed"),
        ("\ta: b", "broken YAML: found character that cannot start any token"),
        ("- " * 3000 + "a", "broken YAML: nested too deeply"),
    ],
)
def test_broken(text: str, message: str) -> None:
    assert read(text)[1] == [message]


def test_places_are_those_of_the_file() -> None:
    value = parse("kind: table\ntags: 'b c'", Complaints("a.sql"), line=3, column=12)
    assert isinstance(value, Record)
    assert [each.place for each in value.entries] == [Place(3, 12, 4), Place(4, 1, 4)]
    assert value.entries[1].value == Scalar("b c", "b c", Place(4, 7, 5))


HEADERS = """/* sqlpipe
kind: incremental
time: {column: day, grain: day, start: 2024-01-01}
tags: [a, b]
columns:
  id: {description: x, checks: [unique, {range: {min: 0}}]}
checks:
  - relationships: {column: id, to: m.b.id}
  - expression: "id > 0"
    tolerance: 5%
*/
select id, day, {{ var('x', 1) }} as x {% for i in [1, 2] %}, {{ i }} as c{{ i }}{% endfor %} from m.b
"""
PIECES = ["", "\n", " ", "{", "}", "[", ": ", "- ", "'", '"', "*/", "/* sqlpipe\n", "&a ", "*a", "\t", "\ue000", "é"]
PIECES += ["{{", "}}", "{%", "%}", "{#"]


@given(at=st.integers(0, len(HEADERS)), length=st.integers(0, 12), piece=st.sampled_from(PIECES))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_told_within_its_lines(at: int, length: int, piece: str) -> None:
    text = HEADERS[:at] + piece + HEADERS[at + length :]
    outcome = Reader(Context(".")).read(SourceFile("models/m/a.sql", TableName("m", "a"), Role.MODEL, text))
    lines = text.split("\n")
    for complaint in outcome.complaints:
        assert complaint.span is not None
        place = complaint.span.place
        line = lines[place.line - 1]
        assert 1 <= place.column <= len(line) + 1
        assert 1 <= place.length <= max(1, len(line) - place.column + 1)
    if outcome.facts is not None:
        assert decode(Facts, json.loads(json.dumps(encode(Facts, outcome.facts)))) == outcome.facts
