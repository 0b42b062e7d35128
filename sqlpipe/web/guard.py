"""Who may read and who may write, and which requests are taken at all."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.secret import Secret
from sqlpipe.web.access import Access, Role
from sqlpipe.web.answer import Refusal, complaint
from sqlpipe.web.session import Sessions

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SHORTEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who may do what: with the token everything, with that of viewers all that changes nothing, without what is said.

    `loopback` says that only programs of this machine reach the server. `hosts` are names under which it is asked
    besides addresses and its own name; all others are refused, for a page of a stranger could have its own name lead
    here.
    """

    token: Secret = Secret()  # noqa: RUF009 - a text is immutable
    viewer: Secret = Secret()  # noqa: RUF009 - a text is immutable
    loopback: bool = True
    local_writes: bool = False
    public_read: bool = False
    hosts: frozenset[str] = frozenset()

    def require_safe(self, host: str) -> None:
        """Raise SP640 if everybody could read, and SP641 if a token can be guessed or stands for two roles."""
        for token, name in ((self.token, "token"), (self.viewer, "token of viewers")):
            if token and len(token.reveal()) < _SHORTEST:
                said = f"the {name} has less than {_SHORTEST} characters"
                raise SqlpipeError(Diagnostic(code="SP641", message=said, help=_MAKE_ONE), exit_code=2)
        if self.token and self.token.reveal() == self.viewer.reveal():
            said = "the token of viewers is that of operators too"
            raise SqlpipeError(Diagnostic(code="SP641", message=said, help=_MAKE_ONE), exit_code=2)
        if not (self.loopback or self.tokens or self.public_read):
            said = f"on {host} everybody in the network could read what runs here"
            help = "set SQLPIPE_TOKEN or --token-file; --public-read if that is meant"
            raise SqlpipeError(Diagnostic(code="SP640", message=said, help=help), exit_code=2)

    def admit(self, headers: Headers, access: Access) -> None:
        """Raise Refusal unless the request may do this."""
        bearer = self._bearer(headers)
        if access is Access.OPEN or (bearer is not None and bearer.may(access)):
            return
        if bearer is not None:
            raise Refusal(403, "SP643", _NOT_FOR_VIEWERS)
        # Another scheme is for a proxy before this server, and none of its business.
        if headers.get("authorization", "")[:6].casefold() == "bearer":
            raise Refusal(401, "SP643", "the token is not the one of this server")
        session = self.session(headers)
        if access is Access.WRITE:
            self._admit_writer(headers, session)
        elif not (session or self.anonymous).may(access):
            what = "reading" if access is Access.READ else "a query"
            raise Refusal(401, "SP643", f"{what} needs the token", "send `Authorization: Bearer TOKEN`")

    @property
    def anonymous(self) -> Role:
        """As whom somebody comes who says nothing."""
        if self.loopback:
            return Role.OPERATOR if self.local_writes and not self.token else Role.VIEWER
        return Role.PUBLIC if self.public_read else Role.STRANGER

    @property
    def tokens(self) -> Mapping[Role, Secret]:
        """The tokens that there are."""
        given = {Role.OPERATOR: self.token, Role.VIEWER: self.viewer}
        return {role: token for role, token in given.items() if token}

    @property
    def may_read(self) -> bool:
        """Whether reading needs no token."""
        return self.anonymous.may(Access.READ)

    def role(self, headers: Headers) -> Role:
        """As whom the one comes who sends this."""
        return self._bearer(headers) or self.session(headers) or self.anonymous

    def role_of(self, token: str) -> Role | None:
        """Whose token this is; how long that takes tells nothing of it."""
        given = token.strip().encode("utf-8", "replace")
        known = [role for role, each in self.tokens.items() if hmac.compare_digest(given, each.reveal().encode())]
        return known[0] if known else None

    def session(self, headers: Headers) -> Role | None:
        """As whom the one has signed in who sends this; None where nobody has."""
        cookies = headers.get("cookie", "")
        return Sessions(self.tokens).role(cookies, datetime.now(UTC)) if cookies else None

    def knows(self, headers: Headers) -> bool:
        """Whether the request bears a token."""
        return self._bearer(headers) is not None

    def _bearer(self, headers: Headers) -> Role | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # What a header holds has been read as Latin-1, whatever it was.
        return (
            self.role_of(given.encode("latin-1").decode("utf-8", "replace")) if scheme.casefold() == "bearer" else None
        )

    def require_host(self, headers: Headers) -> None:
        """Raise Refusal where the request was sent to a name that is none of this server."""
        asked = headers.get("host", "")
        name = _name_of(asked)
        if not name:
            raise Refusal(400, "SP643", "the request does not say which host it is for")
        known = name in self.hosts or name in {"localhost", socket.gethostname().casefold()} or _is_address(name)
        if not known and not self.knows(headers):
            raise Refusal(421, "SP643", f"this server is not `{name}`", f"start it with `--allow-host {name}` if it is")

    def _admit_writer(self, headers: Headers, session: Role | None) -> None:
        if session is Role.VIEWER:
            raise Refusal(403, "SP643", _NOT_FOR_VIEWERS)
        if session is None and self.token:
            raise Refusal(401, "SP643", "writing needs the token", "send `Authorization: Bearer TOKEN`")
        if session is None and self.anonymous is not Role.OPERATOR:
            help = "start the server with SQLPIPE_TOKEN or --token-file; on this machine --allow-local-writes will do"
            raise Refusal(403, "SP643", "writing needs a token, and this server has none", help)
        _require_own_page(headers, must_tell=session is not None)


def _require_own_page(headers: Headers, *, must_tell: bool) -> None:
    """Raise Refusal where a page of a stranger sent it; a browser with a session `must_tell` whose page it was."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host", ""):
        raise Refusal(403, "SP643", f"pages of {origin} may not write here")
    if site not in {None, "same-origin", "none"}:
        raise Refusal(403, "SP643", "pages of others may not write here")
    if must_tell and origin is None and site is None:
        raise Refusal(403, "SP643", "the request does not say which page it is from", "send the token instead")


_NOT_FOR_VIEWERS = "with the token of viewers nothing is changed"
_MAKE_ONE = 'make one with `python -c "import secrets; print(secrets.token_urlsafe(32))"`'


def _name_of(host: str) -> str:
    """The host of `host:port`, without brackets; nothing where it is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").casefold()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    """Whether it is an address of the network rather than a name, which its owner could lead anywhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("::1")
    (True, True, False, True)
    """
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Stands before everything else: refuses requests for other hosts, and has no answer kept or framed."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SEALS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._policy.require_host(Headers(scope=scope))
        except Refusal as refusal:
            await complaint(refusal)(scope, receive, sealed)
            return
        await self._app(scope, receive, sealed)


_SEALS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
