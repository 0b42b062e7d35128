"""What the colours of the graph tell: state, kind, age or duration, always in a sign or a word as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import inf

from sqlpipe.app.durations import durations
from sqlpipe.app.node_states import NodeState, is_errand
from sqlpipe.web.scene import Scene
from sqlpipe.web.words import aware, count, glyph, lasting, sign

COLOURS = ("state", "kind", "age", "duration")

_HOUR, _DAY, _WEEK = 3600, 86400, 7 * 86400
_AGES = ((_HOUR, "in the last hour"), (_DAY, "in the last day"), (_WEEK, "in the last week"))
_LENGTHS = ((1, "under 1 s"), (10, "under 10 s"), (60, "under 1 min"), (600, "under 10 min"))
# Kinds of one family have one colour: what comes in, what is only read through, what is kept, done, and shown.
_FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(("source", "ingest", "seed"), "k1"),
    **dict.fromkeys(("view", "embedded"), "k2"),
    **dict.fromkeys(("table", "incremental", "snapshot", "python"), "k3"),
    **dict.fromkeys(("task", "sensor", "check"), "k4"),
    "dashboard": "k5",
}
_WORST = ("bad", "warn", "busy", "calm", "well")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a box tells by its colour: the class of it, a short text in the box, and what it says.

    `weight` grows with what matters more in a group.
    """

    tone: str
    text: str
    says: str
    weight: float = 0


@dataclass(frozen=True, slots=True)
class Legend:
    """What a colour means, with its sign, and how many nodes have it."""

    tone: str
    sign: str
    word: str
    nodes: int


def marks(scene: Scene, states: Mapping[str, NodeState], colour: str) -> Mapping[str, Mark]:
    """The mark of each node that has a state."""
    nodes = scene.workspace.graph.nodes
    match colour:
        case "kind":
            return {key: _kind(nodes[key].kind_name) for key in states}
        case "age":
            return {key: _age(_changed(scene, key, state), scene.now) for key, state in states.items()}
        case "duration":
            taken = durations(scene.workspace)
            return {key: _duration(taken.get(key)) for key in states}
        case _:
            return {key: _state(state.state) for key, state in states.items()}


def of_group(members: Collection[Mark], colour: str) -> Mark:
    """What the box of a group tells of its nodes: what is worst, oldest or takes longest."""
    worst = max(members, key=lambda each: each.weight)
    match colour:
        case "kind":
            return Mark("", "", "")
        case "state":
            alike = sum(each.says == worst.says for each in members)
            if not worst.text or worst.tone in ("well", "calm"):
                return worst
            return Mark(worst.tone, f"{worst.text} {alike}", f"{alike:,} {worst.says}", worst.weight)
        case _:
            return worst


def legend(found: Iterable[Mark], colour: str) -> tuple[Legend, ...]:
    """What the colours of these nodes mean, in order."""
    counted = Counter(_ENTRIES[colour](each) for each in found)
    return tuple(
        Legend(tone, sign, word, counted[place, tone, sign, word])
        for place, tone, sign, word in sorted(counted)
        if word
    )


# Its place in the legend, its tone, its sign and its word.
_Entry = tuple[float, str, str, str]


def _entry_of_state(mark: Mark) -> _Entry:
    return -mark.weight, mark.tone, mark.text, mark.says


def _entry_of_kind(mark: Mark) -> _Entry:
    return 0, mark.tone, glyph(mark.says), mark.says


def _entry_of_age(mark: Mark) -> _Entry:
    return _bucket(mark, (*_AGES, (inf, "earlier")), "not built")


def _entry_of_duration(mark: Mark) -> _Entry:
    return _bucket(mark, (*_LENGTHS, (inf, "10 min or more")), "not run lately")


def _bucket(mark: Mark, bounds: tuple[tuple[float, str], ...], none: str) -> _Entry:
    if mark.weight < 0:
        return inf, mark.tone, "", none
    bound, word = next(each for each in bounds if mark.weight < each[0])
    return bound, mark.tone, "", word


_ENTRIES: Mapping[str, Callable[[Mark], _Entry]] = {
    "state": _entry_of_state,
    "kind": _entry_of_kind,
    "age": _entry_of_age,
    "duration": _entry_of_duration,
}


def _state(state: str) -> Mark:
    if not state:
        return Mark("", "", "")
    it = sign(state)
    return Mark(it.tone, it.symbol, it.word, len(_WORST) - _WORST.index(it.tone))


def _kind(kind: str) -> Mark:
    return Mark(_FAMILIES.get(kind, ""), "", kind)


def _changed(scene: Scene, key: str, state: NodeState) -> datetime | None:
    """When a node was built last, or a task ran."""
    held = scene.survey.held.get(key)
    if held is not None and held.at is not None:
        return held.at
    return state.since if is_errand(scene.workspace.graph.nodes[key]) else None


def _age(moment: datetime | None, now: datetime) -> Mark:
    if moment is None:
        return Mark("", "", "not built", -1)
    age = max(0.0, (now - aware(moment)).total_seconds())
    return Mark(f"t{1 + sum(age >= bound for bound, _ in _AGES)}", _short(age), f"built {_short(age)} ago", age)


def _short(age: float) -> str:
    for unit, word in ((_DAY, "d"), (_HOUR, "h"), (60, "min")):
        if age >= unit:
            return f"{age // unit:.0f} {word}"
    return f"{age:.0f} s"


def _duration(seconds: float | None) -> Mark:
    if seconds is None:
        return Mark("", "", "not run lately", -1)
    tone = f"t{1 + sum(seconds >= bound for bound, _ in _LENGTHS)}"
    return Mark(tone, lasting(seconds), f"took {lasting(seconds)}", seconds)


def summed_up(found: Collection[Mark]) -> str:
    """The states of the nodes of a group in words."""
    counted = Counter(each.says for each in sorted(found, key=lambda each: -each.weight) if each.says)
    return ", ".join(f"{number:,} {word}" for word, number in counted.items()) or count(len(found), "node")
