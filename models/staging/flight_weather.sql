/* sqlpipe
kind: embedded
description: Each flight with the weather at its origin in the hour in which it was to leave, in bands.
columns:
  flight_date: {description: day of the scheduled departure}
  origin: {description: airport of departure}
  dep_delay: {description: minutes late at departure}
  cancelled: {description: never departed}
  wind: {description: band of wind in miles per hour}
  visibility: {description: band of visibility in miles}
  precipitation: {description: band of precipitation in inches}
*/
select
    f.flight_date,
    f.origin,
    f.dep_delay,
    f.cancelled,
    case
        when w.wind_mph is null then 'not observed'
        when w.wind_mph < 10 then '1: under 10 mph'
        when w.wind_mph < 20 then '2: 10 to 20 mph'
        when w.wind_mph < 30 then '3: 20 to 30 mph'
        else '4: 30 mph and more'
    end as wind,
    case
        when w.visibility_mi is null then 'not observed'
        when w.visibility_mi < 1 then '1: under 1 mile'
        when w.visibility_mi < 3 then '2: 1 to 3 miles'
        when w.visibility_mi < 10 then '3: 3 to 10 miles'
        else '4: 10 miles'
    end as visibility,
    case
        when w.precipitation_in is null then 'not observed'
        when w.precipitation_in = 0 then '1: dry'
        when w.precipitation_in < 0.1 then '2: under 0.1 in'
        when w.precipitation_in < 0.3 then '3: 0.1 to 0.3 in'
        else '4: 0.3 in and more'
    end as precipitation
from staging.flights as f
left join staging.weather as w
    on w.airport = f.origin
    and w.observed_at = f.scheduled_hour_at
