"""Measure what people look at: the layout of graphs, pages, dashboards, the static site, panning in a browser."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from benchmarks.figures import Case, Figure, main, p95
from benchmarks.generate import generate
from benchmarks.graphs import layered
from sqlpipe.graph.layout import lay_out

NODES = 1000
RUNS = 1000
LOOKS = 60
_SQLPIPE = str(Path(sys.executable).with_name("sqlpipe"))
_PAGES = ("/", "/graph", "/catalog", "/runs", "/checks", "/sources", "/dashboards", "/patterns")
_DASHBOARD = """---
title: All of it
---
```sql big
select * from {table} limit 500
```
```chart
table: {{}}
```
```sql how_many
select count(*) as n from {table}
```
```chart
value: {{field: n}}
```
"""


def layout(_folder: Path) -> list[Figure]:
    """Graphs like those of projects, with 1.4 parents a node."""
    figures = []
    for count, most in ((1000, 60), (5000, 400)):
        parents = layered(count)
        times = []
        for _ in range(7):
            before = time.process_time()
            lay_out(parents)
            times.append((time.process_time() - before) * 1000)
        figures.append(Figure(f"layout of {count:,} nodes, median CPU", median(times), "ms", most))
    return figures


def pages(folder: Path) -> list[Figure]:
    """Every page of a project of 1,000 nodes with 1,000 runs of history, one request after the other."""
    table = _project(folder, NODES)
    _run(folder, "run", "--quiet")
    last = _lengthen_history(folder, RUNS)
    paths = (*_PAGES, f"/nodes/{table}", f"/runs/{last}", "/dashboards/dashboards.all")
    with _serving(folder) as client:
        return [*(_page(client, path, last, table) for path in paths), _first_load(client)]


def site(folder: Path) -> list[Figure]:
    """The static site of 1,000 nodes, as a whole process."""
    _project(folder, NODES)
    _run(folder, "run", "--quiet")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        _run(folder, "site", "out")
        times.append(time.perf_counter() - began)
    size = sum(each.stat().st_size for each in (folder / "out").rglob("*") if each.is_file()) / 2**20
    return [Figure(f"site of {NODES:,} nodes", median(times), "s", 10, f"{size:.0f} MiB")]


def pan(folder: Path) -> list[Figure]:
    """A graph of 5,000 nodes is dragged about in headless Chromium."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this case needs a browser

    _project(folder, 5000)
    with _serving(folder) as client, sync_playwright() as play:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{client.base_url}/graph?fold=none", wait_until="load", timeout=120_000)
        page.wait_for_timeout(1000)
        figures = [Figure(f"5,000 nodes, {where}", _frames(page, zoom), "fps", least=30) for where, zoom in _ZOOMS]
        browser.close()
    return figures


_ZOOMS = (("all in sight", ""), ("a part in sight", "+++++"))
_COUNT_FRAMES = """() => { window.frames_ = []; let last = performance.now();
  const tick = now => { window.frames_.push(now - last); last = now; window.ticking_ = requestAnimationFrame(tick); };
  window.ticking_ = requestAnimationFrame(tick); }"""


def _frames(page: object, zoom: str) -> float:
    """Frames per second, by the gap that 95 of 100 do not exceed, while the mouse drags the graph for three seconds."""
    assert hasattr(page, "mouse")
    assert hasattr(page, "keyboard")
    assert hasattr(page, "evaluate")
    page.mouse.move(640, 450)
    for key in zoom:
        page.keyboard.press(key)
    page.mouse.down()
    page.evaluate(_COUNT_FRAMES)
    end, step = time.monotonic() + 3, 0
    while time.monotonic() < end:
        step += 1
        page.mouse.move(640 + 200 * ((step % 40) / 40 - 0.5), 450 + 100 * ((step % 25) / 25 - 0.5))
    gaps = page.evaluate("() => { cancelAnimationFrame(window.ticking_); return window.frames_; }")
    page.mouse.up()
    return 1000 / p95(gaps[2:])


def _page(client: httpx.Client, path: str, last: str, table: str) -> Figure:
    times = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - began) * 1000)
        answer.raise_for_status()
    size = len(gzip.compress(answer.content, 6)) / 1024
    name = path.replace(last, "RUN").replace(table, "NODE")
    most = 30 if "/dashboards/" in path else 50
    return Figure(f"`{name}` of {NODES:,} nodes, p95", p95(times), "ms", most, f"{size:.0f} KiB gzipped")


def _first_load(client: httpx.Client) -> Figure:
    """What a browser fetches for its first page."""
    html = client.get("/").text
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', html)
    size = sum(len(gzip.compress(client.get(each).content, 6)) for each in linked) + len(
        gzip.compress(html.encode(), 6)
    )
    return Figure("first load of `/`, gzipped", size / 1024, "KiB", 60, f"with {len(linked)} files")


def _project(folder: Path, count: int) -> str:
    """A project with a dashboard; the table that this shows."""
    table = generate(folder, count)[-1].name
    (folder / "dashboards").mkdir()
    (folder / "dashboards" / "all.md").write_text(_DASHBOARD.format(table=table))
    return table


def _run(folder: Path, *words: str) -> None:
    subprocess.run([_SQLPIPE, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _lengthen_history(folder: Path, count: int) -> str:
    """Have the last run stand in the journal so many times, an hour apart; its id."""
    with sqlite3.connect(next((folder / ".sqlpipe").glob("journal-*.db"))) as journal:
        (last,) = journal.execute("select id from run order by created desc limit 1").fetchone()
        columns = {
            table: [row[1] for row in journal.execute(f"pragma table_info({table})")] for table in ("run", "node")
        }
        (hour,) = journal.execute("select 3600 * (case when created > 1e14 then 1e6 else 1e3 end) from run").fetchone()
        moved = {"created", "changed", "started", "finished", "since"}
        for each in range(1, count):
            for table, names in columns.items():
                key = "id" if table == "run" else "run"
                values = ", ".join(
                    f"'{each:06d}-' || {name}"
                    if name == key
                    else f"cast({name} - {each * hour} as int)"
                    if name in moved
                    else name
                    for name in names
                )
                journal.execute(f"insert into {table} select {values} from {table} where {key} = ?", (last,))
    return str(last)


@contextmanager
def _serving(folder: Path) -> Iterator[httpx.Client]:
    log = folder / "serve.log"
    with log.open("w") as out:
        command = [_SQLPIPE, "ui", "--port", "0"]
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out, env={**os.environ, "NO_COLOR": "1"})
        try:
            url = _wait(lambda: re.search(r"http://[\d.]+:\d+", log.read_text()))
            with httpx.Client(base_url=url.group(), timeout=60) as client:
                client.get("/").raise_for_status()
                yield client
        finally:
            process.terminate()
            process.wait(30)


def _wait(look: Callable[[], re.Match[str] | None]) -> re.Match[str]:
    end = time.monotonic() + 60
    while (found := look()) is None:
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.05)
    return found


CASES: Mapping[str, Case] = {"layout": layout, "pages": pages, "site": site, "pan": pan}

if __name__ == "__main__":
    sys.exit(main(CASES, "benchmarks.pages", "kept.pages", __doc__ or ""))
