"""Elements of HTML and SVG made in Python, every text in them escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from markupsafe import Markup, escape


def element(name: str, attributes: Mapping[str, object], *inside: str) -> Markup:
    """An element; attributes without a value (empty or None) are left out, what is inside is escaped unless markup.

    >>> element("td", {"class": "bad", "title": ""}, "<b>")
    Markup('<td class="bad">&lt;b&gt;</td>')
    """
    told = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items() if value not in ("", None))
    return Markup(f"<{name}{told}>{together(inside)}</{name}>")  # noqa: S704 - everything in it has been escaped


def together(pieces: Iterable[str]) -> Markup:
    """Pieces one after the other."""
    return Markup().join(pieces)
