"""How patiently a node is run and what it comes after, as a header or a task says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlpipe.domain.task import Retries, Rule, Running
from sqlpipe.load.complaints import Complaints, Named
from sqlpipe.load.decode import boolean, expected, fields, list_or_one, named, need, one_of, pause, take, whole
from sqlpipe.load.document import Record, Scalar, Value
from sqlpipe.load.facts import Wiring

if TYPE_CHECKING:
    from sqlpipe.load.header import Header


@dataclass(frozen=True, slots=True)
class WrittenRetries:
    """The numbers that are written; those that are not are as usual for the kind."""

    transient: int | None = None
    timeout: int | None = None
    lost: int | None = None
    delay: float | None = None
    max_delay: float | None = None

    def upon(self, usual: Retries) -> Retries:
        """The retries that are usual, but for what is written."""
        delay = usual.delay if self.delay is None else self.delay
        return Retries(
            transient=usual.transient if self.transient is None else self.transient,
            timeout=usual.timeout if self.timeout is None else self.timeout,
            lost=usual.lost if self.lost is None else self.lost,
            delay=delay,
            max_delay=max(usual.max_delay, delay) if self.max_delay is None else self.max_delay,
        )


@dataclass(frozen=True, slots=True)
class WrittenPool:
    """The name of a pool, and how much of it the node takes."""

    name: Named
    slots: int = 1


@dataclass(frozen=True, slots=True)
class WrittenAfter:
    """A node to be finished first; the failure of a `soft` one is no hindrance."""

    node: Named
    soft: bool = False


def wiring_of(header: Header, usual: Retries) -> Wiring | None:
    """What a header says of running; None if it says nothing."""
    if (header.retries, header.timeout, header.pool, header.trigger, header.after) == (None,) * 5:
        return None
    running = Running(
        retries=header.retries.upon(usual) if header.retries else usual,
        timeout=header.timeout,
        pool=header.pool.name.text if header.pool else "",
        slots=header.pool.slots if header.pool else 1,
        rule=Rule(header.trigger) if header.trigger else Rule.ALL_OK,
    )
    after = header.after or ()
    return Wiring(
        running,
        after=tuple(each.node for each in after),
        soft=tuple(each.node.text for each in after if each.soft),
        pool=header.pool.name if header.pool else None,
    )


def retries(value: Value, complaints: Complaints) -> WrittenRetries | None:
    """A number of tries after passing troubles, or a mapping with a number for each class of failure."""
    if not isinstance(value, Record):
        found = whole()(value, complaints)
        return None if found is None else WrittenRetries(transient=found)
    options = fields(value, ("transient", "timeout", "lost", "delay", "max_delay"), complaints, "`retries`")
    transient, timeout, lost = (take(options, key, whole(), complaints) for key in ("transient", "timeout", "lost"))
    delay, longest = (take(options, key, pause, complaints) for key in ("delay", "max_delay"))
    if delay is not None and longest is not None and longest < delay:
        said = "`max_delay` is shorter than `delay`"
        complaints.add("SP615", said, options["max_delay"].value.place, label="no pause could be as short")
    return WrittenRetries(transient, timeout, lost, delay, longest)


def pool(value: Value, complaints: Complaints) -> WrittenPool | None:
    """The name of a pool, or a mapping with it and the slots that a node takes."""
    if not isinstance(value, Record):
        found = named(value, complaints)
        return WrittenPool(found) if found else None
    options = fields(value, ("name", "slots"), complaints, "`pool`")
    need(options, "name", complaints, value.place, "`pool`")
    found, slots = take(options, "name", named, complaints), take(options, "slots", whole(1), complaints)
    return WrittenPool(found, slots or 1) if found else None


def after(value: Value, complaints: Complaints) -> tuple[WrittenAfter, ...] | None:
    """The nodes to be finished first: names, or mappings with `node` and `soft`."""
    return list_or_one(_after)(value, complaints)


def _after(value: Value, complaints: Complaints) -> WrittenAfter | None:
    if isinstance(value, Scalar):
        found = named(value, complaints)
        return WrittenAfter(found) if found else None
    if not isinstance(value, Record):
        expected("the name of a node", value, complaints)
        return None
    options = fields(value, ("node", "soft"), complaints, "`after`")
    need(options, "node", complaints, value.place, "`after`")
    node, soft = take(options, "node", named, complaints), take(options, "soft", boolean, complaints)
    return WrittenAfter(node, bool(soft)) if node else None


trigger = one_of(*Rule)
