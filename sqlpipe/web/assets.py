"""Files that come with sqlpipe for its pages: style, scripts and signs."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


def assets() -> Traversable:
    """The folder in which they are."""
    return files("sqlpipe.web").joinpath("static")


@cache
def edition(file: str) -> str:
    """A word that changes with the content of a file, so that browsers may keep what they have of it."""
    return hashlib.sha256(assets().joinpath(file).read_bytes()).hexdigest()[:12]
