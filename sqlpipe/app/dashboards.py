"""Dashboards: what their blocks give for what readers chose, and for everything that they could choose."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from sqlpipe.app.answering import Desk, Result, desk
from sqlpipe.app.choosing import Settled, settle, unknown
from sqlpipe.app.surveying import Survey
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.choices import Option, Picks, parameters, uses
from sqlpipe.domain.dashboard import Block, Dashboard, Filter, Panel, Select
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.project import Node
from sqlpipe.plan.question import question

# A filter within a query is computed beforehand for no more choices than this.
MOST_VARIANTS = 200
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s*(\d+)\)")


@dataclass(frozen=True, slots=True)
class Results:
    """What a dashboard shows: the choices, what can be chosen by filter, the rows by block, what was chosen badly."""

    picks: Picks
    options: Mapping[str, tuple[Option, ...]]
    blocks: Mapping[str, Result]
    complaints: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Shipment:
    """What a dashboard shows without a database: rows by block and by what is chosen in the filters that it `asks`.

    The choices are told as `variant` does. `fixed` are the filters in which nothing else than `picks` can be chosen,
    with the reason; they are applied already, those by columns are not.
    """

    picks: Picks
    options: Mapping[str, tuple[Option, ...]]
    fixed: Mapping[str, str]
    asks: Mapping[str, tuple[str, ...]]
    blocks: Mapping[str, Mapping[str, Result]]


def results(workspace: Workspace, survey: Survey, page: Node, asked: Picks, now: datetime) -> Results:
    """What a dashboard shows where this is chosen; `now` is aware. Nothing that is asked for makes it fail."""
    dashboard = dashboard_of(page)
    settled, options = Settled(), dict[str, tuple[Option, ...]]()
    with desk(workspace, survey, page, now) as answers:
        for filter in dashboard.filters:
            there = _options(workspace, page, filter, settled.picks, answers)
            settle(filter, asked, there, settled)
            options[filter.name] = there or ()
        unknown(dashboard.filters, asked, settled)
        shown = {
            each.name: answers.answer(question(workspace.graph, page, each, settled.picks))
            for each in blocks_shown(dashboard)
        }
    return Results(settled.picks, options, shown, tuple(settled.complaints))


def shipment(workspace: Workspace, survey: Survey, page: Node, now: datetime) -> Shipment:
    """What a dashboard shows whatever is chosen, as far as that can be counted."""
    dashboard = dashboard_of(page)
    settled, options = Settled(), dict[str, tuple[Option, ...]]()
    asks, blocks = dict[str, tuple[str, ...]](), dict[str, Mapping[str, Result]]()
    with desk(workspace, survey, page, now) as answers:
        for filter in dashboard.filters:
            there = _options(workspace, page, filter, {}, answers)
            settle(filter, {}, there, settled)
            options[filter.name] = there or ()
        fixed = _fixed(dashboard, options)
        held = {name: value for name, value in settled.picks.items() if name in _parameters(dashboard, fixed)}
        for block in blocks_shown(dashboard):
            asks[block.name] = own = _varied(dashboard, block, fixed)
            blocks[block.name] = {
                variant(choice): answers.answer(
                    question(workspace.graph, page, block, {**held, **_chosen(own, choice)})
                )
                for choice in product(*(("", *(each.value for each in options[name])) for name in own))
            }
    return Shipment(settled.picks, options, fixed, asks, blocks)


def variant(choice: Iterable[str]) -> str:
    """How choices in some filters, in their order, are told as one text.

    >>> variant(["UA", ""])
    '["UA",""]'
    """
    return json.dumps(list(choice), ensure_ascii=False, separators=(",", ":"))


def dashboard_of(page: Node) -> Dashboard:
    """What a node of kind dashboard says."""
    assert isinstance(page.kind, Dashboard), f"{page.name} is no dashboard"
    return page.kind


def blocks_shown(dashboard: Dashboard) -> tuple[Block, ...]:
    """The blocks whose rows a dashboard shows; the others are there for filters and for one another."""
    shown = {each.data.casefold() for each in dashboard.content if isinstance(each, Panel)}
    return tuple(each for each in dashboard.blocks.values() if each.name.casefold() in shown)


def _options(
    workspace: Workspace, page: Node, filter: Filter, picks: Picks, answers: Desk
) -> tuple[Option, ...] | None:
    """What can be chosen in a filter where this is chosen in those before it; None where that cannot be told."""
    match filter:
        case Select(values=values, options=""):
            return tuple(Option(each, each) for each in values)
        case Select(options=name):
            blocks = {each.name.casefold(): each for each in dashboard_of(page).blocks.values()}
            found = answers.answer(question(workspace.graph, page, blocks[name.casefold()], picks))
            return None if found.problem is not None and not found.rows else tuple(_read_options(found))
        case _:
            return None


def _read_options(found: Result) -> Iterable[Option]:
    labels: dict[str, str] = {}
    for row in found.rows:
        value = _as_text(row[0], found.types[0])
        if value:
            labels.setdefault(value, _as_text(row[1], found.types[1]) if len(row) > 1 else value)
    return (Option(value, label or value) for value, label in labels.items())


def _as_text(value: object, type: str) -> str:
    """A value as the database makes a text of it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() if type.startswith("TIMESTAMP"):
            return value.replace("T", " ", 1)
        case float() if digits := _DECIMAL.match(type):
            return f"{value:.{digits[1]}f}"
        case _:
            return str(value)


def _fixed(dashboard: Dashboard, options: Mapping[str, Sequence[Option]]) -> dict[str, str]:
    """The filters whose choices a query asks for and cannot all be computed beforehand, with the reason."""
    fixed: dict[str, str] = {}
    ways: Counter[str] = Counter()
    for filter in dashboard.filters:
        asking = [each.name for each in dashboard.blocks.values() if uses(each, filter)]
        if not asking:
            continue
        if not isinstance(filter, Select):
            fixed[filter.name] = "a query asks for it, and there is a server needed to answer for each choice"
            continue
        found = {name: max(ways[name], 1) * (1 + len(options[filter.name])) for name in asking}
        if max(found.values()) > MOST_VARIANTS:
            fixed[filter.name] = f"a query asks for it, and there are more than {MOST_VARIANTS} choices"
        else:
            ways.update({name: count - ways[name] for name, count in found.items()})
    return fixed


def _varied(dashboard: Dashboard, block: Block, fixed: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(each.name for each in dashboard.filters if uses(block, each) and each.name not in fixed)


def _parameters(dashboard: Dashboard, names: Iterable[str]) -> frozenset[str]:
    wanted = frozenset(names)
    return frozenset(name for each in dashboard.filters if each.name in wanted for name in parameters(each))


def _chosen(names: Sequence[str], choice: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in zip(names, choice, strict=True) if value}
