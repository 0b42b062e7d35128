"""The catalog: all nodes of a project, or those of a selection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.app.health import checks_of
from sqlpipe.app.node_states import NodeState, is_errand, node_states
from sqlpipe.app.workspace import keys_of
from sqlpipe.domain.diagnostic import Diagnostic, Severity, SqlpipeError
from sqlpipe.domain.project import Node
from sqlpipe.graph.select import Selection
from sqlpipe.web.page import Page
from sqlpipe.web.scene import Scene
from sqlpipe.web.word import Word

_SIZE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A node in the catalog; `failing` are its checks that keep rows back, `warned` those that only tell."""

    key: str
    name: str
    schema: str
    kind: str
    state: NodeState
    rows: int | None
    changed: datetime | None
    description: str
    checks: int
    failing: int
    warned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """One page of the nodes of a selection, by schema and name; `kinds` and `tags` are those of the whole project."""

    entries: tuple[Entry, ...]
    total: int
    of: int
    page: int
    pages: int
    selection: str
    kind: str
    tag: str
    kinds: Mapping[str, int]
    tags: Mapping[str, int]
    problems: tuple[Diagnostic, ...] = ()


def _catalog(scene: Scene, words: Mapping[str, Any]) -> Catalog:
    nodes = scene.workspace.graph.nodes
    found, problems = _chosen(scene, words)
    size = _SIZE if scene.live else max(1, len(found))
    pages = max(1, -(-len(found) // size))
    page = min(words["page"], pages)
    shown = found[(page - 1) * size : page * size]
    states = node_states(scene.workspace, scene.survey, [each.key for each in shown])
    return Catalog(
        entries=tuple(_entry(scene, each, states[each.key]) for each in shown),
        total=len(found),
        of=len(nodes),
        page=page,
        pages=pages,
        selection=words["s"],
        kind=words["kind"],
        tag=words["tag"],
        kinds=dict(sorted(Counter(each.kind_name for each in nodes.values()).items())),
        tags=dict(sorted(Counter(tag for each in nodes.values() for tag in each.tags).items())),
        problems=problems,
    )


def _chosen(scene: Scene, words: Mapping[str, Any]) -> tuple[Sequence[Node], tuple[Diagnostic, ...]]:
    """The nodes of the selection by schema and name; of none, and why, where it cannot be understood."""
    nodes, selected = scene.workspace.graph.nodes, words["s"].strip()
    try:
        keys = keys_of(scene.workspace, Selection((selected,) if selected else ()), set(scene.survey.failed))
    except SqlpipeError as error:
        return (), error.diagnostics
    found = (
        nodes[key]
        for key in keys
        if words["kind"] in ("", nodes[key].kind_name) and (not words["tag"] or words["tag"] in nodes[key].tags)
    )
    return sorted(found, key=lambda node: node.key), ()


def _entry(scene: Scene, node: Node, state: NodeState) -> Entry:
    held = scene.survey.held.get(node.key)
    unmet = [each for each in scene.survey.checks.get(node.key, ()) if not each.passed]
    return Entry(
        key=node.key,
        name=node.name.name,
        schema=node.name.schema,
        kind=node.kind_name,
        state=state,
        rows=scene.survey.sizes.get(node.key),
        changed=held.at if held else state.since if is_errand(node) else None,
        description=node.description,
        checks=len(checks_of(node)),
        failing=sum(1 for each in unmet if each.severity == Severity.ERROR),
        warned=sum(1 for each in unmet if each.severity != Severity.ERROR),
    )


PAGES = (
    Page(
        name="catalog",
        path="/catalog",
        says="All nodes, or those of a selection.",
        view=_catalog,
        place="Catalog",
        query=(
            Word("s", "A selection, as `sqlpipe list` takes it.", default=""),
            Word("kind", "Only nodes of this kind.", default=""),
            Word("tag", "Only nodes with this tag.", default=""),
            Word("page", "The page, from 1.", int, default=1, least=1, most=10**6),
        ),
    ),
)
