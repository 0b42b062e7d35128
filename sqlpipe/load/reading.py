"""From the text of one file to its facts: the door to YAML, SQL and Jinja, opened only for files that have changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from sqlpipe.domain.diagnostic import Diagnostic, did_you_mean
from sqlpipe.domain.project import Embedded, Incremental, Ingest, Kind, Python, Seed, TimeColumn
from sqlpipe.domain.query import Query
from sqlpipe.domain.task import Task
from sqlpipe.load.asked import Asked, Template
from sqlpipe.load.checks import distinctly
from sqlpipe.load.complaints import TOP, Complaints, Named
from sqlpipe.load.dashboard import read_dashboard
from sqlpipe.load.document import Record, Scalar, parse
from sqlpipe.load.facts import OF_TABLES, Facts, Role, SourceFile
from sqlpipe.load.header import Header, WrittenColumns, beneath, read_header, without_places
from sqlpipe.load.kinds import is_file_pattern, kind_name, kind_of, takes
from sqlpipe.load.notes import Notes, is_template
from sqlpipe.load.positions import Body, Mark
from sqlpipe.load.python_model import PythonCode, parse_python, read_python
from sqlpipe.load.running import wiring_of
from sqlpipe.load.split import Parts, split_python, split_sql
from sqlpipe.load.tasks import WrittenTask, read_python_task, read_task
from sqlpipe.sql.parse import SqlProblems, analyse

if TYPE_CHECKING:
    from sqlpipe.load.template import Templates

_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/|[\s;]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Context:
    """What files are read with: the defaults of folders, and what templates may ask for."""

    root: str
    defaults: tuple[tuple[str, Header], ...] = ()
    macros: Mapping[str, str] | None = None
    variables: Mapping[str, object] | None = None
    environ: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The facts of a file, unless it is beyond reading, and what is wrong with it.

    Those of a dashboard are as much as could be read, for one bad chart shall not hide that a table is unknown.
    """

    facts: Facts | None
    complaints: tuple[Diagnostic, ...] = ()


class Reader:
    """Reads files in one context; Jinja is set up for the first file that needs it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._templates: Templates | None = None

    def read(self, file: SourceFile) -> Outcome:
        """Read one file."""
        complaints = Complaints(file.written_in, file.text)
        match file.role:
            case Role.MODEL | Role.CHECK:
                facts = self._sql(file, complaints)
            case Role.PYTHON:
                facts = self._python(file, complaints)
            case Role.SEED:
                facts = self._seed(file, complaints)
            case Role.TASK | Role.PYTHON_TASK:
                facts = self._task(file, complaints)
            case Role.DASHBOARD:
                return Outcome(read_dashboard(file, self._defaults(file), complaints), tuple(complaints.found))
        return Outcome(facts if not complaints.found else None, tuple(complaints.found))

    def _header(self, file: SourceFile, parts: Parts, complaints: Complaints) -> Header:
        value = parse(parts.header, complaints, line=parts.line, column=parts.column) if parts.header else None
        return beneath(self._defaults(file), read_header(value, complaints))

    def _defaults(self, file: SourceFile) -> Header:
        """What the folders say in which the file lies, the innermost first."""
        own = Header()
        for folder, header in reversed(self._context.defaults):
            if file.path.startswith(f"{folder}/"):
                own = beneath(without_places(header), own)
        return own

    def _sql(self, file: SourceFile, complaints: Complaints) -> Facts | None:
        parts = split_sql(file.text, complaints)
        if parts is None:
            return None
        header = self._header(file, parts, complaints)
        name = kind_name(file, header, complaints)
        kind = kind_of(name, file, header, complaints) if name else None
        facts = Facts(kind or Embedded(), "", parts.body_at, parts.body_line, parts.indent)
        body = facts.body(file.text)
        if is_template(body.text):
            rendered = self._jinja().render(file.path, body.text, parts.body_line, complaints)
            if rendered is None:
                return None
            body = Body(rendered.text, body.line, rendered.marks)
            facts = replace(
                facts, rendered=body.text, marks=body.marks, templated=True, environment=rendered.environment
            )
        if isinstance(kind, Ingest) and not _COMMENTS.sub("", body.text):
            body = _whole_source(kind, complaints)
            facts = replace(facts, rendered=body.text, marks=body.marks, body_line=kind.source_place.line)
        query = _analyse(body, header, name, complaints)
        if query is None or kind is None:
            return None
        _complain_of_placeholders(kind, query, body, complaints)
        _complain_of_columns(file, header, query, complaints)
        return _described(replace(facts, query=query), header, kind, query.digest)

    def _python(self, file: SourceFile, complaints: Complaints) -> Facts | None:
        tree = parse_python(file.text, complaints)
        if tree is None:
            return None
        header = self._header(file, split_python(tree, file.text), complaints)
        name = kind_name(file, header, complaints)
        kind = kind_of(name, file, header, complaints) if name else None
        code = read_python(tree, Path(self._context.root), file.path, complaints)
        if code is None or not isinstance(kind, Python):
            return None
        kind = replace(kind, function=code.function, inputs=_spelled(code))
        facts = Facts(kind, "", inputs=tuple(named for _, named in code.inputs), modules=code.modules)
        return _described(facts, header, kind, code.digest)

    def _seed(self, file: SourceFile, complaints: Complaints) -> Facts | None:
        header = self._header(file, Parts(file.text), complaints)
        name = kind_name(file, header, complaints)
        kind = kind_of(name, file, header, complaints) if name else None
        return _described(Facts(kind, ""), header, kind, "") if kind else None

    def _task(self, file: SourceFile, complaints: Complaints) -> Facts | None:
        notes = Notes(Path(self._context.root), complaints)
        defaults = self._defaults(file)
        if file.role is Role.TASK:
            written = read_task(parse(file.text, complaints), defaults, notes)
        else:
            written = self._python_task(file, defaults, notes)
        asked = self._ask(written, notes) if written else Asked()
        if written is None:
            return None
        wiring = replace(written.wiring, facts=(*written.wiring.facts, *asked.facts))
        modules = tuple(sorted(set(notes.modules)))
        facts = Facts(
            written.kind, "", body_line=written.line, templated=asked.variables, modules=modules, wiring=wiring
        )
        return _described(facts, written.header, written.kind, written.digest)

    def _python_task(self, file: SourceFile, defaults: Header, notes: Notes) -> WrittenTask | None:
        tree = parse_python(file.text, notes.complaints)
        if tree is None:
            return None
        parts = split_python(tree, file.text)
        value = parse(parts.header, notes.complaints, line=parts.line, column=parts.column) if parts.header else None
        kinds = [each for each in value.entries if each.key == "kind"] if isinstance(value, Record) else []
        own = read_header(Record(tuple(kinds), TOP), notes.complaints)
        kind = kind_name(file, own, notes.complaints)
        return read_python_task(tree, value, kind, defaults, notes) if kind else None

    def _ask(self, written: WrittenTask, notes: Notes) -> Asked:
        """What the templates of a task ask for; Jinja is only needed where there are any."""
        asked = Asked()
        names = ("item",) if isinstance(written.kind, Task) and written.kind.for_each else ()
        of_files = [(Template(Scalar(text, text, TOP), names), path) for path, text in notes.files if is_template(text)]
        own = [Template(each, names) for each in written.texts]
        own += [Template(each, is_expression=True) for each in written.expressions]
        if not own and not of_files:
            return asked
        examine: Callable[[Template, Collection[str], Complaints], Asked]
        examine = import_module("sqlpipe.load.expressions").examine
        variables = self._context.variables or {}
        for each in own:
            asked = asked.and_of(examine(each, variables, notes.complaints))
        for each, path in of_files:
            inside = Complaints(path.text, each.value.text)
            asked = asked.and_of(examine(each, variables, inside).at(path.place))
            notes.complaints.found += inside.found
        return asked

    def _jinja(self) -> Templates:
        if self._templates is None:
            context = self._context
            templates: type[Templates] = import_module("sqlpipe.load.template").Templates
            self._templates = templates(context.macros or {}, context.variables or {}, context.environ or {})
        return self._templates


def _spelled(code: PythonCode) -> tuple[tuple[str, str], ...]:
    return tuple((parameter, named.text) for parameter, named in code.inputs)


def _whole_source(kind: Ingest, complaints: Complaints) -> Body:
    """The query of an ingest that has none; its place is that of `from:`."""
    place = kind.source_place
    if not is_file_pattern(kind.source):
        help = f"write the query to run in `{kind.source}` below the header"
        complaints.add("SP106", "an ingest from a connection needs a query", place, label="what of it?", help=help)
    return Body("select * from source", place.line, (Mark(0, place.line, place.column, place.length),))


def _analyse(body: Body, header: Header, name: str | None, complaints: Complaints) -> Query | None:
    # Which database a connection leads to is known only with the profile; SQLite is what there is so far.
    foreign = name == "ingest" and header.source is not None and not is_file_pattern(header.source.text)
    try:
        return analyse(body.text, dialect="sqlite" if foreign else "duckdb")
    except SqlProblems as found:
        for each in found.problems:
            place = body.place(each.start, each.end)
            complaints.add(each.code, each.message, place, label=each.label, help=each.help)
        return None


def _complain_of_placeholders(kind: Kind, query: Query, body: Body, complaints: Complaints) -> None:
    if isinstance(kind, Incremental | Ingest):
        return
    for each in query.placeholders:
        place = body.place(each.start, each.end)
        help = "make it `kind: incremental` with a `time` column, or leave the placeholder out"
        said = f"`:{each.name}` has no meaning here, for the node has no time column"
        complaints.add("SP206", said, place, label="which time?", help=help)


def _complain_of_columns(file: SourceFile, header: Header, query: Query, complaints: Complaints) -> None:
    if query.columns is None:
        return
    known = {each.casefold() for each in query.columns}
    for named in _named_columns(header):
        if named.text.casefold() not in known:
            help = did_you_mean(named.text, query.columns)
            said = f"unknown column `{named.text}`"
            notes = (f"{file.name} has {', '.join(query.columns)}",)
            complaints.add("SP201", said, named.place, label="not a column of the query", help=help, notes=notes)


def _named_columns(header: Header) -> Iterator[Named]:
    """The columns of the table itself that the header of the file names, not those of folder defaults."""
    if header.time and "time" in header.given:
        yield Named(header.time.time.column, header.time.place)
    if header.columns and "columns" in header.given:
        yield from header.columns.names
    if header.checks and "checks" in header.given:
        for each in header.checks:
            yield from each.columns
    if header.key and "key" in header.given:
        yield from header.key


def _described(facts: Facts, header: Header, kind: Kind, digest: str) -> Facts:
    """The facts with what every header may say."""
    columns = header.columns or WrittenColumns()
    checks = distinctly((*columns.checks, *(header.checks or ()))) if takes(_word(kind), "checks") else ()
    depends_on = header.depends_on
    return replace(
        facts,
        kind=kind,
        digest=blake2b(repr((digest, _word(kind), _deciding(kind))).encode(), digest_size=16).hexdigest(),
        description=header.description or "",
        tags=frozenset(header.tags or ()),
        columns=columns.columns,
        checks=tuple(each.check for each in checks),
        targets=tuple(each.target for each in checks if each.target),
        adds=depends_on.add if depends_on else (),
        ignores=depends_on.ignore if depends_on else (),
        lookups=header.lookups or (),
        wiring=facts.wiring or wiring_of(header, OF_TABLES),
    )


def _word(kind: Kind) -> str:
    return type(kind).__name__.lower().removesuffix("query")


def _deciding(kind: Kind) -> object:
    """The settings that decide which rows a node has."""
    match kind:
        case Incremental(time=time):
            return _decisive(time)
        case Seed(types=types):
            return sorted(types.items())
        case Ingest():
            return (kind.source, repr(kind.cursor), kind.key, kind.write, kind.deletes, _decisive(kind.time))
        case Python():
            return (kind.function, kind.inputs)
        case _:
            return ()


def _decisive(time: TimeColumn | None) -> object:
    """How far one looks back and how much is done at once do not change what the rows should be."""
    return (time.column, time.grain.value, time.start) if time else None
