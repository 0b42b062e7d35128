"""Mistakes in dashboards: each is a frame in the page, all are told at once, and nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.stories.bad_project import FILES, Shop

Golden = Callable[[str, str], None]

CASES: Mapping[str, str] = {
    "dashboard_blocks": """Days with the most orders.

```sql days
select day, ordrs from marts.daily where person = :person
```
```sql more
select day, order from days join mart.daily using (day)
```
```sql
select 1 as one
```
```sql days
select {{ var('x') }} as one
```
```sql own
select * from dashboards.page, later
```
```sql later
select 1 as one
""",
    "dashboard_charts": """```chart
table: all
```
```sql days
select day, orders, amount from marts.daily
```
```chart
titl: Orders
bar: {x: day, y: [orders, amuont], format: ,.0f, x_format: "%-d"}
line: {x: day, y: orders}
width: hlaf
```
```chart
data: dyas
vega: {data: {url: https://example.org/orders.json}, mark: bar}
```
```chart
pie: {x: day}
height: tall
```
```chart
table:
  columns: {day: Day, amount: {fromat: ",d", bar: yes}}
  limit: 0
```
""",
    "dashboard_filters": """---
titel: Orders
tags: {a: b}
filters:
  Person: {search: true}
  day: {dates: true, default: [2026-01-31, 2026-01-01], column: dya}
  size: {select: sizes}
  rank: {select: [low, high], default: hihg, column: rank}
  kind: {label: Kind}
  name: {search: true}
---
```sql days
select day, orders, amount as rank from marts.daily where amount > :amount or :day is null
```
""",
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_a_frame_in_the_page(name: str, tmp_path: Path, golden: Golden) -> None:
    shop = Shop.make(tmp_path / "shop", {**FILES, "dashboards/page.md": CASES[name]})
    checked = shop.refuse("check")
    golden(f"bad_input/{name}.txt", checked.text)
    run = shop.refuse("run")
    assert run.err == checked.err.rstrip("\n") + "\n", run.text
    assert not (shop.root / "shop.duckdb").exists()
