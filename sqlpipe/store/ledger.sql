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
where (node, seq) in (select node, max(seq) from _sqlpipe.version group by node);

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
with tried as (select node, max(seq) as seq from _sqlpipe.attempt group by node),
committed as (select node, max(seq) as seq from _sqlpipe.version group by node)
select node
from _sqlpipe.attempt
join tried using (node, seq)
left join committed using (node)
where state in ('failed', 'blocked', 'cancelled') and tried.seq > coalesce(committed.seq, 0);

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

-- all intervals
with wanted as (
    select unnest(?::varchar[]) as node, unnest(?::bigint[]) as since, unnest(?::varchar[]) as asked
),
commits as (
    select node, since, fingerprint, inputs = asked as same, start_at, end_at
    from _sqlpipe.touched
    join wanted using (node)
    where version >= since
),
covered as materialized (
    -- where each but the first begins as often at a moment as others end there, they have no gaps: sums of hashes tell
    select
        node, since, fingerprint, same, min(start_at) as first_at, max(end_at) as last_at,
        sum(hash(start_at)) - sum(hash(end_at)) = hash(first_at)::hugeint - hash(last_at)::hugeint as gapless
    from commits
    group by node, since, fingerprint, same
),
bounds as (
    select
        node, since, fingerprint, same,
        unnest([{'moment': start_at, 'change': 1}, {'moment': end_at, 'change': -1}], recursive := true)
    from commits
    where (node, since, fingerprint, same) in (
        select (node, since, fingerprint, same) from covered where not gapless
    )
)
select node, since, fingerprint, same, first_at as moment, 1 as change from covered where gapless
union all
select node, since, fingerprint, same, last_at, -1 from covered where gapless
union all
select node, since, fingerprint, same, moment, sum(change)::bigint from bounds group by all having sum(change) <> 0
order by all;

-- last checks
select node, name, severity, passed, offences, total, note, sample, run, noted_at
from _sqlpipe.check_result
where (node, name, seq) in (select node, name, max(seq) from _sqlpipe.check_result group by node, name)
order by seq;

-- days of checks
with days as (
    select
        node, name, noted_at::date - date '1970-01-01' as day, count(*) as looks,
        count(*) filter (not passed) as failures, arg_max(offences, seq) as offences
    from _sqlpipe.check_result
    where noted_at >= ?
    group by all
)
select
    node, name, list(day order by day), list(looks order by day), list(failures order by day),
    list(offences order by day)
from days
group by all
order by node, name;

-- last commits
select node, noted_at, version, rows, position, run
from _sqlpipe.version
where seq in (select unnest(max(seq, 100)) from _sqlpipe.version group by node)
order by seq;
