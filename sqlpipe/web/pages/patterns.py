"""Every part that pages are put together from, once: the style guide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlpipe.domain.diagnostic import Diagnostic, Place, Severity, Span
from sqlpipe.web.page import Page
from sqlpipe.web.scene import Scene
from sqlpipe.web.words import GLYPHS, SIGNS


@dataclass(frozen=True, slots=True)
class Patterns:
    """The states and kinds that there are, and examples of what is told of them."""

    states: tuple[str, ...]
    kinds: tuple[str, ...]
    moment: datetime
    error: Diagnostic
    warning: Diagnostic


def _patterns(scene: Scene, _words: Mapping[str, Any]) -> Patterns:
    return Patterns(tuple(SIGNS), tuple(GLYPHS), scene.now - timedelta(hours=3), _ERROR, _WARNING)


_ERROR = Diagnostic(
    code="SP201",
    message="unknown column `amont`",
    span=Span("models/marts/revenue.sql", Place(3, 12, 5)),
    help="did you mean `amount`?",
)
_WARNING = Diagnostic(
    code="SP402", message="2 of 1,024 rows have no customer", help="the rows are kept", severity=Severity.WARNING
)

PAGES = (Page(name="patterns", path="/patterns", says="Every part of the pages once.", view=_patterns),)
