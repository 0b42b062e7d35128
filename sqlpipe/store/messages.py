"""Messages to people: posted once for each episode, in the journal, and sent from there until that has gone well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlpipe.domain.journal import Message
from sqlpipe.store.book import Book, Pen
from sqlpipe.store.cells import micros, moment, plain
from sqlpipe.store.statements import statements

RECOVERED = "recovered"

_SQL = statements("messages")


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is to be posted; `at` is when that happened which it tells of."""

    rule: str
    subject: str
    episode: str
    title: str
    text: str
    at: datetime


def post(  # noqa: PLR0913, PLR0917 - a message is posted as a whole
    book: Book, rule: str, subject: str, episode: str, title: str, text: str, at: datetime
) -> bool:
    """Post a message; False where one for this episode has been posted already.

    That all is well again is told by the rule `recovered`, about the same subject and the same episode.
    """
    with book.writing() as pen:
        return enter_message(pen, Draft(rule, subject, episode, title, text, at))


def enter_message(pen: Pen, draft: Draft) -> bool:
    """Post a message within a transaction; see `post`."""
    values = {
        "rule": draft.rule,
        "subject": plain(draft.subject),
        "episode": plain(draft.episode),
        "title": plain(draft.title),
        "text": plain(draft.text),
        "at": micros(draft.at),
    }
    new = pen.execute(_SQL["post"], values) > 0
    if new and draft.rule == RECOVERED:
        pen.execute(_SQL["close"], {"subject": values["subject"], "episode": values["episode"]})
    return new


def due(book: Book, at: datetime, limit: int) -> list[Message]:
    """The messages that are to be sent now, oldest first."""
    return [_message(row) for row in book.query(_SQL["due"], {"at": micros(at), "limit": limit})]


def broken(book: Book, message: Message) -> Message | None:
    """The message of which this one, by the rule `recovered`, tells the end."""
    if message.rule != RECOVERED:
        return None
    values = {"subject": message.subject, "episode": message.episode}
    return next((_message(row) for row in book.query(_SQL["one that recovered"], values)), None)


def delivered(book: Book, id: int) -> frozenset[str]:
    """The channels on which a message has gone out."""
    return frozenset(row[0] for row in book.query(_SQL["delivered"], {"id": id}))


def deliver(book: Book, id: int, channel: str, at: datetime) -> None:
    """Note that a message has gone out on one channel."""
    with book.writing(durable=True) as pen:
        pen.execute(_SQL["deliver"], {"id": id, "channel": plain(channel), "at": micros(at)})


def sent(book: Book, id: int, at: datetime) -> None:
    """Note that a message has been sent."""
    with book.writing(durable=True) as pen:
        pen.execute(_SQL["sent"], {"id": id, "at": micros(at)})


def put_off(book: Book, id: int, until: datetime, problem: str) -> None:
    """Note that a message could not be sent, and when to try again."""
    with book.writing() as pen:
        pen.execute(_SQL["put off"], {"id": id, "until": micros(until), "problem": plain(problem)})


def open_episode(book: Book, rule: str, subject: str) -> str:
    """The latest episode of a rule about a subject, as long as nobody has posted that it recovered; else nothing."""
    found = book.query(_SQL["open episode"], {"rule": rule, "subject": plain(subject)})
    return str(found[0][0]) if found and not found[0][1] else ""


def stuck(book: Book) -> int:
    """How many messages could not be sent so far."""
    return int(book.query(_SQL["stuck"])[0][0])


def _message(row: tuple[Any, ...]) -> Message:
    id, rule, subject, episode, title, text, created, tries, due, sent, problem = row
    return Message(id, rule, subject, episode, title, text, moment(created), tries, moment(due), moment(sent), problem)
