"""Every state that a node can be in has its sign and its word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sqlpipe.cli.look import Look
from sqlpipe.cli.run_text import node_line, summary
from sqlpipe.domain.history import NodeFinished, RunFinished, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "words", "plain"),
    [
        (State.DONE, "✓ tasks.t bash 1.0s", "ok"),
        (State.SKIPPED, "○ tasks.t passed over why", "none"),
        (State.BLOCKED, "- tasks.t skipped why", "skip"),
        (State.WAITING, "→ tasks.t waiting why", "->"),
        (State.RUNNING, "→ tasks.t running why", "->"),
    ],
)
def test_signs_and_words(state: State, words: str, plain: str) -> None:
    event = NodeFinished(
        run="r", at=NOW, node="tasks.t", kind="task", state=state, action="bash", seconds=1.0, reason="why"
    )
    assert " ".join(node_line(event, 7, Look()).split()) == words
    assert node_line(event, 7, Look(unicode=False)).split()[0] == plain


def test_the_sum_of_a_run_tells_what_was_passed_over() -> None:
    counts: dict[str, int] = {State.DONE: 2, State.SKIPPED: 1, State.BLOCKED: 1, State.WAITING: 3}
    finished = RunFinished(run="r", at=NOW, counts=counts, seconds=1.0)
    assert summary(finished, 0, "x").startswith("2 built, 1 skipped, 1 passed over, 3 waiting in 1.0s.")
