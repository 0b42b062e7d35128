"""The lease of the one process that may schedule; it runs by the clock of the server, where there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlpipe.domain.journal import Lease, Owner
from sqlpipe.store.book import Book, Pen
from sqlpipe.store.cells import micros, moment
from sqlpipe.store.statements import statements

_SQL = statements("lease")


def acquire(book: Book, owner: Owner, now: datetime, ttl: float, *, dead: Lease | None = None) -> Lease | None:
    """Take the lease for `ttl` seconds where it is free or has run out; None where somebody else has it.

    `dead` is the lease of a holder that is known to be no more.

    The epoch grows with every change of hands. Who had it last and finds that nobody took it goes on in its epoch.
    """
    with book.writing() as pen:
        now = pen.now() or now
        expires = now + timedelta(seconds=ttl)
        found = _read(pen)
        held = found is not None and found.holder not in ("", owner.id) and found.expires > now
        if found is not None and held and not (dead is not None and _same(found, dead)):
            return None
        epoch = 1 if found is None else found.epoch + (found.holder != owner.id)
        lease = Lease(owner.id, epoch, expires, owner.host, owner.pid)
        values = {"holder": owner.id, "epoch": epoch, "expires": micros(expires), "host": owner.host, "pid": owner.pid}
        pen.execute(_SQL["take"], values)
        return lease


def renew(book: Book, lease: Lease, now: datetime, ttl: float) -> Lease | None:
    """Keep the lease for `ttl` seconds from now; None where somebody else has taken it."""
    with book.writing() as pen:
        expires = (pen.now() or now) + timedelta(seconds=ttl)
        values = {"holder": lease.holder, "epoch": lease.epoch, "expires": micros(expires)}
        return replace(lease, expires=expires) if pen.execute(_SQL["renew"], values) else None


def release(book: Book, lease: Lease) -> None:
    """Give the lease back, where it is still held."""
    with book.writing() as pen:
        pen.execute(_SQL["release"], {"holder": lease.holder, "epoch": lease.epoch})


def current(book: Book) -> Lease | None:
    """The lease as it stands, run out or not; None where nobody has it."""
    found = _read(book)
    return None if found is None or not found.holder else found


def holds(pen: Pen, lease: Lease, now: datetime) -> bool:
    """Whether the lease is still held and has not run out; asked within the transaction that it guards."""
    found = _read(pen)
    return found is not None and _same(found, lease) and found.expires > (pen.now() or now)


def is_held_by(pen: Pen, lease: Lease) -> bool:
    """Whether nobody else has taken the lease, even if it has run out."""
    found = _read(pen)
    return found is not None and _same(found, lease)


def _same(found: Lease, lease: Lease) -> bool:
    return (found.holder, found.epoch) == (lease.holder, lease.epoch)


def _read(reader: Book | Pen) -> Lease | None:
    rows = reader.query(_SQL["current"])
    return next((Lease(holder, epoch, moment(at), host, pid) for holder, epoch, at, host, pid in rows), None)
