"""Pages as a server shows them: each as HTML for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sqlpipe.web.hypertext import hypertext, refused, seen_by
from sqlpipe.web.page import Page, render
from sqlpipe.web.pages.every import PAGES
from sqlpipe.web.route import Ask, House, Route

if TYPE_CHECKING:
    from starlette.responses import Response


def routes(pages: Sequence[Page] = PAGES) -> Iterator[Route]:
    """Two routes for each page; those of twins come first, for names may have dots."""
    for page in pages:
        yield Route(
            method="GET",
            path=page.twin,
            says=page.says,
            answer=partial(_told, page),
            within=page.within,
            query=page.query,
            rest=page.rest,
            access=page.access,
        )
    for page in pages:
        yield Route(
            method="GET",
            path=page.path,
            says=f"{page.says} For people.",
            answer=partial(_shown, page),
            within=page.within,
            query=page.query,
            rest=page.rest,
            access=page.access,
            media="text/html",
            refuse=refused,
        )


def _told(page: Page, house: House, ask: Ask) -> object:
    return page.view(seen_by(house, ask.headers, ask.here), ask.values)


def _shown(page: Page, house: House, ask: Ask) -> Response:
    scene = seen_by(house, ask.headers, ask.here)
    return hypertext(render(page, scene, page.view(scene, ask.values)))
