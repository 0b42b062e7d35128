"""Messages go out at least once on every channel that hears of them, whatever becomes of the others."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from sqlpipe.domain.journal import Message
from sqlpipe.domain.schedule import Alert, Orchestration
from sqlpipe.load.secret import keep_secret
from sqlpipe.run import channels
from sqlpipe.run import deliver as delivering
from sqlpipe.run.channels import Unsent, ping
from sqlpipe.run.deliver import Delivered, Post, deliver, pause
from sqlpipe.store import messages
from sqlpipe.store.book import Book, JournalAway
from sqlpipe.store.door import open_book
from tests.store.journal import NOON, after

# What apprise imports on Python 3.11 and 3.12.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@dataclass
class Hook:
    """A server that writes down what it is sent, and answers as it is told to."""

    url: str = ""
    status: int = 200
    location: str = ""
    delay: float = 0
    got: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [body["title"] for _, _, _, body in self.got]


@pytest.fixture
def hook() -> Iterator[Hook]:
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.got.append(("POST", self.path, dict(self.headers), json.loads(body)))
            self.answer()

        def do_GET(self) -> None:
            told.got.append(("GET", self.path, dict(self.headers), None))
            self.answer()

        def answer(self) -> None:
            sleep(told.delay)
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        told.url = f"http://127.0.0.1:{listening.server_address[1]}/"
        try:
            yield told
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    opened = open_book(str(tmp_path / "journal.sqlite"))
    yield opened
    opened.close()


def post(book: Book, title: str, rule: str = "node_failed", *, subject: str = "", episode: str = "r1") -> None:
    assert messages.post(book, rule, subject or title, episode, title, f"{title} text", NOON)


def going_out(
    book: Book, *alerts: Alert, seconds: float = 0, draw: float = 0.0, folder: Path = Path()
) -> tuple[int, int]:
    found = deliver(book, alerts, after(seconds), draw=draw, project="shop", folder=folder)
    return found.sent, found.put_off


def unsent(book: Book) -> list[Message]:
    return messages.due(book, after(10**9), 100)


def wait_for(condition: Callable[[], bool], seconds: float = 5) -> None:
    until = monotonic() + seconds
    while not condition():
        assert monotonic() < until
        sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# What is sent


def test_a_web_hook_is_sent_everything_as_json(journal: Book, hook: Hook) -> None:
    post(journal, "a failed — ✗", subject="marts.a")
    (message,) = unsent(journal)
    assert going_out(journal, Alert("ops", webhook=hook.url + "x?y=1")) == (1, 0)
    ((method, path, headers, body),) = hook.got
    assert (method, path, headers["Content-Type"]) == ("POST", "/x?y=1", "application/json")
    assert headers["X-Sqlpipe-Message"] == str(message.id)
    assert body == {
        "rule": "node_failed",
        "subject": "marts.a",
        "episode": "r1",
        "title": "a failed — ✗",
        "text": "a failed — ✗ text",
        "at": "2026-05-04T12:00:00+00:00",
        "project": "shop",
    }
    assert unsent(journal) == []
    assert going_out(journal, Alert("ops", webhook=hook.url)) == (0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="the script is for a POSIX shell")
def test_a_command_gets_variables_and_json(book: Book, tmp_path: Path) -> None:
    post(book, "it's `failed` $(touch x)\nmore", subject="a")
    script = 'printf "%s|%s|%s" "$SQLPIPE_ALERT_TITLE" "$SQLPIPE_ALERT_ID" "$SQLPIPE_ALERT_PROJECT" > said; cat > json'
    number = unsent(book)[0].id
    assert going_out(book, Alert("sh", command=script), folder=tmp_path) == (1, 0)
    assert (tmp_path / "said").read_text() == f"it's `failed` $(touch x)\nmore|{number}|shop"
    assert json.loads((tmp_path / "json").read_text())["subject"] == "a"
    assert not (tmp_path / "x").exists()


def test_apprise_reaches_the_rest(book: Book, hook: Hook) -> None:
    post(book, "a failed", subject="a")
    post(book, "a is well", "recovered", subject="a")
    assert going_out(book, Alert("ops", url=hook.url.replace("http", "json"))) == (2, 0)
    assert [(each["title"], each["message"], each["type"]) for *_, each in hook.got] == [
        ("shop: a failed", "a failed text", "failure"),
        ("shop: a is well", "a is well text", "success"),
    ]


# Who is told


def test_each_channel_hears_what_it_asked_for_and_of_its_end(book: Book, hook: Hook) -> None:
    post(book, "failed", subject="a")
    post(book, "late", "deadline_missed", subject="a")
    post(book, "run", "run_failed", subject="daily", episode="r2")
    post(book, "well", "recovered", subject="a")
    post(book, "run is well", "recovered", subject="daily", episode="r2")
    alerts = [
        Alert("all", webhook=hook.url + "all"),
        Alert("nodes", webhook=hook.url + "nodes", rules=("node_failed", "check_failed")),
        Alert("ends", webhook=hook.url + "ends", rules=("recovered",)),
        Alert("none", webhook=hook.url + "none", rules=("freshness",)),
    ]
    assert going_out(book, *alerts) == (5, 0)
    told: dict[str, list[str]] = {}
    for _, path, _, body in hook.got:
        told.setdefault(path, []).append(body["title"])
    assert told == {
        "/all": ["failed", "late", "run", "well", "run is well"],
        "/nodes": ["failed", "well"],
        "/ends": ["well", "run is well"],
    }


def test_without_channels_nothing_piles_up(book: Book) -> None:
    post(book, "failed")
    assert going_out(book) == (1, 0)
    assert unsent(book) == []


def test_what_has_gone_out_on_one_channel_is_not_repeated_there(journal: Book, hook: Hook) -> None:
    post(journal, "one")
    post(journal, "two")
    alerts = [Alert("down", webhook=f"http://127.0.0.1:{free_port()}/"), Alert("up", webhook=hook.url)]
    assert going_out(journal, *alerts) == (0, 2)
    assert going_out(journal, *alerts, seconds=60) == (0, 2)
    assert sorted(hook.titles) == ["one", "two"]
    mended = [Alert("down", webhook=hook.url), alerts[1]]
    assert going_out(journal, *mended, seconds=120) == (2, 0)
    assert sorted(hook.titles) == ["one", "one", "two", "two"]


def test_the_end_is_not_told_before_the_beginning(book: Book, hook: Hook) -> None:
    post(book, "failed", subject="a")
    down, up = Alert("x", webhook=hook.url + "x"), Alert("y", command="exit 0")
    hook.status = 500
    assert going_out(book, down, up) == (0, 1)
    post(book, "well", "recovered", subject="a")
    hook.status = 200
    assert going_out(book, down, up, seconds=1) == (0, 1), "the first is not due yet"
    assert "x: comes after what it is the end of" in unsent(book)[0].problem + unsent(book)[1].problem
    assert going_out(book, down, up, seconds=60) == (2, 0)
    assert hook.titles == ["failed", "failed", "well"]


def test_the_end_goes_out_where_the_beginning_has(book: Book, hook: Hook) -> None:
    post(book, "failed", subject="a")
    alerts = [Alert("down", command="exit 1"), Alert("up", webhook=hook.url)]
    assert going_out(book, *alerts) == (0, 1)
    post(book, "well", "recovered", subject="a")
    assert going_out(book, *alerts, seconds=1) == (0, 1)
    assert hook.titles == ["failed", "well"]


# What goes wrong


@pytest.mark.catalogue("A4")
def test_what_fails_is_put_off_longer_each_time(book: Book, hook: Hook) -> None:
    post(book, "failed")
    hook.status = 503
    for tries, seconds in enumerate((0, 5, 15, 35)):
        assert going_out(book, Alert("ops", webhook=hook.url), seconds=seconds - 0.001) == (0, 0) or not tries
        assert going_out(book, Alert("ops", webhook=hook.url), seconds=seconds) == (0, 1)
        (message,) = unsent(book)
        assert (message.tries, message.problem) == (tries + 1, "ops: the answer is 503")
    assert pause(50, 1) == timedelta(seconds=2700)
    assert pause(0, 1) == timedelta(seconds=5)
    hook.status = 204
    assert going_out(book, Alert("ops", webhook=hook.url), seconds=99999) == (1, 0)
    assert messages.stuck(book) == 0


def test_a_channel_that_is_down_is_tried_once_a_round(book: Book, hook: Hook) -> None:
    for number in range(5):
        post(book, f"m{number}")
    hook.status = 500
    assert going_out(book, Alert("ops", webhook=hook.url)) == (0, 5)
    assert len(hook.got) == 1
    assert {each.problem for each in unsent(book)} == {"ops: the answer is 500"}


def test_a_redirection_is_not_taken_for_success(book: Book, hook: Hook) -> None:
    post(book, "failed")
    hook.status, hook.location = 302, "/elsewhere"
    assert going_out(book, Alert("ops", webhook=hook.url)) == (0, 1)
    assert [path for _, path, *_ in hook.got] == ["/"]
    assert unsent(book)[0].problem == "ops: the answer is 302, and redirections are not followed"


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (Alert("x", webhook="ftp://here/"), "only http:// and https:// addresses are asked"),
        (Alert("x", webhook="file:///etc/passwd"), "only http:// and https:// addresses are asked"),
        (Alert("x", webhook="http://127.0.0.1:99999/"), ""),
        (Alert("x", webhook="http://a b\n/"), ""),
        (Alert("x", webhook="http://nowhere.invalid/"), ""),
        (Alert("x", url="what is this"), "apprise does not know what to do with this address"),
        (Alert("x", url=f"json://127.0.0.1:{free_port()}/"), ""),
        (Alert("x", command="nosuchprogram_"), "the command ended with exit code "),
        (Alert("x", command="echo one; echo two >&2; echo; exit 7"), "the command ended with exit code 7: two"),
        (Alert("x", command="a\0b"), "the command cannot be started"),
    ],
)
def test_whatever_is_wrong_with_a_channel_is_told(book: Book, alert: Alert, said: str) -> None:
    post(book, "failed")
    assert going_out(book, alert) == (0, 1)
    problem = unsent(book)[0].problem
    assert problem.startswith(f"x: {said}")
    assert len(problem) > len("x: ")


def test_a_secret_address_is_not_told(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_secret(["s3cretword"])
    post(book, "failed")
    going_out(book, Alert("x", command="echo cannot use s3cretword; exit 1"))
    assert unsent(book)[0].problem == "x: the command ended with exit code 1: cannot use •••"

    def fail(url: str, _letter: object) -> None:
        raise RuntimeError(f"{url} or TokenTokenA")

    monkeypatch.setattr(channels, "_apprise", fail)
    going_out(book, Alert("y", url="slack://TokenTokenA/TokenTokenB"), seconds=60)
    assert unsent(book)[0].problem == "y: RuntimeError: ••• or •••"


def test_without_the_extra_the_message_says_what_to_install(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    post(book, "failed")
    assert going_out(book, Alert("ops", url="json://localhost"), Alert("sh", command="exit 0")) == (0, 1)
    said = "ops: this address needs the package apprise: `pip install 'sqlpipe[notify]'`"
    assert unsent(book)[0].problem == said


def test_an_answer_is_not_waited_for_for_ever(book: Book, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "WEBHOOK", 0.1)
    hook.delay = 1
    post(book, "failed")
    began = monotonic()
    assert going_out(book, Alert("ops", webhook=hook.url)) == (0, 1)
    assert monotonic() - began < 0.8
    assert unsent(book)[0].problem == "ops: no answer within 0.1 s"


@pytest.mark.skipif(sys.platform == "win32", reason="the script is for a POSIX shell")
def test_a_command_that_hangs_is_killed_with_all_it_started(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "COMMAND", 0.3)
    post(book, "failed")
    alert = Alert("sh", command="sleep 60 & echo $! > child; wait")
    assert going_out(book, alert, folder=tmp_path) == (0, 1)
    assert unsent(book)[0].problem == "sh: the command took longer than 0.3 s and was killed"
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not _lives(child))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] != "Z"


def test_a_crash_between_sending_and_noting_repeats_one_message(
    book: Book, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        post(book, f"m{number}")
    note = messages.deliver

    def die(book: Book, id: int, channel: str, at: datetime) -> None:
        if hook.titles[-1] == "m1":
            raise JournalAway
        note(book, id, channel, at)

    with monkeypatch.context() as patched:
        patched.setattr(messages, "deliver", die)
        with pytest.raises(JournalAway):
            going_out(book, Alert("ops", webhook=hook.url))
    assert going_out(book, Alert("ops", webhook=hook.url)) == (2, 0)
    assert hook.titles == ["m0", "m1", "m1", "m2"]
    numbers = [headers["X-Sqlpipe-Message"] for _, _, headers, _ in hook.got]
    assert numbers[1] == numbers[2]
    assert len(set(numbers)) == 3


# The thread


@pytest.fixture
def posts() -> Iterator[list[Post]]:
    started: list[Post] = []
    yield started
    for each in started:
        each.stop()


def working(posts: list[Post], book: Book, orchestration: Orchestration, *, beats: bool = True) -> Post:
    posts.append(Post(book, orchestration, lambda: NOON, project="shop", folder=Path()))
    posts[-1].start()
    if beats:
        posts[-1].beat()
    return posts[-1]


def test_a_thread_delivers_when_it_is_woken(book: Book, hook: Hook, posts: list[Post]) -> None:
    post_ = working(posts, book, Orchestration(alerts=(Alert("ops", webhook=hook.url),)))
    for number in range(50):
        post(book, f"m{number}")
    post_.wake()
    wait_for(lambda: unsent(book) == [])
    assert hook.titles == [f"m{number}" for number in range(50)]
    post_.stop()
    post(book, "too late")
    post_.wake()
    sleep(0.05)
    assert len(hook.got) == 50


def test_a_thread_looks_by_itself(book: Book, hook: Hook, posts: list[Post], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "LOOK", 0.02)
    working(posts, book, Orchestration(alerts=(Alert("ops", webhook=hook.url),)))
    post(book, "failed")
    wait_for(lambda: hook.titles == ["failed"])


def test_a_thread_outlives_a_journal_that_is_away_and_a_bug(
    book: Book, hook: Hook, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[Exception] = [JournalAway("disk full"), ZeroDivisionError("oops")]
    told: list[str] = []
    real = delivering.deliver

    def troubled(*arguments: Any, **options: Any) -> Delivered:
        told.append(posts[0].problem)
        if errors:
            raise errors.pop(0)
        return real(*arguments, **options)

    monkeypatch.setattr(delivering, "LOOK", 0.02)
    monkeypatch.setattr(delivering, "deliver", troubled)
    post(book, "failed")
    working(posts, book, Orchestration(alerts=(Alert("ops", webhook=hook.url),)))
    wait_for(lambda: hook.titles == ["failed"])
    wait_for(lambda: not posts[0].problem)
    assert told[:3] == ["", "the journal is away: disk full", "ZeroDivisionError: oops"]


def test_a_slow_channel_holds_nobody_up(book: Book, hook: Hook, posts: list[Post]) -> None:
    hook.delay = 1
    post(book, "failed")
    working(posts, book, Orchestration(alerts=(Alert("ops", webhook=hook.url),)))
    wait_for(lambda: len(hook.got) == 1)
    began = monotonic()
    post(book, "another")
    messages.stuck(book)
    posts[0].stop(0)
    assert monotonic() - began < 0.8


def test_only_who_leads_delivers(book: Book, hook: Hook, posts: list[Post], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "LOOK", 0.01)
    post(book, "failed")
    waiting = working(posts, book, Orchestration(alerts=(Alert("ops", webhook=hook.url),)), beats=False)
    sleep(0.1)
    assert hook.got == []
    waiting.beat()
    wait_for(lambda: hook.titles == ["failed"])


@pytest.mark.catalogue("A4")
def test_a_sign_of_life_is_given_while_the_scheduler_beats(
    book: Book, hook: Hook, posts: list[Post], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "LOOK", 0.01)
    monkeypatch.setattr(delivering, "PING", 0.1)
    monkeypatch.setattr(delivering, "BEAT", 0.1)
    post_ = working(posts, book, Orchestration(heartbeat=hook.url + "alive"), beats=False)
    sleep(0.15)
    assert hook.got == [], "nobody leads"
    began = monotonic()
    while len(hook.got) < 3:
        post_.beat()
        sleep(0.02)
    assert {(method, path) for method, path, *_ in hook.got} == {("GET", "/alive")}
    assert monotonic() - began > 0.19, "once in a while is enough"
    sleep(0.2)
    quiet = len(hook.got)
    sleep(0.25)
    assert len(hook.got) == quiet, "the scheduler hangs"
    hook.status = 500
    post_.beat()
    wait_for(lambda: bool(post_.ping_problem))
    assert post_.ping_problem == "no sign of life could be given: the answer is 500"
    hook.status = 200
    sleep(0.1)
    post_.beat()
    wait_for(lambda: not post_.ping_problem)


def test_a_ping_tells_what_is_wrong_without_its_address() -> None:
    with pytest.raises(Unsent, match="only http:// and https://"):
        ping("ping://secret-address")
    with pytest.raises(Unsent) as raised:
        ping("http://not a host/secret-address")
    assert "secret-address" not in str(raised.value)
