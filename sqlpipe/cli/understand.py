"""The commands that look and change nothing: `check`, `plan`, `list`, `lineage`, `render`, `show`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sqlpipe import app
from sqlpipe.cli import plan_text, rows_text
from sqlpipe.cli.asked import NODE, Where, face, located, patient, running, selecting
from sqlpipe.cli.look import Look, align, count, tame
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.dashboard import Dashboard
from sqlpipe.domain.diagnostic import Diagnostic, Severity, SqlpipeError, did_you_mean
from sqlpipe.domain.plan import Plan, Step
from sqlpipe.domain.project import CheckQuery, Node, Project, Source
from sqlpipe.plan.decide import is_idle

# A project can be checked where nobody has set up a database, so what is missing there is no mistake in it.
_ABOUT_PROFILES = ("SP108", "SP109")


@click.command("check", short_help="Find every mistake that can be found without a database.")
@located
@face
def check(terminal: Terminal, where: Where) -> int:
    """Find every mistake that can be found without a database.

    Reads the whole project: settings, headers, SQL, names of tables and columns, cycles. All mistakes are told at
    once. Exit code 1 if there are any.
    """
    try:
        workspace = _open_without_need(where)
    except SqlpipeError as error:
        if not terminal.as_json:
            terminal.complain(error.diagnostics)
            terminal.say()
        _conclude_check(terminal, {}, error.diagnostics)
        return error.exit_code
    _conclude_check(terminal, _kinds(tuple(workspace.project.nodes.values())), ())
    return 0


def _open_without_need(where: Where) -> app.Workspace:
    """Open with the profile, so that its mistakes are found too, or without it where there is none."""
    try:
        return open_asked(where)
    except SqlpipeError as error:
        asked_for = where.target or where.profiles
        if asked_for or not all(each.code in _ABOUT_PROFILES for each in error.diagnostics):
            raise
    return open_asked(where, with_profile=False)


def _kinds(nodes: Sequence[Node]) -> dict[str, int]:
    sources = sum(isinstance(node.kind, Source) for node in nodes)
    queries = sum(isinstance(node.kind, CheckQuery) for node in nodes)
    tasks = sum(map(plan_text.is_errand, nodes))
    dashboards = sum(isinstance(node.kind, Dashboard) for node in nodes)
    return {
        "models": len(nodes) - sources - queries - tasks - dashboards,
        "sources": sources,
        "checks": plan_text.checks_of(nodes),
        "tasks": tasks,
        "dashboards": dashboards,
    }


def _conclude_check(terminal: Terminal, counts: dict[str, int], diagnostics: Sequence[Diagnostic]) -> None:
    errors = sum(each.severity is Severity.ERROR for each in diagnostics)
    warnings = len(diagnostics) - errors
    if terminal.as_json:
        terminal.document({**counts, "errors": errors, "warnings": warnings, "diagnostics": diagnostics})
        return
    if terminal.quiet:
        return
    held = ", ".join(count(number, noun[:-1]) for noun, number in counts.items() if number or noun == "models")
    files = len({each.span.file for each in diagnostics if each.span})
    told = count(errors, "error") if errors else "no errors"
    told += f" in {count(files, 'file')}" if files else ""
    told += f", {count(warnings, 'warning')}" if warnings else ""
    terminal.put(f"{held}: {told}" if held else told)


@click.command("plan", short_help="Show what a run would do, and why.")
@click.option("--why", type=NODE, metavar="NODE", help="Tell why this node is, or is not, in the plan.")
@selecting
@running
@located
@face
@patient
def plan(
    terminal: Terminal,
    where: Where,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    why: str | None,
    **how: object,
) -> int:
    """Show what a run would do, and why; changes nothing.

    + is new, ~ has changed, a dot means that a source is looked at first or that the step depends on what comes
    before it. --threads and --fail-fast are taken so that a command for `run` can be tried as a plan.
    """
    workspace = open_asked(where)
    made = app.plan(workspace, app.Selection(select, exclude), full_refresh=bool(how["full_refresh"]))
    if why is not None:
        return _tell_why(terminal, made, why, workspace.project)
    if terminal.as_json:
        terminal.document(plan_text.plan_document(made))
        return 0
    lines = plan_text.plan_lines(made, terminal.out, verbose=terminal.verbose)
    if not terminal.quiet:
        terminal.put(plan_text.plan_head(made, terminal.out))
        terminal.put()
    for line in lines:
        terminal.put(line)
    if not terminal.quiet:
        if lines:
            terminal.put()
        terminal.put(plan_text.plan_summary(made))
    return 0


def _tell_why(terminal: Terminal, made: Plan, name: str, project: Project) -> int:
    step = _step_named(made, name, project)
    if terminal.as_json:
        terminal.document(plan_text.plan_document(Plan(made.target, made.database, (step,))))
        return 0
    for line in plan_text.why_lines(made, step, terminal.out):
        terminal.put(line)
    return 0


def _step_named(made: Plan, name: str, project: Project) -> Step:
    """The step of a node, by its whole name or by its last part where that is enough."""
    wanted = name.casefold()
    found = [step for step in made.steps if step.node.key == wanted]
    found = found or [step for step in made.steps if step.node.name.name.casefold() == wanted]
    if len(found) == 1:
        return found[0]
    names = [str(step.node.name) for step in found or made.steps]
    idle = project.nodes.get(wanted)
    if idle is not None and is_idle(idle):
        message = f"a run has nothing to do for {idle.name}, which is of kind `{idle.kind_name}`"
        raise SqlpipeError(Diagnostic(code="SP302", message=message, help="no rows of it are kept"), exit_code=2)
    help_line = f"say which: {', '.join(names)}" if found else did_you_mean(name, names)
    message = f"`{name}` is the name of several nodes" if found else f"no node `{name}` in this plan"
    raise SqlpipeError(Diagnostic(code="SP302", message=message, help=help_line), exit_code=2)


@click.command("list", short_help="List the nodes of the project.")
@selecting
@located
@face
@patient
def list_nodes(terminal: Terminal, where: Where, select: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """List the nodes of the project in the order in which they are built.

    \b
      sqlpipe list -s "tag:finance +marts.revenue"
      sqlpipe list --json | jq -r '.[].name'
    """  # noqa: D301 - click reads the backspace
    # Which nodes failed is known to the database only; nothing else here needs one.
    needs_database = any("failed" in words for words in (*select, *exclude))
    nodes = app.select(open_asked(where, with_profile=needs_database), app.Selection(select, exclude))
    if terminal.as_json:
        terminal.document([_listed(node) for node in nodes])
        return 0
    names = [str(node.name) for node in nodes]
    if terminal.quiet:
        lines = names
    else:
        lines = align([(name, node.kind_name, _aside(node)) for name, node in zip(names, nodes, strict=True)])
    for name, line in zip(names, lines, strict=True):
        terminal.put(terminal.out.paint(name, "bold") + line[len(name) :])
    return 0


def _aside(node: Node) -> str:
    tags = " ".join(f"#{tag}" for tag in sorted(node.tags))
    return tame("  ".join(part for part in (tags, node.description.split("\n", 1)[0]) if part))


def _listed(node: Node) -> dict[str, object]:
    described = {column.name.casefold(): column for column in node.columns}
    names = (node.query.columns if node.query else None) or tuple(column.name for column in node.columns)
    columns = [
        {"name": name, "description": described[name.casefold()].description if name.casefold() in described else ""}
        for name in names
    ]
    return {
        "name": str(node.name),
        "kind": node.kind_name,
        "path": node.path,
        "parents": [str(parent) for parent in node.parents],
        "tags": node.tags,
        "description": node.description,
        "columns": columns,
    }


@click.command("lineage", short_help="Show what a node reads and what reads it.")
@click.argument("name", metavar="NODE", type=NODE)
@click.option("--depth", type=click.IntRange(1), metavar="N", help="How many steps to go; all without it.")
@located
@face
def lineage(terminal: Terminal, where: Where, name: str, depth: int | None) -> int:
    """Show what a node reads, as a tree, and what reads it."""
    found = app.lineage(open_asked(where, with_profile=False), name, depth)
    if terminal.as_json:
        upstream, downstream = (
            [_branch_document(each) for each in side] for side in (found.upstream, found.downstream)
        )
        terminal.document({"name": str(found.node.name), "upstream": upstream, "downstream": downstream})
        return 0
    rows = [(str(found.node.name), found.node.kind_name), *_tree(found.upstream, terminal.out)]
    below = _tree(found.downstream, terminal.out)
    lines = align([*rows, *below])
    head = str(found.node.name)
    terminal.put(terminal.out.paint(head, "bold") + lines[0][len(head) :])
    for line in lines[1 : len(rows)]:
        terminal.put(line)
    if below:
        terminal.put("used by")
        for line in lines[len(rows) :]:
            terminal.put(line)
    elif not terminal.quiet:
        terminal.put("used by nothing")
    return 0


def _tree(branches: Sequence[app.Branch], look: Look, indent: str = "") -> list[tuple[str, str]]:
    """Lines of a tree as (drawn name, kind); what has been drawn before is not drawn again."""
    rows = []
    for branch in branches:
        last = branch is branches[-1]
        aside = branch.node.kind_name + (", see above" if branch.repeated else "")
        rows.append((f"{indent}{look.symbol('└─' if last else '├─')} {branch.node.name}", aside))
        rows += _tree(branch.children, look, indent + ("   " if last else f"{look.symbol('│')}  "))
    return rows


def _branch_document(branch: app.Branch) -> dict[str, object]:
    children = [_branch_document(each) for each in branch.children]
    return {
        "name": str(branch.node.name),
        "kind": branch.node.kind_name,
        "repeated": branch.repeated,
        "children": children,
    }


@click.command("render", short_help="Print the SQL of a node as it runs.")
@click.argument("name", metavar="NODE", type=NODE)
@located
@face
def render(terminal: Terminal, where: Where, name: str) -> int:
    """Print the SQL of a node as it runs, to be tried by hand; of a task what it does, as it is written."""
    sql = app.render(open_asked(where, with_profile=False), name)
    if terminal.as_json:
        terminal.document({"name": name, "sql": sql})
    else:
        terminal.put(sql.rstrip("\n"))
    return 0


@click.command("show", short_help="Show rows of a node or of a query.")
@click.argument("name", metavar="[NODE]", type=NODE, required=False)
@click.option("--sql", metavar="QUERY", help="Show the rows of this query.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="How many rows.")
@click.option("--failed", is_flag=True, help="Show rows that failed the node's last check.")
@located
@face
@patient
def show(terminal: Terminal, where: Where, name: str | None, **what: object) -> int:
    """Show rows of a node, of a query, or those that failed a check."""
    sql, limit, failed = what["sql"], what["limit"], bool(what["failed"])
    if (name is None) == (sql is None):
        raise click.UsageError("Name a node or give a query with --sql, one of the two.")
    if failed and name is None:
        raise click.UsageError("--failed needs the name of a node.")
    asked = {"name": name, "sql": sql, "limit": limit, "failed": failed}
    rows = app.show(open_asked(where), **asked)  # type: ignore[arg-type]
    if terminal.as_json:
        columns = [{"name": each, "type": kind} for each, kind in zip(rows.columns, rows.types, strict=True)]
        terminal.document({"columns": columns, "rows": rows_text.plain(rows.rows), "more": rows.more})
        return 0
    for line in rows_text.table(rows.columns, rows.types, rows.rows, terminal.out):
        terminal.put(line)
    if not rows.rows:
        terminal.say("no rows")
    elif rows.more:
        terminal.say(f"the first {count(len(rows.rows), 'row')}; more with --limit")
    return 0


COMMANDS = {
    "check": check,
    "plan": plan,
    "list": list_nodes,
    "lineage": lineage,
    "render": render,
    "show": show,
}
