"""Search: everything that has a page, with the words by which it is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlpipe.app.recorded import history
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.project import Node
from sqlpipe.load.secret import hide
from sqlpipe.web.navigation import navigation
from sqlpipe.web.page import Page
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word
from sqlpipe.web.words import glyph

_RUNS = 50
# Longer texts are for the pages themselves.
_SAYS = 120
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Found:
    """Something that has a page."""

    kind: str
    glyph: str
    name: str
    address: str
    says: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """What is found by the words that were asked for, or everything; `shown` is how many of it the page has."""

    words: str
    entries: tuple[Found, ...]
    shown: int = _SHOWN


def _search(scene: Scene, words: Mapping[str, Any]) -> Search:
    asked = str(words["q"] or "")
    return Search(asked, tuple(each for each in _everything(scene) if _is_meant(each, asked)))


def _everything(scene: Scene) -> Iterator[Found]:
    links = scene.links
    for place in navigation(scene, ""):
        yield Found("page", "▢", place.label, place.address)
    for pipeline in scene.workspace.project.orchestration.pipelines:
        if links.knows("schedule"):
            yield Found("pipeline", "↻", pipeline.name, links.page("schedule"), _said(pipeline.description))
    for node in scene.workspace.graph.nodes.values():
        yield _node(scene, node)
    if links.knows("run"):
        for run in history(scene.workspace, limit=_RUNS):
            told = " ".join(each for each in (run.pipeline, run.state.value, f"{run.created:%Y-%m-%d %H:%M}") if each)
            yield Found("run", "▷", run.id, links.page("run", run=run.id), told)


def _node(scene: Scene, node: Node) -> Found:
    name, says = str(node.name), _said(node.description)
    if isinstance(node.kind, Dashboard) and scene.links.knows("dashboard"):
        return Found("dashboard", glyph("dashboard"), name, scene.links.page("dashboard", dashboard=node.key), says)
    columns = tuple(each[0] for each in scene.survey.columns.get(node.key, ()))
    named = columns or tuple(each.name for each in node.columns)
    return Found(node.kind_name, glyph(node.kind_name), name, scene.links.page("node", node=node.key), says, named)


def _said(text: str) -> str:
    return hide(text)[:_SAYS]


def _is_meant(found: Found, asked: str) -> bool:
    """Whether each of the words is in its name, its columns or what is said of it."""
    text = "\n".join((found.name, found.says, *found.columns)).casefold()
    return all(word in text for word in asked.casefold().split())


PAGES = (
    Page(
        name="search",
        path="/search",
        says="Everything that has a page.",
        view=_search,
        query=(Word("q", "Words, each of which is in the name, the columns or the description.", default=""),),
    ),
)
