/* sqlpipe
kind: incremental
description: |
  One row a scheduled departure, with real timestamps. The source has clock readings only; the clock at the origin
  and the one at the destination are in different zones, and a reading does not say which day it belongs to.
time: {column: flight_date, grain: day}
# Only checks look at these, so that a change there is no reason to compute anything again.
lookups: [staging.planes, staging.airlines, raw.airports]
columns:
  flight_date: {description: day of the scheduled departure at the origin}
  carrier: {description: two-letter code of the airline}
  flight: {description: flight number}
  tailnum: {description: registration of the aircraft; NULL for many cancelled flights}
  origin: {description: airport of departure}
  dest: {description: destination}
  scheduled_hour_at: {description: "hour of the scheduled departure, to join the weather on"}
  scheduled_departure_at: {description: instant}
  scheduled_departure_local: {description: on the clock at the origin}
  departed_at: {description: instant; NULL if cancelled}
  departed_local: {description: on the clock at the origin}
  scheduled_arrival_at: {description: instant}
  scheduled_arrival_local: {description: on the clock at the destination}
  arrived_at: {description: instant; NULL if cancelled or not known}
  arrived_local: {description: on the clock at the destination}
  dep_delay: {description: minutes late at departure; negative for early}
  arr_delay: {description: minutes late at arrival; negative for early}
  air_time: {description: minutes in the air}
  distance: {description: miles}
  cancelled: {description: never departed}
  diverted: {description: departed and did not reach its destination}
checks:
  - not_null: [flight_date, carrier, flight, origin, dest, scheduled_departure_at, scheduled_arrival_at]
  - unique: [scheduled_departure_at, carrier, flight]
  - row_count: {min: 1}
  - range: {column: dep_delay, min: -60, max: 1439}
  - range: {column: arr_delay, min: -120, max: 1439}
  - range: {column: distance, min: 1, max: 5000}
  - relationships: {column: carrier, to: staging.airlines.carrier}
  - relationships: {column: dest, to: staging.airports.airport}
  # The timestamps are worked out from the clocks alone, so the delays as told are a proof of them.
  - expression: date_diff('minute', scheduled_departure_at, departed_at) = dep_delay
    name: departures agree with their delays
    where: dep_delay is not null
  # One flight landed in the hour that came twice on November 3.
  - expression: date_diff('minute', scheduled_arrival_at, arrived_at) = arr_delay
    name: arrivals agree with their delays
    where: arr_delay is not null
    tolerance: 1
  - relationships: {column: dest, to: raw.airports.faa}
    severity: warn
  - relationships: {column: tailnum, to: staging.planes.tailnum}
    severity: warn
*/
with readings as (
    select
        f.flight_date,
        f.time_hour,
        f.carrier,
        f.flight,
        f.tailnum,
        f.origin,
        f.dest,
        f.dep_delay,
        f.arr_delay,
        f.air_time,
        f.distance,
        f.sched_arr_time,
        f.arr_time,
        o.tzone as origin_zone,
        d.tzone as dest_zone,
        {{ at_clock("f.flight_date", "f.sched_dep_time") }} as scheduled_departure_local,
        {{ at_clock("f.flight_date", "f.dep_time") }} as departure_reading
    from raw.flights as f
    left join staging.airports as o on o.airport = f.origin
    left join staging.airports as d on d.airport = f.dest
    where f.flight_date >= :start and f.flight_date < :end
),

-- Nothing leaves an hour early: a reading that seems to is of the next day.
departures as (
    select
        *,
        case
            when departure_reading < scheduled_departure_local - interval 1 hour then departure_reading + interval 1 day
            else departure_reading
        end as departed_local
    from readings
),

instants as (
    select
        *,
        scheduled_departure_local at time zone origin_zone as scheduled_departure_at,
        departed_local at time zone origin_zone as departed_at
    from departures
),

-- What the clock at the destination showed at departure, and its reading on that day at arrival.
arrival_readings as (
    select
        *,
        scheduled_departure_at at time zone dest_zone as scheduled_departure_there,
        departed_at at time zone dest_zone as departed_there,
        {{ at_clock("cast(scheduled_departure_at at time zone dest_zone as date)", "sched_arr_time") }}
            as scheduled_arrival_reading,
        {{ at_clock("cast(departed_at at time zone dest_zone as date)", "arr_time") }} as arrival_reading
    from instants
),

-- Nothing lands before it left: a reading that seems to is of the next day.
arrivals as (
    select
        *,
        case
            when scheduled_arrival_reading <= scheduled_departure_there then scheduled_arrival_reading + interval 1 day
            else scheduled_arrival_reading
        end as scheduled_arrival_local,
        case
            when arrival_reading <= departed_there then arrival_reading + interval 1 day
            else arrival_reading
        end as arrived_local
    from arrival_readings
)

select
    flight_date,
    carrier,
    cast(flight as integer) as flight,
    tailnum,
    origin,
    dest,
    time_hour as scheduled_hour_at,
    scheduled_departure_at,
    scheduled_departure_local,
    departed_at,
    departed_local,
    scheduled_arrival_local at time zone dest_zone as scheduled_arrival_at,
    scheduled_arrival_local,
    arrived_local at time zone dest_zone as arrived_at,
    arrived_local,
    cast(dep_delay as integer) as dep_delay,
    cast(arr_delay as integer) as arr_delay,
    cast(air_time as integer) as air_time,
    cast(distance as integer) as distance,
    departed_at is null as cancelled,
    departed_at is not null and arr_delay is null as diverted
from arrivals
