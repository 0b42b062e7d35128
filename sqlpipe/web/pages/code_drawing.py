"""Code as HTML: a class for each sort of word, and links where it names tables."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup, escape

from sqlpipe.app.reading_matter import SourceText
from sqlpipe.web.element import element, together
from sqlpipe.web.scene import Scene

# The classes of words; all others look like text.
_CLASSES = {
    "keyword": "word",
    "string": "string",
    "number": "figure",
    "placeholder": "figure",
    "template": "figure",
    "comment": "comment",
}


def code(scene: Scene, text: SourceText) -> Markup:
    """The text of a node with its words in their colours."""
    return element("pre", {"class": "code", "tabindex": 0}, element("code", {}, together(_words(scene, text))))


def _words(scene: Scene, source: SourceText) -> Iterator[Markup]:
    for word in source.words:
        said = source.text[word.start : word.end]
        if word.link:
            yield element("a", {"href": scene.links.page("node", node=word.link)}, said)
        elif word.kind in _CLASSES:
            yield element("span", {"class": _CLASSES[word.kind]}, said)
        else:
            yield escape(said)
