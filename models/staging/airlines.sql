/* sqlpipe
description: Airlines by their everyday name, with the group they belong to.
columns:
  carrier: {description: two-letter code}
  airline: {description: name without the legal form}
  carrier_group: {description: "network, low-cost or regional"}
checks:
  - unique: carrier
  - not_null: [carrier, airline, carrier_group]
  - accepted_values: {column: carrier_group, values: [network, low-cost, regional]}
*/
select
    a.carrier,
    regexp_replace(a.name, ' (Inc\.|Co\.|Corporation)$', '') as airline,
    g.carrier_group
from raw.airlines as a
left join seeds.carrier_groups as g on g.carrier = a.carrier
