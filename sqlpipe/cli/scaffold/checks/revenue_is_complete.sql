/* sqlpipe
description: every paid order is in the revenue
*/
select
    (select sum(amount) from staging.orders) as ordered,
    (select sum(revenue) from marts.revenue) as told
where ordered is distinct from told
