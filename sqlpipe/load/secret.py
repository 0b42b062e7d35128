"""Values that must not be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sqlpipe.domain.diagnostic import Diagnostic

MASK = "•••"
_SHORTEST = 4
_LONG_LINE = 12

# What templates have been given of the environment: SQL made from it, and complaints about that SQL, may hold it.
_given: frozenset[str] = frozenset()


class Secret(str):
    """A text that drivers can use like any other, and that shows as dots wherever it is printed or formatted.

    >>> f"{Secret('hunter2')}", repr(Secret("hunter2")), Secret("hunter2").reveal()
    ('•••', '•••', 'hunter2')
    """

    __slots__ = ()

    def reveal(self) -> str:
        """The text itself."""
        return "".join(self)

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)


def mask(text: str, secrets: Iterable[str]) -> str:
    """The text with dots in place of every secret; those of less than four characters would hide ordinary words.

    >>> mask("cannot log in as ann with hunter2", [Secret("hunter2")])
    'cannot log in as ann with •••'
    """
    plain = [each.reveal() if isinstance(each, Secret) else each for each in secrets]
    for each in sorted(plain, key=len, reverse=True):
        if len(each) >= _SHORTEST:
            text = text.replace(each, MASK)
    return text


def keep_secret(values: Iterable[str]) -> None:
    """Have `hide` hide these from now on, for as long as this process lives, and each line of a key of many lines."""
    global _given  # noqa: PLW0603 - for the life of the process; a new set each time, for others read it meanwhile
    lines = [line for value in values for line in (value, *_long_lines(value))]
    _given = _given.union(lines, map(_in_a_page, lines))


def _long_lines(value: str) -> Iterator[str]:
    return (line for line in value.splitlines() if len(line) >= _LONG_LINE)


def _in_a_page(value: str) -> str:
    """The value as it is spelled in HTML."""
    for sign, spelled in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        value = value.replace(sign, spelled)
    return value


def hide(text: str) -> str:
    """The text with dots in place of everything that was to be kept secret."""
    return mask(text, _given) if _given else text


def hidden(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with dots in place of everything that was to be kept secret."""
    if not _given:
        return diagnostic
    return replace(
        diagnostic,
        message=hide(diagnostic.message),
        label=hide(diagnostic.label),
        help=hide(diagnostic.help),
        notes=tuple(hide(each) for each in diagnostic.notes),
    )
