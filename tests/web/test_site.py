"""The static site: whole, alone, safe to write again, and without anything that needs a server."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.web import site as writing
from sqlpipe.web.site import MARKER, write_site
from sqlpipe.web.site_links import file_name
from tests.web.gallery import Gallery


class _Links(HTMLParser):
    """Everything that a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.forms = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.forms += tag == "form" and ("method", "post") in attrs
        self.found += [value or "" for name, value in attrs if name in {"href", "src", "action", "xlink:href"}]
        self.found += [value or "" for name, value in attrs if name.startswith(("hx-", "data-act"))]


@pytest.fixture(scope="module")
def site(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published") / "site"
    write_site(gallery.workspace, out)
    return out


def lost(site: Path) -> list[str]:
    """Links that lead nowhere, or away."""
    problems = []
    for page in sorted(site.rglob("*.html")):
        links = _Links()
        links.feed(page.read_text(encoding="utf-8"))
        for link in links.found:
            path = unquote(link.partition("#")[0].partition("?")[0])
            target = (page.parent / path).resolve() if path else page
            if "?" in link or not target.is_relative_to(site.resolve()) or not target.is_file():
                problems.append(f"{page.relative_to(site)}: {link}")
    return problems


def test_every_link_leads_to_a_file_of_the_site(site: Path) -> None:
    assert lost(site) == []


def test_every_node_and_run_has_a_page_and_a_twin(gallery: Gallery, site: Path) -> None:
    for key in gallery.workspace.graph.nodes:
        assert (site / "nodes" / f"{key}.html").is_file()
        assert json.loads((site / "nodes" / f"{key}.json").read_text())
    assert len(list((site / "runs").glob("*.html"))) == 2
    assert (site / "index.html").is_file()


def test_nothing_asks_a_server(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'\shx-|data-act=|data-stream=|<script type="module"|method="post"', text), page
        assert "http://" not in text.replace("http://www.w3.org", ""), page
        assert "/api/" not in text, page


def test_names_that_try_to_get_out_stay_in(hostile_gallery: Gallery, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site(hostile_gallery.workspace, out)
    assert lost(out) == []
    assert len(list((out / "nodes").glob("*.html"))) == len(hostile_gallery.workspace.graph.nodes)
    assert [each.name for each in tmp_path.iterdir()] == ["site"]
    for page in out.rglob("*.html"):
        assert "<script>alert" not in page.read_text(encoding="utf-8"), page


def test_a_folder_with_other_things_is_left_alone(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SqlpipeError, match="SP720"):
        write_site(gallery.workspace, tmp_path)
    with pytest.raises(SqlpipeError, match="SP720"):
        write_site(gallery.workspace, tmp_path / "mine.txt")
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_gone_from_the_project_is_gone_from_the_site(gallery: Gallery, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site(gallery.workspace, out)
    (out / "nodes" / "old.html").write_text("of a node that was")
    write_site(gallery.workspace, out, runs=0)
    assert not (out / "nodes" / "old.html").exists()
    assert not (out / "runs").exists()
    assert lost(out) == []
    assert [each.name for each in tmp_path.iterdir()] == ["site"]


def test_who_is_stopped_leaves_the_site_that_was(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    write_site(gallery.workspace, out)
    before = sorted(str(each) for each in out.rglob("*"))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_write_static", stop)
    with pytest.raises(KeyboardInterrupt):
        write_site(gallery.workspace, out)
    assert sorted(str(each) for each in out.rglob("*")) == before
    assert [each.name for each in tmp_path.iterdir()] == ["site"]


def test_a_place_below_a_file_is_told(gallery: Gallery, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SqlpipeError, match="SP721"):
        write_site(gallery.workspace, tmp_path / "file" / "site")


def test_it_says_by_whom_it_was_written(site: Path) -> None:
    assert "sqlpipe" in (site / MARKER).read_text()


def test_it_is_written_without_a_database(gallery: Gallery, tmp_path: Path) -> None:
    database = Path(str(gallery.workspace.root)) / "warehouse.duckdb"
    away = database.with_suffix(".away")
    database.rename(away)
    try:
        written = write_site(gallery.workspace, tmp_path / "site")
    finally:
        away.rename(database)
    assert written.problem is not None
    assert lost(tmp_path / "site") == []


@given(st.lists(st.text(min_size=1, max_size=200), min_size=2, max_size=2, unique=True))
def test_names_of_files_are_safe_and_never_shared(names: list[str]) -> None:
    made = [file_name(each) for each in names]
    assert made[0].casefold() != made[1].casefold()
    for each in made:
        assert re.fullmatch(r"[a-z0-9._~-]{1,150}", each)
        assert not each.startswith(".")
        assert not each.endswith(".")
