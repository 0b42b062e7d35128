"""Facts as a script leaves them: a file with `name=value` lines, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.task import Mishap
from sqlpipe.run.turn import Mischance

MOST = 64 * 1024
_LINE = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*=(.*)")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")


def read_facts(path: Path, node: str) -> dict[str, object]:
    """The facts in a file, none if it is not there; what is said last of a name counts.

    Raises Mischance (SP631, permanent) for a file that is too large or is neither JSON nor lines `name=value`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _mischance(f"the facts of {node} cannot be read: {error.strerror or error}") from error
    if len(data) > MOST:
        raise _too_many(node)
    try:
        return parse_facts(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _mischance(f"the facts of {node} are not text in UTF-8") from error
    except ValueError as error:
        raise _mischance(f"the facts of {node}: {error}") from error


def parse_facts(text: str) -> dict[str, object]:
    r"""The facts of a text: a JSON object, or lines of `name=value` or JSON objects.

    >>> parse_facts('path=in/a.csv\nrows=3\ncode=007\n{"rows": 4}')
    {'path': 'in/a.csv', 'rows': 4, 'code': '007'}
    """
    if text.lstrip().startswith("{"):
        try:
            whole = json.loads(text)
        except ValueError:
            pass
        else:
            return dict(whole)
    facts: dict[str, object] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("{"):
            facts |= _object(line, number)
        elif found := _LINE.fullmatch(line):
            facts[found[1]] = _value(found[2].strip())
        elif line.strip():
            raise ValueError(f"line {number} is neither `name=value` nor JSON: `{line.strip()[:60]}`")
    return facts


def _object(line: str, number: int) -> dict[str, object]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {number} is not JSON: {error}") from error
    assert isinstance(found, dict)
    return found


def _value(text: str) -> object:
    """A number only where that reads the same again: `007` and `1.10` are names of something."""
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        if str(float(text)) == text and text[-1:].isdigit():
            return float(text)
    except ValueError:
        pass
    if text in {"true", "false", "null"} or text[:1] in {"[", "{", '"'}:
        try:
            found: object = json.loads(text)
        except ValueError:
            return text
        return found
    return text


def bounded(facts: Mapping[str, object], node: str) -> Mapping[str, object]:
    """The facts, unless they are too large to be kept and handed on; raises Mischance (SP631, permanent)."""
    if len(json.dumps(facts, default=str)) > MOST:
        raise _too_many(node)
    return facts


def _too_many(node: str) -> Mischance:
    help = "write the rows to a file or a table, and its name into the facts"
    return _mischance(f"the facts of {node} are larger than {MOST // 1024} KiB", help)


def _mischance(message: str, help: str = "") -> Mischance:
    help = help or "write lines such as `rows=3`, or one JSON object, into the file that `$SQLPIPE_FACTS` names"
    return Mischance(Mishap.PERMANENT, Diagnostic(code="SP631", message=message, help=help))
