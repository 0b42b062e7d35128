/* sqlpipe
kind: table
description: Aircraft with one spelling for each large manufacturer.
columns:
  tailnum: {description: registration}
  built: {description: year of manufacture; NULL where the register does not tell}
  manufacturer: {description: who built it}
  model: {description: "the manufacturer's name for it"}
  engines: {description: number of engines}
  seats: {description: number of seats}
checks:
  - unique: tailnum
  - not_null: [tailnum, manufacturer]
  - range: {column: built, min: 1950, max: 2013}
  - range: {column: seats, min: 1, max: 500}
*/
select
    tailnum,
    cast(year as integer) as built,
    case
        when manufacturer like 'AIRBUS%' then 'AIRBUS'
        when manufacturer like 'BOMBARDIER%' then 'BOMBARDIER'
        when manufacturer like 'CANADAIR%' then 'CANADAIR'
        when manufacturer like 'MCDONNELL DOUGLAS%' then 'MCDONNELL DOUGLAS'
        else manufacturer
    end as manufacturer,
    model,
    cast(engines as integer) as engines,
    cast(seats as integer) as seats
from raw.planes
