/* sqlpipe
kind: check
description: On every day, the airlines together have as many flights as there are.
*/
with counted as (
    select
        flight_date,
        count(*) as flights
    from staging.flights
    group by flight_date
),

told as (
    select
        flight_date,
        sum(flights) as flights
    from marts.daily_delays
    group by flight_date
)

select
    coalesce(counted.flight_date, told.flight_date) as flight_date,
    counted.flights as counted,
    told.flights as told
from counted
full join told on told.flight_date = counted.flight_date
where counted.flights is distinct from told.flights
