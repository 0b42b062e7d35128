/* sqlpipe
description: orders as the shop exports them, one file a month
kind: ingest
from: data/orders/*.csv
key: order_id
checks:
  - not_null: [order_id, ordered_at]
*/
select * from source
