"""A log as server-sent events: what it holds, and what comes, until the attempt has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from sqlpipe.store.book import JournalAway
from sqlpipe.web.answer import Refusal, complaint
from sqlpipe.web.contract import LogName
from sqlpipe.web.route import MOST_STREAMS, STREAM, House
from sqlpipe.web.veil import spelled

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_PAUSE = 0.3
# A proxy closes what is silent, and one who reads is gone unnoticed until something is written.
_SIGN = 5.0
# Then the reader comes again, and goes on where it was.
_LONGEST = 3600.0


class Stream(StreamingResponse):
    """What a log holds behind an offset and what comes, event by event; there may only be so many at once."""

    def __init__(self, house: House, name: LogName, after: int) -> None:
        self._house = house
        super().__init__(_events(house, name, after), media_type=STREAM, headers={"X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and make room for another one however it ends."""
        if not self._house.streams.acquire(blocking=False):
            said = f"{MOST_STREAMS} logs are being followed already"
            await complaint(Refusal(503, "SP644", said, "close one of them"))(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._house.streams.release()


async def _events(house: House, name: LogName, after: int) -> AsyncIterator[str]:
    began = said = monotonic()
    yield "retry: 1000\n\n"
    while True:
        text, after, ended = await run_in_threadpool(_next, house, name, after)
        if text:
            said = monotonic()
            yield text
        if ended:
            yield f"id: {name.attempt}:{after}\nevent: end\ndata: {{}}\n\n"
            return
        if house.closing() or monotonic() - began > _LONGEST:
            return
        if monotonic() - said > _SIGN:
            said = monotonic()
            yield ": still there\n\n"
        await asyncio.sleep(_PAUSE)


def _next(house: House, name: LogName, after: int) -> tuple[str, int, bool]:
    """The next events, the offset behind them, and whether they are the last."""
    try:
        piece = house.office.log(name, after)
    except JournalAway:
        # The reader stays; there is nothing new to tell for now.
        return "", after, False
    told = []
    for line in piece.lines:
        after = int(str(line["offset"]))
        told.append(f"id: {name.attempt}:{after}\ndata: {spelled(line)}\n\n")
    return "".join(told), after, piece.ended
