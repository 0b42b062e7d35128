-- title: comma, cross, natural, left, right, full
select a.x from a, b cross join c natural join d left join e using (k) right join f on true full join g on true
--> reads a
--> reads b
--> reads c
--> reads d
--> reads e
--> reads f
--> reads g
--> columns x
--> uses a.x

-- title: semi, anti, asof and positional joins
select a.x from a semi join b using (k) anti join c using (k) asof join d on a.t >= d.t positional join e
--> reads a
--> reads b
--> reads c
--> reads d
--> reads e
--> columns x
--> uses a.x, a.t, d.t

-- title: a join in brackets
select a.x from (a join b using (k)) join (c) using (k)
--> reads a
--> reads b
--> reads c
--> columns x
--> uses a.x

-- title: FROM first
from raw.trips
--> reads raw.trips
--> slice raw.trips.* as *

-- title: FROM first with joins and a select behind
from a join b using (k) select a.x
--> reads a
--> reads b
--> columns x
--> slice a.x as x
--> uses a.x

-- title: TABLE
table raw.trips
--> reads raw.trips
--> slice raw.trips.* as *

-- title: VALUES
values (1, 'a'), (2, 'b')
--> columns col0, col1

-- title: VALUES as a relation
select * from (values (1, 'a')) as v(id, name)
--> columns id, name

-- title: PIVOT as a statement
pivot sales on year using sum(amount) group by country
--> reads sales

-- title: PIVOT of a CTE
with s as (select year, amount from sales) pivot s on year using sum(amount)
--> reads sales
--> uses sales.year, sales.amount

-- title: PIVOT in a FROM clause
select * from sales pivot (sum(amount) for year in (2023, 2024))
--> reads sales

-- title: UNPIVOT as a statement
unpivot months on jan, feb into name month value amount
--> reads months

-- title: UNPIVOT in a FROM clause
from months unpivot (amount for month in (jan, feb))
--> reads months

-- title: an alias in front
from t: raw.trips select k: t.id
--> reads raw.trips
--> columns k
--> slice raw.trips.id as k
--> uses raw.trips.id

-- title: a sample is still of the table
select id from trips using sample 10%
--> reads trips
--> columns id
--> uses trips.id

-- title: DESCRIBE and SUMMARIZE in brackets
select * from (describe a), (summarize b)
--> reads a
--> reads b
