"""From the settings of a header to the kind of a node."""

from __future__ import annotations

from collections.abc import Mapping

from sqlpipe.domain.check import Check, Expression, Tolerance
from sqlpipe.domain.diagnostic import Place, Severity, did_you_mean
from sqlpipe.domain.project import (
    CheckQuery,
    ColumnCursor,
    Cursor,
    Embedded,
    FilesCursor,
    FullCursor,
    Incremental,
    Ingest,
    Kind,
    Python,
    Seed,
    Table,
    View,
)
from sqlpipe.load.complaints import TOP, Complaints, Named
from sqlpipe.load.decode import listed
from sqlpipe.load.facts import Role, SourceFile
from sqlpipe.load.header import Header

KINDS_OF: Mapping[Role, tuple[str, ...]] = {
    Role.MODEL: ("view", "table", "embedded", "incremental", "ingest"),
    Role.PYTHON: ("python",),
    Role.SEED: ("seed",),
    Role.CHECK: ("check",),
    Role.TASK: ("task", "sensor"),
    Role.PYTHON_TASK: ("task", "sensor"),
}

# Keys that only some kinds take; all kinds take the others.
_TAKEN_BY: Mapping[str, tuple[str, ...]] = {
    "checks": ("view", "table", "incremental", "ingest", "python", "seed"),
    "time": ("incremental", "ingest"),
    "lookups": ("incremental",),
    "from": ("ingest",),
    "cursor": ("ingest",),
    "key": ("ingest",),
    "write": ("ingest",),
    "deletes": ("ingest",),
    "schema": ("ingest",),
    "max_deletes": ("ingest",),
    "types": ("seed",),
    "severity": ("check",),
    "tolerance": ("check",),
    "columns": ("view", "table", "embedded", "incremental", "ingest", "python", "seed", "check"),
    "retries": ("view", "table", "embedded", "incremental", "ingest", "python", "seed", "check", "task"),
    "depends_on": ("view", "table", "embedded", "incremental", "ingest", "python", "check"),
}


def takes(kind: str, key: str) -> bool:
    """Whether headers of the kind may have the key."""
    return kind in _TAKEN_BY.get(key, (kind,))


def kind_name(file: SourceFile, header: Header, complaints: Complaints) -> str | None:
    """The word for the kind of a file's node."""
    known = KINDS_OF[file.role]
    if header.kind is None:
        return known[0]
    if header.kind.text in known:
        return header.kind.text
    if "kind" not in header.given:  # a folder's default does not bind files of another sort
        return known[0]
    every = {word for words in KINDS_OF.values() for word in words}
    if header.kind.text in every:
        said = f"a file like this cannot be of kind `{header.kind.text}`"
    else:
        said = f"unknown kind `{header.kind.text}`"
    help = did_you_mean(header.kind.text, known) or f"here it can be {listed(known)}"
    label = "not one of " + listed(known)
    complaints.add("SP105", said, header.kind.place, label=label, help=help)
    return None


def kind_of(name: str, file: SourceFile, header: Header, complaints: Complaints) -> Kind | None:
    """The kind that a header describes; complains of keys it does not take and of those it lacks."""
    for key, place in header.given.items():
        if not takes(name, key):
            takers = listed(_TAKEN_BY[key])
            complaints.add("SP102", f"a node of kind `{name}` has no `{key}`", place, label=f"only {takers} takes it")
    match name:
        case "view":
            return View()
        case "table":
            return Table()
        case "embedded":
            return Embedded()
        case "incremental":
            return _incremental(header, complaints)
        case "ingest":
            return _ingest(header, complaints)
        case "seed":
            return Seed(dict(header.types or {}))
        case "check":
            return _check_query(file, header)
        case _:
            # The function and its inputs are known only once the code has been read.
            return Python("", ())


def _incremental(header: Header, complaints: Complaints) -> Incremental | None:
    if header.time is None:
        _lacks("time", header, complaints, "such as `time: created_at` or `time: {column: created_at, grain: hour}`")
        return None
    return Incremental(header.time.time)


def _lacks(key: str, header: Header, complaints: Complaints, help: str) -> None:
    """Complain of a key that is not there; one that is there but wrong has been complained of already."""
    if key not in header.given:
        place = header.kind.place if header.kind and "kind" in header.given else TOP
        word = header.kind.text if header.kind else ""
        said = f"a node of kind `{word}` needs `{key}`"
        complaints.add("SP106", said, place, label=f"`{key}` is missing", help=help)


def is_file_pattern(source: str) -> bool:
    """Whether `from:` names files and not a connection.

    >>> is_file_pattern("data/*.csv"), is_file_pattern("crm")
    (True, False)
    """
    return "/" in source or "*" in source or source.lower().endswith((".csv", ".parquet", ".json"))


def _ingest(header: Header, complaints: Complaints) -> Ingest | None:
    if header.source is None:
        _lacks("from", header, complaints, "name files such as `from: data/*.csv`, or a connection of profiles.yml")
        return None
    source = header.source
    cursor = header.cursor or (FilesCursor() if is_file_pattern(source.text) else FullCursor())
    key = tuple(each.text for each in header.key or ())
    write = header.write or ("merge" if key else "append")
    deletes = header.deletes or ("hard" if isinstance(cursor, FullCursor) and key else "ignore")
    _complain_of_contradictions(header, cursor, write, deletes, complaints)
    return Ingest(
        source=source.text,
        source_place=source.place if "from" in header.given else TOP,
        cursor=cursor,
        key=key,
        write=write,
        deletes=deletes,
        schema=header.schema or "evolve",
        max_deletes=10 if header.max_deletes is None else header.max_deletes,
        time=header.time.time if header.time else None,
    )


def _complain_of_contradictions(
    header: Header, cursor: Cursor, write: str, deletes: str, complaints: Complaints
) -> None:
    def place(key: str) -> Place:
        return header.given.get(key, TOP)

    source = header.source or Named("", TOP)
    if isinstance(cursor, FilesCursor) and not is_file_pattern(source.text):
        help = "use `full` or a column with a connection"
        said = f"`cursor: files` needs files, and `{source.text}` is a connection"
        complaints.add("SP103", said, place("cursor"), label="here", help=help)
    if write == "merge" and not header.key and "key" not in header.given:
        complaints.add("SP106", "`write: merge` needs `key`", place("write"), label="by which columns?")
    if deletes == "ignore" or "deletes" not in header.given:
        return
    if isinstance(cursor, ColumnCursor):
        help = "use `cursor: full`, which compares everything"
        said = "rows deleted in the source cannot be found by a column"
        complaints.add("SP103", said, place("deletes"), label="never seen", help=help)
    elif not header.key and "key" not in header.given:
        complaints.add("SP106", f"`deletes: {deletes}` needs `key`", place("deletes"), label="by which columns?")


def _check_query(file: SourceFile, header: Header) -> CheckQuery:
    """Every row of the query is an offence, so that it has to have none."""
    severity, tolerance = header.severity or Severity.ERROR, header.tolerance or Tolerance()
    return CheckQuery(Check(Expression("false"), str(file.name), TOP, severity, tolerance=tolerance))
