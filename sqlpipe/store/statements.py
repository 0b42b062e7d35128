"""Named SQL statements, read from the `.sql` files beside the modules that run them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def statements(name: str) -> Mapping[str, str]:
    """The statements of NAME.sql by the headings `-- heading` above them, without the final semicolon."""
    text = Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")
    named = (block.partition("\n") for block in f"\n{text}".split("\n-- ")[1:])
    return {heading.strip(): body.strip().removesuffix(";") for heading, _, body in named}
