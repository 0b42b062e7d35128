/* sqlpipe
kind: ingest
description: The airlines, compared as a whole with what is held.
from: airports_db
cursor: full
key: [carrier]
write: merge
deletes: hard
columns:
  carrier: {description: two-letter code of the airline}
  name: {description: name of the company}
checks:
  - not_null: [carrier, name]
  - unique: carrier
*/
select
    carrier,
    name
from airlines
