"""The matrix of checks and days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from markupsafe import Markup

from sqlpipe.app.surveying import CheckDay
from sqlpipe.web.element import element
from sqlpipe.web.pages.strip_drawing import told
from sqlpipe.web.words import sign

if TYPE_CHECKING:
    from sqlpipe.web.scene import Scene

_NOTHING = Markup("<td></td>")


class Checked(Protocol):
    """A check of a node with the days on which it looked."""

    @property
    def node(self) -> str:
        """The key of the node."""
        ...

    @property
    def name(self) -> str:
        """The name of the check."""
        ...

    @property
    def severity(self) -> str:
        """How strict it is."""
        ...

    @property
    def days(self) -> tuple[CheckDay, ...]:
        """How it ended on each day."""
        ...


def drawn(scene: Scene, lines: Sequence[Checked], days: Sequence[date]) -> Markup:
    """A table with a row for each check and a column for each day, the latest on the right."""
    months = [element("td", {"colspan": 2})]
    months += [
        element("th", {"scope": "colgroup", "colspan": len(found)}, f"{month:%b}" if len(found) > 1 else "")
        for month, found in _by_month(days)
    ]
    heads = [element("th", {"scope": "col"}, "Node"), element("th", {"scope": "col"}, "Check")]
    heads += [element("th", {"scope": "col", "title": each}, f"{each:%d}") for each in days]
    head = element("thead", {}, element("tr", {}, *months), element("tr", {}, *heads))
    body = element("tbody", {}, *(_row(scene, each, days) for each in lines))
    caption = element("caption", {"class": "hush"}, "How each check ended on each day, the latest on the right")
    return element("table", {"class": "grid matrix"}, caption, head, body)


def _by_month(days: Sequence[date]) -> Iterator[tuple[date, list[date]]]:
    for month, found in groupby(days, lambda day: day.replace(day=1)):
        yield month, list(found)


def _row(scene: Scene, line: Checked, days: Sequence[date]) -> Markup:
    name = str(scene.workspace.graph.nodes[line.node].name)
    address = scene.links.page("node", node=line.node)
    known = {each.day: each for each in line.days}
    return element(
        "tr",
        {},
        element("th", {"scope": "row"}, element("a", {"class": "node", "href": address}, name)),
        element("td", {"class": "name"}, element("a", {"href": f"{address}#checks", "title": line.name}, line.name)),
        *(_cell(known.get(day), line.severity) for day in days),
    )


def _cell(day: CheckDay | None, severity: str) -> Markup:
    if day is None:
        return _NOTHING
    it = sign("passed" if not day.failures else "failed" if severity == "error" else "warned")
    said = told(day)
    return element("td", {"class": it.tone, "title": said, "aria-label": said}, it.symbol)
