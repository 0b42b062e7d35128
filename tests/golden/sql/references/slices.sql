-- title: cut at the bounds
select id from trips where ts >= :start and ts < :end
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> slice trips.id as id
--> slice trips.ts by its bounds
--> uses trips.id, trips.ts, trips.ts

-- title: either order of the operands, among other conditions
select t.id from trips as t join stops as s on s.id = t.stop where (:start <= t.ts and s.kind = 'a') and :end > t.ts
--> reads trips
--> reads stops
--> placeholder :start
--> placeholder :end
--> columns id
--> slice trips.id as id
--> slice trips.ts by its bounds
--> uses trips.id, stops.id, trips.stop, trips.ts, stops.kind, trips.ts

-- title: BETWEEN takes the end in
select id from trips where ts between :start and :end
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> slice trips.id as id
--> uses trips.id, trips.ts

-- title: one bound is not enough
select id from trips where ts >= :start
--> reads trips
--> placeholder :start
--> columns id
--> slice trips.id as id
--> uses trips.id, trips.ts

-- title: under an OR
select id from trips where ts >= :start and ts < :end or late
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> slice trips.id as id
--> uses trips.id, trips.ts, trips.ts, trips.late

-- title: in a CTE
with t as (select id, n from trips where ts >= :start and ts < :end) select sum(n) as n from t
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns n
--> slice trips.ts by its bounds
--> uses trips.id, trips.n, trips.ts, trips.ts

-- title: read a second time without bounds
select id from trips where ts >= :start and ts < :end union all select id from trips
--> reads trips
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> uses trips.id, trips.ts, trips.ts, trips.id

-- title: read a second time with bounds
select a.id from trips as a where a.ts >= :start and a.ts < :end
union all select id from raw.trips where ts >= :start and ts < :end
--> reads trips
--> reads raw.trips
--> placeholder :start
--> placeholder :end
--> placeholder :start
--> placeholder :end
--> columns id
--> slice raw.trips.ts by its bounds
--> slice trips.ts by its bounds
--> uses trips.id, trips.ts, trips.ts, raw.trips.id, raw.trips.ts, raw.trips.ts

-- title: filtered after a CTE that passes the column on
with t as (select *, n + 1 as m from trips) select id, m from t where ts >= :start and ts < :end
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id, m
--> slice trips.id as id
--> slice trips.ts by its bounds
--> uses trips.n

-- title: filtered after a limit
with t as (select ts, n from trips limit 10) select n from t where ts >= :start and ts < :end
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns n
--> uses trips.ts, trips.n

-- title: on the optional side of a join
select s.id from stops as s left join trips as t on t.stop = s.id where t.ts >= :start and t.ts < :end
--> reads stops
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> slice stops.id as id
--> slice trips.ts by its bounds
--> uses stops.id, trips.stop, stops.id, trips.ts, trips.ts

-- title: the nearest row of an ASOF join
select a.id from a asof join trips as t on a.ts >= t.ts where t.ts >= :start and t.ts < :end
--> reads a
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> slice a.id as id
--> uses a.id, a.ts, trips.ts, trips.ts, trips.ts

-- title: a cast to a date would move the bound
select id from trips where ts >= :start::date and ts < :end::date
--> reads trips
--> placeholder :start
--> placeholder :end
--> columns id
--> slice trips.id as id
--> uses trips.id, trips.ts, trips.ts

-- title: passed through
select ts, id, upper(name) as name from trips where id > 3
--> reads trips
--> columns ts, id, name
--> slice trips.id as id
--> slice trips.ts as ts
--> uses trips.ts, trips.id, trips.id

-- title: passed through by another name, in a join
select t.ts as at, s.name as stop from trips as t left join stops as s on s.id = t.stop
--> reads trips
--> reads stops
--> columns at, stop
--> slice trips.ts as at
--> uses trips.ts, stops.name, stops.id, trips.stop

-- title: not if its table is optional
select t.ts, s.name from stops as s left join trips as t on s.id = t.stop
--> reads stops
--> reads trips
--> columns ts, name
--> slice stops.name as name
--> uses trips.ts, stops.name, stops.id, trips.stop

-- title: not in a full join
select t.ts, s.name from trips as t full join stops as s on s.id = t.stop
--> reads trips
--> reads stops
--> columns ts, name
--> uses trips.ts, stops.name, stops.id, trips.stop

-- title: a semi join filters rows one by one
select ts, id from trips semi join stops using (stop)
--> reads trips
--> reads stops
--> columns ts, id

-- title: grouped by it
select ts, kind, count(*) as n from trips group by ts, kind
--> reads trips
--> columns ts, kind, n
--> slice trips.kind as kind
--> slice trips.ts as ts
--> uses trips.ts, trips.kind, trips.ts, trips.kind

-- title: grouped by position
select day as d, count(*) as n from trips group by 1
--> reads trips
--> columns d, n
--> slice trips.day as d
--> uses trips.day

-- title: GROUP BY ALL
select day, count(*) as n from trips group by all
--> reads trips
--> columns day, n
--> slice trips.day as day
--> uses trips.day

-- title: grouping sets
select day, kind, count(*) as n from trips group by grouping sets ((day), (kind))
--> reads trips
--> columns day, kind, n
--> uses trips.day, trips.kind, trips.day, trips.kind

-- title: a window that stays within it
select day, id, row_number() over (partition by day, kind order by id) as n from trips
--> reads trips
--> columns day, id, n
--> slice trips.day as day
--> uses trips.day, trips.id, trips.day, trips.kind, trips.id

-- title: a window that does not
select day, id, lag(id) over (order by day) as before from trips
--> reads trips
--> columns day, id, before
--> uses trips.day, trips.id, trips.id, trips.day

-- title: a named window
select day, id, sum(n) over w as total from trips window w as (partition by day)
--> reads trips
--> columns day, id, total
--> slice trips.day as day
--> uses trips.day, trips.id, trips.n, trips.day

-- title: QUALIFY within it
select day, id from trips qualify row_number() over (partition by day order by id) = 1
--> reads trips
--> columns day, id
--> slice trips.day as day
--> uses trips.day, trips.id, trips.day, trips.id

-- title: QUALIFY across it
select day, id from trips qualify row_number() over (partition by id order by day desc) = 1
--> reads trips
--> columns day, id
--> slice trips.id as id
--> uses trips.day, trips.id, trips.id, trips.day

-- title: LIMIT
select day, id from trips order by n desc limit 10
--> reads trips
--> columns day, id
--> uses trips.day, trips.id, trips.n

-- title: DISTINCT
select distinct day, kind from trips
--> reads trips
--> columns day, kind
--> slice trips.day as day
--> slice trips.kind as kind
--> uses trips.day, trips.kind

-- title: DISTINCT ON
select distinct on (id) id, day from trips
--> reads trips
--> columns id, day
--> uses trips.id, trips.id, trips.day

-- title: read twice
select a.day, b.id from trips as a join trips as b on a.id = b.id
--> reads trips
--> reads trips
--> columns day, id
--> uses trips.day, trips.id, trips.id, trips.id

-- title: read twice by different names
select a.day, b.id from raw.trips as a join trips as b on a.id = b.id
--> reads raw.trips
--> reads trips
--> columns day, id
--> uses raw.trips.day, trips.id, raw.trips.id, trips.id

-- title: read once more in a subquery
select day, id from trips where n > (select avg(n) from trips)
--> reads trips
--> reads trips
--> columns day, id
--> uses trips.day, trips.id, trips.n

-- title: another table in a subquery
select day, id from trips where n > (select avg(n) from stops)
--> reads trips
--> reads stops
--> columns day, id
--> slice trips.day as day
--> slice trips.id as id
--> uses trips.day, trips.id, trips.n

-- title: through CTEs
with a as (select day as d, id from trips), b as (select d as e, count(*) as n from a group by d) select e as f, n from b
--> reads trips
--> columns f, n
--> slice trips.day as f
--> uses trips.day, trips.id

-- title: a CTE that is read twice
with a as (select day, id from trips) select x.day from a as x join a as y on x.id = y.id
--> reads trips
--> columns day
--> uses trips.day, trips.id

-- title: through stars
with a as (select * from trips), b as (select a.*, s.name from a join stops as s using (stop)) select day, name from b
--> reads trips
--> reads stops
--> columns day, name
--> slice stops.name as name
--> slice trips.day as day
--> uses stops.name

-- title: a star at the end
select *, n + 1 as m from trips
--> reads trips
--> slice trips.* as * but m
--> uses trips.n

-- title: a star with exceptions is not looked into
select * exclude (n) from trips
--> reads trips

-- title: changed on the way
select date_trunc('day', ts) as ts from trips
--> reads trips
--> columns ts

-- title: an alias may be meant instead of the column
select date_trunc('day', ts) as day, day as d from trips
--> reads trips
--> columns day, d
--> uses trips.ts

-- title: a union
select day from trips union all select day from others
--> reads trips
--> reads others
--> columns day
--> uses trips.day, others.day

-- title: sampled
select day from trips tablesample 10%
--> reads trips
--> columns day

-- title: UNNEST
select day, unnest(tags) as tag from trips
--> reads trips
--> slice trips.day as day
--> uses trips.day, trips.tags

-- title: rows side by side
select t.id from trips as t positional join stops as s where t.ts >= :start and t.ts < :end
--> reads trips
--> reads stops
--> placeholder :start
--> placeholder :end
--> columns id
--> uses trips.id, trips.ts, trips.ts
