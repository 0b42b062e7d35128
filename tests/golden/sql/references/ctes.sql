-- title: a CTE hides a table of its name
with trips as (select 1 as id) select id from trips
--> columns id

-- title: a CTE reads the table that has its own name
with trips as (select id from trips) select id from trips
--> reads trips
--> columns id
--> slice trips.id as id
--> uses trips.id

-- title: a CTE does not see later ones
with a as (select x from b), b as (select 1 as x) select x from a
--> reads b
--> columns x
--> slice b.x as x
--> uses b.x

-- title: a CTE sees earlier ones
with a as (select x from t), b as (select x from a) select x from b
--> reads t
--> columns x
--> slice t.x as x
--> uses t.x

-- title: the name of a CTE has no letter case, quoted or not
with Trips as (select 1 as id) select id from "TRIPS"
--> columns id

-- title: a name with a schema is never a CTE
with trips as (select 1 as id) select r.id from raw.trips as r
--> reads raw.trips
--> columns id
--> slice raw.trips.id as id
--> uses raw.trips.id

-- title: a CTE inside a CTE is not seen outside
with a as (with b as (select 1 as x) select x from b) select a.x from a join b on b.x = a.x
--> reads b
--> columns x
--> uses b.x

-- title: a CTE inside a subquery hides a table there only
select id from trips where exists (with trips as (select 1 as id) select 1 from trips)
--> reads trips
--> columns id
--> slice trips.id as id
--> uses trips.id

-- title: CTEs of the whole query are seen in subqueries
with a as (select id from t) select u.id from u where u.id in (select id from a)
--> reads t
--> reads u
--> columns id
--> slice u.id as id
--> uses t.id, u.id, u.id

-- title: a recursive CTE reads itself
with recursive n as (select 1 as i union all select i + 1 from n where i < 9) select i from n
--> columns i

-- title: recursive, but not a union: the table is meant
with recursive trips as (select id from trips) select id from trips
--> reads trips
--> columns id
--> slice trips.id as id
--> uses trips.id

-- title: a recursive CTE that starts from a table
with recursive up(id, boss) as (
  select id, boss from staff union all select s.id, s.boss from staff as s join up on s.id = up.boss
) select id from up
--> reads staff
--> reads staff
--> columns id
--> uses staff.id, staff.boss, staff.id, staff.boss, staff.id

-- title: USING KEY reads what has been found so far
with recursive tbl(a, b) using key (a) as (select 1, 2 union select a, b from recurring.tbl) select a from tbl
--> columns a

-- title: in both branches of a union
with a as (select id from t) select id from a union all select id from u union all select id from a
--> reads t
--> reads u
--> columns id
--> uses t.id, u.id

-- title: columns renamed by the CTE
with a(x, y) as (select id, name, kind from t) select * from a
--> reads t
--> columns x, y, kind
--> uses t.id, t.name, t.kind

-- title: materialized
with a as materialized (select id from t) from a
--> reads t
--> columns id
--> slice t.id as id
--> uses t.id
