"""Addresses of pages as files: relative to one another, so that they may lie anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from sqlpipe.web.page import Page

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
# Windows takes these for devices, whatever ending follows.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{each}" for name in ("com", "lpt") for each in "0123456789")}
_LONGEST = 120

Edition = tuple[str, frozenset[tuple[str, str]]]


def file_name(text: str) -> str:
    """A name that every file system takes, another one for every text.

    >>> file_name("marts.daily_delays"), file_name("marts.Größe/1"), file_name("con.x")
    ('marts.daily_delays', 'marts.~47r~c3~b6~c3~9fe~2f1', '~63on.x')
    """
    found = "".join(each if each in _PLAIN else "".join(f"~{byte:02x}" for byte in each.encode()) for each in text)
    if found.partition(".")[0] in _DEVICES or found.startswith("."):
        found = f"~{ord(found[0]):02x}{found[1:]}"
    if found.endswith("."):
        found = f"{found[:-1]}~2e"
    if len(found) > _LONGEST:
        found = f"{found[:_LONGEST]}~~{blake2b(text.encode(), digest_size=8).hexdigest()}"
    return found or "~"


def edition(name: str, words: Mapping[str, Any]) -> Edition:
    """A page with the words that it is made for."""
    return name, frozenset((key, str(value)) for key, value in words.items() if value not in (None, ""))


class SiteFiles:
    """Which file each edition of a page becomes."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._files: dict[Edition, PurePosixPath] = {}
        self._names: dict[str, bool] = {}

    def add(self, page: Page, words: Mapping[str, Any]) -> PurePosixPath:
        """Have an edition of a page become a file, which is told, without an ending."""
        path = PurePosixPath(*self._parts(page, dict(words)))
        self._files[edition(page.name, words)] = path
        self._names[page.name] = True
        return path

    def _parts(self, page: Page, words: dict[str, Any]) -> Iterator[str]:
        if page.path == "/":
            yield "index"
            return
        *folders, last = page.path.strip("/").split("/")
        yield from folders
        for word in page.within:
            last = last.replace(f"{{{word.name}}}", file_name(str(words.pop(word.name))))
        rest = sorted((key, str(value)) for key, value in words.items() if value not in (None, ""))
        if rest:
            yield last
            yield "~".join(file_name(f"{key}-{value}") for key, value in rest)
        else:
            yield last

    def find(self, name: str, words: Mapping[str, Any]) -> PurePosixPath | None:
        """The file of an edition, or of the page without what is only asked of a server; None where there is none."""
        found = self._files.get(edition(name, words))
        if found is not None:
            return found
        within = {each.name for each in self._pages[name].within} if name in self._pages else set()
        return self._files.get(edition(name, {key: value for key, value in words.items() if key in within}))

    def has(self, name: str) -> bool:
        """Whether there is a file of a page."""
        return name in self._names


class SiteLinks:
    """The addresses of a site's files, seen from one of them; what the site leaves out leads to where lists are."""

    def __init__(self, files: SiteFiles, here: PurePosixPath) -> None:
        self._files = files
        self._here = here
        self._up = "../" * (len(here.parts) - 1)

    def page(self, name: str, **values: Any) -> str:
        """The address of a page."""
        return self._address(name, values, ".html")

    def data(self, name: str, **values: Any) -> str:
        """The address of a page as JSON."""
        return self._address(name, values, ".json")

    def _address(self, name: str, values: Mapping[str, Any], ending: str) -> str:
        instead = {"run": "runs", "dashboard": "dashboards", "node": "catalog"}.get(name, "today")
        path = self._files.find(name, values) or self._files.find(instead, {}) or PurePosixPath("index")
        return f"{self._up}{quote(str(path))}{ending}"

    def twin(self) -> str:
        """The address of the page being made, as JSON."""
        return f"{quote(self._here.name)}.json"

    def knows(self, name: str) -> bool:
        """Whether there is a page of that name."""
        return self._files.has(name)

    def static(self, file: str) -> str:
        """The address of a file that comes with sqlpipe."""
        return f"{self._up}static/{file}"
