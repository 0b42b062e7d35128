"""The command that publishes: `site`."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from sqlpipe.cli.asked import Where, face, located, patient
from sqlpipe.cli.journaled import journaled
from sqlpipe.cli.look import count
from sqlpipe.cli.opening import open_asked
from sqlpipe.cli.terminal import Terminal
from sqlpipe.web.site import write_site


@click.command("site", short_help="Write all pages and dashboards as files, for any web server.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--runs", type=click.IntRange(0, 1000), default=30, show_default=True, metavar="N", help="How many runs to show."
)
@located
@face
@patient
@journaled
def site(terminal: Terminal, where: Where, out: Path, runs: int) -> int:
    """Write all pages and dashboards as files, for any web server.

    Links are relative, nothing is loaded from elsewhere, and filters of dashboards work in the browser. The new site
    takes the place of the old one at the end. A folder with other things in it is left alone.

    \b
      sqlpipe site public
      sqlpipe site public --runs 100
    """  # noqa: D301 - click reads the backspace
    workspace = open_asked(where)
    # The project stays to the end; to look for garbage in it again and again takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    written = write_site(workspace, out, runs=runs)
    if written.problem is not None:
        terminal.complain((written.problem,))
    if terminal.as_json:
        terminal.document(written)
    elif not terminal.quiet:
        size = written.bytes / 2**20
        terminal.put(f"{count(written.pages, 'page')} ({size:.1f} MiB) in {written.folder}; open {out / 'index.html'}")
    return 0


COMMANDS = {"site": site}
