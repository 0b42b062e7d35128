"""What pages must never do: show a secret, run what the data say, leave the project, answer without end."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest

from tests.stories.test_browsing import FILES, HOSTILE, PAGES
from tests.stories.test_serve import TOKEN, Server, serving

if sys.platform == "win32":
    pytest.skip("signals are POSIX; run these tests on Linux or macOS", allow_module_level=True)

CANARY = "canary-9f8e7d6c5b4a-in-the-coal-mine"
VIEWER = "a-viewer-token-of-some-length"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with tokens whose project has a secret in its profile, its templates and its rows."""
    root = tmp_path_factory.mktemp("secret")
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    (root / "profiles.yml").write_text(
        "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n"
        "  connections:\n    crm: {type: sqlite, path: '${CANARY}.db'}\n"
    )
    (root / "models/marts/told.sql").write_text(
        "/* sqlpipe\nkind: table\nchecks:\n  - accepted_values: {column: secret, values: [none]}\n    severity: warn\n"
        "*/\nselect '{{ env_var('CANARY') }}' as secret\n"
    )
    (root / "tasks/leak.yml").write_text("bash: echo $CANARY; echo $CANARY >&2; false\n")
    (root / "dashboards/secret.md").write_text(
        "---\ntitle: Secret\n---\n```sql it\nselect secret from marts.told\n```\n```chart\ntable: all\n```\n"
    )
    with serving(root, CANARY=CANARY, SQLPIPE_VIEWER_TOKEN=VIEWER) as found:
        run = found.post("/api/pipelines/all/trigger")["id"]
        assert found.ends(run) == "failed"
        found.until("/index.json", lambda told: "marts.broken" in str(told))
        yield found


def paths(server: Server) -> list[str]:
    runs = [str(each["id"]) for each in server.get("/api/runs")["runs"]]
    nodes = ("/nodes/marts.told", "/nodes/tasks.leak", "/dashboards/dashboards.secret", "/query?sql=select+1+as+one")
    return [each.replace("RUN", runs[0]) for each in (*PAGES, *nodes, "/nodes/marts.told/rows")]


def twin(path: str) -> str:
    bare, mark, asked = path.partition("?")
    return f"{'/index' if bare == '/' else bare}.json{mark}{asked}"


class _Parts(HTMLParser):
    """Elements and attributes of a page that could run something."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []
        self._depth = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.bad.append("a script in the page")
        if tag in {"iframe", "object", "embed", "base", "style"}:
            self.bad.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.bad.append(f"{tag} {name}={value}")
            if name in {"href", "src", "action", "formaction", "xlink:href"}:
                address = (value or "").strip().lower()
                if address.startswith(("javascript:", "data:text", "vbscript:", "http:", "https:", "//")):
                    self.bad.append(f"{tag} {name}={value}")


def test_no_page_and_no_twin_has_a_secret(server: Server) -> None:
    for path in paths(server):
        for each in (path, twin(path)):
            answer = server.client.get(each)
            assert answer.status_code == 200, (each, answer.text[:500])
            assert CANARY not in answer.text, each


def test_nothing_that_the_project_or_its_data_say_becomes_code(server: Server) -> None:
    for path in paths(server):
        answer = server.client.get(path)
        parts = _Parts()
        parts.feed(answer.text)
        assert parts.bad == [], path
        assert "<img src=x" not in answer.text, path
        assert "unsafe" not in answer.headers["content-security-policy"], path


@pytest.mark.parametrize(
    "text",
    [HOSTILE, "'; drop table marts.revenue; --", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "\x00", "%00",
     "a" * 5000, "{{ 7*7 }}", "${jndi:x}", "\u202e", "con", "%ff%fe", '"><svg onload=alert(1)>'],
)  # fmt: skip
def test_hostile_addresses_are_refused_without_an_echo_that_runs(server: Server, text: str) -> None:
    spelled = quote(text, safe="")
    for path in (
        f"/nodes/{spelled}", f"/runs/{spelled}", f"/dashboards/{spelled}", f"/graph?s={spelled}",
        f"/catalog?s={spelled}", f"/runs?pipeline={spelled}", f"/static/{spelled}", f"/{spelled}",
        f"/dashboards/dashboards.revenue?country={spelled}&period_first={spelled}", f"/query?sql={spelled}",
    ):  # fmt: skip
        answer = server.client.get(path)
        assert answer.status_code < 500, (path, answer.text)
        assert "root:" not in answer.text
        if answer.headers["content-type"].startswith("text/html"):
            parts = _Parts()
            parts.feed(answer.text)
            assert parts.bad == [], path
    assert server.get("/api/show?node=marts.revenue")["rows"]


@pytest.mark.parametrize(
    "path",
    ["/static/../../api.py", "/static/%2e%2e/api.py", "/static/..%2f..%2fguard.py", "/static//etc/passwd",
     "/static/LICENSES/../../templates/base.html", "/static/%2fetc%2fpasswd"],
)  # fmt: skip
def test_only_files_that_come_with_it_are_served(server: Server, path: str) -> None:
    with httpx.Client(headers=server.client.headers, trust_env=False) as client:
        request = client.build_request("GET", str(server.client.base_url).rstrip("/") + "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = client.send(request)
    assert answer.status_code in {400, 404}
    assert "import" not in answer.text


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {VIEWER}"}])
def test_who_may_not_act_cannot(server: Server, headers: dict[str, str]) -> None:
    base = server.client.base_url
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as stranger:
        for path in ("/api/pipelines/all/trigger", "/api/pipelines/all/pause", "/api/runs"):
            assert stranger.post(path, json={"select": ["*"]}).status_code in {400, 401, 403}, path


def test_a_page_of_a_stranger_cannot_act_with_the_session_of_a_person(server: Server) -> None:
    base = str(server.client.base_url).rstrip("/")
    with httpx.Client(base_url=base, trust_env=False) as browser:
        answer = browser.post("/login", json={"token": TOKEN}, headers={"Origin": base})
        assert answer.status_code in {200, 204, 303}, answer.text
        assert browser.cookies
        path, body = "/api/pipelines/nightly/pause", {"reason": "x"}
        own = {"Origin": base, "Sec-Fetch-Site": "same-origin"}
        foreign = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert browser.post(path, json=body, headers=foreign).status_code == 403
        assert browser.post(path, data=body, headers=own).status_code in {403, 415}
        assert browser.post(
            path, content='{"reason": "x"}', headers={**own, "Content-Type": "text/plain"}
        ).status_code in {
            403,
            415,
        }
        assert browser.post(path, json=body, headers=own).status_code == 200
        assert browser.post("/api/pipelines/nightly/resume", json={}, headers=own).status_code == 200
    with httpx.Client(base_url=base, trust_env=False) as wrong:
        assert wrong.post("/login", json={"token": "wrong" * 8}, headers={"Origin": base}).status_code in {401, 403}
        assert not wrong.cookies
    deeds = server.get("/api/deeds")["deeds"]
    assert any(each["what"] == "pause" and "web" in each["who"] for each in deeds), deeds


def test_a_forged_session_is_none(server: Server) -> None:
    base = str(server.client.base_url).rstrip("/")
    with httpx.Client(base_url=base, trust_env=False) as browser:
        browser.post("/login", json={"token": VIEWER}, headers={"Origin": base})
        (name, value), *_ = browser.cookies.items()
    for forged in (value.replace("viewer", "operator"), value[:-2], f"{value}x", "", "operator.9999999999.AAAA"):
        headers = {"Cookie": f"{name}={forged}", "Origin": base}
        answer = httpx.post(f"{base}/api/pipelines/all/pause", json={}, headers=headers, trust_env=False)
        assert answer.status_code in {401, 403}, forged


def test_large_requests_are_refused(server: Server) -> None:
    body = {"reason": "x" * 200_000}
    assert server.client.post("/api/pipelines/nightly/pause", json=body).status_code == 413
    answer = server.client.get("/query?sql=" + "x" * 60_000)
    assert answer.status_code in {400, 414, 431} or "SP71" in answer.text


def test_queries_are_bounded(server: Server) -> None:
    for sql in (
        "select * from range(10000000000) a, range(10000000000) b order by 1 desc",
        "with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t",
    ):
        answer = server.client.get("/api/query", params={"sql": sql}, timeout=40)
        assert 400 <= answer.status_code < 500, answer.text[:300]
    answer = server.client.get(
        "/api/query", params={"sql": "select * from range(2000000)", "limit": "1000"}, timeout=40
    )
    assert answer.status_code == 200
    assert len(answer.content) < 1_000_000


def test_openapi_is_kept_to(server: Server) -> None:
    """Schemathesis finds no answer that the description does not foresee."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis
        from hypothesis import HealthCheck, Phase, given, settings

        schema = schemathesis.openapi.from_dict(server.get("/openapi.json"))
        base = str(server.client.base_url).rstrip("/")
        skipped = {"/api/runs/{run}/log/{node}/stream", "/api/query", "/query", "/query.json"}
        checked = 0
        for operation in schema.get_all_operations():
            case_of = operation.ok()  # type: ignore[union-attr]
            if case_of.path in skipped or case_of.method.upper() != "GET":
                continue
            checked += 1

            @given(case=case_of.as_strategy())
            @settings(
                max_examples=8,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def conforms(case: object) -> None:
                answer = case.call(base_url=base, headers={"Authorization": f"Bearer {TOKEN}"})  # type: ignore[attr-defined]
                case.validate_response(answer)  # type: ignore[attr-defined]

            conforms()
    assert checked > 20
