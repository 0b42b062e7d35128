"""The environment of a project: the shell's variables, and those of its .env file where the shell is silent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*")
_COMMENT = re.compile(r"\s+#.*")


def read_environment(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the project's .env file and of the shell, which wins."""
    try:
        text = (root / ".env").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return dict(environ)
    return {**parse_environment(text), **environ}


def parse_environment(text: str) -> dict[str, str]:
    r"""The variables of a .env file; other lines are passed over.

    >>> parse_environment("export USER=ann  # me\nPASSWORD='a # b'")
    {'USER': 'ann', 'PASSWORD': 'a # b'}
    """
    found = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match:
            found[match[1]] = _value(match[2])
    return found


def _value(written: str) -> str:
    for quote in ("'", '"'):
        if written.startswith(quote):
            end = written.find(quote, 1)
            if end > 0:
                return written[1:end]
    return "" if written.startswith("#") else _COMMENT.sub("", written)
