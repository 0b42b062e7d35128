"""Commands that stay: the tokens they are given, and how they are ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.secret import Secret

TOKEN = "SQLPIPE_TOKEN"  # noqa: S105 - the name of the variable
VIEWER_TOKEN = "SQLPIPE_VIEWER_TOKEN"  # noqa: S105 - the name of the variable


def read_token(path: Path | None, variable: str) -> Secret:
    """A token from a file or the environment; what is started from here does not inherit it."""
    given = os.environ.pop(variable, "")
    if path is None:
        return Secret(given.strip())
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        said = f"the token cannot be read from {path}: {getattr(error, 'strerror', None) or 'it is not a text'}"
        raise SqlpipeError(Diagnostic(code="SP641", message=said), exit_code=2) from error
    if not token:
        raise SqlpipeError(Diagnostic(code="SP641", message=f"there is no token in {path}"), exit_code=2)
    return Secret(token)


@contextmanager
def stoppable(stopping: threading.Event, then: str) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask the server to stop, and the second end the process at once.

    `then` says what happens meanwhile.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            os._exit(130)
        stopping.set()
        try:
            os.write(2, f"\nstopping: {then}; once more ends it at once\n".encode())
        except OSError:
            # There is nobody left to tell.
            return

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
