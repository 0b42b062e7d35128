"""Built projects and their pages: a shop that is well, one with a failing check, one with hostile names and texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlpipe.app.surveying import Survey, survey_or_problem
from sqlpipe.app.workspace import Workspace
from sqlpipe.load.secret import Secret
from sqlpipe.web.api import application
from sqlpipe.web.guard import Policy
from sqlpipe.web.links import ServedLinks
from sqlpipe.web.pages.every import BY_NAME
from sqlpipe.web.route import House
from sqlpipe.web.scene import Scene
from tests.shop import PROFILES, Shop
from tests.web.fake_office import Client, FakeOffice, FakeScheduler

if TYPE_CHECKING:
    import httpx

SCRIPT = "<script>alert(1)</script>"
EVIL = f"{SCRIPT} \"quoted\" 'quoted' javascript:alert(2) {{{{ 7 * 7 }}}} &amp; 🛢"

# Files of models may be called so, apart from what Windows does not take; nodes are called like their files.
ODD_NAMES = (f"a {SCRIPT.replace('/', '')} 'b' \"c\"", "CON", "con.", "x#y?z%2f", "b\\up", "Ünï", "javascript:alert(3)")

SETTINGS = """
name: shop
pipelines:
  nightly:
    description: what came in yesterday
    schedule: "0 6 * * *"
  by_hand:
    select: marts.revenue
"""


@dataclass
class Gallery:
    """The pages of a project as a server shows them; what is asked of them is answered in this process.

    `act` says that who looks may change something. The survey is looked up once; `fresh` has it looked up anew.
    """

    project: Shop
    act: bool = False
    policy: Policy = field(default_factory=Policy)
    office: FakeOffice = field(default_factory=FakeOffice)
    alter: Callable[[Scene], Scene] = field(default=lambda scene: scene)

    @cached_property
    def workspace(self) -> Workspace:
        return self.project.open()

    @cached_property
    def survey(self) -> Survey:
        return survey_or_problem(self.workspace)

    @cached_property
    def client(self) -> Client:
        return Client(application(House(self.office, FakeScheduler(), self.policy, scene=self.scene)))

    def scene(self, may_act: bool = False) -> Scene:
        may_act = may_act or self.act
        return self.alter(
            Scene(
                workspace=self.workspace,
                survey=self.survey,
                now=self.workspace.now.replace(tzinfo=UTC),
                links=ServedLinks(BY_NAME),
                may_act=may_act,
                role="operator" if may_act else "viewer",
            )
        )

    def fresh(self) -> Gallery:
        """The same project, looked at again."""
        return Gallery(self.project, self.act, self.policy, self.office, self.alter)

    def acting(self) -> Gallery:
        """The same, for one who may change something."""
        return replace(self, act=True, policy=Policy(token=Secret(), local_writes=True))

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return self.client.post(path, json={} if body is None else body, headers=headers)

    def json(self, path: str) -> Any:
        """The twin of a page, which is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return answer.json()

    def html(self, path: str) -> str:
        """A page, which is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        assert answer.headers["content-type"].startswith("text/html")
        return answer.text


def well_built(root: Path) -> Shop:
    """A small shop with every kind of node; built twice, the second time with a day more."""
    shop = Shop(root)
    shop.write("sqlpipe.yml", SETTINGS)
    _write_models(shop)
    shop.crm(
        "create table customers (id integer primary key, name text, country text)",
        "insert into customers values (1, 'Ann', 'de'), (2, 'Bo', 'fr'), (3, 'Cy', 'de')",
    )
    shop.land("landing/orders/2024-03-08.csv", "id,day,customer,amount\n1,2024-03-08,1,10.5\n2,2024-03-08,2,20\n")
    shop.well()
    shop.land("landing/orders/2024-03-09.csv", "id,day,customer,amount\n3,2024-03-09,3,5\n4,2024-03-09,1,7.25\n")
    shop.well()
    return shop


def failing(root: Path) -> Shop:
    """The same shop after a run in which a check failed, so that what is behind it was blocked."""
    shop = well_built(root)
    shop.land("landing/orders/2024-03-10.csv", "id,day,customer,amount\n5,2024-03-10,1,-3\n6,2024-03-10,2,-4\n")
    ran = shop.run()
    assert ran.states["staging.orders"] == "failed"
    return shop


def hostile(root: Path) -> Shop:
    """A project in which every name and text that may be anything is as bad as can be, and fails as well."""
    shop = Shop(root)
    said = EVIL.replace("'", "''")
    shop.write(
        "sqlpipe.yml",
        f"name: 'shop {said}'\npipelines:\n  'nightly {said}':\n    description: '{said}'\n    schedule: '0 6 * * *'\n",
    )
    shop.write("profiles.yml", PROFILES.replace("shop:", f"'shop {said}':", 1))
    for name in ODD_NAMES:
        shop.write(f"models/odd/{name}.sql", _odd_model(f"kind: table\ncolumns:\n  'id {_QUOTED}': '{_QUOTED}'"))
    values = "checks:\n  - accepted_values: {column: text, values: [a]}"
    shop.write("models/odd/broken.sql", _odd_model(f"kind: table\n{values}"))
    shop.run()
    return shop


# In SQL braces would be a template.
_EVIL_SQL = EVIL.replace("{", "").replace("}", "")
_QUOTED = _EVIL_SQL.replace("'", "''")


def _odd_model(header: str) -> str:
    column = f"id {_EVIL_SQL}".replace('"', '""')
    return (
        f"/* sqlpipe\n{header}\ndescription: '{_QUOTED}'\n*/\n-- {_EVIL_SQL}\n"
        f"select 1 as \"{column}\", '{_QUOTED}' as text\n"
    )


def _write_models(shop: Shop) -> None:
    shop.write("seeds/ref/countries.csv", "code,name\nde,Germany\nfr,France\n")
    shop.model(
        "raw.orders",
        "kind: ingest\nfrom: landing/orders/*.csv\ncursor: files",
        "select id::int as id, day::date as day, customer, amount from source",
    )
    shop.model(
        "raw.customers", "kind: ingest\nfrom: crm\ncursor: full\nkey: id", "select id, name, country from customers"
    )
    shop.model(
        "staging.orders",
        "kind: table\ndescription: Orders as they came.\ntags: [staging]\ncolumns:\n  amount: in euro\n"
        "checks:\n  - not_null: id\n  - unique: id\n  - expression: amount >= 0\n    name: amount_is_positive",
        "select id, day::date as day, customer, amount::decimal(10, 2) as amount\nfrom raw.orders",
    )
    shop.model("staging.customers", "", "select id, name, country from raw.customers")
    shop.model("staging.names", "kind: embedded", "select code, name as country_name from ref.countries")
    shop.model(
        "marts.revenue",
        "kind: table\ndescription: |\n  Revenue of each country and day.\n\n  In **euro**.",
        "select o.day, n.country_name, sum(o.amount) as revenue\nfrom staging.orders as o\n"
        "join staging.customers as c on c.id = o.customer\njoin staging.names as n on n.code = c.country\n"
        "group by all",
    )
    shop.model(
        "marts.daily",
        "kind: incremental\ntime: {column: day, grain: day}",
        "select day, count(*) as orders from staging.orders group by all",
    )
