/* sqlpipe
kind: ingest
description: The aircraft register, compared as a whole with what is held.
from: airports_db
cursor: full
key: [tailnum]
write: merge
deletes: hard
columns:
  tailnum: {description: registration of the aircraft}
  year: {description: year of manufacture}
  type: {description: kind of aircraft}
  manufacturer: {description: who built it}
  model: {description: "the manufacturer's name for it"}
  engines: {description: number of engines}
  seats: {description: number of seats}
  engine: {description: kind of engine}
checks:
  - not_null: tailnum
  - unique: tailnum
*/
select
    tailnum,
    year,
    type,
    manufacturer,
    model,
    engines,
    seats,
    engine
from planes
