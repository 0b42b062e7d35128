/* sqlpipe
kind: table
description: Whether old aircraft are late more often; age is the year of the flight less the year of manufacture.
columns:
  age: {description: "years, in steps of five; NULL where the register does not tell"}
  aircraft: {description: number of different aircraft}
  flights: {description: scheduled departures}
  cancelled_share: {description: percent of the flights that never departed}
  dep_delay: {description: minutes late at departure on average}
  seats: {description: seats in the middle of all flights; NULL where the register does not tell}
checks:
  - unique: age
  - range: {column: age, min: 0, max: 60}
*/
with aged as (
    select
        f.tailnum,
        f.cancelled,
        f.dep_delay,
        p.seats,
        (year(f.flight_date) - p.built) // 5 * 5 as age
    from staging.flights as f
    left join staging.planes as p on p.tailnum = f.tailnum
    where f.tailnum is not null
)

select
    age,
    count(distinct tailnum) as aircraft,
    count(*) as flights,
    round(100.0 * count(*) filter (where cancelled) / count(*), 2) as cancelled_share,
    round(avg(dep_delay), 2) as dep_delay,
    median(seats) as seats
from aged
group by age
