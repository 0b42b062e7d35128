"""A project, served: its scheduler, its answers and its address put together."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime

from sqlpipe.app.foreseeing import schedules
from sqlpipe.app.recorded import leader
from sqlpipe.app.running import journal_of
from sqlpipe.app.serving import scheduler
from sqlpipe.app.surveyor import Surveyor
from sqlpipe.app.workspace import Workspace, profile_of
from sqlpipe.domain.history import Event, RunFinished
from sqlpipe.load.secret import keep_secret
from sqlpipe.store import runs
from sqlpipe.store.book import Book, JournalAway
from sqlpipe.web.clerk import Clerk, Source
from sqlpipe.web.guard import Policy, is_loopback
from sqlpipe.web.health import Health
from sqlpipe.web.links import ServedLinks
from sqlpipe.web.onlooker import Onlooker
from sqlpipe.web.pages.every import BY_NAME
from sqlpipe.web.scene import Scene
from sqlpipe.web.service import Scheduler, Service, listen, serve, url_of
from sqlpipe.web.terms import Listener, Terms
from sqlpipe.web.whereabouts import Whereabouts


def serve_project(
    workspace: Workspace, load: Callable[[], Workspace], terms: Terms, listener: Listener, stopping: threading.Event
) -> None:
    """Serve a project until `stopping` is set; `load` gives it as it is written now."""
    policy = _policy(terms)
    policy.require_safe(terms.host)
    keep_secret([terms.token.reveal(), terms.viewer.reveal(), *profile_of(workspace).secrets])
    with listen(terms.host, terms.port) as socket, journal_of(workspace) as book:
        names = _Names(book)

        def tell(health: Health) -> None:
            with suppress(JournalAway):
                listener.role(health, leader(book))

        with _scheduling(workspace, terms, book, lambda event: listener.hear(event, names.of(event))) as working:
            url, source = url_of(socket), Source(workspace, load, working.lend)
            listener.serving(url, schedules(workspace, now=terms.clock.now()))
            with closing(Surveyor(source.workspace, terms.clock)) as surveyor:
                service = Service(
                    root=workspace.root,
                    office=Clerk(source, book, terms.clock),
                    scene=lambda may_act: _scene(source, surveyor, terms, may_act=may_act),
                    scheduler=working,
                    policy=policy,
                    listener=socket,
                    here=Whereabouts.here(url, datetime.now(UTC)),
                    grace=terms.grace,
                    tell=tell,
                )
                _keep_what_stays()
            serve(service, stopping)


def _policy(terms: Terms) -> Policy:
    return Policy(
        token=terms.token,
        viewer=terms.viewer,
        loopback=is_loopback(terms.host),
        local_writes=terms.local_writes,
        public_read=terms.public_read,
        hosts=frozenset(each.casefold() for each in terms.hosts),
    )


def _scene(source: Source, surveyor: Surveyor, terms: Terms, *, may_act: bool) -> Scene:
    return Scene(
        workspace=source.workspace(),
        survey=surveyor.current(),
        now=terms.clock.now(),
        links=ServedLinks(BY_NAME),
        may_act=may_act,
        role="operator" if may_act else "viewer",
        problems=source.problems,
    )


def _keep_what_stays() -> None:
    """Spare the project and the templates the search for garbage, which would hold up a page in ten."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@contextmanager
def _scheduling(
    workspace: Workspace, terms: Terms, book: Book, on_event: Callable[[Event], None]
) -> Iterator[Scheduler]:
    """The scheduler of the project, or one who only looks on."""
    if not terms.scheduling:
        yield Onlooker(book)
        return
    with scheduler(workspace, clock=terms.clock, threads=terms.threads, on_event=on_event) as working:
        yield working


class _Names:
    """To which pipeline runs belong, looked up once for each."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._known: dict[str, str] = {}

    def of(self, event: Event) -> str:
        """The pipeline of the run in which something happens; nothing where that is not to be found out."""
        if event.run not in self._known:
            with suppress(JournalAway):
                found = runs.get_run(self._book, event.run)
                self._known[event.run] = found.pipeline if found is not None else ""
        name = self._known.get(event.run, "")
        if isinstance(event, RunFinished):
            self._known.pop(event.run, None)
        return name
