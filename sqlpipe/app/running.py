"""Runs: what the command line and the scheduler carry out with one executor."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from math import inf
from pathlib import Path
from uuid import uuid4

from sqlpipe.app.workspace import Workspace, keys_of, profile_of, require_connections
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import Event, RunFinished
from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.engine.door import open_engine
from sqlpipe.graph.fingerprint import identify
from sqlpipe.graph.select import Selection
from sqlpipe.load.cache import FOLDER, own_folder
from sqlpipe.load.profile import Profile
from sqlpipe.load.secret import Secret, keep_secret
from sqlpipe.run.board import Shop
from sqlpipe.run.clock import Clock
from sqlpipe.run.execute import execute, registered
from sqlpipe.run.hall import opened
from sqlpipe.run.outlook import Outlook
from sqlpipe.run.owner import this_process
from sqlpipe.run.recover import recover
from sqlpipe.run.scribe import Scribe
from sqlpipe.run.walk import Code, Errand
from sqlpipe.store import runs
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book


def run(  # noqa: PLR0913 - each is an option of the command
    workspace: Workspace,
    selection: Selection,
    *,
    on_event: Callable[[Event], None],
    threads: int | None = None,
    full_refresh: bool = False,
    fail_fast: bool = False,
    stop: threading.Event | None = None,
    pipeline: str = "",
    wait: float = inf,
) -> RunFinished:
    """Plan the selection and carry the plan out; `on_event` hears of everything on the calling thread.

    `pipeline` is the one whose selection it is, for the journal. Raises SP502 where another program has the database
    for longer than `wait` (seconds).
    """
    complain_early(workspace, selection)
    with journal_of(workspace) as book, equipped(workspace, book, Clock(), threads=threads) as shop:
        now = shop.clock.now()
        record = RunRecord(
            id=new_run(),
            state=RunState.RUNNING,
            created=now,
            started=now,
            owner=shop.scribe.owner,
            pipeline=pipeline,
            cause="command line",
            select=selection.select,
            exclude=selection.exclude,
            options={"full_refresh": full_refresh, "fail_fast": fail_fast},
        )
        runs.create_run(book, record)
        errand = Errand(
            record=record,
            code=code_of(workspace),
            now=workspace.now,
            selection=selection,
            full_refresh=full_refresh,
            fail_fast=fail_fast,
            on_event=on_event,
            stop=stop or threading.Event(),
            patience=wait,
        )
        return execute(shop, errand)


def new_run() -> str:
    """The name of a new run; later ones sort after earlier ones."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid4().hex[:6]}"


def code_of(workspace: Workspace) -> Code:
    """The project as runs go by it."""
    return Code(workspace.root, workspace.project, workspace.graph, identify(workspace.graph))


def complain_early(workspace: Workspace, selection: Selection) -> None:
    """Raise what is wrong with a selection before anything is opened, as far as it can be told without the database."""
    words = (*selection.select, *selection.exclude)
    if not any("failed" in word for word in words):
        require_connections(workspace, keys_of(workspace, selection))


def journal_address(root: Path, profile: Profile) -> str:
    """Where the journal of a target is: what its profile says, or a file in the project's own folder."""
    written = profile.settings.get("journal")
    if written is None:
        try:
            return str(own_folder(root) / f"journal-{profile.target}.db")
        except OSError as error:
            said = f"the journal cannot be kept in {root / FOLDER}: {(error.strerror or str(error)).lower()}"
            help = "give this user the right to write there, or name another place with `journal:` in profiles.yml"
            raise SqlpipeError(Diagnostic(code="SP621", message=said, help=help)) from error
    address = written.reveal() if isinstance(written, Secret) else str(written)
    return address if "://" in address else str(root / Path(address).expanduser())


@contextmanager
def journal_of(workspace: Workspace) -> Iterator[Book]:
    """The journal of the workspace's target, opened."""
    profile = profile_of(workspace)
    book = open_book(journal_address(workspace.root, profile), f"{workspace.project.name}_{profile.target}")
    try:
        yield book
    finally:
        book.close()


@contextmanager
def equipped(
    workspace: Workspace, book: Book, clock: Clock, *, threads: int | None = None, look: float = 0.1
) -> Iterator[Shop]:
    """Everything that runs in this process share."""
    profile = profile_of(workspace)
    keep_secret(profile.secrets)
    owner = this_process(datetime.now(UTC), " ".join(sys.argv[:3]))
    database = str(profile.settings["path"])
    with (
        registered(book, owner),
        opened(database, partial(open_engine, profile.settings)) as hall,
    ):
        recover(book, clock.now())
        yield Shop(
            hall=hall,
            scribe=Scribe(book, owner.id, clock),
            clock=clock,
            root=workspace.root,
            threads=threads or profile.threads,
            connections=profile.connections,
            pools=workspace.project.orchestration.pools,
            target=profile.target,
            look=look,
            look_at=Outlook(workspace.root, profile.target, book),
            owner=owner,
        )
