"""All pages that there are."""

from __future__ import annotations

from sqlpipe.web.page import Page
from sqlpipe.web.pages import (
    catalog,
    checks,
    dashboard,
    dashboards,
    graph,
    node,
    patterns,
    query,
    run,
    runs,
    schedule,
    search,
    sources,
    today,
)

PAGES: tuple[Page, ...] = (
    *today.PAGES,
    *graph.PAGES,
    *catalog.PAGES,
    *node.PAGES,
    *checks.PAGES,
    *sources.PAGES,
    *run.PAGES,
    *runs.PAGES,
    *schedule.PAGES,
    *query.PAGES,
    *dashboards.PAGES,
    *dashboard.PAGES,
    *search.PAGES,
    *patterns.PAGES,
)
BY_NAME = {each.name: each for each in PAGES}
