"""Numbers and times as text, by those formats that Python and d3 read alike."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

_NUMBER = re.compile(r"(?P<comma>,?)(?:\.(?P<digits>\d+))?(?P<type>[f%egd]?)")
_MINUS = "\u2212"
# What d3 does where a format has no digits.
_DIGITS, _PLAIN_DIGITS = 6, 12
_MOST, _LEAST = 21, -7
_WHOLE = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT|U?INTEGER)(EGER)?")
_TIME = ("DATE", "TIMESTAMP")
_FEW, _SOME = 10, 1000
_SECONDS = re.compile(r"T\d\d:\d\d:(?!00)")


def shown(value: object, format: str, type: str = "") -> str:
    """A value of a result as a person reads it; nothing for none.

    >>> shown(1234.567, ",.1f"), shown("2013-01-06", "%d %b", "DATE"), shown(None, "d"), shown(0.125, ".1%")
    ('1,234.6', '06 Jan', '', '12.5%')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return number(value, format)
        case str() if is_time(type):
            return moment(value, format)
        case _:
            return str(value)


def number(value: float, format: str) -> str:
    """A number in a format of numbers, rounded as d3 does it: halves away from zero."""
    found = _NUMBER.fullmatch(format)
    if found is None:
        return number(value, "")
    exact = Decimal(value).copy_abs()
    text = _spelled(exact, found["type"], int(found["digits"]) if found["digits"] else None)
    if found["comma"]:
        whole = re.match(r"\d+", text)
        text = f"{int(whole[0]):,}{text[whole.end() :]}" if whole else text
    negative = value < 0 and any(each in "123456789" for each in text.partition("e")[0])
    return f"{_MINUS}{text}" if negative else text


def _spelled(exact: Decimal, type: str, digits: int | None) -> str:
    match type:
        case "f":
            return _fixed(exact, _DIGITS if digits is None else digits)
        case "%":
            # d3 multiplies as machines do.
            return f"{_fixed(Decimal(float(exact) * 100), _DIGITS if digits is None else digits)}%"
        case "d":
            return _fixed(exact, 0)
        case "e":
            return _exponential(exact, _DIGITS if digits is None else digits)
        case "g":
            return _significant(exact, _DIGITS if digits is None else max(1, digits))
        case _:
            return _trimmed(_significant(exact, _PLAIN_DIGITS if digits is None else max(1, digits)))


def _fixed(exact: Decimal, digits: int) -> str:
    if exact.adjusted() >= _MOST:
        # As a machine writes it: with as many digits as tell it from others.
        return _trimmed(_significant(Decimal(repr(float(exact))), 17))
    context = Context(prec=_MOST + digits + 2)
    return f"{exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=context):f}"


def _exponential(exact: Decimal, digits: int) -> str:
    rounded = Context(prec=digits + 1, rounding=ROUND_HALF_UP).plus(exact)
    power = rounded.adjusted() if rounded else 0
    mantissa = rounded.scaleb(-power).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN)
    return f"{mantissa:f}e{'+' if power >= 0 else '-'}{abs(power)}"


def _significant(exact: Decimal, digits: int) -> str:
    rounded = Context(prec=digits, rounding=ROUND_HALF_UP).plus(exact)
    power = rounded.adjusted() if rounded else 0
    if power < _LEAST + 1 or power >= digits:
        return _exponential(exact, digits - 1)
    return _fixed(exact, digits - 1 - power)


def _trimmed(text: str) -> str:
    """The text without the zeros behind the last digit of the fraction."""
    mantissa, mark, power = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}{mark}{power}"


def moment(text: str, format: str) -> str:
    """A day or a time of a result (ISO, without a zone: UTC) in a format of times; without one as plain as can be."""
    try:
        found = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return text
    if not is_of_time(format):
        format = "%Y-%m-%d" if len(text) <= len("2013-01-01") else _plain(text)
    # strftime leaves out the zeros of years before 1000, and the day before the first of all has no week.
    return found.strftime(format.replace("%Y", f"{found.year:04}"))


def _plain(text: str) -> str:
    return "%Y-%m-%d %H:%M:%S" if _SECONDS.search(text) else "%Y-%m-%d %H:%M"


def is_of_time(format: str) -> bool:
    """Whether a format is one of times."""
    return bool(format) and _NUMBER.fullmatch(format) is None


def is_time(type: str) -> bool:
    """Whether the values of a type of the database are days or moments."""
    return type.startswith(_TIME) and not type.endswith("]")


def is_number(type: str) -> bool:
    """Whether the values of a type of the database are numbers."""
    return not type.endswith("]") and (is_whole(type) or type.startswith(("DECIMAL", "DOUBLE", "FLOAT", "REAL")))


def is_whole(type: str) -> bool:
    """Whether the values of a type of the database are whole numbers."""
    return _WHOLE.fullmatch(type) is not None


def fitting(name: str, type: str, values: Iterable[object]) -> str:
    """The format of a column for which none was given: as many digits as its numbers are worth, the same for all.

    >>> fitting("flights", "BIGINT", [12345]), fitting("share", "DOUBLE", [12.5, 7.25]), fitting("year", "INTEGER", [])
    (',d', ',.1f', 'd')
    """
    if not is_number(type):
        return ""
    if is_whole(type):
        return "d" if name.casefold() in {"year", "id"} or name.casefold().endswith(("_id", "_year")) else ",d"
    numbers = [abs(each) for each in values if isinstance(each, int | float)]
    if all(each == int(each) for each in numbers):
        return ",d"
    largest = max(numbers, default=0)
    if largest < 1:
        return ".3"
    return ",.2f" if largest < _FEW else ",.1f" if largest < _SOME else ",.0f"
