"""The scene: what a page is made from, whether a server shows it or it becomes a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlpipe.app.surveying import Survey
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import Diagnostic


class Links(Protocol):
    """Where pages are found from the page that is being made."""

    def page(self, name: str, **values: Any) -> str:
        """The address of the page of that name (`node`, with node=…); what is no word of its path is its query."""
        ...

    def twin(self) -> str:
        """The address of the page being made, as JSON."""
        ...

    def data(self, name: str, **values: Any) -> str:
        """The address of the page of that name as JSON."""
        ...

    def knows(self, name: str) -> bool:
        """Whether there is a page of that name."""
        ...

    def static(self, file: str) -> str:
        """The address of a file that comes with sqlpipe."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a page is made from.

    `now` is aware, in UTC. `live` says that a server shows the page, so that it can ask for more; `may_act` that who
    looks at it may change something, and `role` who that is: `public`, `viewer` or `operator`. `signed_in` tells
    whether by a session; it is None where there are none. `problems` are what is wrong with the project as it is
    written now, where it is shown as it was before.
    """

    workspace: Workspace
    survey: Survey
    now: datetime
    links: Links
    live: bool = True
    may_act: bool = False
    role: str = "viewer"
    signed_in: bool | None = None
    problems: tuple[Diagnostic, ...] = ()
