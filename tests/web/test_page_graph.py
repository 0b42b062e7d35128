"""The graph: what is drawn of it, how it looks, and that nothing in it is taken for markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sqlpipe.graph.layout import lay_out
from sqlpipe.web.drawing import Face, curve, shortened, svg, width_of
from sqlpipe.web.pages.graph import GraphView, _editions, _listed, _unlisted
from sqlpipe.web.pages.graph_marks import Mark, legend, of_group, summed_up
from tests.web.gallery import EVIL, SCRIPT, Gallery
from tests.web.page_tree import Element, require_harmless, tree


def boxes(page: Element) -> dict[str, Element]:
    return {each.attributes["data-key"]: each for each in page.all("a") if "data-key" in each.attributes}


def groups(page: Element) -> dict[str, Element]:
    return {each.attributes["data-group"]: each for each in page.all("a") if "data-group" in each.attributes}


def test_every_node_is_a_link_with_its_state(gallery: Gallery) -> None:
    page = tree(gallery.html("/graph"))
    found = boxes(page)
    assert set(found) == set(gallery.workspace.graph.nodes)
    revenue = found["marts.revenue"]
    assert revenue.attributes["href"] == "/nodes/marts.revenue"
    assert revenue.one("title").text == "marts.revenue, table, fresh, fresh"
    assert [each.text for each in revenue.all("text")] == ["▦", "marts.revenue", "✓"]
    assert page.one("ul", class_="legend").text.startswith("✓ fresh")


def test_lines_are_the_edges_of_the_project(gallery: Gallery) -> None:
    page = tree(gallery.html("/graph"))
    keys = [each.attributes["data-key"] for each in page.all("a") if "data-key" in each.attributes]
    ends = [path.attributes["data-e"].split() for path in page.all("path") if "data-e" in path.attributes]
    parents = gallery.workspace.graph.parents
    assert {(keys[int(start)], keys[int(end)]) for start, end in ends} == {
        (parent, key) for key in parents for parent in parents[key]
    }


def test_states_that_matter_have_a_sign_and_a_word(failing_gallery: Gallery) -> None:
    page = tree(failing_gallery.html("/graph"))
    orders = boxes(page)["staging.orders"]
    assert orders.attributes["class"] == "bad"
    assert orders.all("text")[-1].text == "✗"
    assert page.one("ul", class_="legend").all("li")[0].text == "✗ failed 1"


@pytest.mark.parametrize(
    ("colour", "tone", "mark", "legend"),
    [
        ("kind", "k3", [], "▦ table"),
        ("age", "t", ["s", "min"], "in the last hour"),
        ("duration", "t", ["s", "ms"], "s"),
    ],
)
def test_colours_tell_something_else(gallery: Gallery, colour: str, tone: str, mark: list[str], legend: str) -> None:
    page = tree(gallery.html(f"/graph?colour={colour}"))
    revenue = boxes(page)["marts.revenue"]
    assert revenue.attributes["class"].startswith(tone)
    assert [each.text.split()[-1] in mark for each in revenue.all("text")[2:]] == [True] * bool(mark)
    assert legend in page.one("ul", class_="legend").text
    chosen = [each for each in page.all("a") if each.attributes.get("aria-current") == "true"]
    assert [each.text for each in chosen] == [colour]


def test_a_selection_is_drawn(gallery: Gallery) -> None:
    page = tree(gallery.html("/graph?s=%2Bmarts.daily"))
    assert set(boxes(page)) == {"raw.orders", "staging.orders", "marts.daily"}
    assert page.one("h1").text == f"Graph 3 of {len(gallery.workspace.graph.nodes)} nodes"
    [written] = [each for each in page.all("input") if each.attributes.get("name") == "s"]
    assert written.attributes["value"] == "+marts.daily"
    links = [each.attributes["href"] for each in page.all("a") if each.text in ("kind", "All")]
    assert links == ["/graph", "/graph?s=%2Bmarts.daily&colour=kind"]


def test_what_is_wrong_with_a_selection_is_told_in_the_page(gallery: Gallery) -> None:
    page = tree(gallery.html("/graph?s=marts.revenu"))
    assert "SP302" in page.one("div", class_="problem").text
    assert page.all("svg") == []
    assert [each["code"] for each in gallery.json("/graph.json?s=no:such")["problems"]] == ["SP302"]
    assert gallery.get("/graph?colour=blue").status_code == 400


def test_an_empty_selection_draws_nothing(gallery: Gallery) -> None:
    assert "There is nothing to draw." in gallery.html("/graph?s=failed")


def test_schemas_are_folded_and_opened(gallery: Gallery) -> None:
    page = tree(gallery.html("/graph?fold=all"))
    found = groups(page)
    assert set(found) == {"marts", "raw", "staging"}
    assert set(boxes(page)) == {"ref.countries"}
    assert found["marts"].attributes["href"] == "/graph?fold=all&open=marts"
    assert found["marts"].one("title").text == "marts: 2 nodes, fresh"
    opened = tree(gallery.html("/graph?fold=all&open=marts,gone"))
    assert {"marts.daily", "marts.revenue"} <= set(boxes(opened))
    assert groups(opened)["raw"].attributes["href"] == "/graph?fold=all&open=marts%2Craw"
    fold = opened.one("a", class_="close")
    assert (fold.attributes["aria-label"], fold.attributes["href"]) == ("Fold marts", "/graph?fold=all")


def test_a_group_tells_of_its_worst_node(failing_gallery: Gallery) -> None:
    staging = groups(tree(failing_gallery.html("/graph?fold=all")))["staging"]
    assert staging.attributes["class"] == "bad"
    assert staging.all("text")[-1].text == "✗ 1"
    assert "1 failed" in staging.one("title").text


def test_more_nodes_than_can_be_read_are_folded(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlpipe.web.pages.graph._MOST", 3)
    assert groups(tree(gallery.html("/graph"))) != {}
    assert groups(tree(gallery.html("/graph?fold=none"))) == {}
    assert groups(tree(gallery.html("/graph?s=marts.*"))) == {}
    assert {"fold": "none"} in _editions(gallery.scene())
    assert {"open": "raw"} in _editions(gallery.scene())


def test_the_twin_has_places(gallery: Gallery) -> None:
    told = gallery.json("/graph.json?fold=all&open=marts")
    by_key = {each["key"]: each for each in told["boxes"]}
    assert by_key["raw"]["nodes"] == 2
    assert by_key["marts.daily"]["mark"]["says"] == "fresh"
    assert by_key["raw"]["place"]["x"] < by_key["staging"]["place"]["x"] < by_key["marts.daily"]["place"]["x"]
    [edge] = [each for each in told["edges"] if (each["start"], each["end"]) == ("raw", "staging")]
    assert edge["edges"] == 2
    assert edge["points"][0][0] == by_key["raw"]["place"]["x"] + by_key["raw"]["place"]["width"]
    assert told["groups"] == {"marts": 2, "raw": 2, "ref": 1, "staging": 3}


def test_the_drawer_tells_of_a_node(gallery: Gallery) -> None:
    page = tree(gallery.html("/graph/drawer?node=staging.orders"))
    assert page.one("h2").text == "▦ staging.orders"
    assert "Orders as they came." in page.text
    assert [each.text for each in page.all("li")] == ["↓ raw.orders", "▤ marts.daily", "▦ marts.revenue"]
    links = {each.text: each.attributes["href"] for each in page.all("a", class_="button")}
    assert links == {"Its page": "/nodes/staging.orders", "Only what hangs on it": "/graph?s=%2Bstaging.orders%2B"}
    assert gallery.get("/graph/drawer?node=staging.order").status_code == 404


def test_the_drawer_tells_why_a_node_failed(failing_gallery: Gallery) -> None:
    page = tree(failing_gallery.html("/graph/drawer?node=staging.orders"))
    assert "✗ failed" in page.text
    assert page.all("p", class_="reason")[0].text


def test_names_and_texts_stay_texts(hostile_gallery: Gallery) -> None:
    for colour in ("state", "kind", "age", "duration"):
        html = hostile_gallery.html(f"/graph?colour={colour}")
        page = require_harmless(html)
        assert set(boxes(page)) == set(hostile_gallery.workspace.graph.nodes)
        assert SCRIPT not in html
    for key in hostile_gallery.workspace.graph.nodes:
        html = hostile_gallery.client.get("/graph/drawer", params={"node": key}).text
        require_harmless(html)
        assert SCRIPT not in html
    require_harmless(hostile_gallery.html(f"/graph?s={SCRIPT}&open={SCRIPT}&fold=all"))


def test_a_drawing_escapes_everything() -> None:
    drawing = lay_out({EVIL: [], "b": [EVIL]})
    faces = {
        key: Face(
            key=key, address=f"/{key}", says=key, glyph="◇", prefix=key, label=key, mark=key, tone="calm", count=2
        )
        for key in drawing.boxes
    }
    page = require_harmless(str(svg(drawing, faces, {(EVIL, "b"): 12}, EVIL)))
    assert page.one("svg").attributes["aria-label"] == EVIL
    assert [each.attributes["class"] for each in page.all("path") if "data-e" in each.attributes] == ["w2"]


def test_on_a_file_boxes_lead_to_pages_and_nothing_is_asked(gallery: Gallery) -> None:
    filed = replace(gallery, alter=lambda scene: replace(scene, live=False))
    page = tree(filed.html("/graph"))
    assert page.all("form") == []
    assert "data-drawer" not in page.one("figure").attributes
    assert boxes(page)["marts.daily"].attributes["href"] == "/nodes/marts.daily"


def test_names_of_schemas_are_told_apart_from_the_commas_between_them() -> None:
    names = ["a,b", "50%", "x y", "ü/&"]
    assert _unlisted(_listed(names)) == names


def test_boxes_fit_their_texts() -> None:
    assert width_of("x") == width_of("raw.a")
    assert width_of("名前" * 10) > width_of("ab" * 10)
    assert width_of("x" * 500) == width_of("x" * 40)
    assert shortened("a" * 30 + "the_end_tells_more").endswith("the_end_tells_more")
    assert curve(((0.0, 0.0), (10.0, 0.0))) == "M0 0h10"


def test_marks_of_groups() -> None:
    old, new, none = (
        Mark("t1", "9 s", "built 9 s ago", 9.0),
        Mark("t1", "1 s", "built 1 s ago", 1.0),
        Mark("", "", "no", -1),
    )
    assert of_group([new, old, none], "age") is old
    assert of_group([new], "kind") == Mark("", "", "")
    fresh, failed = Mark("well", "✓", "fresh", 1), Mark("bad", "✗", "failed", 5)
    assert of_group([fresh, fresh], "state") is fresh
    assert of_group([fresh, failed, failed], "state").text == "✗ 2"
    assert summed_up([fresh, failed, failed]) == "2 failed, 1 fresh"
    assert summed_up([Mark("", "", "")]) == "1 node"
    assert [(each.word, each.nodes) for each in legend([new, old, none], "age")] == [
        ("in the last hour", 2),
        ("not built", 1),
    ]


def test_the_whole_page_of_many_nodes_is_small(gallery: Gallery) -> None:
    view = gallery.json("/graph.json")
    assert {"boxes", "edges", "width", "height", "legend"} <= set(view) <= set(GraphView.__dataclass_fields__)
    assert not re.search(r'style="|onclick', gallery.html("/graph"))
