"""The SQL of synthetic models: every layer reads and gives the columns id, store_id, day, amount, quantity, label.

Amounts are decimals, so that sums do not depend on the order in which rows come.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

SOURCE = """\
select
    cast(id as integer) as id,
    cast(store_id as integer) as store_id,
    cast(day as date) as day,
    cast(amount as decimal(18, 2)) as amount,
    cast(quantity as integer) as quantity,
    cast(label as varchar) as label
from (
    values
        {rows}
) as held (id, store_id, day, amount, quantity, label)
"""

STAGING = """\
with entered as (
    select
        id,
        store_id,
        day,
        amount,
        coalesce(quantity, 0) as quantity,
        lower(trim(label)) as label
    from {parent}
    where amount > {least}
),

ranked as (
    select
        id,
        store_id,
        day,
        amount,
        quantity,
        label,
        row_number() over (partition by id order by day desc, amount desc) as place
    from entered
),
{stores}
banded as (
    select
        ranked.id,
        ranked.store_id,
        ranked.day,
        ranked.amount,
        ranked.quantity,
        ranked.label,
        case
            when ranked.amount >= {large} then 'large'
            when ranked.amount >= {medium} then 'medium'
            else 'small'
        end as band{store_column}
    from ranked{store_join}
    where ranked.place = 1
)

select
    id,
    store_id,
    day,
    amount,
    quantity,
    label,
    band{store_output}
from banded
"""

STAGING_STORES = """
stores as (
    select store_id, count(*) as store_rows
    from entered
    group by store_id
),
"""

FIRST_INPUT = """\
with first_input as (
    select id, store_id, day, amount, quantity, label
    from {parent}
    where quantity >= {least}
),
"""

FURTHER_INPUT = """
{word}_input as (
    select id, sum(amount) as amount, max(quantity) as quantity
    from {parent}
    group by id
),
"""

INTERMEDIATE = """\
{inputs}
joined as (
    select
        first_input.id,
        first_input.store_id,
        first_input.day,
        cast({amount} as decimal(18, 2)) as amount,
        {quantity} as quantity,
        first_input.label
    from first_input{joins}
),

by_{group} as (
    select {group}, sum(amount) as group_amount, count(*) as group_rows
    from joined
    group by {group}
)

select
    joined.id,
    joined.store_id,
    joined.day,
    joined.amount,
    joined.quantity,
    joined.label,
    by_{group}.group_rows,
    {window} as {window_name},
    round(100 * joined.amount / nullif(by_{group}.group_amount, 0), 1) as share
from joined
inner join by_{group} on joined.{group} = by_{group}.{group}
"""

WINDOWS = (
    ("running_amount", "sum(joined.amount) over (partition by joined.store_id order by joined.day, joined.id)"),
    ("amount_before", "lag(joined.amount) over (partition by joined.label order by joined.day, joined.id)"),
    ("place_in_store", "rank() over (partition by joined.store_id order by joined.amount desc, joined.id)"),
    ("first_day", "min(joined.day) over (partition by joined.store_id)"),
)

MART_INPUT = """\
    select store_id, day, amount, quantity, label
    from {parent}
    where amount > {least}
"""

MART = """\
with entries as (
{inputs}),

by_group as (
    select
        store_id,
        label,
        count(*) as entry_count,
        cast(sum(amount) as decimal(18, 2)) as amount,
        cast(sum(quantity) as integer) as quantity,
        min(day) as first_day,
        max(day) as last_day
    from entries
    group by store_id, label
    having count(*) >= {fewest}
),

ranked as (
    select
        store_id,
        label,
        entry_count,
        amount,
        quantity,
        first_day,
        last_day,
        row_number() over (order by amount desc, store_id, label) as place,
        sum(amount) over (partition by store_id) as store_amount
    from by_group
)

select
    cast(place as integer) as id,
    store_id,
    last_day as day,
    amount,
    quantity,
    label,
    entry_count,
    last_day - first_day as days,
    round(amount / nullif(store_amount, 0), 3) as share
from ranked
order by place
"""


def source(rng: random.Random, labels: Sequence[str]) -> str:
    """A table of 12 to 20 literal rows; its ids are the numbers from 1."""
    rows = ",\n        ".join(_row(rng, number, labels) for number in range(1, rng.randrange(13, 22)))
    return SOURCE.format(rows=rows)


def staging(rng: random.Random, parent: str) -> str:
    """One input cleaned, with one row for each id, and a band by amount."""
    counted = rng.random() < 0.5
    return STAGING.format(
        parent=parent,
        least=rng.randrange(1, 9),
        large=rng.randrange(70, 90),
        medium=rng.randrange(30, 60),
        stores=STAGING_STORES if counted else "",
        store_column=",\n        stores.store_rows" if counted else "",
        store_join="\n    inner join stores on ranked.store_id = stores.store_id" if counted else "",
        store_output=",\n    store_rows" if counted else "",
    )


def intermediate(rng: random.Random, parents: Sequence[str]) -> str:
    """The rows of the first input, with what the others know of the same id, a window and a share of its group."""
    words = ("second", "third")[: len(parents) - 1]
    inputs = [FIRST_INPUT.format(parent=parents[0], least=rng.randrange(0, 2))]
    inputs += [FURTHER_INPUT.format(word=word, parent=parent) for word, parent in zip(words, parents[1:], strict=True)]
    window_name, window = rng.choice(WINDOWS)
    sums = [f"coalesce({word}_input.amount, 0) * 0.{rng.randrange(1, 6)}" for word in words]
    tops = [f"coalesce({word}_input.quantity, 0)" for word in words]
    return INTERMEDIATE.format(
        inputs="".join(inputs),
        amount=" + ".join(["first_input.amount", *sums]),
        quantity=f"greatest({', '.join(['first_input.quantity', *tops])})",
        joins="".join(f"\n    left join {word}_input on first_input.id = {word}_input.id" for word in words),
        group=rng.choice(("store_id", "label", "day")),
        window=window,
        window_name=window_name,
    )


def mart(rng: random.Random, parents: Sequence[str]) -> str:
    """All inputs together, by store and label."""
    inputs = "    union all\n".join(MART_INPUT.format(parent=parent, least=rng.randrange(1, 9)) for parent in parents)
    return MART.format(inputs=inputs, fewest=rng.randrange(1, 3))


def _row(rng: random.Random, number: int, labels: Sequence[str]) -> str:
    day = f"2024-{rng.randrange(1, 4):02d}-{rng.randrange(1, 29):02d}"
    amount = f"{rng.randrange(5, 120)}.{rng.randrange(100):02d}"
    return f"({number}, {rng.randrange(1, 7)}, '{day}', {amount}, {rng.randrange(1, 10)}, '{rng.choice(labels)}')"
