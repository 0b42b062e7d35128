"""Pages as trees of elements, for tests that ask what is on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_EMPTY = frozenset({"meta", "link", "input", "br", "hr", "img"})
# What a page may lead to or send.
_ADDRESSES = ("href", "src", "action", "hx-get", "data-act")


@dataclass
class Element:
    """An element with what is in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list[Element | str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Element]:
        """This element and all that are in it, from top to bottom."""
        yield self
        for each in self.inside:
            if isinstance(each, Element):
                yield from each

    @property
    def text(self) -> str:
        """What is written in it, with single blanks."""
        return " ".join("".join(each.text_as_is for each in [self]).split())

    @property
    def text_as_is(self) -> str:
        return "".join(each if isinstance(each, str) else each.text_as_is for each in self.inside)

    def all(self, name: str = "", **attributes: str) -> list[Element]:
        """The elements of that name and with these attributes; `class_` is one of several classes."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [each for each in self if name in ("", each.name) and all(_has(each, *item) for item in wanted.items())]

    def one(self, name: str = "", **attributes: str) -> Element:
        """The only element of that name and with these attributes."""
        found = self.all(name, **attributes)
        assert len(found) == 1, (name, attributes, len(found))
        return found[0]


def _has(element: Element, name: str, value: str) -> bool:
    given = element.attributes.get(name)
    return given is not None and (value in given.split() if name == "class" else value == given)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(made)
        if tag not in _EMPTY:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        if tag in _EMPTY:
            return
        closed = self.open.pop()
        assert closed.name == tag, f"<{closed.name}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def tree(html: str) -> Element:
    """The page as a tree; every element has to be closed where it should be."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert len(reader.open) == 1, [each.name for each in reader.open]
    return reader.open[0]


def require_harmless(html: str) -> Element:
    """The tree of a page in which nothing runs, is styled or is led to besides what sqlpipe itself has put there."""
    page = tree(html)
    for each in page:
        assert each.name not in ("style", "iframe", "object", "base"), each.name
        assert not (each.name == "script" and (each.text or not each.attributes.get("src", "").startswith("/static/")))
        for name, value in each.attributes.items():
            assert not name.startswith("on"), (each.name, name)
            assert name != "style", each.name
            assert name not in _ADDRESSES or value.startswith(("/", "#")), (each.name, name, value)
    return page
