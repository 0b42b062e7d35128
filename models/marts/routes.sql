/* sqlpipe
kind: table
description: The routes from New York, how far they go, who flies them and how punctually.
columns:
  origin: {description: airport of departure}
  dest: {description: destination}
  destination: {description: name of the destination}
  distance: {description: miles}
  flights: {description: scheduled departures}
  arrived: {description: flights that reached the destination}
  on_time: {description: flights that arrived less than 15 minutes late}
  on_time_share: {description: percent of the arrivals that were on time}
  air_time: {description: minutes in the air in the middle of all flights}
  carriers: {description: number of airlines}
  carrier_list: {description: "codes of the airlines, in alphabetical order"}
checks:
  - unique: [origin, dest]
  - not_null: [origin, dest, destination, distance]
  - range: {column: on_time_share, min: 0, max: 100}
*/
select
    f.origin,
    f.dest,
    d.name as destination,
    max(f.distance) as distance,
    count(*) as flights,
    count(f.arr_delay) as arrived,
    count(*) filter (where f.arr_delay < 15) as on_time,
    round(100.0 * count(*) filter (where f.arr_delay < 15) / nullif(count(f.arr_delay), 0), 2) as on_time_share,
    median(f.air_time) as air_time,
    count(distinct f.carrier) as carriers,
    string_agg(distinct f.carrier, ', ' order by f.carrier) as carrier_list
from staging.flights as f
left join staging.airports as d on d.airport = f.dest
group by
    f.origin,
    f.dest,
    d.name
