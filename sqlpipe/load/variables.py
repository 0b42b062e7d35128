"""Variables of the environment in values of settings: `${NAME}` and `${NAME:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlpipe.domain.diagnostic import did_you_mean, place_of
from sqlpipe.domain.schedule import Alert, Orchestration
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.secret import keep_secret

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables put in; `used` are the values that came from the environment."""

    text: str
    used: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def fill(text: str, environ: Mapping[str, str]) -> Filled:
    """Put the environment into a text; `$${` is a plain `${`, and an empty variable counts as none.

    >>> fill("https://${HOST:-localhost}/${TOKEN}", {"TOKEN": "abc"})
    Filled(text='https://localhost/abc', used=('abc',), missing=())
    """
    used: list[str] = []
    missing: list[str] = []

    def put(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name is None:
            return "${"
        if environ.get(name):
            used.append(environ[name])
            return environ[name]
        if default is None:
            missing.append(name)
        return default or ""

    return Filled(_VARIABLE.sub(put, text), tuple(used), tuple(missing))


def with_environment(running: Orchestration, environ: Mapping[str, str], complaints: Complaints) -> Orchestration:
    """Alerts and the heartbeat with their variables put in, which are kept secret from now on.

    What has no address then is left out: `${VAR:-}` stands for an alert that is not sent everywhere.
    """

    def put(text: str) -> str:
        filled = fill(text, environ) if "${" in text else Filled(text)
        keep_secret(filled.used)
        for name in filled.missing:
            place = place_of(complaints.text, max(0, complaints.text.find(f"${{{name}}}")))
            place = replace(place, length=len(name) + len("${}"))
            help = did_you_mean(name, environ) or f"set it in the shell or in .env, or write `${{{name}:-default}}`"
            said = f"the environment variable `{name}` is not set"
            complaints.add("SP109", said, place, label="needed here", help=help)
        return filled.text

    alerts = [
        Alert(each.name, put(each.url), put(each.webhook), put(each.command), each.rules) for each in running.alerts
    ]
    return replace(
        running,
        alerts=tuple(each for each in alerts if each.url or each.webhook or each.command),
        heartbeat=put(running.heartbeat),
    )
