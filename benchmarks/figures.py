"""Figures that are measured in cases, each in a process of its own, and told as a table beside their bars."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.report import machine_facts

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in its unit, beside the bar that it is held to (0: only told); `least` is one from below."""

    name: str
    value: float
    unit: str
    most: float = 0.0
    remark: str = ""
    least: float = 0.0

    @property
    def verdict(self) -> str:
        """Whether the bar was kept; nothing where there is none."""
        if not (self.most or self.least):
            return ""
        return "kept" if self.value >= self.least and (not self.most or self.value <= self.most) else "missed"


Case = Callable[[Path], list[Figure]]


def main(cases: Mapping[str, Case], module: str, kept: str, description: str) -> int:
    """Measure each case in a process of its own; `kept` names the files under version control."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    parser.add_argument("--only", nargs="+", choices=cases, metavar="CASE", help=f"some of {', '.join(cases)}")
    parser.add_argument("--keep", action="store_true", help=f"write `results/{kept}.*`, under version control")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        with tempfile.TemporaryDirectory(prefix="sqlpipe-bench-") as folder:
            print(json.dumps([asdict(each) for each in cases[arguments.child](Path(folder))]))
        return 0
    figures: list[Figure] = []
    for name in arguments.only or cases:
        print(f"measuring {name}", file=sys.stderr)
        command = [sys.executable, "-m", module, "--child", name]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=RESULTS.parent.parent).stdout
        figures += [Figure(**each) for each in json.loads(out.splitlines()[-1])]
    told = table(figures)
    print(told)
    if arguments.keep:
        facts = ", ".join(f"{name} {value}" for name, value in machine_facts().items())
        (RESULTS / f"{kept}.md").write_text(f"{told}\nMeasured on {facts}.\n", encoding="utf-8")
        (RESULTS / f"{kept}.json").write_text(json.dumps([asdict(each) for each in figures], indent=2) + "\n")
    return 0


def table(figures: Sequence[Figure]) -> str:
    """The figures as a table in Markdown."""
    lines = ["| measured | figure | bar | |", "| --- | --: | --: | --- |"]
    for each in figures:
        bar = (
            f"{each.most:g} {each.unit}" if each.most else f"at least {each.least:g} {each.unit}" if each.least else ""
        )
        said = "; ".join(part for part in (each.verdict, each.remark) if part)
        lines.append(f"| {each.name} | {each.value:.3g} {each.unit} | {bar} | {said} |")
    return "\n".join(lines) + "\n"


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=20)[-1]
