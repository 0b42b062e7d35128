/* sqlpipe
kind: table
description: Delays and cancellations by wind, visibility and precipitation at the time of departure.
columns:
  measure: {description: "wind, visibility or precipitation"}
  band: {description: "how much of it; bands sort by their number"}
  flights: {description: scheduled departures}
  cancelled_share: {description: percent of the flights that never departed}
  late_share: {description: percent of the departures that left 15 minutes late or more}
  dep_delay: {description: minutes late at departure on average}
checks:
  - unique: [measure, band]
  - not_null: [measure, band]
  - range: {column: late_share, min: 0, max: 100}
*/
select
    case
        when grouping(wind) = 0 then 'wind'
        when grouping(visibility) = 0 then 'visibility'
        else 'precipitation'
    end as measure,
    coalesce(wind, visibility, precipitation) as band,
    count(*) as flights,
    round(100.0 * count(*) filter (where cancelled) / count(*), 2) as cancelled_share,
    round(100.0 * count(*) filter (where dep_delay >= 15) / nullif(count(dep_delay), 0), 2) as late_share,
    round(avg(dep_delay), 2) as dep_delay
from staging.flight_weather
group by grouping sets ((wind), (visibility), (precipitation))
