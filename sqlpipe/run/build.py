"""Models, seeds and Python nodes written into the database."""

from __future__ import annotations

from sqlpipe.domain.check import Check
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.names import literal, quote
from sqlpipe.domain.project import CheckQuery, Node, Python, Seed
from sqlpipe.engine.contract import Session
from sqlpipe.plan.compile import compile_query
from sqlpipe.run.job import Desk, Job, Outcome
from sqlpipe.run.publish import Written, publish
from sqlpipe.run.python_node import call
from sqlpipe.run.relation import contents

_READERS = {
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".parquet": "read_parquet",
}


def build_view(job: Job, desk: Desk) -> Outcome:
    """Create the view, look at its rows, and make it visible only if they pass."""

    def write(session: Session) -> Written:
        make_room(session, job, "view")
        session.execute(f"create or replace view {job.node.name.quoted} as\n{compile_query(job.graph, job.node)}")
        return Written("view", None, audits=all_checks(job.node))

    return publish(job, desk, write)


def build_table(job: Job, desk: Desk) -> Outcome:
    """Build the table as a whole from its query."""
    return replace_table(job, desk, compile_query(job.graph, job.node), "table")


def build_seed(job: Job, desk: Desk) -> Outcome:
    """Read a file of the project into its table."""
    kind = job.node.kind
    assert isinstance(kind, Seed)
    path = job.root / job.node.path
    reader = _READERS[path.suffix]
    options = ""
    if kind.types and reader != "read_parquet":
        pairs = ", ".join(f"{literal(column)}: {literal(of)}" for column, of in kind.types.items())
        options = f", {'types' if reader == 'read_csv' else 'columns'} = {{{pairs}}}"
    return replace_table(job, desk, f"select * from {reader}({literal(str(path))}{options})", "seed")


def build_python(job: Job, desk: Desk) -> Outcome:
    """Call the node's function and write what it returns."""
    assert isinstance(job.node.kind, Python)
    call(job, desk.session)
    return replace_table(job, desk, f"select * from {quote(job.staged)}", "python")


def run_check(job: Job, desk: Desk) -> Outcome:
    """Run a check query: every row is an offence."""
    assert isinstance(job.node.kind, CheckQuery)
    relation = f"(\n{compile_query(job.graph, job.node)}\n)"
    check = job.node.kind.check

    def write(_session: Session) -> Written:
        return Written("check", None, audits=[(relation, [check])], changed=False)

    return publish(job, desk, write)


def replace_table(job: Job, desk: Desk, query: str, action: str) -> Outcome:
    """Build a table anew; if the rows come out as they were, its data version stays and nothing below has to run."""

    def write(session: Session) -> Written:
        name = job.node.name.quoted
        before = held_contents(session, job)
        make_room(session, job, "table")
        rows = session.execute(f"create or replace table {name} as\n{query}")
        changed = before is None or before != contents(session, name)
        detail = "" if changed else "same rows as before"
        return Written(action, rows, audits=all_checks(job.node), detail=detail, changed=changed)

    return publish(job, desk, write)


def held_contents(session: Session, job: Job) -> tuple[object, ...] | None:
    """What the node's table holds before it is written; None if there is no such table yet."""
    return contents(session, job.node.name.quoted) if job.exists == "table" and job.held else None


def make_room(session: Session, job: Job, kind: str) -> None:
    """Take away what stands under the node's name in another form; refuse what is not ours."""
    if job.exists and job.held is None:
        raise SqlpipeError(
            Diagnostic(
                code="SP514",
                message=f"{job.node.name} exists in the database already, and sqlpipe has not made it",
                help=f"rename or drop the {job.exists}, or declare it under `sources:` in sqlpipe.yml and read it",
            )
        )
    if job.exists and job.exists != kind:
        session.execute(f"drop {job.exists} {job.node.name.quoted}")


def all_checks(node: Node) -> list[tuple[str, tuple[Check, ...]]]:
    """All checks of a node, to be run over all of its rows."""
    return [(node.name.quoted, node.checks)] if node.checks else []
