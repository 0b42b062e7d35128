"""How processes are measured, and how figures are held to their bars."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.cases import models_done
from benchmarks.measure import CommandFailed, Sample, Trial, in_turn, measure, medians
from benchmarks.report import Bar, Report, Row, as_markdown, as_text, verdicts, write_json


def row(name: str, wall: float, *bars: Bar) -> Row:
    sample = Sample(wall, wall, 100.0)
    return Row(name, sample, [sample], bars)


def report(*rows: Row) -> Report:
    return Report(100, 1000, 1, rows, {"cores": "2"})


def test_a_process_that_waits_takes_time_but_no_cpu(tmp_path: Path) -> None:
    outcome = measure((sys.executable, "-c", "import time; time.sleep(0.3); print('done')"), tmp_path)
    assert outcome.stdout == "done\n"
    assert outcome.sample.wall >= 0.3
    assert outcome.sample.cpu < 0.3


def test_peak_is_that_of_the_process(tmp_path: Path) -> None:
    held = 400_000_000
    outcome = measure((sys.executable, "-c", f"held = b'x' * {held}"), tmp_path)
    assert outcome.sample.peak > held / 1024**2


def test_a_failing_command_tells_what_it_wrote(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"(?s)ended with 3.*no such thing"):
        measure((sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"), tmp_path)


def test_trials_take_turns_and_are_prepared_each_time(tmp_path: Path) -> None:
    said: list[str] = []
    trials = [
        Trial(name, (sys.executable, "-c", "pass"), tmp_path, lambda name=name: said.append(name))  # type: ignore[misc]
        for name in ("a", "b")
    ]
    outcomes = in_turn(trials, 2)
    assert said == ["a", "b", "a", "b"]
    assert {name: len(several) for name, several in outcomes.items()} == {"a": 2, "b": 2}
    assert medians(outcomes).keys() == {"a", "b"}


def test_a_ratio_is_held_to_its_bar() -> None:
    held = verdicts(report(row("floor", 2.0), row("ours", 3.2, Bar("wall", 1.5, "floor"), Bar("peak", 1.0, "floor"))))
    assert [(each.value, each.passed) for each in held] == [(1.6, False), (1.0, True)]


def test_seconds_are_held_to_their_bar() -> None:
    (verdict,) = verdicts(report(row("ours", 0.5, Bar("wall", 0.5))))
    assert verdict.passed


def test_the_table_says_what_missed() -> None:
    shown = report(row("floor", 2.0), row("ours", 3.2, Bar("wall", 1.5, "floor"), Bar("peak", 1.0, "floor")))
    assert [line.split()[-1] for line in as_text(shown).splitlines()[2:4]] == ["MISS", "pass"]
    assert "| ours | 3.20 | 3.20 | 100 | wall of floor | 1.60x | 1.5x | MISS |" in as_markdown(shown)


def test_kept_figures_have_every_sample(tmp_path: Path) -> None:
    write_json(report(row("ours", 0.5, Bar("wall", 0.4))), tmp_path / "results" / "kept.json")
    kept = json.loads((tmp_path / "results" / "kept.json").read_text())
    assert kept["measured"][0]["samples"] == [{"wall": 0.5, "cpu": 0.5, "peak": 100.0}]
    assert kept["verdicts"] == [
        {"name": "ours", "figure": "wall", "most": 0.4, "floor": "", "value": 0.5, "passed": False}
    ]


def test_models_done_counts_those_that_did_something() -> None:
    events = [
        {"event": "RunStarted", "nodes": 3},
        {"event": "NodeStarted", "node": "a"},
        {"event": "NodeFinished", "node": "a", "state": "done"},
        {"event": "NodeFinished", "node": "b", "state": "unchanged"},
        {"event": "RunFinished", "counts": {"done": 1}},
    ]
    assert models_done("\n".join(map(json.dumps, events))) == 1
