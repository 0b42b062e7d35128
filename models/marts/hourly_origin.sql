/* sqlpipe
kind: incremental
description: Departures by airport and hour, as scheduled.
time: {column: flight_date, grain: day}
columns:
  flight_date: {description: day of the scheduled departures}
  origin: {description: airport of departure}
  hour: {description: "hour of the scheduled departure on the airport's clock"}
  flights: {description: scheduled departures}
  cancelled: {description: flights that never departed}
  dep_delay: {description: minutes late at departure on average}
  dep_delay_p90: {description: minutes late that nine of ten departures did not exceed}
checks:
  - unique: [flight_date, origin, hour]
  - accepted_values: {column: origin, values: [EWR, JFK, LGA]}
  - range: {column: hour, min: 0, max: 23}
*/
select
    flight_date,
    origin,
    hour(scheduled_departure_local) as hour,
    count(*) as flights,
    count(*) filter (where cancelled) as cancelled,
    round(avg(dep_delay), 2) as dep_delay,
    quantile_disc(dep_delay, 0.9) as dep_delay_p90
from staging.flights
where flight_date >= :start and flight_date < :end
group by
    flight_date,
    origin,
    hour(scheduled_departure_local)
