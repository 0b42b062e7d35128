"""HTTP requests of tasks and sensors."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlpipe import __version__
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.domain.task import Mishap, Request
from sqlpipe.load.inlay import as_text
from sqlpipe.load.late import Quoting, render, render_values
from sqlpipe.load.secret import hide
from sqlpipe.run.fact_file import MOST
from sqlpipe.run.shell import stopped
from sqlpipe.run.turn import Mischance, Result, Turn

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

PATIENCE = 300.0
_LONGEST = 1024 * 1024
_HEAD = 4096
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSING = frozenset({408, 425, 429})
# What may be told to another host that an answer leads to.
_PUBLIC = frozenset({"accept", "user-agent", "content-type"})


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: `json` is None unless it is JSON; of long texts there is the first 1 MiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    json: object = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class _Sent:
    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes | None


def send(request: Request, turn: Turn) -> Result:
    """Send a request; the facts are `status`, `url`, and `json` or the beginning of `text`.

    Raises Mischance (SP633), transient for what may pass: no connection, 408, 425, 429 and 5xx.
    """
    answered = ask(request, turn, turn.node.running.timeout or PATIENCE)
    if not expected(request, answered):
        raise _unexpected(request, answered, turn)
    facts: dict[str, object] = {"status": answered.status, "url": hide(answered.url)}
    if answered.json is not None and len(answered.text) <= MOST // 2 and len(json.dumps(answered.json)) <= MOST // 2:
        facts["json"] = answered.json
    elif answered.text:
        facts["text"] = answered.text[:_HEAD]
    return Result(facts, detail=f"status {answered.status}")


def expected(request: Request, answered: Answered) -> bool:
    """Whether the status of an answer is one of those that are well; without any named, 200 to 299."""
    if request.status:
        return answered.status in request.status
    return 200 <= answered.status < 300  # noqa: PLR2004


def ask(request: Request, turn: Turn, timeout: float) -> Answered:
    """Send a request and read the answer, whatever its status.

    Raises Mischance (SP633): transient where there is no connection, a timeout where there is no answer in time,
    permanent where the request itself is wrong. Raises as well when the attempt is stopped.
    """
    sent = _sent(request, turn)
    outcome: queue.SimpleQueue[Answered | Exception | None] = queue.SimpleQueue()

    def exchange() -> None:
        try:
            outcome.put(_exchange(sent, timeout))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            outcome.put(error)

    began = perf_counter()
    # A connection cannot be told to hurry: whoever is stopped leaves it behind.
    threading.Thread(target=exchange, daemon=True).start()
    turn.stopper.on_stop(lambda: outcome.put(None))
    try:
        answered = outcome.get(timeout=timeout)
    except queue.Empty:
        raise _mischance(Mishap.TIMEOUT, turn, sent, f"no answer within {timeout:g} s") from None
    match answered:
        case None:
            raise stopped(turn)
        case Exception():
            raise _not_sent(answered, turn, sent, timeout) from answered
        case Answered():
            said = f"{sent.method} {sent.url}: {answered.status} in {perf_counter() - began:.2f} s"
            turn.log.write("sqlpipe", said, status=answered.status)
            return answered


def _sent(request: Request, turn: Turn) -> _Sent:
    def text(value: str) -> str:
        return render(value, turn.values, Quoting.PLAIN).text

    url, method = text(request.url).strip(), request.method.upper()
    headers = {"User-Agent": f"sqlpipe/{__version__}"}
    body = render_values(request.body, turn.values)
    data: bytes | None = None
    if isinstance(body, str):
        data, headers["Content-Type"] = body.encode(), "text/plain; charset=utf-8"
    elif body is not None:
        data, headers["Content-Type"] = json.dumps(body, default=as_text).encode(), "application/json"
    key = turn.environ.get("SQLPIPE_IDEMPOTENCY_KEY")
    if key and method not in _HARMLESS:
        headers["Idempotency-Key"] = key
    given = {name: text(str(value)) for name, value in request.headers.items()}
    mine = {
        name: value for name, value in headers.items() if name.casefold() not in {each.casefold() for each in given}
    }
    sent = _Sent(url, method, {**mine, **given}, data)
    if urlsplit(url).scheme.lower() not in {"http", "https"}:
        raise _mischance(Mishap.PERMANENT, turn, sent, "only http:// and https:// addresses are asked")
    return sent


def _exchange(sent: _Sent, timeout: float) -> Answered:
    from urllib.error import HTTPError  # noqa: PLC0415 - takes as long as all else together
    from urllib.request import Request as Asked  # noqa: PLC0415

    asked = Asked(sent.url, sent.body, dict(sent.headers), method=sent.method)  # noqa: S310 - looked at in `_sent`
    try:
        answer: Any = _opener().open(asked, timeout=timeout)
    except HTTPError as error:
        answer = error
    with answer:
        data = answer.read(_LONGEST + 1)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        charset = answer.headers.get_content_charset("utf-8")
        status, url = int(answer.status), str(answer.url)
    try:
        text = data[:_LONGEST].decode(charset, "replace")
    except LookupError:
        text = data[:_LONGEST].decode("utf-8", "replace")
    return Answered(status, headers, text, _json(text) if len(data) <= _LONGEST else None, url)


def _json(text: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _opener() -> OpenerDirector:
    """What sends requests: over HTTP(S) and the proxies of the environment, never to files or FTP."""
    from urllib import request  # noqa: PLC0415 - see `_exchange`

    class Redirects(request.HTTPRedirectHandler):
        """Follows redirections, and tells no other host what was meant for the first."""

        def redirect_request(self, req: request.Request, *parts: Any) -> request.Request | None:
            new = super().redirect_request(req, *parts)
            if new is not None and _origin(new.full_url) != _origin(req.full_url):
                for name in list(new.headers):
                    if name.casefold() not in _PUBLIC:
                        new.remove_header(name)
            return new

    opener = request.OpenerDirector()
    parts: tuple[Callable[[], request.BaseHandler], ...] = (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        Redirects,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    )
    for each in parts:
        opener.add_handler(each())
    return opener


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _not_sent(error: Exception, turn: Turn, sent: _Sent, timeout: float) -> Mischance:
    from http.client import HTTPException, InvalidURL  # noqa: PLC0415 - see `_exchange`
    from ssl import SSLCertVerificationError  # noqa: PLC0415

    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    match cause:
        case SSLCertVerificationError():
            return _mischance(Mishap.PERMANENT, turn, sent, f"its certificate is not valid: {cause.verify_message}")
        case TimeoutError():
            return _mischance(Mishap.TIMEOUT, turn, sent, f"no answer within {timeout:g} s")
        case InvalidURL() | ValueError():
            return _mischance(Mishap.PERMANENT, turn, sent, f"cannot be sent: {cause}")
        case OSError() | HTTPException():
            said = getattr(cause, "strerror", None) or str(reason or cause) or type(cause).__name__
            return _mischance(Mishap.TRANSIENT, turn, sent, f"{said[:1].lower()}{said[1:]}")
        case _:
            raise error


def _unexpected(request: Request, answered: Answered, turn: Turn) -> Mischance:
    passing = answered.status in _PASSING or answered.status >= 500  # noqa: PLR2004
    said = f"the answer is {answered.status}"
    if request.status:
        said += f", not {' or '.join(map(str, request.status))}"
    if after := answered.headers.get("retry-after"):
        said += f"; it asks to wait (Retry-After: {after})"
    shown = " ".join(answered.text[:_HEAD].split())[:300]
    sent = _Sent(answered.url, request.method.upper(), {}, None)
    return _mischance(Mishap.TRANSIENT if passing else Mishap.PERMANENT, turn, sent, said, shown)


def _mischance(mishap: Mishap, turn: Turn, sent: _Sent, said: str, *notes: str) -> Mischance:
    message = hide(f"{turn.node.name}: {sent.method} {sent.url}: {said}")
    return Mischance(
        mishap, Diagnostic(code="SP633", message=message, notes=tuple(hide(each) for each in notes if each))
    )
