"""Markdown of a project as HTML: no HTML of its own, no pictures, and links that lead nowhere unexpected."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ALLOWED = ("http://", "https://", "mailto:")


def prose(text: str) -> Markup:
    """The text as HTML; its headings begin below that of the page."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, max(2, int(token.tag[1:])))}"
        _seal(token.children or ())
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - HTML in the text is escaped


def _seal(tokens: Sequence[Token]) -> None:
    """Let links to elsewhere tell that place nothing."""
    for token in tokens:
        if token.type == "link_open" and _SCHEME.match(str(token.attrs.get("href", ""))):
            token.attrs["rel"] = "noopener noreferrer"


@cache
def _markdown() -> MarkdownIt:
    return _Sealed("commonmark", {"html": False}).enable("table").disable("image")


class _Sealed(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 - the name that markdown-it calls
        """Whether a link may be one: to pages of this place, to others, and to people."""
        # Browsers drop white space and controls before they look for a scheme.
        plain = re.sub(r"[\x00-\x20]", "", url).replace("\\", "/").casefold()
        return not plain.startswith("//") and (_SCHEME.match(plain) is None or plain.startswith(_ALLOWED))
