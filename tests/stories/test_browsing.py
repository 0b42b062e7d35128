"""Every page in a real browser: nothing goes wrong, nothing is loaded from elsewhere, everybody can use it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser import Watched, opened_browser
from tests.stories.test_serve import Server, serving

if sys.platform == "win32":
    pytest.skip("signals are POSIX; run these tests on Linux or macOS", allow_module_level=True)

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
FILES = {
    "sqlpipe.yml": """
name: shop
pipelines:
  all: {select: "raw.* staging.* marts.*", every: 24h}
  nightly: {select: "tasks.count", schedule: "0 3 * * *", timezone: Europe/Berlin}
""",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n",
    "landing/1.csv": "id,day,country,amount\n1,2026-01-01,AT,10\n2,2026-01-02,DE,20\n3,2026-01-03,AT,-5\n",
    "models/raw/orders.sql": "/* sqlpipe\nkind: ingest\nfrom: landing/*.csv\ncursor: files\n"
    f'description: "orders {HOSTILE}"\n*/\nselect * from source\n',
    "models/staging/orders.sql": f"select id, cast(day as date) as day, country, amount from raw.orders -- {HOSTILE}\n",
    "models/marts/revenue.sql": "/* sqlpipe\nkind: incremental\ntime: {column: day, grain: day}\nchecks:\n"
    "  - not_null: [day, country]\n  - range: {column: revenue, min: 0}\n    severity: warn\ncolumns:\n"
    f'  revenue: {{description: "{HOSTILE}"}}\n*/\n'
    "select day, country, sum(amount) as revenue from staging.orders group by all\n",
    "models/marts/broken.sql": "/* sqlpipe\nkind: table\nchecks:\n"
    "  - accepted_values: {column: country, values: [DE]}\n*/\n"
    f"select country, '{HOSTILE}' as said from staging.orders\n",
    "tasks/count.yml": "bash: |\n  for i in 1 2 3; do echo line $i '<b>bold</b>'; sleep 0.1; done\n",
    "dashboards/revenue.md": "---\ntitle: Revenue\nfilters:\n"
    "  country: {select: [AT, DE], label: Country, column: country}\n"
    "  period: {dates: true, column: day}\n---\n"
    f"What came in. {HOSTILE} [a link](javascript:alert(3))\n\n"
    "```sql days\nselect day, country, revenue from marts.revenue\n```\n"
    "```chart\ntitle: Revenue by day\nbar: {x: day, y: revenue, color: country}\nwidth: half\n```\n"
    "```chart\ntable: {columns: {day: Day, country: Country, revenue: {label: Revenue, format: ',.2f', bar: true}}}\n"
    "width: half\n```\n"
    "```sql total\nselect sum(revenue) as total from marts.revenue where :country is null or country = :country\n```\n"
    "```chart\nvalue: {field: total, format: ',.0f', unit: EUR}\nwidth: third\n```\n",
}
PAGES = (
    "/", "/graph", "/catalog", "/nodes/marts.revenue", "/nodes/raw.orders", "/nodes/marts.broken", "/nodes/tasks.count",
    "/nodes/dashboards.revenue", "/runs", "/runs/RUN", "/checks", "/sources", "/schedule", "/query", "/dashboards",
    "/dashboards/dashboards.revenue", "/patterns",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a scheduler, on which this machine may act, after a run in which one table has failed."""
    root = tmp_path_factory.mktemp("shop")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    with serving(root, "--allow-local-writes", token="") as found:
        run = found.post("/api/pipelines/all/trigger")["id"]
        assert found.ends(run) == "failed"
        found.until("/index.json", lambda told: "marts.broken" in str(told))
        yield found


def origin(server: Server) -> str:
    return str(server.client.base_url).rstrip("/")


@contextmanager
def looking(
    server: Server, browser: Browser, path: str, *, scheme: str = "light", phone: bool = False
) -> Iterator[Watched]:
    """A page that is open; nothing may have gone wrong on it when it is closed."""
    watched = Watched(browser, origin(server), scheme=scheme, phone=phone)
    try:
        answer = watched.page.goto(
            path.replace("RUN", str(server.get("/api/runs")["runs"][-1]["id"])), wait_until="load"
        )
        assert answer is not None
        assert answer.status == 200
        watched.page.wait_for_timeout(300)
        yield watched
        assert watched.problems == []
    finally:
        watched.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("scheme", "phone"), [("light", False), ("dark", True)])
def test_a_page_is_well(server: Server, browser: Browser, path: str, scheme: str, *, phone: bool) -> None:
    with looking(server, browser, path, scheme=scheme, phone=phone) as watched:
        page = watched.page
        expect(page.locator("h1")).to_have_count(1)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        told = [
            f"{each['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
            for each in found.response["violations"]
            for node in each["nodes"][:3]
        ]
        assert told == []
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"the page is {wide} px wider than the screen"
        assert page.evaluate("() => document.querySelectorAll('img[src=x], script:not([src]):not([type])').length") == 0


def test_the_keyboard_finds_everything(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/") as watched:
        page = watched.page
        page.keyboard.press("Control+k")
        page.keyboard.type("revenue")
        page.wait_for_timeout(400)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/nodes/marts\.revenue|/dashboards/"))


def test_the_keyboard_reaches_the_content_first(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/runs") as watched:
        watched.page.keyboard.press("Tab")
        assert watched.page.evaluate("() => document.activeElement.getAttribute('href')") == "#main"


def test_a_run_is_started_and_told(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/schedule") as watched:
        page = watched.page
        before = len(server.get("/api/runs")["runs"])
        page.locator("[data-act='/api/pipelines/nightly/trigger']").first.click()
        sure = page.locator("dialog[open] button").filter(has_text=re.compile(r"yes|run|ok", re.IGNORECASE))
        if page.locator("dialog[open]").count():
            sure.first.click()
        server.until("/api/runs", lambda found: len(found["runs"]) > before)
        server.until("/api/deeds", lambda found: "trigger" in str(found))


def _is_paused(told: Any) -> bool:
    found = next(each for each in told["pipelines"] if each["pipeline"]["name"] == "nightly")
    return (found["row"] or {}).get("paused_at") is not None


def test_a_pipeline_is_paused_and_resumed(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/schedule") as watched:
        page = watched.page
        for what, paused in (("pause", True), ("resume", False)):
            page.locator(f"[data-act='/api/pipelines/nightly/{what}']").first.click()
            if page.locator("dialog[open]").count():
                page.locator("dialog[open] button").last.click()
            server.until("/api/pipelines", lambda told, paused=paused: _is_paused(told) is paused)  # type: ignore[misc]
            page.reload()


def test_a_log_is_followed(server: Server, browser: Browser) -> None:
    run = server.post("/api/pipelines/nightly/trigger")["id"]
    with looking(server, browser, f"/runs/{run}") as watched:
        expect(watched.page.get_by_text("line 3 <b>bold</b>").first).to_be_attached(timeout=10_000)


def test_a_query_is_answered_and_a_wrong_one_told(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/query?sql=select+country,+revenue+from+marts.revenue+order+by+all") as watched:
        expect(watched.page.locator("table").get_by_text("AT").first).to_be_visible()
    with looking(server, browser, "/query?sql=select+*+from+read_csv('/etc/passwd')") as watched:
        expect(watched.page.get_by_text("root:")).to_have_count(0)
        expect(watched.page.get_by_text("SP711").first).to_be_visible()


def test_a_filter_changes_a_dashboard(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/dashboards/dashboards.revenue?country=DE") as watched:
        expect(watched.page.locator("table").get_by_text("AT")).to_have_count(0)
        expect(watched.page.locator("svg, canvas").first).to_be_attached()


def test_the_drawer_of_the_graph_opens_by_keyboard(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/graph") as watched:
        page = watched.page
        first = page.locator("svg.graph a").first
        first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".drawer h2")).to_contain_text("raw.orders")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.locator(".drawer h2")).to_contain_text("staging.orders")
        page.keyboard.press("Escape")
        expect(page.locator(".drawer")).to_be_hidden()
        page.keyboard.press("/")
        page.keyboard.type("broken")
        expect(page.locator("svg.graph a.hit")).to_have_count(1)
        page.keyboard.press("Enter")
        expect(page.locator("[data-find] [role=status]")).to_have_text("1 of 1")


def test_the_graph_is_dragged_and_zoomed(server: Server, browser: Browser) -> None:
    with looking(server, browser, "/graph") as watched:
        page = watched.page
        box = page.locator("a[data-key='staging.orders'] rect")
        before = box.bounding_box()
        assert before is not None
        page.mouse.move(640, 600)
        page.mouse.down()
        page.mouse.move(700, 630, steps=4)
        page.mouse.up()
        page.wait_for_timeout(100)
        dragged = box.bounding_box()
        assert dragged is not None
        assert abs(dragged["x"] - before["x"] - 60) <= 1
        assert abs(dragged["y"] - before["y"] - 30) <= 1
        page.keyboard.press("+")
        page.wait_for_timeout(300)
        larger = box.bounding_box()
        assert larger is not None
        assert larger["width"] > 1.2 * before["width"]
        page.keyboard.press("0")
        page.wait_for_timeout(300)
        again = box.bounding_box()
        assert again is not None
        assert abs(again["x"] - before["x"]) <= 1
        assert page.locator(".drawer").is_hidden()
