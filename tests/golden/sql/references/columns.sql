-- title: aliases and bare columns
select t.id, upper(name) as Name, n + 1 as "n 1" from t
--> reads t
--> columns id, Name, n 1
--> slice t.id as id
--> uses t.id, t.n

-- title: something without a name
select id, upper(name) from t
--> reads t
--> slice t.id as id
--> uses t.id, t.name

-- title: two of one name
select a.id, b.id from a join b using (k)
--> reads a
--> reads b
--> uses a.id, b.id

-- title: a star over a table
select * from t
--> reads t
--> slice t.* as *

-- title: a star over a CTE with known columns
with a as (select id, name from t) select * from a
--> reads t
--> columns id, name
--> slice t.id as id
--> slice t.name as name
--> uses t.id, t.name

-- title: a star and more
with a as (select id, name from t) select a.*, id + 1 as next from a
--> reads t
--> columns id, name, next
--> slice t.id as id
--> slice t.name as name
--> uses t.id, t.name

-- title: EXCLUDE, REPLACE, RENAME
select * exclude (a) replace (b + 1 as b) rename (c as d) from (select 1 as a, 2 as b, 3 as c)
--> columns b, d

-- title: a star over a join
select * from (select 1 as a) as x, (select 2 as b) as y
--> columns a, b

-- title: a star over a join with USING
select * from (select 1 as a) as x join (select 1 as a, 2 as b) as y using (a)
--> nothing

-- title: a star does not see the other side of a semi join
select * from (select 1 as a) as x semi join (select 1 as a, 2 as b) as y using (a)
--> columns a

-- title: a derived table with new names
select * from (select 1, 2 as y) as q(a)
--> nothing

-- title: the names of the first branch
select 1 as a, 2 as b union all select 3 as c, 4 as d
--> columns a, b

-- title: by name
select 1 as a, 2 as b union all by name select 3 as c, 4 as B
--> columns a, b, c

-- title: COLUMNS
select columns('x.*') from (select 1 as x1)
--> nothing

-- title: a list becomes one column, a struct many
select unnest([1, 2]) as a from t
--> reads t
--> columns a

-- title: what UNNEST makes of a column is not known
select unnest(a) as a from t
--> reads t

-- title: a star with a pattern is not looked into
select * like 'a%' from (select 1 as a, 2 as b)
--> nothing
