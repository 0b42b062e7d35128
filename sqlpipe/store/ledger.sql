-- create
create schema if not exists _sqlpipe;
create table if not exists _sqlpipe.format (format integer, made_by varchar, noted_at timestamp);
create table if not exists _sqlpipe.fence (node varchar, attempt bigint, raised bigint);
create table if not exists _sqlpipe.touched (
    seq bigint, node varchar, fingerprint varchar, version bigint, inputs varchar, start_at timestamp, end_at timestamp
);
create table if not exists _sqlpipe.file (
    seq bigint, node varchar, version bigint, path varchar, size bigint, modified bigint
);
create table if not exists _sqlpipe.attempt (
    seq bigint, run varchar, node varchar, kind varchar, state varchar, action varchar, rows bigint, seconds double,
    message varchar, noted_at timestamp
);
create table if not exists _sqlpipe.check_result (
    seq bigint, run varchar, node varchar, name varchar, severity varchar, passed boolean, offences bigint, total bigint,
    note varchar, sample varchar, noted_at timestamp
);
create table if not exists _sqlpipe.version (
    seq bigint, node varchar, kind varchar, fingerprint varchar, checks varchar, version bigint, rebuilt bigint,
    complete boolean, inputs varchar, position varchar, rows bigint, run varchar, noted_at timestamp
);

-- format
select max(format) from _sqlpipe.format;

-- made
insert into _sqlpipe.format values (?, ?, ?);

-- last seq
select coalesce(max(seq), 0) from (
    select max(seq) as seq from _sqlpipe.version
    union all select max(seq) from _sqlpipe.touched
    union all select max(seq) from _sqlpipe.file
    union all select max(seq) from _sqlpipe.attempt
    union all select max(seq) from _sqlpipe.check_result
);

-- versions
select node, fingerprint, checks, version, rebuilt, complete, inputs, position, kind, rows, noted_at
from _sqlpipe.version
qualify row_number() over (partition by node order by seq desc) = 1;

-- intervals of
select fingerprint, version, inputs, start_at, end_at
from _sqlpipe.touched
where node = ? and version >= ?
order by seq;

-- files of
select path, size, modified
from _sqlpipe.file
where node = ? and version >= ?
qualify row_number() over (partition by path order by seq desc) = 1;

-- failed
with ended as (
    select seq, node, state from _sqlpipe.attempt
    union all
    select seq, node, 'done' from _sqlpipe.version
),
last as (
    select node, state from ended
    qualify row_number() over (partition by node order by seq desc) = 1
)
select node from last where state in ('failed', 'blocked', 'cancelled');

-- last offences
select name, severity, offences, total, note, sample
from _sqlpipe.check_result
where node = ?
qualify rank() over (order by run desc) = 1
order by seq;

-- record version
insert into _sqlpipe.version values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- record interval
insert into _sqlpipe.touched values (?, ?, ?, ?, ?, ?, ?);

-- record file
insert into _sqlpipe.file values (?, ?, ?, ?, ?, ?);

-- record attempt
insert into _sqlpipe.attempt values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- record check
insert into _sqlpipe.check_result values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- raise fence
update _sqlpipe.fence set attempt = ?, raised = raised + 1 where node = ? and attempt <= ?;

-- fence of
select attempt from _sqlpipe.fence where node = ?;

-- build fence
insert into _sqlpipe.fence values (?, ?, 1);

-- set fences
insert into _sqlpipe.fence
select wanted.node, 0, 0
from (select unnest(?) as node) as wanted
where wanted.node not in (select node from _sqlpipe.fence);

-- committed
select version, rows from _sqlpipe.version where run = ? and node = ? order by seq desc limit 1;
