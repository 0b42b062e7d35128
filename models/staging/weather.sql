/* sqlpipe
kind: incremental
description: Hourly weather at the three airports, with impossible readings taken out.
time: {column: observed_date, grain: day}
columns:
  observed_date: {description: "day of the observation on the airport's clock"}
  observed_at: {description: hour of the observation as an instant}
  observed_local: {description: "hour of the observation on the airport's clock; comes twice when summer time ends"}
  airport: {description: FAA code}
  temperature_f: {description: degrees Fahrenheit}
  dew_point_f: {description: degrees Fahrenheit}
  humidity: {description: percent}
  wind_from: {description: direction in degrees}
  wind_mph: {description: miles per hour}
  gust_mph: {description: miles per hour; NULL without gusts}
  precipitation_in: {description: inches in the hour}
  pressure_hpa: {description: hectopascals at sea level}
  visibility_mi: {description: miles; 10 is the most that is reported}
checks:
  - not_null: [observed_date, observed_at, observed_local, airport]
  - unique: [airport, observed_at]
  - range: {column: wind_mph, min: 0, max: 200}
*/
select
    w.observed_date,
    w.time_hour as observed_at,
    w.time_hour at time zone a.tzone as observed_local,
    w.origin as airport,
    w.temp as temperature_f,
    w.dewp as dew_point_f,
    w.humid as humidity,
    cast(w.wind_dir as integer) as wind_from,
    case when w.wind_speed <= 200 then w.wind_speed end as wind_mph,
    w.wind_gust as gust_mph,
    w.precip as precipitation_in,
    w.pressure as pressure_hpa,
    w.visib as visibility_mi
from raw.weather as w
left join staging.airports as a on a.airport = w.origin
