"""A project in a folder whose runs and pipelines are steered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shop import Shop

SETTINGS = """
name: shop
pools: {api: 1}
pipelines:
  nightly:
    select: +marts.total
    schedule: "0 6 * * *"
    timezone: Europe/Paris
    deadline: "08:00"
  follow: {select: tasks.mail, on: {nodes: marts.total, events: landed}}
  by_hand: {select: tasks.mail}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A table, a task before it, one behind it, and a sensor beside them."""
    made = Shop(tmp_path)
    made.write("sqlpipe.yml", SETTINGS)
    made.model("marts.total", "kind: table\nafter: [tasks.fetch]", "select 1 as id")
    made.write("tasks/fetch.yml", 'bash: |\n  echo fetched\n  echo rows=3 >> "$SQLPIPE_FACTS"\n')
    made.write("tasks/mail.yml", "bash: test {{ facts.fetch.rows }} = 3 && test -f ready\nafter: [marts.total]\n")
    made.write("tasks/arrive.yml", "sensor: {file: landing/*.csv}\ninterval: 1s\n")
    return made
