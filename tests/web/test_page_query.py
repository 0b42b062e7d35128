"""Query: what the page shows of an answer, and who may ask."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest

from sqlpipe.load.secret import Secret
from sqlpipe.web.guard import Policy
from tests.web.fake_office import BEARER, TOKEN
from tests.web.gallery import EVIL, SCRIPT, Gallery
from tests.web.page_tree import require_harmless, tree


def asking(sql: str, **more: object) -> str:
    words = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/query?sql={quote(sql)}{words}"


def test_without_a_query_the_tables_are_listed(gallery: Gallery) -> None:
    page = tree(gallery.html("/query"))
    assert page.one("textarea").text == ""
    assert page.all("section", id="answer") == []
    names = [each.text for each in page.one("section", id="tables").all("summary")]
    assert {"marts.revenue", "staging.orders"} <= set(names)
    assert not any(each.startswith("_sqlpipe") for each in names)
    columns = {each.attributes["data-insert"] for each in page.one("section", id="tables").all("button")}
    assert {"marts.revenue", "country_name", "revenue"} <= columns


def test_an_answer_is_a_table_that_can_be_taken_along(gallery: Gallery) -> None:
    sql = "select name, null as nothing, 1.5 as half\nfrom staging.customers order by id"
    page = tree(gallery.html(asking(sql)))
    assert page.one("textarea").text_as_is.strip() == sql
    answer = page.one("section", id="answer")
    assert [each.text for each in answer.one("thead").all("th")] == ["name", "nothing", "half"]
    assert [each.text for each in answer.one("tbody").all("tr")[0].all("td")] == ["Ann", "NULL", "1.5"]
    assert answer.one("h2").text.startswith("Answer 3 rows,")
    links = {each.text: each.attributes["href"] for each in answer.all("a")}
    assert links["CSV"] == f"/api/query?{urlencode({'sql': sql, 'format': 'csv'})}"
    assert set(links) == {"CSV", "JSON", "Parquet"}


def test_of_more_rows_the_first_are_shown(gallery: Gallery) -> None:
    page = tree(gallery.html(asking("from range(100)", limit=7)))
    assert page.one("section", id="answer").one("h2").text.startswith("Answer the first 7 rows,")
    assert len(page.one("section", id="answer").one("tbody").all("tr")) == 7
    assert page.one("option", selected="").text == "7"
    assert gallery.get(asking("select 1", limit=1001)).status_code == 400
    none = tree(gallery.html(asking("select id, name from staging.customers where false")))
    assert "No rows: id, name" in none.text


def test_what_is_refused_is_pointed_at(gallery: Gallery) -> None:
    page = tree(gallery.html(asking("select *\nfrom '/etc/passwd'")))
    problem = page.one("div", class_="problem")
    assert "SP711 there is no table `/etc/passwd`" in problem.text
    frame = problem.one("pre").text_as_is.split("\n")
    assert (frame[0], frame[2]) == ("query:2:6", "   2 from '/etc/passwd'")
    assert frame[3] == f"{' ' * 10}{'^' * 13}"
    assert page.all("section", id="answer") == []
    change = gallery.json(asking("drop table marts.revenue").replace("/query", "/query.json"))
    assert [each["code"] for each in change["problems"]] == ["SP711"]
    wrong = gallery.json(asking("select nope from marts.revenue").replace("/query", "/query.json"))
    assert (wrong["problems"][0]["code"], wrong["found"]) == ("SP505", None)


def test_the_twin_has_the_rows(gallery: Gallery) -> None:
    found = gallery.json(asking("select 1 as a").replace("/query", "/query.json"))
    assert (found["found"]["columns"], found["found"]["rows"]) == (["a"], [[1]])


def test_only_those_who_may_ask_can(gallery: Gallery) -> None:
    public = Gallery(gallery.project, policy=Policy(token=Secret(TOKEN), loopback=False, public_read=True))
    for path in ("/query", asking("select 1")):
        assert public.get(path).headers.get("location", "").startswith("/login"), path
    for path in ("/query.json", "/api/query?sql=select+1"):
        assert public.get(path).status_code == 401, path
    assert public.get("/runs").status_code == 200
    assert public.get(asking("select 1"), **BEARER).status_code == 200
    assert public.post("/api/query", {"sql": "select 1"}).status_code == 401
    assert "/query" not in {each.attributes["href"] for each in tree(public.html("/runs")).one("nav").all("a")}


def test_what_is_asked_over_http_reaches_the_office(gallery: Gallery) -> None:
    own = gallery.fresh()
    assert own.get("/api/query?sql=select+1&limit=5").status_code == 200
    assert own.office.asked == [("ask", "select 1", 5)]
    saved = own.get("/api/query?sql=select+1&format=csv")
    assert (saved.text, saved.headers["content-type"]) == ("a\r\n1\r\n", "text/csv; charset=utf-8")
    assert saved.headers["content-disposition"] == 'attachment; filename="query.csv"'
    assert own.post("/api/query", {"sql": "select 2", "format": "json"}).status_code == 200
    assert own.office.asked[-1] == ("save", "select 2", "json")
    for wrong in ("/api/query", "/api/query?sql=x&format=xml", "/api/query?sql=x&limit=0"):
        assert own.get(wrong).status_code == 400


def test_runs_are_asked_for_over_http(gallery: Gallery) -> None:
    acting = gallery.fresh().acting()
    answer = acting.post("/api/runs", {"select": ["+marts.revenue"], "exclude": ["tag:x"], "full_refresh": True})
    assert answer.status_code == 200
    assert acting.office.asked[-1] == ("enqueue", ["+marts.revenue"], ["tag:x"], True, "api 10.9.8.7")
    assert acting.post("/api/runs", {}).status_code == 200
    assert acting.office.asked[-1][1:4] == ([], [], False)
    odd: tuple[dict[str, object], ...] = (
        {"select": "x"}, {"select": [1]}, {"full_refresh": "yes"}, {"full_refresh": 1}, {"chosen": []},
    )  # fmt: skip
    for wrong in odd:
        assert acting.post("/api/runs", wrong).status_code == 400, wrong
    assert gallery.post("/api/runs", {}).status_code == 403


@pytest.mark.parametrize("said", ["'", '"', "</textarea>", "</script>", SCRIPT, EVIL])
def test_texts_do_nothing(gallery: Gallery, said: str) -> None:
    literal = said.replace("'", "''")
    quoted = said.replace('"', '""')
    page = require_harmless(gallery.html(asking(f"select '{literal}' as \"{quoted}\"")))
    assert page.one("section", id="answer").one("td").text == " ".join(said.split())
    broken = require_harmless(gallery.html(asking(f"select {said} from")))
    assert said in broken.one("textarea").text_as_is


def test_names_of_tables_are_written_as_sql_takes_them(hostile_gallery: Gallery) -> None:
    page = require_harmless(hostile_gallery.html("/query"))
    found = [each.attributes["data-insert"] for each in page.one("section", id="tables").all("button")]
    con = next(each for each in found if "con." in each.casefold() and each.startswith("odd."))
    assert con in {'odd."con."', 'odd."CON."'}
    answer = require_harmless(hostile_gallery.html(asking(f"select count(*) from {con}")))
    assert answer.one("section", id="answer").one("td").text == "1"


def test_a_thousand_tables_are_a_small_page(gallery: Gallery) -> None:
    of_each = tuple((f"c{number}", "INTEGER") for number in range(20))
    columns = {f"marts.table_{number:04d}": of_each for number in range(1200)}
    own = Gallery(gallery.project, alter=lambda scene: replace(scene, survey=replace(scene.survey, columns=columns)))
    html = own.html("/query")
    assert len(gzip.compress(html.encode())) < 60_000
    assert len(tree(html).one("section", id="tables").all("button")) == 1000
    assert json.loads(own.get("/query.json").text)["total"] == 1200
