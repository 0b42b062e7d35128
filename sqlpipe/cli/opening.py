"""From what the command line asks for to a workspace."""

from __future__ import annotations

from dataclasses import replace

from sqlpipe import app
from sqlpipe.cli.asked import Where


def open_asked(where: Where, *, with_profile: bool = True) -> app.Workspace:
    """The workspace of the project in or above the folder that was asked for."""
    root = app.find_root(where.project)
    opened = app.open_workspace(root, target=where.target, profiles=where.profiles, with_profile=with_profile)
    return replace(opened, patience=app.Patience(where.wait, where.tell))
