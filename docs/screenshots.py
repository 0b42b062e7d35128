"""Takes the pictures of the README and the documentation: the flights project, run and served, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
PICTURES = Path(__file__).parent / "pictures"
_PARTS = ("models", "checks", "macros", "seeds", "data", "dashboards", "demo", "sqlpipe.yml", "profiles.yml.example")
_SQLPIPE = str(Path(sys.executable).with_name("sqlpipe"))


@dataclass(frozen=True)
class Picture:
    """A page as it is taken; `RUN` in its path is the latest run."""

    name: str
    path: str
    scheme: str = "light"
    width: int = 1280
    height: int = 860
    whole: bool = False


TAKEN = (
    Picture("today", "/"),
    Picture("graph", "/graph?colour=kind", height=640),
    Picture("node", "/nodes/marts.daily_delays", height=1000),
    Picture("run", "/runs/RUN", height=760),
    Picture("dashboard", "/dashboards/dashboards.delays", height=1100),
    Picture("dashboard-dark", "/dashboards/dashboards.network", "dark", height=1100),
    Picture("dashboard-phone", "/dashboards/dashboards.delays", width=390, height=844),
    Picture("patterns", "/patterns", whole=True),
)


def main() -> int:
    """Take every picture anew."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sqlpipe-pictures-") as folder:
        project = Path(folder) / "flights"
        _make(project)
        with _serving(project) as url, sync_playwright() as play:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            for each in TAKEN:
                _take(browser, url, each)
                print(f"docs/pictures/{each.name}.png")
            browser.close()
    return 0


def _make(project: Path) -> None:
    """A project with two runs: a first one, and one after some files have come in."""
    project.mkdir()
    for each in _PARTS:
        source, target = ROOT / each, project / each
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, target)
    shutil.copy(project / "profiles.yml.example", project / "profiles.yml")
    for words in (
        [sys.executable, "demo/source.py", "land", "--through", "2013-12-27"],
        [_SQLPIPE, "run", "-q"],
        [sys.executable, "demo/source.py", "land"],
        [sys.executable, "demo/source.py", "change"],
        [_SQLPIPE, "run", "-q"],
    ):
        subprocess.run(words, cwd=project, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _serving(project: Path) -> Iterator[str]:
    log = project / "ui.log"
    with log.open("w") as out:
        command = [_SQLPIPE, "ui", "--port", "0"]
        process = subprocess.Popen(command, cwd=project, stdout=out, stderr=out, env={**os.environ, "NO_COLOR": "1"})
        try:
            end = time.monotonic() + 30
            while (found := re.search(r"http://[\d.]+:\d+", log.read_text())) is None:
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            yield found.group()
        finally:
            process.terminate()
            process.wait(30)


def _take(browser: Browser, url: str, picture: Picture) -> None:
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
        base_url=url,
    )
    page = context.new_page()
    if "RUN" in picture.path:
        latest = page.request.get("/runs.json").text()
        found = re.search(r"\d{8}T\d+-[0-9a-f]{6}", latest)
        assert found, latest
        picture_path = picture.path.replace("RUN", found.group())
    else:
        picture_path = picture.path
    page.goto(picture_path, wait_until="load")
    page.wait_for_timeout(1500)
    page.screenshot(path=PICTURES / f"{picture.name}.png", full_page=picture.whole)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
