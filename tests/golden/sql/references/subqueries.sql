-- title: correlated
select t.id, (select max(u.at) from u where u.id = t.id) as last from t
--> reads u
--> reads t
--> columns id, last
--> slice t.id as id
--> uses t.id, u.at, u.id

-- title: in every place an expression can stand
select case when exists (from a) then (select 1 from b) end as x
from c
where c.id in (select id from d) and c.n > all (select n from e)
group by all
having count(*) > (select min(n) from f)
qualify row_number() over (order by (select max(n) from g)) = 1
order by (select 1 from h)
limit (select count(*) from i)
--> reads a
--> reads b
--> reads c
--> reads d
--> reads e
--> reads f
--> reads g
--> reads h
--> reads i
--> columns x
--> uses c.id, c.n

-- title: a derived table
select q.id from (select id from t) as q
--> reads t
--> columns id
--> slice t.id as id
--> uses t.id

-- title: lateral
select t.id, l.n from t, lateral (select count(*) as n from u where u.id = t.id) as l
--> reads t
--> reads u
--> columns id, n
--> slice t.id as id
--> uses t.id, u.id

-- title: in a join condition
select a.id from a join b on a.id = (select max(id) from c)
--> reads a
--> reads b
--> reads c
--> columns id
--> slice a.id as id
--> uses a.id, a.id

-- title: set operations
select id from a union select id from b except select id from c intersect select id from d
--> reads a
--> reads b
--> reads c
--> reads d
--> columns id
--> uses a.id, b.id, c.id, d.id

-- title: in brackets
(select id from a union all (select id from b)) order by id limit 3
--> reads a
--> reads b
--> columns id
--> uses a.id, b.id

-- title: in the arguments of a function
select coalesce((select max(id) from t), list_sum(array(select n from u)), 0) as x
--> reads t
--> reads u
--> columns x
--> uses t.id, u.n
