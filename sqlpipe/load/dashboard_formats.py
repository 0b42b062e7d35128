"""Formats of numbers and times, of which only those are let through that Python and d3 read alike."""

from __future__ import annotations

import re

from sqlpipe.load.complaints import Complaints
from sqlpipe.load.decode import named
from sqlpipe.load.document import Value

# d3 has no more than 20 digits behind the point.
_NUMBER = re.compile(r",?(\.(1?\d|20))?[f%eg]?|,?d")
_DIRECTIVES = "aAbBdfGHIjmMpSuUVwWyY%"
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_HELP = 'numbers: `",.0f"`, `",d"` or `".1%"`; days and times: `"%d %b %Y"`'


def pattern(value: Value, complaints: Complaints) -> str | None:
    """A format of numbers, or one of times."""
    written = named(value, complaints)
    if written is None:
        return None
    if not _NUMBER.fullmatch(written.text):
        found = _DIRECTIVE.findall(written.text)
        if not any(each != "%" for each in found) or not all(each and each in _DIRECTIVES for each in found):
            said = f"`{written.text}` is not a format"
            complaints.add("SP705", said, written.place, label="not a format", help=_HELP)
            return None
    return written.text
