"""YAML whose values know where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from sqlpipe.domain.diagnostic import Place
from sqlpipe.load.complaints import Complaints

Atom = str | int | float | bool | None

# YAML 1.2 spells booleans `true` and `false` only; the 1.1 rules of PyYAML would turn the country `no` into a boolean
# and the time `12:30` into a number.
_WORDS: dict[str, Atom] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# YAML counts these as the ends of lines, and nothing else does that counts lines.
_BREAKS = dict.fromkeys(map(ord, "\x85\u2028\u2029"), " ")

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is its spelling without quotes."""

    value: Atom
    text: str
    place: Place
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A list."""

    items: tuple[Value, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with its value; `place` is that of the key."""

    key: str
    place: Place
    value: Value


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping, in the order in which it is written."""

    entries: tuple[Entry, ...]
    place: Place


Value = Scalar | Series | Record


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where the YAML stands in its file, from 1; the column counts for its first line only."""

    line: int
    column: int

    def place(self, start: yaml.Mark, end: yaml.Mark | None = None) -> Place:
        shift = self.column if start.line == 0 else 1
        length = end.column - start.column if end is not None and end.line == start.line else 1
        return Place(start.line + self.line, start.column + shift, max(1, length))


def parse(text: str, complaints: Complaints, *, line: int = 1, column: int = 1) -> Value | None:
    """Read YAML that begins at `line` and `column` of the file; None if it is empty or broken."""
    origin = _Origin(line, column)
    try:
        loader = yaml.CSafeLoader(text.translate(_BREAKS))
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
        return None if root is None else _Reader(origin, complaints).value(root)
    except RecursionError:
        complaints.add("SP101", "broken YAML: nested too deeply", Place(line, column), label="somewhere from here on")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _inside(text, origin, mark) if mark is not None else Place(line, column)
        said = f"broken YAML: {error.problem or error.context}"
        complaints.add("SP101", said, place, label="here", help=_remedy(said, text, mark))
    except yaml.YAMLError as error:
        at = int(getattr(error, "position", 0))
        before = text[:at]
        down, across = before.count("\n"), at - (before.rfind("\n") + 1)
        place = Place(down + line, across + (column if down == 0 else 1))
        complaints.add("SP101", "broken YAML: a character that is not allowed", place, label="this character")
    return None


def _remedy(said: str, text: str, mark: yaml.Mark | None) -> str:
    """What mends the mistakes that are made most."""
    found = text.split("\n")[mark.line][mark.column : mark.column + 1] if mark and mark.line <= text.count("\n") else ""
    if "cannot start any token" in said:
        return "indent with blanks: YAML knows no tabs" if found == "\t" else "put the value in quotes"
    if "alphabetic or numeric character" in said:
        return "put the value in quotes: `*` and `&` mean something else at the beginning of a value"
    if "mapping values are not allowed" in said:
        return "put a value that holds a colon in quotes, and begin each key on a line of its own"
    if "expected ',' or" in said:
        return "a bracket is never closed, or a comma is missing"
    if "block mapping" in said or "block collection" in said:
        return "keys that belong together begin in the same column"
    return ""


def _inside(text: str, origin: _Origin, mark: yaml.Mark) -> Place:
    """The place of a mark; one past the last line that says something is moved to its end."""
    lines = text.rstrip().split("\n")
    if mark.line < len(lines):
        return origin.place(mark)
    last = len(lines) - 1
    shift = origin.column if last == 0 else 1
    return Place(last + origin.line, max(0, len(lines[-1]) - 1) + shift)


class _Reader:
    """Turns the nodes of one document into values, each shared node once."""

    def __init__(self, origin: _Origin, complaints: Complaints) -> None:
        self._origin = origin
        self._complaints = complaints
        self._known: dict[int, Value | None] = {}

    def value(self, node: yaml.Node) -> Value:
        place = self._origin.place(node.start_mark, node.end_mark)
        if id(node) in self._known:
            known = self._known[id(node)]
            if known is None:
                self._complaints.add("SP101", "broken YAML: an alias holds itself", place, label="inside of itself")
                return Scalar(None, "", place)
            return known
        self._known[id(node)] = None
        self._known[id(node)] = found = self._read(node, place)
        return found

    def _read(self, node: yaml.Node, place: Place) -> Value:
        match node:
            case yaml.MappingNode():
                return Record(tuple(self._entries(node)), place)
            case yaml.SequenceNode():
                return Series(tuple(self.value(each) for each in node.value), place)
            case _:
                assert isinstance(node, yaml.ScalarNode)
                text = str(node.value)
                return Scalar(text if node.style else atom(text), text, place)

    def _entries(self, node: yaml.MappingNode) -> Iterator[Entry]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            place = self._origin.place(key.start_mark, key.end_mark)
            if not isinstance(key, yaml.ScalarNode):
                self._complaints.add("SP101", "broken YAML: a key has to be a single word", place, label="this key")
                continue
            if key.value in seen:
                said = f"`{key.value}` is given twice"
                self._complaints.add("SP101", said, place, label="again", help=f"first on line {seen[key.value]}")
                continue
            seen[key.value] = place.line
            yield Entry(key.value, place, self.value(value))


def atom(text: str) -> Atom:
    """What a word without quotes stands for.

    >>> atom("12"), atom("1.5"), atom("true"), atom("no"), atom("2024-01-31")
    (12, 1.5, True, 'no', '2024-01-31')
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def plain(value: Value) -> object:
    """The value as the plain objects that JSON knows."""
    match value:
        case Scalar():
            return value.value
        case Series():
            return [plain(each) for each in value.items]
        case Record():
            return {each.key: plain(each.value) for each in value.entries}
