/* sqlpipe
description: paid orders, with the name of the country
checks:
  - unique: order_id
  - relationships: {column: country_code, to: seeds.countries, field: code}
  - range: {column: amount, min: 0}
*/
select
    o.order_id,
    cast(o.ordered_at as timestamp) as ordered_at,
    o.country as country_code,
    c.name as country,
    cast(o.amount as decimal(12, 2)) as amount
from raw.orders as o
left join seeds.countries as c on c.code = o.country
where o.status = 'paid'
