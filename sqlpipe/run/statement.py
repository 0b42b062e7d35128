"""Tasks that are SQL statements, run on the target in one transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, span_of
from sqlpipe.domain.task import Mishap, Statement
from sqlpipe.engine.contract import Interrupted, QueryError, Session
from sqlpipe.load.late import Quoting, render
from sqlpipe.load.secret import hide
from sqlpipe.run.blame import source_text
from sqlpipe.run.shell import stopped
from sqlpipe.run.turn import Mischance, Result, Stopper, Turn
from sqlpipe.sql.problem import SqlProblems
from sqlpipe.sql.statements import Single, statements

_OF_TRANSACTIONS = frozenset({"abort", "begin", "commit", "end", "rollback", "start"})
_AGAIN = 0.1


def run_statements(statement: Statement, turn: Turn) -> Result:
    """Run all statements of a task, or none; the fact `rows` says how many rows the last one wrote.

    Raises Mischance (SP634) for a text that is none or ends transactions by itself, and what the database raises.
    """
    session = turn.session
    assert session is not None
    singles = _singles(render(statement.sql, turn.values, Quoting.SQL).text, turn)
    rows = -1
    with session.transaction():
        for number, each in enumerate(singles, 1):
            rows = _run(each, session, turn)
            wrote = "" if rows < 0 else f": {rows:,} rows"
            said = f"statement {number} of {len(singles)} (line {each.line}, {each.verb}){wrote}"
            turn.log.write("sqlpipe", said, sql=each.text)
    if rows < 0:
        return Result()
    return Result({"rows": rows}, rows=rows)


def _singles(text: str, turn: Turn) -> tuple[Single, ...]:
    try:
        singles = statements(text)
    except SqlProblems as problems:
        said = "; ".join(each.message for each in problems.problems)
        raise _mischance(turn, said) from problems
    if not singles:
        raise _mischance(turn, "there is no statement")
    for each in singles:
        if each.verb in _OF_TRANSACTIONS:
            help = "take it out: all statements of a task are one transaction anyway"
            raise _mischance(turn, f"`{each.verb}` cannot stand in a task", help)
    return singles


def _run(single: Single, session: Session, turn: Turn) -> int:
    try:
        with _interruptible(session, turn.stopper):
            if turn.stopper.asked:
                raise stopped(turn)
            return session.execute(single.text)
    except Interrupted as error:
        raise stopped(turn) from error
    except QueryError as error:
        raise QueryError(_placed(error, turn), error.statement, error.place, passing=error.passing) from error


@contextmanager
def _interruptible(session: Session, stopper: Stopper) -> Iterator[None]:
    """Interrupt what runs inside when the attempt is to stop, and nothing that the session does afterwards."""
    over = threading.Event()
    guard = threading.Lock()

    def interrupt() -> None:
        # The wish may come just before the statement begins, when there is nothing to interrupt yet.
        while not over.wait(_AGAIN):
            with guard:
                if not over.is_set():
                    session.interrupt()

    def stop() -> None:
        with guard:
            if over.is_set():
                return
            session.interrupt()
        threading.Thread(target=interrupt, daemon=True).start()

    stopper.on_stop(stop)
    try:
        yield
    finally:
        with guard:
            over.set()


def _placed(error: QueryError, turn: Turn) -> Diagnostic:
    """The complaint with the line of the task's file, if that is found there as it was run."""
    diagnostic = error.diagnostics[0]
    span, notes = diagnostic.span, diagnostic.notes
    if error.place is not None and span is None:
        line = error.statement.split("\n")[error.place.line - 1]
        span = _span(line, error.place, turn)
        notes = notes if span else (*notes, f"in `{line.strip()[:200]}`")
    return replace(diagnostic, message=hide(f"{turn.node.name}: {diagnostic.message}"), span=span, notes=notes)


def _span(line: str, place: Place, turn: Turn) -> Span | None:
    text = source_text(turn.root / turn.node.path)
    lines = text.split("\n")
    # Behind the first word, for what stands before a statement on its line is not in it.
    same = [number for number, each in enumerate(lines, 1) if line.strip() and each.strip().endswith(line.strip())]
    if len(same) != 1:
        return None
    source = lines[same[0] - 1].rstrip()
    shift = len(source) - len(line.rstrip())
    return span_of(turn.node.path, text, Place(same[0], max(1, place.column + shift), place.length))


def _mischance(turn: Turn, said: str, help: str = "") -> Mischance:
    diagnostic = Diagnostic(code="SP634", message=f"{turn.node.name}: {said}", help=help)
    return Mischance(Mishap.PERMANENT, diagnostic)
