"""Whether a node is tried again after a mishap, and when."""

from __future__ import annotations

from collections.abc import Mapping

from sqlpipe.domain.task import Effects, Mishap, Retries

# Beyond this a power of two is longer than any cap, and would in the end be too large for a float.
_MOST_DOUBLINGS = 64


def next_try(retries: Retries, mishap: Mishap, tries: Mapping[str, int], draw: float) -> float | None:
    """The seconds to wait before the next try, or None where the budget of that class of mishap is spent.

    `tries` counts the mishaps so far by class, this one included; each class takes from its own budget only. `draw`
    is a random number from 0 up to, but not including, 1: so nodes that failed together do not come back together.

    >>> next_try(Retries(transient=2, delay=5), Mishap.TRANSIENT, {"transient": 2}, draw=0.5)
    5.0
    >>> next_try(Retries(transient=2), Mishap.TRANSIENT, {"transient": 3}, draw=0.5) is None
    True
    """
    count = tries.get(mishap, 0)
    if count > _budget(retries, mishap):
        return None
    if mishap is Mishap.LOST and count <= 1:
        # A process that died says nothing about what it was doing: there is nothing to let pass.
        return 0.0
    doublings = min(max(sum(tries.values()) - 1, 0), _MOST_DOUBLINGS)
    return draw * min(retries.max_delay, retries.delay * 2.0**doublings)


def _budget(retries: Retries, mishap: Mishap) -> int:
    match mishap:
        case Mishap.TRANSIENT:
            return retries.transient
        case Mishap.TIMEOUT:
            return retries.timeout
        case Mishap.LOST:
            return retries.lost
        case Mishap.PERMANENT:
            # Not even a mishap that was never counted.
            return -1


def may_repeat(effects: Effects | None, mishap: Mishap) -> bool:
    """Whether a second try can do no harm; None are the effects of a node that commits all or nothing.

    After a loss or a timeout nobody knows how far a task came. One whose effects are unsafe is then left to a person.
    """
    return effects is not Effects.UNSAFE or mishap not in {Mishap.LOST, Mishap.TIMEOUT}


def question(name: str, mishap: Mishap) -> str:
    """What a person is asked about a task that may not be repeated.

    >>> question("mail.invoices", Mishap.LOST)
    'the process that ran mail.invoices died, and its `effects: unsafe` may have happened or not'
    """
    match mishap:
        case Mishap.LOST:
            cause = f"the process that ran {name} died"
        case Mishap.TIMEOUT:
            cause = f"{name} was stopped because it took too long"
        case _:
            cause = f"{name} failed"
    return f"{cause}, and its `effects: unsafe` may have happened or not"
