"""What all pages share: frame, navigation, search, colours, files, errors, and that nothing hostile gets through."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from urllib.parse import unquote

import pytest

from sqlpipe.app.surveying import Survey
from sqlpipe.domain.diagnostic import Diagnostic
from sqlpipe.web.assets import assets
from sqlpipe.web.guard import Policy
from sqlpipe.web.navigation import navigation
from sqlpipe.web.pages.every import PAGES
from sqlpipe.web.scene import Scene
from sqlpipe.web.site import write_site
from sqlpipe.web.words import GLYPHS, SIGNS
from tests.shop import Shop
from tests.web.colour import SEEN_BY, contrast, difference, tokens
from tests.web.gallery import ODD_NAMES, SCRIPT, Gallery
from tests.web.page_tree import tree

READERS = {"Accept": "text/html,application/xhtml+xml"}
# Pages that need no words.
PLAIN = [each.path for each in PAGES if not each.within and not any(word.required for word in each.query)]
STYLE = assets().joinpath("style.css").read_text(encoding="utf-8")
STATES = ("well", "bad", "warn", "busy")


@dataclass
class Frame:
    """The parts of a page that are asked for here."""

    text: str

    def all(self, pattern: str) -> list[str]:
        return re.findall(pattern, self.text)


# The frame of pages


@pytest.mark.parametrize("path", PLAIN)
def test_every_page_is_whole_and_needs_nothing_from_elsewhere(gallery: Gallery, path: str) -> None:
    frame = Frame(gallery.html(path))
    assert len(frame.all(r"<h1[ >]")) == 1
    assert len(frame.all(r'<main id="main"')) == 1
    assert frame.all(r'<html lang="en"')
    assert not frame.all(r"\sstyle=")
    assert not frame.all(r"\son\w+=")
    assert not frame.all(r"<style|<script>|<script (?![^>]*src=)")
    assert not frame.all(r'(?:src|href)="(?:https?:)?//')
    assert len(set(frame.all(r'\sid="([^"]+)"'))) == len(frame.all(r'\sid="([^"]+)"'))


@pytest.mark.parametrize("path", PLAIN)
def test_every_page_has_a_twin_that_it_leads_to(gallery: Gallery, path: str) -> None:
    twin = re.findall(r'<link rel="alternate" type="application/json" href="([^"]+)">', gallery.html(path))
    assert len(twin) == 1
    assert isinstance(gallery.json(twin[0]), dict)


@pytest.mark.parametrize("path", PLAIN)
def test_pages_are_sealed_and_kept_by_nobody(gallery: Gallery, path: str) -> None:
    headers = gallery.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert "Cookie" in headers["vary"]


@pytest.mark.parametrize("path", PLAIN)
def test_the_way_that_one_came_is_marked(gallery: Gallery, path: str) -> None:
    page = next(each for each in PAGES if each.path == path)
    places = {each.label for each in navigation(gallery.scene(), page.place)}
    current = re.findall(r'<a href="[^"]*" aria-current="page">([^<]+)</a>', gallery.html(path))
    assert current == ([page.place] if page.place in places else [])


@pytest.mark.parametrize("path", PLAIN)
def test_texts_of_strangers_stay_texts(hostile_gallery: Gallery, path: str) -> None:
    text = hostile_gallery.html(path)
    assert SCRIPT not in text
    assert "<script>" not in text
    assert "49" not in re.findall(r"quoted&#39; javascript:alert\(2\) ([^&]*)", text)
    assert not re.findall(r'(?:href|src|action)="\s*javascript:', text)
    title = re.search(r"<title>(.*?)</title>", text, re.DOTALL)
    assert title
    assert "&lt;script&gt;" in title[1]


def test_pages_of_nodes_with_odd_names_are_found(hostile_gallery: Gallery) -> None:
    entries = hostile_gallery.json("/search.json")["entries"]
    found = {each["name"]: each["address"] for each in entries if each["kind"] == "table"}
    assert set(found) == {*(f"odd.{name}" for name in ODD_NAMES), "odd.broken"}
    for name, address in found.items():
        assert hostile_gallery.get(address).status_code == 200, name


# Navigation


def labels(scene: Scene) -> list[str]:
    return [each.label for each in navigation(scene, "")]


def test_only_places_that_there_are_are_led_to(gallery: Gallery, tmp_path: Path) -> None:
    scene = gallery.scene()
    assert {"Today", "Catalog", "Runs", "Checks", "Sources", "Schedule"} <= set(labels(scene))
    assert "Dashboards" not in labels(scene)
    bare = Shop(tmp_path)
    bare.model("marts.one", "", "select 1 as one")
    assert not {"Checks", "Sources", "Schedule", "Dashboards"} & set(labels(Gallery(bare).scene()))


def test_queries_are_for_those_who_may_ask(gallery: Gallery) -> None:
    if not gallery.scene().links.knows("query"):
        pytest.fail("there is no page for queries")
    scene = gallery.scene()
    assert "Query" in labels(scene)
    assert "Query" not in labels(replace(scene, live=False))
    assert "Query" not in labels(replace(scene, role="public"))


def test_what_keeps_the_database_from_being_looked_at_is_told_on_every_page(gallery: Gallery) -> None:
    taken = Diagnostic(code="SP502", message="process 17 has <it>", help="wait")
    problem = Survey(at=gallery.survey.at, problem=taken)
    told = Gallery(gallery.project, alter=lambda scene: replace(scene, survey=problem)).html("/patterns")
    assert '<div class="banner">' in told
    assert "process 17 has &lt;it&gt;" in told


# Search


def test_everything_with_a_page_is_found(gallery: Gallery) -> None:
    entries = gallery.json("/search.json")["entries"]
    kinds = {each["kind"] for each in entries}
    assert {"page", "pipeline", "run", "table", "ingest", "seed", "embedded", "view", "incremental"} <= kinds
    revenue = next(each for each in entries if each["name"] == "marts.revenue")
    assert revenue["columns"] == ["day", "country_name", "revenue"]
    assert revenue["says"].startswith("Revenue of each country")
    for each in entries:
        assert gallery.get(each["address"]).status_code == 200, each


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("country_name", {"marts.revenue"}),
        ("MARTS rev", {"marts.revenue"}),
        ("euro", {"marts.revenue"}),
        ("orders as they came", {"staging.orders"}),
        ("nothing-of-that-name", set()),
    ],
)
def test_words_are_looked_for_in_names_columns_and_descriptions(gallery: Gallery, words: str, names: set[str]) -> None:
    found = gallery.json(f"/search.json?q={words}")
    assert {each["name"] for each in found["entries"]} == names
    text = gallery.html(f"/search?q={words}")
    assert ("Nothing of that name." in text) == (not names)


def test_a_page_from_a_folder_has_what_is_searched_as_a_script(gallery: Gallery, tmp_path: Path) -> None:
    write_site(gallery.workspace, tmp_path / "site")
    script = (tmp_path / "site/search.js").read_text(encoding="utf-8")
    told = json.loads(script.removeprefix("window.sqlpipe_search = ").removesuffix(";\n"))
    assert told == json.loads((tmp_path / "site/search.json").read_text(encoding="utf-8"))
    for each in told["entries"]:
        assert (tmp_path / "site" / unquote(each["address"])).is_file(), each


def test_what_was_looked_for_is_shown_as_it_was(gallery: Gallery) -> None:
    text = gallery.html('/search?q="><script>x')
    assert 'value="&#34;&gt;&lt;script&gt;x"' in text


# Errors


@pytest.mark.parametrize("path", ["/nothing", "/nodes/none", "/a/b/c", "/nodes/%2e%2e%2fup"])
def test_what_is_not_there_is_told_as_a_page_to_people_and_as_json_to_programs(gallery: Gallery, path: str) -> None:
    page = gallery.get(path, **READERS)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in page.text
    assert 'aria-label="Pages"' in page.text
    twin = gallery.get(f"{path}.json", Accept="application/json")
    assert twin.status_code == 404
    assert twin.json()["diagnostics"][0]["code"]


def test_a_wrong_word_in_an_address_is_told_on_a_page(gallery: Gallery) -> None:
    page = gallery.get("/search?qq=1", **READERS)
    assert page.status_code == 400
    assert "unknown parameter `qq`" in page.text
    assert gallery.get("/search?qq=%3Cscript%3E", **READERS).text.count("<script>") == 0
    assert "<script>x" not in gallery.get("/search?%3Cscript%3Ex=1", **READERS).text


def test_a_bug_of_ours_is_a_page_that_tells_no_more_than_that(
    gallery: Gallery, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(scene: Scene) -> Scene:
        raise RuntimeError("hunter2 is secret")

    page = Gallery(gallery.project, alter=broken).get("/patterns", **READERS)
    assert page.status_code == 500
    assert "SP646" in page.text
    assert "hunter2" not in page.text
    assert "RuntimeError: hunter2" in capsys.readouterr().err


# Files


def test_files_are_kept_until_they_change(gallery: Gallery) -> None:
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', gallery.html("/patterns")):
        answer = gallery.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        other = gallery.get(re.sub(r"v=\w+", "v=older", address))
        assert other.headers["cache-control"] == "no-cache"
        assert other.headers["etag"]


@pytest.mark.parametrize(
    ("file", "media"), [("style.css", "text/css"), ("sqlpipe.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
)
def test_files_are_of_the_media_that_browsers_insist_on(gallery: Gallery, file: str, media: str) -> None:
    answer = gallery.get(f"/static/{file}")
    assert answer.headers["content-type"].partition(";")[0] == media
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/../page.py", "/static/%2e%2e/page.py", "/static/none.css", "/static/", "/static"]
)
def test_only_files_of_pages_are_handed_out(gallery: Gallery, path: str) -> None:
    assert gallery.get(path).status_code == 404


def test_what_is_large_is_packed_and_what_is_followed_is_not(gallery: Gallery) -> None:
    packed = gallery.get("/patterns", **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = gallery.get("/patterns", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    stream = gallery.get("/api/runs/r1/log/raw.orders/stream", **{"Accept-Encoding": "gzip"})
    assert "content-encoding" not in stream.headers


def test_a_first_visit_is_small(gallery: Gallery) -> None:
    text = gallery.html("/")
    size = len(gzip.compress(text.encode(), 5))
    for address in set(re.findall(r'(?:src|href)="/static/([^"?]+)', text)):
        size += len(gzip.compress(assets().joinpath(address).read_bytes(), 5))
    assert size < 60 * 1024


def test_the_licence_of_what_others_wrote_is_with_it() -> None:
    told = assets().joinpath("README.md").read_text(encoding="utf-8")
    for row in re.findall(r"^\| `([^`]+)` .*?`(LICENSES/[^`]+)`", told, re.MULTILINE):
        assert assets().joinpath(row[0]).is_file()
        assert assets().joinpath(row[1]).is_file()
    for script in (each.name for each in assets().iterdir() if each.name.endswith(".min.js")):
        assert script in told


def test_the_settings_of_htmx_are_json(gallery: Gallery) -> None:
    found = re.search(r"<meta name=\"htmx-config\" content='([^']+)'>", gallery.html("/patterns"))
    assert found
    assert json.loads(found[1]) == {"includeIndicatorCSS": False, "history": False, "mode": "same-origin"}


# Colours


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "faint", "accent", *STATES])
def test_every_text_stands_out(mode: str, name: str) -> None:
    colours = tokens(STYLE, mode)
    assert contrast(colours[name], colours["ground"]) >= 4.5
    assert contrast(colours[name], colours["tint"]) >= 4.5
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("seen_by", SEEN_BY)
def test_states_are_told_apart_by_those_who_see_fewer_colours(mode: str, seen_by: str) -> None:
    colours = tokens(STYLE, mode)
    for one, other in combinations(STATES, 2):
        assert difference(colours[one], colours[other], seen_by) > 0.06, (one, other)


def test_every_tone_of_a_sign_has_a_colour() -> None:
    assert {each.tone for each in SIGNS.values()} <= set(re.findall(r"^\.(\w+) \{ color:", STYLE, re.MULTILINE))


def test_the_style_guide_has_every_state_and_kind(gallery: Gallery) -> None:
    text = tree(gallery.html("/patterns")).text
    for word in (*SIGNS, *GLYPHS):
        assert word in text


def test_without_rights_nothing_can_be_pressed(gallery: Gallery) -> None:
    for path in PLAIN:
        assert "data-act" not in gallery.html(path)


def test_who_reads_without_a_token_from_afar_is_the_public(gallery: Gallery) -> None:
    afar = Gallery(gallery.project, policy=Policy(loopback=False, public_read=True))
    assert afar.get("/patterns").status_code == 200
    assert afar.get("/api/session").json() == {"role": "public", "signed_in": False, "known": True}
