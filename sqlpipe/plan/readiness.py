"""Whether a node may run, given how those before it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlpipe.domain.history import State
from sqlpipe.domain.task import Rule

_OK = frozenset({State.DONE, State.UNCHANGED})
_BAD = frozenset({State.FAILED, State.BLOCKED, State.CANCELLED})
_UNFINISHED = frozenset({None, State.WAITING, State.RUNNING})


@dataclass(frozen=True, slots=True)
class Ready:
    """It may run now."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Something before it has not finished: `on`, by name."""

    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """It can not run, because `by` did not end well."""

    by: str


@dataclass(frozen=True, slots=True)
class Skip:
    """It is passed over, because `by` was."""

    by: str


Verdict = Ready | NotYet | Blocked | Skip


def verdict(rule: Rule, parents: Mapping[str, State | None], soft: frozenset[str] = frozenset()) -> Verdict:
    """What becomes of a node; no state means that the parent has not begun. Decided once all parents have finished.

    A parent that is `soft` blocks nothing and skips nothing, it is only waited for.

    >>> verdict(Rule.ALL_OK, {"a": State.UNCHANGED, "b": State.FAILED})
    Blocked(by='b')
    >>> verdict(Rule.ALL_OK, {"a": State.UNCHANGED, "b": State.FAILED}, soft=frozenset({"b"}))
    Ready()
    """
    unfinished = sorted(key for key, state in parents.items() if state in _UNFINISHED)
    if unfinished:
        return NotYet(tuple(unfinished))
    match rule:
        case Rule.ALL_DONE:
            return Ready()
        case Rule.ALL_OK:
            return _hindrance(parents, soft) or Ready()
        case Rule.ANY_OK:
            if not parents or any(state in _OK for state in parents.values()):
                return Ready()
            return _hindrance(parents, soft) or Skip(min(parents))


def _hindrance(parents: Mapping[str, State | None], soft: frozenset[str]) -> Blocked | Skip | None:
    hard = sorted((key, state) for key, state in parents.items() if key not in soft)
    bad = next((key for key, state in hard if state in _BAD), None)
    if bad is not None:
        return Blocked(bad)
    skipped = next((key for key, state in hard if state is State.SKIPPED), None)
    return Skip(skipped) if skipped is not None else None
