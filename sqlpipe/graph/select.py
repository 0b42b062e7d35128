"""The selection grammar: words become a set of nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, did_you_mean
from sqlpipe.domain.project import KIND_NAMES
from sqlpipe.graph.dag import Graph, reach

_TERM = re.compile(r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?P<core>[^+@]+?)(?:\+(?P<down>\d*))?")

Marks = Callable[[str], set[str]]


@dataclass(frozen=True, slots=True)
class Selection:
    """What to select and what to leave out, as the user wrote it; nothing selected means everything."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def select(
    graph: Graph, selection: Selection, *, named: Mapping[str, str] | None = None, marks: Marks | None = None
) -> tuple[str, ...]:
    """The keys of the selected nodes in the order of the graph.

    `named` holds the selections of sqlpipe.yml; `marks` gives the nodes for the words that depend on what has happened
    (`failed`). An unknown name is an error (exit 2) with near misses, never an empty selection.
    """
    reader = _Reader(graph, named or {}, marks or (lambda _word: set()))
    if selection.select and not " ".join(selection.select).split():
        reader.complain("the selection is empty", "leave `--select` out to select everything")
    chosen = reader.union(selection.select) if selection.select else set(graph.nodes)
    chosen -= reader.union(selection.exclude)
    if reader.complaints:
        raise SqlpipeError(*reader.complaints, exit_code=2)
    return tuple(key for key in graph.nodes if key in chosen)


class _Reader:
    """Reads terms against one graph and gathers what cannot be understood."""

    def __init__(self, graph: Graph, named: Mapping[str, str], marks: Marks) -> None:
        self._graph = graph
        self._named = named
        self._marks = marks
        self._open: list[str] = []
        self.complaints: list[Diagnostic] = []

    def union(self, words: Iterable[str]) -> set[str]:
        chosen: set[str] = set()
        for word in words:
            # The full name of a node may have blanks in it.
            if word.casefold() in self._graph.nodes:
                chosen.add(word.casefold())
                continue
            for term in word.split():
                chosen |= self._intersection(term)
        return chosen

    def _intersection(self, term: str) -> set[str]:
        sets = [self._one(part) for part in term.split(",")]
        return set.intersection(*sets)

    def _one(self, part: str) -> set[str]:
        match = _TERM.fullmatch(part)
        if match is None:
            self.complain(f"cannot read the selection `{part}`", "a term is `name`, `+name`, `name+2` or `@name`")
            return set()
        found = self._core(match["core"])
        chosen = set(found)
        if match["at"]:
            chosen = reach(reach(found, self._graph.children), self._graph.parents)
        if match["up"] is not None:
            chosen |= reach(found, self._graph.parents, _depth(match["up"]))
        if match["down"] is not None:
            chosen |= reach(found, self._graph.children, _depth(match["down"]))
        return chosen

    def _core(self, core: str) -> set[str]:
        method, colon, value = core.partition(":")
        if not colon:
            return self._name(core)
        match method:
            case "tag":
                tags = {tag for node in self._graph.nodes.values() for tag in node.tags}
                return self._matching(core, value, tags, lambda key: self._graph.nodes[key].tags)
            case "kind":
                kinds = set(KIND_NAMES.values())
                return self._matching(core, value, kinds, lambda key: {self._graph.nodes[key].kind_name}, empty_ok=True)
            case "path":
                paths = {node.path for node in self._graph.nodes.values()}
                folder = value.removeprefix("./").rstrip("/")
                return self._matching(core, folder, paths, lambda key: _paths(self._graph.nodes[key].path))
            case _:
                methods = ["tag", "kind", "path"]
                self.complain(
                    f"unknown selection method `{method}:`",
                    did_you_mean(method, methods) or "the methods are `tag:`, `kind:` and `path:`",
                )
                return set()

    def _name(self, core: str) -> set[str]:
        if core == "failed":
            return self._marks(core) & set(self._graph.nodes)
        if core in self._named:
            return self._named_selection(core)
        if "/" in core:
            return self._core(f"path:{core}")
        pattern = core.casefold()
        found = {key for key in self._graph.nodes if fnmatchcase(key, pattern)}
        if not found:
            found = {key for key, node in self._graph.nodes.items() if fnmatchcase(node.name.name.casefold(), pattern)}
        if not found:
            names = [str(node.name) for node in self._graph.nodes.values()]
            bare = [node.name.name for node in self._graph.nodes.values()]
            self.complain(
                f"nothing in this project is called `{core}`",
                did_you_mean(core, [*names, *bare, *self._named]) or "`sqlpipe list` shows what there is",
            )
        return found

    def _named_selection(self, name: str) -> set[str]:
        if name in self._open:
            path = " → ".join([*self._open[self._open.index(name) :], name])
            self.complain(f"the selection `{name}` is made of itself: {path}", "change it under `selections:`")
            return set()
        self._open.append(name)
        chosen = self.union([self._named[name]])
        self._open.pop()
        return chosen

    def _matching(
        self, core: str, value: str, known: set[str], of: Callable[[str], Iterable[str]], *, empty_ok: bool = False
    ) -> set[str]:
        found = {key for key in self._graph.nodes if any(fnmatchcase(each, value) for each in of(key))}
        if not found and not (empty_ok and value in known):
            self.complain(f"`{core}` selects nothing", did_you_mean(value, known))
        return found

    def complain(self, message: str, remedy: str) -> None:
        self.complaints.append(Diagnostic(code="SP302", message=message, help=remedy))


def _depth(digits: str) -> int | None:
    return int(digits) if digits else None


def _paths(path: str) -> list[str]:
    """A file's path and every folder above it."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
