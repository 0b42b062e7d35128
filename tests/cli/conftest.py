"""The fake app in the place of the true one."""

from __future__ import annotations

import pytest

from sqlpipe.cli import do, opening, understand
from sqlpipe.cli import help as helping
from tests.cli.fake_app import FakeApp


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """The app as the commands see it in this test."""
    made = FakeApp()
    for module in (do, helping, opening, understand):
        monkeypatch.setattr(module, "app", made)
    return made


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "SQLPIPE_TARGET", "SQLPIPE_THREADS", "SQLPIPE_PROFILES", "SQLPIPE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
