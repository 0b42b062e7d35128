"""What runs need, put together by hand: a database, a journal and a clock in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlpipe.domain.journal import RunRecord, RunState
from sqlpipe.engine.door import open_engine
from sqlpipe.run.board import Shop
from sqlpipe.run.clock import Clock
from sqlpipe.run.execute import registered
from sqlpipe.run.hall import opened
from sqlpipe.run.outlook import Outlook
from sqlpipe.run.owner import this_process
from sqlpipe.run.scribe import Scribe
from sqlpipe.store import runs
from sqlpipe.store.door import open_book


@contextmanager
def workplace(root: Path, *, threads: int = 2, clock: Clock | None = None, journal: str = "") -> Iterator[Shop]:
    """What the runs of one process share; the database is `shop.db` in the folder."""
    clock = clock or Clock()
    owner = this_process(datetime.now(UTC), "test")
    with (
        closing(open_book(journal or str(root / "journal.db"), "test")) as book,
        registered(book, owner),
        opened(str(root / "shop.db"), partial(open_engine, {"type": "duckdb", "path": str(root / "shop.db")})) as hall,
    ):
        yield Shop(
            hall=hall,
            scribe=Scribe(book, owner.id, clock),
            clock=clock,
            root=root,
            threads=threads,
            target="dev",
            look_at=Outlook(root, "dev", book),
            owner=owner,
        )


def running(shop: Shop, id: str, **more: object) -> RunRecord:
    """A run that this process has begun."""
    now = shop.clock.now()
    values: dict[str, object] = {"id": id, "state": RunState.RUNNING, "created": now, "started": now, **more}
    record = RunRecord(owner=shop.scribe.owner, **values)  # type: ignore[arg-type]
    runs.create_run(shop.scribe.book, record)
    return record
