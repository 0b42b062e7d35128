"""Files in `tasks/`: one task or one sensor each, as YAML or as Python."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from hashlib import blake2b

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.task import AS_USUAL, Ask, Bash, Condition, Effects, Operator, Sensor, Task, Truth
from sqlpipe.load.complaints import TOP, Complaints
from sqlpipe.load.decode import expected, fields, list_or_one, listed, named, need, one_of, take, text, whole
from sqlpipe.load.document import Record, Scalar, Series, Value, plain
from sqlpipe.load.facts import OF_TASKS, Wiring
from sqlpipe.load.header import Header, beneath, read_header
from sqlpipe.load.notes import Notes, Options, is_template, templates
from sqlpipe.load.operators import BESIDE, OPERATORS, effects_of, note_query
from sqlpipe.load.running import wiring_of
from sqlpipe.load.sensors import read_condition, read_timing
from sqlpipe.load.task_code import read_own

# What every file in `tasks/` can say, what only tasks can, and what only sensors can.
SHARED = ("description", "tags", "after", "before", "if", "trigger", "retries", "timeout", "pool")
OF_A_TASK = ("effects", "for_each", "most", "parallel")
OF_A_SENSOR = ("interval", "max_interval", "backoff", "jitter", "poke_timeout", "on_timeout", "max_errors")
WORDS = (*OPERATORS, "sensor")
KEYS = (*WORDS, *SHARED, *OF_A_TASK, *OF_A_SENSOR, "with", "env", "cwd")

_IN_A_HEADER = ("kind", "description", "tags", "after", "trigger", "retries", "pool", "timeout")
_SUCH_AS = "such as `bash: python fetch.py`"


@dataclass(frozen=True, slots=True)
class WrittenTask:
    """A task or sensor as its file says it; `texts` are templates, and `expressions` what stands without braces."""

    kind: Task | Sensor
    header: Header
    wiring: Wiring
    digest: str
    line: int
    texts: tuple[Scalar, ...]
    expressions: tuple[Scalar, ...]


def read_task(value: Value | None, defaults: Header, notes: Notes) -> WrittenTask | None:
    """Read a YAML file; None after a complaint."""
    word = _word(value, notes.complaints)
    if word is None or not isinstance(value, Record):
        return None
    options = _options(value, _keys_of(word), f"a `{word}` task" if word != "sensor" else "a sensor", notes)
    if word not in options:
        place = next(each.place for each in value.entries if each.key == word)
        notes.complaints.add("SP611", f"`{word}` says nothing", place, label="what is to be done?")
        return None
    if word == "sensor":
        return _sensor(read_condition(options[word], notes), options, defaults, options[word].place, notes)
    return _task(OPERATORS[word](options[word], options, notes), options, defaults, options[word].place, notes)


def read_python_task(
    tree: ast.Module, value: Value | None, kind: str, defaults: Header, notes: Notes
) -> WrittenTask | None:
    """Read a Python file whose header says that it is a `task` or a `sensor`."""
    own = [each for each in SHARED if kind == "task" or each != "retries"]
    known = ("kind", *BESIDE["python"], *own, *(OF_A_SENSOR if kind == "sensor" else OF_A_TASK))
    options = _options(value, known, f"a Python {kind}", notes) if value is not None else {}
    names = ("sensor", "task") if kind == "sensor" else ("task",)
    call = read_own(tree, notes.complaints.file, names, options, notes)
    if kind == "sensor":
        return _sensor(Ask(call) if call else None, options, defaults, TOP, notes)
    return _task(call, options, defaults, TOP, notes)


def _word(value: Value | None, complaints: Complaints) -> str | None:
    """The key that says what is done."""
    if value is not None and not isinstance(value, Record):
        expected("a mapping", value, complaints, help=_SUCH_AS)
        return None
    entries = value.entries if value is not None else ()
    words = [each for each in entries if each.key in WORDS]
    if len(words) == 1:
        return words[0].key
    if words:
        help = "put the other into a file of its own, with `after:`"
        complaints.add("SP611", "a task does one thing", words[1].place, label="a second one", help=help)
    elif not complaints.found:
        fields(value or Record((), TOP), KEYS, complaints, "a task")
        if not complaints.found:
            said = f"a task needs {listed(WORDS)}"
            complaints.add("SP611", said, entries[0].place if entries else TOP, label="to do what?", help=_SUCH_AS)
    return None


def _keys_of(word: str) -> tuple[str, ...]:
    if word == "sensor":
        return (word, *(each for each in SHARED if each != "retries"), *OF_A_SENSOR)
    return (word, *BESIDE[word], *SHARED, *OF_A_TASK)


def _options(value: Value, known: tuple[str, ...], what: str, notes: Notes) -> Options:
    """The entries of a file by key; keys that belong to other tasks are told apart from unknown ones."""
    entries = fields(value, tuple(dict.fromkeys((*known, *KEYS))), notes.complaints, what)
    for key, entry in entries.items():
        if key not in known:
            notes.complaints.add("SP102", f"{what} has no `{key}`", entry.place, label=_takers(key))
    return {key: entry for key, entry in entries.items() if key in known}


def _takers(key: str) -> str:
    takers = [word for word in WORDS if key in _keys_of(word)]
    if len(takers) == len(OPERATORS):
        return "only tasks take it"
    return "another kind of task" if key in WORDS else f"only {listed(takers)} takes it"


def _task(
    operator: Operator | None, options: Options, defaults: Header, place: Place, notes: Notes
) -> WrittenTask | None:
    complaints = notes.complaints
    header = beneath(defaults, _header(options, complaints))
    around = _around(header, options, notes)
    items = options.get("for_each")
    effects = take(options, "effects", one_of(*Effects), complaints)
    most, parallel = (take(options, key, whole(1), complaints) for key in ("most", "parallel"))
    expression = _items(items.value, complaints) if items else ""
    if operator is None:
        return None
    kind = Task(
        operator,
        effects=Effects(effects) if effects else effects_of(operator),
        for_each=expression or "",
        most=most or 100,
        parallel=parallel or 8,
    )
    return replace(around, kind=kind, digest=_digest(notes, operator, kind.for_each), line=place.line)


def _sensor(
    condition: Condition | None, options: Options, defaults: Header, place: Place, notes: Notes
) -> WrittenTask | None:
    # How long the tasks of a folder may take says nothing of how long one waits.
    defaults = replace(defaults, retries=None, timeout=None)
    own = {key: entry for key, entry in options.items() if key != "timeout"}
    around = _around(beneath(defaults, _header(own, notes.complaints)), options, notes)
    sensor = read_timing(condition or Truth(""), options, place, notes.complaints)
    if condition is None:
        return None
    return replace(around, kind=sensor, digest=_digest(notes, condition), line=place.line)


def _header(options: Options, complaints: Complaints) -> Header:
    entries = tuple(entry for key, entry in options.items() if key in _IN_A_HEADER)
    return read_header(Record(entries, TOP), complaints)


def _around(header: Header, options: Options, notes: Notes) -> WrittenTask:
    """What tasks and sensors have in common; the kind is put in later."""
    before = take(options, "before", list_or_one(named), notes.complaints) or ()
    wiring = wiring_of(header, OF_TASKS) or Wiring(AS_USUAL)
    condition, is_sql = _condition(options, notes)
    expressions = [condition] if condition and not is_sql else []
    if "for_each" in options and isinstance(options["for_each"].value, Scalar):
        expressions.append(options["for_each"].value)
    shared = {*SHARED, *OF_A_TASK, *OF_A_SENSOR, "kind"}
    texts = [each for key, entry in options.items() if key not in shared for each in templates(entry.value)]
    texts += [condition] if condition and is_sql and is_template(condition.text) else []
    running = replace(wiring.running, condition=condition.text.strip() if condition else "", condition_is_sql=is_sql)
    wiring = replace(
        wiring,
        running=running,
        before=before,
        facts=tuple(notes.inputs),
        tables=tuple(notes.tables),
        pipeline=notes.pipeline,
        watched=notes.watched,
    )
    return WrittenTask(Task(Bash("")), header, wiring, "", 1, tuple(texts), tuple(expressions))


def _condition(options: Options, notes: Notes) -> tuple[Scalar | None, bool]:
    """What has to be true for the node to be run, and whether it is a query."""
    entry = options.get("if")
    if entry is None:
        return None, False
    if isinstance(entry.value, Scalar):
        return entry.value, False
    inner = fields(entry.value, ("sql",), notes.complaints, "`if`")
    need(inner, "sql", notes.complaints, entry.place, "`if`")
    value = inner["sql"].value if "sql" in inner else None
    if not isinstance(value, Scalar):
        if value is not None:
            expected("a query", value, notes.complaints)
        return None, True
    note_query(value, notes)
    return value, True


def _items(value: Value, complaints: Complaints) -> str | None:
    """An expression for a list; a list that is written out is one as well."""
    if isinstance(value, Series):
        return repr(plain(value))
    return text(value, complaints)


def _digest(notes: Notes, *parts: object) -> str:
    return blake2b(repr((parts, notes.code)).encode(), digest_size=16).hexdigest()
