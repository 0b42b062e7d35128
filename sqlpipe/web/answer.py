"""Answers as JSON: without secrets, and with what is wrong as diagnostics."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping

from starlette.responses import Response

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.secret import hide
from sqlpipe.store.book import JournalAway
from sqlpipe.web.veil import spelled

# What a complaint means to one who asks over HTTP; all others are 400.
_STATUS: Mapping[str, int] = {
    "SP302": 404,
    "SP501": 409,
    "SP502": 409,
    "SP602": 404,
    "SP622": 503,
    "SP623": 404,
    "SP624": 409,
    "SP625": 404,
    "SP627": 409,
    "SP712": 422,
    "SP713": 429,
}


class Refusal(Exception):
    """A request that is not answered, with the status that says why."""

    def __init__(self, status: int, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.diagnostic = Diagnostic(code=code, message=message, help=help)


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return Response(spelled(value).encode("utf-8", "replace"), status, headers, media_type="application/json")


def complaint(error: Exception) -> Response:
    """What went wrong, as an answer; a bug of ours is told to the operator only."""
    match error:
        case Refusal(status=status, diagnostic=diagnostic):
            headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None  # noqa: PLR2004 - a status
            return answer({"diagnostics": [diagnostic]}, status, headers)
        case SqlpipeError(diagnostics=diagnostics):
            status = max((_STATUS.get(each.code, 400) for each in diagnostics), default=400)
            return answer({"diagnostics": diagnostics}, status)
        case JournalAway():
            away = Diagnostic(code="SP622", message=f"the journal cannot be reached: {error}", help="ask again later")
            return answer({"diagnostics": [away]}, 503)
        case _:
            print(hide("".join(traceback.format_exception(error))), file=sys.stderr)  # noqa: T201 - the operator's
            bug = Diagnostic(code="SP646", message="this is a bug in sqlpipe", help="the server's stderr tells more")
            return answer({"diagnostics": [bug]}, 500)
