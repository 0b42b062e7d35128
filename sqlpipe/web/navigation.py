"""Navigation: the places of a project that its pages lead to, and which of them one is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.project import CheckQuery, Ingest, Source
from sqlpipe.web.scene import Scene


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in the navigation: what it is called, where it is, and whether the page is part of it."""

    label: str
    address: str
    current: bool


def navigation(scene: Scene, place: str) -> tuple[Entry, ...]:
    """The places that there are, without those for which the project has nothing to show."""
    return tuple(
        Entry(label, scene.links.page(name), label == place)
        for label, name, is_there in _PLACES
        if scene.links.knows(name) and is_there(scene)
    )


def _always(_scene: Scene) -> bool:
    return True


def _is_checked(scene: Scene) -> bool:
    return any(each.checks or isinstance(each.kind, CheckQuery) for each in scene.workspace.graph.nodes.values())


def _has_sources(scene: Scene) -> bool:
    return any(isinstance(kind, Ingest | Source) for kind in _kinds(scene))


def _has_pipelines(scene: Scene) -> bool:
    return bool(scene.workspace.project.orchestration.pipelines)


def _has_dashboards(scene: Scene) -> bool:
    return any(isinstance(kind, Dashboard) for kind in _kinds(scene))


def _is_asked(scene: Scene) -> bool:
    return scene.live and scene.role != "public"


def _kinds(scene: Scene) -> Iterator[object]:
    return (each.kind for each in scene.workspace.graph.nodes.values())


# The place, the page that opens it, and when it is there.
_PLACES: tuple[tuple[str, str, Callable[[Scene], bool]], ...] = (
    ("Today", "today", _always),
    ("Graph", "graph", _always),
    ("Catalog", "catalog", _always),
    ("Runs", "runs", _always),
    ("Checks", "checks", _is_checked),
    ("Sources", "sources", _has_sources),
    ("Schedule", "schedule", _has_pipelines),
    ("Dashboards", "dashboards", _has_dashboards),
    ("Query", "query", _is_asked),
)
