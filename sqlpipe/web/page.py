"""Pages: each is a function that makes a value, which a template shows and a twin spells out as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sqlpipe import __version__
from sqlpipe.load.secret import hide
from sqlpipe.web import words
from sqlpipe.web.access import Access
from sqlpipe.web.navigation import navigation
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: `view` makes a frozen value out of the scene and the words of the address, `name`.html shows it.

    `place` is the entry of the navigation to which it belongs; `rest` is as for a route. A static site has every page
    but those that are `only_live`, made for the defaults of its query and for each of its `editions`.
    """

    name: str
    path: str
    says: str
    view: Callable[[Scene, Mapping[str, Any]], object]
    place: str = ""
    within: tuple[Word, ...] = ()
    query: tuple[Word, ...] = ()
    rest: str = ""
    only_live: bool = False
    access: Access = Access.READ
    editions: Callable[[Scene], Sequence[Mapping[str, Any]]] = lambda _scene: ()

    @property
    def twin(self) -> str:
        """The path under which the value is told as JSON."""
        return "/index.json" if self.path == "/" else f"{self.path}.json"


def render(page: Page, scene: Scene, view: object) -> str:
    """The page as HTML; everything from the project or its data is escaped, and secrets are hidden."""
    template = environment().get_template(f"{page.name}.html")
    places = partial(navigation, scene, page.place)
    return hide(template.render(page=page, scene=scene, view=view, links=scene.links, navigation=places))


@cache
def environment() -> Environment:
    """The templates, with the words and signs that they use."""
    found = Environment(
        loader=PackageLoader("sqlpipe.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters.update(words.FILTERS)
    found.globals.update(words.GLOBALS)
    found.globals["version"] = __version__
    return found
