"""The static site: every page as a file, for any web server and for none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from sqlpipe import __version__
from sqlpipe.app.recorded import history
from sqlpipe.app.surveying import survey_or_problem
from sqlpipe.app.workspace import Workspace
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.web.page import Page, render
from sqlpipe.web.pages.every import BY_NAME, PAGES
from sqlpipe.web.scene import Scene
from sqlpipe.web.site_links import SiteFiles, SiteLinks
from sqlpipe.web.veil import spelled

MARKER = ".sqlpipe-site"


@dataclass(frozen=True, slots=True)
class Written:
    """A site that was written: where, how many pages it has, and how large it is in bytes."""

    folder: str
    pages: int
    bytes: int
    problem: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A page that becomes a file, made for some words."""

    page: Page
    words: Mapping[str, Any]
    path: PurePosixPath


def write_site(workspace: Workspace, out: Path, *, runs: int = 30, now: datetime | None = None) -> Written:
    """Write all pages below a folder, with so many of the latest runs.

    The site is made beside the folder and takes its place at the end. Raises SP720 for a folder with other things in
    it, SP721 where it cannot be written.
    """
    _require_ours(out)
    moment = now or datetime.now(UTC)
    survey = survey_or_problem(workspace)
    filed = SiteFiles(BY_NAME)
    scene = Scene(
        workspace=workspace, survey=survey, now=moment, links=SiteLinks(filed, PurePosixPath("index")), live=False
    )
    beside = out.parent / f".{out.name}.{uuid4().hex[:8]}"
    try:
        sheets = [_Sheet(page, words, filed.add(page, words)) for page, words in _editions(scene, runs)]
        for sheet in sheets:
            _write(beside, sheet, replace(scene, links=SiteLinks(filed, sheet.path)))
        _write_static(beside)
        (beside / MARKER).write_text(f"written by sqlpipe {__version__} {moment.isoformat()}\n", encoding="utf-8")
        size = sum(each.stat().st_size for each in beside.rglob("*") if each.is_file())
        _put_in_place(beside, out)
    except OSError as error:
        said = f"the site cannot be written to {out}: {(error.strerror or str(error)).lower()}"
        raise SqlpipeError(Diagnostic(code="SP721", message=said), exit_code=2) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Written(str(out), len(sheets), size, survey.problem)


def _editions(scene: Scene, runs: int) -> Iterator[tuple[Page, Mapping[str, Any]]]:
    """The pages of a site with the words that each is made for."""
    nodes = scene.workspace.graph.nodes
    within: Mapping[str, tuple[str, ...]] = {
        "node": tuple(nodes),
        "run": tuple(each.id for each in history(scene.workspace, limit=runs)) if runs else (),
        "dashboard": tuple(key for key, node in nodes.items() if isinstance(node.kind, Dashboard)),
    }
    for page in PAGES:
        if page.only_live:
            continue
        if page.within:
            (word,) = page.within
            yield from ((page, {word.name: each}) for each in within[word.name])
        else:
            yield page, {}
            yield from ((page, words) for words in page.editions(scene))


def _write(folder: Path, sheet: _Sheet, scene: Scene) -> None:
    asked = {each.name: each.default for each in sheet.page.query} | dict(sheet.words)
    view = sheet.page.view(scene, asked)
    path = folder / sheet.path
    path.parent.mkdir(parents=True, exist_ok=True)
    _text(path.with_name(f"{path.name}.html"), render(sheet.page, scene, view))
    told = spelled(view)
    _text(path.with_name(f"{path.name}.json"), told)
    if sheet.page.name == "search":
        # A page that was opened from a folder may fetch nothing, but run the scripts beside it.
        _text(path.with_name(f"{path.name}.js"), f"window.sqlpipe_search = {told};\n")


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")


def _write_static(folder: Path) -> None:
    with as_file(files("sqlpipe.web") / "static") as static:
        shutil.copytree(static, folder / "static")


def _require_ours(out: Path) -> None:
    """What somebody else has put there is not to be lost."""
    if not out.exists() or (out.is_dir() and ((out / MARKER).is_file() or not any(out.iterdir()))):
        return
    said = f"{out} is {'not empty and not a site of sqlpipe' if out.is_dir() else 'not a folder'}"
    raise SqlpipeError(Diagnostic(code="SP720", message=said, help="name another folder, or empty it"), exit_code=2)


def _put_in_place(made: Path, out: Path) -> None:
    """Let a site take the place of the one before."""
    out.parent.mkdir(parents=True, exist_ok=True)
    before = out.parent / f".{out.name}.{uuid4().hex[:8]}.old"
    had = out.exists()
    if had:
        out.rename(before)
    try:
        made.rename(out)
    except OSError:
        if had:
            with suppress(OSError):
                before.rename(out)
        raise
    shutil.rmtree(before, ignore_errors=True)
