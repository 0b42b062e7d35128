"""The door to engines: a target's type is the name of the module that speaks to it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from sqlpipe.engine.contract import Engine

TYPES = ("duckdb",)


def open_engine(settings: Mapping[str, object], *, read_only: bool = False) -> Engine:
    """Open the database of a target; its driver is imported only now."""
    module = import_module(f"sqlpipe.engine.{settings['type']}")
    return cast("Engine", module.open_engine(settings, read_only=read_only))
