"""The door to sources: a connection's type is the name of the module that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from sqlpipe.source.contract import Reader

TYPES = ("sqlite",)


def open_reader(name: str, settings: Mapping[str, object]) -> Reader:
    """Open a connection of profiles.yml for reading; its driver is imported only now."""
    module = import_module(f"sqlpipe.source.{settings['type']}")
    return cast("Reader", module.open_reader(name, settings))
