"""What attempts had to say: the lines of their logs, as they are and as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlpipe.app.recorded import find_run, key_in
from sqlpipe.app.running import journal_of
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.history import State
from sqlpipe.domain.journal import AttemptRecord, AttemptState, NodeRecord, RunRecord, RunState
from sqlpipe.run.log import follow
from sqlpipe.run.start import log_path
from sqlpipe.run.walk import FINAL
from sqlpipe.store import attempts, runs
from sqlpipe.store.book import Book

Line = dict[str, object]

_ENDED = frozenset({RunState.DONE, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED})
# So often (seconds) it is looked whether another attempt has begun.
_AGAIN = 0.2


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose log is wanted: of which run, node, item (-1 for all) and attempt (None for the latest)."""

    root: Path
    run: RunRecord
    key: str
    item: int
    attempt: int | None


@dataclass(frozen=True, slots=True)
class _Log:
    """The log of one attempt; the pokes of a sensor are no attempts and share the number 0."""

    path: Path
    item: int
    number: int
    attempt: AttemptRecord | None


def log_lines(
    workspace: Workspace, run: str, node: str, *, attempt: int | None = None, item: int = -1, after: int = 0
) -> Iterator[Line]:
    """The lines of the log of an attempt (of the latest without its number), each with the `offset` behind it.

    Of a task that has fanned out those of all its items, if none is asked for. Raises SP624 for a node that has not
    begun, and for an attempt that there was not.
    """
    with journal_of(workspace) as book:
        asked = _asked(workspace, book, run, node, item=item, attempt=attempt)
        found = _logs(book, asked)
        if not found:
            raise _not_begun(workspace, book, asked)
    return (line for each in found for line in _told(each, after, lambda: True))


def follow_log(  # noqa: PLR0913 - each narrows down which lines
    workspace: Workspace,
    run: str,
    node: str,
    *,
    attempt: int | None = None,
    item: int = -1,
    after: int = 0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Line]:
    """The lines of a log and those that come, until the node has ended, or the attempt that is asked for; or `stop`.

    A node that has not begun is waited for, and from one attempt gone on to the next.
    """
    with journal_of(workspace) as book:
        asked = _asked(workspace, book, run, node, item=item, attempt=attempt)
        told: set[tuple[int, int]] = set()
        while not stop():
            over = _over(book, asked)
            fresh = [each for each in _logs(book, asked) if (each.item, each.number) not in told]
            for each in fresh:
                told.add((each.item, each.number))
                yield from _told(each, after, _ended(book, asked, each, stop))
            if not fresh and (over or (told and attempt is not None)):
                return
            if not fresh:
                time.sleep(_AGAIN)


def _asked(workspace: Workspace, book: Book, run: str, node: str, *, item: int, attempt: int | None) -> _Asked:
    record = find_run(book, run)
    key = key_in(workspace, attempts.nodes(book, record.id), node)
    return _Asked(workspace.root, record, key, item, attempt)


def _logs(book: Book, asked: _Asked) -> list[_Log]:
    """The logs that there are: of the attempt that is asked for, or of the latest at each item."""
    known = attempts.attempts(book, run=asked.run.id, node=asked.key)
    wanted = [each for each in reversed(known) if asked.item in (-1, each.item)]
    if asked.attempt is not None:
        wanted = [each for each in wanted if each.number == asked.attempt]
    latest = {each.item: each for each in wanted}
    found = [_Log(_path(asked, item, each.number), item, each.number, each) for item, each in sorted(latest.items())]
    pokes = _path(asked, -1, 0)
    if not known and asked.attempt in (None, 0) and pokes.exists():
        found.append(_Log(pokes, -1, 0, None))
    return found


def _path(asked: _Asked, item: int, number: int) -> Path:
    return log_path(asked.root, asked.run.id, (asked.key, item), number)


def _told(log: _Log, after: int, ended: Callable[[], bool]) -> Iterator[Line]:
    """The lines of one log; where nothing was written how the attempt ended."""
    nothing = True
    for offset, line in follow(log.path, after, ended):
        nothing = False
        yield _numbered({"offset": offset, **line}, log)
    attempt = log.attempt
    if nothing and not after and attempt is not None and not log.path.exists():
        yield _numbered({"offset": 0, "at": _at(attempt), "stream": "sqlpipe", "text": _summary(attempt)}, log)


def _numbered(line: Line, log: _Log) -> Line:
    return {**line, "attempt": log.number, **({"item": log.item} if log.item >= 0 else {})}


def _at(attempt: AttemptRecord) -> str:
    return (attempt.finished or attempt.started).isoformat()


def _summary(attempt: AttemptRecord) -> str:
    said = f"attempt {attempt.number} {'is running' if attempt.state is AttemptState.RUNNING else attempt.state.value}"
    rows = "" if attempt.rows is None else f", {attempt.rows:,} {'row' if attempt.rows == 1 else 'rows'}"
    return f"{said}{rows}{': ' if attempt.message else ''}{attempt.message}"


def _ended(book: Book, asked: _Asked, log: _Log, stop: Callable[[], bool]) -> Callable[[], bool]:
    """Whether nothing more comes to a log."""

    def ended() -> bool:
        if stop() or log.attempt is None:
            return stop() or _over(book, asked)
        now = attempts.attempts(book, run=asked.run.id, node=asked.key)
        return all(each.state is not AttemptState.RUNNING for each in now if each.id == log.attempt.id)

    return ended


def _over(book: Book, asked: _Asked) -> bool:
    """Whether there will be no further attempt."""
    run = runs.get_run(book, asked.run.id)
    record = _record(book, asked)
    return run is None or run.state in _ENDED or (record is not None and record.state in FINAL)


def _record(book: Book, asked: _Asked) -> NodeRecord | None:
    """How far the node, or its item, has come."""
    nodes = attempts.nodes(book, asked.run.id)
    return next((each for each in nodes if (each.node, each.item) == (asked.key, asked.item)), None)


def _not_begun(workspace: Workspace, book: Book, asked: _Asked) -> SqlpipeError:
    known = workspace.graph.nodes.get(asked.key)
    name = str(known.name) if known else asked.key
    had = attempts.attempts(book, run=asked.run.id, node=asked.key)
    record, help = _record(book, asked), f"see `sqlpipe runs {asked.run.id}`"
    if had:
        numbers = sorted({each.number for each in had})
        said = f"{name} has no attempt {asked.attempt} in this run: it has had {', '.join(map(str, numbers))}"
    elif record is None and asked.run.state in _ENDED:
        said = f"{name} was not reached in run {asked.run.id}, which is {asked.run.state}"
    elif record is None or record.state in (State.WAITING, State.RUNNING):
        said = f"{name} has not begun in run {asked.run.id}{f': {record.detail}' if record and record.detail else ''}"
        help = "follow it with `-f`, or ask `sqlpipe why` what it waits for"
    else:
        said = f"{name} was not run: it is {record.state}{f', {record.detail}' if record.detail else ''}"
    return SqlpipeError(Diagnostic(code="SP624", message=said, help=help))
