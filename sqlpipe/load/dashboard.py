"""From the text of a dashboard to its facts."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from sqlpipe.domain.dashboard import Dashboard, Panel, Prose
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.dashboard_blocks import Blocks, read_blocks
from sqlpipe.load.dashboard_charts import read_chart
from sqlpipe.load.dashboard_filters import WrittenFilters, bind_filters, read_filters
from sqlpipe.load.dashboard_text import Page, take_apart
from sqlpipe.load.decode import fields, list_or_one, take, text
from sqlpipe.load.document import parse
from sqlpipe.load.facts import Facts, SourceFile
from sqlpipe.load.header import Header

_KEYS = ("title", "description", "tags", "filters")


def read_dashboard(file: SourceFile, defaults: Header, complaints: Complaints) -> Facts:
    """What a page says, as far as it can be read; `defaults` are those of its folders."""
    page = take_apart(file.text, complaints)
    front = parse(page.front, complaints, line=2) if page.front.strip() else None
    options = fields(front, _KEYS, complaints, "the front matter") if front is not None else {}
    filters = take(options, "filters", read_filters, complaints) or WrittenFilters()
    fences = [each for each in page.pieces if not isinstance(each, Prose)]
    blocks = read_blocks(fences, filters.placeholders, complaints)
    dashboard = Dashboard(
        take(options, "title", text, complaints) or _title(file),
        tuple(_content(page, blocks, complaints)),
        blocks.read,
        bind_filters(filters.found, blocks, complaints),
    )
    return Facts(
        dashboard,
        _digest(dashboard),
        description=take(options, "description", text, complaints) or defaults.description or "",
        tags=frozenset((*(defaults.tags or ()), *(take(options, "tags", list_or_one(text), complaints) or ()))),
        blocks=blocks.written,
    )


def _title(file: SourceFile) -> str:
    words = file.name.name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _content(page: Page, blocks: Blocks, complaints: Complaints) -> Iterator[Prose | Panel]:
    above = ""
    for piece in page.pieces:
        if isinstance(piece, Prose):
            yield piece
        elif piece.language == "sql":
            above = piece.rest.text or above
        else:
            panel = read_chart(piece, above, blocks, complaints)
            if panel is not None:
                yield panel


def _digest(dashboard: Dashboard) -> str:
    """The hash of all that decides what the page shows, but for the rows."""
    queries = [(name, block.query.digest) for name, block in dashboard.blocks.items()]
    meaning = (dashboard.title, dashboard.content, queries, dashboard.filters)
    return blake2b(repr(meaning).encode(), digest_size=16).hexdigest()
