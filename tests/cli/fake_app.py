"""A project without a database: a fake of the app that the commands talk to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sqlpipe import app
from sqlpipe.cli.main import cli
from sqlpipe.domain.check import Check, CheckResult, NotNull, Relationships, Unique
from sqlpipe.domain.diagnostic import Diagnostic, Place, Severity, Span, SqlpipeError
from sqlpipe.domain.history import Event, NodeFinished, NodeStarted, RunFinished, RunStarted, State
from sqlpipe.domain.interval import Interval
from sqlpipe.domain.names import TableName
from sqlpipe.domain.plan import Change, Plan, Step
from sqlpipe.domain.project import CheckQuery, Column, Incremental, Kind, Node, Project, Source, Table, TimeColumn, View
from sqlpipe.domain.query import Query
from sqlpipe.domain.schedule import Pipeline

NOW = datetime.fromisoformat("2026-03-03T07:00")


def node(name: str, kind: Kind, *parents: str, **more: Any) -> Node:
    path = f"models/{name.replace('.', '/')}.sql"
    return Node(TableName.parse(name), path, kind, "digest", parents=tuple(map(TableName.parse, parents)), **more)


UNIQUE = Check(Unique(("order_id",)), "unique(order_id)", Place(6, 3))
NODES = (
    node("raw.orders", Source()),
    node("staging.orders", View(), "raw.orders"),
    node("staging.customers", Table(), description="one row for each customer", tags=frozenset({"crm", "finance"})),
    node(
        "marts.customers", Table(), "staging.customers", checks=(Check(NotNull(("id",)), "not_null(id)", Place(1, 1)),)
    ),
    node(
        "marts.orders",
        Incremental(TimeColumn("ordered_at")),
        "staging.orders",
        "staging.customers",
        query=Query("digest", columns=("order_id", "ordered_at")),
        columns=(Column("order_id", "as the shop counts"),),
        checks=(UNIQUE,),
    ),
    node("marts.revenue", Table(), "marts.orders"),
    node("checks.balance", CheckQuery(UNIQUE), "marts.orders"),
)
BY_NAME = {str(each.name): each for each in NODES}

UNKNOWN_COLUMN = Diagnostic(
    code="SP201",
    message="unknown column `nmae` in staging.customers",
    span=Span(
        "models/marts/orders.sql",
        Place(3, 7, 4),
        ((2, "    o.order_id,"), (3, "    c.nmae as customer,"), (4, "    sum(l.amount) as revenue")),
    ),
    label="not a column of `c`",
    help="did you mean `name`?",
    notes=("staging.customers has customer_id, name, country, created_at",),
)
CHECK_FAILED = Diagnostic(
    code="SP402",
    message="`unique` fails for order_id: 3 of 12,480 rows",
    span=Span("models/marts/orders.sql", Place(6, 3, 8), ((6, "  order_id: [unique, not null]"),)),
    label="3 values occur twice",
    help="see them with `sqlpipe show marts.orders --failed`",
)
NO_PROFILE = Diagnostic(code="SP108", message="no profiles.yml found", notes=("looked for ./profiles.yml",))


@dataclass
class FakeApp:
    """Answers as the app would, and remembers what it was asked."""

    events: tuple[Event, ...] = ()
    made: Plan = field(default_factory=lambda: Plan("dev", "shop.duckdb", ()))
    findings: tuple[app.Finding, ...] = ()
    rows: app.Rows = field(default_factory=lambda: app.Rows((), (), [], more=False))
    nodes: tuple[Node, ...] = NODES
    errors: tuple[Diagnostic, ...] = ()
    error_code: int = 1
    profile_errors: tuple[Diagnostic, ...] = ()
    bug: Exception | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    Selection = app.Selection
    Patience = app.Patience

    def find_root(self, start: Path) -> Path:
        self.asked["start"] = start
        return start

    def open_workspace(
        self, root: Path, *, target: str | None = None, profiles: str | None = None, with_profile: bool = True
    ) -> app.Workspace:
        self.asked |= {"root": root, "target": target, "profiles": profiles, "with_profile": with_profile}
        if self.bug:
            raise self.bug
        complaints = self.errors + (self.profile_errors if with_profile else ())
        if complaints:
            raise SqlpipeError(*complaints, exit_code=self.error_code)
        project = Project("shop", str(root), {each.key: each for each in self.nodes})
        return app.Workspace(root, project, None, None, NOW)  # type: ignore[arg-type]

    def pipeline_named(self, _workspace: app.Workspace, name: str) -> Pipeline:
        return Pipeline(name, Place(1, 1), ("tag:nightly",), ("marts.revenue",))

    def select(self, _workspace: app.Workspace, selection: app.Selection) -> tuple[Node, ...]:
        self.asked["selection"] = selection
        return self.nodes

    def plan(self, _workspace: app.Workspace, selection: app.Selection, *, full_refresh: bool = False) -> Plan:
        self.asked |= {"selection": selection, "full_refresh": full_refresh}
        return self.made

    def run(
        self,
        _workspace: app.Workspace,
        selection: app.Selection,
        *,
        on_event: Callable[[Event], None],
        stop: threading.Event,
        **how: Any,
    ) -> RunFinished:
        self.asked |= {"selection": selection, "how": how, "stop": stop}
        for event in self.events:
            on_event(event)
        last = self.events[-1]
        assert isinstance(last, RunFinished)
        return last

    def lineage(self, _workspace: app.Workspace, name: str, depth: int | None = None) -> app.Lineage:
        self.asked["depth"] = depth
        raw = app.Branch(BY_NAME["raw.orders"], (), False)
        customers = app.Branch(BY_NAME["staging.customers"], (), False)
        orders = app.Branch(BY_NAME["staging.orders"], (raw,), False)
        above = (orders, customers, app.Branch(BY_NAME["raw.orders"], (), True))
        below = (app.Branch(BY_NAME["marts.revenue"], (), False),)
        return app.Lineage(BY_NAME[name], above, below if name == "marts.orders" else ())

    def render(self, _workspace: app.Workspace, name: str) -> str:
        return f"select *\nfrom {name}\n"

    def show(self, _workspace: app.Workspace, **what: Any) -> app.Rows:
        self.asked |= what
        return self.rows

    def doctor(self, _root: Path, *, target: str | None, profiles: str | None) -> tuple[app.Finding, ...]:
        self.asked |= {"target": target, "profiles": profiles}
        return self.findings


def invoke(*arguments: str, charset: str = "utf-8", **environment: str) -> Result:
    """Run a command as a shell would."""
    return CliRunner(charset=charset, env=environment).invoke(cli, arguments)


def transcript(result: Result) -> str:
    """Everything a command said, with its exit code, as a golden file holds it."""
    parts = [f"exit {result.exit_code}", "--- stdout", result.stdout.rstrip("\n")]
    if result.stderr:
        parts += ["--- stderr", result.stderr.rstrip("\n")]
    return "\n".join(parts) + "\n"


def finished(
    name: str, state: State = State.DONE, action: str = "", rows: int | None = None, **more: Any
) -> NodeFinished:
    kind = BY_NAME[name].kind_name
    return NodeFinished(run="r1", at=NOW, node=name, kind=kind, state=state, action=action, rows=rows, **more)


def ended(seconds: float, *, interrupted: bool = False, **counts: int) -> RunFinished:
    return RunFinished(run="r1", at=NOW, seconds=seconds, counts=counts, interrupted=interrupted)


def begun(nodes: int = 6) -> RunStarted:
    return RunStarted(run="r1", at=NOW, target="dev", database="shop.duckdb", nodes=nodes, threads=4)


def mixed_run() -> tuple[Event, ...]:
    """A run in which every ending occurs."""
    warning = Check(
        Relationships(("id",), "raw.orders", ("customer_id",)),
        "relationships(id -> raw.orders.customer_id)",
        Place(3, 5),
        severity=Severity.WARNING,
    )
    held = Check(NotNull(("id",)), "not_null(id)", Place(2, 5))
    checks = (CheckResult(warning, 50, 4102, note="21 different values"), CheckResult(held, 0, 4102))
    return (
        begun(),
        NodeStarted(run="r1", at=NOW, node="staging.orders", kind="view"),
        finished("staging.orders", action="view", seconds=0.01),
        finished("staging.customers", action="table", rows=4102, seconds=0.3),
        finished("marts.customers", action="table", rows=4102, seconds=0.4, checks=checks),
        finished(
            "marts.orders",
            State.FAILED,
            "incremental",
            seconds=0.2,
            detail="check failed; live table left as it was",
            checks=(CheckResult(UNIQUE, 3, 12480),),
            diagnostics=(CHECK_FAILED,),
        ),
        finished("marts.revenue", State.BLOCKED, detail="waits for marts.orders"),
        finished("checks.balance", State.UNCHANGED),
        ended(1.9, done=3, failed=1, blocked=1, unchanged=1),
    )


def some_plan() -> Plan:
    days = (Interval(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-03-03")),)
    steps = (
        Step(BY_NAME["raw.orders"], Change.DUE, "due since 06:00", "read rows after 2026-03-01 06:00"),
        Step(BY_NAME["staging.orders"], Change.EDITED, "sql changed", "replace view", frozenset({"raw.orders"})),
        Step(BY_NAME["staging.customers"], Change.UNCHANGED, "", ""),
        Step(
            BY_NAME["marts.orders"],
            Change.DATA,
            "parent changed",
            "rebuild 61 days",
            frozenset({"staging.orders", "staging.customers"}),
            "select 1",
            days,
        ),
        Step(BY_NAME["marts.revenue"], Change.NEW, "new", "build table", frozenset({"marts.orders"})),
        Step(BY_NAME["checks.balance"], Change.MAYBE, "if marts.orders changes", "check", frozenset({"marts.orders"})),
    )
    return Plan("dev", "shop.duckdb", steps)
