"""The files of pages as a server hands them out: browsers keep those whose address names their content."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.staticfiles import StaticFiles

from sqlpipe.web.assets import edition

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Scope

# What Windows takes these for is a matter of its registry.
_MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Storeroom(StaticFiles):
    """Hands out the files of pages."""

    def __init__(self) -> None:
        super().__init__(packages=[("sqlpipe.web", "static")])

    def file_response(self, full_path: Any, stat_result: Any, scope: Scope, status_code: int = 200) -> Response:
        """A file, with how long a browser may keep it."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        path = PurePath(full_path)
        named = parse_qs(scope["query_string"].decode("latin-1")).get("v", [""])[0]
        lasts = path.parent.name == "static" and named == edition(path.name)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasts else "no-cache"
        if path.suffix in _MEDIA:
            response.headers["Content-Type"] = _MEDIA[path.suffix]
        return response
