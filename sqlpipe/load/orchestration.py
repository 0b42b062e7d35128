"""Pipelines, pools and alerts, as sqlpipe.yml writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from zoneinfo import ZoneInfo

from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.schedule import (
    Alert,
    CatchUp,
    Cron,
    Deadline,
    Every,
    On,
    OnOverlap,
    Orchestration,
    Pipeline,
    Starter,
)
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.decode import (
    boolean,
    expected,
    fields,
    lasting,
    list_or_one,
    named,
    one_of,
    pause,
    take,
    text,
    whole,
)
from sqlpipe.load.document import Entry, Record, Scalar, Value
from sqlpipe.load.schedule import cron_of, rhythm, zone_of
from sqlpipe.load.sensors import clock

KEYS = ("pipelines", "pools", "alerts", "heartbeat", "keep")
PIPELINE_KEYS = (
    "description", "select", "exclude", "schedule", "every", "on", "timezone", "delay", "start", "end", "catch_up",
    "window", "max_active_runs", "on_overlap", "deadline", "count_paused",
)  # fmt: skip
SCHEDULE_KEYS = ("cron", "every", "on", "timezone")
ALERT_KEYS = ("url", "webhook", "command", "rules")

_SUCH_AS = 'such as `schedule: "0 6 * * *"`, `every: 15m` or `on: raw.orders`'


@dataclass(frozen=True, slots=True)
class WrittenOrchestration:
    """What is written, and for each pipeline the nodes that it is `on`."""

    orchestration: Orchestration
    followed: tuple[tuple[Named, ...], ...]


@dataclass(frozen=True, slots=True)
class _Started:
    """What starts a pipeline, with the nodes that have not been resolved yet."""

    starter: Starter | None = None
    followed: tuple[Named, ...] = ()


def read_orchestration(entries: Mapping[str, Entry], complaints: Complaints) -> WrittenOrchestration:
    """The settings that tell how things are run."""
    found = [_pipeline(each, complaints) for each in _below(entries.get("pipelines"), complaints)]
    alerts = [_alert(each, complaints) for each in _below(entries.get("alerts"), complaints)]
    pools = {each.key: whole(1)(each.value, complaints) for each in _below(entries.get("pools"), complaints)}
    return WrittenOrchestration(
        Orchestration(
            pipelines=tuple(each for each, _ in found),
            pools={key: size for key, size in pools.items() if size is not None},
            alerts=tuple(each for each in alerts if each is not None),
            heartbeat=take(entries, "heartbeat", text, complaints) or "",
            keep=take(entries, "keep", lasting, complaints) or Orchestration().keep,
        ),
        tuple(followed for _, followed in found),
    )


def _below(entry: Entry | None, complaints: Complaints) -> tuple[Entry, ...]:
    if entry is None:
        return ()
    if isinstance(entry.value, Record):
        return entry.value.entries
    expected("a mapping", entry.value, complaints)
    return ()


def _pipeline(entry: Entry, complaints: Complaints) -> tuple[Pipeline, tuple[Named, ...]]:
    options = fields(entry.value, PIPELINE_KEYS, complaints, "a pipeline")
    usual = Pipeline(entry.key, entry.place)
    zone = _zone(options, complaints)
    started = _started(options, zone, complaints)
    start, end = (_moment(options.get(key), zone, complaints) for key in ("start", "end"))
    if start and end and end <= start:
        complaints.add("SP601", "`end` is not after `start`", options["end"].value.place, label="nothing in between")
    delay = take(options, "delay", pause, complaints) or 0
    pipeline = Pipeline(
        name=entry.key,
        place=entry.place,
        select=take(options, "select", list_or_one(text), complaints) or (),
        exclude=take(options, "exclude", list_or_one(text), complaints) or (),
        starter=started.starter,
        delay=delay,
        start=start,
        end=end,
        catch_up=CatchUp(take(options, "catch_up", one_of(*CatchUp), complaints) or usual.catch_up),
        window=take(options, "window", lasting, complaints) or usual.window,
        max_active_runs=take(options, "max_active_runs", whole(1), complaints) or usual.max_active_runs,
        on_overlap=OnOverlap(take(options, "on_overlap", one_of(*OnOverlap), complaints) or usual.on_overlap),
        deadline=_deadline(options.get("deadline"), zone, complaints),
        count_paused=bool(take(options, "count_paused", boolean, complaints)),
        description=take(options, "description", text, complaints) or "",
        digest=_digest(started, delay, start, end),
    )
    return pipeline, started.followed


def _digest(started: _Started, *bounds: object) -> str:
    followed = [each.text for each in started.followed]
    return blake2b(repr((started.starter, followed, bounds)).encode(), digest_size=8).hexdigest()


def _zone(options: Mapping[str, Entry], complaints: Complaints) -> str:
    """The zone of a pipeline, which may stand beside the schedule or in it."""
    zone = take(options, "timezone", zone_of, complaints)
    schedule = options.get("schedule")
    if schedule is not None and isinstance(schedule.value, Record):
        inner = {each.key: each for each in schedule.value.entries if each.key == "timezone"}
        zone = take(inner, "timezone", zone_of, complaints) or zone
        if inner and "timezone" in options:
            place = inner["timezone"].place
            complaints.add("SP601", "`timezone` is given twice", place, label="again", help="leave one of them out")
    return zone or "UTC"


def _started(options: Mapping[str, Entry], zone: str, complaints: Complaints) -> _Started:
    """What starts the pipeline: a schedule, a rhythm, or what it follows; nothing at all is well too."""
    given = [options[key] for key in ("schedule", "every", "on") if key in options]
    if given and given[0].key == "schedule" and isinstance(given[0].value, Record):
        schedule = given.pop(0)
        inner = fields(schedule.value, SCHEDULE_KEYS, complaints, "`schedule`")
        found = [inner[key] for key in ("cron", "every", "on") if key in inner]
        if not found:
            complaints.add("SP601", "`schedule` does not say when", schedule.place, label="when?", help=_SUCH_AS)
        given = [*found, *given]
    if len(given) > 1:
        said = "a pipeline is started by one thing"
        complaints.add("SP601", said, given[1].place, label="a second one", help="make a second pipeline of it")
    return _starter(given[0], zone, complaints) if given else _Started()


def _starter(entry: Entry, zone: str, complaints: Complaints) -> _Started:
    match entry.key:
        case "every":
            seconds = rhythm(entry.value, complaints)
            return _Started(Every(seconds) if seconds else None)
        case "on":
            return _on(entry.value, complaints)
        case _:
            cron = cron_of(entry.value, complaints)
            return _Started(Cron(cron, zone) if cron else None)


def _on(value: Value, complaints: Complaints) -> _Started:
    nodes: tuple[Named, ...] = ()
    events: tuple[str, ...] = ()
    before = len(complaints.found)
    if isinstance(value, Record):
        options = fields(value, ("nodes", "events"), complaints, "`on`")
        nodes = take(options, "nodes", list_or_one(named), complaints) or ()
        events = take(options, "events", list_or_one(text), complaints) or ()
    else:
        nodes = list_or_one(named)(value, complaints) or ()
    if not nodes and not events and len(complaints.found) == before:
        complaints.add("SP601", "`on` names nothing", value.place, label="on what?", help=_SUCH_AS)
    return _Started(On(events=events), nodes)


def _moment(entry: Entry | None, zone: str, complaints: Complaints) -> datetime | None:
    """A moment in UTC; one without a zone is in that of the pipeline."""
    if entry is None:
        return None
    try:
        found = datetime.fromisoformat(entry.value.text) if isinstance(entry.value, Scalar) else None
    except ValueError:
        found = None
    if found is None:
        expected("a date or time", entry.value, complaints, help="such as `2024-01-31` or `2024-01-31 06:00`")
        return None
    local = found if found.tzinfo else found.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    return local.astimezone(UTC)


def _deadline(entry: Entry | None, zone: str, complaints: Complaints) -> Deadline | None:
    if entry is None:
        return None
    if isinstance(entry.value, Scalar) and ":" in entry.value.text:
        at = clock(entry.value, complaints)
        return Deadline(clock=at, zone=zone) if at is not None else None
    seconds = lasting(entry.value, complaints)
    return Deadline(seconds=seconds) if seconds else None


def _alert(entry: Entry, complaints: Complaints) -> Alert | None:
    options = fields(entry.value, ALERT_KEYS, complaints, "an alert")
    ways = [options[key] for key in ("url", "webhook", "command") if key in options]
    if len(ways) != 1:
        place: Place = ways[1].place if ways else entry.place
        label = "a second one" if ways else "to whom?"
        complaints.add("SP106", "an alert needs one of `url`, `webhook` and `command`", place, label=label)
        return None
    found = {each.key: take(options, each.key, text, complaints) or "" for each in ways}
    rules = take(options, "rules", list_or_one(text), complaints) or ()
    return Alert(entry.key, found.get("url", ""), found.get("webhook", ""), found.get("command", ""), rules)
