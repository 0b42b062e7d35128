"""Mistakes in tasks, sensors and pipelines: each is a frame, all are told at once, and nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.stories.bad_project import FILES, Shop

Golden = Callable[[str, str], None]

# What is wrong, and the files that say it.
CASES: Mapping[str, Mapping[str, str]] = {
    "task_does_two_things": {"tasks/a.yml": "bash: echo one\nsql: select 1\n"},
    "task_does_nothing": {"tasks/a.yml": "description: what is it for?\n", "tasks/b.yml": "", "tasks/c.yml": "bash:\n"},
    "task_with_unknown_keys": {
        "tasks/a.yml": "bahs: echo one\n",
        "tasks/b.yml": "bash: echo one\nretrys: 2\nwith: {a: 1}\n",
        "tasks/c.yml": "sensor: {file: x.csv}\nretries: 3\neffects: none\n",
    },
    "task_templates": {
        "tasks/a.yml": "bash: |\n  echo one\n  wc {{ facts.dowload.path }}\n",
        "tasks/b.yml": "bash: echo {{ run.start\n",
        "tasks/c.yml": "bash: echo {{ item }} {{ fcats.a }} {{ var('limt') }} {{ run.start | sqlish }}\n",
        "tasks/d.yml": "bash: echo one\nif: facts.a.rows >\nfor_each: '{{ facts.a.files }}'\n",
        "tasks/e.yml": "bash: echo {{ facts.e.path }}\n",
        "tasks/download.yml": "bash: echo one\n",
        "sqlpipe.yml": "name: shop\nvars: {limit: 3}\n",
    },
    "task_sql": {
        "tasks/a.yml": "sql: |\n  insert into log select 1;\n  selct * from raw.orders\n",
        "tasks/b.yml": "sql: {file: sql/cleen.sql}\n",
        "tasks/c.yml": "sql: {file: sql/clean.sql}\n",
        "tasks/d.yml": 'sensor: {sql: "select count(*) > 0 form raw.orders"}\n',
        "tasks/e.yml": 'bash: echo one\nif: {sql: "delete from raw.orders"}\n',
        "sql/clean.sql": "delete from raw.orders;\ndelete from where id = 1;\n",
    },
    "task_python": {
        "tasks/a.yml": "python: tasks/_fetsh.py:main\n",
        "tasks/b.yml": "python: tasks/_fetch.py:mian\n",
        "tasks/c.yml": "python: tasks/_fetch.py:main\nwith: {limt: 3}\n",
        "tasks/d.yml": "python: main\n",
        "tasks/e.py": "def task(dowload):\n    return {}\n",
        "tasks/f.py": "def one(): ...\ndef two(): ...\n",
        "tasks/g.py": '"""\nsqlpipe\nkind: tsak\n"""\ndef task(): ...\n',
        "tasks/h.py": "def task(:\n",
        "tasks/download.yml": "bash: echo one\n",
        "tasks/_fetch.py": "def main(limit=1): ...\n",
    },
    "task_http": {
        "tasks/a.yml": "http: example.com/orders\n",
        "tasks/b.yml": "http: {url: https://example.com, method: FETCH, status: 1000, heders: {}}\n",
        "tasks/c.yml": "http: {method: POST}\n",
    },
    "task_order": {
        "tasks/a.yml": "bash: echo one\nafter: [raw.ordrs, tasks.a]\nbefore: [orders]\n",
        "tasks/b.yml": "bash: echo one\nafter:\n  - {node: dwonload, soft: true}\n  - {soft: true}\nbefore: b\n",
        "tasks/download.yml": "bash: echo one\n",
    },
    "task_cycle": {
        "tasks/a.yml": "bash: echo one\nbefore: [raw.orders]\n",
        "tasks/b.yml": "bash: echo {{ facts.c.rows }}\nbefore: [a]\n",
        "tasks/c.yml": "sql: delete from marts.gone using marts.daily\n",
    },
    "task_running": {
        "tasks/a.yml": "bash: echo one\npool: apis\nretries: many\ntrigger: all\ntimeout: 0\nmost: 0\n",
        "tasks/b.yml": "bash: echo one\nretries: {delay: 1h, max_delay: 5m, tries: 3}\npool: {slots: 2}\neffects: no\n",
        "models/marts/daily.sql": "/* sqlpipe\nkind: table\npool: apis\nretries: -1\nif: true\n*/\nselect 1 as day\n",
        "sqlpipe.yml": "name: shop\npools: {api: 2}\n",
    },
    "task_starts_a_pipeline": {
        "tasks/a.yml": "run: nihgtly\n",
        "tasks/b.yml": "run: {target: prod}\n",
        "tasks/c.yml": "run: {pipeline: nightly, select: raw.orders}\n",
        "sqlpipe.yml": "name: shop\npipelines:\n  nightly: {select: raw.orders}\n",
    },
    "pipeline_starts_itself": {
        "tasks/again.yml": "run: nightly\nafter: marts.daily\n",
        "tasks/all.yml": "description: everything once more\nrun: {select: kind:task}\n",
        "sqlpipe.yml": "name: shop\npipelines:\n  nightly: {select: staging.orders+}\n",
    },
    "sensor_conditions": {
        "tasks/a.yml": "sensor: {file: x.csv, sql: select 1}\n",
        "tasks/b.yml": "sensor: landing/*.csv\n",
        "tasks/c.yml": "sensor: {fiel: x.csv}\n",
        "tasks/d.yml": "sensor: {stable: 3m}\n",
        "tasks/e.yml": 'sensor: {time: "25:00", zone: Europe/Pariss}\n',
        "tasks/f.yml": "sensor: {table: raw.ordrs, fresher_than: soon}\n",
        "tasks/g.yml": "sensor: {http: https://example.com, equals: done}\n",
        "tasks/h.yml": "sensor: {file: x.csv, at: status}\n",
    },
    "sensor_times": {
        "tasks/a.yml": "sensor: {file: x.csv}\ninterval: 0\njitter: 30\nbackoff: 0.5\n",
        "tasks/b.yml": "sensor: {file: x.csv}\ninterval: 10m\nmax_interval: 5m\n",
        "tasks/c.yml": "sensor: {file: x.csv}\ninterval: 10m\ntimeout: 5m\n",
        "tasks/d.yml": "sensor: {file: x.csv}\non_timeout: give_up\nmax_errors: 0\npoke_timeout: never\n",
    },
    "pipeline_schedules": {
        "sqlpipe.yml": """name: shop
pipelines:
  a: {schedule: 0 6 * * mon-fry}
  b: {schedule: "0 0 31 2 *"}
  c: {schedule: "0 6 * * * *"}
  d: {schedule: "5-1 * * * *"}
  e: {schedule: "@dayly"}
  f: {schedule: "60 5/2 */90 x ?"}
  g: {schedule: "0 6 * * *", timezone: Europe/Pariss}
  h: {schedule: "0 6 * * *", every: 15m}
  i: {every: sometimes}
  j: {schedule: {timezone: UTC}}
  k: {on: raw.ordrs}
  l: {on: {nodes: [], events: []}}
  m: {schedule: {cron: "@reboot", timezone: UTC}, timezone: UTC}
"""
    },
    "pipeline_schedule_without_quotes": {"sqlpipe.yml": "name: shop\npipelines:\n  a: {schedule: */5 * * * *}\n"},
    "pipeline_settings": {
        "sqlpipe.yml": """name: shop
pipelines:
  a:
    selct: raw.orders
    start: 2026-02-01
    end: 2026-01-01
    catch_up: some
    on_overlap: wait
    max_active_runs: 0
    window: forever
  b: {deadline: "8 o'clock", delay: soon, count_paused: perhaps, start: tomorrow}
pools: {api: none}
alerts:
  ops: {url: "mailto://x", command: mail}
  dev: {rules: [run_failed]}
  web: {webhook: "https://example.com/${HOOK_TOKEN}"}
keep: 0d
"""
    },
    "pipeline_selections": {
        "sqlpipe.yml": """name: shop
selections: {all_marts: tag:mart}
pipelines:
  a: {select: raw.ordrs}
  b: {select: [marts.daily, "tga:x"], exclude: all_marts}
  c: {select: raw.orders, exclude: raw.orders}
"""
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_a_frame_and_nothing_is_run(name: str, tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop", {**FILES, **CASES[name]})
    checked = shop.refuse("check")
    golden(f"bad_input/{name}.txt", checked.text)
    run = shop.refuse("run")
    assert run.err == checked.err.rstrip("\n") + "\n", run.text
    assert not (shop.root / "shop.duckdb").exists()
