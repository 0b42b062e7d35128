"""The door to the server: its packages are imported only now, and are an extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError

_PACKAGES = frozenset({"anyio", "h11", "prometheus_client", "starlette", "uvicorn"})


def open_server() -> ModuleType:
    """The module `sqlpipe.web.open_house`; SP512 where its packages are not installed."""
    try:
        return import_module("sqlpipe.web.open_house")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        missing = Diagnostic(
            code="SP512", message=f"the package `{package}` is missing", help='pip install "sqlpipe[serve]"'
        )
        raise SqlpipeError(missing, exit_code=2) from error
