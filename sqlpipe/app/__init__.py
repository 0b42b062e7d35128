"""The room that knows everybody: every face calls these functions."""

from sqlpipe.app.running import run
from sqlpipe.app.workspace import (
    NO_PATIENCE,
    Branch,
    Lineage,
    Patience,
    Rows,
    Workspace,
    doctor,
    find_root,
    lineage,
    open_workspace,
    pipeline_named,
    plan,
    render,
    select,
    show,
)
from sqlpipe.graph.select import Selection
from sqlpipe.run.examine import Finding

__all__ = [
    "NO_PATIENCE",
    "Branch",
    "Finding",
    "Lineage",
    "Patience",
    "Rows",
    "Selection",
    "Workspace",
    "doctor",
    "find_root",
    "lineage",
    "open_workspace",
    "pipeline_named",
    "plan",
    "render",
    "run",
    "select",
    "show",
]
