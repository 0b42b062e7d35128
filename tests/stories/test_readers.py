"""Fifty people look at a server whose scheduler runs and writes all the time: nobody waits for the other."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.stories.test_serve import TOKEN, serving

if sys.platform == "win32":
    pytest.skip("signals are POSIX; run this test on Linux or macOS", allow_module_level=True)

READERS = 50
SECONDS = 25
FILES = {
    "sqlpipe.yml": """
name: shop
pipelines:
  quick: {select: "+marts.day", every: 2s}
  slow: {select: "+marts.late", every: 5s}
""",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb, threads: 2}\n",
    "models/raw/orders.sql": "/* sqlpipe\nkind: ingest\nfrom: landing/*.csv\ncursor: files\n*/\n"
    "select id, day from source\n",
    "models/marts/day.sql": "/* sqlpipe\nkind: table\nchecks:\n  - not_null: day\n*/\n"
    "select day, count(*) as orders from raw.orders group by day\n",
    "models/marts/late.sql": "/* sqlpipe\nkind: table\n*/\nselect count(*) as n, max(id) as last from raw.orders\n",
    "dashboards/days.md": "---\ntitle: Days\n---\n```sql days\nselect day, orders from marts.day\n```\n"
    "```chart\nbar: {x: day, y: orders}\n```\n",
}
PAGES = (
    "/", "/graph", "/catalog", "/runs", "/checks", "/sources", "/schedule", "/nodes/marts.day", "/nodes/raw.orders",
    "/dashboards", "/dashboards/dashboards.days", "/index.json", "/runs.json", "/api/show?node=marts.day",
    "/api/status",
)  # fmt: skip


def make(root: Path) -> None:
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    (root / "landing").mkdir()
    (root / "landing" / "0.csv").write_text("id,day\n0,2026-01-01\n")


@pytest.mark.slow
def test_fifty_readers_do_not_hinder_the_scheduler_nor_it_them(tmp_path: Path) -> None:
    make(tmp_path)
    answers: Counter[tuple[str, int]] = Counter()
    with serving(tmp_path) as server:
        server.until("/api/runs", lambda found: any(each["state"] == "done" for each in found["runs"]))
        over = time.monotonic() + SECONDS

        def read(seed: int) -> None:
            chance = random.Random(seed)
            headers = {"Authorization": f"Bearer {TOKEN}"}
            with httpx.Client(base_url=server.client.base_url, headers=headers, trust_env=False, timeout=60) as client:
                while time.monotonic() < over:
                    path = chance.choice(PAGES)
                    answers[path, client.get(path).status_code] += 1

        def deliver() -> None:
            while time.monotonic() < over:
                number = time.time_ns()
                (tmp_path / "landing" / f"{number}.csv").write_text(f"id,day\n{number},2026-01-01\n")
                time.sleep(0.5)

        threads = [threading.Thread(target=read, args=(each,)) for each in range(READERS)]
        threads.append(threading.Thread(target=deliver))
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        server.end()
    assert {status for _, status in answers} == {200}, answers
    assert {path for path, _ in answers} == set(PAGES)
    with serving(tmp_path, "--no-scheduler") as server:
        runs = server.get("/api/runs?limit=1000")["runs"]
        states = Counter(each["state"] for each in runs)
        assert set(states) <= {"done", "queued", "running"}, states
        assert states["done"] >= SECONDS // 5, states
        assert states["queued"] + states["running"] <= 2, states
        rows = server.get("/api/show?node=marts.late")["rows"]
    assert rows[0][0] > 1
