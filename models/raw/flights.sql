/* sqlpipe
kind: ingest
description: Scheduled departures as delivered, one file a day; a file that is delivered again replaces its own rows.
from: landing/flights/*.parquet
cursor: files
write: append
time: {column: flight_date, grain: day}
columns:
  flight_date: {description: "day of the scheduled departure on the airport's clock"}
  time_hour: {description: hour of the scheduled departure as an instant}
  dep_time: {description: "departure as the clock at the origin read (HHMM, 2400 for midnight); NULL if cancelled"}
  sched_dep_time: {description: scheduled departure on the clock at the origin (HHMM)}
  dep_delay: {description: minutes late at departure; negative for early}
  arr_time: {description: arrival as the clock at the destination read (HHMM)}
  sched_arr_time: {description: scheduled arrival on the clock at the destination (HHMM)}
  arr_delay: {description: "minutes late at arrival; NULL if cancelled or diverted"}
  carrier: {description: two-letter code of the airline}
  flight: {description: flight number}
  tailnum: {description: registration of the aircraft}
  origin: {description: FAA code of the airport of departure}
  dest: {description: FAA code of the destination}
  air_time: {description: minutes in the air}
  distance: {description: miles between the airports}
checks:
  - not_null: [flight_date, time_hour, sched_dep_time, sched_arr_time, carrier, flight, origin, dest]
  - unique: [time_hour, carrier, flight]
  - accepted_values: {column: origin, values: [EWR, JFK, LGA]}
  - range: {column: dep_time, min: 1, max: 2400}
  - range: {column: arr_time, min: 1, max: 2400}
  - expression: "dep_time % 100 < 60 and arr_time % 100 < 60"
    where: dep_time is not null and arr_time is not null
*/
select
    make_date(year, month, day) as flight_date,
    time_hour,
    dep_time,
    sched_dep_time,
    dep_delay,
    arr_time,
    sched_arr_time,
    arr_delay,
    carrier,
    flight,
    tailnum,
    origin,
    dest,
    air_time,
    distance
from source
