"""Sensors in a run: they hold no worker, wait as long as they are told, and say when they cannot see."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from itertools import pairwise

import pytest

from sqlpipe.domain.history import Event, NodeFinished
from tests.run.plant import eventually, journal, nodes, task, text_of
from tests.shop import Shop


@pytest.mark.catalogue("E10")
def test_a_hundred_sensors_that_wait_hold_up_nobody(shop: Shop) -> None:
    for number in range(100):
        task(shop, f"s{number}", f"sensor: {{file: nowhere/{number}.csv}}\ninterval: 30s\ntimeout: 1h\n")
    task(shop, "quick", "bash: touch quick\n")
    shop.model("a.one", "kind: table", "select 1 as id")
    stop, seen = threading.Event(), dict[str, float]()
    began = time.monotonic()

    def hear(event: Event) -> None:
        if isinstance(event, NodeFinished):
            seen[event.node] = time.monotonic() - began
            if {"tasks.quick", "a.one"} <= set(seen):
                stop.set()

    ran = shop.run(threads=1, stop=stop, on_event=hear)
    assert max(seen["tasks.quick"], seen["a.one"]) < 5
    assert (ran.states["tasks.quick"], ran.states["a.one"]) == ("done", "done")
    assert sum(state == "cancelled" for state in ran.states.values()) == 100
    assert threading.active_count() < 20


def test_a_sensor_whose_time_comes_lets_the_others_go_on_with_its_facts(shop: Shop) -> None:
    task(shop, "landed", "sensor: {file: 'land/*.csv'}\ninterval: 0.1s\ntimeout: 20s\n")
    task(shop, "read", "bash: echo {{ facts.landed | tojson }} > facts\n")
    threading.Timer(0.6, lambda: shop.write("land/a.csv", "id\n1\n")).start()
    ran = shop.run()
    assert ran.end.well
    assert "land/a.csv" in text_of(shop.root / "facts")
    record = nodes(shop, ran.end.run)["tasks.landed", -1]
    assert int(str(record.waited["pokes"])) >= 3


def test_the_pauses_between_looks_grow(shop: Shop) -> None:
    shop.write(
        "tasks/ask.py",
        '"""sqlpipe\nkind: sensor\ninterval: 0.1s\nbackoff: 3\njitter: 0\nmax_interval: 0.5s\ntimeout: 20s\n"""\n'
        "import time\ndef sensor():\n    open('looks', 'a').write(f'{time.time()}\\n')\n"
        "    return len(open('looks').readlines()) == 5\n",
    )
    assert shop.run().end.well
    looks = [float(each) for each in text_of(shop.root / "looks").split()]
    gaps = [after - before for before, after in pairwise(looks)]
    for gap, least in zip(gaps, (0.1, 0.3, 0.5, 0.5), strict=True):
        assert least * 0.8 < gap < least + 0.6


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize(
    ("word", "state", "below"),
    [("fail", "failed", "blocked"), ("skip", "skipped", "skipped"), ("continue", "done", "done")],
)
def test_a_sensor_that_has_waited_long_enough_ends_as_it_is_told(shop: Shop, word: str, state: str, below: str) -> None:
    task(shop, "s", f"sensor: {{sql: select false}}\ninterval: 0.1s\ntimeout: 0.5s\non_timeout: {word}\n")
    task(shop, "after", "bash: 'true'\nafter: [s]\n")
    began = time.monotonic()
    ran = shop.run()
    assert 0.5 <= time.monotonic() - began < 4
    assert ran.states == {"tasks.s": state, "tasks.after": below}
    assert [each.code for each in ran.problems("tasks.s")] == ["SP619"] * (state == "failed")


@pytest.mark.catalogue("E10")
@pytest.mark.parametrize("word", ["fail", "skip", "continue"])
def test_a_sensor_that_cannot_see_fails_whatever_it_would_do_after_its_timeout(shop: Shop, word: str) -> None:
    """As in airflow#71255."""
    for name, errors in (("by_count", 2), ("by_time", 99)):
        task(
            shop,
            name,
            f"sensor: {{sql: select * from nowhere}}\ninterval: 0.1s\ntimeout: 0.5s\n"
            f"on_timeout: {word}\nmax_errors: {errors}\n",
        )
    ran = shop.run()
    assert ran.states == {"tasks.by_count": "failed", "tasks.by_time": "failed"}
    assert nodes(shop, ran.end.run)["tasks.by_count", -1].waited["errors"] == 2


def test_a_condition_that_cannot_be_read_fails_a_sensor_at_once(shop: Shop) -> None:
    task(shop, "t", "bash: echo a=1 >> $SQLPIPE_FACTS\n")
    task(shop, "s", "sensor: {file: x.csv}\nif: facts.t.b > 1\ninterval: 30s\n")
    began = time.monotonic()
    ran = shop.run()
    assert ran.states["tasks.s"] == "failed"
    assert [each.code for each in ran.problems("tasks.s")] == ["SP610"]
    assert time.monotonic() - began < 5


@pytest.mark.catalogue("D6")
def test_a_sensor_is_looked_at_once_at_a_time(shop: Shop) -> None:
    task(shop, "s", "sensor: {python: 'tasks/_ask.py:look'}\ninterval: 0.05s\nbackoff: 1\njitter: 0\ntimeout: 20s\n")
    shop.write(
        "tasks/_ask.py",
        "import time\ndef look():\n    log = open('looks', 'a')\n    print('in', file=log, flush=True)\n"
        "    time.sleep(0.3)\n    print('out', file=log, flush=True)\n"
        "    return open('looks').read().count('out') == 4\n",
    )
    assert shop.run().end.well
    assert text_of(shop.root / "looks").split() == ["in", "out"] * 4


def test_a_look_that_takes_too_long_is_stopped_and_counts_as_one_that_went_wrong(shop: Shop) -> None:
    task(
        shop,
        "s",
        "sensor: {python: 'tasks/_ask.py:look'}\ninterval: 0.1s\npoke_timeout: 0.5s\nmax_errors: 2\ntimeout: 1m\n",
    )
    shop.write("tasks/_ask.py", "import time\ndef look():\n    time.sleep(60)\n")
    began = time.monotonic()
    ran = shop.run()
    assert ran.states == {"tasks.s": "failed"}
    assert "poke_timeout" in ran.problems("tasks.s")[0].message
    assert time.monotonic() - began < 8


def test_a_run_is_cancelled_in_the_midst_of_a_look(shop: Shop) -> None:
    task(shop, "s", "sensor: {python: 'tasks/_ask.py:look'}\n")
    shop.write("tasks/_ask.py", "import time\ndef look():\n    open('here', 'w')\n    time.sleep(60)\n")
    stop, asked = threading.Event(), list[float]()

    def ask() -> None:
        eventually((shop.root / "here").exists)
        asked.append(time.monotonic())
        stop.set()

    thread = threading.Thread(target=ask)
    thread.start()
    ran = shop.run(stop=stop)
    thread.join()
    assert time.monotonic() - asked[0] < 2
    assert ran.states == {"tasks.s": "cancelled"}
    assert nodes(shop, ran.end.run)["tasks.s", -1].state == "cancelled"


def test_how_long_a_sensor_waits_is_counted_from_its_first_look(shop: Shop) -> None:
    task(shop, "s", "sensor: {file: x.csv}\ninterval: 0.1s\ntimeout: 1h\n")
    stop = threading.Event()
    threading.Timer(0.8, stop.set).start()
    ran = shop.run(stop=stop)
    with journal(shop) as book:
        waited = nodes(shop, ran.end.run)["tasks.s", -1].waited
        (created,) = book.query("select created from run")[0]
    first = datetime.fromisoformat(str(waited["first"]))
    assert 0 <= first.timestamp() - created / 1e6 < 0.7
    assert int(str(waited["pokes"])) >= 3
