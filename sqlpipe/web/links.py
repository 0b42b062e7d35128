"""Addresses of pages as a server has them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from sqlpipe.web.assets import edition
from sqlpipe.web.page import Page


class ServedLinks:
    """The addresses of a server's pages, seen from one of them."""

    def __init__(self, pages: dict[str, Page], here: str = "/") -> None:
        self._pages = pages
        self._here = here

    def page(self, name: str, **values: Any) -> str:
        """The address of a page."""
        page = self._pages[name]
        path = page.path
        rest = dict(values)
        for word in page.within:
            path = path.replace(f"{{{word.name}}}", quote(str(rest.pop(word.name)), safe=""))
        asked = urlencode({key: value for key, value in rest.items() if value not in (None, "")})
        return f"{path}?{asked}" if asked else path

    def twin(self) -> str:
        """The address of the page as JSON, with what was asked of it."""
        path, mark, asked = self._here.partition("?")
        return f"{'/index' if path == '/' else path}.json{mark}{asked}"

    def data(self, name: str, **values: Any) -> str:
        """The address of a page as JSON."""
        path, mark, asked = self.page(name, **values).partition("?")
        return f"{'/index' if path == '/' else path}.json{mark}{asked}"

    def knows(self, name: str) -> bool:
        """Whether there is a page of that name."""
        return name in self._pages

    def static(self, file: str) -> str:
        """The address of a file that comes with sqlpipe; browsers keep it until it changes."""
        return f"/static/{file}?v={edition(file)}"
