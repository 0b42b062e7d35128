/* sqlpipe
kind: ingest
description: The airports, compared as a whole with what is held.
from: airports_db
cursor: full
key: [faa]
write: merge
deletes: hard
columns:
  faa: {description: FAA code of the airport}
  name: {description: name of the airport}
  lat: {description: degrees of latitude}
  lon: {description: degrees of longitude}
  alt: {description: altitude in feet}
  tzone: {description: name of its time zone}
checks:
  - not_null: [faa, name]
  - unique: faa
*/
select
    faa,
    name,
    lat,
    lon,
    alt,
    tzone
from airports
