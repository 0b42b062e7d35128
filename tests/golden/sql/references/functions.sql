-- title: table functions are not tables
select * from generate_series(1, 3) as g(n), range(3) as r, unnest([1, 2]) as u(x), duckdb_tables()
--> nothing

-- title: a list of a table to its left
select t.id, u.x from t, unnest(t.list) as u(x)
--> reads t
--> columns id, x
--> slice t.id as id
--> uses t.id, t.list

-- title: a file
select a from read_parquet('data/x.parquet')
--> file data/x.parquet by read_parquet
--> columns a

-- title: files by a pattern, with options
from read_csv('data/*.csv', header = true, delim = ';')
--> file data/*.csv by read_csv

-- title: a list of files
from read_json_auto(['a.json', 'b.json'], union_by_name => true)
--> file a.json, b.json by read_json_auto

-- title: a path that is not a literal is not known
from read_csv('data/' || 'x.csv')
--> file not known by read_csv

-- title: a list that is not all literals is not known
from read_csv(['a.csv', lower('B.CSV')])
--> file not known by read_csv

-- title: a quoted path
select x.a from 'data/a.csv' as x join "data/b.parquet" as y using (k)
--> file data/a.csv by its path
--> file data/b.parquet by its path
--> columns a

-- title: a quoted name that is no path
select a from "My Table"
--> reads My Table, written '"My Table"'
--> columns a
--> slice My Table.a as a
--> uses My Table.a

-- title: read_text, read_blob, glob
from read_text('a.txt'), read_blob('b.bin'), glob('*.md')
--> file a.txt by read_text
--> file b.bin by read_blob
--> file *.md by glob

-- title: glob as an operator is not a file
select a from t where a glob ('*.md')
--> reads t
--> columns a
--> slice t.a as a
--> uses t.a, t.a
