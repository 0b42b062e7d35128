/* sqlpipe
description: revenue by day and country
kind: table
tags: [finance]
checks:
  - unique: [day, country]
  - not_null: country
columns:
  revenue: sum of the amounts of paid orders
*/
select
    cast(ordered_at as date) as day,
    country,
    count(*) as orders,
    sum(amount) as revenue
from staging.orders
group by all
