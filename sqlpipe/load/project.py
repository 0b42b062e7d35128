"""From the folder of a project to a `Project`, with every complaint at once."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sqlpipe.domain.diagnostic import Diagnostic, Span, SqlpipeError, did_you_mean
from sqlpipe.domain.project import Node, Project
from sqlpipe.domain.schedule import Orchestration
from sqlpipe.load.cache import Cache, open_cache, save_cache
from sqlpipe.load.complaints import TOP, Complaints, by_place
from sqlpipe.load.environment import read_environment
from sqlpipe.load.facts import Facts, Role, Settings, SourceFile
from sqlpipe.load.files import SETTINGS, TOP_FOLDERS, Findings, clashes, find_files, find_root, no_project
from sqlpipe.load.order import Wired, follow, put_in_order
from sqlpipe.load.resolve import Index, Tables, index_of, resolve, resolve_source
from sqlpipe.load.secret import hidden, keep_secret
from sqlpipe.load.surroundings import Surroundings
from sqlpipe.load.texts import Texts
from sqlpipe.load.variables import with_environment

if TYPE_CHECKING:
    from sqlpipe.load.reading import Context
    from sqlpipe.load.workers import Workshop

__all__ = ["find_root", "load"]

# What these make is not to be read in SQL.
_NO_TABLES = {Role.CHECK, Role.TASK, Role.PYTHON_TASK, Role.DASHBOARD}
_ASKED = re.compile(r"""env_var\(\s*['"](\w+)['"]""")


def load(
    root: Path, *, variables: Mapping[str, object] | None = None, environ: Mapping[str, str] = os.environ
) -> Project:
    """Read the project in a folder; `variables` win over those of sqlpipe.yml. Raises every complaint at once."""
    root = root.absolute()
    if not (root / SETTINGS).is_file():
        raise no_project([root])
    complaints: list[Diagnostic] = []
    with _without_collections():
        project = _load(root, variables or {}, read_environment(root, environ), complaints)
    if not project.nodes and not complaints:
        help = "write a SELECT into a file such as models/staging/orders.sql"
        complaints.append(Diagnostic(code="SP111", message="the project has no nodes yet", help=help))
    if complaints:
        raise SqlpipeError(*map(hidden, by_place(list(dict.fromkeys(complaints)))))
    return project


@contextmanager
def _without_collections() -> Iterator[None]:
    """Everything made here is kept, so that looking for garbage again and again would only take time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _load(root: Path, given: Mapping[str, object], environ: Mapping[str, str], complaints: list[Diagnostic]) -> Project:
    """The project as far as it can be read."""
    texts, cache = Texts(root), open_cache(root)
    settings = _settings(texts, cache, complaints)
    variables = {**settings.variables, **given}
    found = find_files(root)
    complaints += found.complaints
    complaints += _clashes(found, settings)
    complaints += _complaints_of_folders(settings, texts)
    surroundings = Surroundings(texts, settings, found.macros, variables, environ)
    facts = _facts(_source_files(found, texts), cache, surroundings, complaints)
    save_cache(cache, root, environ)
    keep_secret(_given_to_templates(facts.values(), texts, environ))
    nodes = list(_nodes(found, facts, settings, texts, complaints))
    running = _running(found, settings, texts, environ, complaints)
    complaints += texts.complaints
    return Project(
        name=settings.name,
        root=str(root),
        nodes={node.key: node for node in nodes},
        profile=settings.profile,
        variables=variables,
        selections=settings.selections,
        orchestration=running,
    )


def _given_to_templates(facts: Iterable[Facts], texts: Texts, environ: Mapping[str, str]) -> Iterator[str]:
    """The values that `env_var()` puts into templates, those included whose rendering has failed."""
    names = {name for each in facts for name in each.environment}
    for text in texts.found.values():
        if "env_var" in text:
            names.update(_ASKED.findall(text))
    return (environ[name] for name in names if name in environ)


def _settings(texts: Texts, cache: Cache, complaints: list[Diagnostic]) -> Settings:
    text = texts.read(SETTINGS)
    if text is None:
        return Settings(texts.root.name)
    known = cache.find_settings(texts.digest(SETTINGS))
    if known is not None:
        return known
    found = Complaints(SETTINGS, text)
    settings = _reading().read_settings(text, texts.root.name, found).settings
    if not found.found:
        cache.keep_settings(texts.digest(SETTINGS), settings)
    complaints += found.found
    return settings


def _reading() -> Workshop:
    """What imports YAML, SQL and Jinja; opened by name, and only when a file has changed."""
    workshop: Workshop = import_module("sqlpipe.load.workers").WORKSHOP
    return workshop


def _clashes(found: Findings, settings: Settings) -> Iterator[Diagnostic]:
    files = [(each.name, Span(each.path, TOP)) for each in found.nodes]
    return clashes([*files, *((each.name, Span(SETTINGS, each.place)) for each in settings.sources)])


def _complaints_of_folders(settings: Settings, texts: Texts) -> Iterator[Diagnostic]:
    """Defaults for a folder that is not there are defaults that somebody believes to hold."""
    for folder, _ in settings.folders:
        if not (texts.root / folder.text).is_dir():
            there = [f"{top}/{each.name}" for top in TOP_FOLDERS for each in sorted((texts.root / top).glob("*/"))]
            found = Complaints(SETTINGS, texts.found.get(SETTINGS, ""))
            help = did_you_mean(folder.text, there)
            found.add("SP102", f"there is no folder `{folder.text}`", folder.place, label="not a folder", help=help)
            yield from found.found


def _source_files(found: Findings, texts: Texts) -> Iterator[SourceFile]:
    """The found files with their texts, but for those that cannot be read."""
    for file in found.nodes:
        if file.role is Role.SEED:
            text = texts.read(file.side_car) if file.side_car else ""
            if not texts.inspect(file.path):
                continue
        else:
            text = texts.read(file.path)
        if text is not None:
            yield SourceFile(file.path, file.name, file.role, text, file.side_car)


def _facts(
    files: Iterable[SourceFile], cache: Cache, surroundings: Surroundings, complaints: list[Diagnostic]
) -> dict[str, Facts]:
    """The facts of each file by its path: from the cache, or else from the file itself."""
    facts: dict[str, Facts] = {}
    new = []
    for file in files:
        known = cache.find(file.path, _content(file, surroundings.texts), surroundings)
        if known is None:
            new.append(file)
        else:
            facts[file.path] = known
    if new:
        workshop = _reading()
        for file, outcome in zip(new, workshop.read_files(new, _context(surroundings, workshop)), strict=True):
            complaints += outcome.complaints
            if outcome.facts is not None:
                facts[file.path] = outcome.facts
            if outcome.facts is not None and not outcome.complaints:
                cache.keep(file.path, _content(file, surroundings.texts), surroundings, outcome.facts)
    return facts


def _content(file: SourceFile, texts: Texts) -> str:
    """The hash of the text from which the facts come, which for a seed is that of its side-car."""
    if file.role is Role.SEED:
        return texts.digest(file.side_car) if file.side_car else ""
    return texts.digest(file.path)


def _context(surroundings: Surroundings, workshop: Workshop) -> Context:
    texts = surroundings.texts
    # What is wrong with the settings has been complained of already, unless they came from the cache and are right.
    written = workshop.read_settings(texts.found.get(SETTINGS, ""), "", Complaints(SETTINGS))
    return workshop.context(
        root=str(texts.root),
        defaults=written.defaults,
        macros={path: texts.read(path) or "" for path in surroundings.macros},
        variables=dict(surroundings.variables),
        environ=dict(surroundings.environ),
    )


def _nodes(
    found: Findings, facts: Mapping[str, Facts], settings: Settings, texts: Texts, complaints: list[Diagnostic]
) -> Iterator[Node]:
    """The nodes with every name in them bound; a file beyond reading still has its name."""
    tables = _tables(found, facts, settings)
    nodes, wired = [], list[Wired]()
    for file in found.nodes:
        if file.path in facts:
            written_in = file.side_car or file.path
            own = Complaints(written_in, texts.found.get(written_in, ""))
            node = resolve(file, texts.found.get(file.path, ""), facts[file.path], tables, own)
            nodes.append(_with_data(node, texts) if file.role is Role.SEED else node)
            complaints += own.found
            wiring = facts[file.path].wiring
            if wiring is not None:
                wired.append(Wired(file.name, wiring, Complaints(written_in, own.text)))
    for source in settings.sources:
        own = Complaints(SETTINGS, texts.found.get(SETTINGS, ""))
        nodes.append(resolve_source(source, SETTINGS, tables, own))
        complaints += own.found
    if not wired:
        yield from nodes
        return
    yield from put_in_order(nodes, wired, _everything(found, settings), tables.index, settings.orchestration)
    for each in wired:
        complaints += each.complaints.found


def _everything(found: Findings, settings: Settings) -> Index:
    """What can be waited for: nothing ever happens to a dashboard."""
    files = [file.name for file in found.nodes if file.role is not Role.DASHBOARD]
    return index_of([*files, *(source.name for source in settings.sources)])


def _running(
    found: Findings, settings: Settings, texts: Texts, environ: Mapping[str, str], complaints: list[Diagnostic]
) -> Orchestration:
    """How things are run, with names bound and the environment put into what is secret."""
    running = settings.orchestration
    own = Complaints(SETTINGS, texts.found.get(SETTINGS, ""))
    if any(settings.followed):
        pipelines = follow(running.pipelines, settings.followed, _everything(found, settings), own)
        running = replace(running, pipelines=pipelines)
    if running.alerts or running.heartbeat:
        running = with_environment(running, environ, own)
    complaints += own.found
    return running


def _with_data(node: Node, texts: Texts) -> Node:
    """A seed whose digest covers its data."""
    digest = blake2b(f"{node.digest} {node.path.rpartition('.')[2]} {texts.digest(node.path)}".encode(), digest_size=16)
    return replace(node, digest=digest.hexdigest())


def _tables(found: Findings, facts: Mapping[str, Facts], settings: Settings) -> Tables:
    names = [file.name for file in found.nodes if file.role not in _NO_TABLES]
    known = {file.name.key: facts[file.path] for file in found.nodes if file.path in facts}
    return Tables(
        index_of([*names, *(source.name for source in settings.sources)]),
        {key: each.kind for key, each in known.items()},
        {key: each.query for key, each in known.items()},
    )
