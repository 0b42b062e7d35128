"""What a task does, as it is written: a script, a call, statements, a request, another job."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlpipe.domain.diagnostic import Place, did_you_mean, place_of
from sqlpipe.domain.task import Bash, Effects, Launch, Operator, Request, Statement
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.decode import anything, expected, fields, list_or_one, named, need, take, text, texts, whole
from sqlpipe.load.document import Entry, Record, Scalar, Value
from sqlpipe.load.inside import place_inside
from sqlpipe.load.notes import Notes, Options, is_template
from sqlpipe.load.task_code import read_call
from sqlpipe.sql.parse import SqlProblems, analyse
from sqlpipe.sql.script import tables_read

_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
_STATUS = (100, 599)


def effects_of(operator: Operator) -> Effects:
    """What a second try could do, where the author does not say."""
    match operator:
        case Request(method="GET" | "HEAD" | "OPTIONS"):
            return Effects.NONE
        case Request(method="PUT" | "DELETE"):
            return Effects.IDEMPOTENT
        case Request():
            return Effects.UNSAFE
        case _:
            return Effects.IDEMPOTENT


def _bash(entry: Entry, options: Options, notes: Notes) -> Bash | None:
    script = text(entry.value, notes.complaints)
    env = take(options, "env", texts, notes.complaints)
    cwd = take(options, "cwd", text, notes.complaints)
    return Bash(script, env or {}, cwd or "") if script else None


_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def _sql(entry: Entry, _options: Options, notes: Notes) -> Statement | None:
    if not isinstance(entry.value, Record):
        sql = text(entry.value, notes.complaints)
        if sql is not None and isinstance(entry.value, Scalar):
            _note_tables(sql, notes.complaints, notes, _within(entry.value, notes))
        return Statement(sql) if sql else None
    options = fields(entry.value, ("file",), notes.complaints, "`sql`")
    need(options, "file", notes.complaints, entry.place, "`sql`")
    path = take(options, "file", named, notes.complaints)
    return _sql_file(path, notes) if path else None


def _sql_file(path: Named, notes: Notes) -> Statement | None:
    file = notes.root / path.text
    try:
        sql = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        there = [each.relative_to(notes.root).as_posix() for each in sorted(file.parent.glob("*.sql"))]
        why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is not UTF-8"
        said = f"`{path.text}` cannot be read: {why}"
        help = did_you_mean(path.text, there) or "the path is relative to the folder of the project"
        notes.complaints.add("SP113", said, path.place, label="this file", help=help)
        return None
    notes.modules.append(path.text)
    notes.files.append((path, sql))
    own = Complaints(path.text, sql)
    before = len(notes.tables)
    _note_tables(sql, own, notes, lambda start, end: place_of(sql, min(start, len(sql)), end))
    notes.tables[before:] = [Named(each.text, path.place) for each in notes.tables[before:]]
    notes.complaints.found += own.found
    return Statement(sql)


def _note_tables(sql: str, complaints: Complaints, notes: Notes, where: Callable[[int, int], Place]) -> None:
    """Read statements; `where` gives the place of a piece of them.

    Values of a template are not known yet: what can be read without them is, and what cannot is no mistake.
    """
    template = is_template(sql)
    try:
        found = tables_read(_VALUE.sub(lambda match: "null".ljust(len(match[0])), sql) if template else sql)
    except SqlProblems as problems:
        if not template:
            _complain(problems, complaints, where)
        return
    notes.tables += [Named(each.text, where(each.start, each.end)) for each in found]


def note_query(value: Scalar, notes: Notes) -> None:
    """Read one query, unless it is a template, and note its tables."""
    if is_template(value.text):
        return
    where = _within(value, notes)
    try:
        found = analyse(value.text)
    except SqlProblems as problems:
        _complain(problems, notes.complaints, where)
        return
    notes.tables += [Named(each.text, where(each.start, each.end)) for each in found.references]


def _within(value: Scalar, notes: Notes) -> Callable[[int, int], Place]:
    return lambda start, end: place_inside(value, start, end, notes.complaints.text)


def _complain(problems: SqlProblems, complaints: Complaints, where: Callable[[int, int], Place]) -> None:
    for each in problems.problems:
        complaints.add(each.code, each.message, where(each.start, each.end), label=each.label, help=each.help)


def request_of(value: Value, complaints: Complaints) -> Request | None:
    """An address, or a mapping that says how it is asked."""
    if not isinstance(value, Record):
        address = _url(value, complaints)
        return Request(address) if address else None
    options = fields(value, ("url", "method", "headers", "body", "status"), complaints, "`http`")
    need(options, "url", complaints, value.place, "`http`")
    address = take(options, "url", _url, complaints)
    method = take(options, "method", _method, complaints)
    headers = take(options, "headers", texts, complaints)
    body = take(options, "body", anything, complaints)
    status = take(options, "status", list_or_one(_status), complaints)
    if address is None:
        return None
    return Request(address, method or ("GET" if body is None else "POST"), headers or {}, body, status or ())


def _url(value: Value, complaints: Complaints) -> str | None:
    found = text(value, complaints)
    if found is not None and not found.lower().startswith(("http://", "https://")) and not is_template(found):
        expected("an address", value, complaints, help="such as `https://api.example.com/orders`")
        return None
    return found


def _method(value: Value, complaints: Complaints) -> str | None:
    found = text(value, complaints)
    if found is not None and found.upper() in _METHODS:
        return found.upper()
    if found is not None:
        help = did_you_mean(found, _METHODS) or f"the methods are {', '.join(_METHODS)}"
        complaints.add("SP103", f"unknown method `{found}`", value.place, label="here", help=help)
    return None


def _status(value: Value, complaints: Complaints) -> int | None:
    found = whole(_STATUS[0])(value, complaints)
    if found is not None and found > _STATUS[1]:
        expected(f"a status from {_STATUS[0]} to {_STATUS[1]}", value, complaints)
        return None
    return found


def _http(entry: Entry, _options: Options, notes: Notes) -> Request | None:
    return request_of(entry.value, notes.complaints)


def _python(entry: Entry, options: Options, notes: Notes) -> Operator | None:
    return read_call(entry.value, options, notes)


def _run(entry: Entry, _options: Options, notes: Notes) -> Launch | None:
    if not isinstance(entry.value, Record):
        pipeline = named(entry.value, notes.complaints)
        notes.pipeline = pipeline
        return Launch(pipeline=pipeline.text) if pipeline else None
    options = fields(entry.value, ("project", "pipeline", "select", "target"), notes.complaints, "`run`")
    project, target = (take(options, key, text, notes.complaints) for key in ("project", "target"))
    pipeline = take(options, "pipeline", named, notes.complaints)
    select = take(options, "select", list_or_one(text), notes.complaints)
    if "pipeline" in options and "select" in options:
        said = "`run` takes a pipeline or a selection"
        notes.complaints.add("SP103", said, options["select"].place, label="one of the two")
    if not {"project", "pipeline", "select"} & set(options):
        notes.complaints.add("SP106", "`run` needs `pipeline` or `select`", entry.place, label="run what?")
        return None
    notes.pipeline = pipeline if project is None else None
    return Launch(project or "", pipeline.text if pipeline else "", select or (), target or "")


OPERATORS: Mapping[str, Callable[[Entry, Options, Notes], Operator | None]] = {
    "bash": _bash,
    "python": _python,
    "sql": _sql,
    "http": _http,
    "run": _run,
}

# Keys that only some operators have beside them.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "bash": ("env", "cwd"),
    "python": ("with", "env", "cwd"),
    "sql": (),
    "http": (),
    "run": (),
}
