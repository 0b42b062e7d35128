"""The door to the journal: a path opens a SQLite file, a `postgresql://` address opens PostgreSQL."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sqlpipe.store.book import Book

_SCHEMES = ("postgresql://", "postgres://")


def open_book(address: str, scope: str = "") -> Book:
    """Open the journal, made on first use; its driver is imported only now.

    On PostgreSQL each scope (project and target) has tables of its own; a file belongs to one scope anyhow.
    """
    kind = "postgres" if address.startswith(_SCHEMES) else "sqlite"
    return cast("Book", import_module(f"sqlpipe.store.{kind}_book").open_book(address, scope))
