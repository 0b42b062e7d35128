/* sqlpipe
kind: table
description: Airports with their time zone, those included that the source does not have.
columns:
  airport: {description: FAA code}
  name: {description: name of the airport}
  latitude: {description: degrees north}
  longitude: {description: degrees east}
  altitude_ft: {description: altitude in feet}
  tzone: {description: name of its time zone}
  in_source: {description: "false for those added by hand (seeds/airports_missing.csv)"}
checks:
  - unique: airport
  - not_null: [airport, name, in_source]
  # Three small airports have none; no flight from New York goes there.
  - not_null: tzone
    tolerance: 3
*/
select
    faa as airport,
    name,
    lat as latitude,
    lon as longitude,
    alt as altitude_ft,
    tzone,
    true as in_source
from raw.airports

union all

select
    missing.airport,
    missing.name,
    missing.latitude,
    missing.longitude,
    missing.altitude_ft,
    missing.tzone,
    false as in_source
from seeds.airports_missing as missing
where missing.airport not in (select faa from raw.airports)
