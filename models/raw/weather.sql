/* sqlpipe
kind: ingest
description: Hourly weather as delivered, one file a day, merged by airport and hour.
from: landing/weather/*.parquet
cursor: files
# By the instant, not by the clock: on November 3 the hour from 1 to 2 came twice.
key: [origin, time_hour]
write: merge
time: {column: observed_date, grain: day}
columns:
  observed_date: {description: "day of the observation on the airport's clock"}
  time_hour: {description: hour of the observation as an instant}
  origin: {description: FAA code of the airport}
  temp: {description: temperature in degrees Fahrenheit}
  dewp: {description: dew point in degrees Fahrenheit}
  humid: {description: relative humidity in percent}
  wind_dir: {description: direction the wind comes from in degrees}
  wind_speed: {description: wind in miles per hour}
  wind_gust: {description: gusts in miles per hour; NULL without gusts}
  precip: {description: rain or melted snow of the hour in inches}
  pressure: {description: pressure at sea level in millibars}
  visib: {description: visibility in miles; 10 is the most that is reported}
checks:
  - not_null: [observed_date, time_hour, origin]
  - unique: [origin, time_hour]
  - accepted_values: {column: origin, values: [EWR, JFK, LGA]}
  - range: {column: visib, min: 0, max: 10}
  # One reading at Newark, on February 12, says 1,048 miles per hour.
  - range: {column: wind_speed, min: 0, max: 200}
    severity: warn
*/
select
    make_date(year, month, day) as observed_date,
    time_hour,
    origin,
    temp,
    dewp,
    humid,
    wind_dir,
    wind_speed,
    wind_gust,
    precip,
    pressure,
    visib
from source
