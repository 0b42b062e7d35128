"""What was measured, as a table for people and as JSON to keep."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import Sample

COLUMNS = ("measured", "wall s", "cpu s", "peak MiB", "against", "ratio", "bar", "")


@dataclass(frozen=True, slots=True)
class Bar:
    """The most that a figure may be: seconds, or so many times the same figure of a floor."""

    figure: str
    most: float
    floor: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured command: the median of its figures, each sample, the bar it is held to, and remarks."""

    name: str
    median: Sample
    samples: Sequence[Sample]
    bars: Sequence[Bar] = ()
    remarks: Sequence[str] = ()


def machine_facts() -> dict[str, str]:
    """What the figures depend on besides the code."""
    facts = {"system": f"{platform.system()} {platform.machine()}", "cores": str(os.cpu_count())}
    facts["python"] = platform.python_version()
    for package in ("sqlpipe", "duckdb", "sqlglot", "sqlglotc"):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    return facts


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of one session, and the settings they were measured with."""

    models: int
    rows: int
    repeat: int
    measured: Sequence[Row]
    machine: dict[str, str] = field(default_factory=machine_facts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row's figure beside its bar."""

    row: Row
    bar: Bar
    value: float
    unit: str

    @property
    def passed(self) -> bool:
        """Whether the figure is at most its bar."""
        return self.value <= self.bar.most


def verdicts(report: Report) -> tuple[Verdict, ...]:
    """Every bar with the figure that is held to it."""
    found = {row.name: row for row in report.measured}
    held = []
    for row in report.measured:
        for bar in row.bars:
            value = _figure(row, bar.figure)
            if bar.floor:
                held.append(Verdict(row, bar, value / _figure(found[bar.floor], bar.figure), "x"))
            else:
                held.append(Verdict(row, bar, value, " s"))
    return tuple(held)


def table(report: Report) -> list[tuple[str, ...]]:
    """The lines of the table: one for each command, and a further one for each further bar of it."""
    lines: list[tuple[str, ...]] = []
    held = verdicts(report)
    for row in report.measured:
        figures = (row.name, f"{row.median.wall:.2f}", f"{row.median.cpu:.2f}", f"{row.median.peak:.0f}")
        own = [_verdict_cells(each) for each in held if each.row is row] or [("", "", "", "")]
        lines.append((*figures, *own[0]))
        lines += [("", "", "", "", *cells) for cells in own[1:]]
    return lines


def as_text(report: Report) -> str:
    """The table for a terminal, with remarks below."""
    lines = [COLUMNS, *table(report)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(COLUMNS))]
    aligned = (
        "  ".join(
            cell.ljust(width) if index in (0, 4, 7) else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
    return "\n".join([*aligned, "", *_remarks(report)])


def as_markdown(report: Report) -> str:
    """The table for a page, with what it was measured on."""
    head = ["| " + " | ".join(COLUMNS) + " |", "| --- | --: | --: | --: | --- | --: | --: | --- |"]
    body = ["| " + " | ".join(line) + " |" for line in table(report)]
    facts = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    about = f"{report.models} models, {report.rows:,} rows, medians of {report.repeat}; {facts}."
    return "\n".join([*head, *body, "", *(f"- {remark}" for remark in _remarks(report)), "", about]) + "\n"


def write_json(report: Report, path: Path) -> None:
    """Keep a report with each of its samples and verdicts."""
    content = asdict(report)
    content["verdicts"] = [
        {"name": each.row.name, **asdict(each.bar), "value": each.value, "passed": each.passed}
        for each in verdicts(report)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _figure(row: Row, figure: str) -> float:
    value: float = getattr(row.median, figure)
    return value


def _verdict_cells(verdict: Verdict) -> tuple[str, str, str, str]:
    against = f"{verdict.bar.figure} of {verdict.bar.floor}" if verdict.bar.floor else verdict.bar.figure
    value = f"{verdict.value:.2f}{verdict.unit}"
    return against, value, f"{verdict.bar.most:g}{verdict.unit}", "pass" if verdict.passed else "MISS"


def _remarks(report: Report) -> list[str]:
    return [f"{row.name}: {remark}" for row in report.measured for remark in row.remarks]
