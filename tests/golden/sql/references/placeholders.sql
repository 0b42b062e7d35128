-- title: the bounds
select id from t where ts >= :start and ts < :end
--> reads t
--> placeholder :start
--> placeholder :end
--> columns id
--> slice t.id as id
--> slice t.ts by its bounds
--> uses t.id, t.ts, t.ts

-- title: in any letter case, cast, in a list
select id from t where ts >= :START::timestamp and ts < cast(:End as timestamp) and ts not in [:start, :end]
--> reads t
--> placeholder :START
--> placeholder :End
--> placeholder :start
--> placeholder :end
--> columns id
--> slice t.id as id
--> slice t.ts by its bounds
--> uses t.id, t.ts, t.ts, t.ts

-- title: slices, structs, casts and lambdas are not
select arr[a:start], arr[:start], arr[year:start], {'k':start}, {k:start}, x::int, list_filter(l, lambda y:start) from t
--> reads t
--> uses t.arr, t.a, t.start, t.arr, t.arr, t.year, t.start, t.start, t.start, t.x, t.l, t.start

-- title: volatile
select id, now() as at from t
--> reads t
--> columns id, at
--> slice t.id as id
--> uses t.id
--> volatile

-- title: volatile without brackets
select id from t where day < current_date
--> reads t
--> columns id
--> slice t.id as id
--> uses t.id, t.day
--> volatile

-- title: a column called like a function
select random, t.now, "uuid" from t
--> reads t
--> columns random, now, uuid
--> slice t.now as now
--> slice t.random as random
--> slice t.uuid as uuid
--> uses t.random, t.now, t."uuid"
