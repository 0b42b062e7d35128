-- title: qualified by table and by alias
select trips.id, s.name from raw.trips join raw.stops as s on s.id = trips.stop_id
--> reads raw.trips
--> reads raw.stops
--> columns id, name
--> slice raw.stops.name as name
--> slice raw.trips.id as id
--> uses raw.trips.id, raw.stops.name, raw.stops.id, raw.trips.stop_id

-- title: not qualified, one relation
select upper(name) as name2 from t where kind = 'a' group by region having max(n) > 1 order by age
--> reads t
--> columns name2
--> uses t.name, t.kind, t.region, t.n, t.age

-- title: not qualified, two relations
select name from a join b using (k)
--> reads a
--> reads b
--> columns name

-- title: an alias of the select
select a as b, b + 1 as c from t where c > 1 order by b
--> reads t
--> columns b, c
--> slice t.a as b
--> uses t.a

-- title: inside a subquery it may be of the outer query
select t.id from t where exists (select 1 from u where x = u.y)
--> reads t
--> reads u
--> columns id
--> slice t.id as id
--> uses t.id, u.y

-- title: parameters of a lambda and of a list comprehension
select list_transform(l, lambda x: x + y) as a, list_filter(l, lambda z: z > 1) as b, [q for q in l if q > 1] as c from t
--> reads t
--> columns a, b, c
--> uses t.l, t.y, t.l, t.l

-- title: a row as a whole
select count(t) as n, t as whole from t
--> reads t
--> columns n, whole

-- title: not columns
select rowid, current_date as d, user as u from t
--> reads t
--> columns rowid, d, u
--> volatile

-- title: columns of CTEs are not columns of tables
with a as (select id from t) select a.id, a.name from a
--> reads t
--> columns id, name
--> slice t.id as id
--> uses t.id

-- title: two relations of one name
select t.id from t, other.t
--> reads t
--> reads other.t
--> columns id

-- title: renamed columns
select a from t as x(a, b)
--> reads t
--> columns a

-- title: pivoted
select a from t pivot (sum(x) for y in (1, 2))
--> reads t
--> columns a

-- title: named arguments
select struct_pack(a := b) as s, {'k': c} as r from t
--> reads t
--> columns s, r
--> uses t.b, t.c

-- title: a star with exceptions
select * exclude (a) replace (b + 1 as b) from t
--> reads t
--> uses t.b

-- title: in a set operation
select a from t union all select b from u order by a
--> reads t
--> reads u
--> columns a
--> uses t.a, u.b

-- title: units and types are not columns
select date_trunc('day', a) as b, extract(year from a) as c, a::int as d, interval (n) day as e, a collate nocase as f from t
--> reads t
--> columns b, c, d, e, f
--> uses t.a, t.a, t.a, t.n, t.a
