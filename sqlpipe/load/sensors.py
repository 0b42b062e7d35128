"""What a sensor waits for and how it looks, as it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import time

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.task import (
    Answer,
    Ask,
    Condition,
    FileThere,
    OnTimeout,
    Request,
    Sensor,
    TableMoved,
    TimeOfDay,
    Truth,
)
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.decode import (
    anything,
    expected,
    fields,
    lasting,
    listed,
    named,
    number,
    one_of,
    pause,
    percent,
    take,
    text,
    whole,
)
from sqlpipe.load.document import Entry, Record, Scalar, Value
from sqlpipe.load.notes import Notes, Options
from sqlpipe.load.operators import note_query, request_of
from sqlpipe.load.schedule import zone_of
from sqlpipe.load.task_code import read_call

_SUCH_AS = "such as `sensor: {file: landing/*.csv}`"


def read_condition(entry: Entry, notes: Notes) -> Condition | None:
    """What stands under `sensor`."""
    value = entry.value
    if not isinstance(value, Record):
        expected("a mapping", value, notes.complaints, help=_SUCH_AS)
        return None
    words = [each for each in value.entries if each.key in CONDITIONS]
    if len(words) > 1:
        help = "put the other into a file of its own"
        notes.complaints.add("SP611", "a sensor waits for one thing", words[1].place, label="a second one", help=help)
        return None
    if not words:
        beside = [key for keys, _ in CONDITIONS.values() for key in keys]
        if len(fields(value, (*CONDITIONS, *beside), notes.complaints, "`sensor`")) == len(value.entries):
            said = f"a sensor needs {listed(tuple(CONDITIONS))}"
            notes.complaints.add("SP611", said, entry.place, label="waits for what?", help=_SUCH_AS)
        return None
    known = (words[0].key, *CONDITIONS[words[0].key][0])
    options = fields(value, known, notes.complaints, f"a sensor for `{words[0].key}`")
    if words[0].key not in options:
        expected("a value", words[0].value, notes.complaints)
        return None
    return CONDITIONS[words[0].key][1](words[0], options, notes)


def read_timing(condition: Condition, options: Options, place: Place, complaints: Complaints) -> Sensor:
    """The sensor with its times; complains of those that contradict each other."""
    usual = Sensor(condition)
    interval = take(options, "interval", lasting, complaints) or usual.interval
    longest = take(options, "max_interval", lasting, complaints) or max(usual.max_interval, interval)
    timeout = take(options, "timeout", lasting, complaints) or max(usual.timeout, interval)
    backoff = take(options, "backoff", _factor, complaints)
    jitter = take(options, "jitter", _share, complaints)
    if longest < interval:
        _contradict("`max_interval` is shorter than `interval`", "max_interval", options, place, complaints)
    if timeout < interval:
        _contradict("the sensor gives up before it looks a second time", "timeout", options, place, complaints)
    return Sensor(
        condition,
        interval=interval,
        max_interval=longest,
        backoff=usual.backoff if backoff is None else backoff,
        jitter=usual.jitter if jitter is None else jitter,
        timeout=timeout,
        poke_timeout=take(options, "poke_timeout", lasting, complaints) or usual.poke_timeout,
        on_timeout=OnTimeout(take(options, "on_timeout", one_of(*OnTimeout), complaints) or usual.on_timeout),
        max_errors=take(options, "max_errors", whole(1), complaints) or usual.max_errors,
    )


def _contradict(said: str, key: str, options: Options, place: Place, complaints: Complaints) -> None:
    at = options.get(key) or options.get("interval")
    help = "`interval` is the first pause, `max_interval` the longest, `timeout` the whole time it waits"
    complaints.add("SP615", said, at.value.place if at else place, label="here", help=help)


def _factor(value: Value, complaints: Complaints) -> float | None:
    found = number(value)
    if found is not None and found >= 1:
        return float(found)
    expected("a factor from 1 on", value, complaints, help="such as `1.5`; with 1 every pause is the same")
    return None


def _share(value: Value, complaints: Complaints) -> float | None:
    found = number(value)
    if found is not None and 0 <= found <= 1:
        return float(found)
    if isinstance(value, Scalar) and value.text.strip().endswith("%"):
        share = percent(value, complaints)
        return None if share is None else share / 100
    expected("a share from 0 to 1, or a percentage", value, complaints, help="such as `0.1` or `10%`")
    return None


def _file(entry: Entry, options: Options, notes: Notes) -> Condition | None:
    pattern = text(entry.value, notes.complaints)
    stable = take(options, "stable", pause, notes.complaints)
    return FileThere(pattern, stable or 0) if pattern else None


def _sql(entry: Entry, _options: Options, notes: Notes) -> Condition | None:
    sql = text(entry.value, notes.complaints)
    if sql is None or not isinstance(entry.value, Scalar):
        return None
    note_query(entry.value, notes)
    return Truth(sql)


def _http(entry: Entry, options: Options, notes: Notes) -> Condition | None:
    request: Request | None = request_of(entry.value, notes.complaints)
    at = take(options, "at", text, notes.complaints)
    equals = take(options, "equals", anything, notes.complaints)
    if "equals" in options and "at" not in options:
        said = "`equals` needs `at`, the path of the value in the answer"
        notes.complaints.add("SP106", said, options["equals"].place, label="what is?", help="such as `at: state`")
    return Answer(request, at or "", equals) if request else None


def _table(entry: Entry, options: Options, notes: Notes) -> Condition | None:
    table = named(entry.value, notes.complaints)
    project, target = (take(options, key, text, notes.complaints) for key in ("project", "target"))
    fresher = take(options, "fresher_than", lasting, notes.complaints)
    if table is not None and project is None:
        notes.watched = table
    return TableMoved(table.text, project or "", target or "", fresher) if table else None


def _time(entry: Entry, options: Options, notes: Notes) -> Condition | None:
    at = clock(entry.value, notes.complaints)
    zone = take(options, "zone", zone_of, notes.complaints)
    return TimeOfDay(at, zone or "UTC") if at is not None else None


def _python(entry: Entry, options: Options, notes: Notes) -> Condition | None:
    call = read_call(entry.value, options, notes)
    return Ask(call) if call else None


def clock(value: Value, complaints: Complaints) -> time | None:
    """A time of day."""
    found = text(value, complaints)
    try:
        at = time.fromisoformat(found) if found and ":" in found else None
    except ValueError:
        at = None
    if found is not None and (at is None or at.tzinfo is not None):
        expected("a time of day", value, complaints, help='such as "06:30"')
        return None
    return at


_Read = Callable[[Entry, Options, Notes], Condition | None]

CONDITIONS: Mapping[str, tuple[tuple[str, ...], _Read]] = {
    "file": (("stable",), _file),
    "sql": ((), _sql),
    "http": (("at", "equals"), _http),
    "table": (("project", "target", "fresher_than"), _table),
    "time": (("zone",), _time),
    "python": (("with", "env", "cwd"), _python),
}
