"""Values put into scripts and SQL in place of markers, each as the place where it stands needs it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlpipe.domain.names import literal
from sqlpipe.sql.statements import QUOTED, end_of_comment


def marker(number: object) -> str:
    """What stands for the value of this number; a zero character occurs in no text of a project."""
    return f"\0{number}\0"


_MARKER = re.compile("\0(\\d+)\0")
_SHELL = re.compile(
    r"""
    \\. | <<< | (?P<single>') | (?P<double>") | (?P<comment>(?:(?<=[\s;(&|])|\A)\#[^\n]*)
    | (?P<document><<-?[ \t]*(?:(?P<quote>['"])(?P<end>[^'"\n]+)(?P=quote)|(?P<bare>\\?\w+)))
    | (?P<command>\$\() | (?P<open>\() | (?P<close>\)) | (?P<newline>\n) | (?P<value>\0\d+\0)
    """,
    re.VERBOSE | re.DOTALL,
)
_SQL = re.compile(
    rf"""
    {QUOTED} | (?P<glued>(?<=[\w\0'"])\0\d+\0|\0\d+\0(?=[\w\0'"])) | (?P<value>\0\d+\0)
    """,
    re.VERBOSE | re.DOTALL,
)
_DOUBLED = {"escaped": "\\'", "string": "'", "name": '"'}


def into_shell(script: str, values: Sequence[object]) -> tuple[str, dict[str, str]]:
    """The script with references to variables in place of markers, and these variables.

    Single quotes, in which a shell expands nothing, are left for as long as it takes. Raises ValueError where no
    reference can stand.
    """
    environ = {f"SQLPIPE_VALUE_{number}": as_text(value) for number, value in enumerate(values)}
    if any("\0" in each for each in environ.values()):
        raise ValueError("a value has a zero character, which no script can be given")
    return "".join(_Script(script).parts()), environ


class _Script:
    """Reads a script just far enough to know where it stands within quotes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        # For each `$(` that is open: whether double quotes are, and how many brackets.
        self._open = [(False, 0)]
        self._documents: list[re.Match[str]] = []

    def parts(self) -> Iterator[str]:
        """The pieces of the finished script."""
        while found := _SHELL.search(self._text, self._at):
            yield _refer(self._text[self._at : found.start()])
            self._at = found.end()
            doubly, _ = self._open[-1]
            if found.lastgroup == "newline":
                yield from self._bodies()
            elif found.lastgroup == "single" and not doubly:
                yield self._singly_quoted()
            elif found.lastgroup == "value" and not doubly:
                # Outside of quotes a shell would cut the value into words and take `*` in it for file names.
                yield f'"{_refer(found[0])}"'
            else:
                self._take(found)
                yield _refer(self._text[found.start() : self._at])
        yield self._text[self._at :]

    def _take(self, found: re.Match[str]) -> None:
        doubly, brackets = self._open[-1]
        match found.lastgroup:
            case "double":
                self._open[-1] = (not doubly, brackets)
            case "command":
                self._open.append((False, 0))
            case "single" | "comment" | "document" if doubly:
                self._at = found.start() + 1
            case "document":
                self._documents.append(found)
            case "open" if not doubly:
                self._open[-1] = (doubly, brackets + 1)
            case "close" if brackets and not doubly:
                self._open[-1] = (doubly, brackets - 1)
            case "close" if len(self._open) > 1 and not doubly:
                self._open.pop()

    def _singly_quoted(self) -> str:
        end = self._text.find("'", self._at)
        end = end if end >= 0 else len(self._text) - 1
        quoted, self._at = self._text[self._at : end + 1], end + 1
        return "'" + _MARKER.sub(r"""'"${SQLPIPE_VALUE_\1}"'""", quoted)

    def _bodies(self) -> Iterator[str]:
        """The here-documents that begin on the line after the one that names them."""
        yield "\n"
        for each in self._documents:
            word = each["end"] or each["bare"].removeprefix("\\")
            end = re.compile(rf"^\t*{re.escape(word)}$", re.MULTILINE).search(self._text, self._at)
            if end is None:
                continue  # `<<` was not the sign of one
            body, self._at = self._text[self._at : end.end()], end.end()
            if word != each["bare"] and _MARKER.search(body):
                raise ValueError(f"a value stands in the here-document `{each[0]}`, in which nothing is expanded")
            yield _refer(body)
        self._documents.clear()


def _refer(text: str) -> str:
    return _MARKER.sub(r"${SQLPIPE_VALUE_\1}", text)


def into_sql(sql: str, values: Sequence[object]) -> str:
    """The SQL with literals in place of markers, or with quoted text where a marker stands within quotes.

    Raises ValueError where neither can be done.
    """
    return "".join(_sql_parts(sql, values))


def _sql_parts(sql: str, values: Sequence[object]) -> Iterator[str]:
    at = 0
    while found := _SQL.search(sql, at):
        yield sql[at : found.start()]
        at = found.end()
        if found.lastgroup == "comment":
            at = end_of_comment(sql, at)
            yield _MARKER.sub("…", sql[found.start() : at])
        else:
            yield _sql_part(found, values)
    yield sql[at:]


def _sql_part(found: re.Match[str], values: Sequence[object]) -> str:
    text = found[0]
    match found.lastgroup:
        case "value":
            return sql_literal(values[int(text.strip("\0"))])
        case "escaped" | "string" | "name" as kind:
            return _within(text, values, _DOUBLED[kind])
        case "line":
            return re.sub(r"[\r\n]+", " ", _within(text, values, ""))
        case "glued":
            raise ValueError("a value is glued to a word: put it in quotes, or use `| raw` for a part of a name")
        case _ if _MARKER.search(text):
            raise ValueError("a value stands in a dollar-quoted string: use single quotes there")
        case _:
            return text


def _within(text: str, values: Sequence[object], doubled: str) -> str:
    """The quoted text with the values as text in it, these characters of theirs doubled."""

    def said(match: re.Match[str]) -> str:
        return "".join(each * 2 if each in doubled else each for each in as_text(values[int(match[1])]))

    return _MARKER.sub(said, text)


def sql_literal(value: object) -> str:
    """A value as SQL reads it; mappings are JSON in a string.

    >>> sql_literal(["it's", -1, None])
    "['it''s', (-1), null]"
    """
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case float() if not math.isfinite(value):
            return f"cast('{value}' as double)"
        case int() | float() | Decimal():
            return f"({value})" if value < 0 else str(value)
        case datetime():
            kind = "timestamp" if value.tzinfo is None else "timestamptz"
            return f"{kind} '{value.isoformat(' ')}'"
        case date():
            return f"date '{value.isoformat()}'"
        case list() | tuple():
            return f"[{', '.join(map(sql_literal, value))}]"
        case _:
            return literal(as_text(value))


def as_text(value: object) -> str:
    """A value as text: nothing for null, JSON for lists and mappings, ISO 8601 for times."""
    match value:
        case str():
            return "".join(value)
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case Mapping() | list() | tuple():
            return json.dumps(_plain(value), ensure_ascii=False, default=as_text)
        case _:
            return str(value)


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value
