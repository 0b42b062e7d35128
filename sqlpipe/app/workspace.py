"""A workspace: a project opened for work, and what can be learnt of it without changing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, did_you_mean
from sqlpipe.domain.plan import Plan
from sqlpipe.domain.project import CheckQuery, Embedded, FilesCursor, Incremental, Ingest, Node, Project
from sqlpipe.domain.schedule import Pipeline
from sqlpipe.domain.task import Sensor, Task
from sqlpipe.engine.contract import Engine, Session
from sqlpipe.engine.door import open_engine
from sqlpipe.graph import dag
from sqlpipe.graph import select as selecting
from sqlpipe.graph.dag import Graph
from sqlpipe.graph.fingerprint import Identity, identify
from sqlpipe.graph.pipelines import check_pipelines
from sqlpipe.graph.select import Selection
from sqlpipe.load import files
from sqlpipe.load.profile import Profile, read_profile
from sqlpipe.load.project import load
from sqlpipe.load.secret import hide
from sqlpipe.load.texts import with_lines
from sqlpipe.plan import build
from sqlpipe.plan.compile import compile_block, compile_query
from sqlpipe.plan.decide import Commits, Standing, commits_wanted, inputs_of
from sqlpipe.plan.errand import text_of
from sqlpipe.run import examine
from sqlpipe.run.alone import among_readers
from sqlpipe.run.examine import Finding
from sqlpipe.run.hall import LOOK_AGAIN, Lend
from sqlpipe.run.ingest import unknown_connection
from sqlpipe.run.observe import observe
from sqlpipe.store import ledger, ledger_reading

T = TypeVar("T")

find_root = files.find_root


@dataclass(frozen=True, slots=True)
class Patience:
    """How long (seconds) a database is waited for that another process has, and who is told of that, once."""

    seconds: float = 0
    tell: Callable[[Diagnostic], None] = field(default=lambda _taken: None)


NO_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project opened for work: what it is, where it runs, and what time it is (UTC, without a zone).

    Where this process has the database open already, `lend` gives those a session who only read.
    """

    root: Path
    project: Project
    graph: Graph
    profile: Profile | None
    now: datetime
    patience: Patience = NO_PATIENCE
    lend: Lend | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """A node in a lineage tree; what stands below one that was `repeated` is shown where it came first."""

    node: Node
    children: tuple[Branch, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a node is made from and what is made from it."""

    node: Node
    upstream: tuple[Branch, ...]
    downstream: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a result; `more` tells that there are others."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool = False


def open_workspace(
    root: Path,
    *,
    target: str | None = None,
    profiles: str | None = None,
    with_profile: bool = True,
    now: datetime | None = None,
) -> Workspace:
    """Read a project and, unless told otherwise, its profile; raises SqlpipeError with every complaint there is."""
    project = load(root)
    graph = dag.build(project)
    complaints = check_pipelines(graph, project)
    if complaints:
        raise SqlpipeError(*(with_lines(root, each) for each in complaints))
    profile = read_profile(root, project, target=target, profiles=profiles) if with_profile else None
    moment = now or datetime.now(UTC)
    return Workspace(root, project, graph, profile, moment.astimezone(UTC).replace(tzinfo=None))


def select(workspace: Workspace, selection: Selection) -> tuple[Node, ...]:
    """The selected nodes in the order of the graph."""
    return tuple(workspace.graph.nodes[key] for key in keys_of(workspace, selection))


def plan(workspace: Workspace, selection: Selection, *, full_refresh: bool = False) -> Plan:
    """What a run of the selection would do, without doing any of it."""
    return plan_of(workspace, keys_of(workspace, selection), full_refresh=full_refresh)


def plan_of(workspace: Workspace, keys: Sequence[str], *, full_refresh: bool = False) -> Plan:
    """What a run of these nodes would do."""
    require_connections(workspace, keys)
    identities = identify(workspace.graph)
    with reading(workspace) as opened:
        standing = standing_in(workspace, keys, identities, opened)
        return plan_on(workspace, keys, identities, replace(standing, full_refresh=full_refresh))


def standing_in(
    workspace: Workspace,
    keys: Sequence[str],
    identities: Mapping[str, Identity],
    opened: tuple[Engine, Session] | None,
) -> Standing:
    """What is known when these nodes are decided on; `opened` is what `reading` gives."""
    session = opened[1] if opened else None
    standing = Standing(
        held=ledger.versions(session) if session else {},
        relations=opened[0].relations() if opened else {},
        commits=lambda _node, _since: [],
        sources=observe(session, workspace.graph, identities, keys, root=workspace.root, now=workspace.now),
        now=workspace.now,
    )
    return replace(standing, commits=_commits(workspace, keys, identities, standing, session)) if session else standing


def _commits(
    workspace: Workspace,
    keys: Sequence[str],
    identities: Mapping[str, Identity],
    standing: Standing,
    session: Session,
) -> Commits:
    """What tells the intervals that commits wrote; those that deciding on these nodes takes are looked up at once."""
    wanted: dict[tuple[str, int], Mapping[str, str] | None] = {}
    for key in keys:
        held, identity = standing.held.get(key), identities[key]
        if not isinstance(workspace.graph.nodes[key].kind, Incremental):
            continue
        if held is not None and held.fingerprint != identity.fingerprint:
            wanted.setdefault((key, held.rebuilt))
            continue
        own, *read = commits_wanted(workspace.graph.nodes[key], identity, held)
        wanted[own] = inputs_of(identity, standing)
        for each in read:
            wanted.setdefault(each)
    found = ledger_reading.joined_intervals(session, wanted)
    return lambda node, since: found[node, since] if (node, since) in found else ledger.intervals(session, node, since)


def plan_on(workspace: Workspace, keys: Sequence[str], identities: Mapping[str, Identity], standing: Standing) -> Plan:
    """What a run of these nodes would do where things stand like this."""
    profile = profile_of(workspace)
    database = str(profile.settings["path"])
    built = build.build(workspace.graph, identities, keys, standing, target=profile.target, database=database)
    return replace(built, steps=tuple(replace(step, sql=hide(step.sql)) for step in built.steps))


def lineage(workspace: Workspace, name: str, depth: int | None = None) -> Lineage:
    """What a node is made from and what is made from it, as trees of at most `depth` levels."""
    node = node_named(workspace, name)
    graph = workspace.graph
    return Lineage(
        node,
        _branches(graph, graph.parents, node.key, depth, set()),
        _branches(graph, graph.children, node.key, depth, set()),
    )


def _branches(
    graph: Graph, edges: Mapping[str, tuple[str, ...]], key: str, depth: int | None, seen: set[str]
) -> tuple[Branch, ...]:
    if depth == 0:
        return ()
    branches = []
    for after in edges[key]:
        repeated = after in seen and bool(edges[after])
        seen.add(after)
        below = () if repeated else _branches(graph, edges, after, None if depth is None else depth - 1, seen)
        branches.append(Branch(graph.nodes[after], below, repeated))
    return tuple(branches)


def render(workspace: Workspace, name: str) -> str:
    """The SQL of a node as the database runs it; of a task what it does as written; of a dashboard its blocks."""
    node = node_named(workspace, name)
    if isinstance(node.kind, Dashboard):
        blocks = node.kind.blocks.values()
        return hide("\n\n".join(f"-- {each.name}\n{compile_block(workspace.graph, node, each)};" for each in blocks))
    if isinstance(node.kind, Task | Sensor):
        return hide(text_of(node.kind))
    if node.query is None:
        raise SqlpipeError(
            Diagnostic(
                code="SP302",
                message=f"{node.name} is a {node.kind_name}: it has no SQL",
                help=f"its file is {node.path}",
            ),
            exit_code=2,
        )
    return hide(node.body if isinstance(node.kind, Ingest) else compile_query(workspace.graph, node))


def show(
    workspace: Workspace, *, name: str | None = None, sql: str | None = None, limit: int = 20, failed: bool = False
) -> Rows:
    """Some rows of a node or of a query, or the offending rows that the node's last failing checks kept."""
    node = node_named(workspace, name) if name is not None else None
    with reading(workspace) as opened:
        if opened is None:
            raise SqlpipeError(nothing_built(workspace))
        session = opened[1]
        if node is not None and failed:
            return _offences(session, node, limit)
        query = sql.strip().rstrip(";") if sql is not None else _rows_of(workspace, node)
        columns = session.describe(query)
        rows = session.query(f"select * from (\n{query}\n) limit {limit + 1}")
        return Rows(
            tuple(each[0] for each in columns), tuple(each[1] for each in columns), rows[:limit], len(rows) > limit
        )


def doctor(root: Path, *, target: str | None = None, profiles: str | None = None) -> tuple[Finding, ...]:
    """Everything that a run depends on, looked at one by one; an error in one does not hide the others."""
    found = [*examine.versions(), Finding("project", "ok", str(root))]
    try:
        project = load(root)
    except SqlpipeError as error:
        return (*found, *examine.complaints("project", error))
    found.append(Finding("nodes", "ok", f"{len(project.nodes):,}"))
    try:
        profile = read_profile(root, project, target=target, profiles=profiles)
    except SqlpipeError as error:
        return (*found, *examine.complaints("profile", error))
    return (*found, *examine.settings(profile), *examine.database(profile), *examine.connections(profile))


def _rows_of(workspace: Workspace, node: Node | None) -> str:
    assert node is not None
    if isinstance(node.kind, Task | Sensor):
        message = f"{node.name} is a {node.kind_name}: it has no rows"
        raise SqlpipeError(Diagnostic(code="SP302", message=message, help=f"its file is {node.path}"), exit_code=2)
    if isinstance(node.kind, Dashboard):
        message = f"{node.name} is a dashboard: it has no rows of its own"
        help = f"its page shows them; `sqlpipe render {node.name}` prints its queries"
        raise SqlpipeError(Diagnostic(code="SP302", message=message, help=help), exit_code=2)
    if isinstance(node.kind, Embedded | CheckQuery):
        return compile_query(workspace.graph, node)
    return f"select * from {node.name.quoted}"


def _offences(session: Session, node: Node, limit: int) -> Rows:
    rows = [
        (check, severity, sample)
        for check, severity, _offences, _total, _note, samples in ledger.last_offences(session, node.key)
        for sample in samples
    ]
    return Rows(("check", "severity", "row"), ("VARCHAR", "VARCHAR", "JSON"), rows[:limit], len(rows) > limit)


def node_named(workspace: Workspace, name: str) -> Node:
    """The one node that a name means: its full name, whatever characters it has, or what a selection would find."""
    if name.casefold() in workspace.graph.nodes:
        return workspace.graph.nodes[name.casefold()]
    found = selecting.select(workspace.graph, Selection((name,)))
    if len(found) != 1:
        raise SqlpipeError(
            Diagnostic(
                code="SP302",
                message=f"`{name}` means {len(found)} nodes: {', '.join(found[:5])}",
                help="name one of them",
            ),
            exit_code=2,
        )
    return workspace.graph.nodes[found[0]]


def pipeline_named(workspace: Workspace, name: str) -> Pipeline:
    """The pipeline of that name; raises SP602 with near misses where there is none."""
    pipelines = {each.name.casefold(): each for each in workspace.project.orchestration.pipelines}
    if name.casefold() in pipelines:
        return pipelines[name.casefold()]
    names = [each.name for each in pipelines.values()]
    listed = f"there are {', '.join(sorted(names))}" if names else "sqlpipe.yml has no `pipelines:`"
    said = f"there is no pipeline `{name}`"
    raise SqlpipeError(Diagnostic(code="SP602", message=said, help=did_you_mean(name, names) or listed), exit_code=2)


def keys_of(workspace: Workspace, selection: Selection, failed: set[str] | None = None) -> tuple[str, ...]:
    """The keys of the selected nodes; `failed` are those that failed last, which are looked up if it is not given."""

    def marks(_word: str) -> set[str]:
        if failed is not None:
            return failed
        with reading(workspace) as opened:
            return ledger.failed(opened[1]) if opened else set()

    return selecting.select(workspace.graph, selection, named=workspace.project.selections, marks=marks)


def require_connections(workspace: Workspace, keys: Iterable[str]) -> None:
    """Raise SP108 for every selected ingest from a connection that the profile does not have."""
    connections = profile_of(workspace).connections
    found = [
        unknown_connection(workspace.root, node, node.kind, connections)
        for node in map(workspace.graph.nodes.__getitem__, keys)
        if isinstance(node.kind, Ingest)
        and not isinstance(node.kind.cursor, FilesCursor)
        and node.kind.source not in connections
    ]
    if found:
        raise SqlpipeError(*found)


def profile_of(workspace: Workspace) -> Profile:
    """The profile that the workspace was opened with."""
    assert workspace.profile is not None, "the workspace was opened without a profile"
    return workspace.profile


@contextmanager
def reading(workspace: Workspace) -> Iterator[tuple[Engine, Session] | None]:
    """The database opened for reading, or None when it has not been made yet.

    Raises SP502 where another process has it for longer than the workspace has patience.
    """
    with ExitStack() as stack:
        opened = _lent(workspace, workspace.lend, stack) if workspace.lend else _opened(workspace, stack)
        if opened is None or ledger.TABLE not in opened[0].relations():
            yield None
            return
        ledger.require_format(opened[1])
        yield opened


def _opened(workspace: Workspace, stack: ExitStack) -> tuple[Engine, Session] | None:
    """The database, opened for the stack as soon as it is free; None where there is none yet."""
    settings = profile_of(workspace).settings
    if not Path(str(settings["path"])).exists():
        return None

    def attempt() -> Engine:
        with ExitStack() as opening:
            # In one process DuckDB does not open a file for reading and for writing at once.
            opening.enter_context(among_readers(str(settings["path"])))
            engine = open_engine(settings, read_only=True)
            opening.callback(engine.close)
            stack.enter_context(opening.pop_all())
            return engine

    engine = _patiently(workspace.patience, attempt)
    return engine, stack.enter_context(engine.session())


def _lent(workspace: Workspace, lend: Lend, stack: ExitStack) -> tuple[Engine, Session] | None:
    """What is lent, for the stack, as soon as it is."""
    return _patiently(workspace.patience, lambda: stack.enter_context(lend()))


def _patiently(patience: Patience, attempt: Callable[[], T]) -> T:
    """What an attempt gives as soon as no other process has the database."""
    end, told = monotonic() + patience.seconds, False
    while True:
        try:
            return attempt()
        except SqlpipeError as error:
            taken = error.diagnostics[0]
            if taken.code != "SP502" or monotonic() >= end:
                raise
            if not told:
                patience.tell(taken)
            told = True
        sleep(min(LOOK_AGAIN, max(0.0, end - monotonic())))


def nothing_built(workspace: Workspace) -> Diagnostic:
    """The complaint that there is nothing to look at yet."""
    return Diagnostic(
        code="SP501",
        message=f"nothing has been built in {profile_of(workspace).settings['path']} yet",
        help="build it with `sqlpipe run`",
    )
