"""A real browser for tests of pages: Chromium as it is installed, or as Playwright brings it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright
from playwright.sync_api import Error as PlaywrightError

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 900}
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_NAMES = ("chromium", "google-chrome", "chrome")


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """A browser without a window; the test is skipped where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as play:
        try:
            browser = play.chromium.launch(executable_path=found, args=_QUIET)
        except PlaywrightError as error:
            if found is None:
                pytest.skip("there is no browser: install Chromium, or run `playwright install chromium`")
            raise AssertionError(f"{found} does not start: {error}") from error
        with browser:
            yield browser


class Watched:
    """A page of a browser with everything that went wrong on it: errors, refusals of the policy, foreign requests."""

    def __init__(self, browser: Browser, origin: str, *, scheme: str = "light", phone: bool = False) -> None:
        self.context = browser.new_context(
            viewport=PHONE if phone else DESK, color_scheme="dark" if scheme == "dark" else "light", base_url=origin
        )
        self.page: Page = self.context.new_page()
        self.problems: list[str] = []
        self._origin = origin
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on(
            "console",
            lambda told: self.problems.append(f"console: {told.text}") if told.type in {"error", "warning"} else None,
        )
        self.page.on("request", self._look)

    def _look(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self.problems.append(f"request to {request.url}")

    def close(self) -> None:
        """Close the page with its context."""
        self.context.close()
