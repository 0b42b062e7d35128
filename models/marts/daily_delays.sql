/* sqlpipe
kind: incremental
description: How punctual each airline was on each day.
time: {column: flight_date, grain: day}
columns:
  flight_date: {description: day of the scheduled departures}
  carrier: {description: two-letter code of the airline}
  airline: {description: name of the airline}
  carrier_group: {description: "network, low-cost or regional"}
  flights: {description: scheduled departures}
  cancelled: {description: flights that never departed}
  diverted: {description: flights that did not reach their destination}
  arrived: {description: flights that reached their destination}
  late: {description: flights that arrived 15 minutes late or more}
  dep_delay: {description: minutes late at departure on average}
  arr_delay: {description: minutes late at arrival on average}
checks:
  - unique: [flight_date, carrier]
  - not_null: [flight_date, carrier, airline, flights]
  - expression: flights = cancelled + diverted + arrived
  - expression: late <= arrived
*/
select
    f.flight_date,
    f.carrier,
    a.airline,
    a.carrier_group,
    count(*) as flights,
    count(*) filter (where f.cancelled) as cancelled,
    count(*) filter (where f.diverted) as diverted,
    count(f.arr_delay) as arrived,
    count(*) filter (where f.arr_delay >= 15) as late,
    round(avg(f.dep_delay), 2) as dep_delay,
    round(avg(f.arr_delay), 2) as arr_delay
from staging.flights as f
left join staging.airlines as a on a.carrier = f.carrier
group by
    f.flight_date,
    f.carrier,
    a.airline,
    a.carrier_group
