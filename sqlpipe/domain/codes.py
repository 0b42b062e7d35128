"""The codes of diagnostics: what each means, an example, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from sqlpipe.domain.code import Code
from sqlpipe.domain.codes_of_pages import PAGES
from sqlpipe.domain.codes_of_running import RUNNING

_TABLE = (
    # Files and settings.
    Code(
        "SP101",
        "broken YAML",
        "A settings file, or the header of a model, is not YAML. Usually the indentation is off, a bracket or quote "
        "is never closed, or a value with `: ` or `#` in it stands without quotes.",
        "checks:\n  - expression: amount: > 0",
        'Mend the line under the caret; put the value in quotes when it holds a colon: `expression: "amount > 0"`.',
    ),
    Code(
        "SP102",
        "unknown key",
        "A key in a header, in sqlpipe.yml or in profiles.yml is none that sqlpipe knows in that place. It is refused, "
        "because a misspelled setting that is passed over in silence is found much later.",
        "kind: table\ndescripton: one row for each order",
        "Take the key that the help line suggests, or move the key to where it belongs.",
    ),
    Code(
        "SP103",
        "setting of the wrong type or value",
        "The key is known, but its value is not of the type it takes, or not one of the values it can have.",
        "threads: four",
        "Write a value as the message asks for; the caret stands under the one that is wrong.",
    ),
    Code(
        "SP104",
        "header not at the top of the file",
        "The settings of a model are the YAML in a comment `/* sqlpipe ... */`, and that comment has to be the first "
        "thing in the file. Further down it would be an ordinary comment and its settings would be lost.",
        "select 1 as id\n/* sqlpipe\nkind: table\n*/",
        "Move the comment to the first line of the file.",
    ),
    Code(
        "SP105",
        "unknown kind",
        "`kind:` names something that sqlpipe does not have. The message lists the kinds there are.",
        "kind: tabel",
        "Write one of the kinds listed. A model without a header is a view.",
    ),
    Code(
        "SP106",
        "required setting missing",
        "A kind needs a setting that is not there: an incremental model its time column, an ingest the place its "
        "rows come from, a merge its key.",
        "kind: incremental",
        "Add the setting that the message names.",
    ),
    Code(
        "SP107",
        "no project here",
        "Neither this folder nor one above it has a `sqlpipe.yml`. The message lists the folders that were looked in.",
        "$ cd ~ && sqlpipe run",
        "Go to the project, name it with `-C DIR` or SQLPIPE_PROJECT, or begin one with `sqlpipe init`.",
    ),
    Code(
        "SP108",
        "profile or target missing",
        "sqlpipe needs to know which database to work on, and found no profiles.yml, or one that has no such profile "
        "or target. The message lists every place that was looked in, in order.",
        "$ sqlpipe run --target prd",
        "Copy profiles.yml.example to profiles.yml, or take a target that is there; `sqlpipe doctor` shows which.",
    ),
    Code(
        "SP109",
        "environment variable missing",
        "A value is to come from the environment (`${NAME}` in profiles.yml, `env_var('NAME')` in a model), and "
        "neither the environment nor `.env` has it.",
        "password: ${PGPASSWORD}",
        "Set the variable, add it to `.env`, or give a default: `${NAME:-default}`.",
    ),
    Code(
        "SP110",
        "Jinja error",
        "A file has `{{ }}` or `{% %}` in it and the template cannot be rendered: its syntax is broken, or it uses a "
        "variable or macro that does not exist.",
        "select {{ var('currncy') }}",
        "Mend the template; variables are declared under `vars:` in sqlpipe.yml, macros live in `macros/`.",
    ),
    Code(
        "SP111",
        "empty project",
        "There is a sqlpipe.yml, but no model, seed or check anywhere below it.",
        "models/   (nothing in it)",
        "Write a SELECT in `models/SCHEMA/NAME.sql`; the path is the name of the table.",
    ),
    Code(
        "SP112",
        "two files with one name",
        "The path of a file is the name of its table: the first folder is the schema, the file the table, and deeper "
        "folders only sort. Two files come out with the same name; letter case makes no difference.",
        "models/marts/orders.sql\nmodels/marts/finance/Orders.sql",
        "Rename or remove one of them.",
    ),
    Code(
        "SP113",
        "unreadable file",
        "A file of the project cannot be read (permissions, not UTF-8, a broken link), or a seed is not a CSV, JSON or "
        "Parquet file that its name says it is.",
        "seeds/countries.csv saved as UTF-16",
        "Save the file as UTF-8, or mend what the message says about it.",
    ),
    # SQL.
    Code(
        "SP201",
        "unknown column",
        "A query uses a column that the table it reads does not have.",
        "select c.nmae from staging.customers as c",
        "Take the column that the help line suggests; the note lists those the table has.",
    ),
    Code(
        "SP202",
        "SQL syntax error",
        "The text after the header is not SQL in the dialect of the target. The caret stands where reading stopped, "
        "which may be a little after the mistake.",
        "select order_id, from staging.orders where",
        "Look just before the caret. `sqlpipe render NAME` shows the SQL after Jinja.",
    ),
    Code(
        "SP203",
        "unknown table",
        "A query reads a table that no file of the project makes and that is not a declared source.",
        "select * from stagng.orders",
        "Mend the name, add the model, or declare the table as a source when something else writes it.",
    ),
    Code(
        "SP204",
        "ambiguous name",
        "A table is named without its schema, and several schemas of the project have a table of that name.",
        "select * from orders   -- raw.orders or staging.orders?",
        "Write the schema too.",
    ),
    Code(
        "SP205",
        "not exactly one SELECT",
        "A model is one query. The file has none, or several statements, or one that is not a query.",
        "create table x as select 1;",
        "Leave the SELECT only: sqlpipe writes the CREATE itself. Put a second query in a file of its own.",
    ),
    Code(
        "SP206",
        "placeholder that means nothing here",
        "`:start` and `:end` are the bounds of the interval being computed, so they need a model with a time column. "
        "In the SQL of a dashboard placeholders are its filters. No other placeholders exist.",
        "kind: view   ...   where day >= :start",
        "Make the model incremental with `time:`, or take the placeholder out. For settings use `{{ var('name') }}`.",
    ),
    # Graph and selection.
    Code(
        "SP301",
        "cycle",
        "Tables read each other in a circle, so none of them can be built first. The message tells the path.",
        "marts.a → marts.b → marts.a",
        "Cut one of the edges, often by moving what both need into a third model.",
    ),
    Code(
        "SP302",
        "selection that cannot be read",
        "`--select`, `--exclude` or a name on the command line names nothing in the project, or is not in the "
        "grammar. An empty selection would look like success, so it is an error.",
        "$ sqlpipe run -s +marts.ordrs",
        "Take the name that the help line suggests; `sqlpipe list` shows them all. The grammar: `name`, `marts.*`, "
        "`tag:x`, `kind:view`, `+x`, `x+`, `2+x`; space joins, comma intersects.",
    ),
    # Checks.
    Code(
        "SP402",
        "check failed",
        "Rows were found that break a rule of the table. They were not published: readers still see the last rows that "
        "passed, and tables that wait for this one are skipped.",
        "checks:\n  - unique: order_id",
        "Look at the rows with `sqlpipe show NAME --failed`, then mend the query or the source. If the rule is too "
        "strict give it a `tolerance:`, or `severity: warn`.",
    ),
    Code(
        "SP403",
        "data too old",
        "The newest row of a table is older than its `freshness:` check allows.",
        "checks:\n  - freshness: {column: loaded_at, within: 6h}",
        "See why the source has not delivered; when it is right that it is late, allow more time.",
    ),
    # Engines and sources.
    Code(
        "SP501",
        "database cannot be opened",
        "The target of the profile is there, but no connection comes about: wrong path, host, password, or no "
        "permission.",
        "path: /no/such/folder/shop.duckdb",
        "Mend the target in profiles.yml, then try `sqlpipe doctor`.",
    ),
    Code(
        "SP502",
        "database locked by another process",
        "DuckDB lets one process write to a file, and another has it open: a notebook, a SQL client, a second run.",
        "a notebook with duckdb.connect('shop.duckdb')",
        "Close the other program (the message names its process where the database tells), or wait for it.",
    ),
    Code(
        "SP503",
        "not a database that this version reads",
        "The file was written by a newer DuckDB, or it is no DuckDB file at all. It was left as it is.",
        "path: shop.csv",
        "Upgrade `duckdb`, or point the target to another file.",
    ),
    Code(
        "SP504",
        "no room or no permission to write",
        "The disk is full, or the database or its folder is read-only. What was being written was rolled back.",
        "No space left on device",
        "Make room or change the permission, then run again: finished nodes are not done twice.",
    ),
    Code(
        "SP505",
        "query failed in the database",
        "The database refused a query or gave up on it: a value that cannot be cast, a division, not enough memory. "
        "The frame shows the line of your file that it complained about, if it told.",
        "select cast('12,5' as integer)",
        "Mend the line. `sqlpipe render NAME` prints the SQL to try by hand.",
    ),
    Code(
        "SP506",
        "source cannot be read",
        "Rows were to come from files or another database: a file is missing, unreadable or changed while it was "
        "read, or the connection failed. Nothing of this load was kept, and its position was not moved.",
        "from: data/orders-*.csv   (no such files)",
        "Make the source readable and run again: the load goes on from where it was.",
    ),
    Code(
        "SP507",
        "source changed its columns",
        "A source now has a column of another type than the table that holds its rows, or a column came or went where "
        "`schema: freeze` forbids it.",
        "amount was INTEGER, is now VARCHAR",
        "Cast the column in the query of the ingest, or allow the change with `schema: evolve`; "
        "`--full-refresh` loads everything with the new type.",
    ),
    Code(
        "SP508",
        "duplicate or missing key",
        "The rows of a load are merged by key, and within one load a key occurs twice or is NULL. Which of two rows "
        "should win is not for sqlpipe to guess.",
        "key: order_id   (two rows with 17 in one delta)",
        "Make the key longer, or let the query pick one row: `qualify row_number() over (partition by ...) = 1`.",
    ),
    Code(
        "SP509",
        "too many rows would be deleted",
        "A source no longer has many of the rows held here, more than `max_deletes` per cent. That is often a broken "
        "export rather than a true deletion, so nothing was deleted.",
        "deletes: hard   (the export holds 10 of 10,000 rows)",
        "If the rows are truly gone, raise `max_deletes` for one run; else mend the export.",
    ),
    Code(
        "SP510",
        "ledger of a newer version",
        "The database keeps a ledger of what was built. It was written by a newer sqlpipe, and this version does not "
        "touch what it does not understand.",
        "a colleague has upgraded, you have not",
        "Upgrade sqlpipe to at least the version in the message.",
    ),
    Code(
        "SP511",
        "Python node failed",
        "The function of a Python node raised an error, or returned something that is not a table. The note has the "
        "lines of your code it went through.",
        "def model(orders): return orders.colum('id')",
        "Mend the function; it may return an Arrow table, a dataframe or a DuckDB relation.",
    ),
    Code(
        "SP512",
        "driver missing",
        "The database or source needs a Python package that is not installed.",
        "type: sqlite   without its driver",
        "Install the extra that the message names.",
    ),
    Code(
        "SP513",
        "another run was first",
        "While this run worked on a table, another one published it. This one's rows were dropped rather than put over "
        "newer ones.",
        "two terminals, both `sqlpipe run`",
        "Run again: what is up to date by now is not done twice.",
    ),
    Code(
        "SP514",
        "table that sqlpipe has not made",
        "The database already has a table or view of the name that a node is to get, and the ledger does not know it. "
        "It may be somebody's work, so it is not replaced.",
        "marts.orders exists; nothing in the ledger about it",
        "Rename or drop it, or give the model another name; if something else writes it, declare it under `sources:`.",
    ),
)

CODES: Mapping[str, Code] = {each.code: each for each in (*_TABLE, *RUNNING, *PAGES)}
