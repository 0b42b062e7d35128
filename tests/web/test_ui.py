"""`sqlpipe ui`: the pages of a project from a process of its own, in which nothing is run or changed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sqlpipe.app.foreseeing import Scheduled
from sqlpipe.cli.staying import VIEWER_TOKEN, read_token
from sqlpipe.cli.ui import _Opener
from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.web.service import listen
from tests.web.gallery import Gallery

TOKEN = "a-token-of-viewers-long-enough"


@contextmanager
def showing(root: Path, *more: str, **environment: str) -> Iterator[httpx.Client]:
    """The pages, asked over the network; at the end the process ends well when it is asked to."""
    command = [sys.executable, "-m", "sqlpipe", "ui", "-C", str(root), "--port", "0", *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline().strip()
            url = json.loads(line)["url"] if "--json" in more else line
            with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="it is ended by a signal; run this on Linux or macOS")
def test_it_shows_everything_and_changes_nothing(gallery: Gallery) -> None:
    root = gallery.project.root
    with showing(root) as client:
        assert "All is well" in client.get("/").text
        assert client.get("/index.json").json()
        assert client.get("/api/query", params={"sql": "select count(*) from marts.revenue"}).status_code == 200
        for path in ("/api/runs", "/api/pipelines/nightly/pause"):
            assert client.post(path, json={}).status_code == 403
        assert 'href="/login"' not in client.get("/").text
    assert len(gallery.json("/runs.json")["runs"]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="it is ended by a signal; run this on Linux or macOS")
def test_from_afar_it_takes_the_token_of_viewers(gallery: Gallery, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with showing(gallery.project.root, "--json", "--host", "0.0.0.0", "--token-file", str(file)) as client:
        assert client.get("/").status_code == 303
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert client.get("/").status_code == 200
        assert client.post("/api/runs", json={}).status_code == 403


def test_from_afar_it_does_not_begin_without_one(gallery: Gallery) -> None:
    command = [
        sys.executable,
        "-m",
        "sqlpipe",
        "ui",
        "-C",
        str(gallery.project.root),
        "--host",
        "0.0.0.0",
        "--port",
        "0",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "SP640" in ended.stderr


def test_a_token_is_taken_out_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VIEWER_TOKEN, f" {TOKEN}\n")
    assert read_token(None, VIEWER_TOKEN).reveal() == TOKEN
    assert VIEWER_TOKEN not in os.environ


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SqlpipeError, match="SP641"):
        read_token(file, VIEWER_TOKEN)


def test_the_browser_is_asked_once_the_address_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    class Listener:
        def serving(self, url: str, _pipelines: Sequence[Scheduled]) -> None:
            told.append(("serving", url))

        def role(self, *what: object) -> None:
            told.append(what)

        def hear(self, *what: object) -> None:
            told.append(what)

    class Now:
        def __init__(self, target: Any, args: tuple[str], **_how: bool) -> None:
            self.start = lambda: target(*args)

    monkeypatch.setattr(webbrowser, "open", lambda url: told.append(("open", url)))
    monkeypatch.setattr("threading.Thread", Now)
    _Opener(Listener()).serving("http://127.0.0.1:8714", ())
    assert told == [("serving", "http://127.0.0.1:8714"), ("open", "http://127.0.0.1:8714")]


def test_no_part_of_an_answer_waits_for_another_to_be_acknowledged() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
