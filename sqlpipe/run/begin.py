"""The beginning of a run: open the database, find out what it is about, and say so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import RunStarted, RunWaiting, State
from sqlpipe.domain.journal import AttemptState, NodeRecord
from sqlpipe.domain.names import quote
from sqlpipe.engine.contract import Session
from sqlpipe.graph.select import select
from sqlpipe.plan.decide import Standing, is_idle
from sqlpipe.run.board import Board, Live, Planned
from sqlpipe.run.crash import crash_point
from sqlpipe.run.hall import Hall
from sqlpipe.run.observe import observe
from sqlpipe.run.turn import Stopper
from sqlpipe.run.walk import FINAL, Lane, Walk
from sqlpipe.store import attempts, ledger
from sqlpipe.store.attempts import Ending
from sqlpipe.store.book import Book

_BADLY = {State.FAILED, State.BLOCKED, State.CANCELLED}


def begin(board: Board, walk: Walk) -> None:
    """Have a worker find out what a run is about, once the database is open; told by a `Planned`."""
    if walk.planning or walk.problem is not None:
        return
    shop = board.shop
    try:
        if not shop.hall.enter(walk.errand.now):
            _tell_taken(board, walk)
            if monotonic() - walk.born >= walk.errand.patience:
                walk.problem = shop.hall.taken
            return
    except SqlpipeError as error:
        walk.problem = error
        return
    walk.planning, walk.waits_for = True, ""
    desk = shop.hall.desk()
    live = Live(walk, ("", -1), Lane.PLANNING, Stopper(), monotonic(), desk=desk)
    live.stopper.on_stop(desk.session.interrupt)
    book = shop.scribe.book
    board.employ(live, lambda: _plan(walk, desk.session, book))


def _tell_taken(board: Board, walk: Walk) -> None:
    """Tell once who has the database."""
    taken = board.shop.hall.taken
    detail = taken.diagnostics[0].message if taken else ""
    if detail and walk.waits_for != detail:
        walk.waits_for = detail
        walk.errand.on_event(RunWaiting(run=walk.run.id, at=datetime.now(UTC), detail=detail))


def _plan(walk: Walk, session: Session, book: Book) -> Planned:
    code, errand = walk.errand.code, walk.errand
    failed = ledger.failed(session)

    def marks(_word: str) -> set[str]:
        # Tasks and sensors leave nothing in the warehouse.
        last = attempts.last_states(book, ("task", "sensor"))
        return failed | {key for key, state in last.items() if state in _BADLY}

    keys = select(code.graph, errand.selection, named=code.project.selections, marks=marks)
    sources = observe(session, code.graph, code.identities, keys, root=code.root, now=errand.now)
    adopted = _adopt(walk, session, book) if errand.resumed else ()
    return Planned(keys, sources, frozenset(failed), attempts.last_seconds(book), adopted)


def _adopt(walk: Walk, session: Session, book: Book) -> tuple[NodeRecord, ...]:
    """The nodes of a resumed run whose last attempt had been given up for lost, and yet did commit."""
    known = reversed(attempts.attempts(book, run=walk.run.id))
    lost = {each.node: each for each in known if each.state is AttemptState.LOST}
    found = []
    for record in walk.errand.resumed:
        commit = ledger.committed(session, walk.run.id, record.node) if record.state not in FINAL else None
        if commit is None or record.node not in lost:
            continue
        attempt = lost[record.node]
        # When it was given up for lost: it is not to seem to have gone on until now.
        ended = attempt.finished or attempt.started
        done = replace(
            record, state=State.DONE, since=ended, until=None, rows=commit[1], detail="committed before the crash"
        )
        moved = f"{commit[0]}.{walk.run.id}"
        ending = Ending(state=AttemptState.DONE, at=ended, node=done, rows=commit[1], moved=moved)
        attempts.finish(book, attempt.id, ending)
        found.append(done)
    return tuple(found)


def settle_in(board: Board, walk: Walk, planned: Planned) -> None:
    """Take up the nodes that the plan names, and tell that the run begins."""
    shop, errand = board.shop, walk.errand
    if not shop.hall.enter(errand.now):
        walk.planning = False
        return
    try:
        _make_schemas(walk, shop.hall, planned.keys)
        shop.hall.ledger.set_fences(shop.hall.reading, _with_tables(walk, planned.keys))
    except SqlpipeError as error:
        walk.problem = error
        return
    crash_point("run-started")
    adopted = {(each.node, each.item): each for each in planned.adopted}
    resumed = tuple(adopted.get((each.node, each.item), each) for each in errand.resumed)
    walk.errand = replace(errand, resumed=resumed)
    standing = Standing(
        held=shop.hall.held,
        relations=shop.hall.relations,
        commits=shop.hall.commits,
        sources=planned.sources,
        now=errand.now,
        full_refresh=errand.full_refresh,
    )
    walk.failed_before = planned.failed
    errand.on_event(
        RunStarted(
            run=walk.run.id,
            at=datetime.now(UTC),
            target=shop.target,
            database=shop.hall.engine.database,
            nodes=sum(1 for key in planned.keys if not is_idle(errand.code.graph.nodes[key])),
            threads=shop.threads,
        )
    )
    walk.begin(planned.keys, standing, planned.seconds, shop.clock.now())


def _with_tables(walk: Walk, keys: Sequence[str]) -> list[str]:
    nodes = walk.errand.code.graph.nodes
    return [key for key in keys if not is_idle(nodes[key]) and nodes[key].kind_name not in _APART]


def _make_schemas(walk: Walk, hall: Hall, keys: Sequence[str]) -> None:
    session = hall.reading
    there = {row[0].casefold() for row in session.query("select distinct schema_name from duckdb_schemas()")}
    nodes = walk.errand.code.graph.nodes
    wanted = {nodes[key].name.schema for key in keys if not is_idle(nodes[key]) and nodes[key].kind_name not in _APART}
    _refuse_confusion(hall, wanted)
    for schema in sorted(wanted):
        if schema.casefold() not in there:
            session.execute(f"create schema if not exists {quote(schema)}")


# What leaves no table behind.
_APART = ("task", "sensor")


def _refuse_confusion(hall: Hall, schemas: Collection[str]) -> None:
    """Raise SP501 if a schema has the name of the database: `marts.orders` would mean either."""
    catalog = str(hall.reading.query("select current_database()")[0][0])
    if catalog.casefold() in map(str.casefold, schemas):
        raise SqlpipeError(
            Diagnostic(
                code="SP501",
                message=f"{hall.engine.database} is called like the schema `{catalog}`, "
                "and the database cannot tell the two apart",
                help="give the file another name, and change `path:` in profiles.yml",
            )
        )
