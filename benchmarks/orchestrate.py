"""Measure the orchestrator: tick to first node, node to node, chains, fan-outs, idling, many schedules."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from benchmarks.figures import Case, Figure, main, p95
from sqlpipe import app
from sqlpipe.app.serving import scheduler
from sqlpipe.domain.diagnostic import Place
from sqlpipe.domain.history import Event, NodeFinished, NodeStarted, RunFinished, RunStarted
from sqlpipe.domain.schedule import Cron, Every, Pipeline
from sqlpipe.plan.cadence import Agenda, next_tick

NODES = 40
SCHEDULES = 10_000


def chain(folder: Path) -> list[Figure]:
    """A chain of no-op tables: the whole of it, and the hop from a node to the one that waits for it."""
    _project(
        folder, {f"n{each}": f"select * from chain.n{each - 1}" if each else "select 1 as id" for each in range(NODES)}
    )
    floor = _floor(folder)
    _, base = _run(folder, "chain.n0")
    (folder / "bench.duckdb").unlink()
    told, cpu = _run(folder)
    hops = []
    ended: dict[int, float] = {}
    for event in told:
        match event:
            case NodeFinished():
                ended[_number(event.node)] = event.at.timestamp()
            case NodeStarted() if _number(event.node):
                hops.append((event.at.timestamp() - ended[_number(event.node) - 1]) * 1000)
    return [
        Figure(f"chain of {NODES}", _span(told), "s", 1.0, f"the same statements in plain DuckDB: {floor:.2f} s"),
        Figure("hop from node to node, p95", p95(hops), "ms", 20),
        Figure("CPU for each node", (cpu - base - _floor_cpu(folder)) / NODES * 1000, "ms", 5, "beyond plain DuckDB"),
    ]


def fan_out(folder: Path) -> list[Figure]:
    """One node, and many that wait for it alone."""
    _project(folder, {f"n{each}": "select * from chain.n0" if each else "select 1 as id" for each in range(NODES + 1)})
    told, _ = _run(folder)
    return [Figure(f"fan-out to {NODES}", _span(told), "s", 1.0)]


def tick(folder: Path) -> list[Figure]:
    """From the instant at which a pipeline is due to its first node."""
    _project(
        folder, {"n0": "select 1 as id"}, "pipelines:\n  often: {every: 2s}\n", header="/* sqlpipe\nkind: table\n*/"
    )
    (folder / "tasks").mkdir()
    (folder / "tasks" / "first.yml").write_text('sql: "select 1"\nbefore: [chain.n0]\n')
    told: list[Event] = []
    workspace = app.open_workspace(folder)
    with scheduler(workspace, on_event=told.append) as running:
        running.start()
        time.sleep(41)
        running.stop(5)
    late = [(each.at.timestamp() % 2) * 1000 for each in told if isinstance(each, NodeStarted) and "first" in each.node]
    return [Figure("tick to first node, p95", p95(late) / 1000, "s", 1.0, f"{len(late)} ticks")]


def idle(folder: Path) -> list[Figure]:
    """`sqlpipe serve` with twenty pipelines of which none is due."""
    pipelines = "".join(f'  p{each}: {{schedule: "0 3 * * *"}}\n' for each in range(20))
    _project(folder, {"n0": "select 1 as id"}, f"pipelines:\n{pipelines}")
    command = [str(Path(sys.executable).with_name("sqlpipe")), "serve", "--port", "0"]
    with (folder / "serve.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            time.sleep(5)
            before, began = _cpu_of(process.pid), time.monotonic()
            time.sleep(30)
            used, seconds = _cpu_of(process.pid) - before, time.monotonic() - began
            memory = _memory_of(process.pid)
        finally:
            process.terminate()
            process.wait(30)
    return [
        Figure("idle, share of a core", used / seconds * 100, "%", 0.5),
        Figure("idle, memory", memory, "MiB", 120),
    ]


def schedules(_folder: Path) -> list[Figure]:
    """Ten thousand schedules, and which of them are due."""
    now = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    zones = ("Europe/Paris", "America/Chicago", "Asia/Kolkata", "UTC")
    agenda, pipelines = Agenda(), []
    for each in range(SCHEDULES):
        cron = Cron(f"{each % 60} {each // 60 % 24} * * *", zones[each % len(zones)])
        starter = Every(60 + each % 7) if each % 10 == 0 else cron
        pipelines.append(Pipeline(f"p{each}", Place(1, 1), starter=starter))
    began = time.perf_counter()
    for pipeline in pipelines:
        following = next_tick(pipeline, now)
        agenda.plan(pipeline.name, following.at if following else None)
    planned = time.perf_counter() - began
    figures = []
    for minutes, most in ((1, 50.0), (60, 50.0), (24 * 60, 50.0)):
        at = datetime.fromtimestamp(now.timestamp() + minutes * 60, UTC)
        began = time.perf_counter()
        due = len(agenda.due(at))
        spent = (time.perf_counter() - began) * 1000
        figures.append(Figure(f"{SCHEDULES:,} schedules, {due:,} due", spent, "ms", most))
    return [*figures, Figure(f"planning {SCHEDULES:,} schedules anew", planned, "s")]


CASES: Mapping[str, Case] = {
    "chain": chain,
    "fan-out": fan_out,
    "tick": tick,
    "idle": idle,
    "schedules": schedules,
}


def _project(
    folder: Path, models: Mapping[str, str], settings: str = "", header: str = "/* sqlpipe\nkind: table\n*/"
) -> None:
    (folder / "models" / "chain").mkdir(parents=True)
    (folder / "sqlpipe.yml").write_text(f"name: bench\n{settings}")
    for name, query in models.items():
        (folder / "models" / "chain" / f"{name}.sql").write_text(f"{header}\n{query}\n")


def _run(folder: Path, *select: str) -> tuple[list[Event], float]:
    """The events of a run, and the CPU that it took (seconds); the project is loaded before."""
    told: list[Event] = []
    workspace = app.open_workspace(folder)
    before = _own_cpu()
    app.run(workspace, app.Selection(select), on_event=told.append)
    return told, _own_cpu() - before


def _floor(folder: Path) -> float:
    """The same tables made by plain DuckDB, one after the other (seconds)."""
    began = time.perf_counter()
    with duckdb.connect(str(folder / "floor.duckdb")) as database:
        database.execute("create schema chain")
        for each in range(NODES):
            query = f"select * from chain.n{each - 1}" if each else "select 1 as id"
            database.execute(f"create table chain.n{each} as {query}")
    return time.perf_counter() - began


def _floor_cpu(folder: Path) -> float:
    (folder / "floor.duckdb").unlink()
    before = _own_cpu()
    _floor(folder)
    return _own_cpu() - before


def _span(told: Sequence[Event]) -> float:
    began = next(each.at for each in told if isinstance(each, RunStarted))
    return (next(each.at for each in told if isinstance(each, RunFinished)) - began).total_seconds()


def _number(node: str) -> int:
    return int(node.rpartition("n")[2])


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_of(pid: int) -> float:
    """The proportional share of memory (MiB)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    sys.exit(main(CASES, "benchmarks.orchestrate", "kept.orchestrator", __doc__ or ""))
