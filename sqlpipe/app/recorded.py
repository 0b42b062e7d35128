"""What the journal of a workspace tells: runs, what was in them, and who did what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace, node_named
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError, near_misses
from sqlpipe.domain.journal import AttemptRecord, Deed, Lease, NodeRecord, RunRecord, RunState
from sqlpipe.run.owner import is_alive
from sqlpipe.store import attempts, lease, owners, runs
from sqlpipe.store import deeds as deed_log
from sqlpipe.store import ticks as tick_store
from sqlpipe.store.book import Book
from sqlpipe.store.ticks import TickRow

LAST = "last"
# So many runs are gone through for those that somebody may have meant.
_RECENT = 200


@dataclass(frozen=True, slots=True)
class RunDetails:
    """A run with everything that belongs to it: its nodes, the attempts at them, its ticks, the runs it led to."""

    record: RunRecord
    nodes: list[NodeRecord]
    attempts: list[AttemptRecord]
    ticks: list[TickRow]
    children: list[RunRecord]


def history(
    workspace: Workspace, *, pipeline: str = "", states: Collection[RunState] = (), limit: int = 20, before: str = ""
) -> list[RunRecord]:
    """Runs, newest first: of one pipeline, in some states, older than the run `before`."""
    with journal_of(workspace) as book:
        older = find_run(book, before).id if before else ""
        return runs.runs(book, pipeline=pipeline or None, states=states, limit=limit, before=older)


def details(workspace: Workspace, run: str) -> RunDetails:
    """All that is known of a run; `run` is `last`, its id, or how that begins or ends."""
    with journal_of(workspace) as book:
        record = find_run(book, run)
        return RunDetails(
            record,
            attempts.nodes(book, record.id),
            attempts.attempts(book, run=record.id),
            tick_store.ticks_of(book, record.id),
            runs.children(book, record.id),
        )


def deeds(workspace: Workspace, limit: int) -> list[Deed]:
    """Who did what, latest first."""
    with journal_of(workspace) as book:
        return deed_log.deeds(book, limit)


def is_led(workspace: Workspace) -> Lease | None:
    """The lease of the scheduler that leads now; None where there is none."""
    with journal_of(workspace) as book:
        return leader(book)


def leader(book: Book) -> Lease | None:
    """The lease that somebody holds who is still there."""
    found, now = lease.current(book), now_of(book)
    if found is None or found.expires <= now:
        return None
    holder = next((each for each in owners.owners(book) if each.id == found.holder), None)
    return None if holder is not None and not is_alive(holder, now) else found


def now_of(book: Book) -> datetime:
    """The present, by the clock that all who use the journal share."""
    return book.now() or datetime.now(UTC)


def find_run(book: Book, word: str) -> RunRecord:
    """The one run that a word means: `last`, an id, or how one begins or ends; raises SP623 (exit 2) otherwise."""
    if word.casefold() == LAST:
        newest = runs.runs(book, limit=1)
        if not newest:
            raise _unknown("nothing has been run yet", "begin with `sqlpipe run`")
        return newest[0]
    exact = runs.get_run(book, word)
    if exact is not None:
        return exact
    ids = list(dict.fromkeys([*runs.find_runs(book, word), *runs.runs_ending(book, word)])) if word else []
    if len(ids) > 1:
        raise _unknown(f"`{word}` means {len(ids)} runs", f"say which: {', '.join(ids[-3:])}")
    found = runs.get_run(book, ids[0]) if ids else None
    if found is None:
        raise _unknown(f"there is no run `{word}`", _near(book, word))
    return found


def _near(book: Book, word: str) -> str:
    recent = [each.id for each in runs.runs(book, limit=_RECENT)]
    endings = {each.rpartition("-")[2]: each for each in recent}
    near = near_misses(word, [*recent, *endings])
    if not near:
        return "see `sqlpipe runs`"
    return f"did you mean {' or '.join(f'`{each}`' for each in near)}? See `sqlpipe runs`"


def _unknown(message: str, help: str) -> SqlpipeError:
    return SqlpipeError(Diagnostic(code="SP623", message=message, help=help), exit_code=2)


def key_in(workspace: Workspace, nodes: Collection[NodeRecord], name: str) -> str:
    """The key of a node of a run: by its name in that run, for it may be gone from the project, or in the project."""
    keys = {each.node for each in nodes}
    wanted = name.casefold()
    if wanted in keys:
        return wanted
    same = [each for each in keys if each.rpartition(".")[2] == wanted]
    return same[0] if len(same) == 1 else node_named(workspace, name).key
