"""Sessions of browsers: a cookie that says as whom one comes and until when, signed with the token of that role."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie

from sqlpipe.load.secret import Secret
from sqlpipe.web.access import Role

LASTS = timedelta(hours=12)


class Sessions:
    """Makes cookies and reads them; nothing is kept here, and with another token none of them counts any more."""

    def __init__(self, tokens: Mapping[Role, Secret]) -> None:
        self._tokens = {role: token.reveal().encode() for role, token in tokens.items() if token}
        # Browsers keep cookies for a host, whatever the port: several servers must not take those of each other away.
        joined = b"\0".join(self._tokens.values())
        self._name = f"sqlpipe_{hmac.new(joined, b'name of the cookie', hashlib.sha256).hexdigest()[:8]}"

    def begun(self, role: Role, now: datetime, *, secure: bool) -> str:
        """The header by which a browser keeps a session."""
        until = int((now + LASTS).timestamp())
        value = f"{role.value}.{until}.{self._signature(role, until)}"
        return self._cookie(value, int(LASTS.total_seconds()), secure=secure)

    def ended(self, *, secure: bool) -> str:
        """The header by which a browser forgets its session."""
        return self._cookie("", 0, secure=secure)

    def role(self, cookies: str, now: datetime) -> Role | None:
        """As whom the one with these cookies has signed in; None where nobody has, or the session is over."""
        try:
            found = SimpleCookie(cookies).get(self._name)
        except CookieError:
            return None
        role, until, signature = (*(found.value if found else "").split("."), "", "", "")[:3]
        known = next((each for each in self._tokens if each.value == role), None)
        if known is None or not (until.isascii() and until.isdecimal() and len(until) < 15):  # noqa: PLR2004 - digits
            return None
        right = hmac.compare_digest(signature.encode("utf-8", "replace"), self._signature(known, int(until)).encode())
        return known if right and now.timestamp() < int(until) else None

    def _signature(self, role: Role, until: int) -> str:
        said = f"sqlpipe session\0{role.value}\0{until}".encode()
        return hmac.new(self._tokens[role], said, hashlib.sha256).hexdigest()

    def _cookie(self, value: str, lasts: int, *, secure: bool) -> str:
        sealed = "; Secure" if secure else ""
        return f"{self._name}={value}; Path=/; Max-Age={lasts}; HttpOnly; SameSite=Strict{sealed}"
