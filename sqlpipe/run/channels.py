"""How a message goes out: to a web hook, a command, or whatever apprise reaches; and the sign that all is well."""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlpipe import __version__
from sqlpipe.domain.journal import Message
from sqlpipe.domain.schedule import Alert
from sqlpipe.load.secret import hide, mask
from sqlpipe.store.messages import RECOVERED

if TYPE_CHECKING:
    from urllib.request import OpenerDirector, Request

# How long (seconds) each way is waited for.
WEBHOOK = 10.0
COMMAND = 30.0
APPRISE = 30.0
_SHOWN = 300
_TOKEN = 10


class Unsent(Exception):
    """A message did not go out, or nobody can tell whether it did; says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with the project that it is of, as the channels write it."""

    message: Message
    project: str = ""

    @property
    def id(self) -> str:
        """What stays the same when the message goes out twice."""
        return str(self.message.id)

    def fields(self) -> dict[str, str]:
        """What web hooks and commands are told, by name."""
        message = self.message
        return {
            "rule": message.rule,
            "subject": message.subject,
            "episode": message.episode,
            "title": message.title,
            "text": message.text,
            "at": message.created.isoformat(),
            "project": self.project,
        }

    def json(self) -> bytes:
        """The fields as JSON."""
        return json.dumps(self.fields(), ensure_ascii=False).encode()


def send(alert: Alert, letter: Letter, folder: Path) -> None:
    """Send a message on one channel, a command in the folder; raises Unsent."""
    try:
        if alert.webhook:
            _post(alert.webhook, letter)
        elif alert.command:
            _command(alert.command, letter, folder)
        else:
            _within(APPRISE, lambda: _apprise(alert.url, letter))
    # Whatever goes wrong here, even by a bug of somebody else's, holds up this message only.
    except Exception as error:
        said = str(error) if isinstance(error, Unsent) else f"{type(error).__name__}: {error}"
        # Tokens stand anywhere in an address, and apprise may tell one of them alone.
        tokens = [each for each in re.split(r"[/@:?&=]", alert.url) if len(each) >= _TOKEN]
        raise Unsent(hide(mask(said, (alert.webhook, alert.url, *tokens)))) from error


def ping(url: str) -> None:
    """Give a sign of life to whoever raises the alarm without one, by a GET; raises Unsent."""
    from urllib.request import Request  # noqa: PLC0415 - takes as long as all else together

    try:
        _ask(url, lambda: Request(url, headers=_headers(), method="GET"))  # noqa: S310 - looked at in `_ask`
    except Unsent as unsent:
        raise Unsent(hide(mask(str(unsent), (url,)))) from unsent


def _post(url: str, letter: Letter) -> None:
    from urllib.request import Request  # noqa: PLC0415 - takes as long as all else together

    headers = {**_headers(), "Content-Type": "application/json", "X-Sqlpipe-Message": letter.id}
    _ask(url, lambda: Request(url, letter.json(), headers, method="POST"))  # noqa: S310 - looked at in `_ask`


def _headers() -> Mapping[str, str]:
    return {"User-Agent": f"sqlpipe/{__version__}"}


def _ask(url: str, request: Callable[[], Request]) -> None:
    if urlsplit(url).scheme.lower() not in {"http", "https"}:
        raise Unsent("only http:// and https:// addresses are asked")

    def exchange() -> None:
        try:
            _opener().open(request(), timeout=WEBHOOK).close()
        # Besides what goes wrong on the way, a strange address may raise nearly anything.
        except Exception as error:
            raise Unsent(_reason(error)) from error

    _within(WEBHOOK, exchange)


def _opener() -> OpenerDirector:
    """What sends requests, and follows no redirection: that would make a GET without a message of a POST."""
    from urllib import request  # noqa: PLC0415 - takes as long as all else together

    opener = request.OpenerDirector()
    parts: tuple[Callable[[], request.BaseHandler], ...] = (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    )
    for each in parts:
        opener.add_handler(each())
    return opener


def _reason(error: Exception) -> str:
    status = getattr(error, "code", None)
    if status is not None:
        with suppress(Exception):
            error.close()  # type: ignore[attr-defined]
        moved = 300 <= status < 400  # noqa: PLR2004
        return f"the answer is {status}" + (", and redirections are not followed" if moved else "")
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, TimeoutError):
        return f"no answer within {WEBHOOK:g} s"
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)


def _apprise(url: str, letter: Letter) -> None:
    try:
        import apprise  # noqa: PLC0415 - an extra, and takes a second
    except ImportError:
        raise Unsent("this address needs the package apprise: `pip install 'sqlpipe[notify]'`") from None
    post = apprise.Apprise()
    message = letter.message
    kind = apprise.NotifyType.SUCCESS if message.rule == RECOVERED else apprise.NotifyType.FAILURE
    title = f"{letter.project}: {message.title}" if letter.project else message.title
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as heard:  # type: ignore[no-untyped-call]
        if not post.add(url):
            raise Unsent("apprise does not know what to do with this address")
        if not post.notify(body=message.text or message.title, title=title, notify_type=kind):
            said = heard.getvalue().strip().splitlines()
            raise Unsent(said[0][:_SHOWN] if said else "apprise could not send it")


def _command(script: str, letter: Letter, folder: Path) -> None:
    told = {f"SQLPIPE_ALERT_{name.upper()}": value for name, value in letter.fields().items()}
    windows = sys.platform == "win32"
    # Files, not pipes: what a script leaves running behind it may hold them as long as it likes.
    with TemporaryFile() as given, TemporaryFile() as said:
        given.write(letter.json())
        given.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S602 - to run what the project says is the purpose
                script,
                shell=True,
                cwd=folder,
                env={**os.environ, **told, "SQLPIPE_ALERT_ID": letter.id},
                stdin=given,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=not windows,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) if windows else 0,
            )
        except (OSError, ValueError) as error:
            raise Unsent(f"the command cannot be started: {error}") from error
        try:
            code = process.wait(COMMAND)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise Unsent(f"the command took longer than {COMMAND:g} s and was killed") from None
        if code:
            last = _last_line(said)
            raise Unsent(f"the command ended with exit code {code}" + (f": {last}" if last else ""))


def _kill(process: subprocess.Popen[Any]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(file: Any) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 4096))
    lines = [each for each in file.read().decode("utf-8", "replace").splitlines() if each.strip()]
    return lines[-1].strip()[:_SHOWN] if lines else ""


def _within(seconds: float, action: Callable[[], None]) -> None:
    """Do something that cannot be told to hurry, and leave it behind after so long."""
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def act() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            ended.put(error)
        else:
            ended.put(None)

    threading.Thread(target=act, name="sqlpipe-send", daemon=True).start()
    try:
        error = ended.get(timeout=seconds)
    except queue.Empty:
        raise Unsent(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
