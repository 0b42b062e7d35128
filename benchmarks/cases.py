"""What is measured: each command of sqlpipe beside its floor, and the bar that it is held to."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure
from benchmarks.generate import append_column, generate, model_path, read_order
from benchmarks.measure import Outcome, Trial
from benchmarks.report import Bar, Row

ROOT = Path(__file__).parent.parent
SQLPIPE = str(Path(sys.executable).with_name("sqlpipe"))
DATABASE = "bench.duckdb"

# Bars in seconds are promises for a project of this size; larger ones are only reported.
LARGEST_PROMISED = 1000

# The edited staging model is the one with a number of tables below it that is nearest to this.
DESCENDANTS = 25


@dataclass(frozen=True, slots=True)
class Session:
    """Where to measure, and how much."""

    folder: Path
    models: int
    rows: int
    repeat: int


def start_up(session: Session) -> list[Row]:
    """The help, beside a Python process that does nothing."""
    trials = [
        Trial("python", (sys.executable, "-c", "pass"), session.folder),
        Trial("sqlpipe --help", (SQLPIPE, "--help"), session.folder),
    ]
    outcomes = measure.in_turn(trials, session.repeat)
    return _rows(outcomes, {"sqlpipe --help": (Bar("wall", 0.12),)})


def load(session: Session) -> list[Row]:
    """Loading a project for the first time and once more."""
    project = _project(session)
    trials = [
        _floor("floor: digest", "digest", str(project)),
        _floor("floor: parse", "parse", str(project)),
        _sqlpipe("sqlpipe check, cold", project, "check", prepare=lambda: _forget_facts(project)),
        _sqlpipe("sqlpipe check", project, "check"),
        _sqlpipe("sqlpipe list", project, "list"),
    ]
    outcomes = measure.in_turn(trials, session.repeat)
    bars = {
        "sqlpipe check, cold": (Bar("wall", 1.5, "floor: parse"),),
        "sqlpipe check": _seconds(session, 0.5),
        "sqlpipe list": _seconds(session, 0.5),
    }
    remarks = {
        "floor: parse": (outcomes["floor: parse"][-1].stdout.strip(),),
        "sqlpipe check": (_imported(project, "check"),),
        "sqlpipe list": (_imported(project, "list"),),
    }
    return _rows(outcomes, bars, remarks)


def build(session: Session) -> list[Row]:
    """Building every table, then running again when there is nothing to do."""
    project = _project(session)
    database = session.folder / "floor.duckdb"
    trials = [
        _floor("floor: build", "build", str(project), str(database)),
        _sqlpipe("sqlpipe run, all", project, "run", prepare=lambda: _start_over(project)),
        _floor("floor: build, 16 KiB blocks", "build", str(project), str(database), "--block-size=16384"),
        _floor("floor: build, 4 workers", "build", str(project), str(database), "--workers=4"),
        _sqlpipe("sqlpipe run, all, facts known", project, "run", prepare=lambda: _drop_database(project)),
        _sqlpipe("sqlpipe run, nothing to do", project, "run"),
    ]
    outcomes = measure.in_turn(trials, session.repeat)
    _compare(database, project)
    bars = {
        "sqlpipe run, all": (Bar("wall", 1.0, "floor: build"), Bar("peak", 1.0, "floor: build")),
        "sqlpipe run, nothing to do": _seconds(session, 0.7),
    }
    return _rows(outcomes, bars, {"sqlpipe run, nothing to do": (_imported(project, "run"),)})


def edit(session: Session) -> list[Row]:
    """Running after a staging model got a further column, that nothing reads."""
    project = _project(session)
    name, below = _staging_to_edit(read_order(project))
    path = project / model_path(name)
    original = path.read_text(encoding="utf-8")
    columns = iter(range(session.repeat))
    measure.measure((SQLPIPE, "run"), project)
    trial = _sqlpipe(
        "sqlpipe run, one edit",
        project,
        "run",
        "--json",
        prepare=lambda: _write(path, append_column(original, f"further_{next(columns)}")),
    )
    try:
        outcomes = measure.in_turn([trial], session.repeat)
    finally:
        _write(path, original)
    again = sorted({str(models_done(each.stdout)) for each in outcomes[trial.name]})
    remark = f"{' or '.join(again)} of {session.models} models ran again; the edited one has {below} below it"
    return _rows(outcomes, {}, {trial.name: (remark,)})


def ingest(session: Session) -> list[Row]:
    """Loading many rows from a Parquet file, then a file of changes to a hundredth of them, by key."""
    project, floor = session.folder / "ingest", session.folder / "floor-ingest.duckdb"
    landing, changes = project / "landing" / "orders", max(2, session.rows // 100)
    size = (f"--rows={session.rows}", f"--changes={changes}")
    measure.measure((sys.executable, "-m", "benchmarks.orders", str(project), *size), ROOT)
    orders, delta = project / "orders.parquet", project / "delta.parquet"

    def start_again() -> None:
        _start_over(project)
        for path in landing.iterdir():
            path.unlink()
        _land(orders, landing)

    trials = [
        _floor("floor: load", "ingest", "load", str(floor), str(orders), prepare=lambda: _unlink(floor)),
        _sqlpipe("sqlpipe run, load", project, "run", prepare=start_again),
        _floor("floor: merge", "ingest", "merge", str(floor), str(delta)),
        _sqlpipe("sqlpipe run, merge", project, "run", prepare=lambda: _land(delta, landing)),
    ]
    outcomes = measure.in_turn(trials, session.repeat)
    _compare(floor, project)
    return _rows(
        outcomes,
        {
            "sqlpipe run, load": (Bar("wall", 1.3, "floor: load"),),
            "sqlpipe run, merge": (Bar("wall", 1.3, "floor: merge"),),
        },
    )


CASES: Mapping[str, Callable[[Session], list[Row]]] = {
    "start-up": start_up,
    "load": load,
    "build": build,
    "edit": edit,
    "ingest": ingest,
}


def models_done(events: str) -> int:
    """How many nodes did something, by the events of a run (one JSON value a line)."""
    finished = (json.loads(line) for line in events.splitlines() if line.startswith("{"))
    return sum(1 for event in finished if event.get("event") == "NodeFinished" and event.get("state") == "done")


def _project(session: Session) -> Path:
    """The generated project, without anything that sqlpipe keeps beside it when it is made."""
    project = session.folder / f"models-{session.models}"
    if not project.exists():
        generate(project, session.models)
    return project


def _floor(name: str, module: str, *arguments: str, prepare: Callable[[], None] = lambda: None) -> Trial:
    return Trial(name, (sys.executable, "-m", f"benchmarks.floors.{module}", *arguments), ROOT, prepare)


def _sqlpipe(name: str, project: Path, *arguments: str, prepare: Callable[[], None] = lambda: None) -> Trial:
    return Trial(name, (SQLPIPE, *arguments), project, prepare)


def _compare(floor: Path, project: Path) -> None:
    """Make sure that sqlpipe wrote the rows that the floor wrote."""
    measure.measure((sys.executable, "-m", "benchmarks.compare", str(floor), str(project / DATABASE)), ROOT)


def _seconds(session: Session, most: float) -> tuple[Bar, ...]:
    return (Bar("wall", most),) if session.models <= LARGEST_PROMISED else ()


def _rows(
    outcomes: Mapping[str, Sequence[Outcome]],
    bars: Mapping[str, Sequence[Bar]],
    remarks: Mapping[str, Sequence[str]] | None = None,
) -> list[Row]:
    middle = measure.medians(outcomes)
    return [
        Row(name, middle[name], [each.sample for each in several], bars.get(name, ()), (remarks or {}).get(name, ()))
        for name, several in outcomes.items()
    ]


def _imported(project: Path, command: str) -> str:
    """Which of the heavy libraries a command imports, as the interpreter itself tells."""
    outcome = measure.measure((sys.executable, "-X", "importtime", SQLPIPE, command), project)
    modules = set(re.findall(r"^import time:.*\| +([\w.]+)$", outcome.stderr, flags=re.MULTILINE))
    heavy = [name for name in ("sqlglot", "duckdb", "jinja2", "pyarrow", "rich") if name in modules]
    return f"imports {', '.join(heavy)}" if heavy else "imports no heavy library"


def _staging_to_edit(order: Mapping[str, Sequence[str]]) -> tuple[str, int]:
    """A staging model, and how many tables below it would have to be built again if nothing were known of columns."""
    below: dict[str, set[str]] = {name: set() for name in order}
    for name in reversed(list(order)):
        for parent in order[name]:
            below[parent] |= {name, *below[name]}
    staging = [name for name in order if name.startswith("staging.")]
    chosen = min(staging, key=lambda name: abs(len(below[name]) - DESCENDANTS))
    return chosen, len(below[chosen])


def _forget_facts(project: Path) -> None:
    shutil.rmtree(project / ".sqlpipe", ignore_errors=True)


def _start_over(project: Path) -> None:
    _forget_facts(project)
    _drop_database(project)


def _drop_database(project: Path) -> None:
    _unlink(project / DATABASE)


def _unlink(database: Path) -> None:
    for path in (database, database.with_name(database.name + ".wal")):
        path.unlink(missing_ok=True)


def _land(file: Path, landing: Path) -> None:
    (landing / file.name).hardlink_to(file)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
