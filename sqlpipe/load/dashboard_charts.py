"""The YAML of a chart of a dashboard."""

from __future__ import annotations

from collections.abc import Mapping

from sqlpipe.domain.dashboard import Panel
from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.dashboard_blocks import Blocks
from sqlpipe.load.dashboard_marks import MARKS, Fields, read_mark
from sqlpipe.load.dashboard_text import Fence
from sqlpipe.load.decode import expected, fields, listed, named, number, take, text, unknown_key
from sqlpipe.load.document import Entry, Record, Scalar, Value, parse

_KEYS = ("data", "title", "note", "width", "height")
_WIDTHS = {"full": 12, "two thirds": 8, "half": 6, "third": 4, "quarter": 3}
_COLUMNS = 12
_LOWEST, _HIGHEST = 40, 2000


def read_chart(fence: Fence, above: str, blocks: Blocks, complaints: Complaints) -> Panel | None:
    """Read a chart; `above` is the name of the nearest block above it, if there is one."""
    if fence.rest.text:
        help = f"write `data: {fence.rest.text}` below"
        complaints.add("SP704", "a chart has no name", fence.rest.place, label="not here", help=help)
    if not fence.whole:
        return None
    before = len(complaints.found)
    value = parse(fence.text, complaints, line=fence.line)
    if not isinstance(value, Record):
        if value is not None:
            expected("a mapping", value, complaints, help=f"a chart takes one of {listed(MARKS)}")
        elif len(complaints.found) == before:
            complaints.add("SP704", "the chart is empty", fence.place, label="which mark?", help=_marks())
        return None
    entry = _mark(value, fence, complaints)
    others = tuple(each for each in value.entries if each.key in _KEYS)
    options = fields(Record(others, value.place), _KEYS, complaints, "a chart")
    data = _data(options, above, fence, blocks, complaints)
    mark = read_mark(entry, Fields(blocks.found.get(data.casefold()), complaints)) if entry else None
    title, note = (take(options, key, text, complaints) or "" for key in ("title", "note"))
    width = take(options, "width", _width, complaints) or _COLUMNS
    height = take(options, "height", _height, complaints)
    if mark is None:
        return None
    return Panel(data, mark, title, note, width, height) if height else Panel(data, mark, title, note, width)


def _marks() -> str:
    return f"a chart has one of {listed(MARKS)}"


def _mark(value: Record, fence: Fence, complaints: Complaints) -> Entry | None:
    """The one mark of a chart."""
    marks = [each for each in value.entries if each.key in MARKS]
    unknown = [each for each in value.entries if each.key not in MARKS and each.key not in _KEYS]
    for each in unknown:
        unknown_key(each.key, each.place, (*MARKS, *_KEYS), complaints, "a chart")
    for each in marks[1:]:
        said = f"a chart has one mark, and this one has `{marks[0].key}` already"
        complaints.add("SP704", said, each.place, label="the second one", help="write a chart for each")
    if not marks and not unknown:
        complaints.add("SP704", "the chart has no mark", fence.place, label="which mark?", help=_marks())
    return marks[0] if marks else None


def _data(options: Mapping[str, Entry], above: str, fence: Fence, blocks: Blocks, complaints: Complaints) -> str:
    """The name of the block whose rows a chart shows; of one that is beyond reading as it is written."""
    written = take(options, "data", named, complaints)
    if written is not None:
        block = blocks.find(written, complaints)
        return block.name if block else written.text
    if not above and "data" not in options:
        help = "write a block of SQL above it, or name one: `data: NAME`"
        complaints.add("SP703", "there is no block above this chart", fence.place, label="of what?", help=help)
    return above


def _width(value: Value, complaints: Complaints) -> int | None:
    columns = number(value)
    if isinstance(columns, int) and 1 <= columns <= _COLUMNS:
        return columns
    if isinstance(value, Scalar) and value.text in _WIDTHS:
        return _WIDTHS[value.text]
    help = did_you_mean(value.text, _WIDTHS) if isinstance(value, Scalar) else ""
    expected(f"{listed(_WIDTHS)}, or a number of the {_COLUMNS} columns", value, complaints, help=help)
    return None


def _height(value: Value, complaints: Complaints) -> int | None:
    pixels = number(value)
    if isinstance(pixels, int) and _LOWEST <= pixels <= _HIGHEST:
        return pixels
    expected(f"a number of pixels from {_LOWEST} to {_HIGHEST:,}", value, complaints)
    return None
