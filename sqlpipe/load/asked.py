"""Templates of a task, and what they ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlpipe.domain.diagnostic import Place
from sqlpipe.load.complaints import Named
from sqlpipe.load.document import Scalar


@dataclass(frozen=True, slots=True)
class Template:
    """A value that is a template, or an expression without braces; `names` are those that not all can use."""

    value: Scalar
    names: tuple[str, ...] = ()
    is_expression: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The tasks whose facts are wanted, and whether variables of the project are."""

    facts: tuple[Named, ...] = ()
    variables: bool = False

    def and_of(self, other: Asked) -> Asked:
        """What both ask for together."""
        return Asked((*self.facts, *other.facts), self.variables or other.variables)

    def at(self, place: Place) -> Asked:
        """The same, asked for at a place of another file."""
        return replace(self, facts=tuple(Named(each.text, place) for each in self.facts))
