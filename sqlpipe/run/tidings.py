"""The words of messages to people: what, since when, why, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlpipe.domain.schedule import AlertRule, TickState
from sqlpipe.load.secret import hide
from sqlpipe.store.messages import Draft
from sqlpipe.store.news import Failure, Late, Missed, Open, Ousted, Outcome, Stuck, Well

SCHEDULER = "scheduler"
OUTBOX = "outbox"
_LONGEST = 2000
# Nothing but a failed check makes a node that has a table, or is a check, say this; see `run/work.py`.
_OF_A_CHECK = "check failed"
_WITHOUT_CHECKS = frozenset({"task", "sensor"})


def failed(failure: Failure, name: str) -> Draft:
    """A node has failed and will not be tried again in its run."""
    checked = failure.detail.startswith(_OF_A_CHECK) and failure.kind not in _WITHOUT_CHECKS
    rule = AlertRule.CHECK_FAILED if checked else AlertRule.NODE_FAILED
    title = f"a check of {name} failed" if checked and failure.kind != "check" else f"{name} failed"
    why = failure.said or failure.detail
    if checked and failure.said and failure.detail != _OF_A_CHECK:
        why = f"{failure.said} ({failure.detail.removeprefix(f'{_OF_A_CHECK}; ')})"
    where = f"since {spell(failure.at)}, in run {failure.run}" + _of(failure.pipeline)
    look = (f"sqlpipe logs {failure.run} {name}", f"sqlpipe runs {failure.run}")
    return _draft(rule, failure.node, failure.run, title, failure.at, why, where, *look)


def mended(broken: Open, well: Well, name: str) -> Draft:
    """A node that had failed is well again."""
    said = f"run {well.run} went well; it had failed since {spell(broken.at)}, in run {broken.episode}"
    return _over(broken, f"{name} is well again", well.at, said, f"sqlpipe runs {well.run}")


def run_failed(outcome: Outcome) -> Draft:
    """A run has failed, and not because of one of its nodes."""
    subject = outcome.pipeline or outcome.run
    what = outcome.pipeline or f"run {outcome.run}"
    where = f"run {outcome.run}, {spell(outcome.at)}"
    look = f"sqlpipe runs {outcome.run}"
    title = f"{what} failed"
    return _draft(AlertRule.RUN_FAILED, subject, outcome.run, title, outcome.at, outcome.reason, where, look)


def run_mended(broken: Open, outcome: Outcome) -> Draft:
    """A pipeline whose run could not be carried out has had one that went well."""
    said = f"run {outcome.run} went well; run {broken.episode} had failed at {spell(broken.at)}"
    return _over(broken, f"{broken.subject} is well again", outcome.at, said, f"sqlpipe runs {outcome.run}")


def deadline_missed(late: Late) -> Draft:
    """A run was not done when it had to be."""
    subject = late.pipeline or late.run
    ended = f"{late.state} at {spell(late.finished)}" if late.finished else f"still {late.state}"
    said = f"run {late.run} had to be done by {spell(late.deadline)}; it is {ended}"
    title = f"{late.pipeline or f'run {late.run}'} missed its deadline"
    look = f"sqlpipe runs {late.run}"
    return _draft(AlertRule.DEADLINE_MISSED, subject, late.run, title, late.deadline, said, look)


def missed(ticks: Sequence[Missed], now: datetime) -> Draft:
    """Ticks of one pipeline, all skipped or all expired, that were found at once."""
    first, last = ticks[0], ticks[-1]
    expired = first.state is TickState.EXPIRED
    rule = AlertRule.INTERVAL_EXPIRED if expired else AlertRule.INTERVAL_SKIPPED
    number = f"{len(ticks)} intervals" if len(ticks) > 1 else "an interval"
    verb = "expired" if expired else ("were skipped" if len(ticks) > 1 else "was skipped")
    span = f"from {spell(first.tick.start)} to {spell(last.tick.end)}"
    reasons = "; ".join(dict.fromkeys(each.reason for each in ticks if each.reason))
    title = f"{number} of {first.pipeline} {verb}"
    return _draft(rule, first.pipeline, _iso(first.tick.at), title, now, span, reasons)


def stale(node: str, name: str, last: Well, within: float) -> Draft:
    """The rows of a node have not been confirmed for longer than was promised."""
    at = last.at + timedelta(seconds=within)
    said = f"its rows were last confirmed at {spell(last.at)}, in run {last.run}; promised is every {_lasting(within)}"
    title = f"{name} is not fresh"
    return _draft(AlertRule.FRESHNESS, node, f"since {_iso(last.at)}", title, at, said, f"sqlpipe runs {last.run}")


def fresh(broken: Open, well: Well, name: str) -> Draft:
    """The rows of a node have been confirmed again."""
    said = f"its rows were confirmed by run {well.run} at {spell(well.at)}"
    return _over(broken, f"{name} is fresh again", well.at, said)


def gone(broken: Open, name: str, now: datetime) -> Draft:
    """What an episode is about is no more."""
    return _over(broken, f"{name} is no longer watched", now, f"{broken.title}; the project has no such thing any more")


def lease_lost(ousted: Ousted) -> Draft:
    """A scheduler has stopped without a word and another one has taken over."""
    said = f"the scheduler on {ousted.who} gave no sign after {spell(ousted.at)}; {ousted.by}, has taken over"
    why = "it was killed, it hung, or it could not reach the journal"
    title = "the scheduler stopped without a word"
    return _draft(AlertRule.LEASE_LOST, SCHEDULER, str(ousted.epoch), title, ousted.at, said, why)


def outbox_stuck(stuck: Sequence[Stuck], now: datetime) -> Draft:
    """Messages do not go out."""
    first = stuck[0]
    number = "a message does" if len(stuck) == 1 else f"{len(stuck)} messages do"
    said = f"the oldest is of {spell(first.at)}: {first.title}"
    title = f"{number} not go out"
    return _draft(AlertRule.OUTBOX_STUCK, OUTBOX, str(first.id), title, now, said, first.problem)


def outbox_moves(broken: Open, now: datetime) -> Draft:
    """Messages go out again."""
    return _over(broken, "messages go out again", now, f"none did since {spell(broken.at)}")


def spell(at: datetime) -> str:
    """A time as people read it.

    >>> from datetime import UTC
    >>> spell(datetime(2026, 5, 4, 12, 0, 59, tzinfo=UTC))
    '2026-05-04 12:00 UTC'
    """
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _over(broken: Open, title: str, at: datetime, *lines: str) -> Draft:
    return _draft(AlertRule.RECOVERED, broken.subject, broken.episode, title, at, *lines)


def _draft(rule: AlertRule, subject: str, episode: str, title: str, at: datetime, *lines: str) -> Draft:
    text = hide("\n".join(each for each in lines if each))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} ..."
    return Draft(rule.value, subject, episode, hide(title), text, at)


def _of(pipeline: str) -> str:
    return f" of {pipeline}" if pipeline else ""


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if not at.microsecond else at.isoformat()


def _lasting(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
