"""Sends what stands in the outbox of the journal, in a thread of its own, until it has gone out.

Every message goes out at least once on each channel that hears of it. It goes out twice where this process ends
between sending it and noting that, or where an answer is lost; web hooks know it by `X-Sqlpipe-Message`, commands by
`SQLPIPE_ALERT_ID`.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from sqlpipe.domain.journal import Message
from sqlpipe.domain.schedule import Alert, Orchestration
from sqlpipe.load.secret import hide
from sqlpipe.run.channels import Letter, Unsent, ping, send
from sqlpipe.store import messages
from sqlpipe.store.book import Book, JournalAway

SHORTEST = 5.0
LONGEST = 3600.0
# So often (seconds) the outbox is looked at, and the sign of life is given.
LOOK = 5.0
PING = 60.0
# So long after its last beat a scheduler counts as one that leads and is well.
BEAT = 15.0
_AT_ONCE = 20
_HERE = Path()


@dataclass(frozen=True, slots=True)
class Delivered:
    """How many messages have gone out everywhere, and how many have to be tried again."""

    sent: int = 0
    put_off: int = 0


@dataclass(slots=True)
class _Round:
    """The channels in one round; one that has failed is not tried again in it."""

    book: Book
    alerts: Sequence[Alert]
    now: datetime
    project: str
    folder: Path
    down: dict[str, str] = field(default_factory=dict)


def deliver(
    book: Book, alerts: Sequence[Alert], now: datetime, *, draw: float, project: str = "", folder: Path = _HERE
) -> Delivered:
    """Send the messages that are due on every channel that hears of them; those that nobody hears of count as sent.

    What fails is put off: 5 seconds the first time, then twice as long each time up to an hour; `draw`, from 0 to 1,
    makes that up to a quarter shorter.
    """
    round_ = _Round(book, alerts, now, project, folder)
    sent = put_off = 0
    for message in messages.due(book, now, _AT_ONCE):
        problems = _send(round_, message)
        if problems:
            put_off += 1
            messages.put_off(book, message.id, now + pause(message.tries, draw), "; ".join(problems))
        else:
            sent += 1
            messages.sent(book, message.id, now)
    return Delivered(sent, put_off)


def pause(tries: int, draw: float) -> timedelta:
    """How long to wait after so many tries before the one that has just failed.

    >>> [pause(tries, 0).total_seconds() for tries in (0, 1, 2, 10, 1000)]
    [5.0, 10.0, 20.0, 3600.0, 3600.0]
    """
    longest = min(LONGEST, SHORTEST * 2 ** min(tries, 20))
    return timedelta(seconds=max(SHORTEST, longest * (1 - draw / 4)))


def _send(round_: _Round, message: Message) -> list[str]:
    """Send a message wherever it has yet to go; what went wrong, by channel."""
    problems = []
    broken = messages.broken(round_.book, message)
    done = messages.delivered(round_.book, message.id)
    for alert in round_.alerts:
        if alert.name in done or not _hears(alert, message, broken):
            continue
        problem = round_.down.get(alert.name) or _held_back(round_, alert, broken) or _try(round_, alert, message)
        if problem:
            problems.append(f"{alert.name}: {problem}")
    return problems


def _hears(alert: Alert, message: Message, broken: Message | None) -> bool:
    """Whether a channel is told: of everything without rules, and of the end of whatever it was told of."""
    return not alert.rules or message.rule in alert.rules or (broken is not None and broken.rule in alert.rules)


def _held_back(round_: _Round, alert: Alert, broken: Message | None) -> str:
    """That all is well again is not told before it was told that it is not."""
    if broken is None or broken.sent is not None or not _hears(alert, broken, None):
        return ""
    if alert.name in messages.delivered(round_.book, broken.id):
        return ""
    return "comes after what it is the end of"


def _try(round_: _Round, alert: Alert, message: Message) -> str:
    try:
        send(alert, Letter(message, round_.project), round_.folder)
    except Unsent as unsent:
        round_.down[alert.name] = str(unsent)
        return str(unsent)
    messages.deliver(round_.book, message.id, alert.name, round_.now)
    return ""


class Post:
    """Delivers what is in the outbox, and gives signs of life, for as long as the scheduler beats."""

    def __init__(
        self, book: Book, orchestration: Orchestration, clock: Callable[[], datetime], *, project: str, folder: Path
    ) -> None:
        self._book = book
        self._orchestration = orchestration
        self._clock = clock
        self._project = project
        self._folder = folder
        self._woken = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sqlpipe-post", daemon=True)
        self._beat: float | None = None
        self._pinged: float | None = None
        self.problem = ""
        self.ping_problem = ""

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def stop(self, patience: float = 2.0) -> None:
        """Deliver nothing more; waits so long (seconds) for what is on its way, which may then go out again later."""
        self._over.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def wake(self) -> None:
        """Have it look at the outbox now; callable from any thread."""
        self._woken.set()

    def beat(self) -> None:
        """Say that the scheduler leads and is well; without that, others deliver, and there are no signs of life."""
        idle = not self._beats
        self._beat = monotonic()
        if idle:
            self._woken.set()

    @property
    def _beats(self) -> bool:
        return self._beat is not None and monotonic() - self._beat < BEAT

    def _work(self) -> None:
        while not self._over.is_set():
            self._woken.clear()
            if self._beats:
                self._give_sign()
                self._empty_outbox()
            self._woken.wait(LOOK)

    def _empty_outbox(self) -> None:
        try:
            while self._beats and not self._over.is_set():
                done = deliver(
                    self._book, self._orchestration.alerts, self._clock(),
                    draw=random.random(),  # noqa: S311 - jitter is no secret
                    project=self._project, folder=self._folder,
                )  # fmt: skip
                self.problem = ""
                if not done.sent:
                    return
        except JournalAway as away:
            self.problem = hide(f"the journal is away: {away}")
        # A bug in here must not silence what comes after.
        except Exception as error:  # noqa: BLE001
            self.problem = hide(f"{type(error).__name__}: {error}")

    def _give_sign(self) -> None:
        url, real = self._orchestration.heartbeat, monotonic()
        if not url or (self._pinged is not None and real - self._pinged < PING):
            return
        self._pinged = real
        try:
            ping(url)
        except Unsent as unsent:
            self.ping_problem = f"no sign of life could be given: {unsent}"
        else:
            self.ping_problem = ""
