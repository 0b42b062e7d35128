-- title: one to three parts, quoted and not
select 1 as x from a, s.b, d.s.c, "A b"."c.d", "x""y"
--> reads a
--> reads s.b
--> reads d.s.c
--> reads A b.c.d, written '"A b"."c.d"'
--> reads x"y, written '"x""y"'
--> columns x

-- title: comments within a name
select 1 as x from raw . /* here */ trips -- there
--> reads raw.trips, written 'raw . /* here */ trips'
--> columns x

-- title: views of the database are not tables
select * from information_schema.tables, pg_catalog.pg_class, duckdb_columns, memory.information_schema.columns
--> nothing

-- title: a field of a struct is not a table
select f.col.field, f.col.field.more, (f.col).field from facts as f
--> reads facts
--> uses facts.col, facts.col

-- title: a column with the schema of its table
select raw.trips.id, main.stops.name from raw.trips, stops
--> reads raw.trips
--> reads stops
--> columns id, name
--> uses raw.trips.id
--> schema 'main.' of stops
--> schema 'raw.' of raw.trips

-- title: the same table twice
select a.id from raw.trips as a join raw.trips as b on a.id = b.id
--> reads raw.trips
--> reads raw.trips
--> columns id
--> uses raw.trips.id, raw.trips.id, raw.trips.id

-- title: letter case is kept as written
select ID from Raw.Trips
--> reads Raw.Trips
--> columns ID
--> slice Raw.Trips.id as id
--> uses Raw.Trips.ID
